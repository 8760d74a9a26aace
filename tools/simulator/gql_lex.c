/* GraphQL tokens (specification of October 2021, section 2.1), with limits. Read next: gql_parse.c.
 */
#include "gql.h"

#include "core/text.h"

#include <stdarg.h>
#include <string.h>

bool gql_fail(struct gql_error *e, struct arena *a, struct gql_loc loc, const char *fmt, ...)
{
	va_list ap;

	if (e->set)
		return false;
	va_start(ap, fmt);
	*e = (struct gql_error){ .set = true, .message = arena_vprintf(a, fmt, ap), .loc = loc };
	va_end(ap);
	return false;
}

void gql_fail_ext(struct gql_error *e, const char *key, const char *value)
{
	if (e->next == GQL_EXT_MAX)
		return;
	e->ext[e->next].key = key;
	e->ext[e->next++].value = value;
}

void gql_error_write(const struct gql_error *e, struct buf *out)
{
	buf_puts(out, "{\"message\":");
	buf_put_json(out, e->message, strlen(e->message));
	if (e->loc.line > 0)
		buf_printf(out, ",\"locations\":[{\"line\":%d,\"column\":%d}]", e->loc.line,
			   e->loc.col);
	if (e->npath > 0) {
		buf_puts(out, ",\"path\":[");
		for (size_t i = 0; i < e->npath; i++) {
			if (i > 0)
				buf_putc(out, ',');
			buf_put_json(out, e->path[i], strlen(e->path[i]));
		}
		buf_putc(out, ']');
	}
	if (e->next > 0) {
		buf_puts(out, ",\"extensions\":{");
		for (size_t i = 0; i < e->next; i++) {
			buf_printf(out, "%s\"%s\":", i > 0 ? "," : "", e->ext[i].key);
			buf_put_json(out, e->ext[i].value, strlen(e->ext[i].value));
		}
		buf_putc(out, '}');
	}
	buf_putc(out, '}');
}

void gql_lex_init(struct gql_lexer *lx, struct arena *a, const char *text, size_t len,
		  struct gql_error *err)
{
	*lx = (struct gql_lexer){ .arena = a,
				  .err = err,
				  .pos = text,
				  .end = text + len,
				  .line_start = text,
				  .line = 1 };
}

static bool bad_token(struct gql_lexer *lx, const char *what)
{
	lx->tok = TOK_BAD;
	return gql_fail(lx->err, lx->arena, lx->loc, "Parse error on %s at [%d, %d]", what,
			lx->loc.line, lx->loc.col);
}

static void new_line(struct gql_lexer *lx, const char *after)
{
	lx->line++;
	lx->line_start = after;
}

static void skip_ignored(struct gql_lexer *lx)
{
	while (lx->pos < lx->end) {
		char c = *lx->pos;

		if (c == '\n') {
			new_line(lx, lx->pos + 1);
		} else if (c == '#') {
			while (lx->pos + 1 < lx->end && lx->pos[1] != '\n')
				lx->pos++;
		} else if (c != ' ' && c != '\t' && c != '\r' && c != ',') {
			return;
		}
		lx->pos++;
	}
}

static bool is_name_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static void skip_digits(struct gql_lexer *lx)
{
	while (lx->pos < lx->end && is_digit(*lx->pos))
		lx->pos++;
}

static bool lex_number(struct gql_lexer *lx)
{
	const char *from = lx->pos;

	lx->tok = TOK_INT;
	if (*lx->pos == '-')
		lx->pos++;
	if (lx->pos == lx->end || !is_digit(*lx->pos))
		return bad_token(lx, "a number");
	if (*lx->pos == '0' && lx->pos + 1 < lx->end && is_digit(lx->pos[1]))
		return bad_token(lx, "a number with a leading zero");
	skip_digits(lx);
	if (lx->pos < lx->end && *lx->pos == '.') {
		lx->tok = TOK_FLOAT;
		lx->pos++;
		if (lx->pos == lx->end || !is_digit(*lx->pos))
			return bad_token(lx, "a number");
		skip_digits(lx);
	}
	if (lx->pos < lx->end && (*lx->pos == 'e' || *lx->pos == 'E')) {
		lx->tok = TOK_FLOAT;
		lx->pos++;
		if (lx->pos < lx->end && (*lx->pos == '+' || *lx->pos == '-'))
			lx->pos++;
		if (lx->pos == lx->end || !is_digit(*lx->pos))
			return bad_token(lx, "a number");
		skip_digits(lx);
	}
	if (lx->pos < lx->end && (is_name_start(*lx->pos) || *lx->pos == '.'))
		return bad_token(lx, "a number");
	lx->text = arena_strndup(lx->arena, from, (size_t)(lx->pos - from));
	return true;
}

