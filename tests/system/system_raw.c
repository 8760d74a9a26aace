/* See system_raw.h. */
#include "system/system_raw.h"

#include "core/buf.h"
#include "core/timeutil.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST_MAX (64 * 1024 * 1024)

static int connect_edge(struct suite *s)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t)s->edge_port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval limit = { .tv_sec = SUITE_CALL_MS / 1000 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) != 0 ||
	    connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0)
		suite_fail("the edge takes no connection: %s", strerror(errno));
	return fd;
}

/* An edge that has answered may close before it has read everything: then sending fails. */
static void send_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		data += n;
		len -= (size_t)n;
	}
}

/* All bytes until the edge closes; we asked it to. */
static size_t read_all(int fd, char *out, size_t cap)
{
	size_t len = 0;

	while (len < cap) {
		ssize_t n = recv(fd, out + len, cap - len, 0);

		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			suite_fail("the edge is silent for %d ms after %zu bytes", SUITE_CALL_MS,
				   len);
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	return len;
}

struct raw_answer raw_bytes(struct suite *s, const void *data, size_t len)
{
	static char text[RAW_ANSWER_MAX + 1];
	struct raw_answer a = { .head = text, .body = "" };
	int64_t from = time_mono_us();
	int fd = connect_edge(s);
	size_t n;
	char *end;

	send_all(fd, data, len);
	n = read_all(fd, text, RAW_ANSWER_MAX);
	close(fd);
	text[n] = '\0';
	a.took_us = time_mono_us() - from;
	end = strstr(text, "\r\n\r\n");
	if (end == NULL || strncmp(text, "HTTP/1.", 7) != 0)
		return a;
	a.code = (int)strtol(text + 9, NULL, 10);
	end[2] = '\0';
	a.body = end + 4;
	a.len = n - (size_t)(a.body - text);
	return a;
}

struct raw_answer raw_send(struct suite *s, const char *method, const char *path, const char *token,
			   const char *headers, const void *body, size_t len)
{
	struct raw_answer a;
	struct buf b;

	buf_init(&b, REQUEST_MAX);
	buf_printf(&b, "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n%s", method, path,
		   headers != NULL ? headers : "");
	if (*token != '\0')
		buf_printf(&b, "Authorization: Bearer %s\r\n", token);
	if (body != NULL)
		buf_printf(&b, "Content-Length: %zu\r\n", len);
	buf_puts(&b, "\r\n");
	buf_put(&b, body != NULL ? body : "", body != NULL ? len : 0);
	if (buf_status(&b) != ST_OK)
		suite_fail("a request is too large");
	a = raw_bytes(s, b.data, b.len);
	buf_done(&b);
	return a;
}

bool raw_header_has(const struct raw_answer *a, const char *name, const char *part)
{
	size_t n = strlen(name);

	for (const char *line = strstr(a->head, "\r\n"); line != NULL;
	     line = strstr(line + 2, "\r\n")) {
		const char *h = line + 2;
		size_t len = strcspn(h, "\r");

		if (strncasecmp(h, name, n) == 0 && h[n] == ':' &&
		    memmem(h + n, len - n, part, strlen(part)) != NULL)
			return true;
	}
	return false;
}
