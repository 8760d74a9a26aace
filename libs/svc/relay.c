/*
 * The relay: publishes outbox rows after commit, in order, and notes the stream sequence of each.
 * One per service at a time (advisory lock inside the transaction that claims), so copies of a
 * service take turns. A crash between publish and commit publishes again under the same
 * Nats-Msg-Id; the inbox drops the duplicate.
 *
 * Lost broker state: the message at the last acknowledged sequence must carry that row's event id.
 * If it does not, the stream was wiped or went back in time, and everything the outbox still holds
 * is sent again.
 */
#include "core/log.h"
#include "core/magic.h"
#include "core/timeutil.h"
#include "svc/svc_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RELAY_MAGIC       0x524c5931u
#define RELAY_POLL_MS     500
#define RELAY_CHECK_US    (2 * US_PER_SECOND)
#define RELAY_KEEP_US     (10 * US_PER_MINUTE)
#define RELAY_BATCH_BYTES (8 * 1024 * 1024)
#define RELAY_PUBLISH_MS  5000

struct relay {
	unsigned magic;
	struct svc *svc;
	char stream[SVC_SUBJECT_MAX];
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool woken, stop; /* under lock */
	int64_t checked_us, kept_us;
	_Atomic uint64_t sent, resent;
};

/* ---- waking ---- */

void svc_wake_relay(struct svc *svc)
{
	struct relay *r = svc->relay;

	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->woken = true;
	pthread_cond_signal(&r->cond);
	pthread_mutex_unlock(&r->lock);
}

/* False when the relay must end. */
static bool wait_for_work(struct relay *r, int ms)
{
	struct timespec until;
	bool go;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&r->lock);
	while (!r->woken && !r->stop)
		if (pthread_cond_timedwait(&r->cond, &r->lock, &until) != 0)
			break;
	r->woken = false;
	go = !r->stop;
	pthread_mutex_unlock(&r->lock);
	return go;
}

/* ---- one batch ---- */

/* Splits the "Name: value" lines that outbox.c wrote; `text` is ours to cut up. */
static int read_headers(char *text, struct bus_header *h)
{
	char *save = NULL;
	int n = 0;

	for (char *line = strtok_r(text, "\n", &save); line && n < BUS_HEADERS_MAX - 1;
	     line = strtok_r(NULL, "\n", &save)) {
		char *colon = strstr(line, ": ");

		if (!colon)
			continue;
		*colon = '\0';
		h[n++] = (struct bus_header){ line, colon + 2 };
	}
	return n;
}

static size_t build_events(struct db_tx *tx, int rows, struct arena *a, struct bus_event *events,
			   int64_t *positions)
{
	int n = db_rows(tx, rows);

	for (int i = 0; i < n; i++) {
		struct bus_header *h = arena_array(a, BUS_HEADERS_MAX, sizeof(*h));
		size_t len = 0;

		if (!h)
			return 0;
		positions[i] = db_int(tx, rows, i, 0);
		events[i].id = db_str(tx, rows, i, 1);
		events[i].subject = db_str(tx, rows, i, 2);
		events[i].n_headers = read_headers(arena_strdup(a, db_str(tx, rows, i, 3)), h);
		events[i].headers = h;
		events[i].data = db_bytes(tx, a, rows, i, 4, &len);
		events[i].len = len;
	}
	return arena_failed(a) ? 0 : (size_t)n;
}

/* Marks the acknowledged ones sent; the rest stay for the next round. */
static enum status mark_sent(struct relay *r, struct db_tx *tx, struct arena *a,
			     const int64_t *positions, const uint64_t *seq, size_t n)
{
	int64_t *done = arena_array(a, n, sizeof(*done)), *at = arena_array(a, n, sizeof(*at));
	struct db_args args;
	size_t k = 0;
	enum status st;

	for (size_t i = 0; done && at && i < n; i++)
		if (seq[i] > 0) {
			done[k] = positions[i];
			at[k++] = (int64_t)seq[i];
		}
	if (k == 0)
		return ST_OK;
	db_args_init(&args, a);
	db_arg_i64_array(&args, done, k);
	db_arg_i64_array(&args, at, k);
	st = db_exec(tx, "svc_relay_sent", &args, NULL, NULL);
	if (st == ST_OK)
		atomic_fetch_add(&r->sent, k);
	return st;
}

static enum status claim(struct db_tx *tx, struct arena *a, int *rows, bool *mine)
{
	struct db_args args;
	int lock;
	enum status st;

	db_args_init(&args, a);
	st = db_exec(tx, "svc_relay_lock", &args, &lock, NULL);
	*mine = st == ST_OK && db_bool(tx, lock, 0, 0);
	if (!*mine)
		return st;
	db_arg_i64(&args, OUTBOX_CLAIM_MAX);
	db_arg_i64(&args, RELAY_BATCH_BYTES);
	return db_exec(tx, "svc_relay_claim", &args, rows, NULL);
}

/* `more` tells that the outbox may hold further rows. */
static enum status relay_batch(struct relay *r, struct arena *a, bool *more)
{
	struct db_scope none = { NULL, NULL };
	struct bus_event events[OUTBOX_CLAIM_MAX];
	int64_t positions[OUTBOX_CLAIM_MAX];
	uint64_t seq[OUTBOX_CLAIM_MAX];
	AUTO_TX *tx = NULL;
	bool mine = false;
	size_t n = 0;
	int rows = 0;
	enum status st, published = ST_OK;

