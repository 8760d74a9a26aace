/*
 * What a call of a model costs: tokens by kind times rates, in integers. Pure: core only. Read
 * next: book.h (which rates hold when).
 */
#ifndef BILLING_COST_H
#define BILLING_COST_H

#include "core/status.h"

#include <stdbool.h>
#include <stdint.h>

/* The kinds of token that have rates of their own; the order is that of the tables' arrays. */
#define TOKEN_KIND_LIST(X)                  \
	X(INPUT, "input")                   \
	X(CACHE_READ, "cache_read")         \
	X(CACHE_WRITE_5M, "cache_write_5m") \
	X(CACHE_WRITE_1H, "cache_write_1h") \
	X(OUTPUT, "output")
enum token_kind {
#define X(name, word) TOKEN_##name,
	TOKEN_KIND_LIST(X)
#undef X
};
#define TOKEN_KINDS     5
#define TOKENS_MAX      INT64_C(1000000000000) /* of one kind in one call */
#define TOKENS_PER_RATE 1000000                /* a rate is nano-dollars for so many tokens */
#define COST_UNLISTED   (1u << TOKEN_KINDS)

const char *token_kind_word(enum token_kind k);
/* False when no kind has that word. */
bool token_kind_parse(const char *word, enum token_kind *ret);

struct token_counts {
	int64_t n[TOKEN_KINDS];
};
/* The rates of a model at one moment; `known` false: nobody knows that one. `listed` false: nor the
 * model. */
struct rates {
	bool listed;
	struct {
		bool known;
		int64_t nano_per_mtok;
		int64_t price_id;
	} of[TOKEN_KINDS];
};

/*
 * The cost in nano-dollars: the sum over the kinds, rounded half up once. *ret_missing has a bit
 * for each kind that has tokens and no rate, or is COST_UNLISTED when nobody knows the model: then
 * the call is unpriced and *ret_nano is not written. ST_TOO_LARGE when the cost does not fit 64
 * bits; ST_INVALID for counts outside 0..TOKENS_MAX.
 */
enum status cost_of(const struct token_counts *t, const struct rates *r, int64_t *ret_nano,
		    unsigned *ret_missing) MUST_USE;

/*
 * A rate in US dollars per token as decimal text ("3.75e-08", "0.00012") as nano-dollars per
 * million tokens, exactly. False when it is no decimal, negative, finer than that or larger than 64
 * bits.
 */
bool rate_parse(const char *text, int64_t *ret);

#endif
