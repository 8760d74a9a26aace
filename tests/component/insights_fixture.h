/*
 * What the tests of ai-insights share on top of shopify_fixture.h (the same servers, simulator and
 * bus users around another program): the test in the places of attribution, ingest-shopify,
 * token-billing, questions as the edge asks them, and a provider of a model. Read
 * next: insights_provider.h, test_insights_*.c.
 */
#ifndef COMPONENT_INSIGHTS_FIXTURE_H
#define COMPONENT_INSIGHTS_FIXTURE_H

#include "component/insights_provider.h"
#include "component/shopify_fixture.h"
#include "contract/ai_insights.h"
#include "contract/ai_insights_events.h"
#include "contract/token_billing.h"

#include <pthread.h>

#define IN_LEDGER   4096
#define IN_QUESTION "Which campaigns should I spend more on, and how much did each earn?"
#define IN_MODEL    "claude-sonnet-5"
#define IN_WAIT_MS  60000
#define IN_ASK_MS   100000
#define IN_COST     2500 /* nano-dollars of a call, as the ledger of the test says */

/* A line of the ledger that the test keeps in token-billing's place. */
struct in_line {
	char reservation_id[UUID_TEXT], request_id[129], model[129];
	uint64_t input, cache_read, write_5m, write_1h, output;
	uint64_t most_input, most_output; /* as reserved */
	bool settled, used, late;         /* late: with a grant */
	int settles;
};

enum in_billing {
	IN_BILLING_GOOD,
	IN_BILLING_SPENT,    /* Reserve is refused until the period ends */
	IN_BILLING_UNPRICED, /* settled, but without a price */
	IN_BILLING_DEAF,     /* Settle fails; Reserve goes well */
	IN_BILLING_AWAY,     /* nobody listens */
};

struct in_world {
	struct sx_world sx;
	struct ip_provider provider;
	struct bus *billing_bus, *shopify_bus;
	struct access *billing_access; /* grants are good for one service */
	struct bus_server *servers[8];
	int n_servers;
	struct bus_server *reserve_server, *settle_server, *grant_server;
	pthread_mutex_t lock; /* of what follows */
	struct in_line ledger[IN_LEDGER];
	size_t n_ledger;
	int summaries, reports, grants, reserves;
	int busy_after, busy; /* see in_busy */
	enum in_billing billing;
	const char *_Atomic campaign; /* name of the first campaign */
	atomic_bool broken_reports;   /* attribution fails */
};

/* With a key, or without one. */
void in_start(struct in_world *w, bool key);
void in_stop(struct in_world *w);
/* Starts the service anew with one more setting ("" for none). */
void in_restart(struct in_world *w, const char *setting);
/* A test begins: the ledger is empty, the neighbours and the model are good. */
void in_fresh(struct in_world *w);
void in_billing(struct in_world *w, enum in_billing how);
/* After so many calls of Reserve it is refused so often for a second, because of what others hold.
 */
void in_busy(struct in_world *w, int after, int refusals);
/* How often Reserve was called since in_fresh. */
int in_reserves(struct in_world *w);
/* insights_neighbours.c */
void in_neighbours_start(struct in_world *w);
void in_neighbours_stop(struct in_world *w);

/* What came of a question. */
struct in_answer {
	enum status status;
	char detail[ERROR_DETAIL_MAX];
	int retry_after_s;
	const char *parts; /* "started tool text text restart text answer" */
	const char *text;  /* of the text parts since the last restart */
	const char *shown; /* of all text parts, withdrawn ones too */
	const char *question_id, *model;
	const Insights__V1__Answer *answer; /* NULL: none came */
};
struct in_answer in_ask(struct in_world *w, const struct sx_tenant *t, const char *question);
/* The same with so little time. */
struct in_answer in_ask_within(struct in_world *w, const struct sx_tenant *t, const char *question,
			       int ms);
/* Asks, and leaves after the first part of that kind ("tool", "text"). */
void in_ask_and_leave(struct in_world *w, const struct sx_tenant *t, const char *kind,
		      char question_id[UUID_TEXT]);
/* Asks, and leaves when the condition holds. */
void in_ask_until(struct in_world *w, const struct sx_tenant *t, bool (*cond)(void *arg), void *arg,
		  char question_id[UUID_TEXT]);
/* Calls of the other methods. */
struct reply in_call(struct in_world *w, const char *token, enum ai_insights_method method,
		     const void *in);
const Insights__V1__Question *in_question(struct in_world *w, const struct sx_tenant *t,
					  const char *question_id);

/* ---- the bill ---- */

/* Calls of the model of a question that are so: "open", "used", "settled" ... */
int in_calls(struct in_world *w, const char *question_id, const char *state);
void in_until_settled(struct in_world *w, const char *question_id, int calls);
/* Calls that were settled with a grant. */
int in_late(struct in_world *w);
/* The ledger says of every call of the model what the provider says, and no hold is left open. */
void in_check_ledger(struct in_world *w);

/* Events of the tenant so far: question.asked ... */
int64_t in_events(struct in_world *w, const struct sx_tenant *t, const char *what);
/* The evidence with that id; NULL when the answer has none. */
const Insights__V1__Evidence *in_evidence(const Insights__V1__Answer *a, const char *id);

#endif
