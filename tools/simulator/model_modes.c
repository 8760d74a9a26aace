/* How the model is told to misbehave: /control/model. Read next: model.c. */
#include "anthropic.h"
#include "control.h"

#include "core/text.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define RULES_MAX 64
#define COUNT_MAX 1000000
#define DELAY_MAX 60000

struct rule {
	struct mode_rule what;
	int64_t left;
};
struct modes {
	pthread_mutex_t lock;
	struct rule rules[RULES_MAX];
	size_t n;
	uint64_t serial;
};

static const char *const words[] = {
#define X(name, word) word,
	MODEL_MODE_LIST(X)
#undef X
};
#define WORDS_N (sizeof(words) / sizeof(words[0]))

struct modes *modes_new(void)
{
	struct modes *m = calloc(1, sizeof(*m));

	if (m != NULL)
		pthread_mutex_init(&m->lock, NULL);
	return m;
}

void modes_free(struct modes *m)
{
	if (m == NULL)
		return;
	pthread_mutex_destroy(&m->lock);
	free(m);
}

static bool fits(const struct mode_rule *r, const struct model_intent *i)
{
	if (r->mode == MODE_INVENT)
		return i->answers && (!i->corrected || r->persist);
	if (r->mode == MODE_MAX_TOKENS)
		return i->answers;
	if (r->mode == MODE_BAD_JSON_TOOL)
		return !i->answers;
	return true;
}

struct mode_rule modes_take(struct modes *m, const struct model_intent *intent)
{
	struct mode_rule ret = { .mode = MODE_NONE };

	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < m->n; i++) {
		struct rule *r = &m->rules[i];

		if (r->left == 0 || !fits(&r->what, intent))
			continue;
		r->left--;
		ret = r->what;
		ret.serial = m->serial++;
		break;
	}
	pthread_mutex_unlock(&m->lock);
	return ret;
}

static int64_t number_of(const cJSON *o, const char *key, int64_t otherwise)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);

	return cJSON_IsNumber(v) ? (int64_t)v->valuedouble : otherwise;
}

static void add(struct exchange *ex, const cJSON *o)
{
	struct modes *m = ex->sim->modes;
	const char *word = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, "mode"));
	struct rule r = { .left = number_of(o, "count", 1) };
	size_t i = 0;

	while (i < WORDS_N && (word == NULL || strcmp(words[i], word) != 0))
		i++;
	r.what.mode = (enum model_mode)i;
	r.what.persist = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, "persist"));
	r.what.retry_after = number_of(o, "retry_after", 0);
	r.what.delay_ms = number_of(o, "delay_ms", 0);
	if (i == WORDS_N || i == MODE_NONE) {
		control_refuse(ex, 400, "mode is none of the model's");
		return;
	}
	if (r.left < 1 || r.left > COUNT_MAX || r.what.retry_after < 0 ||
	    r.what.retry_after > 3600 || r.what.delay_ms < 0 || r.what.delay_ms > DELAY_MAX) {
		control_refuse(ex, 400, "count, retry_after or delay_ms is out of range");
		return;
	}
	pthread_mutex_lock(&m->lock);
	/* Rules that are used up make room. */
	for (i = 0; i < m->n;)
		if (m->rules[i].left == 0)
			m->rules[i] = m->rules[--m->n];
		else
			i++;
	if (m->n < RULES_MAX)
		m->rules[m->n++] = r;
	else
		i = RULES_MAX + 1;
	pthread_mutex_unlock(&m->lock);
	if (i > RULES_MAX)
		control_refuse(ex, 503, "there are 64 rules already");
	else
		web_json(ex->rep, 200, "{\"ok\":true}");
}

static void list(struct exchange *ex)
{
	struct modes *m = ex->sim->modes;
	struct buf *b = &ex->rep->body;

	web_json(ex->rep, 200, "{\"rules\":[");
	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < m->n; i++)
		buf_printf(b, "%s{\"mode\":\"%s\",\"left\":%lld}", i > 0 ? "," : "",
			   words[m->rules[i].what.mode], (long long)m->rules[i].left);
	buf_printf(b, "],\"taken\":%llu}", (unsigned long long)m->serial);
	pthread_mutex_unlock(&m->lock);
}

void modes_handle(struct exchange *ex)
{
	cJSON *o;

	if (strcmp(ex->req->method, "GET") == 0) {
		list(ex);
	} else if (strcmp(ex->req->method, "DELETE") == 0) {
		pthread_mutex_lock(&ex->sim->modes->lock);
		ex->sim->modes->n = 0;
		pthread_mutex_unlock(&ex->sim->modes->lock);
		web_json(ex->rep, 200, "{\"ok\":true}");
	} else {
		o = cJSON_ParseWithLength(ex->req->body, ex->req->body_len);
		if (cJSON_IsObject(o))
			add(ex, o);
		else
			control_refuse(ex, 400, "the body is no JSON object");
		cJSON_Delete(o);
	}
}