static size_t put_utf8(char *out, unsigned cp)
{
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (char)(0xc0 | cp >> 6);
		out[1] = (char)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp < 0x10000) {
		out[0] = (char)(0xe0 | cp >> 12);
		out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
		out[2] = (char)(0x80 | (cp & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | cp >> 18);
	out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
	out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
	out[3] = (char)(0x80 | (cp & 0x3f));
	return 4;
}

/* Four hex digits at `p`; -1 when they are not. */
static int hex4(const char *p, const char *end)
{
	uint8_t bytes[2];

	if (end - p < 4 || !hex_decode(p, 4, bytes))
		return -1;
	return bytes[0] << 8 | bytes[1];
}

/* A \u escape, with its other half when it is a surrogate. */
static bool lex_unicode(struct gql_lexer *lx, char *out, size_t *n)
{
	int hi = hex4(lx->pos, lx->end), lo;
	unsigned cp = (unsigned)hi;

	if (hi <= 0)
		return bad_token(lx, "a Unicode escape");
	lx->pos += 4;
	if (hi >= 0xd800 && hi <= 0xdfff) {
		if (hi > 0xdbff || lx->end - lx->pos < 6 || lx->pos[0] != '\\' || lx->pos[1] != 'u')
			return bad_token(lx, "a Unicode escape");
		lo = hex4(lx->pos + 2, lx->end);
		if (lo < 0xdc00 || lo > 0xdfff)
			return bad_token(lx, "a Unicode escape");
		lx->pos += 6;
		cp = 0x10000u + (((unsigned)hi - 0xd800u) << 10) + ((unsigned)lo - 0xdc00u);
	}
	*n += put_utf8(out + *n, cp);
	return true;
}

static bool lex_escape(struct gql_lexer *lx, char *out, size_t *n)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at;

	if (lx->pos == lx->end)
		return bad_token(lx, "a string that is not closed");
	at = strchr(from, *lx->pos);
	if (*lx->pos == 'u') {
		lx->pos++;
		return lex_unicode(lx, out, n);
	}
	if (*lx->pos == '\0' || at == NULL)
		return bad_token(lx, "an escape in a string");
	out[(*n)++] = to[at - from];
	lx->pos++;
	return true;
}

static bool lex_string(struct gql_lexer *lx)
{
	/* An escape never makes text longer, so the rest of the line is room enough. */
	const char *stop = memchr(lx->pos, '\n', (size_t)(lx->end - lx->pos));
	size_t room = (size_t)((stop != NULL ? stop : lx->end) - lx->pos) + 4;
	char *out = arena_alloc(lx->arena, room);
	size_t n = 0;

	if (out == NULL)
		return bad_token(lx, "a string that is too long");
	for (;;) {
		if (lx->pos == lx->end || *lx->pos == '\n')
			return bad_token(lx, "a string that is not closed");
		if (*lx->pos == '"')
			break;
		if (*lx->pos == '\\') {
			lx->pos++;
			if (!lex_escape(lx, out, &n))
				return false;
		} else {
			out[n++] = *lx->pos++;
		}
	}
	lx->pos++;
	out[n] = '\0';
	lx->text = out;
	lx->tok = TOK_STRING;
	return true;
}

/* Spaces that every line but the first begins with. */
static size_t common_indent(const char *s)
{
	size_t best = SIZE_MAX;
	const char *line = strchr(s, '\n');

	while (line != NULL) {
		size_t indent = strspn(line + 1, " \t");

		if (line[1 + indent] != '\n' && line[1 + indent] != '\0' && indent < best)
			best = indent;
		line = strchr(line + 1, '\n');
	}
	return best == SIZE_MAX ? 0 : best;
}

