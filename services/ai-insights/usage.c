/* See usage.h. */
#include "usage.h"

#include <stddef.h>

/* Absent and null leave `*ret`; false when it is there and no count. */
static bool take(const cJSON *object, const char *name, int64_t *ret)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(object, name);

	if (v == NULL || cJSON_IsNull(v))
		return true;
	if (!cJSON_IsNumber(v) || !(v->valuedouble >= 0 && v->valuedouble <= USAGE_TOKENS_MAX))
		return false;
	*ret = (int64_t)v->valuedouble;
	return *ret == v->valuedouble;
}

bool usage_read(struct model_usage *u, const cJSON *usage, bool hour)
{
	const cJSON *split = cJSON_GetObjectItemCaseSensitive(usage, "cache_creation");
	struct model_usage now = *u;
	int64_t total = now.cache_write_5m + now.cache_write_1h, rest;

	if (!cJSON_IsObject(usage) || !take(usage, "input_tokens", &now.input) ||
	    !take(usage, "cache_read_input_tokens", &now.cache_read) ||
	    !take(usage, "output_tokens", &now.output))
		return false;
	if (cJSON_IsObject(split) &&
	    (!take(split, "ephemeral_5m_input_tokens", &now.cache_write_5m) ||
	     !take(split, "ephemeral_1h_input_tokens", &now.cache_write_1h)))
		return false;
	if (cJSON_IsObject(split))
		total = now.cache_write_5m + now.cache_write_1h;
	if (!take(usage, "cache_creation_input_tokens", &total))
		return false;
	rest = total - now.cache_write_5m - now.cache_write_1h;
	if (rest < 0) { /* a later, smaller total: the split before it no longer holds */
		now.cache_write_5m = now.cache_write_1h = 0;
		rest = total;
	}
	if (hour)
		now.cache_write_1h += rest;
	else
		now.cache_write_5m += rest;
	now.known = now.known ||
		    cJSON_IsNumber(cJSON_GetObjectItemCaseSensitive(usage, "input_tokens"));
	*u = now;
	return true;
}
