/*
 * The price book, and the keeper: gives back what was held too long and tells of limits that were
 * reached. Every copy runs one; rows are taken with SKIP LOCKED, so it does not matter who does it.
 * Read next: store.h.
 */
#include "core/log.h"
#include "service.h"
#include "store.h"

#define KEEPER_WAIT_MS   1000
#define KEEPER_ARENA_MAX ((size_t)8 * 1024 * 1024)

enum status billing_reload(struct svc *svc, struct billing *b, struct error *err)
{
	struct price *prices = NULL;
	struct book *fresh, *old;
	size_t n = 0;
	enum status st = store_prices(svc_db(svc), &prices, &n, err);

	if (st != ST_OK)
		return st;
	fresh = book_new(prices, n);
	if (!fresh)
		return error_set(err, ST_UNAVAILABLE, NULL, "the service is out of memory");
	pthread_rwlock_wrlock(&b->book_lock);
	old = b->book;
	b->book = fresh;
	pthread_rwlock_unlock(&b->book_lock);
	book_free(old);
	log_event(LOG_INFO, "prices.read", "%zu price versions", n);
	return ST_OK;
}

static enum status keep_tenant(struct svc *svc, struct arena *a, const char *tenant_id,
			       struct error *err)
{
	struct db_scope scope = { tenant_id, NULL };
	struct db_args args;
	AUTO_TX *tx = NULL;
	int r = 0;
	enum status st = db_begin(&tx, svc_db(svc), &scope, 0, err);

	db_args_init(&args, a);
	db_arg_i64(&args, STORE_EXPIRE_MAX);
	if (st == ST_OK)
		st = db_exec(tx, "expire", &args, &r, err);
	if (st == ST_OK)
		st = emit_expired(tx, a, tenant_id, r, err);
	db_args_init(&args, a);
	db_arg_i64(&args, STORE_TELL_MAX);
	if (st == ST_OK)
		st = db_exec(tx, "crossings_take", &args, &r, err);
	if (st == ST_OK)
		st = emit_crossed(tx, a, tenant_id, r, err);
	return st == ST_OK ? db_commit(tx, err) : st;
}

/* Prices that another process has loaded. */
static enum status follow_prices(struct svc *svc, struct billing *b, struct arena *a,
				 struct error *err)
{
	int64_t newest = 0, held;
	enum status st = store_edition(svc_db(svc), a, &newest, err);

	pthread_rwlock_rdlock(&b->book_lock);
	held = book_edition(b->book);
	pthread_rwlock_unlock(&b->book_lock);
	return st == ST_OK && newest != held ? billing_reload(svc, b, err) : st;
}

/* One tenant's failure does not stop the others; its work stays. */
static enum status keep_once(struct svc *svc, struct billing *b, struct error *err)
{
	struct arena *a = arena_new(KEEPER_ARENA_MAX);
	const char **tenants = NULL;
	size_t n = 0;
	enum status st = a ? follow_prices(svc, b, a, err) : ST_UNAVAILABLE;

	if (st == ST_OK)
		st = store_due(svc_worker_db(svc), a, &tenants, &n, err);

	for (size_t i = 0; i < n && !svc_stopping(svc); i++) {
		enum status one = keep_tenant(svc, a, tenants[i], err);

		st = one == ST_OK ? st : one;
	}
	arena_free(a);
	return st;
}

struct keeper {
	struct svc *svc;
	struct billing *b;
};

static void *keep(void *arg)
{
	struct keeper k = *(struct keeper *)arg;

	while (!svc_stopping(k.svc)) {
		struct error err = { 0 };

		if (keep_once(k.svc, k.b, &err) != ST_OK)
			log_event(LOG_WARN, "keeper.failed", "trying again in a second: %s",
				  err.detail);
		svc_wait(k.svc, KEEPER_WAIT_MS);
	}
	return NULL;
}

enum status billing_start(struct svc *svc, void *app, struct error *err)
{
	static struct keeper k;
	struct billing *b = app;
	enum status st;

	if (pthread_rwlock_init(&b->book_lock, NULL) != 0)
		return error_set(err, ST_UNAVAILABLE, NULL, "no lock for the prices");
	b->locks_on = true;
	st = billing_reload(svc, b, err);
	if (st != ST_OK)
		return st;
	k = (struct keeper){ svc, b };
	if (pthread_create(&b->keeper, NULL, keep, &k) != 0)
		return error_set(err, ST_UNAVAILABLE, NULL, "the keeper cannot start");
	b->keeper_on = true;
	return ST_OK;
}

void billing_stop(struct svc *svc, void *app)
{
	struct billing *b = app;

	svc_wake(svc);
	if (b->keeper_on)
		pthread_join(b->keeper, NULL);
	b->keeper_on = false;
	book_free(b->book);
	b->book = NULL;
	if (b->locks_on)
		pthread_rwlock_destroy(&b->book_lock);
	b->locks_on = false;
}
