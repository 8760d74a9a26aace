/*
 * The senders. One idle thread at a time looks for a channel with work and takes its lease; then
 * another looks. So a channel is served by one thread of one copy, in order, a receiver that hangs
 * keeps one thread for five seconds, and the receivers of one tenant keep DELIVER_TENANT_MAX. Read
 * next: store_deliveries.h, deliver_policy.c.
 *
 * Killed between the receiver's 200 and our commit, we send the same notice again: its id is the
 * same in each attempt, for receivers to know.
 */
#include "deliver.h"

#include "bell.h"
#include "channel.h"
#include "core/id.h"
#include "core/log.h"
#include "core/timeutil.h"
#include "http/client.h"
#include "notice.h"
#include "store_deliveries.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Without being woken: other copies' notices, and what is due again. */
#define LOOK_US   (US_PER_SECOND / 4)
#define ARENA_MAX ((size_t)8 * 1024 * 1024)

/* A thread with a channel. */
struct seat {
	char tenant_id[UUID_TEXT]; /* "": nobody sits here */
	bool sick;                 /* the channel failed last time, or was slow */
};

struct deliver {
	struct svc *svc;
	const struct observability_config *cfg;
	struct http_client *http;
	pthread_t threads[DELIVER_THREADS];
	int n_threads;
	pthread_mutex_t scout; /* held by the thread that looks for work */
	struct bell bell;      /* where it waits */
	pthread_mutex_t lock;  /* of the seats */
	struct seat seats[DELIVER_THREADS];
};

/* ---- one attempt ---- */

static bool send_notice(struct deliver *d, struct arena *a, const char *url, const char *secret,
			const struct delivery *n, struct http_response *res)
{
	const struct http_header headers[] = {
		{ "Content-Type", "application/json" },
		{ NOTICE_ID_HEADER, n->notice_id },
		{ NOTICE_SIGNATURE_HEADER,
		  notice_signature(a, secret, time_now_us() / US_PER_SECOND, n->body) },
	};
	const struct http_request q = {
		.method = "POST",
		.url = url,
		.headers = headers,
		.n_headers = sizeof(headers) / sizeof(headers[0]),
		.body = n->body,
		.body_len = strlen(n->body),
		.connect_ms = DELIVER_CONNECT_MS,
		.total_ms = DELIVER_TOTAL_MS,
		.max_body = DELIVER_ANSWER_MAX,
		.address_allowed = channel_private_allowed(d->cfg) ? NULL : channel_address_public,
	};
	struct error err = { 0 };

	return http_send(d->http, &q, a, res, &err) == ST_OK && res->code >= 200 && res->code < 300;
}

static void say_why(const struct http_response *res, struct attempt *result)
{
	if (res->fault != HTTP_FAULT_NONE)
		snprintf(result->reason, sizeof(result->reason), "%s",
			 res->fault == HTTP_FAULT_ADDRESS ? CHANNEL_NOT_PUBLIC
							  : http_fault_words(res->fault));
	else if (res->code >= 300 && res->code < 400)
		snprintf(result->reason, sizeof(result->reason),
			 "the receiver answered %d: redirects are not followed", res->code);
	else
		snprintf(result->reason, sizeof(result->reason), "the receiver answered %d",
			 res->code);
}

static void attempt(struct deliver *d, struct arena *a, const struct claim *c, const char *url,
		    const char *secret, const struct delivery *n, struct attempt *result)
{
	struct http_response res = { 0 };
	int64_t begun = time_mono_us(), age = time_now_us() - n->changed_us;
	bool taken;

	*result = (struct attempt){ .state = DELIVERY_DELIVERED };
	taken = secret && send_notice(d, a, url, secret, n, &res);
	result->slow = time_mono_us() - begun > DELIVER_TURN_US;
	if (taken) {
		result->http_status = res.code;
		return;
	}
	if (secret)
		say_why(&res, result);
	else
		snprintf(result->reason, sizeof(result->reason),
			 "the channel's secret cannot be opened");
	result->http_status = res.code;
	deliver_failed(n->attempts + 1, age, c->failures, res.retry_after_s, d->cfg->retry_cap_ms,
		       result);
	log_event(LOG_WARN, "webhook.failed", "channel %s, notice %s, attempt %d: %s%s",
		  c->channel_id, n->notice_id, n->attempts + 1, result->reason,
		  result->state == DELIVERY_FAILED ? "; given up" : "");
}

/* ---- a channel ---- */

static enum status serve_batch(struct deliver *d, struct arena *a, struct claim *c,
			       struct error *err)
{
	const char *url = "", *sealed = "", *secret = NULL;
	struct delivery *list = NULL;
	struct attempt result;
	size_t n = 0;
	bool kept = true;
	int64_t until = time_mono_us() + DELIVER_TURN_US;
	/* Who failed last time gets one try: the rest would wait for the same. */
	enum status st =
		store_claim_batch(svc_db(d->svc), a, c, c->failures > 0 ? 1 : DELIVER_BATCH, &url,
				  &sealed, &list, &n, err);

	if (st != ST_OK || *url == '\0')
		return st;
	secret = channel_secret_open(d->svc, a, sealed);
	for (size_t i = 0; st == ST_OK && kept && i < n && !svc_stopping(d->svc); i++) {
		attempt(d, a, c, url, secret, &list[i], &result);
		st = store_attempt(svc_db(d->svc), a, c, &list[i], &result, &kept, err);
		c->failures = result.failures;
		if (result.state != DELIVERY_DELIVERED || time_mono_us() > until)
			break;
	}
	return st;
}

