/* See draft.h. */
#include "draft.h"

#include "core/text.h"

#include <string.h>

void draft_init(struct draft *d, struct arena *a, struct evidence_list *evidence,
		const char *question, draft_release_fn *release, void *arg)
{
	*d = (struct draft){ .arena = a,
			     .evidence = evidence,
			     .question = question,
			     .release = release,
			     .arg = arg };
	buf_init(&d->text, DRAFT_TEXT_MAX);
}

void draft_done(struct draft *d)
{
	buf_done(&d->text);
}

void draft_begin(struct draft *d, bool hold)
{
	buf_reset(&d->text);
	d->hold = hold;
	d->judged = 0;
	d->stopped = false;
	d->shown = false;
	d->untraced = NULL;
	d->n_untraced = 0;
	evidence_forget_uses(d->evidence);
}

/* In pieces that a message takes, none of them ending inside a character. */
static enum status release(struct draft *d, const char *text, size_t len)
{
	enum status st = ST_OK;

	while (len > 0 && st == ST_OK) {
		size_t n = utf8_clip(text, len, DRAFT_PART_MAX);

		if (n == 0)
			n = len < DRAFT_PART_MAX ? len : DRAFT_PART_MAX;
		d->shown = true;
		st = d->release(d->arg, arena_strndup(d->arena, text, n));
		text += n;
		len -= n;
	}
	return st;
}

/* Judges text[judged, to): released when all of it is traced. */
static enum status judge(struct draft *d, size_t to)
{
	const char *text = buf_str(&d->text);
	size_t from = d->judged;
	struct trace t;
	enum status st = trace_text(d->arena, d->evidence, d->question, text, from, to, &t);

	if (st != ST_OK)
		return st;
	d->stopped = t.n_untraced > 0;
	if (d->stopped)
		return ST_OK;
	trace_use(d->evidence, &t);
	d->judged = to;
	return release(d, text + from, to - from);
}

static enum status judge_sentences(struct draft *d, bool final)
{
	enum status st = ST_OK;

	while (st == ST_OK && !d->stopped && d->judged < d->text.len) {
		size_t to = trace_sentence(buf_str(&d->text), d->text.len, d->judged, final);

		if (to == d->judged)
			break;
		st = judge(d, to);
	}
	return st;
}

enum status draft_add(struct draft *d, const char *text, size_t len)
{
	buf_put(&d->text, text, len);
	if (buf_status(&d->text) != ST_OK)
		return ST_TOO_LARGE;
	return d->hold ? ST_OK : judge_sentences(d, false);
}

enum status draft_end(struct draft *d)
{
	return judge_sentences(d, true);
}

enum status draft_complaint(struct draft *d, const char **ret)
{
	const char *text = buf_str(&d->text);
	struct trace t;
	enum status st = trace_text(d->arena, d->evidence, d->question, text, 0, d->text.len, &t);

	if (st == ST_OK)
		*ret = trace_complaint(d->arena, &t, text);
	return st;
}

static enum status list_untraced(struct draft *d, const struct trace *t)
{
	d->untraced = arena_array(d->arena, t->n_untraced + 1, sizeof(*d->untraced));
	if (!d->untraced)
		return ST_TOO_LARGE;
	for (size_t i = 0; i < t->n; i++)
		if (!t->items[i].traced)
			d->untraced[d->n_untraced++] =
				trace_words(d->arena, &t->items[i], buf_str(&d->text));
	return ST_OK;
}

/* What stands behind the last released sentence, with its marks. */
static enum status mark_rest(struct draft *d, const char **rest)
{
	const char *text = buf_str(&d->text);
	struct trace t;
	enum status st =
		trace_text(d->arena, d->evidence, d->question, text, d->judged, d->text.len, &t);

	if (st != ST_OK)
		return st;
	trace_use(d->evidence, &t);
	*rest = trace_mark(d->arena, &t, text, d->judged, d->text.len);
	return list_untraced(d, &t);
}

enum status draft_finish(struct draft *d, const char **ret)
{
	const char *rest = "";
	enum status st = ST_OK;

	if (d->judged < d->text.len)
		st = mark_rest(d, &rest);
	if (st != ST_OK)
		return st;
	if (d->judged + strlen(rest) > DRAFT_FINAL_MAX)
		return ST_TOO_LARGE;
	st = release(d, rest, strlen(rest));
	*ret = arena_printf(d->arena, "%.*s%s", (int)d->judged, buf_str(&d->text), rest);
	return st;
}
