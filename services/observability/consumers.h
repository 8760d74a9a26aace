/* The business events that observability hears, a function each. Read next: consumers.c. */
#ifndef OBSERVABILITY_CONSUMERS_H
#define OBSERVABILITY_CONSUMERS_H

#include "service.h"

#define CONSUMER(name, type) \
	enum status name(struct event_batch *batch, const type *const *in, size_t n)

CONSUMER(consume_audit, Auth__V1__AuditRecorded) MUST_USE;
CONSUMER(consume_shopify_sync, Shopify__V1__SyncFinished) MUST_USE;
CONSUMER(consume_ads_sync, Ads__V1__SyncFinished) MUST_USE;
CONSUMER(consume_question, Insights__V1__QuestionAsked) MUST_USE;
CONSUMER(consume_answer, Insights__V1__AnswerGenerated) MUST_USE;
CONSUMER(consume_feedback, Insights__V1__FeedbackGiven) MUST_USE;
CONSUMER(consume_usage, Billing__V1__UsageRecorded) MUST_USE;
CONSUMER(consume_unpriced, Billing__V1__UsageUnpriced) MUST_USE;
CONSUMER(consume_budget, Billing__V1__BudgetCrossed) MUST_USE;
CONSUMER(consume_expired, Billing__V1__ReservationExpired) MUST_USE;

#endif
