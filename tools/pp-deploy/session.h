/* The deploy user's connection to JetStream. Read next: streams.c, dlq.c. */
#ifndef DEPLOY_SESSION_H
#define DEPLOY_SESSION_H

#include "core/status.h"

#include <nats/nats.h>
#include <stdbool.h>
#include <stdint.h>

struct session {
	natsConnection *conn;
	jsCtx *js;
	int replicas; /* of the streams it makes */
	int64_t deadline_us;
};

/*
 * Connects as deploy with the seed in `dir`, waiting for a server that has just been started. `url`
 * NULL: NATS_URL of dir/nats.env. To be closed whether it succeeds or not.
 */
enum status session_open(struct session *ss, const char *dir, const char *url,
			 struct error *err) MUST_USE;
void session_close(struct session *ss);
/* Whether a request that failed so may succeed soon; waits a moment if so. */
bool session_again(const struct session *ss, natsStatus s, jsErrCode code);
/* Tells what failed and how, and returns ST_UNAVAILABLE. */
enum status session_fail(struct error *err, const char *what, natsStatus s, jsErrCode code);

#endif
