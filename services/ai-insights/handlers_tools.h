/* Between the files of the typed queries. Read next: tools.h (what they offer), handlers_tools.c.
 */
#ifndef AI_INSIGHTS_HANDLERS_TOOLS_H
#define AI_INSIGHTS_HANDLERS_TOOLS_H

#include "tools_list.h"
#include "tools_write.h"

#include "contract/attribution.h"
#include "contract/ingest_shopify.h"
#include "svc/call.h"

/* One query at work. */
struct tool_work {
	struct call call; /* the asker's, with memory of its own; texts in it die with the query */
	const char *brand_id;
	struct tool_input in;
	struct tool_writer w;
};

/* The request of the tool's method, with the brand, checked by the contract. */
enum status tool_request(struct tool_work *work, const ProtobufCMessage **ret) MUST_USE;

enum status tool_summary(struct tool_work *work) MUST_USE;
enum status tool_attribution(struct tool_work *work) MUST_USE;
enum status tool_products(struct tool_work *work) MUST_USE;
enum status tool_orders(struct tool_work *work) MUST_USE;

/* What several of them write. */
void tool_write_amount(struct tool_writer *w, const char *key, const Pulsepoint__Money *m);
void tool_write_ratio(struct tool_writer *w, const char *key, const Pulsepoint__Decimal *d,
		      const char *unit);
/* A list of amounts, one per currency. */
void tool_write_amounts(struct tool_writer *w, const char *key, Pulsepoint__Money *const *m,
			size_t n);
void tool_write_freshness(struct tool_work *work, Attribution__V1__Freshness *const *rows,
			  size_t n);
/* {"from","to"} and the days; 0 when unknown. */
void tool_write_period(struct tool_work *work, const Pulsepoint__Date *first,
		       const Pulsepoint__Date *last);

#endif
