/* How the model is told to misbehave: /control/model. Read next: model.c. */
#include "anthropic.h"
#include "control.h"
#include "member.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define RULES_MAX 64
#define COUNT_MAX 1000000
#define RETRY_MAX 3600
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
	if (r->mode == MODE_LOOP)
		return i->has_tools;
	if (r->mode == MODE_ERROR_IN_STREAM || r->mode == MODE_BREAK_OFF)
		return i->streams;
	return true;
}

struct mode_rule modes_take(struct modes *m, const struct model_intent *intent)
{
	struct mode_rule ret = { .mode = MODE_NONE };

	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < m->n; i++) {
		struct rule *r = &m->rules[i];

		if (!fits(&r->what, intent))
			continue;
		ret = r->what;
		ret.serial = m->serial++;
		if (--r->left == 0) {
			memmove(r, r + 1, (m->n - i - 1) * sizeof(*r));
			m->n--;
		}
		break;
	}
	pthread_mutex_unlock(&m->lock);
	return ret;
}

static bool keep(struct modes *m, const struct rule *r)
{
	bool room;

	pthread_mutex_lock(&m->lock);
	room = m->n < RULES_MAX;
	if (room)
		m->rules[m->n++] = *r;
	pthread_mutex_unlock(&m->lock);
	return room;
}

static void add(struct exchange *ex, const cJSON *o)
{
	const char *word = text_of(o, "mode");
	struct rule r = { .what.persist = cJSON_IsTrue(member_of(o, "persist")) };
	size_t i = 0;

	while (i < WORDS_N && strcmp(words[i], word) != 0)
		i++;
	if (i == WORDS_N || i == MODE_NONE) {
		control_refuse(ex, 400, "mode is none of the model's");
		return;
	}
	r.what.mode = (enum model_mode)i;
	if (!control_number(ex, o, "count", 1, COUNT_MAX, &r.left) ||
	    !control_number(ex, o, "retry_after", 0, RETRY_MAX, &r.what.retry_after) ||
	    !control_number(ex, o, "delay_ms", 0, DELAY_MAX, &r.what.delay_ms))
		return;
	if (r.left == 0)
		control_refuse(ex, 400, "count must be at least 1");
	else if (keep(ex->sim->modes, &r))
		web_json(ex->rep, 200, "{\"ok\":true}");
	else
		control_refuse(ex, 503, "too many rules are waiting");
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