static void serve(struct deliver *d, struct arena *a, struct claim *c)
{
	struct error err = { 0 };
	enum status st = serve_batch(d, a, c, &err);

	if (st == ST_OK)
		st = store_channel_release(svc_db(d->svc), a, c, &err);
	/* The lease ends by itself; what was not recorded is sent again. */
	if (st != ST_OK)
		log_event(LOG_WARN, "webhook.unrecorded", "channel %s: %s", c->channel_id,
			  err.detail);
}

/* ---- the threads ---- */

/* Nothing new is begun. */
static bool stopping(struct deliver *d)
{
	return bell_ended(&d->bell) || svc_stopping(d->svc);
}

/* Tenants that have as many senders as one may, into `ret` for DELIVER_THREADS; how many. `*sick`:
 * seats at channels that failed last time or were slow. */
static size_t seats_taken(struct deliver *d, struct arena *a, const char **ret, int *sick)
{
	size_t n = 0;

	*sick = 0;
	pthread_mutex_lock(&d->lock);
	for (int i = 0; i < DELIVER_THREADS; i++) {
		const char *tenant = d->seats[i].tenant_id;
		int before = 0;

		if (*tenant == '\0')
			continue;
		*sick += d->seats[i].sick;
		for (int k = 0; k < i; k++)
			before += strcmp(d->seats[k].tenant_id, tenant) == 0;
		/* Named once, at its last seat: it has no more than that. */
		if (before == DELIVER_TENANT_MAX - 1)
			ret[n++] = arena_strdup(a, tenant);
	}
	pthread_mutex_unlock(&d->lock);
	return n;
}

/* There is one for each thread. */
static int seat_take(struct deliver *d, const struct claim *c)
{
	int i = 0;

	pthread_mutex_lock(&d->lock);
	while (d->seats[i].tenant_id[0] != '\0')
		i++;
	snprintf(d->seats[i].tenant_id, UUID_TEXT, "%s", c->tenant_id);
	d->seats[i].sick = c->failures > 0 || c->slow;
	pthread_mutex_unlock(&d->lock);
	return i;
}

static void seat_leave(struct deliver *d, int i)
{
	pthread_mutex_lock(&d->lock);
	d->seats[i] = (struct seat){ 0 };
	pthread_mutex_unlock(&d->lock);
}

static bool claim(struct deliver *d, struct arena *a, struct claim *ret)
{
	char lease[UUID_TEXT];
	struct error err = { 0 };
	const char *full[DELIVER_THREADS];
	int sick;
	size_t n = seats_taken(d, a, full, &sick);
	bool got = false;

	uuid_v7(lease);
	if (store_channel_claim(svc_worker_db(d->svc), a, sick >= DELIVER_SICK_MAX, full, n, lease,
				ret, &got, &err) != ST_OK)
		log_event(LOG_WARN, "webhook.claim_failed", "trying again: %s", err.detail);
	return got;
}

/* True with a lease and a seat; where there is one there may be more, so the next scout looks at
 * once. */
static bool scout(struct deliver *d, struct arena *a, struct claim *ret, int *seat)
{
	bool got = false;

	pthread_mutex_lock(&d->scout);
	if (!stopping(d)) {
		bell_wait(&d->bell, LOOK_US);
		got = !stopping(d) && claim(d, a, ret);
	}
	if (got) {
		*seat = seat_take(d, ret);
		deliver_wake(d);
	}
	pthread_mutex_unlock(&d->scout);
	return got;
}

static void *sender(void *arg)
{
	struct deliver *d = arg;
	struct arena *a = arena_new(ARENA_MAX);
	struct claim c;

	while (a && !stopping(d)) {
		int seat;

		arena_reset(a);
		if (!scout(d, a, &c, &seat))
			continue;
		serve(d, a, &c);
		seat_leave(d, seat);
		deliver_wake(d); /* the channel may have more, its tenant other channels */
	}
	arena_free(a);
	return NULL;
}

void deliver_wake(struct deliver *d)
{
	if (d)
		bell_ring(&d->bell);
}

enum status deliver_start(struct svc *svc, const struct observability_config *cfg,
			  struct deliver **ret, struct error *err)
{
	struct deliver *d = calloc(1, sizeof(*d)); /* allowed: a long-lived object */

	if (d)
		d->http = http_client_new("pulsepoint-webhook/1");
	if (!d || !d->http) {
		free(d);
		return error_set(err, ST_UNAVAILABLE, NULL, "the service is out of memory");
	}
	d->svc = svc;
	d->cfg = cfg;
	pthread_mutex_init(&d->scout, NULL);
	pthread_mutex_init(&d->lock, NULL);
	bell_init(&d->bell);
	bell_ring(&d->bell); /* what another process left */
	while (d->n_threads < DELIVER_THREADS &&
	       pthread_create(&d->threads[d->n_threads], NULL, sender, d) == 0)
		d->n_threads++;
	*ret = d;
	if (d->n_threads == DELIVER_THREADS)
		return ST_OK;
	return error_set(err, ST_UNAVAILABLE, NULL, "the senders of webhooks cannot start");
}

void deliver_stop(struct deliver *d)
{
	if (!d)
		return;
	bell_end(&d->bell);
	for (int i = 0; i < d->n_threads; i++)
		pthread_join(d->threads[i], NULL);
	http_client_free(d->http);
	bell_done(&d->bell);
	pthread_mutex_destroy(&d->scout);
	pthread_mutex_destroy(&d->lock);
	free(d);
}
