/*
 * A run over all accounts of a brand on one platform: account by account, slice of days by slice,
 * page by page. The checkpoint says where: "<account> <since> <until> <slice> <through> <cursor>".
 * Days come from the provider's clock and the account's zone, never from ours.
 */
#include "core/text.h"
#include "core/timeutil.h"
#include "emit.h"
#include "session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HISTORY_DAYS \
	1120 /* Meta keeps 37 months; asked of all, so that the platforms can be compared */
#define SESSION_ARENA ((size_t)8 * 1024 * 1024)

struct session {
	struct provider_session provider;
	struct arena *arena;
	struct synced_account *accounts;
	size_t n;
};

/* Where a run is. Days are kept with the run, so that a take-over after midnight does not shift its
 * slices. */
struct place {
	size_t account;
	int32_t slice;   /* first day of the slice, 0: the account's first */
	int64_t through; /* the provider's clock when the run began */
	const char *cursor;
};

/* ---- checkpoint ---- */

static void read_place(const char *text, struct place *p)
{
	char *end;

	*p = (struct place){ 0 };
	if (!text)
		return;
	p->account = (size_t)strtoull(text, &end, 10);
	p->slice = (int32_t)strtol(end, &end, 10);
	p->through = strtoll(end, &end, 10);
	while (*end == ' ')
		end++;
	p->cursor = *end ? end : NULL;
}

static void write_place(struct run_page *page, const struct place *p)
{
	char *text = arena_printf(page->arena, "%zu %d %lld %s", p->account, p->slice,
				  (long long)p->through, p->cursor ? p->cursor : "");

	page->next_checkpoint = text;
	page->next_checkpoint_len = strlen(text);
}

/* ---- opening ---- */

/* Accounts may have appeared since the connection was made. */
static enum status refresh_accounts(struct ads *app, const struct run *run, struct session *s,
				    bool all, const struct db_scope *scope, struct error *err)
{
	struct ad_account *accounts;
	AUTO_TX *tx = NULL;
	size_t n;
	enum status st = s->provider.provider->accounts(&s->provider, s->arena, &accounts, &n, err);

	if (st == ST_OK)
		st = db_begin(&tx, svc_db(app->engine.svc), scope, 0, err);
	if (st == ST_OK && all)
		st = store_put_accounts(tx, s->arena, run->tenant_id, run->brand_id, run->platform,
					accounts, n, err);
	if (st == ST_OK)
		st = store_accounts(tx, s->arena, run->brand_id, run->platform, s->provider.date_us,
				    &s->accounts, &s->n, err);
	return st == ST_OK ? db_commit(tx, err) : st;
}

static enum status load(struct ads *app, const struct run *run, struct session *s,
			struct error *err)
{
	const struct db_scope scope = { run->tenant_id, NULL };
	const struct provider *p = provider_find(run->platform);
	const char *sealed = NULL;
	bool all = false;
	AUTO_TX *tx = NULL;
	enum status st;

	if (!p)
		return error_set(err, ST_INTERNAL, NULL, "there is no platform of that name");
	st = db_begin(&tx, svc_db(app->engine.svc), &scope, 0, err);
	if (st == ST_OK)
		st = store_get_credential(tx, s->arena, run->brand_id, run->platform, &sealed, &all,
					  err);
	if (st == ST_OK)
		st = db_commit(tx, err);
	if (st == ST_OK)
		st = session_open(app, p, s->arena, sealed, &s->provider, err);
	s->provider.cancel = runs_cancelled(run);
	return st == ST_OK ? refresh_accounts(app, run, s, all, &scope, err) : st;
}

static void close_session(void *app, void *session)
{
	struct session *s = session;

	(void)app;
	if (!s)
		return;
	arena_free(s->arena);
	explicit_bzero(s, sizeof(*s));
	free(s);
}

static enum status open_session(void *arg, const struct run *run, void **ret, struct error *err)
{
	struct session *s = calloc(1, sizeof(*s)); /* allowed: freed by close_session */
	enum status st;

	if (s)
		s->arena = arena_new(SESSION_ARENA);
	if (!s || !s->arena) {
		free(s);
		return error_set(err, ST_UNAVAILABLE, NULL, "memory is out");
	}
	st = load(arg, run, s, err);
	if (st != ST_OK) {
		close_session(arg, s);
		return st;
	}
	*ret = s;
	return ST_OK;
}

/* ---- fetching ---- */

/* A first run takes all the history there is, a later one what changed and what providers restate.
 */
static int32_t first_day(const struct ads *app, const struct run *run,
			 const struct synced_account *a)
{
	int32_t since = a->today - HISTORY_DAYS;

	if (!run->full && a->synced_through > 0 &&
	    a->synced_through - (int32_t)app->cfg.lookback_days > since)
		since = a->synced_through - (int32_t)app->cfg.lookback_days;
	return since;
}

struct fetched {
	const struct ad_account *account;
	struct result_page results;
};

