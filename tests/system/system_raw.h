/*
 * HTTP byte by byte: requests that no client library would send. One connection each, closed
 * afterwards. Read next: test_bad_input.c.
 */
#ifndef SYSTEM_RAW_H
#define SYSTEM_RAW_H

#include "system/system_fixture.h"

#define RAW_ANSWER_MAX (4 * 1024 * 1024)

struct raw_answer {
	int code;         /* 0: the connection was closed without an answer */
	const char *head; /* status line and headers, each with CRLF */
	const char *body;
	size_t len;
	int64_t took_us;
};

/* Sends the bytes and reads the answer; it lives until the next call. Ends the program when the
 * edge says nothing within SUITE_CALL_MS. */
struct raw_answer raw_bytes(struct suite *s, const void *data, size_t len);
/* A well-formed request around a body of any bytes (NULL: none); `headers` are further lines with
 * CRLF. */
struct raw_answer raw_send(struct suite *s, const char *method, const char *path, const char *token,
			   const char *headers, const void *body, size_t len);
/* True when the head has that header with a value that holds `part`. */
bool raw_header_has(const struct raw_answer *a, const char *name, const char *part);

#endif
