/* What the handlers share: asking about a brand that may be seconds old, and the contract's values.
 * Read next: handlers.c. */
#ifndef ATTRIBUTION_HANDLERS_H
#define ATTRIBUTION_HANDLERS_H

#include "report.h"
#include "service.h"
#include "store.h"
#include "store_reports.h"

#include "svc/call.h"

/*
 * A client makes a brand and asks about it at once, while the event that tells us of it is still on
 * its way. So an unknown brand is asked for again for BRAND_WAIT_US, by at most BRAND_WAITERS_MAX
 * calls at a time: made-up ids must not use up the workers.
 */
#define BRAND_WAIT_US     (500 * 1000)
#define BRAND_RETRY_US    (20 * 1000)
#define BRAND_WAITERS_MAX 4

/* Queues a handler's questions. */
typedef void questions_fn(const struct brand_tx *b, void *arg);

/*
 * Asks about the brand in one round trip: its currency and what `ask` queues (may be NULL). On
 * ST_OK the answers are in ret->tx, which the caller frees. ST_NOT_FOUND with field "brand_id" when
 * the tenant has no such brand.
 */
enum status ask_brand(struct call *call, const char *brand_id, questions_fn *ask, void *arg,
		      struct brand_tx *ret, const char **currency) MUST_USE;

/* The days of a question; ST_INVALID when `from` is after `to`. */
enum status read_days(struct call *call, const Pulsepoint__Date *from, const Pulsepoint__Date *to,
		      struct day_range *ret) MUST_USE;

/* Values of the contract in the call's arena; the call fails when the arena is full (see
 * reply_status). */
Pulsepoint__Money *make_money(struct arena *a, int64_t micros, const char *currency);
Pulsepoint__Money **make_moneys(struct arena *a, const struct amount *amounts, size_t n);
Pulsepoint__Decimal *make_decimal(struct arena *a, int64_t units, uint32_t scale);
Pulsepoint__Date *make_date(struct arena *a, int32_t days);
/* NULL for 0. */
Pulsepoint__Timestamp *make_time(struct arena *a, int64_t us);
Attribution__V1__Freshness **make_freshness(struct arena *a, const struct freshness_row *rows,
					    size_t n);
/* ST_OK, or ST_TOO_LARGE when something did not fit the call's arena. */
enum status reply_status(struct call *call) MUST_USE;

#define HANDLER(name, in_type, out_type)                                          \
	enum status name(struct call *call, const Attribution__V1__##in_type *in, \
			 Attribution__V1__##out_type *out)

HANDLER(handle_import, ImportTouchpointsRequest, ImportTouchpointsReply) MUST_USE;
HANDLER(handle_summary, SummaryRequest, Summary) MUST_USE;
HANDLER(handle_report, AttributionRequest, AttributionReport) MUST_USE;
HANDLER(handle_order, OrderCreditsRequest, OrderCreditsReply) MUST_USE;

#endif
