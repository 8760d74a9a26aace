/*
 * A dead letter: what libs/svc/consumer.c keeps of an event that a consumer could not apply, and
 * the event it becomes again. Read next: dlq.c.
 */
#ifndef DEPLOY_LETTER_H
#define DEPLOY_LETTER_H

#include "core/contract.h"
#include "core/status.h"
#include "deploy.h"

#include <nats/nats.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct letter {
	natsMsg *msg;
	uint64_t seq;
	char service[NAME_CAP], durable[NAME_CAP * 3];
};

/* Takes over the message; false when its subject is no dead letter's. Free with letter_done. */
bool letter_read(struct letter *l, natsMsg *msg);
void letter_done(struct letter *l);
/* The value of a header, "" without. */
const char *letter_header(const struct letter *l, const char *name);
/* One line, without payload: what comes from a service is stripped of control characters. */
void letter_print(const struct letter *l, FILE *out);
/*
 * The event, to be published on the stream of `*ret_consumer`. Refuses (ST_INVALID with the reason)
 * a letter that no consumer of the contract could have written: the deploy user may publish
 * everything, a service may write whatever it likes in its dead letters.
 */
enum status letter_event(const struct letter *l, natsMsg **ret,
			 const struct contract_consumer **ret_consumer, struct error *err) MUST_USE;

/* True when the subject fits the filter, whose "*" stands for a tenant's id. */
bool subject_fits(const char *subject, const char *filter);

#endif
