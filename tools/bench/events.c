/*
 * Business events: pages of rows put into an ingest service's outbox, as the service does, until
 * all of them are committed in attribution's tables. The real relay publishes, the real consumer
 * projects; the outbox's writer is the only stand-in, so that no provider's pace is measured.
 */
#include "bench.h"

#include "contract/ingest_ads_events.h"
#include "contract/ingest_shopify_events.h"
#include "core/id.h"
#include "core/timeutil.h"
#include "svc/outbox.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WRITERS     8
#define ROWS_MAX    INT64_C(2000000)
#define PAGE_MAX    1000
#define TOUCHES     3
#define LINKS       40 /* distinct links of the touches */
#define WAIT_US     (120 * US_PER_SECOND)
#define LOOK_US     (20 * 1000)
#define PAGE_ARENA  ((size_t)16 * 1024 * 1024)
#define ORDER_GROSS INT64_C(19990000)
#define AD_SPEND    INT64_C(1230000)
#define FIRST_DAY   18000
#define DAYS        90

/* The runtime's statement that writes an outbox row. */
extern const struct db_stmt svc_app_statements[];

struct publisher {
	bool orders;
	const char *tenant_id, *brand_id;
	int64_t rows, per_event, events;
	char run_id[UUID_TEXT];
	struct db *outbox, *watch;
	_Atomic int64_t next;
	_Atomic bool failed;
};

/* protobuf-c's structs have plain char pointers; nothing is written through them. */
static char *text(const char *s)
{
	return (char *)(uintptr_t)s;
}

/* ---- rows ---- */

static Pulsepoint__Money *money(struct arena *a, int64_t micros)
{
	Pulsepoint__Money *m = arena_alloc(a, sizeof(*m));

	if (m) {
		pulsepoint__money__init(m);
		m->micros = micros;
		m->currency = text("GBP");
	}
	return m;
}

static Pulsepoint__Date *date(struct arena *a, int32_t days)
{
	Pulsepoint__Date *d = arena_alloc(a, sizeof(*d));

	if (d) {
		pulsepoint__date__init(d);
		d->days = days;
	}
	return d;
}

static Pulsepoint__Timestamp *timestamp(struct arena *a, int64_t us)
{
	Pulsepoint__Timestamp *t = arena_alloc(a, sizeof(*t));

	if (t) {
		pulsepoint__timestamp__init(t);
		t->micros = us;
	}
	return t;
}

static Shopify__V1__Touch *touch(struct arena *a, int64_t order, int k, int64_t us)
{
	static const char *const sources[] = { "google", "facebook", "tiktok", "newsletter" };
	Shopify__V1__Touch *t = arena_alloc(a, sizeof(*t));

	if (!t)
		return NULL;
	shopify__v1__touch__init(t);
	t->position = (uint32_t)k + 1;
	t->occurred_at = timestamp(a, us);
	t->source = text(sources[(order + k) % 4]);
	t->source_type = text("paid");
	t->medium = text("cpc");
	t->campaign = arena_printf(a, "bench-%lld", (long long)((order * TOUCHES + k) % LINKS));
	t->landing_page = text("https://bench.example.com/");
	return t;
}

static Shopify__V1__OrderRow *order(struct arena *a, int64_t i)
{
	int32_t day = FIRST_DAY + (int32_t)(i % DAYS);
	int64_t at = day * US_PER_DAY + US_PER_DAY / 2;
	Shopify__V1__OrderRow *r = arena_alloc(a, sizeof(*r));

	if (!r)
		return NULL;
	shopify__v1__order_row__init(r);
	r->order_id = arena_printf(a, "gid://shopify/Order/%lld", (long long)i);
	r->version = 1;
	r->processed_at = timestamp(a, at);
	r->day = date(a, day);
	r->counts = true;
	r->gross = money(a, ORDER_GROSS);
	r->refunds = money(a, 0);
	r->touches = arena_array(a, TOUCHES, sizeof(*r->touches));
	for (int k = 0; r->touches && k < TOUCHES; k++)
		r->touches[r->n_touches++] = touch(a, i, k, at - (TOUCHES - k) * US_PER_DAY);
	return r;
}

static Ads__V1__AdResultRow *result(struct arena *a, int64_t i)
{
	Ads__V1__AdResultRow *r = arena_alloc(a, sizeof(*r));

	if (!r)
		return NULL;
	ads__v1__ad_result_row__init(r);
	r->account_id = text("act_1");
	r->campaign_id = arena_printf(a, "c%lld", (long long)(i / DAYS / 100));
	r->adset_id = arena_printf(a, "s%lld", (long long)(i / DAYS / 10));
	r->ad_id = arena_printf(a, "a%lld", (long long)(i / DAYS));
	r->day = date(a, FIRST_DAY + (int32_t)(i % DAYS));
	r->version = 1;
	r->spend = money(a, AD_SPEND);
	r->impressions = 1000;
	r->clicks = 20;
	r->conversion_value = money(a, 0);
	return r;
}