/* Removes the common indent and blank lines at both ends (specification, BlockStringValue). */
static void tidy_block(char *s)
{
	size_t indent = common_indent(s), n = 0, len;
	const char *p = s;

	for (bool first = true; *p != '\0'; first = false) {
		size_t skip = first ? 0 : strspn(p, " \t");

		p += skip < indent ? skip : (first ? 0 : indent);
		len = strcspn(p, "\n");
		memmove(s + n, p, len);
		n += len;
		p += len;
		if (*p == '\n')
			s[n++] = *p++;
	}
	s[n] = '\0';
	while (s[strspn(s, " \t")] == '\n')
		memmove(s, s + strspn(s, " \t") + 1, strlen(s + strspn(s, " \t") + 1) + 1);
	for (;;) {
		char *last = strrchr(s, '\n');

		if (last == NULL || last[1 + strspn(last + 1, " \t")] != '\0')
			return;
		*last = '\0';
	}
}

static bool lex_block_string(struct gql_lexer *lx)
{
	char *out = arena_alloc(lx->arena, (size_t)(lx->end - lx->pos) + 1);
	size_t n = 0;

	if (out == NULL)
		return bad_token(lx, "a string that is too long");
	for (;;) {
		size_t left = (size_t)(lx->end - lx->pos);

		if (left < 3)
			return bad_token(lx, "a string that is not closed");
		if (memcmp(lx->pos, "\"\"\"", 3) == 0)
			break;
		if (left >= 4 && memcmp(lx->pos, "\\\"\"\"", 4) == 0) {
			memcpy(out + n, "\"\"\"", 3);
			n += 3;
			lx->pos += 4;
			continue;
		}
		if (*lx->pos == '\n')
			new_line(lx, lx->pos + 1);
		if (*lx->pos != '\r')
			out[n++] = *lx->pos;
		lx->pos++;
	}
	lx->pos += 3;
	out[n] = '\0';
	tidy_block(out);
	lx->text = out;
	lx->tok = TOK_STRING;
	return true;
}

static bool lex_other(struct gql_lexer *lx)
{
	size_t left = (size_t)(lx->end - lx->pos);
	char c = *lx->pos;

	if (left >= 3 && memcmp(lx->pos, "...", 3) == 0) {
		lx->tok = TOK_SPREAD;
		lx->pos += 3;
		return true;
	}
	if (left >= 3 && memcmp(lx->pos, "\"\"\"", 3) == 0) {
		lx->pos += 3;
		return lex_block_string(lx);
	}
	lx->pos++;
	if (c == '"')
		return lex_string(lx);
	if (c == '\0' || strchr("!$&():=@[]{|}", c) == NULL)
		return bad_token(lx, "an unexpected character");
	lx->tok = TOK_PUNCT;
	lx->punct = c;
	return true;
}

bool gql_lex_next(struct gql_lexer *lx)
{
	const char *from;

	skip_ignored(lx);
	lx->loc = (struct gql_loc){ lx->line, (int)(lx->pos - lx->line_start) + 1 };
	lx->text = "";
	lx->punct = '\0';
	lx->tok = TOK_END;
	if (lx->pos == lx->end)
		return true;
	if (++lx->count > GQL_TOKENS_MAX) {
		lx->tok = TOK_BAD;
		return gql_fail(lx->err, lx->arena, lx->loc,
				"This query is too large to execute: more than %d tokens",
				GQL_TOKENS_MAX);
	}
	if (is_digit(*lx->pos) || *lx->pos == '-')
		return lex_number(lx);
	if (!is_name_start(*lx->pos))
		return lex_other(lx);
	from = lx->pos;
	while (lx->pos < lx->end && (is_name_start(*lx->pos) || is_digit(*lx->pos)))
		lx->pos++;
	lx->tok = TOK_NAME;
	lx->text = arena_strndup(lx->arena, from, (size_t)(lx->pos - from));
	return true;
}
