/*
 * Runs a tool: reads its input, asks the owning service with the asker's token, writes the answer
 * with its figures. Each query has memory of its own that is freed after it; what stays is the
 * result's text and the evidence. Read next: handlers_tools_report.c, handlers_tools_list.c.
 */
#include "handlers_tools.h"

#include "calculate.h"

#include "core/timeutil.h"
#include "json/message.h"

#include <string.h>

/* ---- what several queries write ---- */

void tool_write_amount(struct tool_writer *w, const char *key, const Pulsepoint__Money *m)
{
	if (m)
		tool_write_money(w, key, NULL, m->micros, m->currency);
	else
		tool_write_null(w, key);
}

void tool_write_ratio(struct tool_writer *w, const char *key, const Pulsepoint__Decimal *d,
		      const char *unit)
{
	if (d)
		tool_write_decimal(w, key, d->units, (int)d->scale, unit);
	else
		tool_write_null(w, key);
}

void tool_write_amounts(struct tool_writer *w, const char *key, Pulsepoint__Money *const *m,
			size_t n)
{
	tool_write_open(w, key, '[');
	for (size_t i = 0; i < n; i++)
		tool_write_money(w, NULL,
				 arena_printf(w->ev->arena, "%s[currency=%s]", key, m[i]->currency),
				 m[i]->micros, m[i]->currency);
	tool_write_close(w, ']');
}

void tool_write_freshness(struct tool_work *work, Attribution__V1__Freshness *const *rows, size_t n)
{
	struct tool_writer *w = &work->w;

	tool_write_open(w, "freshness", '[');
	for (size_t i = 0; i < n; i++) {
		char text[TIME_TEXT_MAX] = "";

		if (rows[i]->data_through)
			time_format(rows[i]->data_through->micros, text);
		tool_write_open(w, NULL, '{');
		tool_write_text(w, "source", tool_tidy(work->call.arena, rows[i]->source));
		if (text[0] != '\0')
			tool_write_text(w, "data_through", text);
		else
			tool_write_null(w, "data_through");
		tool_write_flag(w, "syncing", rows[i]->syncing);
		tool_write_close(w, '}');
		tool_write_know(w, EVIDENCE_TIME, text);
	}
	tool_write_close(w, ']');
}

static const char *day_of(struct tool_work *work, const char *asked, const Pulsepoint__Date *known,
			  int32_t *days)
{
	char text[TIME_TEXT_MAX] = "";

	if (asked && date_parse(asked, days))
		return asked;
	if (!known)
		return NULL;
	*days = known->days;
	date_format(known->days, text);
	return arena_strdup(work->call.arena, text);
}

void tool_write_period(struct tool_work *work, const Pulsepoint__Date *first,
		       const Pulsepoint__Date *last)
{
	struct tool_writer *w = &work->w;
	int32_t from_day = 0, to_day = 0;
	const char *from = day_of(work, tool_input_value(&work->in, "from"), first, &from_day);
	const char *to = day_of(work, tool_input_value(&work->in, "to"), last, &to_day);

	tool_write_open(w, "period", '{');
	if (from) {
		tool_write_text(w, "from", from);
		tool_write_know(w, EVIDENCE_DAY, from);
	}
	if (to) {
		tool_write_text(w, "to", to);
		tool_write_know(w, EVIDENCE_DAY, to);
	}
	tool_write_close(w, '}');
	if (from && to && from_day <= to_day)
		tool_write_decimal(w, "period_days", (int64_t)to_day - from_day + 1, 0, "days");
	else
		tool_write_null(w, "period_days");
}

/* ---- running ---- */

enum status tool_request(struct tool_work *work, const ProtobufCMessage **ret)
{
	const struct contract_method *m = tool_method(work->in.def);
	struct json_param params[TOOL_FIELDS_MAX + 1];
	ProtobufCMessage *message;
	size_t n = 0;
	enum status st;

	if (!m)
		return error_set(work->call.err, ST_INTERNAL, NULL, "the contract has no method %s",
				 work->in.def->subject);
	params[n++] = (struct json_param){ "brand_id", work->brand_id, true, false };
	for (size_t i = 0; work->in.def->fields[i].name; i++)
		if (work->in.def->fields[i].kind == TOOL_FIELD && work->in.values[i].text)
			params[n++] = (struct json_param){ work->in.def->fields[i].name,
							   work->in.values[i].text, false, false };
	st = message_from_json(work->call.arena, m->input, NULL, 0, params, n, &message,
			       work->call.err);
	if (st == ST_OK)
		*ret = message;
	return st;
}

