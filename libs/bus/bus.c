/*
 * The connection: options, first connect, reconnects, errors the server reports out of band, and
 * the way down. Read next: msg.c (messages), request.c (asking), server.c (answering).
 */
#include "bus/bus_priv.h"
#include "core/id.h"
#include "core/magic.h"
#include "core/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct status_row {
	natsStatus nats;
	enum status status;
};

static const struct status_row status_rows[] = {
	{ NATS_OK, ST_OK },
	{ NATS_TIMEOUT, ST_TIMEOUT },
	{ NATS_NO_RESPONDERS, ST_UNAVAILABLE },
	{ NATS_CONNECTION_CLOSED, ST_UNAVAILABLE },
	{ NATS_CONNECTION_DISCONNECTED, ST_UNAVAILABLE },
	{ NATS_CONNECTION_AUTH_FAILED, ST_UNAVAILABLE },
	{ NATS_NO_SERVER, ST_UNAVAILABLE },
	{ NATS_STALE_CONNECTION, ST_UNAVAILABLE },
	{ NATS_IO_ERROR, ST_UNAVAILABLE },
	{ NATS_DRAINING, ST_UNAVAILABLE },
	{ NATS_INSUFFICIENT_BUFFER, ST_UNAVAILABLE },
	{ NATS_SLOW_CONSUMER, ST_UNAVAILABLE },
	{ NATS_INVALID_SUBSCRIPTION, ST_UNAVAILABLE },
	{ NATS_NOT_PERMITTED, ST_DENIED },
	{ NATS_MAX_PAYLOAD, ST_TOO_LARGE },
	{ NATS_INVALID_SUBJECT, ST_INVALID },
	{ NATS_INVALID_ARG, ST_INVALID },
	{ NATS_INVALID_TIMEOUT, ST_INVALID },
	{ NATS_INVALID_QUEUE_NAME, ST_INVALID },
	{ NATS_ADDRESS_MISSING, ST_INVALID },
};

enum status bus_status_of(natsStatus s)
{
	for (size_t i = 0; i < sizeof(status_rows) / sizeof(status_rows[0]); i++)
		if (status_rows[i].nats == s)
			return status_rows[i].status;
	return ST_INTERNAL;
}

bool bus_subject_valid(const char *subject, bool wildcards)
{
	const char *token = subject;
	size_t len = subject ? strlen(subject) : 0;

	if (len == 0 || len >= BUS_SUBJECT_MAX)
		return false;
	for (const char *p = subject;; p++) {
		unsigned char c = (unsigned char)*p;

		if (c == '.' || c == '\0') {
			if (p == token)
				return false;
			token = p + 1;
			if (c == '\0')
				return true;
		} else if (c <= ' ' || c >= 0x7f) {
			return false;
		} else if ((c == '*' || c == '>') && !wildcards) {
			return false;
		}
	}
}

bool bus_id_parse(const char *text, uint32_t *slot, uint32_t *serial)
{
	const char *dash = strchr(text, '-');
	char first[12];
	int64_t a, b;

	if (!dash || (size_t)(dash - text) >= sizeof(first))
		return false;
	memcpy(first, text, (size_t)(dash - text));
	first[dash - text] = '\0';
	if (!parse_i64(first, 0, UINT32_MAX, &a) || !parse_i64(dash + 1, 0, UINT32_MAX, &b))
		return false;
	*slot = (uint32_t)a;
	*serial = (uint32_t)b;
	return true;
}

void bus_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	INVARIANT(pthread_condattr_init(&attr) == 0);
	INVARIANT(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
	INVARIANT(pthread_cond_init(cond, &attr) == 0);
	pthread_condattr_destroy(&attr);
}

bool bus_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mu, int64_t deadline_us)
{
	struct timespec ts = {
		.tv_sec = deadline_us / US_PER_SECOND,
		.tv_nsec = deadline_us % US_PER_SECOND * 1000,
	};

	if (time_mono_us() >= deadline_us)
		return false;
	(void)pthread_cond_timedwait(cond, mu, &ts);
	return true;
}

/* The server says: Permissions Violation for Publish to "pp.rpc.auth.login" (or: Subscription to
 * ...). */
