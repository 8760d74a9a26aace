/*
 * ImportTouchpoints: one chunk of a body of JSON lines is one transaction. With a key, the number
 * of settled lines is kept in it, so that the same body sent again goes on where it stopped;
 * without one, sending again finds only duplicates.
 */
#include "handlers.h"
#include "store_visits.h"

#include "json/message.h"

#include <stdio.h>
#include <string.h>

/* A chunk and where it stands in its body. Lines are counted from 0 here, from 1 in errors. */
struct chunk {
	const Attribution__V1__ImportTouchpointsRequest *in;
	int64_t first, end;
	bool keyed;
	const char *first_text; /* of the body, NULL when it is not in this chunk */
	int question;           /* number of the result */
	int64_t settled;        /* lines of the body settled before this chunk */
	struct visit_row *rows; /* of the lines from `settled` on */
	size_t n_rows;
};

static void ask_import(const struct brand_tx *b, void *arg)
{
	struct chunk *c = arg;

	if (c->keyed)
		c->question =
			store_ask_import(b, c->in->import_key, c->first_text ? c->first_text : "");
}

/* Where the import stands, and whether this chunk fits there. */
static enum status place_chunk(struct call *call, struct chunk *c, const struct import_state *now)
{
	if (!c->keyed) {
		c->settled = c->first;
		return ST_OK;
	}
	if (c->first > now->next_line)
		return error_set(call->err, ST_CONFLICT, "first_line",
				 "is %lld, but the next line of this import is %lld",
				 (long long)c->first, (long long)now->next_line);
	if (now->known && c->first_text && !now->same_body)
		return error_set(call->err, ST_MISMATCH, "import_key",
				 "was used with another body; use a new key");
	c->settled = now->next_line;
	return ST_OK;
}

static enum status bad_line(struct call *call, int64_t line, const struct error *why)
{
	char place[ERROR_FIELD_MAX + 32];
	const char *field = strcmp(why->field, "body") == 0 ? "" : why->field; /* no JSON at all */

	snprintf(place, sizeof(place), "lines[%lld]%s%s", (long long)line + 1, *field ? "." : "",
		 field);
	return error_set(call->err, ST_INVALID, place, "%s", why->detail);
}

static struct visit_row visit_row(const Attribution__V1__Visit *v)
{
	return (struct visit_row){ v->visitor_id,   (int32_t)v->position, v->occurred_at->micros,
				   v->source,       v->source_type,       v->medium,
				   v->campaign,     v->content,           v->term,
				   v->landing_page, v->referrer };
}

/* Reads the lines that are not settled yet. */
static enum status read_lines(struct call *call, struct chunk *c)
{
	c->rows = arena_array(call->arena, c->in->n_lines + 1, sizeof(*c->rows));
	if (!c->rows)
		return reply_status(call);
	for (int64_t line = c->settled; line < c->end; line++) {
		const char *text = c->in->lines[line - c->first];
		struct error why = { 0 };
		ProtobufCMessage *m;

		if (message_from_json(call->arena, &attribution__v1__visit__descriptor, text,
				      strlen(text), NULL, 0, &m, &why) != ST_OK)
			return bad_line(call, line, &why);
		c->rows[c->n_rows++] = visit_row((const Attribution__V1__Visit *)m);
	}
	return ST_OK;
}

/* Under the lock of the import's row: another copy of this upload may have been faster. */
static enum status lock(struct call *call, const struct brand_tx *b, const struct chunk *c)
{
	struct import_state now;
	enum status st =
		store_lock_import(b, c->in->import_key, c->first_text ? c->first_text : "", &now);

	if (st == ST_OK && now.next_line != c->settled)
		st = error_set(call->err, ST_CONFLICT, "first_line",
			       "another upload with this key is under way");
	return st;
}

static enum status keep(struct call *call, struct chunk *c, int64_t *kept)
{
	struct brand_tx b = { NULL, call->arena, call->err, c->in->brand_id };
	bool progress = c->keyed && c->end > c->settled;
	enum status st = call_begin(call, &b.tx);

	if (st == ST_OK && progress)
		st = lock(call, &b, c);
	if (st == ST_OK)
		st = store_put_visits(&b, c->rows, c->n_rows, kept);
	if (st == ST_OK && progress)
		st = store_advance_import(&b, c->in->import_key, c->end);
	if (st == ST_OK && c->in->last)
		st = store_finish_import(&b);
	if (st == ST_OK)
		st = db_commit(b.tx, call->err);
	db_tx_free(b.tx);
	return st;
}

HANDLER(handle_import, ImportTouchpointsRequest, ImportTouchpointsReply)
{
	struct chunk c = { .in = in,
			   .first = (int64_t)in->first_line,
			   .keyed = *in->import_key != '\0' };
	struct import_state now = { 0 };
	struct brand_tx b;
	const char *currency;
	int64_t kept = 0;
	enum status st;

	if (in->first_line > INT64_MAX - in->n_lines)
		return error_set(call->err, ST_INVALID, "first_line", "is out of range");
	c.end = c.first + (int64_t)in->n_lines;
	if (c.first == 0 && in->n_lines > 0)
		c.first_text = in->lines[0];
	st = ask_brand(call, in->brand_id, ask_import, &c, &b, &currency);
	if (st != ST_OK)
		return st;
	if (c.keyed)
		now = store_read_import(&b, c.question);
	db_tx_free(b.tx);
	st = place_chunk(call, &c, &now);
	if (st == ST_OK)
		st = read_lines(call, &c);
	if (st == ST_OK && (c.n_rows > 0 || in->last))
		st = keep(call, &c, &kept);
	if (st != ST_OK)
		return st;
	out->lines = (uint64_t)(c.end > c.settled ? c.end : c.settled);
	out->imported = (uint64_t)kept;
	out->duplicates = (uint64_t)c.n_rows - (uint64_t)kept;
	return ST_OK;
}
