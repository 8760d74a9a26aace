/*
 * A transaction as its caller sees it: filling it with statements, its memory, what it calls after
 * commit. Read next: run.c (queued), open.c (open).
 */
#include "core/magic.h"
#include "core/timeutil.h"
#include "db_priv.h"

#include <stdlib.h>
#include <string.h>

static _Thread_local int64_t waited_us;

int64_t db_waited_us(void)
{
	return waited_us;
}

void db__waited(int64_t since)
{
	waited_us += time_mono_us() - since;
}

int64_t db__deadline(int64_t deadline)
{
	return deadline ? deadline : time_mono_us() + DB_DEADLINE_US;
}

/* Counts in monotonic time, as deadlines do. */
static struct db_bell *bell_new(void)
{
	struct db_bell *b = malloc(sizeof(*b)); /* allowed: as long as its transaction */
	pthread_condattr_t attr;
	bool ok = b && pthread_condattr_init(&attr) == 0;

	if (ok) {
		pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
		ok = pthread_cond_init(&b->cond, &attr) == 0;
		pthread_condattr_destroy(&attr);
	}
	if (!ok) {
		free(b);
		return NULL;
	}
	atomic_init(&b->holders, 1);
	return b;
}

struct db_bell *db__bell_hold(struct db_bell *bell)
{
	if (bell)
		atomic_fetch_add(&bell->holders, 1);
	return bell;
}

void db__bell_release(struct db_bell *bell)
{
	if (!bell || atomic_fetch_sub(&bell->holders, 1) > 1)
		return;
	pthread_cond_destroy(&bell->cond);
	free(bell);
}

/* Missing parts of the scope are "", for which the policies show no tenant and every brand. */
struct db_tx *db__tx_alloc(struct db *db, const struct db_scope *scope, bool open)
{
	const char *tenant = scope && scope->tenant_id ? scope->tenant_id : "";
	const char *brands = scope && scope->brand_ids ? scope->brand_ids : "";
	size_t tenant_size = strlen(tenant) + 1, brands_size = strlen(brands) + 1;
	struct db_tx *tx = calloc(1, sizeof(*tx) + tenant_size + brands_size);
	char *copy;

	if (!tx)
		return NULL;
	copy = (char *)(tx + 1);
	memcpy(copy, tenant, tenant_size);
	memcpy(copy + tenant_size, brands, brands_size);
	tx->scope = (struct db_scope){ .tenant_id = copy, .brand_ids = copy + tenant_size };
	tx->magic = DB_TX_MAGIC;
	tx->db = db;
	tx->open = open;
	tx->vals = tx->inline_vals;
	tx->lens = tx->inline_lens;
	tx->formats = tx->inline_formats;
	tx->cap_args = DB_INLINE_ARGS;
	tx->results = tx->inline_results;
	tx->cap_results = (int)(sizeof(tx->inline_results) / sizeof(tx->inline_results[0]));
	tx->bell = bell_new();
	if (!tx->bell) {
		free(tx);
		return NULL;
	}
	return tx;
}

struct db_tx *db_tx_new(struct db *db, const struct db_scope *scope)
{
	return db__tx_alloc(db, scope, false);
}

void db__tx_drop_results(struct db_tx *tx)
{
	for (int i = 0; i < tx->n_results; i++)
		PQclear(tx->results[i]);
	tx->n_results = 0;
	tx->result_bytes = 0;
}

void db_drop_results(struct db_tx *tx)
{
	CHECK_MAGIC(tx, DB_TX_MAGIC);
	db__tx_drop_results(tx);
}

void db__tx_clear_outcome(struct db_tx *tx)
{
	db__tx_drop_results(tx);
	PQclear(tx->failure);
	tx->failure = NULL;
	tx->reason[0] = '\0';
	tx->constraint[0] = '\0';
	tx->state = DB_TX_NEW;
}

/* What db_tx_free of either kind ends with. */
static void tx_destroy(struct db_tx *tx)
{
	db__tx_clear_outcome(tx);
	if (tx->results != tx->inline_results)
		free(tx->results);
	if (tx->vals != tx->inline_vals) {
		free(tx->vals);
		free(tx->lens);
		free(tx->formats);
	}
	db__bell_release(tx->bell);
	arena_free(tx->arena);
	tx->magic = 0;
	free(tx);
}

void db_tx_free(struct db_tx *tx)
{
	if (!tx)
		return;
	CHECK_MAGIC(tx, DB_TX_MAGIC);
	if (tx->conn)
		db__tx_abandon(tx);
	tx_destroy(tx);
}

/* Doubles the three vectors of arguments together. */
static bool grow_args(struct db_tx *tx, int need)
{
	int cap = tx->cap_args;
	const char **vals;
	int *lens, *formats;

	if (need <= cap)
		return true;
	while (cap < need)
		cap *= 2;
	vals = calloc((size_t)cap, sizeof(*vals));
	lens = calloc((size_t)cap, sizeof(*lens));
	formats = calloc((size_t)cap, sizeof(*formats));
	if (!vals || !lens || !formats) {
		free(vals);
		free(lens);
		free(formats);
		return false;
	}
	memcpy(vals, tx->vals, (size_t)tx->n_args * sizeof(*vals));
	memcpy(lens, tx->lens, (size_t)tx->n_args * sizeof(*lens));
	memcpy(formats, tx->formats, (size_t)tx->n_args * sizeof(*formats));
	if (tx->vals != tx->inline_vals) {
		free(tx->vals);
		free(tx->lens);
		free(tx->formats);
	}
	tx->vals = vals;
	tx->lens = lens;
	tx->formats = formats;
	tx->cap_args = cap;
	return true;
}

