/*
 * What the files of the Anthropic simulator share: models, a checked request, token counts and the
 * record of what was billed. The facts are of providers.md 4.1. Read next: anthropic.c (who answers
 * what), model.h (the planner that plays the model).
 */
#ifndef SIM_ANTHROPIC_H
#define SIM_ANTHROPIC_H

#include "model.h"
#include "sim.h"

#include <cjson/cJSON.h>

#define ANTH_BODY_MAX        (32 * 1024 * 1024) /* the provider's own limit: 413 above */
#define ANTH_KEY_PREFIX      "sk-ant-"
#define ANTH_KEY_MIN         15 /* characters with the prefix */
#define ANTH_KEY_MAX         200
#define ANTH_KEY_HASH        17 /* of a key, in hex: 16 digits and NUL */
#define ANTH_ID_TEXT         48
#define ANTH_BREAKPOINTS_MAX 4
#define ANTH_LOOK_BACK       20 /* blocks before a breakpoint that are tried */
#define ANTH_TTL_5M_S        300
#define ANTH_TTL_1H_S        3600

struct anth_model {
	const char *id, *display, *created;
	int64_t context, max_output;
	int64_t cache_min;   /* shortest prefix that is cached, tokens */
	int percent;         /* tokens made of a text, against Sonnet 4.6 */
	bool sampling;       /* takes temperature, top_p, top_k and a thinking budget */
	bool thinking_stays; /* refuses thinking: disabled */
};

struct anth_request {
	const struct anth_model *model;
	int64_t max_tokens;
	bool stream;
	const cJSON *tools, *system, *messages, *tool_choice;
};

struct anth_usage {
	int64_t input, cache_read, write_5m, write_1h, output;
};

/* A block of the prompt, in the cache's order: tools, system, messages. */
struct anth_segment {
	unsigned char digest[32]; /* of everything up to and with this block, key and model too */
	int64_t tokens;           /* of the same */
	int64_t ttl_s;            /* of the breakpoint on this block; 0: none */
};

/* One request that was billed. */
struct anth_billed {
	char request_id[ANTH_ID_TEXT], key_hash[ANTH_KEY_HASH];
	const char *model, *stop_reason; /* stop_reason NULL: it never came to one */
	int64_t at_us;                   /* the simulator's clock */
	struct anth_usage usage;
	bool stream, broken_off;
};

struct anth_cache;
struct anth_ledger;

/* All models, and the one with that id (or NULL). */
const struct anth_model *anth_models(size_t *ret_n);
const struct anth_model *anth_model_find(const char *id);

/* Answers with the provider's error. `type` as "invalid_request_error". */
void anth_error(struct exchange *ex, int status, const char *type, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
/* Appends the provider's error as JSON. */
void anth_put_error(struct buf *b, const char *type, const char *message, const char *request_id);

/* Checks everything the provider checks; false with the answer filled. `root` must outlive it. */
bool anth_check(struct exchange *ex, const cJSON *root, struct anth_request *ret);
bool anth_check_messages(struct exchange *ex, const cJSON *messages);
/* A 400; always false. */
bool anth_bad(struct exchange *ex, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Checks cache_control of a block, if it has one. `where` is its path. */
bool anth_check_cache_control(struct exchange *ex, const cJSON *block, const char *where);
/* False, with a 400, when the object has a member that is not in the NULL-terminated list. */
bool anth_check_members(struct exchange *ex, const cJSON *object, const char *where,
			const char *const *known);

/*
 * Quarters of a token that the text makes (about a token for four letters, for two digits or other
 * signs), and the tokens of so many quarters for a model, rounded up.
 */
int64_t anth_units(const char *text, size_t len);
int64_t anth_tokens(const struct anth_model *m, int64_t units);

/*
 * Takes the prompt apart into blocks; cache_control does not belong to what is compared. NULL when
 * the arena is full.
 */
struct anth_segment *anth_segments(struct arena *a, const struct anth_request *r,
				   const char *key_hash, size_t *ret_n);
struct anth_cache *anth_cache_new(void);
void anth_cache_free(struct anth_cache *c);
/* Looks up and stores; fills all of `ret` but the output. `n` is at least 1. */
void anth_cache_use(struct anth_cache *c, const struct anth_segment *segs, size_t n,
		    const struct anth_model *m, int64_t now_us, struct anth_usage *ret);

struct anth_ledger *anth_ledger_new(void);
void anth_ledger_free(struct anth_ledger *l);
void anth_ledger_add(struct anth_ledger *l, const struct anth_billed *entry);
/* /control/usage: GET with ?offset=, DELETE. */
void anth_usage_handle(struct exchange *ex);

/* What is to be sent, once the model has spoken. */
struct anth_speech {
	const struct anth_request *r;
	const struct model_reply *reply;
	struct mode_rule mode;
	const char *request_id;
	struct anth_usage usage; /* output is counted while it is written */
};
/* Sends the message, as a stream or whole, and says how it ended in `entry`. */
void anth_send(struct exchange *ex, const struct anth_speech *s, struct anth_billed *entry);

void anthropic_handle(struct exchange *ex);
/* True for the paths that are Anthropic's. */
bool anthropic_owns(const struct web_request *req);

#endif
