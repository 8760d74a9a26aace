/*
 * Believable token counts and the models that make them. Anthropic's tokenizer is not public: this
 * one is a fixed rule over the bytes, so that the same text always costs the same. Read next:
 * anthropic_cache.c.
 */
#include "anthropic.h"

#include <string.h>

#define UNITS_PER_TOKEN 4

/* providers.md 4.1; cache_min of opus-5 and sonnet-5 is not told there: see the documentation. */
static const struct anth_model models[] = {
	{ "claude-opus-5", "Claude Opus 5", "2026-07-10T00:00:00Z", 1000000, 128000, 4096, 130,
	  false, false },
	{ "claude-sonnet-5", "Claude Sonnet 5", "2026-06-15T00:00:00Z", 1000000, 128000, 2048, 130,
	  false, false },
	{ "claude-fable-5", "Claude Fable 5", "2026-06-01T00:00:00Z", 1000000, 128000, 2048, 130,
	  false, true },
	{ "claude-opus-4-8", "Claude Opus 4.8", "2026-05-20T00:00:00Z", 1000000, 128000, 4096, 130,
	  false, false },
	{ "claude-opus-4-7", "Claude Opus 4.7", "2026-04-14T00:00:00Z", 1000000, 128000, 4096, 130,
	  false, false },
	{ "claude-sonnet-4-6", "Claude Sonnet 4.6", "2026-02-17T00:00:00Z", 1000000, 64000, 2048,
	  100, true, false },
	{ "claude-opus-4-6", "Claude Opus 4.6", "2026-02-04T00:00:00Z", 1000000, 128000, 4096, 100,
	  true, false },
	{ "claude-haiku-4-5", "Claude Haiku 4.5", "2025-10-15T00:00:00Z", 200000, 64000, 4096, 100,
	  true, false },
};

const struct anth_model *anth_models(size_t *ret_n)
{
	*ret_n = sizeof(models) / sizeof(models[0]);
	return models;
}

const struct anth_model *anth_model_find(const char *id)
{
	for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++)
		if (strcmp(models[i].id, id) == 0)
			return &models[i];
	return NULL;
}

int64_t anth_units(const char *text, size_t len)
{
	int64_t units = 0;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		units += (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == ' ' ? 1 : 2;
	}
	return units;
}

int64_t anth_tokens(const struct anth_model *m, int64_t units)
{
	int64_t whole = INT64_C(100) * UNITS_PER_TOKEN;

	return (units * m->percent + whole - 1) / whole;
}
