/*
 * Summing samples into slots, before the database sees them: a page of a thousand requests becomes
 * some dozens of rows. Read next: samples.h, store_samples.h.
 */
#include "samples.h"

#include "core/contract.h"
#include "core/id.h"
#include "core/timeutil.h"
#include "histogram.h"
#include "samples_window.h"
#include "store_samples.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NIL_UUID     "00000000-0000-0000-0000-000000000000"
#define WATCHES_MAX  16
#define ROUTE_MAX    160
#define EDGE_SERVICE "api-edge"

const struct slot_tier slot_tiers[SLOT_TIERS] = {
	{ 10, 3600, 7200 },
	{ 300, 86400, 2 * 86400 },
	{ 3600, INT64_C(2592000), INT64_C(31) * 86400 },
};

static int64_t floor_to(int64_t s, int64_t slot_s)
{
	return s - (s % slot_s + slot_s) % slot_s;
}

static int tier_of(int64_t window_s)
{
	int tier = 0;

	while (tier < SLOT_TIERS - 1 && window_s > slot_tiers[tier].window_s)
		tier++;
	return tier;
}

struct window window_at(int64_t window_s, int64_t now_us)
{
	int tier = tier_of(window_s);

	return (struct window){ tier, floor_to(now_us / US_PER_SECOND - window_s,
					       slot_tiers[tier].slot_s) };
}

int64_t window_edge_us(int64_t window_s, int64_t slot)
{
	return (slot + slot_tiers[tier_of(window_s)].slot_s + window_s) * US_PER_SECOND;
}

/* ---- which requests count ---- */

static char watches[WATCHES_MAX][ROUTE_MAX]; /* routes of streams without an end of their own */
static size_t n_watches;
static pthread_once_t watches_once = PTHREAD_ONCE_INIT;

static void note_watch(const struct contract_method *m)
{
	if (!m->stream || m->answer_field || !m->http_method || n_watches == WATCHES_MAX)
		return;
	snprintf(watches[n_watches++], ROUTE_MAX, "%s %s", m->http_method, m->http_path);
}

static void find_watches(void)
{
	for (size_t i = 0; i < contract_services_n; i++)
		for (size_t k = 0; k < contract_services[i]->n_methods; k++)
			note_watch(&contract_services[i]->methods[k]);
}

bool samples_counts_request(const char *service, const char *method)
{
	if (strcmp(service, EDGE_SERVICE) != 0)
		return false;
	pthread_once(&watches_once, find_watches);
	for (size_t i = 0; i < n_watches; i++)
		if (strcmp(watches[i], method) == 0)
			return false;
	return true;
}

/* ---- sums ---- */

struct sums {
	struct slot_sum *rows;
	size_t n;
};

static void add_slot(struct sums *to, const struct sample *s, enum slot_kind kind, int64_t at_s,
		     int bucket, int64_t amount)
{
	to->rows[to->n++] = (struct slot_sum){ .tenant_id = s->tenant_id,
					       .kind = kind,
					       .tier = 0,
					       .slot = floor_to(at_s, slot_tiers[0].slot_s),
					       .bucket = bucket,
					       .n = 1,
					       .amount = amount };
}

static int by_key(const void *a, const void *b)
{
	const struct slot_sum *x = a, *y = b;
	int order = strcmp(x->tenant_id, y->tenant_id);

	if (order == 0)
		order = (x->kind > y->kind) - (x->kind < y->kind);
	if (order == 0)
		order = (x->tier > y->tier) - (x->tier < y->tier);
	if (order == 0)
		order = (x->slot > y->slot) - (x->slot < y->slot);
	return order != 0 ? order : (x->bucket > y->bucket) - (x->bucket < y->bucket);
}

static int64_t add_capped(int64_t a, int64_t b)
{
	int64_t ret;

	return __builtin_add_overflow(a, b, &ret) ? INT64_MAX : ret;
}

/* Sorts, and makes one row of those with the same key. */
static void unite(struct sums *s)
{
	size_t kept = 0;

	if (s->n > 1)
		qsort(s->rows, s->n, sizeof(*s->rows), by_key);
	for (size_t i = 0; i < s->n; i++) {
		struct slot_sum *last = kept ? &s->rows[kept - 1] : NULL;

		if (!last || by_key(last, &s->rows[i]) != 0) {
			s->rows[kept++] = s->rows[i];
			continue;
		}
		last->n = add_capped(last->n, s->rows[i].n);
		last->amount = add_capped(last->amount, s->rows[i].amount);
	}
	s->n = kept;
}

/* The rows of the fine slots, and each again in the coarser ones; what is past its keeping is left
 * out. Rows are in the order of their keys. */
