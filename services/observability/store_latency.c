/*
 * The histograms that a process holds, and their rows. Each is a short sorted list of buckets and
 * counts: a method's latencies fill few dozens of the 1,728. Read next: latency.h.
 */
#include "latency.h"

#include "histogram.h"

#include "core/buf.h"
#include "core/id.h"
#include "core/timeutil.h"

#include <stdlib.h>
#include <string.h>

#define HEADS        4096
#define HELD_MAX     ((size_t)8 * 1024 * 1024)
#define HELD_FULL    ((size_t)4 * 1024 * 1024) /* a batch that begins below fits */
#define FIRST_COUNTS 16
#define METHODS_MAX  "2000"

#define WINDOW                                                                   \
	" FROM latency WHERE tenant_id = $1::uuid AND minute >= $2::timestamptz" \
	" AND minute < $3::timestamptz AND ($4::text = '' OR service = $4)"

const struct db_stmt latency_statements[] = {
	{ "latency_sum",
	  "WITH w AS MATERIALIZED (SELECT service, method, requests, errors, max_us, buckets,"
	  " counts" WINDOW "),"
	  " b AS (SELECT service, method, u.bucket, sum(u.n) AS n"
	  " FROM w, unnest(w.buckets, w.counts) AS u(bucket, n) GROUP BY 1, 2, 3),"
	  " h AS (SELECT service, method, string_agg(bucket || ' ' || n, ' ' ORDER BY bucket) AS"
	  " buckets FROM b GROUP BY 1, 2)"
	  " SELECT t.service, t.method, t.requests, t.errors, t.max_us, h.buckets FROM ("
	  " SELECT service, method, sum(requests) AS requests, sum(errors) AS errors,"
	  " max(max_us) AS max_us FROM w GROUP BY 1, 2) AS t JOIN h USING (service, method)"
	  " ORDER BY t.service, t.method LIMIT " METHODS_MAX },
	{ NULL, NULL },
};

const struct db_stmt latency_worker_statements[] = {
	{ "latency_put",
	  "INSERT INTO latency (tenant_id, minute, service, method, writer, requests, errors,"
	  " max_us, buckets, counts)"
	  " SELECT t.tenant_id, 'epoch'::timestamptz + t.minute * interval '1 microsecond',"
	  " t.service, t.method, $1, t.requests, t.errors, t.max_us, t.buckets::smallint[],"
	  " t.counts::bigint[]"
	  " FROM unnest($2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::bigint[],"
	  " $7::bigint[], $8::bigint[], $9::text[], $10::text[]) AS t(tenant_id, minute, service,"
	  " method, requests, errors, max_us, buckets, counts)"
	  " ON CONFLICT (tenant_id, minute, service, method, writer) DO UPDATE"
	  " SET requests = excluded.requests, errors = excluded.errors,"
	  " max_us = excluded.max_us, buckets = excluded.buckets, counts = excluded.counts" },
	{ "latency_keep", "DELETE FROM latency WHERE ctid = ANY (ARRAY(SELECT ctid FROM latency"
			  " WHERE minute < now() - $1 * interval '1 day' LIMIT $2))" },
	{ NULL, NULL },
};

struct entry {
	struct entry *next;         /* of the same head */
	struct entry *next_changed; /* of the batch */
	bool changed;
	char tenant_id[UUID_TEXT];
	int64_t minute;
	const char *service, *method;
	int64_t requests, errors, max_us;
	uint16_t *buckets; /* sorted */
	int64_t *counts;
	size_t n, cap;
};

struct latency {
	struct arena *held; /* of everything below */
	struct entry *heads[HEADS];
	struct entry *changed;
	size_t n_changed;
	int64_t minute, writer;
};

static void start_writer(struct latency *l)
{
	arena_reset(l->held);
	memset(l->heads, 0, sizeof(l->heads));
	l->changed = NULL;
	l->n_changed = 0;
	random_bytes(&l->writer, sizeof(l->writer));
}

struct latency *latency_new(void)
{
	struct latency *l = calloc(1, sizeof(*l)); /* allowed: lives as long as the process */

