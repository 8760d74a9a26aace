/*
 * Outcomes in their table forms, and the error record. Everything follows from STATUS_LIST in
 * status.h. Read next: text.c (utf8_clip, which keeps cut sentences readable).
 */
#include "core/status.h"

#include "core/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct outcome {
	const char *wire;
	int http;
	enum verdict verdict;
};

static const struct outcome outcomes[] = {
#define X(name, wire, http, verdict) [ST_##name] = { wire, http, VERDICT_##verdict },
	STATUS_LIST(X)
#undef X
};

#define N_OUTCOMES (sizeof(outcomes) / sizeof(outcomes[0]))

/* A number that is no status (from a faulty peer or memory) counts as an internal fault. */
static const struct outcome *outcome(enum status st)
{
	return &outcomes[(size_t)st < N_OUTCOMES ? st : ST_INTERNAL];
}

const char *status_name(enum status st)
{
	return outcome(st)->wire;
}

int status_http(enum status st)
{
	return outcome(st)->http;
}

enum verdict status_verdict(enum status st)
{
	return outcome(st)->verdict;
}

enum status status_from_name(const char *wire)
{
	for (size_t i = 0; wire != NULL && i < N_OUTCOMES; i++) {
		if (strcmp(outcomes[i].wire, wire) == 0)
			return (enum status)i;
	}
	return ST_INTERNAL;
}

/* Ends `s` at the last whole character if printing `wanted` bytes had to be cut. */
static void clip(char *s, size_t cap, int wanted)
{
	if (wanted >= (int)cap)
		s[utf8_clip(s, cap - 1, cap - 1)] = '\0';
}

enum status error_set(struct error *err, enum status st, const char *field, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (err == NULL)
		return st;
	err->status = st;
	err->retry_after_s = 0;
	n = snprintf(err->field, sizeof(err->field), "%s", field != NULL ? field : "");
	clip(err->field, sizeof(err->field), n);
	va_start(ap, fmt);
	n = vsnprintf(err->detail, sizeof(err->detail), fmt, ap);
	va_end(ap);
	clip(err->detail, sizeof(err->detail), n);
	return st;
}
