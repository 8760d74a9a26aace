/* The figures of an order (dataset.md) and the hashes that tell whether it changed. Pure. */
#ifndef SHOPIFY_ORDER_H
#define SHOPIFY_ORDER_H

#include "model.h"

#include "core/arena.h"
#include "core/status.h"

/*
 * Fills what is ours in a whole order: each line's total, gross, refunded, counts and hashes
 * (`zone`, the shop's, is hashed because the day follows from it). Lines and refunds that a
 * provider sent twice (an id that came before) are dropped first. ST_UPSTREAM when an amount
 * overflows, ST_UNAVAILABLE when the arena is full.
 */
enum status order_close(struct arena *a, struct order *o, const char *zone,
			struct error *err) MUST_USE;
/* Fills a variant's hash. "" when the arena is full. */
void variant_close(struct arena *a, struct variant *v);

#endif
