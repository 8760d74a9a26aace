/*
 * An HTTP client for providers' APIs, on libcurl: bounded in time and size, never follows
 * redirects, keeps connections alive per client. What can go wrong on the way has names of its own
 * (enum http_fault), because providers cut answers short and stall more often than they refuse.
 * Read next: docs/internals/http.md.
 */
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include "core/arena.h"
#include "core/buf.h"
#include "core/status.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_URL_MAX             8192
#define HTTP_HEADERS_MAX         32  /* sent */
#define HTTP_ANSWER_HEADERS_MAX  128 /* kept; more is HTTP_FAULT_TOO_LARGE */
#define HTTP_ANSWER_HEADER_BYTES (64 * 1024)
#define HTTP_BODY_MAX            (256 * 1024 * 1024)
#define HTTP_CONNECT_MS          5000               /* when the request says 0 */
#define HTTP_TOTAL_MS            30000              /* when the request says 0 */
#define HTTP_BODY_DEFAULT        (16 * 1024 * 1024) /* when the request says 0 */
#define HTTP_STALL_S             20 /* fewer than HTTP_STALL_BYTES in so long is a time-out */
#define HTTP_STALL_BYTES         1
#define HTTP_IDLE_HANDLES        32 /* kept by a client for reuse */

struct http_client;

struct sockaddr;

/*
 * A client: a pool of curl handles (keep-alive) that any thread may use at any time. `user_agent`
 * is copied. NULL when memory is out. http_client_free accepts NULL; no request may be under way.
 */
struct http_client *http_client_new(const char *user_agent);
void http_client_free(struct http_client *c);

struct http_header {
	const char *name, *value;
};

struct http_request {
	const char *method; /* GET, POST, PUT, PATCH, DELETE */
	const char *url;    /* http or https; built with http_url_*; no user:password */
	const struct http_header *headers;
	size_t n_headers;
	const void *body; /* NULL: none */
	size_t body_len;
	int connect_ms, total_ms;  /* 0: HTTP_CONNECT_MS, HTTP_TOTAL_MS */
	int64_t deadline_mono_us;  /* 0: none; cuts total_ms short */
	size_t max_body;           /* 0: HTTP_BODY_DEFAULT; at most HTTP_BODY_MAX */
	const atomic_bool *cancel; /* NULL, or a flag looked at about once a second */
	/*
	 * NULL, or asked for each address before a connection to it is opened, after the name was
	 * resolved: false refuses it. A connection that is kept alive was asked for when it was
	 * opened, so requests with another filter need another client.
	 */
	bool (*address_allowed)(const struct sockaddr *address);
};

/* What happened to a request that got no whole answer. */
#define HTTP_FAULT_LIST(X)                                                        \
	X(NONE, OK, "")                                                           \
	X(REQUEST, INVALID, "the request is malformed")                           \
	X(RESOLVE, UNAVAILABLE, "the host name cannot be resolved")               \
	X(CONNECT, UNAVAILABLE, "the server cannot be reached")                   \
	X(ADDRESS, DENIED, "the server's address is not allowed")                 \
	X(TLS, UPSTREAM, "the server's certificate or TLS handshake is not good") \
	X(TIMEOUT, TIMEOUT, "the server did not answer in time")                  \
	X(TRUNCATED, UPSTREAM, "the answer ended before it was complete")         \
	X(TOO_LARGE, UPSTREAM, "the answer is larger than allowed")               \
	X(PROTOCOL, UPSTREAM, "the answer is not HTTP")                           \
	X(CANCELLED, CANCELLED, "the request was cancelled")                      \
	X(MEMORY, INTERNAL, "memory is out")
enum http_fault {
#define X(name, status, words) HTTP_FAULT_##name,
	HTTP_FAULT_LIST(X)
#undef X
};
/* A sentence part for people, e.g. "the server did not answer in time". Never NULL; names no URL.
 */
const char *http_fault_words(enum http_fault f);
/* The status that http_send returns for it. */
enum status http_fault_status(enum http_fault f);
/* True when asking again later may help: all but REQUEST, ADDRESS, TLS, TOO_LARGE, CANCELLED and
 * MEMORY. */
bool http_fault_transient(enum http_fault f);

