/*
 * One table of outcomes: what a function returns, the word on the wire, the HTTP code, and what a
 * consumer does with a message whose handling ended so. Read next: libs/svc/consumer.c.
 */
#ifndef CORE_STATUS_H
#define CORE_STATUS_H

#include <stddef.h>

/* clang-format off */
/*      name             wire word          http  verdict for a consumed message */
#define STATUS_LIST(X)                                    \
	X(OK,              "ok",              200, ACK)   \
	X(INVALID,         "invalid",         400, TERM)  \
	X(UNAUTHENTICATED, "unauthenticated", 401, TERM)  \
	X(DENIED,          "denied",          403, TERM)  \
	X(NOT_FOUND,       "not_found",       404, TERM)  \
	X(NOT_ALLOWED,     "method_not_allowed", 405, TERM) \
	X(CONFLICT,        "conflict",        409, TERM)  \
	X(TOO_LARGE,       "too_large",       413, TERM)  \
	X(UNSUPPORTED,     "unsupported",     415, TERM)  \
	X(MISMATCH,        "mismatch",        422, TERM)  \
	X(LIMITED,         "rate_limited",    429, RETRY) \
	X(CANCELLED,       "cancelled",       499, RETRY) \
	X(INTERNAL,        "internal",        500, RETRY) \
	X(UPSTREAM,        "upstream",        502, RETRY) \
	X(UNAVAILABLE,     "unavailable",     503, RETRY) \
	X(TIMEOUT,         "timeout",         504, RETRY)
/* clang-format on */

enum verdict { VERDICT_ACK, VERDICT_RETRY, VERDICT_TERM };

enum status {
#define X(name, wire, http, verdict) ST_##name,
	STATUS_LIST(X)
#undef X
};

#define MUST_USE          __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

/* The wire word, e.g. "not_found". Never NULL. */
const char *status_name(enum status st);
/* The HTTP status code, e.g. 404. */
int status_http(enum status st);
/* What a consumer does with the message. */
enum verdict status_verdict(enum status st);
/* The status with that wire word; ST_INTERNAL for an unknown word. */
enum status status_from_name(const char *wire);

#define ERROR_FIELD_MAX  128
#define ERROR_DETAIL_MAX 400

/* Why something failed, for whoever asked. Holds no secret and no personal data. Zero-initialise
 * it. */
struct error {
	enum status status;
	char field[ERROR_FIELD_MAX];   /* "admin.email", empty when no field is at fault */
	char detail[ERROR_DETAIL_MAX]; /* a sentence for a person */
	int retry_after_s;             /* 0: no advice */
};

/*
 * Fills `err` (may be NULL) and returns `st`, so that a check reads
 * `return error_set(err, ST_INVALID, "name", "is empty");`. `field` may be NULL. Text too long is
 * cut at a UTF-8 boundary. `retry_after_s` becomes 0: set it afterwards.
 */
enum status error_set(struct error *err, enum status st, const char *field, const char *fmt, ...)
	PRINTF_LIKE(4, 5);

#endif
