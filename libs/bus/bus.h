/*
 * NATS: requests with deadlines, answers in parts, JetStream publishing and fetching. Bytes and
 * headers only; what they mean is libs/svc's.
 *
 * Threads: everything may be called from any thread unless said. Callbacks run on the bus's own
 * threads.
 */
#ifndef BUS_BUS_H
#define BUS_BUS_H

#include "core/arena.h"
#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUS_HEADERS_MAX 16
#define BUS_PAYLOAD_MAX (1024 * 1024) /* nats-server's default max_payload */
#define BUS_EVENT_MAX   (512 * 1024)

struct bus;

struct bus_config {
	const char *url;
	const char *name;      /* client name, the service */
	const char *user;      /* nkey user public key ("U..."), NULL: no authentication (tests) */
	const char *seed_file; /* file with the nkey seed, mode 0600 */
	const char *inbox_prefix; /* "_INBOX_auth"; NULL: "_INBOX" */
};

/*
 * Connects, trying for 10 s: then ST_UNAVAILABLE. ST_INVALID names the faulty setting in
 * err->field. Later disconnects are mended for ever, with back-off and jitter (100 ms to 2 s).
 */
enum status bus_open(struct bus **ret, const struct bus_config *cfg, struct error *err) MUST_USE;
/*
 * Drains: no new requests, running ones answered (at most drain_ms), waits until the connection is
 * CLOSED. Stops servers and subscriptions that are still there; streams, calls and consumers must
 * be closed before. Accepts NULL.
 */
void bus_close(struct bus *bus, int drain_ms);
/* True while connected. */
bool bus_connected(const struct bus *bus);
/*
 * True when the connection is closed for good although nobody asked: the server refused our user
 * twice, or reported a protocol error. cnats cannot come back from that; the process should end and
 * be started again.
 */
bool bus_lost(const struct bus *bus);
/* Round trip to the server within timeout_ms. */
enum status bus_flush(struct bus *bus, int timeout_ms) MUST_USE;
/* What went wrong out of band, since bus_open. */
struct bus_stats {
	uint64_t slow_consumers; /* times messages were dropped because cnats' own list was full */
	uint64_t denials;        /* publishes and subscriptions the server refused */
	uint64_t reconnects, other_errors;
	char last_denied[256]; /* subject of the latest refusal */
};
void bus_stats(struct bus *bus, struct bus_stats *out);

struct bus_header {
	const char *name, *value;
};

/*
 * A message as received; memory is the bus's until the callback returns or bus_msg_free. One thread
 * at a time.
 */
struct bus_msg;
const char *bus_msg_subject(const struct bus_msg *m);
const char *bus_msg_reply(const struct bus_msg *m); /* NULL: none */
const void *bus_msg_data(const struct bus_msg *m, size_t *len);
/* Header value, NULL when absent. First value wins. */
const char *bus_msg_header(const struct bus_msg *m, const char *name);
void bus_msg_free(struct bus_msg *m);

/*
 * Fire and forget on core NATS. While disconnected up to 1 MiB waits for the reconnect, then
 * ST_UNAVAILABLE. For everything that sends: ST_INVALID for a subject that is none (printable
 * ASCII, no empty token, no wildcard, under 256 bytes), a header name that is none, or more than
 * BUS_HEADERS_MAX headers; ST_TOO_LARGE when data and headers exceed BUS_PAYLOAD_MAX. A header
 * without a value is not sent; line breaks in a value become blanks.
 */
enum status bus_publish(struct bus *bus, const char *subject, const struct bus_header *h,
			int n_headers, const void *data, size_t len) MUST_USE;

/*
 * Request and one reply. ST_UNAVAILABLE at once when nobody listens or the connection is down,
 * ST_TIMEOUT at the deadline, ST_DENIED (also at the deadline) when the server refused us the
 * subject. The caller frees the reply with bus_msg_free.
 */
enum status bus_request(struct bus *bus, const char *subject, const struct bus_header *h,
			int n_headers, const void *data, size_t len, int timeout_ms,
			struct bus_msg **ret) MUST_USE;

/* ---- serving ---- */
/*
 * Handler of requests: must answer exactly once with bus_reply (or a stream). Runs on one of
 * `workers` threads.
 */
typedef void bus_serve_fn(void *arg, struct bus_msg *m);
struct bus_server;
struct bus_server_config {
	const char *subject; /* may end in ".>" */
	const char *queue;   /* queue group; NULL: every instance gets it */
	int workers;         /* 1 to 64 */
	int queue_max; /* waiting requests; beyond that `full` is called on the delivery thread,
			  which must answer at once */
	bus_serve_fn *serve, *full;
	void *arg;
};
enum status bus_serve(struct bus *bus, const struct bus_server_config *cfg,
		      struct bus_server **ret) MUST_USE;
/*
 * Stops taking, finishes what is queued within drain_ms (what is left then goes to `full`), joins
 * the workers: a handler that runs is waited for however long it takes. Not from a handler. Accepts
 * NULL.
 */
void bus_server_stop(struct bus_server *s, int drain_ms);
struct bus_server_stats {
	uint64_t taken, refused_full;
	uint32_t waiting, busy;
};
void bus_server_stats(const struct bus_server *s, struct bus_server_stats *out);
/* Answers a request; ST_INVALID when it wants no answer. A request answered after its caller's
 * deadline is ST_OK all the same. */
enum status bus_reply(struct bus *bus, const struct bus_msg *m, const struct bus_header *h,
		      int n_headers, const void *data, size_t len) MUST_USE;