enum status db__tx_append(struct db_tx *tx, const char *stmt, const struct db_args *args,
			  struct db_call *ret, const char **why)
{
	int n = args ? args->n : 0;
	int id = db_stmt_id(tx->db, stmt);

	if (n > DB_ARGS_MAX) {
		*why = "a statement has too many arguments";
		return ST_INTERNAL;
	}
	if (args && args->arena && arena_failed(args->arena)) {
		*why = "the arguments do not fit the memory of this call";
		return ST_TOO_LARGE;
	}
	if (!grow_args(tx, tx->n_args + n)) {
		*why = "out of memory";
		return ST_UNAVAILABLE;
	}
	*ret = (struct db_call){ .stmt = id, .first = tx->n_args, .n = n };
	for (int i = 0; i < n; i++) {
		bool binary = args->len[i] >= 0;

		tx->vals[tx->n_args] = args->v[i];
		tx->lens[tx->n_args] = binary ? args->len[i] : 0;
		tx->formats[tx->n_args++] = binary;
	}
	return ST_OK;
}

int db_add(struct db_tx *tx, const char *stmt, const struct db_args *args)
{
	CHECK_MAGIC(tx, DB_TX_MAGIC);
	if (tx->broken != ST_OK)
		return -1;
	if (tx->open || tx->state != DB_TX_NEW) {
		tx->broken = ST_INTERNAL;
		tx->broken_why = "a statement was queued in a transaction that is open or has run";
		return -1;
	}
	if (tx->n_calls == DB_STATEMENTS_MAX) {
		tx->broken = ST_INTERNAL;
		tx->broken_why = "a transaction has too many statements";
		return -1;
	}
	tx->broken = db__tx_append(tx, stmt, args, &tx->calls[tx->n_calls], &tx->broken_why);
	if (tx->broken != ST_OK)
		return -1;
	return tx->n_calls++;
}

enum status db_do(struct db_tx *tx, const char *stmt, const struct db_args *args, struct error *err)
{
	if (db_is_open(tx))
		return db_exec(tx, stmt, args, NULL, err);
	db_add(tx, stmt, args);
	if (tx->broken != ST_OK)
		return error_set(err, tx->broken, NULL, "%s", tx->broken_why);
	return ST_OK;
}

bool db__tx_reserve(struct db_tx *tx, int n)
{
	int cap = tx->cap_results;
	PGresult **more;

	if (n <= cap)
		return true;
	while (cap < n)
		cap *= 2;
	more = calloc((size_t)cap, sizeof(*more));
	if (!more)
		return false;
	memcpy(more, tx->results, (size_t)tx->n_results * sizeof(*more));
	if (tx->results != tx->inline_results)
		free(tx->results);
	tx->results = more;
	tx->cap_results = cap;
	return true;
}

bool db__tx_keep_result(struct db_tx *tx, PGresult *r)
{
	size_t bytes = PQresultMemorySize(r);

	if (bytes > DB_RESULT_BYTES_MAX - tx->result_bytes ||
	    !db__tx_reserve(tx, tx->n_results + 1)) {
		PQclear(r);
		return false;
	}
	tx->result_bytes += bytes;
	tx->results[tx->n_results++] = r;
	return true;
}

void db_after_commit(struct db_tx *tx, void (*fn)(void *), void *arg)
{
	CHECK_MAGIC(tx, DB_TX_MAGIC);
	for (int i = 0; i < tx->n_after; i++)
		if (tx->after[i].fn == fn && tx->after[i].arg == arg)
			return; /* waking once is enough */
	if (tx->n_after == DB_AFTER_COMMIT_MAX) {
		tx->broken = ST_INTERNAL;
		tx->broken_why = "a transaction has too many callbacks";
		return;
	}
	tx->after[tx->n_after].fn = fn;
	tx->after[tx->n_after++].arg = arg;
}

void db__tx_after_commit(struct db_tx *tx)
{
	for (int i = 0; i < tx->n_after; i++)
		tx->after[i].fn(tx->after[i].arg);
	tx->n_after = 0;
}

bool db_is_open(const struct db_tx *tx)
{
	CHECK_MAGIC(tx, DB_TX_MAGIC);
	return tx->open;
}

const struct db_scope *db_scope_of(const struct db_tx *tx)
{
	CHECK_MAGIC(tx, DB_TX_MAGIC);
	return &tx->scope;
}

struct arena *db_tx_arena(struct db_tx *tx)
{
	CHECK_MAGIC(tx, DB_TX_MAGIC);
	if (!tx->arena)
		tx->arena = arena_new(DB_TX_ARENA_MAX);
	return tx->arena;
}
