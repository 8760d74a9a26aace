/*
 * Answering: one subscription whose delivery thread fills a bounded ring, and workers that empty
 * it.
 */
#include "bus/bus_priv.h"
#include "core/magic.h"

#include <stdlib.h>

#define SERVER_MAGIC       0x73727631u
#define SERVER_WORKERS_MAX 64
#define SERVER_QUEUE_MAX   65536
/* A ring full of large uploads must not eat the machine: beyond this many waiting bytes it counts
 * as full. */
#define SERVER_QUEUE_BYTES (64 * 1024 * 1024)
/* cnats' own list only has to bridge the time the delivery thread takes for one push. */
#define SERVER_PENDING_SPARE 4096

struct bus_server {
	uint32_t magic;
	struct bus *bus;
	struct bus_server_config cfg;
	struct tap tap;

	pthread_mutex_t mu; /* all below */
	pthread_cond_t work, idle;
	struct bus_msg **ring;
	uint32_t head, count, busy;
	size_t bytes;
	bool stopping;
	uint64_t taken, refused;

	int n_threads;
	pthread_t threads[SERVER_WORKERS_MAX];
	struct bus_server *next;
};

static size_t msg_bytes(const struct bus_msg *m)
{
	size_t len;

	(void)bus_msg_data(m, &len);
	return len;
}

/* With the lock held. */
static bool ring_push(struct bus_server *s, struct bus_msg *m)
{
	size_t len = msg_bytes(m);

	if (s->count == (uint32_t)s->cfg.queue_max ||
	    (s->count > 0 && s->bytes + len > SERVER_QUEUE_BYTES)) {
		s->refused++;
		return false;
	}
	s->ring[(s->head + s->count) % (uint32_t)s->cfg.queue_max] = m;
	s->count++;
	s->bytes += len;
	s->taken++;
	return true;
}

/* With the lock held; NULL when empty. */
static struct bus_msg *ring_pop(struct bus_server *s)
{
	struct bus_msg *m;

	if (s->count == 0)
		return NULL;
	m = s->ring[s->head];
	s->head = (s->head + 1) % (uint32_t)s->cfg.queue_max;
	s->count--;
	s->bytes -= msg_bytes(m);
	return m;
}

static void server_message(void *arg, natsMsg *nm)
{
	struct bus_server *s = arg;
	struct bus_msg *m;
	bool pushed;

	CHECK_MAGIC(s, SERVER_MAGIC);
	m = bus_msg_wrap(s->bus, nm);
	if (!m)
		return;
	pthread_mutex_lock(&s->mu);
	pushed = ring_push(s, m);
	if (pushed)
		pthread_cond_signal(&s->work);
	pthread_mutex_unlock(&s->mu);
	if (pushed)
		return;
	s->cfg.full(s->cfg.arg, m);
	bus_msg_free(m);
}

static void *worker_main(void *arg)
{
	struct bus_server *s = arg;

	CHECK_MAGIC(s, SERVER_MAGIC);
	pthread_mutex_lock(&s->mu);
	for (;;) {
		struct bus_msg *m = ring_pop(s);

		if (!m) {
			if (s->stopping)
				break;
			pthread_cond_wait(&s->work, &s->mu);
			continue;
		}
		s->busy++;
		pthread_mutex_unlock(&s->mu);
		s->cfg.serve(s->cfg.arg, m);
		bus_msg_free(m);
		pthread_mutex_lock(&s->mu);
		s->busy--;
		if (s->count == 0 && s->busy == 0)
			pthread_cond_broadcast(&s->idle);
	}
	pthread_mutex_unlock(&s->mu);
	/* cnats keeps its last error per thread. */
	nats_ReleaseThreadMemory();
	return NULL;
}

static void join_workers(struct bus_server *s)
{
	pthread_mutex_lock(&s->mu);
	s->stopping = true;
	pthread_cond_broadcast(&s->work);
	pthread_mutex_unlock(&s->mu);
	for (int i = 0; i < s->n_threads; i++)
		pthread_join(s->threads[i], NULL);
	s->n_threads = 0;
}

