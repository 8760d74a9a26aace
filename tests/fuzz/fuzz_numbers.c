/* Any bytes as the text of an answer: every digit lies in a number that is found, numbers lie in
 * the text in order, and sentences end where the next begins, streamed or whole. */
#include "trace_priv.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_digits(const char *text, size_t from, size_t to)
{
	for (; from < to; from++)
		if (text[from] >= '0' && text[from] <= '9')
			__builtin_trap();
}

static void check_numbers(const char *text, size_t len)
{
	size_t pos = 0, seen = 0;
	struct number n;

	while (numbers_next(text, len, &pos, &n)) {
		if (n.len == 0 || n.offset < seen || n.offset + n.len > len ||
		    pos != n.offset + n.len)
			__builtin_trap();
		check_digits(text, seen, n.offset);
		seen = pos;
	}
	check_digits(text, seen, len);
}

/* A sentence that is complete before the end of the text stays so when more is written. */
static void check_sentences(const char *text, size_t len)
{
	size_t from = 0;

	while (from < len) {
		size_t end = trace_sentence(text, len, from, false);
		size_t whole = trace_sentence(text, len, from, true);
		size_t cut = from + (len - from) * 2 / 3,
		       early = trace_sentence(text, cut, from, false);

		if (early != from && early != whole)
			__builtin_trap();
		if (whole <= from || whole > len || (end != from && end != whole))
			__builtin_trap();
		from = whole;
	}
}

static void check_trace(const char *text, size_t len)
{
	struct arena *a = arena_new((size_t)8 * 1024 * 1024);
	struct evidence_list ev;
	struct trace t;
	const char *id;

	if (!a)
		return;
	evidence_init(&ev, a);
	if (evidence_add(&ev,
			 &(struct evidence_new){ .tool = "t",
						 .metric = "m",
						 .value = "12.5",
						 .unit = "percent",
						 .name = "Brand 1",
						 .row = -1 },
			 &id) != ST_OK ||
	    evidence_know(&ev, EVIDENCE_NAME, "Brand 1") != ST_OK ||
	    evidence_know(&ev, EVIDENCE_DAY, "2011-03-01") != ST_OK)
		__builtin_trap();
	if (trace_text(a, &ev, text, text, 0, len, &t) == ST_OK) {
		trace_use(&ev, &t);
		if (strlen(trace_mark(a, &t, text, 0, len)) < len ||
		    (t.n_untraced == 0) != (trace_complaint(a, &t, text)[0] == '\0'))
			__builtin_trap();
	}
	arena_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (!text || size > 4096) {
		free(text);
		return 0;
	}
	memcpy(text, data, size);
	text[size] = '\0';
	size = strlen(text);
	check_numbers(text, size);
	check_sentences(text, size);
	check_trace(text, size);
	free(text);
	return 0;
}