/* ---- events ---- */

static enum status put_orders(struct publisher *p, struct db_tx *tx, struct arena *a,
			      const struct event_origin *origin, int64_t from, int64_t n,
			      struct error *err)
{
	Shopify__V1__OrdersUpserted m = SHOPIFY__V1__ORDERS_UPSERTED__INIT;

	m.brand_id = text(p->brand_id);
	m.run_id = p->run_id;
	m.rows = arena_array(a, (size_t)n, sizeof(*m.rows));
	for (int64_t i = 0; m.rows && i < n; i++)
		m.rows[m.n_rows++] = order(a, from + i);
	if (arena_failed(a))
		return error_set(err, ST_UNAVAILABLE, NULL, "memory is out");
	return emit_ingest_shopify_orders_upserted(tx, origin, &m, err);
}

static enum status put_results(struct publisher *p, struct db_tx *tx, struct arena *a,
			       const struct event_origin *origin, int64_t from, int64_t n,
			       struct error *err)
{
	Ads__V1__AdResultsUpserted m = ADS__V1__AD_RESULTS_UPSERTED__INIT;

	m.brand_id = text(p->brand_id);
	m.run_id = p->run_id;
	m.platform = ADS__V1__PLATFORM__PLATFORM_META;
	m.rows = arena_array(a, (size_t)n, sizeof(*m.rows));
	for (int64_t i = 0; m.rows && i < n; i++)
		m.rows[m.n_rows++] = result(a, from + i);
	if (arena_failed(a))
		return error_set(err, ST_UNAVAILABLE, NULL, "memory is out");
	return emit_ingest_ads_ad_results_upserted(tx, origin, &m, err);
}

static enum status put_event(struct publisher *p, struct arena *a, int64_t number,
			     struct error *err)
{
	struct db_scope scope = { p->tenant_id, NULL };
	struct event_origin origin = { p->tenant_id, "service:bench", NULL };
	AUTO_TX *tx = db_tx_new(p->outbox, &scope);
	int64_t from = number * p->per_event;
	int64_t n = p->rows - from < p->per_event ? p->rows - from : p->per_event;
	enum status st;

	if (!tx)
		return error_set(err, ST_UNAVAILABLE, NULL, "memory is out");
	st = p->orders ? put_orders(p, tx, a, &origin, from, n, err)
		       : put_results(p, tx, a, &origin, from, n, err);
	return st == ST_OK ? db_run(tx, 0, err) : st;
}

static void *write_events(void *arg)
{
	struct publisher *p = arg;
	struct arena *a = arena_new(PAGE_ARENA);
	struct error err = { 0 };
	int64_t number;

	while (a && !atomic_load(&p->failed)) {
		number = atomic_fetch_add(&p->next, 1);
		if (number >= p->events)
			break;
		if (put_event(p, a, number, &err) != ST_OK) {
			fprintf(stderr, "bench: %s\n", err.detail);
			atomic_store(&p->failed, true);
		}
		arena_reset(a);
	}
	if (!a)
		atomic_store(&p->failed, true);
	arena_free(a);
	return NULL;
}

/* ---- what attribution has ---- */

static const struct db_stmt watch_statements[] = {
	{ "pages",
	  "SELECT coalesce(sum(pages_seen), 0)::bigint FROM run_progress WHERE run_id = $1" },
	{ "spend", "SELECT count(*), coalesce(sum(spend), 0)::bigint FROM ad_spend"
		   " WHERE brand_id = $1::uuid" },
	{ "orders", "SELECT count(*), coalesce(sum(gross - refunds), 0)::bigint FROM orders"
		    " WHERE brand_id = $1::uuid" },
	{ "credits", "SELECT count(DISTINCT model), coalesce(sum(net), 0)::bigint FROM credit_days"
		     " WHERE brand_id = $1::uuid" },
	{ NULL, NULL },
};

