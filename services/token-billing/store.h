/* The tables of token-billing: one function per question. Read next: store.c, migrations/. */
#ifndef BILLING_STORE_H
#define BILLING_STORE_H

#include "book.h"
#include "db/db.h"
#include "svc/call.h"

#define STORE_DUE_MAX    64  /* tenants of one round of the keeper */
#define STORE_EXPIRE_MAX 200 /* reservations of one transaction */
#define STORE_TELL_MAX   64  /* crossings of one transaction */

extern const struct db_stmt billing_statements[];
extern const struct db_stmt billing_worker_statements[];

/* All versions, for book_new (malloc). */
enum status store_prices(struct db *db, struct price **ret, size_t *ret_n,
			 struct error *err) MUST_USE;
/* Adds versions that are not there yet, all or none; *ret_added is their number. A version that is
 * there with another rate is ST_CONFLICT; more than BOOK_MAX in all is ST_TOO_LARGE. */
enum status store_prices_add(struct db *db, struct arena *a, const struct price *prices, size_t n,
			     const char *source, int64_t *ret_added, struct error *err) MUST_USE;

struct hold {
	const char *reservation_id, *brand_id, *user_id, *question_id, *model;
	struct token_counts estimate;
	bool priced;
	int64_t nano;    /* with priced */
	int64_t edition; /* of the book that priced it */
};
enum hold_outcome {
	HOLD_HELD,
	HOLD_CONFLICT, /* the id is another request's */
	HOLD_STALE,    /* there are newer prices */
	HOLD_NO_BRAND, /* the brand was not confirmed yet */
	HOLD_SPENT,    /* what a hard budget has used leaves no room in its period */
	HOLD_BUSY,     /* it has room, but holds of others take it for now */
	HOLD_UNPRICED, /* and a hard budget stands over it */
};
struct held {
	enum hold_outcome outcome;
	bool priced;
	int64_t nano, expires_us, wait_s;
	const char *whose, *period; /* of the budget without room */
	bool noted;                 /* a limit was reached: the keeper has to tell */
};
enum status store_reserve(struct call *call, const struct hold *h, struct held *ret) MUST_USE;
enum status store_brand_add(struct call *call, const char *brand_id) MUST_USE;

struct line {
	const char *usage_id, *reservation_id, *brand_id, *user_id, *question_id, *model;
	struct token_counts tokens;
	bool priced;
	int64_t nano, used_at_us;
	const char *request_id;
};
/* A reservation of the brand and its ledger line, in an open transaction. ST_NOT_FOUND. */
enum status store_reservation(struct call *call, struct db_tx *tx, const char *reservation_id,
			      const char *brand_id, struct line *ret, bool *ret_settled) MUST_USE;
/* Writes the line; ST_CONFLICT on "ledger_once" when there is one. */
enum status store_settle(struct call *call, struct db_tx *tx, const struct line *l,
			 const struct rates *rates, bool *ret_noted) MUST_USE;
enum status store_release(struct call *call, const char *reservation_id, const char *brand_id,
			  bool *ret_found, struct line *ret) MUST_USE;

/* ---- reports ---- */
struct usage_row {
	const char *key;
	int64_t calls, unpriced;
	int64_t tokens[TOKEN_KINDS];
	int64_t nano;
};
struct usage {
	struct usage_row *rows;
	size_t n;
	struct usage_row total;
	int64_t open, expired;
};
#define USAGE_ROWS_MAX 10000
/* `by` is day, model, brand or user. ST_TOO_LARGE beyond USAGE_ROWS_MAX. */
enum status store_usage(struct call *call, int32_t from, int32_t to, const char *by,
			struct usage *ret) MUST_USE;
struct budget {
	const char *brand_id; /* "" the tenant's */
	const char *period;
	bool has_soft, has_hard;
	int64_t soft, hard, used, held;
	int64_t start_us, end_us, updated_us;
};
enum status store_budgets(struct call *call, struct budget **ret, size_t *ret_n) MUST_USE;
/* *ret is the budget as it now stands, with what is used and held of it. */
enum status store_budget_put(struct call *call, const struct budget *b,
			     struct budget **ret) MUST_USE;

/* ---- the keeper's ---- */
/* The largest price_id there is. */
enum status store_edition(struct db *db, struct arena *a, int64_t *ret, struct error *err) MUST_USE;
/* Tenants with something to expire or to tell. */
enum status store_due(struct db *worker, struct arena *a, const char ***ret, size_t *ret_n,
		      struct error *err) MUST_USE;

#endif
