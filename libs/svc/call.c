/*
 * What a handler does with its call: open transactions in the caller's scope, call other services,
 * seal page tokens. Read next: dispatch.c.
 */
#include "svc/call.h"

#include "core/text.h"
#include "core/timeutil.h"
#include "svc/svc_priv.h"
#include "json/message.h"

#include <stdio.h>
#include <string.h>

struct db_scope call_scope(const struct call *call)
{
	struct db_scope scope = { NULL, NULL };

	if (!call->who)
		return scope;
	scope.tenant_id = call->who->role == ROLE_OPERATOR ? SVC_NIL_UUID : call->who->tenant_id;
	scope.brand_ids = call->who->brand_ids;
	return scope;
}

struct db_tx *call_tx(struct call *call)
{
	struct db_scope scope = call_scope(call);

	return db_tx_new(call->svc->db, &scope);
}

/* The constraint's name is how the runtime learns that another copy of this request won. */
static void note_race(struct call *call, const struct db_tx *tx)
{
	if (call->idempotency_key && strcmp(db_constraint(tx), "idempotency_pkey") == 0)
		call->idempotency_lost = true;
}

enum status call_run(struct call *call, struct db_tx *tx)
{
	enum status st;

	if (!tx)
		return error_set(call->err, ST_UNAVAILABLE, NULL, "the service is out of memory");
	st = db_run(tx, call->deadline_us, call->err);
	if (st == ST_CONFLICT)
		note_race(call, tx);
	return st;
}

enum status call_begin(struct call *call, struct db_tx **ret)
{
	struct db_scope scope = call_scope(call);

	return db_begin(ret, call->svc->db, &scope, call->deadline_us, call->err);
}

/* ---- calling other services ---- */

