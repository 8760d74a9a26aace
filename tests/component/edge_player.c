/* See edge_player.h. */
#include "component/edge_player.h"

#include "core/magic.h"
#include "core/text.h"
#include "json/guard.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PLAYED_MAX  16
#define PART_MAX    ((size_t)512 * 1024)
#define HEADERS_MAX 6

struct player {
	struct bus *bus;
	struct bus_server *server;
};

struct played {
	struct player *by;
	struct bus_msg *request;
	struct bus_stream *stream;
	Observability__V1__WatchAlertsRequest *watch;
	bool taken, done;
};

static struct player insights, observability;
static _Atomic enum playing playing;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* all below */
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;
static struct played *hands[PLAYED_MAX];

/* ---- outcomes, as libs/svc words them ---- */

static int outcome(struct bus_header h[HEADERS_MAX], enum status st, const char *field,
		   const char *detail)
{
	int n = 0;

	h[n++] = (struct bus_header){ "Pp-Status", status_name(st) };
	if (field)
		h[n++] = (struct bus_header){ "Pp-Field", field };
	if (detail)
		h[n++] = (struct bus_header){ "Pp-Detail", detail };
	if (st == ST_LIMITED)
		h[n++] = (struct bus_header){ "Pp-Retry-After", "7" };
	return n;
}

static void end_with(struct bus_stream *s, enum status st, const char *detail)
{
	struct bus_header h[HEADERS_MAX];

	bus_stream_end(s, h, outcome(h, st, NULL, detail));
}

static bool send_part(struct bus_stream *s, const ProtobufCMessage *part)
{
	size_t len = protobuf_c_message_get_packed_size(part);
	uint8_t *data = malloc(len + 1);
	enum status st;

	INVARIANT(data != NULL && len <= PART_MAX);
	protobuf_c_message_pack(part, data);
	st = bus_stream_send(s, data, len);
	free(data);
	return st == ST_OK;
}

static bool send_text(struct bus_stream *s, const char *delta)
{
	Insights__V1__AskPart part = INSIGHTS__V1__ASK_PART__INIT;
	Insights__V1__AskText text = INSIGHTS__V1__ASK_TEXT__INIT;

	text.delta = (char *)(uintptr_t)delta;
	part.text = &text;
	return send_part(s, &part.base);
}

static bool send_answer(struct bus_stream *s)
{
	Insights__V1__AskPart part = INSIGHTS__V1__ASK_PART__INIT;
	Insights__V1__Answer answer = INSIGHTS__V1__ANSWER__INIT;

	answer.question_id = "q1";
	answer.answer = "Line one\nline \"two\" \xe2\x82\xac";
	answer.model = "analyst";
	part.answer = &answer;
	return send_part(s, &part.base);
}

/* ---- the services ---- */

static void by_hand(struct player *by, struct bus_msg *m, struct bus_stream *s)
{
	struct played *p = calloc(1, sizeof(*p));
	size_t len, i = 0;
	const void *data = bus_msg_data(m, &len);

	INVARIANT(p != NULL);
	*p = (struct played){ .by = by, .request = m, .stream = s };
	if (by == &observability)
		p->watch = observability__v1__watch_alerts_request__unpack(NULL, len, data);
	pthread_mutex_lock(&lock);
	while (i < PLAYED_MAX && hands[i])
		i++;
	INVARIANT(i < PLAYED_MAX);
	hands[i] = p;
	pthread_cond_broadcast(&moved);
	while (!p->done)
		pthread_cond_wait(&moved, &lock);
	hands[i] = NULL;
	pthread_mutex_unlock(&lock);
	if (p->watch)
		observability__v1__watch_alerts_request__free_unpacked(p->watch, NULL);
	free(p);
}

static void play_stream(struct player *by, struct bus_msg *m, enum playing how)
{
	struct bus_stream *s = NULL;

	INVARIANT(bus_stream_open(by->bus, m, &s) == ST_OK);
	if (how == PLAY_HAND) {
		by_hand(by, m, s);
	} else if (how == PLAY_FAIL) {
		end_with(s, ST_CONFLICT, "it is being changed");
	} else {
		send_text(s, "It is");
		if (how == PLAY_ANSWER)
			send_answer(s);
		end_with(s, ST_OK, NULL);
	}
}

static void serve(void *arg, struct bus_msg *m)
{
	struct player *by = arg;
	enum playing how = atomic_load(&playing);
	struct bus_header h[HEADERS_MAX];

	if (how != PLAY_REFUSE)
		play_stream(by, m, how);
	else
		INVARIANT(bus_reply(by->bus, m, h,
				    outcome(h, ST_NOT_FOUND, "brand_id", "no such brand"), NULL,
				    0) == ST_OK);
}

static void start(struct world *w, struct player *p, const char *service, const char *subject)
{
	struct bus_server_config cfg = { .subject = subject,
					 .queue = service,
					 .workers = PLAYED_MAX,
					 .queue_max = 64,
					 .serve = serve,
					 .full = serve,
					 .arg = p };

	p->bus = world_bus_new(w, service);
	assert_int_equal(bus_serve(p->bus, &cfg, &p->server), ST_OK);
	assert_int_equal(bus_flush(p->bus, WORLD_LIMIT_MS), ST_OK);
}

void players_start(struct world *w)
{
	start(w, &insights, "ai-insights", "pp.rpc.ai-insights.ask");
	start(w, &observability, "observability", "pp.rpc.observability.watch_alerts");
}

/* One that nobody has ended; NULL when there is none. */
static struct played *left_open(void)
{
	struct played *p = NULL;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < PLAYED_MAX && !p; i++)
		if (hands[i] && !hands[i]->done)
			p = hands[i];
	pthread_mutex_unlock(&lock);
	return p;
}

