/* An open-addressing table over an array of rows; both grow by doubling within the arena. */
#include "tally.h"

#include "core/money.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 256

void tally_init(struct tally *t, struct arena *a)
{
	*t = (struct tally){ .arena = a };
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ (h >> 29);
}

static uint64_t hash(const struct tally_row *r)
{
	uint64_t h = mix((uint64_t)r->model, (uint64_t)r->kind);

	h = mix(h, (uint64_t)(uint32_t)r->day);
	for (const char *p = r->currency; *p; p++)
		h = mix(h, (unsigned char)*p);
	return h;
}

static bool same_key(const struct tally_row *x, const struct tally_row *y)
{
	return x->model == y->model && x->day == y->day && x->kind == y->kind &&
	       strcmp(x->currency, y->currency) == 0;
}

/* The slot that holds the row's key, or the free one where it belongs. */
static uint32_t *slot_of(struct tally *t, const struct tally_row *r)
{
	size_t mask = 2 * t->cap - 1;
	size_t at = (size_t)hash(r) & mask;

	while (t->slots[at] && !same_key(&t->rows[t->slots[at] - 1], r))
		at = (at + 1) & mask;
	return &t->slots[at];
}

static enum status grow(struct tally *t)
{
	size_t cap = t->cap ? 2 * t->cap : FIRST_CAP;
	struct tally_row *rows = NULL;
	uint32_t *slots = NULL;

	if (t->n < TALLY_ROWS_MAX) {
		rows = arena_array(t->arena, cap, sizeof(*rows));
		slots = arena_array(t->arena, 2 * cap, sizeof(*slots));
	}
	if (!rows || !slots)
		return ST_TOO_LARGE;
	if (t->n > 0)
		memcpy(rows, t->rows, t->n * sizeof(*rows));
	t->rows = rows;
	t->slots = slots;
	t->cap = cap;
	for (size_t i = 0; i < t->n; i++)
		*slot_of(t, &rows[i]) = (uint32_t)i + 1;
	return ST_OK;
}

static enum status add(struct tally *t, const struct tally_row *r)
{
	struct tally_row *row;
	uint32_t *slot;
	enum status st = t->n == t->cap ? grow(t) : ST_OK;

	if (st != ST_OK)
		return st;
	slot = slot_of(t, r);
	if (*slot) {
		row = &t->rows[*slot - 1];
		if (!micros_add(row->micro_orders, r->micro_orders, &row->micro_orders) ||
		    !micros_add(row->net, r->net, &row->net) ||
		    !micros_add(row->gross, r->gross, &row->gross))
			return ST_TOO_LARGE;
		return ST_OK;
	}
	row = &t->rows[t->n++];
	*row = *r;
	row->currency = arena_strdup(t->arena, r->currency);
	*slot = (uint32_t)t->n;
	return arena_failed(t->arena) ? ST_TOO_LARGE : ST_OK;
}

enum status tally_order(struct tally *t, enum tally_sign sign, enum credit_model model,
			int64_t window_us, int32_t day, const char *currency,
			const struct credit_order *o)
{
	struct credit credits[CREDIT_TOUCHES_MAX];
	size_t n = 0;
	enum status st = credit_order(model, o, window_us, credits, &n);

	for (size_t i = 0; st == ST_OK && i < n; i++) {
		struct tally_row r = { model,
				       day,
				       credits[i].kind,
				       currency,
				       credits[i].micro_orders * sign,
				       credits[i].net * sign,
				       credits[i].gross * sign };

		st = add(t, &r);
	}
	return st;
}

static int by_key(const void *a, const void *b)
{
	const struct tally_row *x = a, *y = b;

	if (x->model != y->model)
		return x->model < y->model ? -1 : 1;
	if (x->day != y->day)
		return x->day < y->day ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return strcmp(x->currency, y->currency);
}

void tally_finish(struct tally *t)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->n; i++) {
		const struct tally_row *r = &t->rows[i];

		if (r->micro_orders != 0 || r->net != 0 || r->gross != 0)
			t->rows[kept++] = *r;
	}
	t->n = kept;
	if (kept > 1)
		qsort(t->rows, kept, sizeof(*t->rows), by_key);
}
