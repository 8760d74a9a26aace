/*
 * The life of a request inside a service: headers, token, contract's rule, message, idempotency,
 * handler, answer. The same order for every method, so that no handler can forget a check. Read
 * next: call.h.
 */
#include "core/log.h"
#include "core/magic.h"
#include "core/text.h"
#include "core/timeutil.h"
#include "svc/call.h"
#include "svc/svc_priv.h"
#include "json/message.h"

#include <stdio.h>
#include <string.h>

int svc__status_headers(enum status st, const struct error *err, struct arena *a,
			struct bus_header *h)
{
	int n = 0;

	h[n++] = (struct bus_header){ HDR_STATUS, status_name(st) };
	if (st == ST_OK)
		return n;
	if (err && err->field[0])
		h[n++] = (struct bus_header){ HDR_FIELD, svc__header_text(a, err->field) };
	h[n++] = (struct bus_header){ HDR_DETAIL, svc__header_text(a, err && err->detail[0]
									      ? err->detail
									      : status_name(st)) };
	if (err && err->retry_after_s > 0)
		h[n++] = (struct bus_header){ HDR_RETRY_AFTER,
					      arena_printf(a, "%d", err->retry_after_s) };
	h[n++] = (struct bus_header){ HDR_SVC_ERROR, status_name(st) };
	h[n++] = (struct bus_header){ HDR_SVC_CODE, arena_printf(a, "%d", status_http(st)) };
	return n;
}

static void reply(struct call *call, const struct bus_msg *m, enum status st, const void *data,
		  size_t len)
{
	struct bus_header h[BUS_HEADERS_MAX];
	int n = svc__status_headers(st, call->err, call->arena, h);

	/* A failed send has no one left to tell: the caller's deadline will. */
	if (st == ST_OK)
		call->sent_bytes = len;
	if (bus_reply(call->svc->bus, m, h, n, data, st == ST_OK ? len : 0) != ST_OK)
		log_event(LOG_WARN, "rpc.reply_lost", "an answer of %s could not be sent",
			  call->method ? call->method->name : "an unknown method");
}

/* ---- before the handler ---- */

static void read_headers(struct call *call, const struct bus_msg *m)
{
	const char *id = bus_msg_header(m, HDR_REQUEST_ID);
	const char *token = bus_msg_header(m, HDR_TOKEN);
	const char *key = bus_msg_header(m, HDR_IDEMPOTENCY);
	const char *ip = bus_msg_header(m, HDR_CLIENT_IP);
	const char *timeout = bus_msg_header(m, HDR_TIMEOUT_MS);
	int64_t ms = call->method->deadline_ms;

	if (!id || text_copy(call->request_id, sizeof(call->request_id), id) != ST_OK)
		uuid_v7(call->request_id);
	traceparent_child(bus_msg_header(m, HDR_TRACEPARENT), call->traceparent);
	if (token && strncmp(token, "Bearer ", 7) == 0)
		call->token = token + 7;
	if (key && *key && strlen(key) <= IDEMPOTENCY_KEY_MAX)
		call->idempotency_key = key;
	call->client_ip = ip ? ip : "";
	if (timeout && parse_i64(timeout, 1, 600000, &ms) &&
	    ms > (int64_t)call->method->deadline_ms)
		ms = call->method->deadline_ms;
	call->deadline_us = time_mono_us() + ms * 1000;
}

/* A key signed after our last look at auth is fetched once; whoever sends made-up kids cannot make
 * us ask more often. */
static enum status verify(struct call *call, struct access_claims *who)
{
	bool unknown_kid = false;
	enum status st =
		access_verify(call->svc->access, call->token, who, &unknown_kid, call->err);

	if (st == ST_OK || !unknown_kid)
		return st;
	if (svc_refresh_access(call->svc, NULL) != ST_OK)
		return st;
	return access_verify(call->svc->access, call->token, who, NULL, call->err);
}

static enum status authorise(struct call *call, struct access_claims *who,
			     const ProtobufCMessage *in)
{
	const struct contract_method *m = call->method;
	enum status st;

	/* NATS permissions decide who may publish on the subject of a service's own method. */
	if (m->role == ROLE_PUBLIC || m->role == ROLE_SERVICE)
		return ST_OK;
	if (!call->token)
		return error_set(call->err, ST_UNAUTHENTICATED, NULL, "an access token is needed");
	st = verify(call, who);
	if (st != ST_OK)
		return st;
	call->who = who;
	log_context(call->request_id, who->tenant_id);
	return access_allow(m, who,
			    m->brand_field && in ? message_string_field(in, m->brand_field) : NULL,
			    call->err);
}