static void note_denied(struct bus *bus, const char *text)
{
	const char *from = text ? strchr(text, '"') : NULL;
	const char *to = from ? strchr(from + 1, '"') : NULL;
	struct bus_denied *d;

	pthread_mutex_lock(&bus->mu);
	if (to && (size_t)(to - from) <= sizeof(d->subject)) {
		d = &bus->denied[bus->denied_next++ % BUS_DENIED_KEPT];
		snprintf(d->subject, sizeof(d->subject), "%.*s", (int)(to - from - 1), from + 1);
		d->at_us = time_mono_us();
	}
	/* Who sees the number sees the subject, too. */
	atomic_fetch_add(&bus->denials, 1);
	pthread_cond_broadcast(&bus->cond);
	pthread_mutex_unlock(&bus->mu);
}

bool bus_was_denied(struct bus *bus, const char *subject, int64_t since_us)
{
	bool found = false;

	if (atomic_load(&bus->denials) == 0)
		return false;
	pthread_mutex_lock(&bus->mu);
	for (int i = 0; i < BUS_DENIED_KEPT && !found; i++)
		found = bus->denied[i].at_us >= since_us && bus->denied[i].at_us != 0 &&
			strcmp(bus->denied[i].subject, subject) == 0;
	pthread_mutex_unlock(&bus->mu);
	return found;
}

/*
 * The bus of a callback. cnats hands it from thread to thread under locks of its own; the flag says
 * the same in terms of the language: what bus_open wrote is seen here.
 */
static struct bus *bus_of(void *closure)
{
	struct bus *bus = closure;

	INVARIANT(atomic_load_explicit(&bus->published, memory_order_acquire));
	return bus;
}

/* Runs on cnats' callback thread; nats_GetLastError is that thread's own there. `sub` may be freed
 * already: not touched. */
static void on_error(natsConnection *nc, natsSubscription *sub, natsStatus s, void *closure)
{
	struct bus *bus = bus_of(closure);

	(void)nc;
	(void)sub;
	if (s == NATS_SLOW_CONSUMER)
		atomic_fetch_add(&bus->slow_consumers, 1);
	else if (s == NATS_NOT_PERMITTED)
		note_denied(bus, nats_GetLastError(NULL));
	else
		atomic_fetch_add(&bus->other_errors, 1);
}

static void on_disconnected(natsConnection *nc, void *closure)
{
	struct bus *bus = bus_of(closure);

	(void)nc;
	atomic_fetch_add(&bus->disconnects, 1);
}

static void on_reconnected(natsConnection *nc, void *closure)
{
	struct bus *bus = bus_of(closure);

	(void)nc;
	atomic_fetch_add(&bus->reconnects, 1);
}

static void on_closed(natsConnection *nc, void *closure)
{
	struct bus *bus = bus_of(closure);

	(void)nc;
	pthread_mutex_lock(&bus->mu);
	bus->closed = true;
	pthread_cond_broadcast(&bus->cond);
	pthread_mutex_unlock(&bus->mu);
}

/* Doubles from 100 ms to 2 s; half of it is random, so that a fleet does not come back in step. */
static int64_t backoff_ms(int attempt)
{
	int64_t ms = BUS_BACKOFF_MIN_MS;
	uint16_t r;

	for (int i = 1; i < attempt && ms < BUS_BACKOFF_MAX_MS; i++)
		ms *= 2;
	if (ms > BUS_BACKOFF_MAX_MS)
		ms = BUS_BACKOFF_MAX_MS;
	random_bytes(&r, sizeof(r));
	return ms / 2 + (int64_t)r * (ms / 2) / UINT16_MAX;
}

static int64_t reconnect_delay(natsConnection *nc, int attempts, void *closure)
{
	(void)nc;
	(void)closure;
	return backoff_ms(attempts);
}

static enum status check_seed_file(const char *path, struct error *err)
{
	struct stat st;

	if (!path)
		return error_set(err, ST_INVALID, "seed_file", "is needed with a user");
	if (stat(path, &st) != 0)
		return error_set(err, ST_INVALID, "seed_file", "cannot be read");
	if (st.st_mode & S_IRWXO)
		return error_set(err, ST_INVALID, "seed_file",
				 "is open to every user of the machine");
	return ST_OK;
}

