/* Pages of telemetry: what makes one, what makes one ours. Read next: page.h. */
#include "page.h"

#include "partitions.h"

#include "core/id.h"
#include "core/text.h"
#include "core/timeutil.h"
#include "pulsepoint/telemetry.pb-c.h"
#include "json/message.h"

#include <stdio.h>
#include <string.h>

#define SUBJECT_PREFIX "pp.obs."
#define NOBODY         "00000000-0000-0000-0000-000000000000"

static enum status fault(struct error *err, size_t row, const char *field, const char *reason)
{
	char place[ERROR_FIELD_MAX];

	snprintf(place, sizeof(place), "rows[%zu].%s", row, field);
	return error_set(err, ST_INVALID, place, "%s", reason);
}

/* Eight bytes as the number that a span is kept as; 0 for none. */
static int64_t span_number(const ProtobufCBinaryData *span)
{
	uint64_t v = 0;

	for (size_t i = 0; i < span->len; i++)
		v = v << 8 | span->data[i];
	return (int64_t)v;
}

static const char *trace_text(struct arena *a, const ProtobufCBinaryData *trace)
{
	char *hex;

	if (trace->len == 0)
		return NULL;
	hex = arena_alloc(a, 2 * trace->len + 1);
	if (hex)
		hex_encode(trace->data, trace->len, hex);
	return hex;
}

/* What the contract's rules (message_check) cannot say: forms of ids, lengths of binary ones. */
static enum status check_row(const Pulsepoint__RequestRow *r, size_t i, struct error *err)
{
	if (*r->tenant_id && !uuid_valid(r->tenant_id))
		return fault(err, i, "tenant_id", "must be a UUID");
	if (*r->brand_id && !uuid_valid(r->brand_id))
		return fault(err, i, "brand_id", "must be a UUID");
	if (r->trace_id.len != 0 && r->trace_id.len != 16)
		return fault(err, i, "trace_id", "must be 16 bytes");
	if (r->span_id.len != 0 && r->span_id.len != 8)
		return fault(err, i, "span_id", "must be 8 bytes");
	if (r->parent_span_id.len != 0 && r->parent_span_id.len != 8)
		return fault(err, i, "parent_span_id", "must be 8 bytes");
	return ST_OK;
}

static void read_row(const struct page *p, const Pulsepoint__RequestRow *r, struct arena *a,
		     struct event_row *row)
{
	uuid_normalise(r->tenant_id); /* store_latency.c compares the text */
	*row = (struct event_row){
		.tenant_id = *r->tenant_id ? r->tenant_id : NOBODY,
		.at_us = r->started_at,
		.span_id = span_number(&r->span_id),
		.parent_span_id = span_number(&r->parent_span_id),
		.trace_id = trace_text(a, &r->trace_id),
		.brand_id = r->brand_id,
		.category = EVENT_REQUEST,
		.service = p->service,
		.action = r->method,
		.status = r->status,
		.user_id = r->user_id,
		.request_id = r->request_id,
		.duration_us = r->duration_us,
		.database_us = r->database_us,
		.request_bytes = r->request_bytes,
		.response_bytes = r->response_bytes,
		.http_status = r->http_status,
	};
}

static enum status read_rows(const Pulsepoint__Telemetry *m, struct arena *a, int64_t now_us,
			     struct page *p, struct error *err)
{
	enum status st = ST_OK;

	p->rows = arena_array(a, m->n_rows ? m->n_rows : 1, sizeof(*p->rows));
	if (!p->rows)
		return ST_TOO_LARGE;
	for (size_t i = 0; st == ST_OK && i < m->n_rows; i++) {
		st = check_row(m->rows[i], i, err);
		if (st == ST_OK && partitions_take(m->rows[i]->started_at, now_us))
			read_row(p, m->rows[i], a, &p->rows[p->n++]);
	}
	return st;
}

static enum status check_head(const Pulsepoint__Telemetry *m, struct error *err)
{
	if (!uuid_valid(m->instance))
		return error_set(err, ST_INVALID, "instance", "must be a UUID");
	if (m->page == 0 || m->page > INT64_MAX)
		return error_set(err, ST_INVALID, "page", "must be a number from 1");
	/* So that no sum of accounts can overflow. */
	if (m->emitted > INT64_MAX / 1024 || m->dropped > m->emitted)
		return error_set(err, ST_INVALID, "emitted", "is no number of rows");
	return ST_OK;
}

enum status page_read(struct bus_msg *msg, struct arena *a, int64_t now_us, struct page *ret,
		      struct error *err)
{
	const char *subject = bus_msg_subject(msg);
	Pulsepoint__Telemetry *m;
	ProtobufCMessage *base;
	size_t len;
	const void *data = bus_msg_data(msg, &len);
	enum status st;

	*ret = (struct page){ .msg = msg };
	if (strncmp(subject, SUBJECT_PREFIX, strlen(SUBJECT_PREFIX)) != 0 ||
	    !token_valid(subject + strlen(SUBJECT_PREFIX)))
		return error_set(err, ST_INVALID, "subject", "names no service");
	st = message_unpack(a, &pulsepoint__telemetry__descriptor, data, len, BUS_EVENT_MAX, &base);
	if (st == ST_INVALID)
		return error_set(err, st, NULL, "is not a page of telemetry");
	if (st == ST_OK)
		st = message_check(base, err);
	if (st != ST_OK)
		return st;
	m = (Pulsepoint__Telemetry *)base;
	st = check_head(m, err);
	ret->service = arena_strdup(a, subject + strlen(SUBJECT_PREFIX));
	ret->instance = m->instance;
	ret->page = (int64_t)m->page;
	ret->emitted = (int64_t)m->emitted;
	ret->dropped = (int64_t)m->dropped;
	if (st == ST_OK)
		st = read_rows(m, a, now_us, ret, err);
	return st == ST_OK && arena_failed(a) ? ST_TOO_LARGE : st;
}
