/* Takes an answer's text apart, line by line. Read next: report.h. */
#include "report.h"

#include "core/buf.h"
#include "core/text.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum part { PART_PROSE, PART_FINDINGS, PART_RECOMMENDATIONS };

struct line {
	const char *s;
	size_t n;
};

static struct line trim(struct line l, const char *around)
{
	while (l.n > 0 && strchr(around, l.s[0]) && l.s[0] != '\0') {
		l.s++;
		l.n--;
	}
	while (l.n > 0 && strchr(around, l.s[l.n - 1]) && l.s[l.n - 1] != '\0')
		l.n--;
	return l;
}

/* "Findings:", "**Findings**", "## Key findings" */
static bool is_heading(struct line l, enum part *part)
{
	static const struct {
		const char *words;
		enum part part;
	} headings[] = {
		{ "findings", PART_FINDINGS },
		{ "key findings", PART_FINDINGS },
		{ "finding", PART_FINDINGS },
		{ "recommendations", PART_RECOMMENDATIONS },
		{ "recommendation", PART_RECOMMENDATIONS },
		{ "key recommendations", PART_RECOMMENDATIONS },
	};

	l = trim(l, " \t\r#*_:-");
	for (size_t i = 0; i < sizeof(headings) / sizeof(*headings); i++)
		if (strlen(headings[i].words) == l.n &&
		    strncasecmp(headings[i].words, l.s, l.n) == 0) {
			*part = headings[i].part;
			return true;
		}
	return false;
}

/* Cuts a bullet ("- ", "* ", "• ", "1. ") off; false when the line has none. */
static bool cut_bullet(struct line *l)
{
	struct line t = trim(*l, " \t\r");
	size_t digits = 0;

	if (t.n == 1 && strchr("-*+", t.s[0])) {
		l->n = 0;
		return true;
	}
	if (t.n >= 2 && strchr("-*+", t.s[0]) && t.s[1] == ' ') {
		*l = trim((struct line){ t.s + 2, t.n - 2 }, " \t\r");
		return true;
	}
	if (t.n >= 4 && memcmp(t.s, "\xe2\x80\xa2", 3) == 0) {
		*l = trim((struct line){ t.s + 3, t.n - 3 }, " \t\r");
		return true;
	}
	while (digits < t.n && digits < 3 && isdigit((unsigned char)t.s[digits]))
		digits++;
	if (digits == 0 || digits + 1 >= t.n || !strchr(".)", t.s[digits]) ||
	    t.s[digits + 1] != ' ')
		return false;
	*l = trim((struct line){ t.s + digits + 2, t.n - digits - 2 }, " \t\r");
	return true;
}

struct split {
	struct arena *a;
	char ***items;
	size_t *n;
	bool open; /* the last item takes further lines */
};

static void add_item(struct split *s, struct line l)
{
	s->open = *s->n < REPORT_ITEMS_MAX && l.n > 0;
	if (s->open)
		(*s->items)[(*s->n)++] =
			arena_strndup(s->a, l.s, utf8_clip(l.s, l.n, REPORT_ITEM_TEXT_MAX));
}

static void add_line(struct split *s, struct line l)
{
	struct line plain = trim(l, " \t\r");

	if (cut_bullet(&l)) {
		add_item(s, l);
	} else if (plain.n == 0) {
		s->open = false;
	} else if (s->open) {
		char **last = &(*s->items)[*s->n - 1];
		const char *joined = arena_printf(s->a, "%s %.*s", *last, (int)plain.n, plain.s);
		size_t len = strlen(joined);

		*last = arena_strndup(s->a, joined, utf8_clip(joined, len, REPORT_ITEM_TEXT_MAX));
	} else {
		add_item(s, plain);
	}
}

enum status report_split(struct arena *a, const char *text, struct report *ret)
{
	struct split lists[] = {
		[PART_FINDINGS] = { .a = a, .items = &ret->findings, .n = &ret->n_findings },
		[PART_RECOMMENDATIONS] = { .a = a,
					   .items = &ret->recommendations,
					   .n = &ret->n_recommendations }
	};
	enum part part = PART_PROSE;
	size_t prose = strlen(text);

	*ret = (struct report){ .prose = "" };
	ret->findings = arena_array(a, REPORT_ITEMS_MAX, sizeof(*ret->findings));
	ret->recommendations = arena_array(a, REPORT_ITEMS_MAX, sizeof(*ret->recommendations));
	if (!ret->findings || !ret->recommendations)
		return ST_TOO_LARGE;
	for (const char *at = text; *at != '\0';) {
		size_t n = strcspn(at, "\n");
		struct line l = { at, n };

		if (is_heading(l, &part)) {
			if ((size_t)(at - text) < prose)
				prose = (size_t)(at - text);
			lists[part].open = false;
		} else if (part != PART_PROSE) {
			add_line(&lists[part], l);
		}
		at += n + (at[n] == '\n');
	}
	struct line head = trim((struct line){ text, prose }, " \t\r\n");

	ret->prose = arena_strndup(a, head.s, head.n);
	return arena_failed(a) ? ST_TOO_LARGE : ST_OK;
}
