/*
 * api-edge: everything that speaks HTTP. It owns no table; it turns routes into bus calls and
 * answers into JSON. Read next: request.c (the life of a request), router.h, ratelimit.h.
 */
#ifndef EDGE_H
#define EDGE_H

#include "core/buf.h"
#include "core/contract.h"
#include "ratelimit.h"
#include "router.h"
#include "svc/svc.h"

#include <civetweb.h>
#include <pthread.h>
#include <stdatomic.h>

#define EDGE_MAGIC          0x45444745u
#define EDGE_RESPONSE_MAX   ((size_t)32 * 1024 * 1024)
#define EDGE_ARENA_MAX      ((size_t)64 * 1024 * 1024)
#define EDGE_LINE_MAX       16384
#define EDGE_CHUNK_LINES    500
#define EDGE_CHUNK_BYTES    ((size_t)384 * 1024)
#define EDGE_UPLOAD_MAX     ((int64_t)1 << 30)
#define EDGE_PARAMS_MAX     64
#define EDGE_STATUS_CLASSES 6
#define EDGE_BUCKETS        10
#define EDGE_HEAD_MAX       16384                /* of a request: line and headers */
#define EDGE_KEEP_MAX       ((size_t)256 * 1024) /* memory a thread keeps between requests */

struct edge_config {
	char listen[128], hosts[1024], origins[1024];
	int64_t threads, body_ms, streams, heartbeat_ms;
};

struct route_stats {
	_Atomic uint64_t by_class[EDGE_STATUS_CLASSES]; /* 1xx..5xx at 1..5 */
	_Atomic uint64_t bucket[EDGE_BUCKETS];
	_Atomic uint64_t total_us;
};

struct operator_keys;

struct edge {
	unsigned magic;
	struct edge_config cfg;
	struct svc *svc;
	struct mg_context *http;
	struct router *router;
	struct limits *limits;
	struct operator_keys *keys;
	struct route_stats
		*stats; /* parallel to the router's routes; the last one is for everything else */
	struct bus_sub *limits_sub;
	pthread_t limits_thread;
	bool limits_thread_on;
	_Atomic int in_flight;
	_Atomic bool draining, closed; /* answers end connections; nothing is taken any more */
	_Atomic uint64_t taken, answered;
	pthread_mutex_t watch_lock;
	struct exchange *watched; /* those that wait for their client */
	_Atomic uint64_t limited;
	_Atomic int streams; /* answers in parts that are open */
	_Atomic uint64_t stream_parts, streams_refused;
	/* readiness, asked at most once a second */
	pthread_mutex_t ready_lock;
	int64_t ready_at_us;
	bool ready, asking;
	char ready_text[2048];
	char base_text[64];
};

/* A wait for a client, ended when it takes too long. */
struct watch {
	struct exchange *next, *prev;
	int64_t since_us, until_us; /* monotonic */
	bool on, late, writes;
	bool stream; /* not waited for when the edge ends */
};

/* One HTTP request on its way through; lives on the worker's stack. */
struct exchange {
	struct edge *edge;
	struct mg_connection *conn;
	const struct mg_request_info *info;
	struct arena *arena;
	struct buf *out; /* the whole answer: head and body */
	const struct route *route;
	struct error err;
	struct call call;
	struct access_claims who;
	const char *method; /* GET for HEAD; NULL before the head is read */
	const char *key;    /* the operator key in place of a token; NULL: none */
	const char *allow;  /* methods of the path, for a 405; NULL otherwise */
	bool has_who, head;
	bool chunked, unread; /* the body: how it comes, whether it is still to come */
	bool waits;           /* the client sends it when it is asked to (Expect) */
	bool close;           /* the connection ends with this answer */
	int http;             /* the status of a problem that enum status does not have; 0: none */
	struct watch watch;
	struct limits_verdict limit;
	int status; /* what was sent; of a stream that failed afterwards what it came to */
	enum status outcome;
	bool untold;                 /* the edge's own pages are no requests of the API */
	const char *brand_id;        /* of the path; NULL: none */
	int64_t start_us;            /* monotonic */
	int64_t counted_us;          /* when it counts as answered; 0: at its end */
	int64_t bytes_in, bytes_out; /* of bodies */
	char token[ACCESS_TOKEN_MAX];
};

