/*
 * The structured log. A line is put together on the stack and leaves in one write of less than
 * PIPE_BUF bytes, so that lines of several threads and processes on one pipe never mix.
 */
#include "core/log.h"

#include "core/text.h"
#include "core/timeutil.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOG_MSG_MAX     1000 /* bytes of a message before escaping */
#define LOG_ESCAPED_MAX 3000 /* and after it */
#define LOG_NAME_MAX    64   /* service, event, request id, tenant */

static char log_service[LOG_NAME_MAX] = "-";
static enum log_level log_lowest = LOG_INFO;
static _Thread_local char log_request_id[LOG_NAME_MAX];
static _Thread_local char log_tenant_id[LOG_NAME_MAX];

struct line {
	char text[PIPE_BUF];
	size_t len;
};

/* Copies what fits; a character cut in half would spoil the whole name as UTF-8. */
static void set_name(char to[LOG_NAME_MAX], const char *from)
{
	size_t len = from != NULL ? strlen(from) : 0;

	if (len >= LOG_NAME_MAX)
		len = utf8_clip(from, len, LOG_NAME_MAX - 1);
	memcpy(to, from != NULL ? from : "", len);
	to[len] = '\0';
}

void log_init(const char *service, enum log_level lowest)
{
	set_name(log_service, service);
	log_lowest = lowest;
}

void log_context(const char *request_id, const char *tenant_id)
{
	set_name(log_request_id, request_id);
	set_name(log_tenant_id, tenant_id);
}

/* Appends, or drops what does not fit; the limits above leave room for everything. */
static void put(struct line *l, const char *s, size_t len)
{
	if (len > sizeof(l->text) - l->len)
		return;
	memcpy(l->text + l->len, s, len);
	l->len += len;
}

/* One byte as JSON text. Control characters would let a message forge lines; the rest is made
 * printable. */
static void put_escaped_byte(struct line *l, unsigned char c)
{
	char escape[8];
	int n;

	if (c == '"' || c == '\\')
		n = snprintf(escape, sizeof(escape), "\\%c", c);
	else if (c < 0x20 || c == 0x7F)
		n = snprintf(escape, sizeof(escape), "\\u%04x", c);
	else
		n = snprintf(escape, sizeof(escape), "%c", c);
	put(l, escape, (size_t)n);
}

/* ,"name":"value" with at most `max` bytes of escaped value; bytes that are not UTF-8 become '?'.
 */
static void put_field(struct line *l, const char *name, const char *value, size_t max)
{
	size_t len = strlen(value);
	bool clean = utf8_valid(value, len);
	size_t end = l->len + max;
	char key[LOG_NAME_MAX];
	int n = snprintf(key, sizeof(key), ",\"%s\":\"", name);

	put(l, key, (size_t)n);
	for (size_t i = 0; i < len && l->len + 6 <= end; i++) {
		unsigned char c = (unsigned char)value[i];

		put_escaped_byte(l, c < 0x80 || clean ? c : '?');
	}
	if (clean)
		l->len = utf8_clip(l->text, l->len, l->len);
	put(l, "\"", 1);
}

static const char *level_word(enum log_level level)
{
	static const char *const words[] = {
		[LOG_DEBUG] = "debug",
		[LOG_INFO] = "info",
		[LOG_WARN] = "warn",
		[LOG_ERROR] = "error",
	};

	return words[level];
}

void log_event(enum log_level level, const char *event, const char *fmt, ...)
{
	char msg[LOG_MSG_MAX + 1], now[TIME_TEXT_MAX];
	struct line l = { .len = 0 };
	int saved = errno;
	ssize_t written;
	va_list ap;
	int n;

	if (level < log_lowest)
		return;
	va_start(ap, fmt);
	n = vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	if (n > LOG_MSG_MAX)
		msg[utf8_clip(msg, LOG_MSG_MAX, LOG_MSG_MAX)] = '\0';
	time_format(time_now_us(), now);
	put(&l, "{\"time\":\"", 9);
	put(&l, now, strlen(now));
	put(&l, "\"", 1);
	put_field(&l, "level", level_word(level), LOG_NAME_MAX);
	put_field(&l, "service", log_service, LOG_NAME_MAX);
	put_field(&l, "event", event, LOG_NAME_MAX);
	put_field(&l, "msg", n < 0 ? "" : msg, LOG_ESCAPED_MAX);
	if (log_request_id[0] != '\0')
		put_field(&l, "request_id", log_request_id, LOG_NAME_MAX);
	if (log_tenant_id[0] != '\0')
		put_field(&l, "tenant_id", log_tenant_id, LOG_NAME_MAX);
	put(&l, "}\n", 2);
	do {
		written = write(STDERR_FILENO, l.text, l.len);
	} while (written < 0 && errno == EINTR);
	errno = saved;
}
