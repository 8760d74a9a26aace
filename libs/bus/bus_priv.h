/*
 * Inside of libs/bus: the connection object and what its files share. Stands on cnats 3.4.1; the
 * facts about it that shaped this code are in docs/internals/bus.md. Read next: bus.c.
 */
#ifndef BUS_PRIV_H
#define BUS_PRIV_H

#include "bus/bus.h"
#include "core/timeutil.h"

#include <nats/nats.h>
#include <pthread.h>
#include <stdatomic.h>

#define BUS_SUBJECT_MAX    256 /* bytes with the NUL; the server's own control line limit is 4 kB */
#define BUS_TOKEN_BYTES    16  /* of randomness in this instance's inbox and control subjects */
#define BUS_PREFIX_MAX     31 /* cnats 3.4.1 has a 32-byte buffer for the inbox prefix and its dot */
#define BUS_OPEN_WAIT_MS   10000
#define BUS_CONNECT_MS     2000
#define BUS_BACKOFF_MIN_MS 100
#define BUS_BACKOFF_MAX_MS 2000
#define BUS_RECONNECT_BUF \
	(1024 * 1024) /* what is published while disconnected; beyond it: ST_UNAVAILABLE */
#define BUS_WRITE_DEADLINE_MS 5000
#define BUS_PING_MS           10000
#define BUS_PINGS_OUT         2
#define BUS_CLOSE_WAIT_MS     10000
#define BUS_STATUS_SLICE_MS   250 /* how often a wait looks whether the connection is still there */
#define BUS_DENIED_KEPT       8
#define BUS_PENDING_MSGS      65536
#define BUS_PENDING_BYTES     (64 * 1024 * 1024)

#define BUS_MAGIC     0x62757331u
#define BUS_MSG_MAGIC 0x6d736731u

/*
 * An asynchronous subscription whose end can be waited for. The message given to `fn` belongs to
 * `fn`.
 */
typedef void tap_fn(void *arg, natsMsg *nm);
struct tap {
	struct bus *bus;
	natsSubscription *ns;
	tap_fn *fn;
	void *arg;
	pthread_mutex_t mu;
	pthread_cond_t cond;
	bool done;
};

/* ---- answers in parts: the tables of stream.c and call.c ---- */
#define BUS_STREAMS_MAX    256  /* open at once on the callee's side */
#define BUS_CALLS_MAX      1024 /* open at once on the caller's side */
#define BUS_STREAM_BEAT_MS 1000
#define BUS_STREAM_CONTROL "Pp-Stream-Control"
#define BUS_STREAM_PART    "Pp-Part"
#define BUS_STREAM_BEAT    "Pp-Beat"
#define BUS_STREAM_END     "Pp-End"
struct stream_table {
	pthread_mutex_t mu; /* taken before the lock of a stream */
	pthread_cond_t wake;
	struct bus_stream *slot[BUS_STREAMS_MAX];
	uint32_t open, serial;
	struct tap ctl;
	pthread_t ticker;
	bool listening, ticking, stop;
};
struct call_table {
	pthread_mutex_t mu; /* taken before the lock of a call */
	struct bus_call *slot[BUS_CALLS_MAX];
	uint32_t serial;
	struct tap tap;
	bool listening;
};

/* ---- bus.c ---- */
struct bus_denied {
	char subject[BUS_SUBJECT_MAX];
	int64_t at_us; /* monotonic */
};

struct bus {
	uint32_t magic;
	natsOptions *opts;
	natsConnection *nc;
	char prefix[BUS_PREFIX_MAX + 1];
	char token[2 * BUS_TOKEN_BYTES + 1];

	pthread_mutex_t mu; /* all below */
	pthread_cond_t cond;
	bool closed; /* cnats will call back no more */
	struct bus_denied denied[BUS_DENIED_KEPT];
	unsigned denied_next;
	struct bus_server *servers;
	struct bus_sub *subs;
	struct retired *retired;
	struct inbox *inboxes; /* unused ones */
	unsigned n_inboxes;

	struct stream_table streams;
	struct call_table calls;

	atomic_uint_least64_t slow_consumers, denials, reconnects, other_errors;
	atomic_uint_least64_t inbox_serial, disconnects;
	atomic_bool published; /* set by bus_open before any callback can run */
};

enum status bus_status_of(natsStatus s);
/* Remembered refusals: true when the server refused `subject` to us since `since_us` (monotonic).
 */