/*
 * Plain subscription (core NATS), one delivery thread; for broadcasts. bus_unsubscribe returns when
 * `fn` runs no more; not to be called from it.
 */
struct bus_sub;
typedef void bus_message_fn(void *arg, const struct bus_msg *m);
enum status bus_subscribe(struct bus *bus, const char *subject, bus_message_fn *fn, void *arg,
			  struct bus_sub **ret) MUST_USE;
void bus_unsubscribe(struct bus_sub *s);

/* ---- streams of parts: protocol in docs/internals/bus.md ---- */
/*
 * The callee's side. Parts are numbered from 1. The callee may run at most BUS_STREAM_WINDOW parts
 * ahead of what the caller has read; bus_stream_send waits for the caller, fails with ST_CANCELLED
 * when it cancelled and with ST_TIMEOUT when it read nothing for 30 s. A heartbeat goes out every
 * second while nothing else does; the bus sends it by itself. At most 256 streams are open at once,
 * else the open fails with ST_UNAVAILABLE.
 */
#define BUS_STREAM_WINDOW 64
struct bus_stream;
enum status bus_stream_open(struct bus *bus, const struct bus_msg *request,
			    struct bus_stream **ret) MUST_USE;
enum status bus_stream_send(struct bus_stream *s, const void *data, size_t len) MUST_USE;
bool bus_stream_cancelled(const struct bus_stream *s);
/* The end marker with the outcome: headers as in a reply. Frees the stream. */
void bus_stream_end(struct bus_stream *s, const struct bus_header *h, int n_headers);

/*
 * The caller's side. bus_call_next gives the next part in order; `*ret` NULL with ST_OK is the end
 * marker's arrival (its headers by bus_call_end, NULL before). No part or heartbeat for 5 s, or a
 * gap in the numbers: ST_UNAVAILABLE ("lost end" is an error, never a short answer). A stream that
 * was lost stays lost. ST_TIMEOUT only means that no part came within timeout_ms; ask again.
 * ST_DENIED when the server refused us the subject. A plain reply in place of a stream is an end
 * without parts. At most 1,024 calls are open at once. One thread at a time for one call.
 */
struct bus_call;
enum status bus_call_open(struct bus *bus, const char *subject, const struct bus_header *h,
			  int n_headers, const void *data, size_t len,
			  struct bus_call **ret) MUST_USE;
enum status bus_call_next(struct bus_call *c, int timeout_ms, struct bus_msg **ret) MUST_USE;
const struct bus_msg *bus_call_end(const struct bus_call *c);
/* Cancels when the end has not been seen. Frees. Accepts NULL. */
void bus_call_close(struct bus_call *c);

/* ---- JetStream ---- */
/*
 * Publishes n messages and waits for their acknowledgements (pipelined, at most 256 in flight).
 * Each gets the header Nats-Msg-Id = its id. `seq[i]` gets the stream sequence, 0 where no
 * acknowledgement came within timeout_ms (then the status is ST_UNAVAILABLE, and it is unknown
 * whether the message was kept).
 * Every event is checked before the first is sent: ST_INVALID without subject or id or with more
 * than BUS_HEADERS_MAX - 1 headers, ST_TOO_LARGE above BUS_EVENT_MAX. A refusal by permissions is
 * ST_DENIED at once. An id seen within the stream's duplicate window gets the sequence of the
 * first.
 */
struct bus_event {
	const char *subject, *id;
	const struct bus_header *headers;
	int n_headers;
	const void *data;
	size_t len;
};
enum status bus_js_publish(struct bus *bus, const struct bus_event *events, size_t n,
			   int timeout_ms, uint64_t *seq) MUST_USE;
/* The Nats-Msg-Id of the stream's message at `seq` into id[cap]; ST_NOT_FOUND when there is none,
 * ST_UNAVAILABLE when the stream is missing, ST_TOO_LARGE when `id` is too small. */
enum status bus_js_msg_id(struct bus *bus, const char *stream, uint64_t seq, char *id,
			  size_t cap) MUST_USE;

/*
 * A pull consumer that the deploy step made. Opening asks the server nothing. At most 64 consumers
 * and publishing threads together use one bus at a time. Closing returns messages that came after
 * the last fetch.
 */
struct bus_consumer;
enum status bus_consumer_open(struct bus *bus, const char *stream, const char *durable,
			      struct bus_consumer **ret) MUST_USE;
void bus_consumer_close(struct bus_consumer *c);
/*
 * Up to `max` messages (1 to 1,024; about 16 MiB at a time), waiting at most wait_ms (10 to 60,000)
 * for the first. `n` may be 0 with ST_OK. ST_UNAVAILABLE when the consumer is missing (seen a
 * second after wait_ms) or the connection is down. The caller frees the messages.
 */
enum status bus_consumer_fetch(struct bus_consumer *c, int max, int wait_ms, struct bus_msg **msgs,
			       int *n) MUST_USE;
/* Settling: once for a message; ST_INVALID for a second time or for a message that no consumer
 * gave. No answer is waited for. */
enum status bus_js_ack(struct bus_msg *m) MUST_USE;
/* Deliver again, after delay_ms when that is above 0. */
enum status bus_js_nak(struct bus_msg *m, int delay_ms) MUST_USE;
/* Never again. */
enum status bus_js_term(struct bus_msg *m) MUST_USE;
/* More time for long work. */
enum status bus_js_in_progress(struct bus_msg *m) MUST_USE;
/* 1 for the first delivery; both are 0 for a message that no consumer gave. */
uint64_t bus_js_deliveries(const struct bus_msg *m);
uint64_t bus_js_sequence(const struct bus_msg *m);

#endif
