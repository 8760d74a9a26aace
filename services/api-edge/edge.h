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

struct edge_config {
	char listen[128], hosts[1024], origins[1024];
	int64_t threads;
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
	_Atomic uint64_t limited;
	/* readiness, asked at most once a second */
	pthread_mutex_t ready_lock;
	int64_t ready_at_us;
	bool ready;
	char ready_text[2048];
	char base_text[64];
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
	const char *allow;   /* methods of the path, for a 405; NULL otherwise */
	bool has_who, close; /* close: the body was not read to its end */
	struct limits_verdict limit;
	int status; /* what was sent */
	char token[ACCESS_TOKEN_MAX];
};

/* request.c */
int edge_handle(struct mg_connection *conn, void *arg);
/* Reads the whole body into the arena; at most `max` bytes. */
enum status edge_read_body(struct exchange *x, size_t max, char **ret, size_t *len);

/* answer.c */
void answer_json(struct exchange *x, int status, const char *data, size_t len);
void answer_text(struct exchange *x, int status, const char *type, const char *data, size_t len);
void answer_empty(struct exchange *x, int status);
/* RFC 9457. Uses x->err. */
void answer_problem(struct exchange *x, enum status st);
/* With an extra member, e.g. how far an upload came. */
void answer_problem_with(struct exchange *x, enum status st, const char *member, uint64_t value);

/* upload.c */
void edge_upload(struct exchange *x, const struct json_param *params, size_t n);

/* pages.c: true when the path is one of the edge's own (health, docs, metrics). */
bool edge_page(struct exchange *x, const char *path);
void edge_count(struct edge *e, const struct route *r, int status, int64_t us);

/* keys.c: API keys of operators, exchanged for access tokens and kept until these expire. */
#define OPERATOR_KEY_PREFIX "ppo_"
struct operator_keys *operator_keys_new(void);
void operator_keys_free(struct operator_keys *k);
enum status operator_keys_exchange(struct operator_keys *k, struct call *call, const char *key,
				   char *token, size_t cap);

#endif
