/*
 * GET /api/admin/latency: percentiles by service and method, from the stored histograms added up,
 * and what telemetry could not tell. Read next: histogram.h, store_latency.c, store_telemetry.c.
 */
#include "handlers.h"

#include "histogram.h"
#include "latency.h"
#include "store_telemetry.h"

#include "core/timeutil.h"
#include "json/message.h"

#include <stdlib.h>
#include <string.h>

/* So many rows of histograms are added up within the deadline. */
#define WINDOW_MAX_US (7 * US_PER_DAY)

/* "bucket count bucket count ...", as store_latency.c asks for it. */
static void read_buckets(const char *text, struct histogram *h)
{
	char *p = (char *)text;

	while (*p) {
		char *end;
		uint64_t bucket = strtoull(p, &end, 10), n;

		if (end == p)
			return;
		p = end;
		n = strtoull(p, &end, 10);
		if (end == p)
			return;
		p = end;
		histogram_add_bucket(h, bucket, n);
	}
}

static Observability__V1__LatencyRow *make_row(struct arena *a, const struct latency_sum *s,
					       struct histogram *h)
{
	Observability__V1__LatencyRow *row = (Observability__V1__LatencyRow *)message_new(
		a, &observability__v1__latency_row__descriptor);

	if (!row)
		return NULL;
	memset(h, 0, sizeof(*h));
	read_buckets(s->buckets, h);
	histogram_max(h, (uint32_t)s->max_us);
	row->service = arena_strdup(a, s->service);
	row->method = arena_strdup(a, s->method);
	row->requests = (uint64_t)s->requests;
	row->errors = (uint64_t)s->errors;
	row->p50_us = histogram_percentile(h, 500);
	row->p95_us = histogram_percentile(h, 950);
	row->p99_us = histogram_percentile(h, 990);
	row->max_us = h->max_us;
	return row;
}

static Observability__V1__TelemetryLoss *make_loss(struct arena *a, const struct telemetry_loss *l)
{
	Observability__V1__TelemetryLoss *loss = (Observability__V1__TelemetryLoss *)message_new(
		a, &observability__v1__telemetry_loss__descriptor);

	if (!loss)
		return NULL;
	loss->service = arena_strdup(a, l->service);
	loss->stored = (uint64_t)l->stored;
	loss->dropped = (uint64_t)l->dropped;
	loss->lost = (uint64_t)l->lost;
	return loss;
}

static void put_rows(struct call *call, const struct db_tx *tx, int result,
		     Observability__V1__LatencyReply *out)
{
	struct histogram *h = arena_alloc(call->arena, sizeof(*h));
	int n = db_rows(tx, result);

	out->rows = arena_array(call->arena, (size_t)n + 1, sizeof(*out->rows));
	for (int i = 0; h && out->rows && i < n; i++) {
		struct latency_sum sum;

		latency_read(tx, result, i, &sum);
		out->rows[out->n_rows++] = make_row(call->arena, &sum, h);
	}
}

static void put_losses(struct call *call, const struct db_tx *tx, int result,
		       Observability__V1__LatencyReply *out)
{
	int n = db_rows(tx, result);

	out->losses = arena_array(call->arena, (size_t)n + 1, sizeof(*out->losses));
	for (int i = 0; out->losses && i < n; i++) {
		struct telemetry_loss loss;

		store_read_loss(tx, result, i, &loss);
		out->losses[out->n_losses++] = make_loss(call->arena, &loss);
	}
}

/* Whole minutes: the one that `from` lies in, up to the end of the one that `to` lies in. */
static enum status read_window(struct call *call, const Observability__V1__LatencyRequest *in,
			       int64_t *from, int64_t *to)
{
	enum status st = time_or(call, "to", in->to, time_now_us(), to);

	if (st == ST_OK)
		st = time_or(call, "from", in->from, *to - US_PER_HOUR, from);
	if (st != ST_OK)
		return st;
	if (*from > *to)
		return error_set(call->err, ST_INVALID, "from", "must not be after `to`");
	*from -= ((*from % US_PER_MINUTE) + US_PER_MINUTE) % US_PER_MINUTE;
	*to += (US_PER_MINUTE - *to % US_PER_MINUTE) % US_PER_MINUTE;
	if (*to - *from > WINDOW_MAX_US + US_PER_MINUTE)
		return error_set(call->err, ST_INVALID, "from",
				 "must be at most 7 days before `to`");
	return ST_OK;
}

enum status handle_get_latency(struct call *call, const Observability__V1__LatencyRequest *in,
			       Observability__V1__LatencyReply *out)
{
	int64_t from, to;
	enum status st = read_window(call, in, &from, &to);
	AUTO_TX *tx = NULL;
	int sums, losses;

	if (st != ST_OK)
		return st;
	tx = call_tx(call);
	if (!tx)
		return error_set(call->err, ST_UNAVAILABLE, NULL, "the service is out of memory");
	sums = latency_ask(tx, call->arena, in->service, from, to);
	losses = store_ask_losses(tx, call->arena);
	st = call_run(call, tx);
	if (st != ST_OK)
		return st;
	out->from = reply_time(call->arena, from);
	out->to = reply_time(call->arena, to);
	out->relative_error =
		(Pulsepoint__Decimal *)message_new(call->arena, &pulsepoint__decimal__descriptor);
	if (out->relative_error) {
		out->relative_error->units = HISTOGRAM_ERROR_UNITS;
		out->relative_error->scale = HISTOGRAM_ERROR_SCALE;
	}
	put_rows(call, tx, sums, out);
	put_losses(call, tx, losses, out);
	return arena_failed(call->arena) ? error_set(call->err, ST_TOO_LARGE, NULL,
						     "the answer is too large; ask for less")
					 : ST_OK;
}
