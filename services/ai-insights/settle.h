/*
 * The bill of a question: before each call of the model its highest cost is reserved and a row says
 * so; what it used is written into the row before anything else, then settled. Whoever dies in
 * between leaves a row that the sweeper (sweep.h) can finish. Read next: billing.h, ask_turns.c.
 */
#ifndef INSIGHTS_SETTLE_H
#define INSIGHTS_SETTLE_H

#include "billing.h"

#include "core/id.h"

#define BILL_WAIT_MAX_S 5   /* who is told to come again later than this does not wait for it */
#define BILL_MODEL_MAX  129 /* a name with its NUL, as long as the contract takes */

struct bill {
	struct call *call; /* its arena and token; not its deadline, which may be over */
	const struct question *question;
	const char *asked;              /* the model that is asked */
	char model[BILL_MODEL_MAX];     /* that answers: that one, until another one did */
	struct tokens estimate;         /* of the next call */
	int64_t deadline_us;            /* of the next call, monotonic */
	char reservation_id[UUID_TEXT]; /* "": none is open */
	enum status refused;            /* of the last reservation that was not had; ST_OK: none */
	int wait_s; /* with ST_LIMITED there: it may be had after so long; 0: nothing to wait for */

	struct tokens used; /* sums of all calls */
	int64_t cost_nano;
	bool cost_known; /* false: a call is unpriced, not settled yet, or of unknown use */
};

/* What a call used, as the provider told. */
struct bill_used {
	struct tokens tokens;
	const char *request_id, *model;
};

void bill_init(struct bill *b, struct call *call, const struct question *q, const char *model);
/*
 * Reserves the estimate and commits the row: only then may the model be asked. ST_LIMITED: a hard
 * budget has no room: it is spent, or, with wait_s, other calls hold the rest for now (or the
 * period is about to end). Others: token-billing or the database cannot be had, and nothing is
 * asked either.
 */
enum status bill_open(struct bill *b) MUST_USE;
/*
 * What the open call used; it is settled, now or by the sweeper, and none is open any more. When
 * another model answered than was reserved for, its tokens are priced as that one's, and the next
 * reservation is made for it: a hard budget lets no call through to a model without a price, and
 * the estimate is at the prices of who answers.
 */
void bill_note(struct bill *b, const struct bill_used *used);
/*
 * The open call may have used anything: its answer began, but did not say how much. It is not
 * settled, its hold expires at token-billing, and the question has no known cost. Only the
 * request_id of `used` is read.
 */
void bill_unknown(struct bill *b, const struct bill_used *used);
/* A maker answers for "claude-x" as "claude-x-20260801", too: the same model at the same price. */
bool bill_same_model(const char *asked, const char *answered);
/* The open call used nothing: its hold is given back. Does nothing when none is open. */
void bill_give_back(struct bill *b);

#endif
