/* Misbehaviour on order: rules given at the control port, taken one request at a time. Thread-safe.
 * Read next: faults.c. */
#ifndef SIM_FAULTS_H
#define SIM_FAULTS_H

#include "core/buf.h"

#include <stdbool.h>
#include <stdint.h>

#define FAULTS_MAX         64
#define FAULT_NAME_MAX     32
#define FAULT_DELAY_MS_MAX 600000

/* kind, the word at the control port */
/* clang-format off */
#define FAULT_LIST(X)                   \
	X(NONE, "none") \
	X(HTTP_429, "http_429") \
	X(HTTP_5XX, "http_5xx") \
	X(INTERNAL, "internal") \
	X(SLOW, "slow") \
	X(TRUNCATE, "truncate") \
	X(BAD_JSON, "bad_json") \
	X(EXPIRED_TOKEN, "expired_token") \
	X(THROTTLE, "throttle") \
	X(WRONG_TYPE, "wrong_type") \
	X(NOT_READY, "not_ready") \
	X(JOB_FAILED, "job_failed")
/* clang-format on */

enum fault_kind {
#define X(name, word) FAULT_##name,
	FAULT_LIST(X)
#undef X
};

struct fault {
	char provider[FAULT_NAME_MAX];
	char endpoint[FAULT_NAME_MAX]; /* "" for any */
	enum fault_kind kind;
	int64_t count, after; /* how often still; how many requests to let pass first */
	int64_t delay_ms, retry_after;
};

struct faults;

struct faults *faults_new(void);
void faults_free(struct faults *f);
/* False when there are too many rules. */
bool faults_add(struct faults *f, const struct fault *rule);
void faults_clear(struct faults *f);
/* The fault for this request; kind FAULT_NONE when it goes through. */
struct fault faults_take(struct faults *f, const char *provider, const char *endpoint);
/* The kind of that word, or FAULT_NONE. */
enum fault_kind fault_kind_parse(const char *word);
/* The live rules as a JSON array. */
void faults_write(struct faults *f, struct buf *out);

#endif
