/* Streamed answers: parts of the method's output type over libs/bus's part protocol. */
#include "svc/call.h"
#include "svc/svc_priv.h"
#include "json/message.h"

struct call_stream {
	struct call *call;
	struct bus_stream *bus;
	struct arena *scratch; /* one part at a time */
};

struct call_stream *svc__stream_open(struct call *call, const struct bus_msg *request,
				     enum status *st)
{
	struct call_stream *s = arena_alloc(call->arena, sizeof(*s));

	if (!s) {
		*st = error_set(call->err, ST_UNAVAILABLE, NULL, "the call is out of memory");
		return NULL;
	}
	s->call = call;
	s->scratch = arena_new(BUS_PAYLOAD_MAX * 2);
	*st = s->scratch ? bus_stream_open(call->svc->bus, request, &s->bus) : ST_UNAVAILABLE;
	if (*st == ST_OK)
		return s;
	arena_free(s->scratch);
	error_set(call->err, *st, NULL, "no further streamed answers can be opened; try again");
	return NULL;
}

enum status call_stream_send(struct call_stream *s, const ProtobufCMessage *part)
{
	uint8_t *data;
	size_t len;
	enum status st = message_pack(s->scratch, part, &data, &len);

	if (st == ST_OK)
		st = bus_stream_send(s->bus, data, len);
	if (st == ST_OK)
		s->call->sent_bytes += len;
	arena_reset(s->scratch);
	return st;
}

bool call_stream_cancelled(const struct call_stream *s)
{
	return bus_stream_cancelled(s->bus);
}

void svc__stream_end(struct call_stream *s, enum status st, const struct error *err)
{
	struct bus_header h[BUS_HEADERS_MAX];

	bus_stream_end(s->bus, h, svc__status_headers(st, err, s->call->arena, h));
	arena_free(s->scratch);
}
