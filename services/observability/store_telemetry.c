/* SQL of the account of telemetry. Read next: store_telemetry.h, ingest.c. */
#include "store_telemetry.h"

#include "latency.h"
#include "partitions.h"

#include <string.h>

#define PAGES_FORGET   100000 /* rows at a time */
#define LATENCY_FORGET 20000

const struct db_stmt telemetry_statements[] = {
	/* A process says what it emitted; what is neither stored nor dropped was lost on the way.
	 */
	{ "telemetry_losses",
	  "SELECT service, sum(stored), sum(dropped), sum(greatest(emitted - dropped - stored, 0))"
	  " FROM telemetry_sources GROUP BY service ORDER BY service LIMIT 1000" },
	{ NULL, NULL },
};

const struct db_stmt telemetry_worker_statements[] = {
	/* In the order of the keys, so that two copies wait for each other and never in a ring. */
	{ "pages_add",
	  "INSERT INTO telemetry_pages (service, instance, page) SELECT * FROM unnest($1::text[],"
	  " $2::uuid[], $3::bigint[]) AS t(service, instance, page) ORDER BY 1, 2, 3"
	  " ON CONFLICT DO NOTHING RETURNING service, instance, page" },
	/* The numbers of a page hold for all pages before it, so the greatest is the latest. */
	{ "sources_add",
	  "INSERT INTO telemetry_sources AS s (service, instance, emitted, dropped, stored)"
	  " SELECT service, instance, max(emitted), max(dropped), sum(stored) FROM unnest("
	  "$1::text[], $2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[])"
	  " AS t(service, instance, emitted, dropped, stored) GROUP BY 1, 2 ORDER BY 1, 2"
	  " ON CONFLICT (service, instance) DO UPDATE"
	  " SET emitted = greatest(s.emitted, excluded.emitted),"
	  " dropped = greatest(s.dropped, excluded.dropped), stored = s.stored + excluded.stored,"
	  " told_at = clock_timestamp()" },
	{ "pages_keep", "DELETE FROM telemetry_pages WHERE ctid = ANY (ARRAY("
			"SELECT ctid FROM telemetry_pages"
			" WHERE received_at < now() - $1 * interval '1 day' LIMIT $2))" },
	{ "sources_keep", "DELETE FROM telemetry_sources"
			  " WHERE told_at < now() - $1 * interval '1 day'" },
	{ NULL, NULL },
};

/* The processes of the pages. */
static void put_keys(struct db_args *args, const struct page *pages, size_t n)
{
	const char **services = arena_array(args->arena, n, sizeof(*services));
	const char **instances = arena_array(args->arena, n, sizeof(*instances));

	for (size_t i = 0; services && instances && i < n; i++) {
		services[i] = pages[i].service;
		instances[i] = pages[i].instance;
	}
	db_arg_text_array(args, services, services && instances ? n : 0);
	db_arg_text_array(args, instances, services && instances ? n : 0);
}

static void put_number(struct db_args *args, const struct page *pages, size_t n, size_t member)
{
	int64_t *v = arena_array(args->arena, n, sizeof(*v));

	for (size_t i = 0; v && i < n; i++)
		memcpy(&v[i], (const char *)&pages[i] + member, sizeof(v[i]));
	db_arg_i64_array(args, v, v ? n : 0);
}

enum status store_add_pages(struct db_tx *tx, struct arena *a, struct page *pages, size_t n,
			    struct error *err)
{
	struct db_args args;
	int added;
	enum status st;

	db_args_init(&args, a);
	put_keys(&args, pages, n);
	put_number(&args, pages, n, offsetof(struct page, page));
	st = db_exec(tx, "pages_add", &args, &added, err);
	for (size_t i = 0; st == ST_OK && i < n; i++)
		pages[i].fresh = false;
	/* The same page twice in a batch comes back once: the first of them is fresh. */
	for (int k = 0; st == ST_OK && k < db_rows(tx, added); k++)
		for (size_t i = 0; i < n; i++) {
			struct page *p = &pages[i];

			if (p->page != db_int(tx, added, k, 2) ||
			    strcmp(p->instance, db_str(tx, added, k, 1)) != 0 ||
			    strcmp(p->service, db_str(tx, added, k, 0)) != 0)
				continue;
			p->fresh = true;
			break;
		}
	return st;
}

enum status store_add_sources(struct db_tx *tx, struct arena *a, const struct page *pages, size_t n,
			      struct error *err)
{
	struct page *fresh = arena_array(a, n, sizeof(*fresh));
	int64_t *stored = arena_array(a, n, sizeof(*stored));
	struct db_args args;
	size_t k = 0;

	if (!fresh || !stored)
		return error_set(err, ST_TOO_LARGE, NULL, "the batch does not fit in memory");
	for (size_t i = 0; i < n; i++)
		if (pages[i].fresh) {
			stored[k] = (int64_t)pages[i].n;
			fresh[k++] = pages[i];
		}
	if (k == 0)
		return ST_OK;
	db_args_init(&args, a);
	put_keys(&args, fresh, k);
	put_number(&args, fresh, k, offsetof(struct page, emitted));
	put_number(&args, fresh, k, offsetof(struct page, dropped));
	db_arg_i64_array(&args, stored, k);
	return db_do(tx, "sources_add", &args, err);
}

enum status store_forget_telemetry(struct db *worker, struct arena *a, bool *more,
				   struct error *err)
{
	const struct db_scope none = { NULL, NULL };
	AUTO_TX *tx = db_tx_new(worker, &none);
	struct db_args args;
	enum status st;

	if (!tx)
		return error_set(err, ST_UNAVAILABLE, NULL, "the service is out of memory");
	db_args_init(&args, a);
	db_arg_i64(&args, PAGES_KEEP_DAYS);
	db_arg_i64(&args, PAGES_FORGET);
	db_add(tx, "pages_keep", &args);
	db_args_init(&args, a);
	db_arg_i64(&args, SOURCES_KEEP_DAYS);
	db_add(tx, "sources_keep", &args);
	db_args_init(&args, a);
	db_arg_i64(&args, EVENTS_KEEP_DAYS);
	db_arg_i64(&args, LATENCY_FORGET);
	db_add(tx, "latency_keep", &args);
	st = db_run(tx, 0, err);
	if (st == ST_OK)
		*more = db_affected(tx, 0) == PAGES_FORGET || db_affected(tx, 2) == LATENCY_FORGET;
	return st;
}

int store_ask_losses(struct db_tx *tx, struct arena *a)
{
	struct db_args args;

	db_args_init(&args, a);
	return db_add(tx, "telemetry_losses", &args);
}

void store_read_loss(const struct db_tx *tx, int result, int i, struct telemetry_loss *ret)
{
	*ret = (struct telemetry_loss){
		.service = db_str(tx, result, i, 0),
		.stored = db_int(tx, result, i, 1),
		.dropped = db_int(tx, result, i, 2),
		.lost = db_int(tx, result, i, 3),
	};
}
