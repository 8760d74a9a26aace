/* What the three platforms share: one way to ask, one way to read an answer that may hold anything.
 */
#include "provider.h"

#include "core/money.h"
#include "core/text.h"
#include "core/timeutil.h"
#include "json/guard.h"

#include <stdio.h>
#include <string.h>

#define ANSWER_MAX   (64 * 1024 * 1024)
#define ANSWER_DEPTH 32
#define NUMBER_TEXT  64

const struct provider *provider_find(const char *name)
{
	static const struct provider *const all[] = { &provider_meta, &provider_tiktok,
						      &provider_google };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strcmp(all[i]->name, name) == 0)
			return all[i];
	return NULL;
}

enum status provider_refused(const struct provider *p, struct error *err, const char *why)
{
	return error_set(err, ST_UNAUTHENTICATED, NULL,
			 "%s refuses our credentials (%s); connect it again", p->title, why);
}

/* A status that the engine tries again, with words for the run's note. */
static enum status transient(struct provider_session *s, const struct http_response *r,
			     struct error *err)
{
	enum status st = r->code == 429 ? ST_LIMITED : ST_UPSTREAM;

	error_set(err, st, NULL, "%s answers %d", s->provider->title, r->code);
	if (err)
		err->retry_after_s = r->retry_after_s;
	return st;
}

enum status provider_ask(struct provider_session *s, struct arena *a, const struct http_request *q,
			 int *code, cJSON **ret, struct error *err)
{
	struct http_request request = *q;
	struct error why = { 0 };
	struct http_response r;
	enum status st;

	request.max_body = ANSWER_MAX;
	request.cancel = s->cancel;
	st = http_send(s->app->engine.http, &request, a, &r, &why);
	if (st != ST_OK)
		return error_set(err, st, NULL, "%s: %s", s->provider->title, why.detail);
	if (r.date_us > 0)
		s->date_us = r.date_us;
	*code = r.code;
	/* Google tells throttling in a body that says more than the code; it looks for itself. */
	if (http_code_transient(r.code) && s->provider != &provider_google)
		return transient(s, &r, err);
	st = json_parse(r.body, r.body_len, ANSWER_DEPTH, 1, ret, &why);
	if (st == ST_OK)
		return ST_OK;
	if (http_code_transient(r.code))
		return transient(s, &r, err);
	return error_set(err, ST_UPSTREAM, NULL, "%s sent an answer that is not JSON",
			 s->provider->title);
}

/* ---- reading ---- */

static void wrong(struct reader *r, const char *name, const char *why)
{
	if (r->st == ST_OK)
		r->st = error_set(r->err, ST_UPSTREAM, NULL, "%s sent \"%s\" that %s", r->title,
				  name, why);
}

const cJSON *read_member(struct reader *r, const cJSON *o, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

	if (!v || cJSON_IsNull(v))
		wrong(r, name, "is missing");
	return v;
}

const cJSON *read_list(struct reader *r, const cJSON *o, const char *name)
{
	const cJSON *v = read_member(r, o, name);

	if (cJSON_IsArray(v))
		return v;
	wrong(r, name, "is not a list");
	return NULL;
}

const char *read_text(struct reader *r, const cJSON *o, const char *name, bool needed)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

	if (cJSON_IsString(v))
		return arena_strdup(r->arena, v->valuestring);
	if (cJSON_IsNumber(v))
		return arena_printf(r->arena, "%.6f",
				    v->valuedouble); /* allowed: Google sends doubles */
	if (needed || (v && !cJSON_IsNull(v)))
		wrong(r, name, v ? "is not text" : "is missing");
	return "";
}

bool micros_of_text(const char *s, int64_t *ret)
{
	const char *point = strchr(s, '.');
	char cut[NUMBER_TEXT];
	int64_t v;
	size_t keep;

	if (!*s || strcmp(s, "-") == 0) {
		*ret = 0;
		return true;
	}
	if (!point || strlen(point) <= 7)
		return decimal_parse(s, 6, ret);
	keep = (size_t)(point - s) + 7;
	if (keep >= sizeof(cut) || strspn(point + 1, "0123456789") != strlen(point + 1))
		return false;
	memcpy(cut, s, keep);
	cut[keep] = '\0';
	if (!decimal_parse(cut, 6, &v))
		return false;
	if (s[keep] >= '5' && __builtin_add_overflow(v, *s == '-' ? -1 : 1, &v))
		return false;
	*ret = v;
	return true;
}

int64_t read_micros(struct reader *r, const cJSON *o, const char *name)
{
	const char *s = read_text(r, o, name, false);
	int64_t v = 0;

	if (!micros_of_text(s, &v))
		wrong(r, name, "is not a number");
	return v;
}

int64_t read_count(struct reader *r, const cJSON *o, const char *name)
{
	int64_t v = read_micros(r, o, name);

	if (v % MICROS_PER_UNIT != 0 || v < 0)
		wrong(r, name, "is not a count");
	return v / MICROS_PER_UNIT;
}

int32_t read_day(struct reader *r, const cJSON *o, const char *name)
{
	const char *s = read_text(r, o, name, true);
	char day[11] = "";
	int32_t days = 0;

	/* TikTok adds a time of day that is always midnight. */
	if (strlen(s) >= 10)
		memcpy(day, s, 10);
	if (!date_parse(day, &days))
		wrong(r, name, "is not a date");
	return days;
}
