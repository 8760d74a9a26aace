/* See store_alerts.h. */
#include "store_alerts.h"

#include <string.h>

#define FORGET_MAX 2000
#define ALERT_COLUMNS                                                                         \
	"a.alert_id, a.rule_id, a.rule, a.metric, a.severity, a.value, a.threshold, a.text, " \
	"a.fired_seq, a.fired_at, a.resolved_at, a.resolved_value, a.resolved_text"
#define ALERT_COLUMNS_N 13

const struct db_stmt alert_statements[] = {
	{ "alerts_fire",
	  "INSERT INTO alerts (tenant_id, alert_id, rule_id, rule, text, metric, severity, value,"
	  " threshold, fired_seq, fired_at) SELECT $1::uuid, x.* FROM unnest($2::uuid[],"
	  " $3::uuid[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[],"
	  " $9::bigint[], $10::bigint[], $11::timestamptz[]) AS x" },
	{ "alerts_resolve",
	  "UPDATE alerts a SET resolved_at = x.at, resolved_text = x.text,"
	  " resolved_value = CASE WHEN x.has_value THEN x.figure END"
	  " FROM unnest($2::uuid[], $3::timestamptz[], $4::boolean[], $5::bigint[], $6::text[])"
	  " AS x(alert_id, at, has_value, figure, text)"
	  " WHERE a.tenant_id = $1::uuid AND a.alert_id = x.alert_id AND a.resolved_at IS NULL"
	  " RETURNING " ALERT_COLUMNS },
	{ "changes_add", "INSERT INTO alert_changes (tenant_id, seq, notice_id, alert_id, change)"
			 " SELECT $1::uuid, x.* FROM unnest($2::bigint[], $3::uuid[], $4::uuid[],"
			 " $5::bigint[]) AS x" },
	{ "alerts", "SELECT " ALERT_COLUMNS " FROM alerts a WHERE a.tenant_id = $1::uuid"
		    " AND ($2 = 0 OR a.fired_seq < $2)"
		    " AND ($3 = 0 OR ($3 = 1) = (a.resolved_at IS NULL))"
		    " ORDER BY a.fired_seq DESC LIMIT $4" },
	{ "alerts_standing",
	  "SELECT " ALERT_COLUMNS ", t.change_seq FROM alert_tenants t LEFT JOIN alerts a"
	  " ON a.tenant_id = t.tenant_id AND a.resolved_at IS NULL WHERE t.tenant_id = $1::uuid"
	  " ORDER BY a.fired_seq" },
	{ "changes", "SELECT " ALERT_COLUMNS ", c.seq, c.change, c.notice_id FROM alert_changes c"
		     " JOIN alerts a ON a.alert_id = c.alert_id"
		     " WHERE c.tenant_id = $1::uuid AND c.seq > $2 ORDER BY c.seq LIMIT $3" },
	{ "latest_change", "SELECT change_seq FROM alert_tenants WHERE tenant_id = $1::uuid" },
	{ NULL, NULL },
};

const struct db_stmt alert_worker_statements[] = {
	{ "latest_changes",
	  "SELECT coalesce(t.change_seq, 0) FROM unnest($1::uuid[]) WITH ORDINALITY AS x(id, o)"
	  " LEFT JOIN alert_tenants t ON t.tenant_id = x.id ORDER BY x.o" },
	{ "alerts_forget",
	  "DELETE FROM alerts WHERE alert_id = ANY (ARRAY(SELECT alert_id FROM alerts"
	  " WHERE resolved_at < now() - $1 * interval '1 day' LIMIT $2))" },
	{ "deliveries_forget",
	  "DELETE FROM alert_deliveries WHERE (notice_id, channel_id) IN (SELECT notice_id,"
	  " channel_id FROM alert_deliveries WHERE state <> 1"
	  " AND changed_at < now() - $1 * interval '1 day' LIMIT $2)" },
	{ NULL, NULL },
};

int64_t alert_change_at(const struct alert_change *c)
{
	return c->change == CHANGE_FIRED ? c->alert.fired_us : c->alert.resolved_us;
}

static struct alert read_alert(struct arena *a, const struct db_tx *tx, int r, int row)
{
	return (struct alert){
		.alert_id = arena_strdup(a, db_str(tx, r, row, 0)),
		.rule_id = arena_strdup(a, db_str(tx, r, row, 1)),
		.rule = arena_strdup(a, db_str(tx, r, row, 2)),
		.metric = (enum metric)db_int(tx, r, row, 3),
		.severity = (enum severity)db_int(tx, r, row, 4),
		.value = db_int(tx, r, row, 5),
		.threshold = db_int(tx, r, row, 6),
		.text = arena_strdup(a, db_str(tx, r, row, 7)),
		.fired_seq = db_int(tx, r, row, 8),
		.fired_us = db_time(tx, r, row, 9),
		.resolved_us = db_time(tx, r, row, 10),
		.has_resolved_value = !db_null(tx, r, row, 11),
		.resolved_value = db_int(tx, r, row, 11),
		.resolved_text = arena_strdup(a, db_str(tx, r, row, 12)),
	};
}

