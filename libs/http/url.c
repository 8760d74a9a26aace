/*
 * Building URLs: what comes from outside is percent-encoded where it is added (RFC 3986
 * section 2.1), so that an id can be neither path nor query.
 */
#include "http/client.h"

#include <string.h>

static bool unreserved(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

void http_percent_put(struct buf *b, const char *s)
{
	static const char hex[] = "0123456789ABCDEF";

	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if (unreserved(c)) {
			buf_putc(b, *s);
		} else {
			buf_putc(b, '%');
			buf_putc(b, hex[c >> 4]);
			buf_putc(b, hex[c & 15]);
		}
	}
}

void http_url_begin(struct buf *b, const char *base)
{
	size_t len = strlen(base);

	buf_reset(b);
	if (len > 0 && base[len - 1] == '/')
		len--;
	buf_put(b, base, len);
}

void http_url_segment(struct buf *b, const char *segment)
{
	/* Servers and proxies resolve dot segments, encoded or not. */
	if (strcmp(segment, ".") == 0 || strcmp(segment, "..") == 0 || *segment == '\0') {
		b->failed = true;
		return;
	}
	buf_putc(b, '/');
	http_percent_put(b, segment);
}

void http_url_path(struct buf *b, const char *path)
{
	buf_putc(b, '/');
	buf_puts(b, path);
}

void http_url_query(struct buf *b, const char *name, const char *value)
{
	buf_putc(b, strchr(buf_str(b), '?') == NULL ? '?' : '&');
	http_percent_put(b, name);
	buf_putc(b, '=');
	http_percent_put(b, value);
}
