/*
 * Slots, answers and verdicts as rows, and what a rule's window holds of them. Read next:
 * store_samples.c, migrations/0002_samples.sql.
 */
#ifndef OBSERVABILITY_STORE_SAMPLES_H
#define OBSERVABILITY_STORE_SAMPLES_H

#include "samples_window.h"

#include "core/arena.h"
#include "core/status.h"
#include "db/db.h"

#include <stdbool.h>
#include <stddef.h>

extern const struct db_stmt sample_statements[]; /* of both pools */
extern const struct db_stmt sample_app_statements[];
extern const struct db_stmt sample_worker_statements[]; /* of the worker's */

struct slot_sum {
	const char *tenant_id;
	enum slot_kind kind;
	int tier;
	int64_t slot;
	int bucket;
	int64_t n, amount;
};
struct answer_row {
	const char *tenant_id, *question_id;
	int64_t at_us;
	bool traced;
};
struct verdict_row {
	const char *tenant_id, *question_id, *judge;
	bool good;
	int64_t version;
};
/* Rows sorted by key, each key once. Also notes that the tenants have news. */
enum status store_slots_add(struct db_tx *tx, struct arena *a, const struct slot_sum *rows,
			    size_t n, struct error *err) MUST_USE;
/* In any order; sorted here. */
enum status store_answers_add(struct db_tx *tx, struct arena *a, struct answer_row *rows, size_t n,
			      struct error *err) MUST_USE;
enum status store_verdicts_add(struct db_tx *tx, struct arena *a, struct verdict_row *rows,
			       size_t n, struct error *err) MUST_USE;

/* A window to be summed up, and what it holds. */
struct window_ask {
	enum slot_kind kind;
	int64_t window_s;
	struct window_sums sums;
};
/* Fills in the sums of n windows of the tenant in scope, in one statement. */
enum status store_windows(struct db_tx *tx, struct arena *a, const char *tenant_id, int64_t now_us,
			  struct window_ask *asks, size_t n, struct error *err) MUST_USE;

/* As the worker: deletes what is past its keeping, at most a few thousand rows; `more`: there is
 * more of it. */
enum status store_samples_forget(struct db *worker, struct arena *a, int64_t now_us, bool *more,
				 struct error *err) MUST_USE;

#endif
