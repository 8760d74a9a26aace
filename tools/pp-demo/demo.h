/*
 * pp-demo: drives the main job over HTTP as any client would, and prints what it shows. Read next:
 * main.c (the steps), report.c.
 */
#ifndef DEMO_H
#define DEMO_H

#include "core/arena.h"
#include "core/buf.h"
#include "core/id.h"
#include "http/client.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#define DEMO_TEXT      512
#define DEMO_TOKEN     4096
#define DEMO_PLATFORMS 4

struct demo {
	struct http_client *http;
	struct arena *arena; /* reset between calls */
	char base_url[DEMO_TEXT], simulator_url[DEMO_TEXT], run_dir[DEMO_TEXT];
	char receiver_url[DEMO_TEXT]; /* the simulator, as the services reach it */
	char channel_secret[DEMO_TEXT], rule_id[UUID_TEXT];
	int64_t asked_at_us;
	bool cost_free; /* the answer cost nothing */
	char operator_key[DEMO_TEXT];
	char email[DEMO_TEXT], password[DEMO_TEXT];
	char tenant_id[UUID_TEXT], brand_id[UUID_TEXT];
	char token[DEMO_TOKEN];
	char dataset[DEMO_TEXT], shop_domain[DEMO_TEXT], currency[8], timezone[DEMO_TEXT];
	bool terminal;
};

/* ---- api.c ---- */
/*
 * One call of the gateway (path starts with '/') or of the simulator (absolute URL). `body` may be
 * NULL. The caller frees the tree. Prints the problem and ends the program when the status is not
 * `want`, because every step needs the one before it.
 */
cJSON *api(struct demo *d, const char *method, const char *path, const char *body, int want);
/* As api, with the operator's key. */
cJSON *api_operator(struct demo *d, const char *method, const char *path, const char *body,
		    int want);
/* As api, but gives the HTTP code back instead of ending; *ret is NULL without a JSON body. */
int api_try(struct demo *d, const char *method, const char *path, const char *body, cJSON **ret);
/* Posts JSON lines with an Idempotency-Key. */
cJSON *api_upload(struct demo *d, const char *path, const char *key, const char *body, size_t len);
/* A string member ("" when absent) and a number member. */
const char *text_of(const cJSON *o, const char *name);
int number_of(const cJSON *o, const char *name);
/*
 * Posts JSON and hands the answer on as it comes; the HTTP status, 0 when there was no answer (then
 * err says why). An answer that is no stream is left in err as its problem.
 */
int api_stream(struct demo *d, const char *path, const char *body, int timeout_ms,
	       bool (*on_data)(void *arg, const char *data, size_t len), void *arg,
	       struct error *err);
/* The printed JSON of an object that is then freed; the caller frees it. */
char *print_and_free(cJSON *o);
/* Prints why and ends the program with 1. */
_Noreturn void give_up(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* ---- steps.c ---- */
void read_dataset(struct demo *d);
void sign_in(struct demo *d);
void connect_all(struct demo *d);
void sync_all(struct demo *d);
void import_visits(struct demo *d);
void write_result(struct demo *d);

/* ---- ask.c ---- */
void ask_question(struct demo *d);

/* ---- alert.c ---- */
/* Makes channel and rule; before the question. */
void arm_alert(struct demo *d);
/* What arrived; after the question. */
void show_alert(struct demo *d);

/* ---- report.c ---- */
extern const char *const demo_rule;
void print_report(struct demo *d);

#endif
