/* Paths of faults: "admin.email", "rows[3].id". Kept as a chain on the stack, printed only when
 * needed. */
#include "core/text.h"
#include "message_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Appends to text of which `len` bytes stand; what does not fit is cut. */
static size_t put(char *out, size_t cap, size_t len, const char *fmt, ...) PRINTF_LIKE(4, 5);
static size_t put(char *out, size_t cap, size_t len, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(out + len, cap - len, fmt, ap);
	va_end(ap);
	if (n < 0)
		return len;
	return len + (size_t)n < cap ? len + (size_t)n : cap - 1;
}

static void where_text(const struct where *at, char *out, size_t cap)
{
	const struct where *steps[WHERE_STEPS_MAX];
	size_t n = 0, len = 0;

	for (; at != NULL && n < WHERE_STEPS_MAX; at = at->up)
		steps[n++] = at;
	out[0] = '\0';
	while (n-- > 0) {
		const struct where *s = steps[n];
		bool clean = s->key != NULL && utf8_valid(s->key, s->key_len);
		int key_len = s->key_len < cap ? (int)s->key_len : (int)cap;

		if (s->key == NULL)
			len = put(out, cap, len, "[%zu]", s->index);
		else
			len = put(out, cap, len, "%s%.*s", len > 0 ? "." : "", clean ? key_len : 1,
				  clean ? s->key : "?");
	}
	if (len == 0)
		put(out, cap, 0, "body");
}

enum status fault_at(struct error *err, const struct where *at, const char *fmt, ...)
{
	char field[WHERE_TEXT_MAX], detail[ERROR_DETAIL_MAX];
	va_list ap;

	where_text(at, field, sizeof(field));
	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	return error_set(err, ST_INVALID, field, "%s", detail);
}

enum status fault_full(struct error *err)
{
	return error_set(err, ST_TOO_LARGE, "body", "needs more memory than a request may take");
}