/* Moves on after a page: the next page, the next slice, the next account. */
static void advance(struct run_page *page, struct place *at, const struct session *s, int32_t until,
		    const char *next)
{
	at->cursor = next;
	if (!next) {
		at->slice = until + 1;
		if (at->slice > s->accounts[at->account].today) {
			at->account++;
			at->slice = 0;
		}
	}
	page->last = at->account >= s->n;
	write_place(page, at);
}

static void tell_progress(struct run_page *page, const struct ads *app, const struct session *s,
			  const struct place *at)
{
	page->progress = 0;
	page->expected = 0;
	for (size_t i = 0; i < s->n; i++) {
		int32_t since = first_day(app, page->run, &s->accounts[i]);
		int32_t days = s->accounts[i].today - since + 1;

		page->expected += days;
		if (i < at->account)
			page->progress += days;
		else if (i == at->account && at->slice > 0)
			page->progress += at->slice - since;
	}
}

static enum status fetch(void *arg, struct run_page *page, struct error *err)
{
	struct ads *app = arg;
	struct session *s = page->session;
	struct fetched *f = arena_alloc(page->arena, sizeof(*f));
	const struct synced_account *account;
	struct place at;
	int32_t until;
	enum status st;

	read_place(page->checkpoint, &at);
	if (at.through == 0)
		at.through = s->provider.date_us;
	page->data = f;
	if (!f)
		return error_set(err, ST_UNAVAILABLE, NULL, "memory is out");
	if (at.account >= s->n) {
		page->last = true;
		page->skipped = true;
		write_place(page, &at);
		return ST_OK;
	}
	account = &s->accounts[at.account];
	if (at.slice == 0)
		at.slice = first_day(app, page->run, account);
	until = at.slice + s->provider.provider->slice_days - 1;
	if (until > account->today)
		until = account->today;
	f->account = &account->account;
	st = s->provider.provider->results(&s->provider, page->arena, &account->account, at.slice,
					   until, at.cursor, page->attempt, &f->results, err);
	if (st != ST_OK)
		return st;
	page->skipped = f->results.n == 0 && !f->results.next;
	advance(page, &at, s, until, f->results.next);
	tell_progress(page, app, s, &at);
	return ST_OK;
}

/* ---- storing ---- */

static enum status store(void *arg, struct run_page *page, struct db_tx *tx, struct error *err)
{
	const struct fetched *f = page->data;
	const struct run *run = page->run;
	struct changed_campaign *campaigns = NULL;
	struct changed_result *results = NULL;
	size_t n_campaigns = 0, n_results = 0;
	enum status st;

	(void)arg;
	page->events = 0;
	page->rows = 0;
	if (!f->account || f->results.n == 0)
		return ST_OK;
	st = store_put_results(tx, page->arena, run->tenant_id, run->brand_id, run->platform,
			       f->account, f->results.rows, f->results.n, &results, &n_results,
			       err);
	if (st == ST_OK)
		st = store_put_campaigns(tx, page->arena, run->tenant_id, run->brand_id,
					 run->platform, f->account->account_id, f->results.rows,
					 f->results.n, &campaigns, &n_campaigns, err);
	if (st == ST_OK)
		st = emit_campaigns(tx, page->arena, run, f->account->account_id, campaigns,
				    n_campaigns, &page->events, err);
	if (st == ST_OK)
		st = emit_results(tx, page->arena, run, f->account, f->results.rows, results,
				  n_results, &page->events, err);
	page->rows = (uint32_t)f->results.n;
	return st;
}

static enum status finish(void *arg, struct run_page *page, const struct run *run, struct db_tx *tx,
			  struct error *err)
{
	struct session *s = page->session;
	const char **accounts = arena_array(page->arena, s->n + 1, sizeof(char *));
	int32_t *until = arena_array(page->arena, s->n + 1, sizeof(int32_t));
	struct place at;
	enum status st;

	(void)arg;
	if (!accounts || !until)
		return error_set(err, ST_UNAVAILABLE, NULL, "memory is out");
	for (size_t i = 0; i < s->n; i++) {
		accounts[i] = s->accounts[i].account.account_id;
		until[i] = s->accounts[i].today;
	}
	read_place(page->next_checkpoint, &at);
	st = store_mark_through(tx, page->arena, run->brand_id, run->platform, accounts, until,
				s->n, err);
	return st == ST_OK ? emit_finished(tx, run, at.through, err) : st;
}

static enum status failed(void *arg, const struct run *run, void *session, struct db_tx *tx,
			  const struct error *why, struct error *err)
{
	struct arena *a;
	enum status st;

	(void)arg;
	(void)session;
	if (why->status != ST_UNAUTHENTICATED)
		return ST_OK;
	a = arena_new(65536);
	st = a ? store_mark_reconnect(tx, a, run->brand_id, run->platform, err) : ST_UNAVAILABLE;
	arena_free(a);
	return st;
}

const struct ingest_spec ads_sync = {
	.open = open_session,
	.close = close_session,
	.fetch = fetch,
	.store = store,
	.finish = finish,
	.failed = failed,
};