	if (!l)
		return NULL;
	l->held = arena_new(HELD_MAX);
	if (!l->held) {
		free(l);
		return NULL;
	}
	start_writer(l);
	return l;
}

void latency_free(struct latency *l)
{
	if (!l)
		return;
	arena_free(l->held);
	free(l);
}

void latency_begin(struct latency *l, int64_t now_us)
{
	if (now_us / US_PER_MINUTE != l->minute || arena_used(l->held) > HELD_FULL)
		start_writer(l);
	l->minute = now_us / US_PER_MINUTE;
	for (struct entry *e = l->changed; e; e = e->next_changed)
		e->changed = false;
	l->changed = NULL;
	l->n_changed = 0;
}

void latency_fail(struct latency *l)
{
	start_writer(l);
}

/* ---- counting ---- */

/* FNV-1a, of what tells entries apart. */
static uint64_t mix(uint64_t h, const void *data, size_t len)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * UINT64_C(0x100000001b3);
	return h;
}

static struct entry *find(struct latency *l, const struct event_row *row)
{
	int64_t minute = row->at_us / US_PER_MINUTE;
	uint64_t h = mix(UINT64_C(0xcbf29ce484222325), &minute, sizeof(minute));
	struct entry *e, **head;

	h = mix(h, row->tenant_id, strlen(row->tenant_id));
	h = mix(h, row->service, strlen(row->service));
	h = mix(h, row->action, strlen(row->action));
	head = &l->heads[h % HEADS];
	for (e = *head; e; e = e->next)
		if (e->minute == minute && strcmp(e->tenant_id, row->tenant_id) == 0 &&
		    strcmp(e->method, row->action) == 0 && strcmp(e->service, row->service) == 0)
			return e;
	e = arena_alloc(l->held, sizeof(*e));
	if (!e)
		return NULL;
	*e = (struct entry){ .next = *head, .minute = minute };
	memcpy(e->tenant_id, row->tenant_id, sizeof(e->tenant_id));
	e->service = arena_strdup(l->held, row->service);
	e->method = arena_strdup(l->held, row->action);
	*head = e;
	return e;
}

/* Room for one bucket more. */
static bool grow(struct latency *l, struct entry *e)
{
	size_t cap = e->cap ? 2 * e->cap : FIRST_COUNTS;
	uint16_t *buckets;
	int64_t *counts;

	if (e->n < e->cap)
		return true;
	buckets = arena_array(l->held, cap, sizeof(*buckets));
	counts = arena_array(l->held, cap, sizeof(*counts));
	if (!buckets || !counts)
		return false;
	if (e->n > 0) {
		memcpy(buckets, e->buckets, e->n * sizeof(*buckets));
		memcpy(counts, e->counts, e->n * sizeof(*counts));
	}
	e->buckets = buckets;
	e->counts = counts;
	e->cap = cap;
	return true;
}

static bool count(struct latency *l, struct entry *e, uint16_t bucket)
{
	size_t lo = 0, hi = e->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (e->buckets[mid] < bucket)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == e->n || e->buckets[lo] != bucket) {
		if (!grow(l, e))
			return false;
		memmove(e->buckets + lo + 1, e->buckets + lo, (e->n - lo) * sizeof(*e->buckets));
		memmove(e->counts + lo + 1, e->counts + lo, (e->n - lo) * sizeof(*e->counts));
		e->buckets[lo] = bucket;
		e->counts[lo] = 0;
		e->n++;
	}
	e->counts[lo]++;
	return true;
}

enum status latency_add(struct latency *l, const struct event_row *row)
{
	struct entry *e = find(l, row);

	if (!e || !count(l, e, (uint16_t)histogram_bucket((uint32_t)row->duration_us)) ||
	    arena_failed(l->held))
		return ST_TOO_LARGE;
	e->requests++;
	e->errors += row->http_status >= 500;
	if (row->duration_us > e->max_us)
		e->max_us = row->duration_us;
	if (!e->changed) {
		e->changed = true;
		e->next_changed = l->changed;
		l->changed = e;
		l->n_changed++;
	}
	return ST_OK;
}