static enum status read_message(struct call *call, const struct bus_msg *m, ProtobufCMessage **in)
{
	size_t len;
	const void *data = bus_msg_data(m, &len);
	enum status st =
		message_unpack(call->arena, call->method->input, data, len, BUS_PAYLOAD_MAX, in);

	if (st != ST_OK)
		return error_set(call->err, ST_INVALID, "body", "is not a %s message",
				 call->method->name);
	message_apply_defaults(call->arena, *in);
	return message_check(*in, call->err);
}

/* ---- handler and answer ---- */

static enum status run_handler(struct call *call, const uint8_t **data, size_t *len)
{
	ProtobufCMessage *out = message_new(call->arena, call->method->output);
	uint8_t *packed;
	enum status st;

	if (!out)
		return error_set(call->err, ST_UNAVAILABLE, NULL, "the call is out of memory");
	st = call->method->dispatch(call->svc->spec->handlers, call, call->in, out);
	if (st != ST_OK)
		return st;
	if (arena_failed(call->arena))
		return error_set(call->err, ST_TOO_LARGE, NULL,
				 "the answer is too large; ask for less");
	st = message_pack(call->arena, out, &packed, len);
	if (st != ST_OK || *len > BUS_PAYLOAD_MAX - 4096)
		return error_set(call->err, ST_TOO_LARGE, NULL,
				 "the answer is too large; ask for less");
	*data = packed;
	return ST_OK;
}

static enum status run_idempotent(struct call *call, const uint8_t **data, size_t *len)
{
	bool found = false;
	enum status st;

	if (!call->idempotency_key || !call->method->idempotent || !call->who)
		return run_handler(call, data, len);
	st = svc__idempotency_find(call, data, len, &found);
	if (st != ST_OK || found)
		return st;
	st = run_handler(call, data, len);
	if (st != ST_OK && call->idempotency_lost) {
		/* The other copy has committed, or we would have waited for it. */
		st = svc__idempotency_find(call, data, len, &found);
		if (st == ST_OK && !found)
			st = error_set(call->err, ST_UNAVAILABLE, NULL,
				       "a copy of this request is still running; try again");
	}
	return st;
}

static enum status handle(struct call *call, struct access_claims *who, struct bus_msg *m)
{
	struct call_stream *stream;
	ProtobufCMessage *in = NULL;
	const uint8_t *data = NULL;
	size_t len = 0;
	enum status st = read_message(call, m, &in);
	enum status allowed;

	/* A stranger learns nothing about his message: who he is comes first. */
	allowed = authorise(call, who, st == ST_OK ? in : NULL);
	if (allowed != ST_OK)
		st = allowed;
	call->in = in;
	if (st == ST_OK && call->method->stream) {
		stream = svc__stream_open(call, m, &st);
		if (stream) {
			st = call->method->dispatch(call->svc->spec->handlers, call, in,
						    (ProtobufCMessage *)stream);
			svc__stream_end(stream, st, call->err);
			return st;
		}
	} else if (st == ST_OK) {
		st = run_idempotent(call, &data, &len);
	}
	reply(call, m, st, data, len);
	return st;
}

static void count(struct call *call, enum status st, int64_t us)
{
	struct method_counters *c =
		&call->svc->counters[call->method - call->svc->spec->contract->methods];

	atomic_fetch_add_explicit(&c->requests, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&c->total_us, (uint64_t)us, memory_order_relaxed);
	atomic_fetch_add_explicit(&c->db_us, (uint64_t)call->db_us, memory_order_relaxed);
	if (status_http(st) < 500)
		return;
	atomic_fetch_add_explicit(&c->errors, 1, memory_order_relaxed);
	pthread_mutex_lock(&c->lock);
	snprintf(c->last_error, sizeof(c->last_error), "%s", status_name(st));
	pthread_mutex_unlock(&c->lock);
	log_event(LOG_WARN, "rpc.failed", "%s answered %s: %s", call->method->name, status_name(st),
		  call->err->detail);
}

/* ---- telemetry ---- */

