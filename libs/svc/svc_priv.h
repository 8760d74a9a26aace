/* What the files of libs/svc share; nobody else includes this. */
#ifndef SVC_SVC_PRIV_H
#define SVC_SVC_PRIV_H

#include "core/timeutil.h"
#include "svc/events.h"
#include "svc/headers.h"
#include "svc/outbox.h"
#include "svc/svc.h"
#include "svc/telemetry.h"

#include <pthread.h>
#include <stdatomic.h>

#define SVC_MAGIC          0x53564331u
#define SVC_SUBJECT_MAX    256
#define SVC_REQUESTS_MAX   1024 /* waiting requests per process */
#define SVC_ACCESS_SUBJECT "pp.ctl.access"
#define SVC_NIL_UUID       "00000000-0000-0000-0000-000000000000"
#define SVC_CONSUMERS_MAX  32

struct svc_config {
	char db_app[512], db_worker[512], db_owner[512];
	char nats_url[256], nats_user[64], nats_seed_file[256], seal_key_file[256];
	int64_t log_level, workers, connections, drain_ms;
};

struct method_counters {
	_Atomic uint64_t requests, errors, total_us, db_us;
	pthread_mutex_t lock; /* last_error only */
	char last_error[64];
};

struct relay;
struct telemetry;
struct consumer_loop;

struct svc {
	unsigned magic;
	const struct svc_spec *spec;
	void *app;
	const char *name;
	char instance[UUID_TEXT];
	char started_at[TIME_TEXT_MAX];
	struct svc_config cfg;
	struct bus *bus;
	struct access *access;
	struct db *db, *worker_db;
	struct seal_ring *seal;
	struct bus_server *server;
	struct bus_sub *access_sub, *srv_sub;
	struct method_counters *counters; /* parallel to contract->methods */
	struct relay *relay;
	struct telemetry *telemetry;
	struct consumer_loop *consumers[SVC_CONSUMERS_MAX];
	size_t n_consumers;

	_Atomic bool stopping;
	pthread_mutex_t wait_lock;
	pthread_cond_t wait_cond;
	uint64_t wakes; /* under wait_lock */

	pthread_t access_thread;
	bool access_thread_on;
	pthread_mutex_t access_lock;
	pthread_cond_t access_cond;
	bool access_asked; /* under access_lock */
	int64_t access_last_us;
};

/* Statements of the runtime, part of every pool. */
extern const struct db_stmt svc_app_statements[];
extern const struct db_stmt svc_worker_statements[];

/* The request id, headers and payload of one answer, built by dispatch and by streams. */
int svc__status_headers(enum status st, const struct error *err, struct arena *a,
			struct bus_header *h);
/* Fills `err` from a reply's headers and returns its status. */
enum status svc__reply_status(const struct bus_msg *m, struct error *err);
/* Copies text fit for a header value: control characters become spaces. In the arena. */
char *svc__header_text(struct arena *a, const char *s);

/* call.c, for callstream.c: milliseconds left for a nested call; its headers (BUS_HEADERS_MAX),
 * their number; a failure of the bus in words for the caller. */
int svc__call_time_left_ms(const struct call *call, const struct contract_method *m);
int svc__call_headers(struct call *call, int timeout_ms, struct bus_header *h);
enum status svc__call_explain(struct call *call, const struct contract_method *m, enum status st);

/* dispatch.c: bus_serve_fn and its `full`. */
void svc__serve(void *arg, struct bus_msg *m);
void svc__serve_full(void *arg, struct bus_msg *m);

/* idempotency.c */
enum status svc__idempotency_find(struct call *call, const uint8_t **reply, size_t *len,
				  bool *found);

/* stream.c */
struct call_stream *svc__stream_open(struct call *call, const struct bus_msg *request,
				     enum status *st);
void svc__stream_end(struct call_stream *s, enum status st, const struct error *err);

/* outbox.c: the runtime whose relay is woken. */
void svc__outbox_bind(struct svc *svc);

/* relay.c */
enum status svc__relay_start(struct svc *svc);
void svc__relay_stop(struct svc *svc);
void svc__relay_counts(const struct svc *svc, uint64_t *sent, uint64_t *resent);

/* consumer.c */
enum status svc__consumers_start(struct svc *svc, struct error *err);
void svc__consumers_stop(struct svc *svc);

/* accessloop.c */
enum status svc__access_start(struct svc *svc, struct error *err);
void svc__access_stop(struct svc *svc);

/* telemetry.c; stop flushes, free comes when nobody tells any more. */
enum status svc__telemetry_start(struct svc *svc, struct error *err) MUST_USE;
void svc__telemetry_stop(struct svc *svc);
void svc__telemetry_free(struct svc *svc);

/* micro.c: $SRV.PING, INFO, STATS (NATS ADR-32). */
enum status svc__micro_start(struct svc *svc);

#endif