struct http_response {
	int code;              /* 200, 404 ... ; 0 when there was no answer */
	enum http_fault fault; /* HTTP_FAULT_NONE with a whole answer of whatever code */
	const char *body;      /* in the arena, NUL-terminated after body_len bytes */
	size_t body_len;
	const struct http_header *headers; /* of the final answer, in order */
	size_t n_headers;
	int64_t date_us;   /* the Date header; 0 when absent or malformed */
	int retry_after_s; /* Retry-After, seconds or date (measured against Date); 0: none; at most
			      HTTP_RETRY_AFTER_SEEN_MAX_S */
	int64_t took_us;
};
/* The first header with that name (any case); NULL when there is none. */
const char *http_response_header(const struct http_response *r, const char *name);

/*
 * Sends one request and waits for the whole answer, compressed bodies unpacked (max_body counts
 * unpacked bytes). ST_OK for every HTTP answer, 4xx and 5xx too: look at ret->code. Otherwise the
 * fault's status, ret->fault set (ret is always written) and err->detail = its words with the
 * host's name, never the path, query, headers or body. Redirects are not followed: the 3xx is the
 * answer. Answers that are 1xx only are not answers. The environment's proxy variables are not
 * used.
 */
enum status http_send(struct http_client *c, const struct http_request *q, struct arena *a,
		      struct http_response *ret, struct error *err) MUST_USE;

/* ---- answers as they come ---- */

#define HTTP_FIRST_BYTE_MS 60000 /* when the sink says 0 */
#define HTTP_IDLE_MS       30000 /* when the sink says 0 */

/* Who receives an answer piece by piece, on the thread that sends. False ends the transfer: the
 * fault is HTTP_FAULT_CANCELLED then. */
struct http_sink {
	void *arg;
	/* The head of the final answer (code, headers, Date, Retry-After; no body), once, before
	 * any data. May be NULL. */
	bool (*on_head)(void *arg, const struct http_response *head);
	/* Bytes of the body in order, unpacked; cut anywhere, also within a character. */
	bool (*on_data)(void *arg, const char *data, size_t len);
	/* Silence ends the transfer with HTTP_FAULT_TIMEOUT: before the first byte of the answer,
	 * and between bytes after it. Seen within about a second. */
	int first_byte_ms, idle_ms; /* 0: the limits above */
};

/*
 * As http_send, but the body goes to the sink and is kept nowhere; max_body bounds its sum.
 * total_ms and the deadline bound the whole, silence is the sink's (HTTP_STALL_S does not hold
 * here). ST_OK when the answer came to its end. After a fault ret->code still tells the answer's
 * code when its head had come, 0 otherwise.
 */
enum status http_stream(struct http_client *c, const struct http_request *q,
			const struct http_sink *sink, struct arena *a, struct http_response *ret,
			struct error *err) MUST_USE;

/* ---- trying again ---- */

#define HTTP_BACKOFF_FIRST_MS       500
#define HTTP_BACKOFF_MAX_MS         30000
#define HTTP_RETRY_AFTER_MAX_S      300   /* waited for at most */
#define HTTP_RETRY_AFTER_SEEN_MAX_S 86400 /* larger ones are reported as this */

/* True for 408, 425, 429 and 5xx but 501 and 505: the same request may pass later. */
bool http_code_transient(int code);
/*
 * How long to wait before try number `attempt` + 1, in microseconds: attempt 0 is the first
 * failure. Half of it fixed and half random: 0.25-0.5 s, 0.5-1 s, ... up to 15-30 s; but never less
 * than retry_after_s (capped at HTTP_RETRY_AFTER_MAX_S), to which up to 10 % is added, so that many
 * clients do not come back at once.
 */
int64_t http_backoff(int attempt, int retry_after_s);

/* ---- URLs ---- */

/*
 * http_url_begin starts `b` with a base such as "https://shop.example/" or
 * "http://127.0.0.1:8400/x" (a final slash is dropped); path segments and query parameters are
 * percent-encoded as they are added (RFC 3986; a space is %20). Queries come after paths. Failures
 * stay in the buffer: check buf_status or let http_send refuse.
 */
void http_url_begin(struct buf *b, const char *base);
/* "/" and the segment; slashes in it are encoded, "." and ".." are refused (the buffer fails). */
void http_url_segment(struct buf *b, const char *segment);
/* "/" and a fixed path of ours as it is: "admin/api". */
void http_url_path(struct buf *b, const char *path);
/* "?name=value" or "&name=value". */
void http_url_query(struct buf *b, const char *name, const char *value);
/* Appends `s` percent-encoded: for application/x-www-form-urlencoded bodies too (a space is %20,
 * which all servers take). */
void http_percent_put(struct buf *b, const char *s);

#endif