static uint32_t clip(int64_t v)
{
	return v < 0 ? 0 : v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

/* A brand of which the caller was told that there is none for him: his events must not name it. */
static bool hides_brand(enum status st)
{
	return st == ST_UNAUTHENTICATED || st == ST_DENIED || st == ST_NOT_FOUND;
}

/* What the row cannot hold as text is left out: ids that are none come from outside. */
static void tell_who(const struct call *call, enum status st, Pulsepoint__RequestRow *row)
{
	const struct db_scope scope = call_scope(call);
	const char *brand = call->in && call->method->brand_field
				    ? message_string_field(call->in, call->method->brand_field)
				    : NULL;

	if (call->who) {
		row->tenant_id = (char *)scope.tenant_id;
		row->user_id = (char *)call->who->user_id;
	}
	if (utf8_valid(call->request_id, strlen(call->request_id)))
		row->request_id = (char *)call->request_id;
	if (brand && !hides_brand(st) && uuid_valid(brand))
		row->brand_id = (char *)brand;
}

/* One row for each request that was answered, whatever the answer. */
static void tell(const struct call *call, const struct bus_msg *m, enum status st, int64_t us)
{
	Pulsepoint__RequestRow row = PULSEPOINT__REQUEST_ROW__INIT;
	struct telemetry_ids ids;
	size_t len;

	(void)bus_msg_data(m, &len);
	row.started_at = time_now_us() - us;
	row.duration_us = clip(us);
	row.database_us = clip(call->db_us);
	row.method = (char *)(call->method ? call->method->name : "");
	row.status = (char *)status_name(st);
	row.http_status = (uint32_t)status_http(st);
	row.request_bytes = clip((int64_t)len);
	row.response_bytes = clip((int64_t)call->sent_bytes);
	if (call->method)
		tell_who(call, st, &row);
	svc_telemetry_trace(&row, &ids, call->traceparent, bus_msg_header(m, HDR_TRACEPARENT));
	svc_telemetry_request(call->svc, &row);
}

/*
 * The arena of a worker thread is kept between requests: most need no more than its first block.
 * The key's destructor frees it when the thread ends.
 */
static pthread_key_t arena_key;
static pthread_once_t arena_once = PTHREAD_ONCE_INIT;

static void free_arena(void *a)
{
	arena_free(a);
}

static void make_key(void)
{
	INVARIANT(pthread_key_create(&arena_key, free_arena) == 0);
}

static struct arena *thread_arena(void)
{
	struct arena *a;

	pthread_once(&arena_once, make_key);
	a = pthread_getspecific(arena_key);
	if (!a) {
		a = arena_new(CALL_ARENA_MAX);
		pthread_setspecific(arena_key, a);
	}
	return a;
}

static void serve_method(struct svc *svc, const struct contract_method *method, struct arena *arena,
			 struct bus_msg *m)
{
	struct error err = { 0 };
	struct access_claims who;
	struct call call = {
		.svc = svc, .app = svc->app, .method = method, .arena = arena, .err = &err
	};
	int64_t start = time_mono_us(), waited = db_waited_us(), us;
	enum status st;

	read_headers(&call, m);
	log_context(call.request_id, NULL);
	st = handle(&call, &who, m);
	us = time_mono_us() - start;
	call.db_us = db_waited_us() - waited;
	count(&call, st, us);
	tell(&call, m, st, us);
	log_context(NULL, NULL);
}

void svc__serve(void *arg, struct bus_msg *m)
{
	struct svc *svc = arg;
	const struct contract_method *method;
	struct arena *arena = thread_arena();
	struct error err = { 0 };
	struct call call = { .svc = svc, .arena = arena, .err = &err };

	CHECK_MAGIC(svc, SVC_MAGIC);
	method = contract_method_find(svc->spec->contract, bus_msg_subject(m));
	if (arena && method) {
		serve_method(svc, method, arena, m);
	} else if (arena) {
		error_set(&err, ST_NOT_FOUND, NULL, "the %s service has no such method", svc->name);
		reply(&call, m, ST_NOT_FOUND, NULL, 0);
		traceparent_child(bus_msg_header(m, HDR_TRACEPARENT), call.traceparent);
		tell(&call, m, ST_NOT_FOUND, 0);
	}
	if (arena)
		arena_reset(arena);
}

void svc__serve_full(void *arg, struct bus_msg *m)
{
	struct svc *svc = arg;
	static const struct bus_header full[] = {
		{ HDR_STATUS, "unavailable" },
		{ HDR_DETAIL, "the service has more requests waiting than it takes; try again" },
		{ HDR_RETRY_AFTER, "1" },
		{ HDR_SVC_ERROR, "unavailable" },
		{ HDR_SVC_CODE, "503" },
	};

	/* Known to nobody: there was no time to look at its headers. */
	struct call call = {
		.svc = svc, .method = contract_method_find(svc->spec->contract, bus_msg_subject(m))
	};

	CHECK_MAGIC(svc, SVC_MAGIC);
	(void)!bus_reply(svc->bus, m, full, 5, NULL, 0);
	traceparent_child(bus_msg_header(m, HDR_TRACEPARENT), call.traceparent);
	tell(&call, m, ST_UNAVAILABLE, 0);
}