static enum status tool_calculate(struct tool_work *work)
{
	const struct evidence *e = NULL;
	struct tool_writer *w = &work->w;
	enum status st = calculate(w->ev, w->call, tool_input_value(&work->in, "op"), work->in.ids,
				   work->in.n_ids, &e, work->call.err);

	if (st != ST_OK)
		return st;
	tool_write_text(w, "op", tool_input_value(&work->in, "op"));
	tool_write_open(w, "of", '[');
	for (size_t i = 0; i < work->in.n_ids; i++)
		tool_write_text(w, NULL, work->in.ids[i]);
	tool_write_close(w, ']');
	tool_write_open(w, "result", '{');
	tool_write_text(w, "id", e->id);
	tool_write_text(w, "value", e->value);
	if (e->unit[0] != '\0')
		tool_write_text(w, "unit", e->unit);
	tool_write_close(w, '}');
	return ST_OK;
}

static enum status run(struct tool_work *work)
{
	enum status st = ST_INTERNAL;

	switch (work->in.def->id) {
	case TOOL_CALCULATE:
		st = tool_calculate(work);
		break;
	case TOOL_ATTRIBUTION:
		st = tool_attribution(work);
		break;
	case TOOL_SUMMARY:
		st = tool_summary(work);
		break;
	case TOOL_ORDERS:
		st = tool_orders(work);
		break;
	case TOOL_PRODUCTS:
		st = tool_products(work);
		break;
	}
	tool_write_close(&work->w, '}');
	if (st == ST_OK && (work->w.status != ST_OK || work->w.out.failed))
		st = error_set(work->call.err, ST_TOO_LARGE, NULL,
			       "the result is too large: ask for less");
	return st;
}

static enum status keep_result(struct evidence_list *ev, const char *json, size_t len,
			       struct tool_result *ret)
{
	ret->json = arena_strndup(ev->arena, json, len);
	ret->len = len;
	return arena_failed(ev->arena) ? ST_TOO_LARGE : ST_OK;
}

/* An error as a model can read it. */
static enum status explain(struct evidence_list *ev, const struct error *err, enum status status,
			   struct tool_result *ret)
{
	const char *message = err->detail[0] != '\0' ? err->detail : status_name(status);
	struct buf b;
	enum status st;

	buf_init(&b, TOOL_RESULT_MAX);
	buf_puts(&b, "{\"error\":{\"field\":");
	buf_put_json(&b, err->field, strlen(err->field));
	buf_puts(&b, ",\"message\":");
	buf_put_json(&b, message, strlen(message));
	buf_puts(&b, "}}");
	ret->is_error = true;
	ret->status = status;
	st = keep_result(ev, buf_str(&b), b.len, ret);
	buf_done(&b);
	return st;
}

/* Failures after which no other query can succeed. */
static bool ends_all(enum status st)
{
	return st == ST_CANCELLED || st == ST_TIMEOUT || st == ST_UNAUTHENTICATED ||
	       st == ST_DENIED;
}

/* Reads, asks and writes in the scratch memory of `work`. */
static enum status query(struct tool_work *work, struct evidence_list *ev,
			 const struct tool_def *def, const char *input, size_t len,
			 struct tool_result *ret)
{
	enum status st =
		tool_input_read(work->call.arena, def, input, len, &work->in, work->call.err);

	if (st != ST_OK)
		return st;
	tool_write_begin(&work->w, ev, def->name, work->in.arguments);
	ret->call = work->w.call;
	st = run(work);
	if (st == ST_OK)
		st = keep_result(ev, buf_str(&work->w.out), work->w.out.len, ret);
	tool_write_done(&work->w);
	return st;
}

enum status tool_run(struct call *call, const char *brand_id, struct evidence_list *ev,
		     const char *name, const char *input, size_t input_len, struct tool_result *ret)
{
	const struct tool_def *def = tool_find(name);
	struct error err = { .status = ST_OK };
	struct tool_work work = { .call = *call, .brand_id = brand_id };
	enum status st;

	*ret = (struct tool_result){ .json = "", .status = ST_OK };
	work.call.err = &err;
	work.call.arena = arena_new(TOOL_SCRATCH_MAX);
	if (!work.call.arena)
		return error_set(call->err, ST_UNAVAILABLE, NULL, "the service is out of memory");
	if (def)
		st = query(&work, ev, def, input, input_len, ret);
	else
		st = error_set(&err, ST_INVALID, "name",
			       "there is no such tool; there are calculate, get_attribution, "
			       "get_summary, list_orders and list_products");
	if (st != ST_OK && !ends_all(st))
		st = explain(ev, &err, st, ret);
	arena_free(work.call.arena);
	if (st != ST_OK && call->err) {
		*call->err = err;
		call->err->status = st;
	}
	return st;
}