bool bus_was_denied(struct bus *bus, const char *subject, int64_t since_us);
/* True for 1 to BUS_SUBJECT_MAX-1 printable bytes without empty tokens; wildcards only where
 * allowed. */
bool bus_subject_valid(const char *subject, bool wildcards);
void bus_cond_init(pthread_cond_t *cond);
/* Waits with `mu` held; false once `deadline_us` (monotonic) has passed. */
bool bus_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mu, int64_t deadline_us);
/* "<slot>-<serial>", the last token of inbox and control subjects. */
bool bus_id_parse(const char *text, uint32_t *slot, uint32_t *serial);

/* ---- msg.c ---- */
struct bus_msg {
	uint32_t magic;
	bool settled; /* acknowledged, refused or terminated */
	struct bus *bus;
	natsMsg *nm;
};
/* Wraps and owns; NULL (and `nm` freed) when memory is out. */
struct bus_msg *bus_msg_wrap(struct bus *bus, natsMsg *nm);
const char *nats_header(natsMsg *nm, const char *name);
/* natsMsg_Destroy, soon; nats_discard_all: now, of all. */
void nats_discard(natsMsg *nm);
void nats_discard_all(void);
/* A message to send. Checks subject, sizes and header names. */
enum status bus_msg_build(const char *subject, const char *reply, const struct bus_header *h,
			  int n_headers, const void *data, size_t len, natsMsg **ret) MUST_USE;
/* Builds and publishes; `reply` may be NULL. */
enum status bus_send(struct bus *bus, const char *subject, const char *reply,
		     const struct bus_header *h, int n_headers, const void *data,
		     size_t len) MUST_USE;

/* ---- sub.c ---- */
enum status tap_open(struct tap *t, struct bus *bus, const char *subject, const char *queue,
		     int pending_msgs, tap_fn *fn, void *arg) MUST_USE;
/*
 * Ends the subscription: with drain_ms > 0 what has arrived is still delivered, as long as that
 * lasts. Returns when `fn` runs no more. Not to be called from `fn`.
 */
void tap_close(struct tap *t, int drain_ms);
/*
 * Frees a subscription that is already unsubscribed or sits unused. cnats 3.4.1 crashes when a
 * message arrives for a subscription being freed, so this happens only after a round trip to the
 * server, or after the connection is closed.
 */
void bus_retire(struct bus *bus, natsSubscription *ns);
void bus_free_retired(struct bus *bus);

/* ---- inbox.c ---- */
/* A kept synchronous subscription; `base` and `use` make the subjects of one use. */
struct inbox {
	natsSubscription *ns;
	char base[BUS_PREFIX_MAX + 2 * BUS_TOKEN_BYTES + 32];
	uint64_t use, disconnects;
	struct inbox *next;
};
/* ST_UNAVAILABLE when all are taken. */
enum status inbox_take(struct bus *bus, struct inbox **ret) MUST_USE;
/* A new use: what was asked under the earlier one is not waited for any more. inbox_take does it
 * too. */
void inbox_begin(struct bus *bus, struct inbox *in);
void inbox_give(struct bus *bus, struct inbox *in);
/* For an inbox that may still get messages which must not reach the next user. */
void inbox_drop(struct bus *bus, struct inbox *in);
void inbox_end_all(struct bus *bus);
void inbox_free_all(struct bus *bus);
/* The subject of part `index` of this use; inbox_index is its inverse, false for a subject of
 * another use. */
void inbox_subject(const struct inbox *in, size_t index, char out[BUS_SUBJECT_MAX]);
bool inbox_index(const struct inbox *in, const char *subject, size_t *index);
/* The next message; ST_UNAVAILABLE at once when the connection is down or nobody listens,
 * ST_TIMEOUT at the deadline. */
enum status inbox_next(struct bus *bus, struct inbox *in, int64_t deadline_us,
		       natsMsg **ret) MUST_USE;

/* ---- server.c ---- */
void bus_stop_servers(struct bus *bus, int drain_ms);
void bus_stop_subs(struct bus *bus);

/* ---- stream.c, call.c ---- */
void streams_init(struct bus *bus);
void streams_stop(struct bus *bus);
void streams_done(struct bus *bus);
void calls_init(struct bus *bus);
void calls_stop(struct bus *bus);
void calls_done(struct bus *bus);

#endif