static enum status all_tiers(struct arena *a, const struct sums *fine, int64_t now_s,
			     struct sums *ret)
{
	*ret = (struct sums){ arena_array(a, fine->n * SLOT_TIERS + 1, sizeof(*ret->rows)), 0 };
	if (!ret->rows)
		return ST_TOO_LARGE;
	for (size_t i = 0; i < fine->n; i++)
		for (int tier = 0; tier < SLOT_TIERS; tier++) {
			struct slot_sum row = fine->rows[i];

			if (row.slot < now_s - slot_tiers[tier].keep_s)
				continue;
			row.tier = tier;
			row.slot = floor_to(row.slot, slot_tiers[tier].slot_s);
			ret->rows[ret->n++] = row;
		}
	unite(ret);
	return ST_OK;
}

/* ---- samples of a batch ---- */

struct batch {
	struct sums fine;
	struct answer_row *answers;
	struct verdict_row *verdicts;
	size_t n_answers, n_verdicts;
};

static bool batch_init(struct batch *b, struct arena *a, size_t n)
{
	*b = (struct batch){ .fine = { arena_array(a, n * 2 + 1, sizeof(*b->fine.rows)), 0 } };
	b->answers = arena_array(a, n + 1, sizeof(*b->answers));
	b->verdicts = arena_array(a, n + 1, sizeof(*b->verdicts));
	return b->fine.rows && b->answers && b->verdicts;
}

static void add_sample(struct batch *b, const struct sample *s, int64_t now_us)
{
	int64_t at_us = s->at_us < now_us ? s->at_us : now_us, at_s = at_us / US_PER_SECOND;
	int64_t amount = s->amount > 0 ? s->amount : 0;

	switch (s->kind) {
	case SAMPLE_REQUEST:
		add_slot(&b->fine, s, SLOT_REQUESTS, at_s, 0, s->good ? 0 : 1);
		add_slot(&b->fine, s, SLOT_LATENCY, at_s,
			 (int)histogram_bucket(amount < UINT32_MAX ? (uint32_t)amount : UINT32_MAX),
			 0);
		break;
	case SAMPLE_COST:
		add_slot(&b->fine, s, SLOT_COST, at_s, 0, amount);
		break;
	case SAMPLE_ANSWER:
		b->answers[b->n_answers++] =
			(struct answer_row){ s->tenant_id, s->subject, at_us, s->good };
		break;
	case SAMPLE_VERDICT:
		b->verdicts[b->n_verdicts++] =
			(struct verdict_row){ s->tenant_id, s->subject, s->judge, s->good,
					      s->version };
		break;
	}
}

static enum status check_sample(const struct sample *s, struct error *err)
{
	bool judged = s->kind == SAMPLE_ANSWER || s->kind == SAMPLE_VERDICT;

	if (!uuid_valid(s->tenant_id))
		return error_set(err, ST_INVALID, "tenant_id", "is not a UUID");
	if (judged && (!s->subject || !uuid_valid(s->subject)))
		return error_set(err, ST_INVALID, "question_id", "is not a UUID");
	return ST_OK;
}

static bool nobodys(const struct sample *s)
{
	return !s->tenant_id || *s->tenant_id == '\0' || strcmp(s->tenant_id, NIL_UUID) == 0;
}

enum status samples_put(struct db_tx *tx, struct arena *a, const struct sample *s, size_t n,
			struct error *err)
{
	int64_t now_us = time_now_us();
	struct batch b;
	struct sums all;
	enum status st = ST_OK;

	if (n > SAMPLES_MAX)
		return error_set(err, ST_TOO_LARGE, NULL, "more than %d samples", SAMPLES_MAX);
	if (!batch_init(&b, a, n))
		return error_set(err, ST_TOO_LARGE, NULL, "the samples do not fit in memory");
	for (size_t i = 0; st == ST_OK && i < n; i++) {
		if (nobodys(&s[i]))
			continue;
		st = check_sample(&s[i], err);
		if (st == ST_OK)
			add_sample(&b, &s[i], now_us);
	}
	if (st != ST_OK)
		return st;
	unite(&b.fine);
	if (all_tiers(a, &b.fine, now_us / US_PER_SECOND, &all) != ST_OK)
		return error_set(err, ST_TOO_LARGE, NULL, "the samples do not fit in memory");
	st = store_slots_add(tx, a, all.rows, all.n, err);
	if (st == ST_OK)
		st = store_answers_add(tx, a, b.answers, b.n_answers, err);
	if (st == ST_OK)
		st = store_verdicts_add(tx, a, b.verdicts, b.n_verdicts, err);
	return st;
}
