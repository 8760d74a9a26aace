/* One request to the provider of insights_provider.h, and how its answer is written: inside only.
 * Read next: insights_wire.c, insights_provider.c. */
#ifndef COMPONENT_INSIGHTS_TURN_H
#define COMPONENT_INSIGHTS_TURN_H

#include "component/insights_provider.h"
#include "core/status.h"

#include <civetweb.h>
#include <cjson/cJSON.h>
#include <stddef.h>

#define TURN_ROWS_MAX 16
#define TURN_TEXT_MAX ((size_t)64 * 1024)

/* One request, read. */
struct turn {
	struct ip_provider *p;
	struct mg_connection *c;
	char *body;
	size_t len;
	cJSON *root;
	enum ip_mode mode;
	uint64_t number;
	bool results, complaint, no_tools;
	cJSON *rows; /* of the last report, not ours */
	cJSON *results_json[TURN_ROWS_MAX];
	size_t n_results;
	uint64_t output;
	struct ip_tokens used;
	bool billed;
};

/* Bytes as they are; an event of the stream. */
void turn_put(struct turn *t, const char *s);
void turn_event(struct turn *t, const char *name, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* An error instead of a stream. */
void turn_fail(struct turn *t, int code, const char *type);
/* Head, message_start and ping; the end with that stop_reason. */
void turn_begin(struct turn *t);
void turn_end(struct turn *t, const char *stop);
/* What is billed, once: of a stream that broke, what was told. Before whoever reads can know of the
 * end, and compare. */
void turn_bill(struct turn *t);
/* Whole blocks, in pieces. */
void turn_text(struct turn *t, int index, const char *text, size_t len);
void turn_tool(struct turn *t, int index, const char *name, const char *input);

#endif
