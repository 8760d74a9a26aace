/*
 * The provider's own record of what it billed, request by request, and its totals; the tests hold a
 * ledger against it. Up to ANTH_LEDGER_MAX requests are kept; the totals go on. Read next:
 * anthropic.c.
 */
#include "anthropic.h"
#include "control.h"

#include "core/text.h"
#include "core/timeutil.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define ANTH_LEDGER_MAX 100000
#define USAGE_LIST_MAX  1000 /* of one answer */

struct anth_ledger {
	pthread_mutex_t lock;
	size_t n;
	int64_t requests, broken_off, not_kept;
	struct anth_usage total;
	struct anth_billed kept[ANTH_LEDGER_MAX];
};

struct anth_ledger *anth_ledger_new(void)
{
	struct anth_ledger *l = calloc(1, sizeof(*l));

	if (l != NULL)
		pthread_mutex_init(&l->lock, NULL);
	return l;
}

void anth_ledger_free(struct anth_ledger *l)
{
	if (l == NULL)
		return;
	pthread_mutex_destroy(&l->lock);
	free(l);
}

void anth_ledger_add(struct anth_ledger *l, const struct anth_billed *e)
{
	pthread_mutex_lock(&l->lock);
	l->requests++;
	l->broken_off += e->broken_off;
	l->total.input += e->usage.input;
	l->total.cache_read += e->usage.cache_read;
	l->total.write_5m += e->usage.write_5m;
	l->total.write_1h += e->usage.write_1h;
	l->total.output += e->usage.output;
	if (l->n < ANTH_LEDGER_MAX)
		l->kept[l->n++] = *e;
	else
		l->not_kept++;
	pthread_mutex_unlock(&l->lock);
}

static void put_usage(struct buf *b, const struct anth_usage *u)
{
	buf_printf(
		b,
		"\"input_tokens\":%lld,\"cache_read_tokens\":%lld,\"cache_write_5m_tokens\":%lld,"
		"\"cache_write_1h_tokens\":%lld,\"output_tokens\":%lld",
		(long long)u->input, (long long)u->cache_read, (long long)u->write_5m,
		(long long)u->write_1h, (long long)u->output);
}

static void put_entry(struct buf *b, const struct anth_billed *e)
{
	char at[TIME_TEXT_MAX];

	time_format(e->at_us, at);
	buf_printf(b,
		   "{\"request_id\":\"%s\",\"model\":\"%s\",\"api_key_hash\":\"%s\",\"at\":\"%s\","
		   "\"stop_reason\":",
		   e->request_id, e->model, e->key_hash, at);
	if (e->stop_reason != NULL)
		buf_put_json(b, e->stop_reason, strlen(e->stop_reason));
	else
		buf_puts(b, "null");
	buf_printf(b, ",\"stream\":%s,\"broken_off\":%s,", e->stream ? "true" : "false",
		   e->broken_off ? "true" : "false");
	put_usage(b, &e->usage);
	buf_putc(b, '}');
}

static void list(struct exchange *ex, struct anth_ledger *l)
{
	const char *text = web_param(ex->req, "offset");
	struct buf *b = &ex->rep->body;
	int64_t offset = 0;

	if (text != NULL && !parse_i64(text, 0, ANTH_LEDGER_MAX, &offset)) {
		control_refuse(ex, 400, "offset is not a number from 0 to 100000");
		return;
	}
	web_json(ex->rep, 200, "{\"requests\":[");
	pthread_mutex_lock(&l->lock);
	for (size_t i = (size_t)offset; i < l->n && i < (size_t)offset + USAGE_LIST_MAX; i++) {
		if (i > (size_t)offset)
			buf_putc(b, ',');
		put_entry(b, &l->kept[i]);
	}
	buf_printf(b,
		   "],\"total\":%lld,\"kept\":%zu,\"not_kept\":%lld,\"full\":%s,\"totals\":{"
		   "\"requests\":%lld,\"broken_off\":%lld,",
		   (long long)l->requests, l->n, (long long)l->not_kept,
		   l->n == ANTH_LEDGER_MAX ? "true" : "false", (long long)l->requests,
		   (long long)l->broken_off);
	put_usage(b, &l->total);
	pthread_mutex_unlock(&l->lock);
	buf_puts(b, "}}");
}

void anth_usage_handle(struct exchange *ex)
{
	struct anth_ledger *l = ex->sim->ledger;

	if (strcmp(ex->req->method, "GET") == 0) {
		list(ex, l);
		return;
	}
	if (strcmp(ex->req->method, "DELETE") != 0) {
		control_refuse(ex, 405, "GET or DELETE");
		return;
	}
	pthread_mutex_lock(&l->lock);
	l->n = 0;
	l->requests = l->broken_off = l->not_kept = 0;
	l->total = (struct anth_usage){ 0 };
	pthread_mutex_unlock(&l->lock);
	web_json(ex->rep, 200, "{\"ok\":true}");
}
