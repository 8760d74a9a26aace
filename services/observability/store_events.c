/*
 * Events in the database: written by the thousand with unnest (docs/adr/0017), read newest first.
 * Read next: event.h, migrations/0001_events.sql.
 */
#include "event.h"

#include "core/id.h"
#include "core/text.h"

#include <stdlib.h>
#include <string.h>

#define ADD_EVENTS                                                                                \
	"INSERT INTO events (tenant_id, at, span_id, parent_span_id, trace_id, brand_id, "        \
	"category,"                                                                               \
	" http_status, duration_us, database_us, request_bytes, response_bytes, service, action," \
	" status, user_id, request_id, subject, detail)"                                          \
	" SELECT t.tenant_id, 'epoch'::timestamptz + t.at * interval '1 microsecond', t.span_id," \
	" nullif(t.parent, 0), t.trace_id, t.brand_id, t.category, t.http_status, t.duration,"    \
	" t.database, t.request, t.response, t.service, t.action, t.status, t.user_id,"           \
	" t.request_id, t.subject, t.detail"                                                      \
	" FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::uuid[],"          \
	" $6::uuid[], $7::smallint[], $8::smallint[], $9::int[], $10::int[], $11::int[],"         \
	" $12::int[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[],"           \
	" $18::text[], $19::text[]) AS t(tenant_id, at, span_id, parent, trace_id, brand_id,"     \
	" category, http_status, duration, database, request, response, service, action, status," \
	" user_id, request_id, subject, detail)"
/* A page of telemetry's rows have neither subject nor detail: two arrays less to write. */
#define ADD_REQUESTS                                                                              \
	"INSERT INTO events (tenant_id, at, span_id, parent_span_id, trace_id, brand_id, "        \
	"category,"                                                                               \
	" http_status, duration_us, database_us, request_bytes, response_bytes, service, action," \
	" status, user_id, request_id)"                                                           \
	" SELECT t.tenant_id, 'epoch'::timestamptz + t.at * interval '1 microsecond', t.span_id," \
	" nullif(t.parent, 0), t.trace_id, t.brand_id, 1, t.http_status, t.duration, t.database," \
	" t.request, t.response, t.service, t.action, t.status, t.user_id, t.request_id"          \
	" FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::uuid[],"          \
	" $6::uuid[], $7::smallint[], $8::int[], $9::int[], $10::int[], $11::int[], $12::text[]," \
	" $13::text[], $14::text[], $15::text[], $16::text[]) AS t(tenant_id, at, span_id,"       \
	" parent, trace_id, brand_id, http_status, duration, database, request, response,"        \
	" service, action, status, user_id, request_id)"

/* The same question by the index that fits: $6 to $9 are user, category, service and trace. */
#define LIST_EVENTS(where)                                                                   \
	"SELECT at, span_id, coalesce(parent_span_id, 0), replace(trace_id::text, '-', '')," \
	" brand_id, category, http_status, duration_us, database_us, request_bytes,"         \
	" response_bytes, service, action, status, user_id, request_id, subject, detail"     \
	" FROM events WHERE tenant_id = $1::uuid AND at >= $2::timestamptz AND at < "        \
	"$3::timestamptz"                                                                    \
	" AND (at, span_id) < ($4::timestamptz, $5::bigint)"                                 \
	" AND ($6::text = '' OR user_id = $6) AND ($7::int = 0 OR category = $7)"            \
	" AND ($8::text = '' OR service = $8) AND ($9::uuid IS NULL OR trace_id = $9)" where \
	" ORDER BY at DESC, span_id DESC LIMIT $10"

const struct db_stmt event_statements[] = {
	{ "events_add", ADD_EVENTS },
	{ "events_list", LIST_EVENTS("") },
	{ "events_list_user", LIST_EVENTS(" AND user_id = $6") },
	{ "events_list_trace", LIST_EVENTS(" AND trace_id = $9") },
	{ "events_list_business", LIST_EVENTS(" AND category = $7 AND category <> 1") },
	{ NULL, NULL },
};

const struct db_stmt event_worker_statements[] = {
	{ "events_add", ADD_EVENTS },
	{ "requests_add", ADD_REQUESTS },
	{ NULL, NULL },
};

void event_trace(struct event_row *row, struct arena *a, const char *traceparent)
{
	uint8_t span[8];
	uint64_t id = 0;

	/* 00-<32 hex>-<16 hex>-<2 hex> */
	if (!traceparent || strlen(traceparent) != TRACEPARENT_TEXT - 1 ||
	    strspn(traceparent + 3, "0123456789abcdef") != 32 ||
	    !hex_decode(traceparent + 36, 16, span))
		return;
	for (size_t i = 0; i < sizeof(span); i++)
		id = id << 8 | span[i];
	row->span_id = (int64_t)id;
	row->trace_id = arena_strndup(a, traceparent + 3, 32);
}

/* ---- writing ---- */

static void put_texts(struct db_args *args, const struct event_row *rows, size_t n, size_t member,
		      const char *absent)
{
	const char **v = arena_array(args->arena, n ? n : 1, sizeof(*v));

	for (size_t i = 0; v && i < n; i++) {
		memcpy(&v[i], (const char *)&rows[i] + member, sizeof(v[i]));
		if (!v[i] || !*v[i])
			v[i] = absent;
	}
	db_arg_text_array(args, v, v ? n : 0);
}

