/* Results of tools as JSON, figures as evidence. Read next: tools_write.h. */
#include "tools_write.h"

#include "calculate_decimal.h"

#include "core/money.h"
#include "core/text.h"

#include <stdio.h>
#include <string.h>

void tool_write_begin(struct tool_writer *w, struct evidence_list *ev, const char *tool,
		      const char *arguments)
{
	*w = (struct tool_writer){ .ev = ev,
				   .tool = tool,
				   .arguments = arguments,
				   .call = evidence_begin(ev),
				   .row = { -1, "", "", "" },
				   .status = ST_OK };
	buf_init(&w->out, TOOL_RESULT_MAX);
	buf_putc(&w->out, '{');
	tool_write_text(w, "tool", tool);
}

void tool_write_done(struct tool_writer *w)
{
	buf_done(&w->out);
}

void tool_write_key(struct tool_writer *w, const char *key)
{
	char last = w->out.len > 0 ? w->out.data[w->out.len - 1] : '{';

	if (last != '{' && last != '[')
		buf_putc(&w->out, ',');
	if (key)
		buf_printf(&w->out, "\"%s\":", key);
}

void tool_write_text(struct tool_writer *w, const char *key, const char *text)
{
	tool_write_key(w, key);
	buf_put_json(&w->out, text, strlen(text));
}

void tool_write_flag(struct tool_writer *w, const char *key, bool value)
{
	tool_write_key(w, key);
	buf_puts(&w->out, value ? "true" : "false");
}

void tool_write_null(struct tool_writer *w, const char *key)
{
	tool_write_key(w, key);
	buf_puts(&w->out, "null");
}

void tool_write_open(struct tool_writer *w, const char *key, char bracket)
{
	tool_write_key(w, key);
	buf_putc(&w->out, bracket);
}

void tool_write_close(struct tool_writer *w, char bracket)
{
	buf_putc(&w->out, bracket);
}

static void write_figure(struct tool_writer *w, const char *key, const struct evidence_new *e)
{
	const char *id;
	enum status st = evidence_add(w->ev, e, &id);

	if (st != ST_OK) {
		w->status = w->status == ST_OK ? st : w->status;
		return;
	}
	tool_write_key(w, key);
	buf_printf(&w->out, "{\"id\":\"%s\",\"value\":\"%s\"", id, e->value);
	if (e->unit && e->unit[0] != '\0')
		tool_write_text(w, "unit", e->unit);
	buf_putc(&w->out, '}');
}

static struct evidence_new new_figure(const struct tool_writer *w, const char *key,
				      const char *value, const char *unit)
{
	return (struct evidence_new){ .tool = w->tool,
				      .arguments = w->arguments,
				      .value = value,
				      .unit = unit,
				      .key = key,
				      .name = w->row.name,
				      .group = w->row.group,
				      .call = w->call,
				      .row = w->row.number };
}

static const char *metric_of(struct tool_writer *w, const char *key)
{
	return arena_printf(w->ev->arena, "%s%s%s", w->row.metric,
			    w->row.metric[0] != '\0' ? "." : "", key);
}

void tool_write_figure(struct tool_writer *w, const char *key, const char *metric,
		       const char *value, const char *unit)
{
	struct evidence_new e = new_figure(w, key, value, unit);

	/* In an array the metric tells figures apart; the key is its last word. */
	e.metric = metric_of(w, metric ? metric : key);
	e.key = key ? key : metric;
	write_figure(w, key, &e);
}

void tool_write_count(struct tool_writer *w, const char *key, int64_t n, const char *unit)
{
	char value[DECIMAL_TEXT];
	struct evidence_new e = new_figure(w, key, value, unit);

	decimal_format(n, 0, value);
	e.metric = metric_of(w, key);
	e.is_count = true;
	write_figure(w, key, &e);
}

void tool_write_decimal(struct tool_writer *w, const char *key, int64_t units, int scale,
			const char *unit)
{
	char value[FIGURE_TEXT];

	figure_print(figure_trim((struct figure){ units, scale }), 0, value);
	tool_write_figure(w, key, NULL, value, unit);
}

void tool_write_money(struct tool_writer *w, const char *key, const char *metric, int64_t micros,
		      const char *currency)
{
	char value[DECIMAL_TEXT];

	money_format(micros, currency, value);
	tool_write_figure(w, key, metric, value, currency);
}

void tool_write_know(struct tool_writer *w, enum evidence_fact fact, const char *text)
{
	enum status st = evidence_know(w->ev, fact, text);

	if (st != ST_OK && w->status == ST_OK)
		w->status = st;
}

void tool_write_row(struct tool_writer *w, int number, const char *metric, const char *name,
		    const char *group)
{
	w->row = (struct tool_row){ number, metric, name, group };
	tool_write_know(w, EVIDENCE_NAME, name);
	tool_write_open(w, NULL, '{');
}

void tool_write_row_end(struct tool_writer *w)
{
	w->row = (struct tool_row){ -1, "", "", "" };
	tool_write_close(w, '}');
}

/* ---- texts from outside ---- */

/* Bytes of a character at s that must not be shown, 0 when it may. `s` is NUL-terminated. */
static size_t unfit(const unsigned char *s)
{
	if (s[0] == 0x7f)
		return 1;
	if (s[0] == 0xc2 && ((s[1] >= 0x80 && s[1] <= 0x9f) || s[1] == 0xad))
		return 2; /* C1 controls, soft hyphen */
	if (s[0] == 0xe2 && s[1] == 0x80 &&
	    ((s[2] >= 0x8b && s[2] <= 0x8f) || (s[2] >= 0xa8 && s[2] <= 0xae)))
		return 3; /* zero width, line separators, directions */
	if (s[0] == 0xe2 && s[1] == 0x81 && s[2] >= 0xa0 && s[2] <= 0xaf)
		return 3;
	if (s[0] == 0xef && s[1] == 0xbb && s[2] == 0xbf)
		return 3;
	return s[0] == 0xf3 && s[1] == 0xa0 && (s[2] == 0x80 || s[2] == 0x81) ? 4 : 0; /* tags */
}

/* Bytes of the well-formed character at s; 0 when it is none. */
static size_t character(const unsigned char *s, size_t left)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

	return n <= left && utf8_valid((const char *)s, n) ? n : 0;
}

char *tool_tidy(struct arena *a, const char *text)
{
	size_t left = text ? strlen(text) : 0, n = 0;
	const unsigned char *s = (const unsigned char *)text;
	char out[TOOL_TEXT_MAX + 1];

	while (left > 0) {
		size_t size = character(s, left), skip = size > 0 ? unfit(s) : 1;
		bool space = s[0] <= ' ';

		if (skip == 0 && n + size > TOOL_TEXT_MAX)
			break;
		if (space && n > 0 && out[n - 1] != ' ')
			out[n++] = ' ';
		if (!space && skip == 0) {
			memcpy(out + n, s, size);
			if (s[0] == '"')
				out[n] = '\'';
			if (s[0] == '[' || s[0] == ']')
				out[n] = s[0] == '[' ? '(' : ')';
			n += size;
		}
		skip = skip > 0 ? skip : size;
		s += skip;
		left -= skip;
	}
	while (n > 0 && out[n - 1] == ' ')
		n--;
	return arena_strndup(a, out, n);
}