static bool ask(struct publisher *p, const char *stmt, const char *arg, int64_t *first,
		int64_t *second)
{
	struct db_scope scope = { p->tenant_id, NULL };
	struct arena *a = arena_new(1 << 16);
	AUTO_TX *tx = db_tx_new(p->watch, &scope);
	struct error err = { 0 };
	struct db_args args;
	bool good = false;

	if (a && tx) {
		db_args_init(&args, a);
		db_arg_text(&args, arg);
		db_add(tx, stmt, &args);
		good = db_run(tx, 0, &err) == ST_OK;
	}
	if (good) {
		*first = db_int(tx, 0, 0, 0);
		*second = db_int(tx, 0, 0, 1);
	} else {
		fprintf(stderr, "bench: %s\n", err.detail);
	}
	arena_free(a);
	return good;
}

/* Waits until attribution has committed the run's last page. */
static bool wait_applied(struct publisher *p)
{
	int64_t until = time_mono_us() + WAIT_US, seen = 0, none;

	while (!atomic_load(&p->failed) && time_mono_us() < until) {
		if (!ask(p, "pages", p->run_id, &seen, &none))
			return false;
		if (seen == p->events)
			return true;
		time_sleep_us(time_mono_us() + LOOK_US);
	}
	fprintf(stderr, "bench: only %lld of %lld events were applied\n", (long long)seen,
		(long long)p->events);
	return false;
}

/* Speed counts only when every row stands there once and the sums are right. */
static bool verify(struct publisher *p)
{
	int64_t n = 0, sum = 0, models = 0, credits = 0;
	int64_t want = p->rows * (p->orders ? ORDER_GROSS : AD_SPEND);

	if (!ask(p, p->orders ? "orders" : "spend", p->brand_id, &n, &sum))
		return false;
	if (n != p->rows || sum != want) {
		fprintf(stderr,
			"bench: %lld rows with %lld micros stand there, not %lld with %lld\n",
			(long long)n, (long long)sum, (long long)p->rows, (long long)want);
		return false;
	}
	if (!p->orders)
		return true;
	if (!ask(p, "credits", p->brand_id, &models, &credits) || models == 0)
		return false;
	if (credits != models * want)
		fprintf(stderr, "bench: credits of %lld micros in %lld models, orders of %lld\n",
			(long long)credits, (long long)models, (long long)want);
	return credits == models * want;
}

static bool publish(struct publisher *p)
{
	pthread_t threads[WRITERS];
	int64_t start = time_mono_us(), written, end;
	int n = 0;
	bool good;

	while (n < WRITERS && pthread_create(&threads[n], NULL, write_events, p) == 0)
		n++;
	if (n < WRITERS)
		atomic_store(&p->failed, true);
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	written = time_mono_us();
	good = wait_applied(p);
	end = time_mono_us();
	if (!good || !verify(p))
		return false;
	/* rows a second, events a second, seconds in all, seconds until the last insert */
	printf("RESULT %.0f %.0f %.2f %.2f\n",
	       (double)p->rows * (double)US_PER_SECOND / (double)(end - start),
	       (double)p->events * (double)US_PER_SECOND / (double)(end - start),
	       (double)(end - start) / (double)US_PER_SECOND,
	       (double)(written - start) / (double)US_PER_SECOND);
	return true;
}

static enum status open_pools(struct publisher *p, struct error *err)
{
	static const struct db_stmt *const put[] = { svc_app_statements, NULL };
	static const struct db_stmt *const look[] = { watch_statements, NULL };
	enum status st = db_open(&p->outbox,
				 &(struct db_config){
					 .conninfo = getenv("PP_DB_APP"),
					 .schema = p->orders ? "ingest_shopify" : "ingest_ads",
					 .connections = WRITERS,
					 .stmts = put,
				 },
				 err);

	if (st != ST_OK)
		return st;
	return db_open(&p->watch,
		       &(struct db_config){ .conninfo = getenv("WATCH_DB"),
					    .schema = "attribution",
					    .connections = 1,
					    .stmts = look },
		       err);
}

int bench_events(int argc, char **argv)
{
	struct publisher p = { .orders = strcmp(argv[1], "orders") == 0,
			       .tenant_id = argv[2],
			       .brand_id = argv[3],
			       .rows = bench_number("ROWS", argv[4], 1, ROWS_MAX),
			       .per_event = bench_number("ROWS_PER_EVENT", argv[5], 1, PAGE_MAX) };
	struct error err = { 0 };
	bool good;

	(void)argc;
	p.events = (p.rows + p.per_event - 1) / p.per_event;
	uuid_v7(p.run_id);
	good = open_pools(&p, &err) == ST_OK;
	if (!good)
		fprintf(stderr, "bench: %s\n", err.detail);
	good = good && publish(&p);
	db_close(p.outbox);
	db_close(p.watch);
	return good ? 0 : 1;
}