static void put_numbers(struct db_args *args, const struct event_row *rows, size_t n, size_t member,
			int64_t max)
{
	int64_t *v = arena_array(args->arena, n ? n : 1, sizeof(*v));

	for (size_t i = 0; v && i < n; i++) {
		memcpy(&v[i], (const char *)&rows[i] + member, sizeof(v[i]));
		if (v[i] > max)
			v[i] = max;
	}
	db_arg_i64_array(args, v, v ? n : 0);
}

#define TEXTS(member, absent) put_texts(&args, rows, n, offsetof(struct event_row, member), absent)
#define NUMBERS(member, max)  put_numbers(&args, rows, n, offsetof(struct event_row, member), max)

static void put_spans(struct db_args *args, const struct event_row *rows, size_t n)
{
	int64_t *v = arena_array(args->arena, n ? n : 1, sizeof(*v));

	for (size_t i = 0; v && i < n; i++) {
		/* Several that were caused by one span at one time are still told apart. */
		bool same = i > 0 && rows[i].span_id == rows[i - 1].span_id &&
			    rows[i].at_us == rows[i - 1].at_us;

		v[i] = same ? 0 : rows[i].span_id;
		while (v[i] == 0)
			random_bytes(&v[i], sizeof(v[i]));
	}
	db_arg_i64_array(args, v, v ? n : 0);
}

static void put_categories(struct db_args *args, const struct event_row *rows, size_t n)
{
	int64_t *v = arena_array(args->arena, n ? n : 1, sizeof(*v));

	for (size_t i = 0; v && i < n; i++)
		v[i] = rows[i].category;
	db_arg_i64_array(args, v, v ? n : 0);
}

enum status store_events(struct db_tx *tx, struct arena *a, const struct event_row *rows, size_t n,
			 struct error *err)
{
	const char *tenant = db_scope_of(tx)->tenant_id;
	struct db_args args;
	bool requests = !tenant || !*tenant; /* the worker's scope */

	if (n == 0)
		return ST_OK;
	for (size_t i = 0; requests && i < n; i++)
		requests = rows[i].category == EVENT_REQUEST;
	db_args_init(&args, a);
	TEXTS(tenant_id, NULL);
	NUMBERS(at_us, INT64_MAX);
	put_spans(&args, rows, n);
	NUMBERS(parent_span_id, INT64_MAX);
	TEXTS(trace_id, NULL);
	TEXTS(brand_id, NULL);
	if (!requests)
		put_categories(&args, rows, n);
	NUMBERS(http_status, INT16_MAX);
	NUMBERS(duration_us, INT32_MAX);
	NUMBERS(database_us, INT32_MAX);
	NUMBERS(request_bytes, INT32_MAX);
	NUMBERS(response_bytes, INT32_MAX);
	TEXTS(service, "");
	TEXTS(action, "");
	TEXTS(status, "");
	TEXTS(user_id, "");
	TEXTS(request_id, "");
	if (!requests) {
		TEXTS(subject, "");
		TEXTS(detail, "");
	}
	return db_do(tx, requests ? "requests_add" : "events_add", &args, err);
}

/* ---- reading ---- */

int store_ask_events(struct db_tx *tx, struct arena *a, const struct event_question *q)
{
	const char *stmt = "events_list";
	struct db_args args;

	if (q->trace_id)
		stmt = "events_list_trace";
	else if (q->category > EVENT_REQUEST)
		stmt = "events_list_business";
	else if (*q->user_id)
		stmt = "events_list_user";
	db_args_init(&args, a);
	db_arg_text(&args, db_scope_of(tx)->tenant_id);
	db_arg_time(&args, q->from_us);
	db_arg_time(&args, q->to_us);
	db_arg_time(&args, q->before_us);
	db_arg_i64(&args, q->before_span);
	db_arg_text(&args, q->user_id);
	db_arg_i64(&args, q->category);
	db_arg_text(&args, q->service);
	db_arg_text(&args, q->trace_id);
	db_arg_i64(&args, q->limit);
	return db_add(tx, stmt, &args);
}

void store_read_event(const struct db_tx *tx, int result, int i, struct event_row *ret)
{
	int c = 0;

	*ret = (struct event_row){ .at_us = db_time(tx, result, i, c++) };
	ret->span_id = db_int(tx, result, i, c++);
	ret->parent_span_id = db_int(tx, result, i, c++);
	ret->trace_id = db_str(tx, result, i, c++);
	ret->brand_id = db_str(tx, result, i, c++);
	ret->category = (enum event_category)db_int(tx, result, i, c++);
	ret->http_status = db_int(tx, result, i, c++);
	ret->duration_us = db_int(tx, result, i, c++);
	ret->database_us = db_int(tx, result, i, c++);
	ret->request_bytes = db_int(tx, result, i, c++);
	ret->response_bytes = db_int(tx, result, i, c++);
	ret->service = db_str(tx, result, i, c++);
	ret->action = db_str(tx, result, i, c++);
	ret->status = db_str(tx, result, i, c++);
	ret->user_id = db_str(tx, result, i, c++);
	ret->request_id = db_str(tx, result, i, c++);
	ret->subject = db_str(tx, result, i, c++);
	ret->detail = db_str(tx, result, i, c);
}