/* ---- changes ---- */

struct columns {
	const char **text[4];
	int64_t *number[6];
	bool *flag;
};

static bool columns_init(struct arena *a, size_t n, struct columns *c)
{
	c->flag = arena_array(a, n + 1, sizeof(*c->flag));
	for (size_t i = 0; i < 4; i++)
		c->text[i] = arena_array(a, n + 1, sizeof(*c->text[i]));
	for (size_t i = 0; i < 6; i++)
		c->number[i] = arena_array(a, n + 1, sizeof(*c->number[i]));
	return !arena_failed(a);
}

static enum status fire(const struct tenant_tx *t, const struct alert_change *changes, size_t n)
{
	struct columns c;
	struct db_args args;
	size_t k = 0;

	if (!columns_init(t->arena, n, &c))
		return tenant_no_memory(t);
	for (size_t i = 0; i < n; i++) {
		const struct alert *a = &changes[i].alert;

		if (changes[i].change != CHANGE_FIRED)
			continue;
		c.text[0][k] = a->alert_id;
		c.text[1][k] = a->rule_id;
		c.text[2][k] = a->rule;
		c.text[3][k] = a->text;
		c.number[0][k] = a->metric;
		c.number[1][k] = a->severity;
		c.number[2][k] = a->value;
		c.number[3][k] = a->threshold;
		c.number[4][k] = a->fired_seq;
		c.number[5][k++] = a->fired_us;
	}
	if (k == 0)
		return ST_OK;
	tenant_args(&args, t);
	for (size_t i = 0; i < 4; i++)
		db_arg_text_array(&args, c.text[i], k);
	for (size_t i = 0; i < 5; i++)
		db_arg_i64_array(&args, c.number[i], k);
	db_arg_time_array(&args, c.number[5], k);
	return db_exec(t->tx, "alerts_fire", &args, NULL, t->err);
}

/* The rows that were resolved back into their changes. */
static enum status read_resolved(const struct tenant_tx *t, int r, struct alert_change *changes,
				 size_t n, size_t resolved)
{
	if ((size_t)db_rows(t->tx, r) != resolved)
		return error_set(t->err, ST_INTERNAL, NULL, "an alert that stands is missing");
	for (int row = 0; row < db_rows(t->tx, r); row++) {
		const struct alert a = read_alert(t->arena, t->tx, r, row);

		for (size_t i = 0; i < n; i++)
			if (changes[i].change == CHANGE_RESOLVED &&
			    strcmp(changes[i].alert.alert_id, a.alert_id) == 0)
				changes[i].alert = a;
	}
	return ST_OK;
}

static enum status resolve(const struct tenant_tx *t, struct alert_change *changes, size_t n)
{
	struct columns c;
	struct db_args args;
	enum status st;
	size_t k = 0;
	int r;

	if (!columns_init(t->arena, n, &c))
		return tenant_no_memory(t);
	for (size_t i = 0; i < n; i++) {
		const struct alert *a = &changes[i].alert;

		if (changes[i].change != CHANGE_RESOLVED)
			continue;
		c.text[0][k] = a->alert_id;
		c.text[1][k] = a->resolved_text;
		c.number[0][k] = a->resolved_us;
		c.number[1][k] = a->resolved_value;
		c.flag[k++] = a->has_resolved_value;
	}
	if (k == 0)
		return ST_OK;
	tenant_args(&args, t);
	db_arg_text_array(&args, c.text[0], k);
	db_arg_time_array(&args, c.number[0], k);
	db_arg_bool_array(&args, c.flag, k);
	db_arg_i64_array(&args, c.number[1], k);
	db_arg_text_array(&args, c.text[1], k);
	st = db_exec(t->tx, "alerts_resolve", &args, &r, t->err);
	return st == ST_OK ? read_resolved(t, r, changes, n, k) : st;
}

static enum status add_changes(const struct tenant_tx *t, const struct alert_change *changes,
			       size_t n)
{
	struct columns c;
	struct db_args args;

	if (!columns_init(t->arena, n, &c))
		return tenant_no_memory(t);
	for (size_t i = 0; i < n; i++) {
		c.number[0][i] = changes[i].seq;
		c.text[0][i] = changes[i].notice_id;
		c.text[1][i] = changes[i].alert.alert_id;
		c.number[1][i] = changes[i].change;
	}
	tenant_args(&args, t);
	db_arg_i64_array(&args, c.number[0], n);
	db_arg_text_array(&args, c.text[0], n);
	db_arg_text_array(&args, c.text[1], n);
	db_arg_i64_array(&args, c.number[1], n);
	return db_exec(t->tx, "changes_add", &args, NULL, t->err);
}

enum status store_alerts_change(const struct tenant_tx *t, struct alert_change *changes, size_t n)
{
	enum status st = fire(t, changes, n);

