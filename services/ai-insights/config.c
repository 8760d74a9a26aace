/* The settings of ai-insights, and the provider's key from its file. Read next: README.md. */
#include "core/text.h"
#include "service.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

const struct config_item insights_config_items[] = {
	CONFIG_STR(struct insights_config, url, "PP_AI_URL", "https://api.anthropic.com",
		   "base address of the Messages API"),
	CONFIG_STR(
		struct insights_config, key_file, "PP_AI_KEY_FILE", "",
		"file with the API key, mode 0600; empty: no model is asked, the analyst answers"),
	CONFIG_STR(struct insights_config, model, "PP_AI_MODEL", "claude-sonnet-5",
		   "the model that is asked"),
	CONFIG_NUM(struct insights_config, max_tokens, "PP_AI_MAX_TOKENS", "4096", 256, 32768,
		   "tokens that one call of the model may write"),
	CONFIG_STR(struct insights_config, cache_ttl, "PP_AI_CACHE_TTL", "5m",
		   "how long the provider keeps the stable part of a request: 5m or 1h"),
	CONFIG_NUM(
		struct insights_config, asks, "PP_AI_ASKS", "56", 1, 63,
		"questions answered at the same time in this process; more are told to come again"),
	{ 0 },
};

/* One line; others than its owner must not be able to read it. */
static enum status read_key(struct insights *app, struct error *err)
{
	FILE *f = fopen(app->cfg.key_file, "re");
	struct stat info;
	size_t n = 0;

	if (!f)
		return error_set(err, ST_INVALID, "PP_AI_KEY_FILE", "cannot be opened");
	if (fstat(fileno(f), &info) == 0 && S_ISREG(info.st_mode) && (info.st_mode & 077) == 0)
		n = fread(app->key, 1, sizeof(app->key) - 1, f);
	else
		error_set(err, ST_INVALID, "PP_AI_KEY_FILE",
			  "others than its owner may read it: set mode 0600");
	fclose(f);
	app->key[n] = '\0';
	app->key[strcspn(app->key, "\r\n")] = '\0';
	if (n == 0 && err->status != ST_OK)
		return err->status;
	if (app->key[0] == '\0')
		return error_set(err, ST_INVALID, "PP_AI_KEY_FILE", "holds no key");
	for (const char *p = app->key; *p; p++)
		if (*p <= ' ' || *p > '~')
			return error_set(err, ST_INVALID, "PP_AI_KEY_FILE",
					 "holds more than one line of printable characters");
	return ST_OK;
}

enum status insights_config_finish(struct insights *app, struct error *err)
{
	const struct insights_config *c = &app->cfg;

	if (strcmp(c->cache_ttl, "5m") != 0 && strcmp(c->cache_ttl, "1h") != 0)
		return error_set(err, ST_INVALID, "PP_AI_CACHE_TTL", "must be 5m or 1h");
	if (c->model[0] == '\0')
		return error_set(err, ST_INVALID, "PP_AI_MODEL", "is empty");
	return c->key_file[0] ? read_key(app, err) : ST_OK;
}