	*more = false;
	memset(events, 0, sizeof(events));
	memset(seq, 0, sizeof(seq));
	st = db_begin(&tx, r->svc->worker_db, &none, 0, NULL);
	if (st == ST_OK)
		st = claim(tx, a, &rows, &mine);
	if (st != ST_OK || !mine)
		return st;
	n = build_events(tx, rows, a, events, positions);
	if (n > 0) {
		published = bus_js_publish(r->svc->bus, events, n, RELAY_PUBLISH_MS, seq);
		st = mark_sent(r, tx, a, positions, seq, n);
	}
	if (st == ST_OK)
		st = db_commit(tx, NULL);
	*more = st == ST_OK && published == ST_OK && n > 0;
	return st == ST_OK ? published : st;
}

/* ---- lost broker state ---- */

static enum status broker_lost_it(struct relay *r, struct arena *a, bool *lost)
{
	struct db_scope none = { NULL, NULL };
	char id[160] = "";
	struct db_args args;
	enum status st;
	AUTO_TX *tx = db_tx_new(r->svc->worker_db, &none);

	*lost = false;
	if (!tx)
		return ST_UNAVAILABLE;
	db_args_init(&args, a);
	db_add(tx, "svc_relay_last", &args);
	st = db_run(tx, 0, NULL);
	if (st != ST_OK || db_rows(tx, 0) == 0)
		return st;
	st = bus_js_msg_id(r->svc->bus, r->stream, (uint64_t)db_int(tx, 0, 0, 1), id, sizeof(id));
	if (st == ST_NOT_FOUND || (st == ST_OK && strcmp(id, db_str(tx, 0, 0, 0)) != 0))
		*lost = true;
	return st == ST_NOT_FOUND ? ST_OK : st;
}

static void check_broker(struct relay *r, struct arena *a)
{
	struct db_scope none = { NULL, NULL };
	struct db_args args;
	bool lost = false;
	AUTO_TX *tx = NULL;

	if (broker_lost_it(r, a, &lost) != ST_OK || !lost)
		return;
	tx = db_tx_new(r->svc->worker_db, &none);
	if (!tx)
		return;
	db_args_init(&args, a);
	db_add(tx, "svc_relay_resend", &args);
	if (db_run(tx, 0, NULL) != ST_OK)
		return;
	atomic_fetch_add(&r->resent, (uint64_t)db_affected(tx, 0));
	log_event(LOG_WARN, "relay.resend",
		  "the broker no longer holds what it acknowledged; sending %lld events again",
		  (long long)db_affected(tx, 0));
}

/* ---- retention ---- */

static void keep(struct relay *r, struct arena *a)
{
	static const char *const names[] = { "svc_keep_outbox", "svc_keep_inbox",
					     "svc_keep_idempotency" };
	struct db_scope none = { NULL, NULL };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct db_args args;
		AUTO_TX *tx = db_tx_new(r->svc->worker_db, &none);

		if (!tx)
			return;

		db_args_init(&args, a);
		db_arg_i64(&args, OUTBOX_KEEP_DAYS);
		db_add(tx, names[i], &args);
		if (db_run(tx, 0, NULL) != ST_OK)
			log_event(LOG_WARN, "retention.failed",
				  "%s did not run; trying again later", names[i]);
	}
}

/* ---- the thread ---- */

static void *relay_main(void *arg)
{
	struct relay *r = arg;
	struct arena *a = arena_new(64 * 1024 * 1024);
	int64_t now;
	bool more = false;

	CHECK_MAGIC(r, RELAY_MAGIC);
	while (a && (more || wait_for_work(r, RELAY_POLL_MS))) {
		now = time_mono_us();
		if (now - r->checked_us > RELAY_CHECK_US && bus_connected(r->svc->bus)) {
			r->checked_us = now;
			check_broker(r, a);
		}
		if (relay_batch(r, a, &more) != ST_OK)
			more = false;
		if (now - r->kept_us > RELAY_KEEP_US) {
			r->kept_us = now;
			keep(r, a);
		}
		arena_reset(a);
		if (svc_stopping(r->svc) && !more)
			break;
	}
	arena_free(a);
	return NULL;
}

enum status svc__relay_start(struct svc *svc)
{
	struct relay *r = calloc(1, sizeof(*r)); /* allowed: lives as long as the process */
	pthread_condattr_t attr;

	if (!r)
		return ST_UNAVAILABLE;
	r->magic = RELAY_MAGIC;
	r->svc = svc;
	snprintf(r->stream, sizeof(r->stream), "evt-%s", svc->name);
	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&r->cond, &attr);
	pthread_condattr_destroy(&attr);
	svc->relay = r;
	svc__outbox_bind(svc);
	if (pthread_create(&r->thread, NULL, relay_main, r) != 0) {
		svc->relay = NULL;
		free(r);
		return ST_UNAVAILABLE;
	}
	return ST_OK;
}

void svc__relay_stop(struct svc *svc)
{
	struct relay *r = svc->relay;

	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->stop = true;
	pthread_cond_signal(&r->cond);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->thread, NULL);
	svc__outbox_bind(NULL);
	svc->relay = NULL;
	pthread_cond_destroy(&r->cond);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

void svc__relay_counts(const struct svc *svc, uint64_t *sent, uint64_t *resent)
{
	*sent = svc->relay ? atomic_load(&svc->relay->sent) : 0;
	*resent = svc->relay ? atomic_load(&svc->relay->resent) : 0;
}
