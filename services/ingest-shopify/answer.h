/*
 * What an answer of Shopify's GraphQL API may be, and typed readers for its parts: an answer is
 * somebody else's text and may hold anything. Pure. Facts: shopify.dev, "Response and error
 * handling" and "API limits"; read next: pages.c, session.c.
 */
#ifndef SHOPIFY_ANSWER_H
#define SHOPIFY_ANSWER_H

#include "core/arena.h"
#include "core/status.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

/* extensions.cost of an answer; points. `known` false: none that makes sense was sent. */
struct query_cost {
	bool known;
	int64_t requested, available, maximum, restore; /* restore: points a second */
};

enum answer_kind {
	ANSWER_DATA,       /* there is data and no error */
	ANSWER_THROTTLED,  /* HTTP 200 with THROTTLED: wait, then ask the same again */
	ANSWER_TOO_DEAR,   /* MAX_COST_EXCEEDED: ask for less */
	ANSWER_BAD_CURSOR, /* the cursor means nothing any more */
	ANSWER_FAULT,      /* anything else; answer_judge returned why */
};
/*
 * Looks at an answer as a whole. ST_OK for all kinds but ANSWER_FAULT; else ST_UPSTREAM for what
 * may pass (their internal errors, an answer without data), ST_UNAUTHENTICATED for a missing
 * permission, ST_DENIED for a closed shop, ST_INTERNAL for a query of ours that they refuse.
 */
enum status answer_judge(const cJSON *tree, enum answer_kind *kind, struct query_cost *cost,
			 struct error *err) MUST_USE;

/*
 * Readers. The first fault is kept with the field's name, later calls give empty values, and `st`
 * is ST_UPSTREAM from then on. Texts are copied into the arena; a full arena shows in `st` too once
 * reader_end was called.
 */
struct reader {
	struct arena *arena;
	struct error *err;
	enum status st;
};
/* ST_OK when all was read. */
enum status reader_end(struct reader *r) MUST_USE;
/* Notes a fault: Shopify sent "name" that <why>. */
void reader_wrong(struct reader *r, const char *name, const char *why);

/* An object or array by name; NULL with a fault when it is missing or something else. */
const cJSON *read_object(struct reader *r, const cJSON *o, const char *name);
const cJSON *read_array(struct reader *r, const cJSON *o, const char *name);
/* An object by name; NULL without a fault when it is null or missing. */
const cJSON *read_object_or_null(struct reader *r, const cJSON *o, const char *name);
const char *read_text(struct reader *r, const cJSON *o, const char *name);
/* "" for null and missing. */
const char *read_text_or_empty(struct reader *r, const cJSON *o, const char *name);
bool read_bool(struct reader *r, const cJSON *o, const char *name);
/* A whole number of 32 bits; read_int_or_zero: 0 for null. */
int32_t read_int(struct reader *r, const cJSON *o, const char *name);
int32_t read_int_or_zero(struct reader *r, const cJSON *o, const char *name);
int64_t read_time(struct reader *r, const cJSON *o, const char *name);
int64_t read_time_or_zero(struct reader *r, const cJSON *o, const char *name);
/* A decimal string of at most six digits after the point. */
int64_t read_micros(struct reader *r, const cJSON *o, const char *name);
/* The amount of a MoneyBag: <name>.shopMoney.amount. */
int64_t read_shop_money(struct reader *r, const cJSON *o, const char *name);
/* ISO 4217: three capital letters. */
const char *read_currency(struct reader *r, const cJSON *o, const char *name);
/* The part of gid://shopify/<type>/ that follows; at most ID_MAX bytes. */
const char *read_id(struct reader *r, const cJSON *o, const char *name, const char *type);

#endif
