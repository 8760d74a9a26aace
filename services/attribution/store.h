/*
 * What the consumers and handlers ask of the database, one function per question; no protobuf. Each
 * store_*.c has its SQL at the top. Read next: migrations/0001_attribution.sql, project.c,
 * handlers.c.
 */
#ifndef ATTRIBUTION_STORE_H
#define ATTRIBUTION_STORE_H

#include "campaign.h"
#include "credit.h"
#include "tally.h"

#include "core/arena.h"
#include "core/status.h"
#include "db/db.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ID_MAX          255 /* bytes of an id of a provider; four of them fit PostgreSQL's index row */
#define RUNS_KEEP_DAYS  30 /* progress of runs, finished or not */
#define SYNCING_MINUTES 15 /* a run that moved within these is under way */

extern const struct db_stmt *const store_statements[]; /* of all stores, NULL-ended */

/* A transaction of one tenant at work on one brand: open, but for the store_ask_* functions, which
 * queue. Memory is the arena's. */
struct brand_tx {
	struct db_tx *tx;
	struct arena *arena;
	struct error *err;
	const char *brand_id;
};
/* Starts arguments with the tenant and the brand. */
void store_args(struct db_args *args, const struct brand_tx *b);
/* One column of n rows as an array argument: COLUMN_TEXT(&args, rows, order_id, n). COLUMN_INT
 * takes int32_t and enums. */
void store_arg_texts(struct db_args *args, const void *first, size_t stride, size_t n);
void store_arg_i64s(struct db_args *args, const void *first, size_t stride, size_t n);
void store_arg_ints(struct db_args *args, const void *first, size_t stride, size_t n);
void store_arg_times(struct db_args *args, const void *first, size_t stride, size_t n);
void store_arg_days(struct db_args *args, const void *first, size_t stride, size_t n);
void store_arg_bools(struct db_args *args, const void *first, size_t stride, size_t n);
void store_arg_platforms(struct db_args *args, const void *first, size_t stride, size_t n);
#define COLUMN_(type, args, rows, member, n) \
	store_arg_##type(args, (n) ? &(rows)->member : NULL, sizeof(*(rows)), n)
#define COLUMN_TEXT(args, rows, member, n)     COLUMN_(texts, args, rows, member, n)
#define COLUMN_I64(args, rows, member, n)      COLUMN_(i64s, args, rows, member, n)
#define COLUMN_INT(args, rows, member, n)      COLUMN_(ints, args, rows, member, n)
#define COLUMN_DAY(args, rows, member, n)      COLUMN_(days, args, rows, member, n)
#define COLUMN_BOOL(args, rows, member, n)     COLUMN_(bools, args, rows, member, n)
#define COLUMN_PLATFORM(args, rows, member, n) COLUMN_(platforms, args, rows, member, n)
#define COLUMN_TIME(args, rows, member, n)     COLUMN_(times, args, rows, member, n)

/* ---- store_brands.c ---- */

struct brand_row {
	const char *brand_id, *currency;
	int64_t version;
};
/* Newer versions win; rows in any order, a brand may stand in several. */
enum status store_put_brands(struct db_tx *tx, struct arena *a, const struct brand_row *rows,
			     size_t n, struct error *err) MUST_USE;
/*
 * Waits for the brand's lock and holds it to the end of the transaction. Whoever changes a brand's
 * orders, kinds or campaigns holds it, so that what was read stays true until it is written. Take
 * the locks of several brands in the order of their ids.
 */
enum status store_lock_brand(const struct brand_tx *b) MUST_USE;
/* Queues the question for the brand; false when the tenant has none such. */
int store_ask_brand(const struct brand_tx *b);
bool store_read_brand(const struct brand_tx *b, int result, const char **currency);

/* ---- store_orders.c ---- */

/* An order as the roll-ups see it. */
struct order_state {
	const char *order_id;
	int64_t version;
	int64_t processed_us;
	int32_t day;
	bool counts;
	const char *currency;
	int64_t gross, refunds;
	struct touch *touches; /* sorted */
	size_t n_touches;
};
/* Its value for credit.h. ST_TOO_LARGE when gross less refunds overflows. */
enum status order_value(const struct order_state *o, struct credit_order *ret) MUST_USE;

/* Adds those that are not stored yet, in whatever version; the others are left as they are. Sorted
 * by id, each once. */
enum status store_add_orders(const struct brand_tx *b, const struct order_state *orders, size_t n,
			     bool *added) MUST_USE;
