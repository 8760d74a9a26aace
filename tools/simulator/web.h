/* A request taken apart and an answer being made, on top of civetweb. Read next: web.c. */
#ifndef SIM_WEB_H
#define SIM_WEB_H

#include "core/arena.h"
#include "core/buf.h"

#include <civetweb.h>
#include <stdbool.h>

#define WEB_BODY_MAX     (33 * 1024 * 1024)
#define WEB_ANSWER_MAX   (256 * 1024 * 1024)
#define WEB_ARENA_MAX    (64 * 1024 * 1024)
#define WEB_SEGMENTS_MAX 16
#define WEB_PARAMS_MAX   64

struct web_param {
	const char *name, *value;
};

struct web_request {
	struct arena *arena;
	const struct mg_request_info *info;
	const char *method, *host;
	const char
		*seg[WEB_SEGMENTS_MAX]; /* of the path, each decoded by itself; "" past the end */
	size_t nseg;
	struct web_param params[WEB_PARAMS_MAX]; /* of the query, then of a form body */
	size_t nparams;
	const char *body; /* NUL-terminated */
	size_t body_len;
};

/* How an answer is spoilt before it is sent. */
enum web_mangle { MANGLE_NONE, MANGLE_TRUNCATE, MANGLE_BAD_JSON };

struct web_reply {
	int status;
	const char *type;
	struct buf headers; /* further header lines, each with CRLF */
	struct buf body;
	enum web_mangle mangle;
	bool sent; /* the provider has sent it by itself */
};

/* Reads the request; false with `rep` filled when it cannot be used. */
bool web_read(struct mg_connection *conn, struct arena *a, struct web_request *req,
	      struct web_reply *rep);
/* Sends the answer with a Date of `now_us`. */
void web_send(struct mg_connection *conn, struct web_reply *rep, int64_t now_us);
/* A header of the request, or NULL. */
const char *web_header(const struct web_request *req, const char *name);
/* The first parameter of that name, or NULL. */
const char *web_param(const struct web_request *req, const char *name);
/* True when segment i is `s`. */
bool web_seg_is(const struct web_request *req, size_t i, const char *s);
/* Adds a header line. */
void web_add_header(struct web_reply *rep, const char *name, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
/* The token of "Authorization: Bearer <token>", or NULL. */
const char *web_bearer(const struct web_request *req);
/* Starts the answer over with this status and JSON text. */
void web_json(struct web_reply *rep, int status, const char *body);
void web_html(struct web_reply *rep, int status, const char *body);

#endif
