/*
 * A receiver for webhooks that tests point alert channels at: it keeps what arrives, in order, and
 * says when it is full. Faults for provider-less receivers are not needed: ?status=500 in the
 * address makes it answer so. Read next: control.c.
 */
#include "control.h"

#include "core/text.h"
#include "core/timeutil.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct hook {
	char *name, *headers, *body; /* headers as a JSON object */
	size_t body_len;
	int64_t at_us; /* real time */
};

struct hooks {
	pthread_mutex_t lock;
	struct hook kept[HOOKS_MAX];
	size_t n, bytes;
	uint64_t refused;
};

struct hooks *hooks_new(void)
{
	struct hooks *h = calloc(1, sizeof(*h));

	if (h != NULL)
		pthread_mutex_init(&h->lock, NULL);
	return h;
}

static void free_hook(struct hook *k)
{
	free(k->name);
	free(k->headers);
	free(k->body);
}

void hooks_free(struct hooks *h)
{
	if (h == NULL)
		return;
	for (size_t i = 0; i < h->n; i++)
		free_hook(&h->kept[i]);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

static char *headers_json(const struct web_request *req)
{
	struct buf b;
	char *copy;

	buf_init(&b, 1024 * 1024);
	buf_putc(&b, '{');
	for (int i = 0; i < req->info->num_headers; i++) {
		const char *name = req->info->http_headers[i].name;
		const char *value = req->info->http_headers[i].value;

		if (!utf8_valid(name, strlen(name)) || !utf8_valid(value, strlen(value)))
			continue;
		if (b.len > 1)
			buf_putc(&b, ',');
		buf_put_json(&b, name, strlen(name));
		buf_putc(&b, ':');
		buf_put_json(&b, value, strlen(value));
	}
	buf_putc(&b, '}');
	copy = b.failed ? NULL : strdup(buf_str(&b));
	buf_done(&b);
	return copy;
}

static bool keep(struct hooks *h, struct hook *k)
{
	bool ok;

	pthread_mutex_lock(&h->lock);
	ok = k->name != NULL && k->headers != NULL && k->body != NULL && h->n < HOOKS_MAX &&
	     h->bytes + k->body_len <= HOOKS_BYTES_MAX;
	if (ok) {
		h->kept[h->n++] = *k;
		h->bytes += k->body_len;
	} else {
		h->refused++;
	}
	pthread_mutex_unlock(&h->lock);
	return ok;
}

static void receive(struct exchange *ex, const char *name)
{
	struct hook k = { .name = strdup(name),
			  .headers = headers_json(ex->req),
			  .body = malloc(ex->req->body_len + 1),
			  .body_len = ex->req->body_len,
			  .at_us = time_now_us() };
	const char *text = web_param(ex->req, "status");
	int64_t status = 200;

	if (k.body != NULL) {
		memcpy(k.body, ex->req->body, k.body_len);
		k.body[k.body_len] = '\0';
	}
	if (!keep(ex->sim->hooks, &k)) {
		free_hook(&k);
		control_refuse(ex, 503, "the receiver is full");
		return;
	}
	if (text != NULL && !parse_i64(text, 200, 599, &status))
		status = 200;
	web_json(ex->rep, (int)status, "{\"ok\":true}");
}

static void put_hook(struct buf *b, const struct hook *k)
{
	char at[TIME_TEXT_MAX];

	time_format(k->at_us, at);
	buf_printf(b,
		   "{\"received_at\":\"%s\",\"received_at_us\":\"%lld\",\"headers\":%s,\"body\":",
		   at, (long long)k->at_us, k->headers);
	if (utf8_valid(k->body, k->body_len))
		buf_put_json(b, k->body, k->body_len);
	else
		buf_puts(b, "null");
	buf_putc(b, '}');
}

static void list(struct exchange *ex, const char *name)
{
	struct hooks *h = ex->sim->hooks;
	struct buf *b = &ex->rep->body;
	const char *text = web_param(ex->req, "offset");
	int64_t offset = 0, seen = 0, shown = 0;

	if (text != NULL && !parse_i64(text, 0, HOOKS_MAX, &offset)) {
		control_refuse(ex, 400, "offset is not a number from 0 to 20000");
		return;
	}
	web_json(ex->rep, 200, "{\"received\":[");
	pthread_mutex_lock(&h->lock);
	for (size_t i = 0; i < h->n; i++) {
		if (strcmp(h->kept[i].name, name) != 0)
			continue;
		if (seen++ < offset || shown == HOOKS_LIST_MAX)
			continue;
		if (shown++ > 0)
			buf_putc(b, ',');
		put_hook(b, &h->kept[i]);
	}
	buf_printf(b, "],\"total\":%lld,\"refused\":%llu,\"full\":%s}", (long long)seen,
		   (unsigned long long)h->refused, h->n == HOOKS_MAX ? "true" : "false");
	pthread_mutex_unlock(&h->lock);
}

static void forget(struct exchange *ex, const char *name)
{
	struct hooks *h = ex->sim->hooks;
	size_t left = 0;

	pthread_mutex_lock(&h->lock);
	for (size_t i = 0; i < h->n; i++) {
		if (strcmp(h->kept[i].name, name) == 0) {
			h->bytes -= h->kept[i].body_len;
			free_hook(&h->kept[i]);
		} else {
			h->kept[left++] = h->kept[i];
		}
	}
	h->n = left;
	pthread_mutex_unlock(&h->lock);
	web_json(ex->rep, 200, "{\"ok\":true}");
}

void hooks_handle(struct exchange *ex, const char *name)
{
	if (strcmp(ex->req->method, "GET") == 0)
		list(ex, name);
	else if (strcmp(ex->req->method, "DELETE") == 0)
		forget(ex, name);
	else
		receive(ex, name);
}
