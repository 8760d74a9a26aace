/*
 * The taking in of telemetry: fetch, check, one transaction (pages, events, latency, accounts,
 * samples), acknowledge after commit. A page is stored once: its number is a row of the same
 * transaction, so a page that comes again after a crash changes nothing. A batch that fails is
 * halved until the bad page stands alone. Read next: page.h, store_telemetry.h, latency.h.
 */
#include "ingest.h"

#include "latency.h"
#include "partitions.h"
#include "samples.h"
#include "store_telemetry.h"

#include "core/log.h"
#include "core/magic.h"
#include "core/timeutil.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define INGEST_MAGIC 0x494e4745u
#define STREAM       "obs"
#define DURABLE      "observability-obs" /* the deploy step made it */
/* One prepares rows while the other's are in the database: two cores do half as much again. */
#define THREADS       2
#define BATCH_MAX     32 /* pages in a transaction */
#define FETCH_WAIT_MS 500
/* Between batches that are not full: a transaction costs as much as a page of rows. */
#define GATHER_MS        100
#define PAUSE_MS         500
#define INGEST_ARENA_MAX ((size_t)128 * 1024 * 1024)

struct ingest {
	unsigned magic;
	struct ingest *next; /* the other threads', each with all of its own */
	struct svc *svc;
	struct observability *app;
	struct bus_consumer *bus;
	struct arena *arena;
	struct latency *latency;
	pthread_t thread;
	_Atomic uint64_t pages, rows, repeated, malformed, given_up, failures;
};

/* ---- one transaction ---- */

static enum status need_days(struct ingest *in, const struct page *pages, size_t n,
			     struct error *err)
{
	int64_t first = INT64_MAX, last = INT64_MIN;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < pages[i].n; k++) {
			int64_t at = pages[i].rows[k].at_us;

			first = at < first ? at : first;
			last = at > last ? at : last;
		}
	if (first > last)
		return ST_OK;
	return partitions_need(svc_worker_db(in->svc), in->arena, (int32_t)(first / US_PER_DAY),
			       (int32_t)(last / US_PER_DAY), err);
}

/* The rows of the fresh pages, side by side. */
static enum status gather(struct ingest *in, const struct page *pages, size_t n,
			  struct event_row **rows, size_t *n_rows)
{
	size_t total = 0, at = 0;

	for (size_t i = 0; i < n; i++)
		total += pages[i].fresh ? pages[i].n : 0;
	*rows = arena_array(in->arena, total ? total : 1, sizeof(**rows));
	*n_rows = total;
	if (!*rows)
		return ST_TOO_LARGE;
	for (size_t i = 0; i < n; i++) {
		if (!pages[i].fresh || pages[i].n == 0)
			continue;
		memcpy(*rows + at, pages[i].rows, pages[i].n * sizeof(**rows));
		at += pages[i].n;
	}
	return ST_OK;
}

static enum status put_samples(struct ingest *in, struct db_tx *tx, const struct event_row *rows,
			       size_t n, struct error *err)
{
	struct sample *samples = arena_array(in->arena, n ? n : 1, sizeof(*samples));
	size_t k = 0;

	if (!samples)
		return ST_TOO_LARGE;
	for (size_t i = 0; i < n; i++) {
		if (!samples_counts_request(rows[i].service, rows[i].action))
			continue;
		samples[k++] = (struct sample){ .kind = SAMPLE_REQUEST,
						.tenant_id = rows[i].tenant_id,
						.at_us = rows[i].at_us + rows[i].duration_us,
						.amount = rows[i].duration_us,
						.good = rows[i].http_status < 500 };
	}
	if (k == 0)
		return ST_OK;
	db_after_commit(tx, alerts_wake, in->app);
	return samples_put(tx, in->arena, samples, k, err);
}

static enum status put_rows(struct ingest *in, struct db_tx *tx, const struct page *pages, size_t n,
			    size_t *n_rows, struct error *err)
{
	struct event_row *rows;
	enum status st = gather(in, pages, n, &rows, n_rows);

	for (size_t i = 0; st == ST_OK && i < *n_rows; i++)
		st = latency_add(in->latency, &rows[i]);
	if (st == ST_OK)
		st = store_events(tx, in->arena, rows, *n_rows, err);
	if (st == ST_OK)
		st = latency_put(in->latency, tx, in->arena, err);
	if (st == ST_OK)
		st = store_add_sources(tx, in->arena, pages, n, err);
	return st == ST_OK ? put_samples(in, tx, rows, *n_rows, err) : st;
}

static enum status apply(struct ingest *in, struct page *pages, size_t n, struct error *err)
{
	const struct db_scope none = { NULL, NULL };
	struct db *db = svc_worker_db(in->svc);
	AUTO_TX *tx = NULL;
	size_t n_rows = 0, fresh = 0;
	enum status st = need_days(in, pages, n, err);

	latency_begin(in->latency, time_now_us());
	if (st == ST_OK)
		st = db_begin(&tx, db, &none, 0, err);
	if (st == ST_OK)
		st = store_add_pages(tx, in->arena, pages, n, err);
	if (st == ST_OK)
		st = put_rows(in, tx, pages, n, &n_rows, err);
	if (st == ST_OK)
		st = db_commit(tx, err);
	if (st != ST_OK) {
		latency_fail(in->latency);
		atomic_fetch_add(&in->failures, 1);
		return st;
	}
	for (size_t i = 0; i < n; i++)
		fresh += pages[i].fresh;
	atomic_fetch_add(&in->pages, fresh);
	atomic_fetch_add(&in->repeated, n - fresh);
	atomic_fetch_add(&in->rows, n_rows);
	return ST_OK;
}

