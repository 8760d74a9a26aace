/* What the provider's errors mean, by HTTP code and by the kind that their bodies name. */
#include "model_priv.h"
#include "json/guard.h"

#include <string.h>

static const struct {
	const char *type;
	enum model_fault fault;
} types[] = {
	{ "invalid_request_error", MODEL_FAULT_REQUEST },
	{ "not_found_error", MODEL_FAULT_REQUEST },
	{ "request_too_large", MODEL_FAULT_REQUEST },
	{ "authentication_error", MODEL_FAULT_KEY },
	{ "permission_error", MODEL_FAULT_KEY },
	{ "billing_error", MODEL_FAULT_CREDIT },
	{ "rate_limit_error", MODEL_FAULT_RATE },
	{ "overloaded_error", MODEL_FAULT_OVERLOADED },
	{ "api_error", MODEL_FAULT_PROVIDER },
	{ "timeout_error", MODEL_FAULT_PROVIDER },
};

/* A kind that we do not know is the provider's trouble, as an unknown 5xx is. */
enum model_fault model__fault_of_type(const char *type)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(type, types[i].type) == 0)
			return types[i].fault;
	}
	return MODEL_FAULT_PROVIDER;
}

enum model_fault model__fault_of_code(int code)
{
	switch (code) {
	case 401:
	case 403:
		return MODEL_FAULT_KEY;
	case 402:
		return MODEL_FAULT_CREDIT;
	case 429:
		return MODEL_FAULT_RATE;
	case 529:
		return MODEL_FAULT_OVERLOADED;
	case 408:
	case 409:
		return MODEL_FAULT_PROVIDER;
	default:
		break;
	}
	if (code >= 500)
		return MODEL_FAULT_PROVIDER;
	return code >= 400 ? MODEL_FAULT_REQUEST : MODEL_FAULT_ANSWER;
}

void model__word(char *dst, size_t cap, const char *src)
{
	size_t len = strspn(src, "abcdefghijklmnopqrstuvwxyz0123456789_.-");

	dst[0] = '\0';
	if (src[len] == '\0' && len < cap)
		memcpy(dst, src, len + 1);
}

void model__error_type(const char *body, size_t len, char ret[MODEL_WORD_MAX])
{
	cJSON *tree = NULL;
	const char *type = NULL;

	ret[0] = '\0';
	if (json_parse(body, len, MODEL_JSON_DEPTH, 1, &tree, NULL) == ST_OK)
		type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(
			cJSON_GetObjectItemCaseSensitive(tree, "error"), "type"));
	if (type != NULL)
		model__word(ret, MODEL_WORD_MAX, type);
	cJSON_Delete(tree);
}

bool model__whole_usage(const char *body, size_t len, bool hour, struct model_stream *s)
{
	cJSON *tree = NULL;
	bool good = json_parse(body, len, MODEL_JSON_DEPTH, 1, &tree, NULL) == ST_OK &&
		    usage_read(&s->usage, cJSON_GetObjectItemCaseSensitive(tree, "usage"), hour);

	cJSON_Delete(tree);
	return good;
}
