/*
 * The price book, and the keeper: gives back what was held too long and tells of limits that were
 * reached. Every copy runs one; rows are taken with SKIP LOCKED, so it does not matter who does it.
 * Read next: store.h.
 */
#include "contract/token_billing_events.h"
#include "core/log.h"
#include "service.h"
#include "store.h"
#include "svc/outbox.h"

#include <string.h>

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

static struct event_origin own_origin(const char *tenant_id)
{
	return (struct event_origin){ tenant_id, "token-billing", NULL };
}

static enum status tell_expired(struct db_tx *tx, struct arena *a, const char *tenant_id, int r,
				struct error *err)
{
	struct event_origin origin = own_origin(tenant_id);
	enum status st = ST_OK;

	for (int i = 0; st == ST_OK && i < db_rows(tx, r); i++) {
		Billing__V1__ReservationExpired m = BILLING__V1__RESERVATION_EXPIRED__INIT;

		m.reservation_id = arena_strdup(a, db_str(tx, r, i, 0));
		m.brand_id = arena_strdup(a, db_str(tx, r, i, 1));
		m.model = arena_strdup(a, db_str(tx, r, i, 2));
		m.held_nano_usd = db_int(tx, r, i, 3);
		m.version = 1;
		st = emit_token_billing_reservation_expired(tx, &origin, &m, err);
	}
	return st;
}

static enum status tell_crossed(struct db_tx *tx, struct arena *a, const char *tenant_id, int r,
				struct error *err)
{
	struct event_origin origin = own_origin(tenant_id);
	enum status st = ST_OK;

	for (int i = 0; st == ST_OK && i < db_rows(tx, r); i++) {
		Billing__V1__BudgetCrossed m = BILLING__V1__BUDGET_CROSSED__INIT;
		const char *brand = db_str(tx, r, i, 0);

		m.brand_id = arena_strdup(a, strspn(brand, "0-") == strlen(brand) ? "" : brand);
		m.period = strcmp(db_str(tx, r, i, 1), "day") == 0
				   ? BILLING__V1__PERIOD__PERIOD_DAY
				   : BILLING__V1__PERIOD__PERIOD_MONTH;
		m.level = strcmp(db_str(tx, r, i, 2), "soft") == 0
				  ? BILLING__V1__BUDGET_LEVEL__BUDGET_LEVEL_SOFT
				  : BILLING__V1__BUDGET_LEVEL__BUDGET_LEVEL_HARD;
		m.limit_nano_usd = db_int(tx, r, i, 3);
		m.used_nano_usd = db_int(tx, r, i, 4);
		m.version = (uint64_t)db_int(tx, r, i, 5);
		st = emit_token_billing_budget_crossed(tx, &origin, &m, err);
	}
	return st;
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
		st = tell_expired(tx, a, tenant_id, r, err);
	db_args_init(&args, a);
	db_arg_i64(&args, STORE_TELL_MAX);
	if (st == ST_OK)
		st = db_exec(tx, "crossings_take", &args, &r, err);
	if (st == ST_OK)
		st = tell_crossed(tx, a, tenant_id, r, err);
	return st == ST_OK ? db_commit(tx, err) : st;
}

static enum status keep_once(struct svc *svc, struct error *err)
{
	struct arena *a = arena_new(KEEPER_ARENA_MAX);
	const char **tenants = NULL;
	size_t n = 0;
	enum status st = a ? store_due(svc_worker_db(svc), a, &tenants, &n, err) : ST_UNAVAILABLE;

	for (size_t i = 0; st == ST_OK && i < n && !svc_stopping(svc); i++)
		st = keep_tenant(svc, a, tenants[i], err);
	arena_free(a);
	return st;
}

struct keeper {
	struct svc *svc;
};

static void *keep(void *arg)
{
	struct keeper k = *(struct keeper *)arg;

	while (!svc_stopping(k.svc)) {
		struct error err = { 0 };

		if (keep_once(k.svc, &err) != ST_OK)
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

	b->svc = svc;
	if (pthread_rwlock_init(&b->book_lock, NULL) != 0)
		return error_set(err, ST_UNAVAILABLE, NULL, "no lock for the prices");
	b->locks_on = true;
	st = billing_reload(svc, b, err);
	if (st != ST_OK)
		return st;
	k.svc = svc;
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
