/* See order.h. Hashes are BLAKE2b over length-prefixed texts and 8-byte numbers: 128 bits are
 * enough to notice a change, and nobody gains by forging one in his own shop. */
#include "order.h"

#include "core/text.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define HASH_BYTES 16

/* ---- hashes ---- */

static void put_number(crypto_generichash_state *h, int64_t v)
{
	crypto_generichash_update(h, (const uint8_t *)&v, sizeof(v));
}

static void put_text(crypto_generichash_state *h, const char *s)
{
	size_t len = strlen(s);

	put_number(h, (int64_t)len);
	crypto_generichash_update(h, (const uint8_t *)s, len);
}

static void begin(crypto_generichash_state *h)
{
	crypto_generichash_init(h, NULL, 0, HASH_BYTES);
}

static const char *end(crypto_generichash_state *h, struct arena *a)
{
	uint8_t hash[HASH_BYTES];
	char text[HASH_TEXT];

	crypto_generichash_final(h, hash, sizeof(hash));
	hex_encode(hash, sizeof(hash), text);
	return arena_strdup(a, text);
}

static const char *content_hash(struct arena *a, const struct order *o, const char *zone)
{
	const char *const texts[] = { o->name,    o->status,   o->customer_id,
				      o->country, o->currency, zone };
	crypto_generichash_state h;

	begin(&h);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		put_text(&h, texts[i]);
	put_number(&h, o->created_at);
	put_number(&h, o->processed_at);
	put_number(&h, o->updated_at);
	put_number(&h, o->cancelled_at);
	put_number(&h, o->test);
	for (size_t i = 0; i < o->lines_part.n; i++) {
		const struct line *l = &o->lines[i];

		put_text(&h, l->line_id);
		put_text(&h, l->variant_id);
		put_text(&h, l->sku);
		put_text(&h, l->title);
		put_number(&h, l->quantity);
		put_number(&h, l->unit_price);
		put_number(&h, l->discount);
	}
	put_number(&h, (int64_t)o->lines_part.n);
	for (size_t i = 0; i < o->n_refunds; i++) {
		put_text(&h, o->refunds[i].refund_id);
		put_number(&h, o->refunds[i].created_at);
		put_number(&h, o->refunds[i].amount);
	}
	return end(&h, a);
}

static const char *journey_hash(struct arena *a, const struct order *o)
{
	crypto_generichash_state h;

	begin(&h);
	for (size_t i = 0; i < o->touches_part.n; i++) {
		const struct touch *t = &o->touches[i];

		put_number(&h, t->occurred_at);
		put_text(&h, t->source);
		put_text(&h, t->source_type);
		put_text(&h, t->medium);
		put_text(&h, t->campaign);
		put_text(&h, t->content);
		put_text(&h, t->term);
		put_text(&h, t->landing_page);
		put_text(&h, t->referrer);
	}
	return end(&h, a);
}

void variant_close(struct arena *a, struct variant *v)
{
	crypto_generichash_state h;

	begin(&h);
	put_text(&h, v->product_id);
	put_text(&h, v->sku);
	put_text(&h, v->title);
	put_text(&h, v->product_type);
	put_text(&h, v->currency);
	put_text(&h, v->cost_currency);
	put_number(&h, v->price);
	put_number(&h, v->has_cost);
	put_number(&h, v->cost);
	put_number(&h, v->updated_at);
	v->hash = end(&h, a);
}

/* ---- what came twice ---- */

struct keyed {
	const char *id;
	size_t place;
};

static int by_id_then_place(const void *x, const void *y)
{
	const struct keyed *a = x, *b = y;
	int d = strcmp(a->id, b->id);

	return d != 0 ? d : (a->place > b->place) - (a->place < b->place);
}

/* Marks all but the first of equal ids. */
static void mark_repeats(struct keyed *keys, size_t n, bool *repeated)
{
	qsort(keys, n, sizeof(*keys), by_id_then_place);
	for (size_t i = 1; i < n; i++)
		repeated[keys[i].place] = strcmp(keys[i].id, keys[i - 1].id) == 0;
}

static bool drop_repeats(struct arena *a, struct order *o)
{
	size_t most = o->lines_part.n > o->n_refunds ? o->lines_part.n : o->n_refunds, kept = 0;
	struct keyed *keys = arena_array(a, most + 1, sizeof(*keys));
	bool *lines = arena_array(a, most + 1, sizeof(*lines));
	bool *refunds = arena_array(a, most + 1, sizeof(*refunds));

	if (!keys || !lines || !refunds)
		return false;
	for (size_t i = 0; i < o->lines_part.n; i++)
		keys[i] = (struct keyed){ o->lines[i].line_id, i };
	mark_repeats(keys, o->lines_part.n, lines);
	for (size_t i = 0; i < o->lines_part.n; i++)
		if (!lines[i])
			o->lines[kept++] = o->lines[i];
	o->lines_part.n = kept;
	for (size_t i = 0; i < o->n_refunds; i++)
		keys[i] = (struct keyed){ o->refunds[i].refund_id, i };
	mark_repeats(keys, o->n_refunds, refunds);
	kept = 0;
	for (size_t i = 0; i < o->n_refunds; i++)
		if (!refunds[i])
			o->refunds[kept++] = o->refunds[i];
	o->n_refunds = kept;
	return true;
}

/* ---- figures ---- */

static bool add_up(struct order *o)
{
	o->gross = 0;
	o->refunded = 0;
	for (size_t i = 0; i < o->lines_part.n; i++) {
		struct line *l = &o->lines[i];

		if (!line_total(l->quantity, l->unit_price, l->discount, o->currency, &l->total) ||
		    !micros_add(o->gross, l->total, &o->gross))
			return false;
	}
	for (size_t i = 0; i < o->n_refunds; i++)
		if (!micros_add(o->refunded, o->refunds[i].amount, &o->refunded))
			return false;
	return true;
}

enum status order_close(struct arena *a, struct order *o, const char *zone, struct error *err)
{
	int64_t net;

	if (!drop_repeats(a, o))
		return error_set(err, ST_UNAVAILABLE, NULL, "memory is out");
	if (!add_up(o) || !micros_sub(o->gross, o->refunded, &net))
		return error_set(err, ST_UPSTREAM, NULL,
				 "Shopify sent an order whose amounts are beyond all bounds");
	o->counts = o->cancelled_at == 0 && !o->test && strcmp(o->status, "VOIDED") != 0;
	o->hash = content_hash(a, o, zone);
	o->journey_hash = journey_hash(a, o);
	return arena_failed(a) ? error_set(err, ST_UNAVAILABLE, NULL, "memory is out") : ST_OK;
}
