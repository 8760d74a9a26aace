/*
 * Any bytes as a streamed answer of the model: the first byte says how they are cut, and the cut
 * makes no difference; a whole answer can be said back, whatever is in it. Read next:
 * services/ai-insights/model_stream.c.
 */
#include "model_priv.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_MAX (16 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_text(void *arg, const char *text, size_t len)
{
	*(size_t *)arg += len;
	if (len == 0 || text == NULL)
		__builtin_trap();
}

static enum model_fault read_all(struct model_stream *s, struct arena *a, const char *bytes,
				 size_t len, size_t step, struct model_reply *ret)
{
	size_t given = 0;
	const struct model_events events = { .arg = &given, .on_text = on_text };
	enum model_fault f;

	*ret = (struct model_reply){ .category = "", .content = "[]" };
	model__stream_init(s, &events, false);
	for (size_t i = 0; i < len; i += step)
		model__stream_feed(s, bytes + i, step < len - i ? step : len - i);
	model__stream_end(s);
	if (model__stream_reply(s, a, ret) && s->fault == MODEL_FAULT_NONE &&
	    (given != ret->text_len || ret->stop == MODEL_STOP_NONE))
		__builtin_trap();
	f = s->fault;
	model__stream_done(s);
	return f;
}

static void say_back(struct arena *a, const struct model_reply *r)
{
	struct conversation *c = conversation_new(a, "s", CONVERSATION_TTL_5M);
	enum status st;

	if (c == NULL || conversation_add_user(c, "q", NULL) != ST_OK)
		__builtin_trap();
	st = conversation_add_assistant(c, r->content, strlen(r->content), NULL);
	/* Refused only when it said nothing. */
	if (st != ST_OK && st != ST_INVALID && st != ST_TOO_LARGE)
		__builtin_trap();
	for (size_t i = 0; st == ST_OK && i < r->n_calls; i++) {
		if (conversation_add_result(c, r->calls[i].id, "{}", 2, false, NULL) != ST_OK)
			__builtin_trap();
	}
}

/* Member by member: what lies between them need not be the same. */
static bool same_usage(const struct model_usage *a, const struct model_usage *b)
{
	return a->input == b->input && a->cache_read == b->cache_read &&
	       a->cache_write_5m == b->cache_write_5m && a->cache_write_1h == b->cache_write_1h &&
	       a->output == b->output && a->known == b->known && a->partial == b->partial;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct model_stream stream;
	struct arena *a = arena_new(ARENA_MAX);
	struct model_reply whole, cut;
	enum model_fault f;

	if (a == NULL || size < 2)
		goto out;
	f = read_all(&stream, a, (const char *)data + 1, size - 1, size, &whole);
	if (read_all(&stream, a, (const char *)data + 1, size - 1, (size_t)data[0] + 1, &cut) !=
		    f ||
	    strcmp(whole.content, cut.content) != 0 || strcmp(whole.text, cut.text) != 0 ||
	    !same_usage(&whole.usage, &cut.usage))
		__builtin_trap();
	if (f == MODEL_FAULT_NONE)
		say_back(a, &whole);
out:
	arena_free(a);
	return 0;
}
