/* See sse.h. */
#include "http/sse.h"

#include "core/magic.h"

#include <stdio.h>
#include <string.h>

#define SSE_MAGIC   0x53534531u
#define BOM_DECIDED 3

void sse_init(struct sse *s, size_t max, sse_event_fn *on_event, void *arg)
{
	*s = (struct sse){ .magic = SSE_MAGIC, .on_event = on_event, .arg = arg };
	/* A line is its data and the field's name. */
	buf_init(&s->line, max + SSE_FIELD_MAX);
	buf_init(&s->data, max);
}

void sse_done(struct sse *s)
{
	buf_done(&s->line);
	buf_done(&s->data);
	s->magic = 0;
}

static void forget_event(struct sse *s)
{
	buf_reset(&s->data);
	s->type[0] = '\0';
	s->has_data = s->oversize = false;
}

static void dispatch(struct sse *s)
{
	if (s->oversize)
		s->dropped++;
	else if (s->has_data)
		s->on_event(s->arg, s->type[0] != '\0' ? s->type : "message", buf_str(&s->data),
			    s->data.len);
	forget_event(s);
}

static void take_field(struct sse *s, const char *name, size_t name_len, const char *value,
		       size_t value_len)
{
	if (name_len == 5 && memcmp(name, "event", 5) == 0) {
		snprintf(s->type, sizeof(s->type), "%.*s",
			 (int)(value_len < SSE_TYPE_MAX ? value_len : SSE_TYPE_MAX), value);
	} else if (name_len == 4 && memcmp(name, "data", 4) == 0) {
		if (s->has_data)
			buf_putc(&s->data, '\n');
		buf_put(&s->data, value, value_len);
		s->has_data = true;
		s->oversize = s->oversize || s->data.failed;
	}
	/* id and retry are for those who connect again to hear the rest, which this API has not. */
}

static void take_line(struct sse *s)
{
	const char *line = buf_str(&s->line), *colon;
	size_t len = s->line.len, name_len;

	s->oversize = s->oversize || s->line.failed;
	if (s->line.failed) {
		buf_reset(&s->line);
		return;
	}
	if (len == 0) {
		dispatch(s);
		return;
	}
	colon = memchr(line, ':', len);
	name_len = colon != NULL ? (size_t)(colon - line) : len;
	if (colon == NULL) {
		take_field(s, line, name_len, "", 0);
	} else if (name_len > 0) { /* else a comment */
		colon++;
		if (colon < line + len && *colon == ' ')
			colon++;
		take_field(s, line, name_len, colon, (size_t)(line + len - colon));
	}
	buf_reset(&s->line);
}

/* Passes over a byte order mark at the beginning; bytes that only looked like one are content. */
static size_t take_bom(struct sse *s, const char *bytes, size_t len)
{
	static const char mark[] = "\xEF\xBB\xBF";
	size_t i = 0;

	while (s->bom < BOM_DECIDED && i < len && bytes[i] == mark[s->bom]) {
		s->bom++;
		i++;
	}
	if (s->bom < BOM_DECIDED && i < len) {
		buf_put(&s->line, mark, s->bom);
		s->bom = BOM_DECIDED;
	}
	return i;
}

/* How many bytes come before the next line end. */
static size_t to_line_end(const char *bytes, size_t len)
{
	const char *lf = memchr(bytes, '\n', len), *cr;

	if (lf != NULL)
		len = (size_t)(lf - bytes);
	cr = memchr(bytes, '\r', len);
	return cr != NULL ? (size_t)(cr - bytes) : len;
}

void sse_feed(struct sse *s, const char *bytes, size_t len)
{
	size_t i = 0;

	CHECK_MAGIC(s, SSE_MAGIC);
	if (s->bom < BOM_DECIDED)
		i = take_bom(s, bytes, len);
	while (i < len) {
		size_t n;

		if (s->after_cr && bytes[i] == '\n')
			i++;
		s->after_cr = false;
		n = to_line_end(bytes + i, len - i);
		buf_put(&s->line, bytes + i, n);
		i += n;
		if (i < len) {
			s->after_cr = bytes[i] == '\r';
			take_line(s);
			i++;
		}
	}
}

void sse_end(struct sse *s)
{
	CHECK_MAGIC(s, SSE_MAGIC);
	if (s->bom > 0 && s->bom < BOM_DECIDED)
		buf_put(&s->line, "\xEF\xBB\xBF", s->bom);
	s->bom = BOM_DECIDED;
	if (s->line.len > 0 || s->line.failed)
		take_line(s);
	dispatch(s);
}
