/*
 * Samples: what alert rules look at, summed by tenant in slots of time. Whoever takes in telemetry
 * or business events puts samples into its own transaction and calls alerts_wake after commit. Read
 * next: samples.c (how they are summed), store_samples.c, evaluate.c.
 *
 * Each sample is summed three times, so that any window is a few hundred slots: in slots of 10 s
 * (kept 2 hours), 5 minutes (2 days) and 1 hour (31 days). A rule's window of up to an hour is
 * counted in the first, up to a day in the second, else in the third; it begins at a slot's
 * beginning, so it is up to one slot longer than the rule says. Latencies are counted in the
 * buckets of histogram.h.
 */
#ifndef OBSERVABILITY_SAMPLES_H
#define OBSERVABILITY_SAMPLES_H

#include "core/arena.h"
#include "core/status.h"
#include "db/db.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SAMPLES_MAX 65536 /* of one samples_put */

enum sample_kind {
	SAMPLE_REQUEST, /* amount: its duration in microseconds; good: answered below 500 */
	SAMPLE_COST,    /* amount: nano-dollars settled, 0 or more */
	SAMPLE_ANSWER,  /* subject: the question; good: every number traced */
	SAMPLE_VERDICT, /* subject: the question; judge: the user; good: rated 3 or more; version */
};

struct sample {
	enum sample_kind kind;
	const char *tenant_id; /* "" and the nil UUID are nobody's and left out */
	int64_t at_us;  /* when it ended; the future counts as now, what is too old is left out */
	int64_t amount; /* below 0 counts as 0 */
	bool good;
	const char *subject, *judge;
	int64_t version; /* of a verdict: a judge's newest counts */
};

/*
 * True for requests that rules look at: those that people wait for. They are the rows of api-edge
 * ("GET /api/brands"); inside, one request would count once for every hop. A stream without an
 * end of its own (GET /api/alerts/stream) is left out.
 */
bool samples_counts_request(const char *service, const char *method);

/*
 * Adds n samples in any order, of one tenant or many, to the transaction (open or queued, in the
 * scope of their tenant or as the worker): one upsert for each distinct slot, in the order of the
 * keys, so that batches at the same time cannot deadlock. An answer or verdict that was put before
 * changes nothing. ST_TOO_LARGE beyond SAMPLES_MAX, ST_INVALID for an id that is no UUID.
 */
enum status samples_put(struct db_tx *tx, struct arena *a, const struct sample *s, size_t n,
			struct error *err) MUST_USE;

/* For db_after_commit, with the struct observability: this copy looks at the rules at once. Never
 * blocks. */
void alerts_wake(void *app);

#endif
