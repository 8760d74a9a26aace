/*
 * Words and verdicts for what can go wrong, and how long to wait before trying again. Pure.
 */
#include "core/id.h"
#include "core/timeutil.h"
#include "http/client.h"

#include <stdint.h>

static const struct fault {
	const char *words;
	enum status status;
} faults[] = {
#define X(name, st, text) [HTTP_FAULT_##name] = { text, ST_##st },
	HTTP_FAULT_LIST(X)
#undef X
};
#define N_FAULTS (sizeof(faults) / sizeof(faults[0]))

const char *http_fault_words(enum http_fault f)
{
	return (size_t)f < N_FAULTS ? faults[f].words : "";
}

enum status http_fault_status(enum http_fault f)
{
	return (size_t)f < N_FAULTS ? faults[f].status : ST_INTERNAL;
}

bool http_fault_transient(enum http_fault f)
{
	switch (f) {
	case HTTP_FAULT_RESOLVE:
	case HTTP_FAULT_CONNECT:
	case HTTP_FAULT_TIMEOUT:
	case HTTP_FAULT_TRUNCATED:
	case HTTP_FAULT_PROTOCOL:
		return true;
	case HTTP_FAULT_NONE:
	case HTTP_FAULT_REQUEST:
	case HTTP_FAULT_ADDRESS:
	case HTTP_FAULT_TLS:
	case HTTP_FAULT_TOO_LARGE:
	case HTTP_FAULT_CANCELLED:
	case HTTP_FAULT_MEMORY:
		return false;
	}
	return false;
}

bool http_code_transient(int code)
{
	if (code == 408 || code == 425 || code == 429)
		return true;
	return code >= 500 && code <= 599 && code != 501 && code != 505;
}

/* A number in [0, n); the bias of the remainder is of no matter here. */
static int64_t random_below(int64_t n)
{
	uint32_t r;

	random_bytes(&r, sizeof(r));
	return n > 0 ? (int64_t)r % n : 0;
}

int64_t http_backoff(int attempt, int retry_after_s)
{
	int64_t ms = HTTP_BACKOFF_FIRST_MS, us, told;

	for (int i = 0; i < attempt && ms < HTTP_BACKOFF_MAX_MS; i++)
		ms *= 2;
	if (ms > HTTP_BACKOFF_MAX_MS)
		ms = HTTP_BACKOFF_MAX_MS;
	us = ms * 1000 / 2;
	us += random_below(us + 1);
	if (retry_after_s <= 0)
		return us;
	if (retry_after_s > HTTP_RETRY_AFTER_MAX_S)
		retry_after_s = HTTP_RETRY_AFTER_MAX_S;
	told = retry_after_s * US_PER_SECOND;
	told += random_below(told / 10 + 1);
	return told > us ? told : us;
}