	if (st == ST_OK)
		st = resolve(t, changes, n);
	return st == ST_OK ? add_changes(t, changes, n) : st;
}

/* ---- lists ---- */

/* One statement in the caller's scope; the tenant is its first argument. */
static enum status ask(struct call *call, struct db_tx *tx, const char *stmt,
		       const int64_t *numbers, int n)
{
	struct db_args args;

	if (!tx)
		return store_no_memory(call->err);
	db_args_init(&args, call->arena);
	db_arg_text(&args, call_scope(call).tenant_id);
	for (int i = 0; i < n; i++)
		db_arg_i64(&args, numbers[i]);
	db_add(tx, stmt, &args);
	return call_run(call, tx);
}

enum status store_alerts(struct call *call, enum change state, int64_t before, int64_t limit,
			 struct alert **ret, size_t *n)
{
	const int64_t numbers[] = { before, state, limit };
	AUTO_TX *tx = call_tx(call);
	enum status st = ask(call, tx, "alerts", numbers, 3);

	if (st != ST_OK)
		return st;
	*n = (size_t)db_rows(tx, 0);
	*ret = arena_array(call->arena, *n + 1, sizeof(**ret));
	for (size_t i = 0; *ret && i < *n; i++)
		(*ret)[i] = read_alert(call->arena, tx, 0, (int)i);
	return *ret ? ST_OK : store_no_memory(call->err);
}

enum status store_alerts_standing(struct call *call, struct alert **ret, size_t *n, int64_t *seq)
{
	AUTO_TX *tx = call_tx(call);
	enum status st = ask(call, tx, "alerts_standing", NULL, 0);

	if (st != ST_OK)
		return st;
	*n = 0;
	*seq = db_int(tx, 0, 0, ALERT_COLUMNS_N);
	*ret = arena_array(call->arena, (size_t)db_rows(tx, 0) + 1, sizeof(**ret));
	for (int i = 0; *ret && i < db_rows(tx, 0); i++)
		if (!db_null(tx, 0, i, 0))
			(*ret)[(*n)++] = read_alert(call->arena, tx, 0, i);
	return *ret ? ST_OK : store_no_memory(call->err);
}

enum status store_changes(struct call *call, int64_t after, int64_t limit,
			  struct alert_change **ret, size_t *n)
{
	const int64_t numbers[] = { after, limit };
	AUTO_TX *tx = call_tx(call);
	enum status st = ask(call, tx, "changes", numbers, 2);

	if (st != ST_OK)
		return st;
	*n = (size_t)db_rows(tx, 0);
	*ret = arena_array(call->arena, *n + 1, sizeof(**ret));
	for (int i = 0; *ret && i < (int)*n; i++)
		(*ret)[i] = (struct alert_change){
			.alert = read_alert(call->arena, tx, 0, i),
			.seq = db_int(tx, 0, i, ALERT_COLUMNS_N),
			.change = (enum change)db_int(tx, 0, i, ALERT_COLUMNS_N + 1),
			.notice_id =
				arena_strdup(call->arena, db_str(tx, 0, i, ALERT_COLUMNS_N + 2)),
		};
	return *ret ? ST_OK : store_no_memory(call->err);
}

enum status store_latest_change(struct call *call, int64_t *ret)
{
	AUTO_TX *tx = call_tx(call);
	enum status st = ask(call, tx, "latest_change", NULL, 0);

	if (st == ST_OK)
		*ret = db_int(tx, 0, 0, 0);
	return st;
}

/* ---- as the worker ---- */

enum status store_latest_changes(struct db *worker, struct arena *a, const char *const *tenants,
				 size_t n, int64_t *ret, struct error *err)
{
	AUTO_TX *tx = NULL;
	struct db_args args;
	enum status st;

	db_args_init(&args, a);
	db_arg_text_array(&args, tenants, n);
	st = store_ask_worker(worker, "latest_changes", &args, &tx, err);
	for (size_t i = 0; st == ST_OK && i < n; i++)
		ret[i] = db_int(tx, 0, (int)i, 0);
	return st;
}

enum status store_alerts_forget(struct db *worker, struct arena *a, bool *more, struct error *err)
{
	const struct db_scope nobody = { 0 };
	AUTO_TX *tx = db_tx_new(worker, &nobody);
	struct db_args args;
	enum status st;

	if (!tx)
		return store_no_memory(err);
	db_args_init(&args, a);
	db_arg_i64(&args, ALERTS_KEEP_DAYS);
	db_arg_i64(&args, FORGET_MAX);
	db_add(tx, "alerts_forget", &args);
	db_args_init(&args, a);
	db_arg_i64(&args, DELIVERIES_KEEP_DAYS);
	db_arg_i64(&args, FORGET_MAX);
	db_add(tx, "deliveries_forget", &args);
	st = store_run(tx, err);
	if (st == ST_OK)
		*more = db_affected(tx, 0) >= FORGET_MAX || db_affected(tx, 1) >= FORGET_MAX;
	return st;
}