void players_stop(void)
{
	struct played *p;

	/* What a failed test left open would hold its thread. */
	while ((p = left_open()) != NULL)
		played_end(p, ST_CANCELLED, NULL);
	bus_server_stop(insights.server, 1000);
	bus_server_stop(observability.server, 1000);
	bus_close(insights.bus, 1000);
	bus_close(observability.bus, 1000);
}

void players_play(enum playing how)
{
	atomic_store(&playing, how);
}

/* ---- by hand ---- */

static bool take_hand(void *arg)
{
	struct played **ret = arg;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < PLAYED_MAX && !*ret; i++)
		if (hands[i] && !hands[i]->taken)
			*ret = hands[i];
	if (*ret)
		(*ret)->taken = true;
	pthread_mutex_unlock(&lock);
	return *ret != NULL;
}

struct played *player_next(void)
{
	struct played *p = NULL;

	if (!tk_wait_until(take_hand, &p, WORLD_LIMIT_MS))
		fail_msg("the gateway opens no stream");
	return p;
}

const char *played_header(const struct played *p, const char *name)
{
	const char *value = bus_msg_header(p->request, name);

	return value ? value : "";
}

const char *played_last_event(const struct played *p)
{
	return p->watch ? p->watch->last_event_id : "";
}

bool played_ask(struct played *p, const Insights__V1__AskPart *part)
{
	return send_part(p->stream, &part->base);
}

bool played_alert(struct played *p, const Observability__V1__AlertPart *part)
{
	return send_part(p->stream, &part->base);
}

bool played_text(struct played *p, const char *delta)
{
	return send_text(p->stream, delta);
}

void played_end(struct played *p, enum status st, const char *detail)
{
	end_with(p->stream, st, detail);
	pthread_mutex_lock(&lock);
	p->done = true;
	pthread_cond_broadcast(&moved);
	pthread_mutex_unlock(&lock);
}

static bool is_cancelled(void *arg)
{
	const struct played *p = arg;

	return bus_stream_cancelled(p->stream);
}

void played_cancelled(struct played *p)
{
	if (!tk_wait_until(is_cancelled, p, WORLD_LIMIT_MS))
		fail_msg("the gateway does not cancel");
	played_end(p, ST_CANCELLED, NULL);
}

/* ---- the client ---- */

void stream_send(struct world *w, struct wire *c, int port, const char *token, const char *what,
		 const char *headers, const char *body)
{
	const char *length =
		body ? arena_printf(w->arena,
				    "Content-Type: application/json\r\nContent-Length: %zu\r\n",
				    strlen(body))
		     : "";

	wire_open(c, port);
	assert_true(wire_puts(
		c, arena_printf(w->arena,
				"%s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"
				"%s%s\r\n%s",
				what, token, headers, length, body ? body : "")));
}

void stream_open(struct world *w, struct wire *c, int port, const char *token, const char *what,
		 const char *headers, const char *body)
{
	struct answer r;

	stream_send(w, c, port, token, what, headers, body);
	r = wire_head(c, w->arena);
	if (r.status != 200)
		fail_msg("%d: %s%s", r.status, r.head, c->buf);
	assert_string_equal(answer_header(&r, w->arena, "Content-Type"), "text/event-stream");
	assert_string_equal(answer_header(&r, w->arena, "Transfer-Encoding"), "chunked");
	assert_string_equal(answer_header(&r, w->arena, "Cache-Control"), "no-cache");
	assert_string_equal(answer_header(&r, w->arena, "X-Accel-Buffering"), "no");
	assert_int_equal(answer_count(&r, "Content-Length"), 0);
	assert_int_equal(answer_count(&r, "X-Request-Id"), 1);
}

void stream_expect(struct world *w, struct wire *c, const char *event)
{
	const char *chunk = wire_chunk(c, w->arena);

	if (!chunk)
		fail_msg("the connection ended before: %s", event);
	assert_string_equal(chunk, event);
}

const char *stream_expect_error(struct world *w, struct wire *c, int status)
{
	const char *chunk = wire_chunk(c, w->arena), *data;
	struct error err = { 0 };
	cJSON *json = NULL;

	if (!chunk || strncmp(chunk, "event: error\n", 13) != 0)
		fail_msg("no error but %s", chunk ? chunk : "the end of the connection");
	data = strstr(chunk, "data: ");
	assert_non_null(data);
	data += 6;
	assert_string_equal(data + strcspn(data, "\n"), "\n\n");
	assert_int_equal(json_parse(data, strcspn(data, "\n"), 16, 0, &json, &err), ST_OK);
	assert_int_equal(cJSON_GetObjectItemCaseSensitive(json, "status")->valueint, status);
	assert_true(cJSON_IsString(cJSON_GetObjectItemCaseSensitive(json, "type")));
	assert_true(cJSON_IsString(cJSON_GetObjectItemCaseSensitive(json, "detail")));
	assert_true(cJSON_IsString(cJSON_GetObjectItemCaseSensitive(json, "instance")));
	cJSON_Delete(json);
	stream_expect(w, c, "");
	return chunk;
}

void stream_expect_end(struct world *w, struct wire *c)
{
	stream_expect(w, c, "event: end\ndata: {}\n\n");
	stream_expect(w, c, "");
}

int64_t stream_metric(struct world *w, int port, const char *name)
{
	struct answer r = edge_ask(w, port, "GET /metrics", "", NULL);
	const char *line = strstr(r.body, arena_printf(w->arena, "\n%s ", name));
	int64_t v = -1;

	if (!line)
		return -1;
	line += strlen(name) + 2;
	line = arena_strndup(w->arena, line, strcspn(line, "\n"));
	return parse_i64(line, 0, INT64_MAX, &v) ? v : -1;
}