char *svc__header_text(struct arena *a, const char *s)
{
	char *copy = arena_strdup(a, s);

	for (char *p = copy; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
	return copy;
}

enum status svc__reply_status(const struct bus_msg *m, struct error *err)
{
	const char *word = bus_msg_header(m, HDR_STATUS);
	const char *field = bus_msg_header(m, HDR_FIELD);
	const char *detail = bus_msg_header(m, HDR_DETAIL);
	const char *after = bus_msg_header(m, HDR_RETRY_AFTER);
	enum status st = word ? status_from_name(word) : ST_OK;
	int64_t seconds = 0;

	if (st == ST_OK)
		return ST_OK;
	error_set(err, st, field, "%s", detail ? detail : status_name(st));
	if (err && after && parse_i64(after, 0, 86400, &seconds))
		err->retry_after_s = (int)seconds;
	return st;
}

/* Time left for a nested call: what the caller has, at most what the method allows. */
int svc__call_time_left_ms(const struct call *call, const struct contract_method *m)
{
	int64_t left = (call->deadline_us - time_mono_us()) / 1000;

	if (left > (int64_t)m->deadline_ms)
		left = m->deadline_ms;
	return left > 0 ? (int)left : 0;
}

int svc__call_headers(struct call *call, int timeout_ms, struct bus_header *h)
{
	char *span = arena_alloc(call->arena, TRACEPARENT_TEXT);
	int n = 0;

	if (span)
		traceparent_child(call->traceparent, span);
	h[n++] = (struct bus_header){ HDR_REQUEST_ID, call->request_id };
	h[n++] = (struct bus_header){ HDR_TRACEPARENT, span ? span : "" };
	h[n++] = (struct bus_header){ HDR_TIMEOUT_MS, arena_printf(call->arena, "%d", timeout_ms) };
	if (call->token)
		h[n++] = (struct bus_header){ HDR_TOKEN,
					      arena_printf(call->arena, "Bearer %s", call->token) };
	if (call->idempotency_key)
		h[n++] = (struct bus_header){ HDR_IDEMPOTENCY, call->idempotency_key };
	if (call->client_ip && *call->client_ip)
		h[n++] = (struct bus_header){ HDR_CLIENT_IP, call->client_ip };
	return n;
}

/* Turns "nobody answers" into words that name the service, never an address. */
enum status svc__call_explain(struct call *call, const struct contract_method *m, enum status st)
{
	if (st == ST_TIMEOUT) {
		/* A service that hangs is as good as gone: its caller is told to come again. */
		st = error_set(call->err, ST_UNAVAILABLE, NULL,
			       "the %s service did not answer in time; try again", m->service);
	} else if (st == ST_UNAVAILABLE) {
		error_set(call->err, st, NULL, "the %s service does not answer; try again",
			  m->service);
	} else {
		error_set(call->err, st, NULL, "the request could not be sent");
	}
	if (call->err && st == ST_UNAVAILABLE)
		call->err->retry_after_s = 1;
	return st;
}

enum status svc_call(struct call *call, const struct contract_method *m, const ProtobufCMessage *in,
		     ProtobufCMessage **out)
{
	struct bus_header h[BUS_HEADERS_MAX];
	struct bus_msg *reply = NULL;
	int timeout_ms = svc__call_time_left_ms(call, m);
	uint8_t *data;
	const void *body;
	size_t len;
	enum status st;

	if (timeout_ms == 0)
		return svc__call_explain(call, m, ST_TIMEOUT);
	st = message_pack(call->arena, in, &data, &len);
	if (st != ST_OK)
		return svc__call_explain(call, m, st);
	st = bus_request(call->svc->bus, m->subject, h, svc__call_headers(call, timeout_ms, h),
			 data, len, timeout_ms, &reply);
	if (st != ST_OK)
		return svc__call_explain(call, m, st);
	st = svc__reply_status(reply, call->err);
	if (st == ST_OK) {
		body = bus_msg_data(reply, &len);
		st = message_unpack(call->arena, m->output, body, len, BUS_PAYLOAD_MAX, out);
		if (st != ST_OK)
			st = error_set(call->err, ST_INTERNAL, NULL,
				       "the %s service sent an answer that cannot be read",
				       m->service);
	}
	bus_msg_free(reply);
	return st;
}

void svc_call_init(struct call *call, struct svc *svc, struct arena *arena, struct error *err,
		   const char *token, const char *request_id, const char *traceparent,
		   int timeout_ms)
{
	*call = (struct call){ .svc = svc,
			       .app = svc->app,
			       .arena = arena,
			       .err = err,
			       .token = token,
			       .client_ip = "" };
	if (!request_id ||
	    text_copy(call->request_id, sizeof(call->request_id), request_id) != ST_OK)
		uuid_v7(call->request_id);
	traceparent_child(traceparent, call->traceparent);
	call->deadline_us = time_mono_us() + (int64_t)timeout_ms * 1000;
}

/* ---- page tokens ---- */

/* Tenant and method are part of the sealed text, so a token is good where it was given and nowhere
 * else. */
static char *page_prefix(struct call *call)
{
	const struct db_scope scope = call_scope(call);

	return arena_printf(call->arena, "%s|%s|%s|", scope.tenant_id ? scope.tenant_id : "",
			    call->method->service, call->method->name);
}

const char *call_page_seal(struct call *call, const char *text)
{
	char *plain = arena_printf(call->arena, "%s%s", page_prefix(call), text);
	char *blob = seal_put(call->svc->seal, call->arena, "page-token", plain, strlen(plain));

	return blob ? blob : "";
}

enum status call_page_open(struct call *call, const char *token, const char **ret)
{
	const char *prefix;
	char *plain;

	if (!token || !*token) {
		*ret = NULL;
		return ST_OK;
	}
	prefix = page_prefix(call);
	plain = seal_get(call->svc->seal, call->arena, "page-token", token, NULL);
	if (!plain || strncmp(plain, prefix, strlen(prefix)) != 0)
		return error_set(call->err, ST_INVALID, "page_token",
				 "is not a token of this list; ask for the first page again");
	*ret = plain + strlen(prefix);
	return ST_OK;
}
