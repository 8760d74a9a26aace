/*
 * The receiving half of a request, shared by client.c and answer.c. Nobody else includes this.
 */
#ifndef HTTP_HTTP_PRIV_H
#define HTTP_HTTP_PRIV_H

#include "http/client.h"

/* What curl's callbacks write into. */
struct http__answer {
	uint32_t magic;
	struct arena *arena;
	struct buf body;
	struct http_header headers[HTTP_ANSWER_HEADERS_MAX];
	size_t n_headers, header_bytes;
	int code;                  /* of the last status line */
	bool too_large, no_memory; /* why a callback stopped the transfer */
	const atomic_bool *cancel;
	bool (*address_allowed)(const struct sockaddr *address);
	bool address_refused;
	const struct http_sink *sink; /* NULL: the body is collected */
	size_t streamed;              /* bytes given to the sink */
	int64_t heard_mono_us;        /* when the last byte came, or the request began */
	bool head_told, stopped, silent;
};

void http__answer_init(struct http__answer *ans, struct arena *a, size_t max_body,
		       const atomic_bool *cancel);
void http__answer_done(struct http__answer *ans);
/* Callbacks of curl: body bytes and one header line each. A count other than the one given stops
 * the transfer. */
size_t http__answer_body(char *data, size_t size, size_t n, void *arg);
size_t http__answer_header(char *data, size_t size, size_t n, void *arg);
/* Headers, Date and Retry-After into the response. False when the arena is full. */
bool http__answer_head(struct http__answer *ans, struct http_response *ret);
/* True when the sink has waited longer than it wants to. */
bool http__answer_silent(struct http__answer *ans);
/* Moves what was received into the response: the head and the body. False when the
 * arena is full. */
bool http__answer_finish(struct http__answer *ans, struct http_response *ret);

#endif