static void server_free(struct bus_server *s)
{
	pthread_cond_destroy(&s->work);
	pthread_cond_destroy(&s->idle);
	pthread_mutex_destroy(&s->mu);
	free(s->ring);
	s->magic = 0;
	free(s);
}

static bool start_workers(struct bus_server *s)
{
	for (; s->n_threads < s->cfg.workers; s->n_threads++)
		if (pthread_create(&s->threads[s->n_threads], NULL, worker_main, s) != 0)
			return false;
	return true;
}

static struct bus_server *server_new(struct bus *bus, const struct bus_server_config *cfg)
{
	struct bus_server *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->ring = calloc((size_t)cfg->queue_max, sizeof(struct bus_msg *));
	if (!s->ring) {
		free(s);
		return NULL;
	}
	s->magic = SERVER_MAGIC;
	s->bus = bus;
	s->cfg = *cfg;
	pthread_mutex_init(&s->mu, NULL);
	bus_cond_init(&s->work);
	bus_cond_init(&s->idle);
	return s;
}

enum status bus_serve(struct bus *bus, const struct bus_server_config *cfg, struct bus_server **ret)
{
	struct bus_server *s;
	enum status st;

	if (cfg->workers < 1 || cfg->workers > SERVER_WORKERS_MAX || cfg->queue_max < 1 ||
	    cfg->queue_max > SERVER_QUEUE_MAX || !cfg->serve || !cfg->full)
		return ST_INVALID;
	s = server_new(bus, cfg);
	if (!s)
		return ST_INTERNAL;
	st = start_workers(s) ? tap_open(&s->tap, bus, cfg->subject, cfg->queue,
					 cfg->queue_max + SERVER_PENDING_SPARE, server_message, s)
			      : ST_INTERNAL;
	if (st != ST_OK) {
		join_workers(s);
		server_free(s);
		return st;
	}
	pthread_mutex_lock(&bus->mu);
	s->next = bus->servers;
	bus->servers = s;
	pthread_mutex_unlock(&bus->mu);
	*ret = s;
	return ST_OK;
}

/* Waits until nothing waits or runs, then empties what the deadline left over: refused, but
 * answered. */
static void finish_queue(struct bus_server *s, int64_t deadline)
{
	struct bus_msg *m;

	pthread_mutex_lock(&s->mu);
	while ((s->count > 0 || s->busy > 0) && bus_cond_wait(&s->idle, &s->mu, deadline))
		;
	while ((m = ring_pop(s)) != NULL) {
		s->refused++;
		pthread_mutex_unlock(&s->mu);
		s->cfg.full(s->cfg.arg, m);
		bus_msg_free(m);
		pthread_mutex_lock(&s->mu);
	}
	pthread_mutex_unlock(&s->mu);
}

void bus_server_stop(struct bus_server *s, int drain_ms)
{
	int64_t deadline = time_mono_us() + drain_ms * INT64_C(1000);
	struct bus_server **p;

	if (!s)
		return;
	CHECK_MAGIC(s, SERVER_MAGIC);
	pthread_mutex_lock(&s->bus->mu);
	for (p = &s->bus->servers; *p && *p != s; p = &(*p)->next)
		;
	INVARIANT(*p == s);
	*p = s->next;
	pthread_mutex_unlock(&s->bus->mu);
	tap_close(&s->tap, drain_ms);
	finish_queue(s, deadline);
	join_workers(s);
	server_free(s);
}

void bus_stop_servers(struct bus *bus, int drain_ms)
{
	for (;;) {
		struct bus_server *s;

		pthread_mutex_lock(&bus->mu);
		s = bus->servers;
		pthread_mutex_unlock(&bus->mu);
		if (!s)
			return;
		bus_server_stop(s, drain_ms);
	}
}

void bus_server_stats(const struct bus_server *s, struct bus_server_stats *out)
{
	struct bus_server *w = (struct bus_server *)s;

	CHECK_MAGIC(s, SERVER_MAGIC);
	pthread_mutex_lock(&w->mu);
	*out = (struct bus_server_stats){
		.taken = w->taken,
		.refused_full = w->refused,
		.waiting = w->count,
		.busy = w->busy,
	};
	pthread_mutex_unlock(&w->mu);
}
