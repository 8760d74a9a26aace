/*
 * Calls of methods that answer in parts: the caller's side of stream.c, with the headers and the
 * words for failures of svc_call. Read next: bus/bus.h (streams of parts).
 */
#include "core/magic.h"
#include "svc/call.h"
#include "svc/svc_priv.h"
#include "json/message.h"

#define CALL_PARTS_MAGIC 0x43504152u

struct call_parts {
	uint32_t magic;
	struct call *call;
	const struct contract_method *method;
	struct bus_call *bus;
};

enum status svc_parts_open(struct call *call, const struct contract_method *m,
			   const ProtobufCMessage *in, struct call_parts **ret)
{
	struct call_parts *p = arena_alloc(call->arena, sizeof(*p));
	struct bus_header h[BUS_HEADERS_MAX];
	int timeout_ms = svc__call_time_left_ms(call, m);
	uint8_t *data;
	size_t len;
	enum status st;

	if (!p)
		return error_set(call->err, ST_UNAVAILABLE, NULL, "the call is out of memory");
	*p = (struct call_parts){ .magic = CALL_PARTS_MAGIC, .call = call, .method = m };
	if (timeout_ms == 0)
		return svc__call_explain(call, m, ST_TIMEOUT);
	st = message_pack(call->arena, in, &data, &len);
	if (st == ST_OK)
		st = bus_call_open(call->svc->bus, m->subject, h,
				   svc__call_headers(call, timeout_ms, h), data, len, &p->bus);
	if (st != ST_OK)
		return svc__call_explain(call, m, st);
	*ret = p;
	return ST_OK;
}

static enum status read_part(struct call_parts *p, struct arena *arena, const struct bus_msg *m,
			     ProtobufCMessage **part)
{
	size_t len;
	const void *data = bus_msg_data(m, &len);

	if (message_unpack(arena, p->method->output, data, len, BUS_PAYLOAD_MAX, part) == ST_OK)
		return ST_OK;
	return error_set(p->call->err, ST_INTERNAL, NULL,
			 "the %s service sent an answer that cannot be read", p->method->service);
}

enum status svc_parts_next(struct call_parts *p, struct arena *arena, int timeout_ms,
			   ProtobufCMessage **part, bool *ended)
{
	struct bus_msg *m = NULL;
	enum status st;

	CHECK_MAGIC(p, CALL_PARTS_MAGIC);
	st = bus_call_next(p->bus, timeout_ms, &m);
	*part = NULL;
	*ended = false;
	if (st == ST_TIMEOUT)
		return ST_OK;
	*ended = true;
	if (st != ST_OK)
		return svc__call_explain(p->call, p->method, st);
	if (!m)
		return svc__reply_status(bus_call_end(p->bus), p->call->err);
	st = read_part(p, arena, m, part);
	*ended = st != ST_OK;
	bus_msg_free(m);
	return st;
}

void svc_parts_close(struct call_parts *p)
{
	if (!p)
		return;
	CHECK_MAGIC(p, CALL_PARTS_MAGIC);
	p->magic = 0;
	bus_call_close(p->bus);
}
