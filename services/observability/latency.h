/*
 * Latency on its way into the database: the histograms of the present minute's requests, by tenant,
 * minute, service and method. They are held in memory and written whole with each transaction that
 * adds to them, under a `writer` that only this process uses and only as long as all went well: so
 * nothing is read back, a transaction that failed or whose end is unknown costs a new writer and no
 * count, and copies of the service never write the same row. Read next: store_latency.c,
 * histogram.h.
 */
#ifndef OBSERVABILITY_LATENCY_H
#define OBSERVABILITY_LATENCY_H

#include "event.h"

struct latency;
struct latency *latency_new(void); /* NULL when memory is out */
void latency_free(struct latency *l);

/* Before a batch. Begins a new writer when the minute has changed or much is held. */
void latency_begin(struct latency *l, int64_t now_us);
/* Counts a request; ST_TOO_LARGE when a batch is larger than what is held. */
enum status latency_add(struct latency *l, const struct event_row *row) MUST_USE;
/* Writes what the batch changed. */
enum status latency_put(struct latency *l, struct db_tx *tx, struct arena *a,
			struct error *err) MUST_USE;
/* The transaction did not commit, or nobody knows: what it wrote is left to what it was. */
void latency_fail(struct latency *l);

/* What is stored, for GET /api/admin/latency: summed over minutes, writers and copies. */
extern const struct db_stmt latency_statements[];
extern const struct db_stmt latency_worker_statements[];

struct latency_sum {
	const char *service, *method;
	int64_t requests, errors, max_us;
	const char *buckets; /* "bucket count bucket count ..." */
};
/* Queues the question for whole minutes from..to (not included); `service` "" for all. */
int latency_ask(struct db_tx *tx, struct arena *a, const char *service, int64_t from_us,
		int64_t to_us);
void latency_read(const struct db_tx *tx, int result, int i, struct latency_sum *ret);

#endif