/* ---- rows ---- */

/* The columns of the changed entries. */
struct columns {
	const char **tenants, **services, **methods, **buckets, **counts;
	int64_t *minutes, *requests, *errors, *max_us;
};

static const char *list_text(struct arena *a, const struct entry *e, bool counts)
{
	struct buf b;
	char *text;

	buf_init(&b, HISTOGRAM_BUCKETS * 24);
	buf_putc(&b, '{');
	for (size_t i = 0; i < e->n; i++)
		buf_printf(&b, "%s%lld", i ? "," : "",
			   (long long)(counts ? e->counts[i] : e->buckets[i]));
	buf_putc(&b, '}');
	text = buf_status(&b) == ST_OK ? arena_strndup(a, (const char *)b.data, b.len) : NULL;
	buf_done(&b);
	return text;
}

static bool fill(const struct latency *l, struct arena *a, struct columns *c)
{
	size_t n = l->n_changed, i = 0;

	c->tenants = arena_array(a, n, sizeof(*c->tenants));
	c->services = arena_array(a, n, sizeof(*c->services));
	c->methods = arena_array(a, n, sizeof(*c->methods));
	c->buckets = arena_array(a, n, sizeof(*c->buckets));
	c->counts = arena_array(a, n, sizeof(*c->counts));
	c->minutes = arena_array(a, n, sizeof(*c->minutes));
	c->requests = arena_array(a, n, sizeof(*c->requests));
	c->errors = arena_array(a, n, sizeof(*c->errors));
	c->max_us = arena_array(a, n, sizeof(*c->max_us));
	if (arena_failed(a))
		return false;
	for (const struct entry *e = l->changed; e; e = e->next_changed, i++) {
		c->tenants[i] = e->tenant_id;
		c->services[i] = e->service;
		c->methods[i] = e->method;
		c->buckets[i] = list_text(a, e, false);
		c->counts[i] = list_text(a, e, true);
		c->minutes[i] = e->minute * US_PER_MINUTE;
		c->requests[i] = e->requests;
		c->errors[i] = e->errors;
		c->max_us[i] = e->max_us;
		if (!c->buckets[i] || !c->counts[i])
			return false;
	}
	return true;
}

enum status latency_put(struct latency *l, struct db_tx *tx, struct arena *a, struct error *err)
{
	size_t n = l->n_changed;
	struct columns c;
	struct db_args args;

	if (n == 0)
		return ST_OK;
	if (!fill(l, a, &c))
		return error_set(err, ST_TOO_LARGE, NULL, "the batch does not fit in memory");
	db_args_init(&args, a);
	db_arg_i64(&args, l->writer);
	db_arg_text_array(&args, c.tenants, n);
	db_arg_i64_array(&args, c.minutes, n);
	db_arg_text_array(&args, c.services, n);
	db_arg_text_array(&args, c.methods, n);
	db_arg_i64_array(&args, c.requests, n);
	db_arg_i64_array(&args, c.errors, n);
	db_arg_i64_array(&args, c.max_us, n);
	db_arg_text_array(&args, c.buckets, n);
	db_arg_text_array(&args, c.counts, n);
	return db_do(tx, "latency_put", &args, err);
}

/* ---- reading ---- */

int latency_ask(struct db_tx *tx, struct arena *a, const char *service, int64_t from_us,
		int64_t to_us)
{
	struct db_args args;

	db_args_init(&args, a);
	db_arg_text(&args, db_scope_of(tx)->tenant_id);
	db_arg_time(&args, from_us);
	db_arg_time(&args, to_us);
	db_arg_text(&args, service);
	return db_add(tx, "latency_sum", &args);
}

void latency_read(const struct db_tx *tx, int result, int i, struct latency_sum *ret)
{
	*ret = (struct latency_sum){
		.service = db_str(tx, result, i, 0),
		.method = db_str(tx, result, i, 1),
		.requests = db_int(tx, result, i, 2),
		.errors = db_int(tx, result, i, 3),
		.max_us = db_int(tx, result, i, 4),
		.buckets = db_str(tx, result, i, 5),
	};
}