static natsStatus set_options(struct bus *bus, const struct bus_config *cfg)
{
	natsOptions *o = bus->opts;
	natsStatus s = natsOptions_SetURL(o, cfg->url);

	if (s == NATS_OK)
		s = natsOptions_SetName(o, cfg->name);
	if (s == NATS_OK && cfg->user)
		s = natsOptions_SetNKeyFromSeed(o, cfg->user, cfg->seed_file);
	if (s == NATS_OK)
		s = natsOptions_SetCustomInboxPrefix(o, bus->prefix);
	if (s == NATS_OK)
		s = natsOptions_SetTimeout(o, BUS_CONNECT_MS);
	if (s == NATS_OK)
		s = natsOptions_SetMaxReconnect(o, -1);
	if (s == NATS_OK)
		s = natsOptions_SetCustomReconnectDelay(o, reconnect_delay, NULL);
	if (s == NATS_OK)
		s = natsOptions_SetReconnectBufSize(o, BUS_RECONNECT_BUF);
	if (s == NATS_OK)
		s = natsOptions_SetFailRequestsOnDisconnect(o, true);
	if (s == NATS_OK)
		s = natsOptions_SetWriteDeadline(o, BUS_WRITE_DEADLINE_MS);
	if (s == NATS_OK)
		s = natsOptions_SetPingInterval(o, BUS_PING_MS);
	if (s == NATS_OK)
		s = natsOptions_SetMaxPingsOut(o, BUS_PINGS_OUT);
	if (s == NATS_OK)
		s = natsOptions_SetMaxPendingMsgs(o, BUS_PENDING_MSGS);
	/* A reply must not wait for cnats' flusher thread, which collects for 1 ms (measured:
	 * docs/internals/bus.md). */
	if (s == NATS_OK)
		s = natsOptions_SetSendAsap(o, true);
	if (s == NATS_OK)
		s = natsOptions_SetErrorHandler(o, on_error, bus);
	if (s == NATS_OK)
		s = natsOptions_SetDisconnectedCB(o, on_disconnected, bus);
	if (s == NATS_OK)
		s = natsOptions_SetReconnectedCB(o, on_reconnected, bus);
	if (s == NATS_OK)
		s = natsOptions_SetClosedCB(o, on_closed, bus);
	return s;
}

static enum status check_config(const struct bus_config *cfg, struct error *err)
{
	const char *prefix = cfg->inbox_prefix ? cfg->inbox_prefix : "_INBOX";

	if (!cfg->url || !*cfg->url)
		return error_set(err, ST_INVALID, "url", "is empty");
	if (!cfg->name || !*cfg->name)
		return error_set(err, ST_INVALID, "name", "is empty");
	if (strlen(prefix) > BUS_PREFIX_MAX || !bus_subject_valid(prefix, false))
		return error_set(err, ST_INVALID, "inbox_prefix",
				 "is no subject of 1 to %d characters", BUS_PREFIX_MAX);
	return cfg->user ? check_seed_file(cfg->seed_file, err) : ST_OK;
}

/* Tries for BUS_OPEN_WAIT_MS: at deploy time the server and its users may be a moment behind us. */
static enum status connect_first(struct bus *bus, struct error *err)
{
	int64_t deadline = time_mono_us() + BUS_OPEN_WAIT_MS * INT64_C(1000);
	natsStatus s;

	for (int attempt = 1;; attempt++) {
		int64_t next;

		s = natsConnection_Connect(&bus->nc, bus->opts);
		if (s == NATS_OK)
			return ST_OK;
		next = time_mono_us() + backoff_ms(attempt) * 1000;
		if (next >= deadline)
			break;
		time_sleep_us(next);
	}
	return error_set(err, ST_UNAVAILABLE, NULL, "cannot connect to the NATS server: %s",
			 natsStatus_GetText(s));
}

static void bus_free(struct bus *bus)
{
	nats_discard_all();
	natsConnection_Destroy(bus->nc);
	natsOptions_Destroy(bus->opts);
	streams_done(bus);
	calls_done(bus);
	pthread_cond_destroy(&bus->cond);
	pthread_mutex_destroy(&bus->mu);
	bus->magic = 0;
	free(bus);
}

/*
 * cnats tries a taken lock 2,000 times before it sleeps. With more threads than cores, those who
 * wait burn the time that the owner needs (measured: docs/internals/bus.md).
 */
static pthread_once_t library_once = PTHREAD_ONCE_INIT;

static void open_library(void)
{
	(void)nats_Open(0);
}