/* ---- the ends of a message ---- */

/* A page that cannot be stored holds up nobody: its rows show as lost, its reason in the log. */
static void finish_one(struct ingest *in, const struct page *p, enum status st,
		       const struct error *err)
{
	if (event_worth_another(p->msg, st)) {
		event_retry_later(p->msg);
		return;
	}
	log_event(LOG_ERROR, "telemetry.given_up", "page %lld of %s: %s: %s", (long long)p->page,
		  p->service, status_name(st), err->detail);
	atomic_fetch_add(&in->given_up, 1);
	event_settle(p->msg, bus_js_term);
}

static void process(struct ingest *in, struct page *pages, size_t n)
{
	struct error err = { 0 };
	enum status st = apply(in, pages, n, &err);

	if (st == ST_OK) {
		for (size_t i = 0; i < n; i++)
			event_settle(pages[i].msg, bus_js_ack);
		return;
	}
	if (n == 1 || event_is_outage(st)) {
		log_event(LOG_WARN, "telemetry.failed", "%zu pages: %s: %s", n, status_name(st),
			  err.detail);
		for (size_t i = 0; i < n; i++)
			finish_one(in, &pages[i], st, &err);
		return;
	}
	/* At most log2(BATCH_MAX) deep. */
	process(in, pages, n / 2);
	process(in, pages + n / 2, n - n / 2);
}

static void refuse(struct ingest *in, struct bus_msg *m, const struct error *err)
{
	log_event(LOG_ERROR, "telemetry.malformed", "%s: %s %s", bus_msg_subject(m), err->field,
		  err->detail);
	atomic_fetch_add(&in->malformed, 1);
	event_settle(m, bus_js_term);
}

static void take(struct ingest *in, struct bus_msg **msgs, int n)
{
	struct page pages[BATCH_MAX];
	int64_t now = time_now_us();
	size_t good = 0;

	for (int i = 0; i < n; i++) {
		struct error err = { 0 };
		enum status st = page_read(msgs[i], in->arena, now, &pages[good], &err);

		if (st == ST_OK)
			good++;
		else if (st == ST_INVALID)
			refuse(in, msgs[i], &err);
		else
			event_retry_later(msgs[i]); /* alone or with others it will fit */
	}
	if (good > 0)
		process(in, pages, good);
	arena_reset(in->arena);
}

/* ---- the thread ---- */

static void *ingest_main(void *arg)
{
	struct ingest *in = arg;
	struct bus_msg *msgs[BATCH_MAX];
	int n;

	CHECK_MAGIC(in, INGEST_MAGIC);
	while (!svc_stopping(in->svc)) {
		n = 0;
		if (bus_consumer_fetch(in->bus, BATCH_MAX, FETCH_WAIT_MS, msgs, &n) != ST_OK)
			svc_wait(in->svc, PAUSE_MS);
		if (n > 0)
			take(in, msgs, n);
		if (n > 0 && n < BATCH_MAX)
			svc_wait(in->svc, GATHER_MS);
	}
	return NULL;
}

static void free_ingest(struct ingest *in)
{
	bus_consumer_close(in->bus);
	latency_free(in->latency);
	arena_free(in->arena);
	free(in);
}

static struct ingest *start_one(struct svc *svc, struct observability *app, struct ingest *next)
{
	struct ingest *in = calloc(1, sizeof(*in)); /* allowed: lives as long as the process */

	if (!in)
		return NULL;
	in->magic = INGEST_MAGIC;
	in->next = next;
	in->svc = svc;
	in->app = app;
	in->arena = arena_new(INGEST_ARENA_MAX);
	in->latency = latency_new();
	if (in->arena && in->latency &&
	    bus_consumer_open(svc_bus(svc), STREAM, DURABLE, &in->bus) == ST_OK &&
	    pthread_create(&in->thread, NULL, ingest_main, in) == 0)
		return in;
	free_ingest(in);
	return NULL;
}

enum status ingest_start(struct svc *svc, struct observability *app, struct ingest **ret,
			 struct error *err)
{
	for (int i = 0; i < THREADS; i++) {
		struct ingest *in = start_one(svc, app, *ret);

		if (!in)
			return error_set(err, ST_UNAVAILABLE, NULL, "telemetry cannot be taken in");
		*ret = in;
	}
	return ST_OK;
}

void ingest_stop(struct ingest *first)
{
	while (first) {
		struct ingest *in = first;

		first = in->next;
		pthread_join(in->thread, NULL);
		free_ingest(in);
	}
}

void ingest_stats(const struct ingest *first, struct buf *out)
{
	uint64_t pages = 0, rows = 0, repeated = 0, malformed = 0, given_up = 0, failures = 0;

	for (const struct ingest *in = first; in; in = in->next) {
		pages += atomic_load(&in->pages);
		rows += atomic_load(&in->rows);
		repeated += atomic_load(&in->repeated);
		malformed += atomic_load(&in->malformed);
		given_up += atomic_load(&in->given_up);
		failures += atomic_load(&in->failures);
	}
	buf_printf(out,
		   ",\"pages_stored\":%llu,\"rows_stored\":%llu,\"pages_repeated\":%llu,"
		   "\"pages_malformed\":%llu,\"pages_given_up\":%llu,\"transactions_failed\":%llu",
		   (unsigned long long)pages, (unsigned long long)rows,
		   (unsigned long long)repeated, (unsigned long long)malformed,
		   (unsigned long long)given_up, (unsigned long long)failures);
}
