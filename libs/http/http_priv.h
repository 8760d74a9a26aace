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
	bool too_large, no_memory; /* why a callback stopped the transfer */
	const atomic_bool *cancel;
	bool (*address_allowed)(const struct sockaddr *address);
	bool address_refused;
};

void http__answer_init(struct http__answer *ans, struct arena *a, size_t max_body,
		       const atomic_bool *cancel);
void http__answer_done(struct http__answer *ans);
/* Callbacks of curl: body bytes and one header line each. A count other than the one given stops
 * the transfer. */
size_t http__answer_body(char *data, size_t size, size_t n, void *arg);
size_t http__answer_header(char *data, size_t size, size_t n, void *arg);
/* Moves what was received into the response: body, headers, Date and Retry-After. False when the
 * arena is full. */
bool http__answer_finish(struct http__answer *ans, struct http_response *ret);

#endif
