/*
 * ai-insights: answers questions, every number traced. Read next: README.md, ask.h (how a question
 * is answered), settle.h (what each call of the model costs), store.h (what is kept).
 */
#ifndef INSIGHTS_SERVICE_H
#define INSIGHTS_SERVICE_H

#include "bound.h"

#include "core/config.h"
#include "db/db.h"
#include "svc/svc.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#define INSIGHTS_KEY_MAX 512 /* bytes of the provider's key */

struct insights_config {
	char url[256], model[129], key_file[1024], cache_ttl[8];
	int64_t max_tokens, asks;
};

struct model_client;

/* A question that a model is being asked: the end of the process cuts it short. */
struct running {
	atomic_bool cancel;
	struct running *next, **link;
};

struct insights {
	struct insights_config cfg;
	char key[INSIGHTS_KEY_MAX]; /* empty: no key, the analyst answers. Never in a log. */
	struct model_client *model; /* NULL without a key */
	atomic_int asking;          /* questions being answered */
	struct bound bound;         /* of what a call of the model can read */
	pthread_mutex_t running_lock;
	struct running *running;
	pthread_t sweeper;
	bool sweeper_on;
};

extern const struct config_item insights_config_items[];

/* Checks the settings that no table can check and reads the key. ST_INVALID names the setting. */
enum status insights_config_finish(struct insights *app, struct error *err) MUST_USE;

#endif