/* request.c */
int edge_handle(struct mg_connection *conn);
/* What civetweb refuses by itself (a head that is none) is answered as everything else. */
int edge_refused(struct mg_connection *conn, int status, const char *why);
/* Reads the whole body into the arena; at most `max` bytes. */
enum status edge_read_body(struct exchange *x, size_t max, char **ret, size_t *len);
/* The message of the route's method from body, query, path and headers, checked. */
enum status edge_read_input(struct exchange *x, struct json_param *params, size_t n,
			    ProtobufCMessage **in);

/* What a client that takes up a stream again tells in this header: the rule of the field that it
 * goes to; NULL: the method takes none. */
#define EDGE_LAST_EVENT "Last-Event-ID"
const struct field_rule *edge_last_event(const struct contract_method *m);

/* A body is about to be read: asks a client for it that waits to be asked. */
void edge_ask_body(struct exchange *x);
/* ST_TIMEOUT or ST_INVALID: the body did not come as it was announced. */
enum status edge_body_broken(struct exchange *x);

/* head.c */
enum status edge_check_head(struct exchange *x);
bool edge_client_closes(const struct exchange *x);

/* socket.c */
/* Nobody can connect any more; connections that stand go on. */
void edge_stop_listening(void);
/* After an answer to a request whose body was not read: lets the client hear it. */
void edge_linger(const struct exchange *x);
/* The connection's file, this thread's until the request ends; -1 when it is gone already. */
int edge_socket(const struct exchange *x);
/* True when the client ended the connection, or its sending half: nobody reads here. */
bool edge_client_gone(int socket);
/* The client has so long from now; again to give it more. edge_unwatch: true when it was too slow.
 */
void edge_watch(struct exchange *x, int64_t for_us);
bool edge_unwatch(struct exchange *x);
/* Ends the waits that are over; called every second. */
void edge_end_late(struct edge *e);

/* answer.c */
/* True when `item` is one of the comma separated list; letters of either case are the same. */
bool edge_listed(const char *list, const char *item, size_t len);
void answer_json(struct exchange *x, int status, const char *data, size_t len);
void answer_text(struct exchange *x, int status, const char *type, const char *data, size_t len);
void answer_empty(struct exchange *x, int status);
/* RFC 9457. Uses x->err. */
void answer_problem(struct exchange *x, enum status st);
/* With an extra member, e.g. how far an upload came. */
void answer_problem_with(struct exchange *x, enum status st, const char *member, uint64_t value);

/*
 * An event stream: its head, then pieces of it, each sent at once, then its end. ST_CANCELLED when
 * the client does not take it; then nothing more can be sent.
 */
enum status answer_stream_begin(struct exchange *x);
enum status answer_stream_put(struct exchange *x, const char *data, size_t len);
void answer_stream_end(struct exchange *x);
/* The problem document of x->err on one line, for the middle of a stream. */
void answer_problem_text(struct exchange *x, struct buf *out, enum status st);

/* upload.c */
void edge_upload(struct exchange *x, const struct json_param *params, size_t n);

/* stream.c */
void edge_stream(struct exchange *x, struct json_param *params, size_t n);

/* pages.c: true when the path is one of the edge's own (health, docs, metrics). */
bool edge_page(struct exchange *x, const char *path);
void edge_count(struct edge *e, const struct route *r, int status, int64_t us);

/* tell.c: tells the runtime's telemetry of an answered request that took so long. */
void edge_tell(const struct exchange *x, int64_t us);

/* keys.c: API keys of operators, exchanged for access tokens and kept until these expire. */
#define OPERATOR_KEY_PREFIX "ppo_"
struct operator_keys *operator_keys_new(void);
void operator_keys_free(struct operator_keys *k);
enum status operator_keys_exchange(struct operator_keys *k, struct call *call, const char *key,
				   char *token, size_t cap);
/* The token was refused: the key is exchanged anew the next time. */
void operator_keys_forget(struct operator_keys *k, const char *key);

#endif