enum status bus_open(struct bus **ret, const struct bus_config *cfg, struct error *err)
{
	enum status st = check_config(cfg, err);
	struct bus *bus;

	if (st != ST_OK)
		return st;
	bus = calloc(1, sizeof(*bus));
	if (!bus)
		return error_set(err, ST_INTERNAL, NULL, "out of memory");
	bus->magic = BUS_MAGIC;
	pthread_mutex_init(&bus->mu, NULL);
	bus_cond_init(&bus->cond);
	streams_init(bus);
	calls_init(bus);
	snprintf(bus->prefix, sizeof(bus->prefix), "%s",
		 cfg->inbox_prefix ? cfg->inbox_prefix : "_INBOX");
	random_hex(bus->token, BUS_TOKEN_BYTES);
	pthread_once(&library_once, open_library);
	atomic_store_explicit(&bus->published, true, memory_order_release);
	if (natsOptions_Create(&bus->opts) != NATS_OK || set_options(bus, cfg) != NATS_OK)
		st = error_set(err, ST_INVALID, NULL, "NATS options were refused: %s",
			       nats_GetLastError(NULL));
	else
		st = connect_first(bus, err);
	if (st != ST_OK) {
		bus_free(bus);
		return st;
	}
	*ret = bus;
	return ST_OK;
}

static bool wait_closed(struct bus *bus, int ms)
{
	int64_t deadline = time_mono_us() + ms * INT64_C(1000);
	bool closed;

	pthread_mutex_lock(&bus->mu);
	while (!bus->closed && bus_cond_wait(&bus->cond, &bus->mu, deadline))
		;
	closed = bus->closed;
	pthread_mutex_unlock(&bus->mu);
	return closed;
}

void bus_close(struct bus *bus, int drain_ms)
{
	int64_t deadline = time_mono_us() + drain_ms * INT64_C(1000);
	int64_t left_ms;
	bool closed;

	if (!bus)
		return;
	CHECK_MAGIC(bus, BUS_MAGIC);
	bus_stop_servers(bus, drain_ms);
	streams_stop(bus);
	calls_stop(bus);
	bus_stop_subs(bus);
	inbox_end_all(bus);
	left_ms = (deadline - time_mono_us()) / 1000;
	if (left_ms < BUS_STATUS_SLICE_MS)
		left_ms = BUS_STATUS_SLICE_MS;
	/* Refused while disconnected; then there is nothing to drain. */
	closed = natsConnection_DrainTimeout(bus->nc, left_ms) == NATS_OK &&
		 wait_closed(bus, (int)left_ms);
	if (!closed)
		natsConnection_Close(bus->nc);
	closed = wait_closed(bus, BUS_CLOSE_WAIT_MS);
	inbox_free_all(bus);
	bus_free_retired(bus);
	/* Should cnats still have a callback to make, its memory must stay: a leak is better than a
	 * crash at exit. */
	if (closed)
		bus_free(bus);
}

bool bus_connected(const struct bus *bus)
{
	natsConnStatus s = natsConnection_Status(bus->nc);

	/* While draining the connection still carries the answers of running handlers. */
	return s == NATS_CONN_STATUS_CONNECTED || s == NATS_CONN_STATUS_DRAINING_SUBS ||
	       s == NATS_CONN_STATUS_DRAINING_PUBS;
}

bool bus_lost(const struct bus *bus)
{
	return natsConnection_IsClosed(bus->nc);
}

enum status bus_flush(struct bus *bus, int timeout_ms)
{
	if (!bus_connected(bus))
		return ST_UNAVAILABLE;
	return bus_status_of(natsConnection_FlushTimeout(bus->nc, timeout_ms));
}

void bus_stats(struct bus *bus, struct bus_stats *out)
{
	*out = (struct bus_stats){
		.slow_consumers = atomic_load(&bus->slow_consumers),
		.denials = atomic_load(&bus->denials),
		.reconnects = atomic_load(&bus->reconnects),
		.other_errors = atomic_load(&bus->other_errors),
	};
	pthread_mutex_lock(&bus->mu);
	if (bus->denied_next > 0)
		snprintf(out->last_denied, sizeof(out->last_denied), "%s",
			 bus->denied[(bus->denied_next - 1) % BUS_DENIED_KEPT].subject);
	pthread_mutex_unlock(&bus->mu);
}