/* What is stored of these orders, in any order; unknown ones are left out. */
enum status store_orders_now(const struct brand_tx *b, const struct order_state *orders, size_t n,
			     struct order_state **ret, size_t *ret_n) MUST_USE;
/* Writes the orders over older versions. Sorted by id, each once. */
enum status store_put_orders(const struct brand_tx *b, const struct order_state *orders,
			     size_t n) MUST_USE;
/* Adds the tally (finished) to the roll-ups. */
enum status store_add_credits(const struct brand_tx *b, const struct tally *t) MUST_USE;

/*
 * Streams the orders that count, of the days from..to (NULL: no bound), in batches:
 * store_open_orders, then store_next_orders until `*n` is 0. All batches are of one snapshot, and
 * hold what the rules need: no id, version, day or positions. The batch's memory is the arena's:
 * reset it between batches.
 */
enum status store_open_orders(const struct brand_tx *b, const char *from, const char *to) MUST_USE;
enum status store_next_orders(const struct brand_tx *b, struct order_state **ret,
			      size_t *n) MUST_USE;
/* Queues the question for one order; false when it is unknown. */
int store_ask_order(const struct brand_tx *b, const char *order_id);
bool store_read_order(const struct brand_tx *b, int result, struct order_state *ret);

/* ---- store_kinds.c ---- */

struct kind {
	int64_t kind_id;
	enum channel channel;
	enum ad_platform platform;
	const char *account_id, *campaign_id; /* "" without a platform */
};
struct kind_link {
	struct link link;
	struct kind now; /* what it is stored as */
};
/* The kinds of these links: ids[i] becomes that of links[i], 0 where it is new. */
enum status store_find_kinds(const struct brand_tx *b, const struct link *links, size_t n,
			     int64_t *ids) MUST_USE;
enum status store_count_kinds(const struct brand_tx *b, int64_t *ret) MUST_USE;
/* Adds kinds for links that have none; kinds[i] says what links[i] is (its kind_id is not looked
 * at). */
enum status store_add_kinds(const struct brand_tx *b, const struct link *links,
			    const struct kind *kinds, size_t n) MUST_USE;
/* The kinds that these campaigns may have made what they are, or could: by text (a name or an id)
 * or by id. */
enum status store_kinds_of_campaigns(const struct brand_tx *b, const char *const *texts, size_t n,
				     struct kind_link **ret, size_t *ret_n) MUST_USE;
enum status store_change_kinds(const struct brand_tx *b, const struct kind *kinds,
			       size_t n) MUST_USE;

/* ---- store_campaigns.c ---- */

struct campaign_row {
	enum ad_platform platform;
	const char *account_id, *campaign_id, *name;
	const char **past_names;
	size_t n_past_names;
	int64_t version;
};
/* Writes campaigns over older versions, all names of each with it. `applied[i]` tells whether
 * rows[i] was newer. Each campaign once. */
enum status store_put_campaigns(const struct brand_tx *b, const struct campaign_row *rows, size_t n,
				bool *applied) MUST_USE;
/* The names of all campaigns whose id or one of whose names is among the texts. */
enum status store_campaign_names(const struct brand_tx *b, const char *const *texts, size_t n,
				 struct campaign_name **ret, size_t *ret_n) MUST_USE;

/* ---- store_spend.c ---- */

struct spend_row {
	enum ad_platform platform;
	const char *account_id, *campaign_id, *adset_id, *ad_id;
	int32_t day;
	int64_t version;
	const char *currency;
	int64_t spend;
};
/* Newer versions win; rows in any order, a key may stand in several. */
enum status store_put_spend(const struct brand_tx *b, const struct spend_row *rows,
			    size_t n) MUST_USE;

/* ---- store_runs.c ---- */

struct run_step {
	const char *source, *run_id;
	int64_t pages;        /* applied now */
	int64_t pages_total;  /* -1: not said */
	int64_t data_through; /* 0: not said */
};
struct run_done {
	const char *source, *run_id;
};
/* Adds the steps (each run once, sorted by source and run), then ends the runs that are complete:
 * freshness moves, and they are returned. */
enum status store_step_runs(const struct brand_tx *b, const struct run_step *steps, size_t n,
			    struct run_done **done, size_t *n_done) MUST_USE;

struct freshness_row {
	const char *source;
	int64_t synced_at, data_through; /* 0: unknown */
	bool syncing;
};
int store_ask_freshness(const struct brand_tx *b);
/* Rows in the arena; NULL when it is full. */
struct freshness_row *store_read_freshness(const struct brand_tx *b, int result, size_t *n);

#endif
