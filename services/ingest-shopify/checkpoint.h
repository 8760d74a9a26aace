/*
 * Where a run is, as the text that the engine keeps with each page:
 * "1 <phase> <size> <since> <from> <high> <clock> <asked> <done> <expected> <cursor>". Pure.
 */
#ifndef SHOPIFY_CHECKPOINT_H
#define SHOPIFY_CHECKPOINT_H

#include "core/arena.h"

#include <stdbool.h>
#include <stdint.h>

enum phase { PHASE_PRODUCTS, PHASE_UNREADY, PHASE_ORDERS };

struct checkpoint {
	enum phase phase;
	int size;      /* orders asked for at once; the provider made us ask for less */
	int64_t since; /* orders updated from then on; 0: all */
	int64_t from;  /* what the orders' cursor was opened with; `since` or later, see fetch.c */
	int64_t high;  /* the latest updated_at stored; 0: none */
	int64_t clock; /* the provider's when the run began */
	int64_t asked; /* orders read with this cursor's query */
	int64_t done, expected; /* rows */
	const char *cursor;     /* NULL: the phase begins. PHASE_UNREADY: the last order's id */
};

/* False when the text is none of ours (then a run starts from the beginning). `cursor` points into
 * the text. */
bool checkpoint_read(const char *text, struct checkpoint *ret);
/* In the arena; "" when it is full. */
const char *checkpoint_write(struct arena *a, const struct checkpoint *c);

#endif
