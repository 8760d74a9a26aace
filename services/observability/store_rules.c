/* See store_rules.h. */
#include "store_rules.h"

#define RULE_COLUMNS                                                                \
	"rule_id, name, metric, comparison, threshold, recovery, window_s, for_s, " \
	"min_samples, severity, enabled, condition, pending_since, value, "         \
	"evaluated_at, due_at, alert_id, version, created_at, updated_at"

const struct db_stmt rule_statements[] = {
	{ "tenant_make", "INSERT INTO alert_tenants (tenant_id) VALUES ($1::uuid)"
			 " ON CONFLICT DO NOTHING" },
	{ "tenant_lock",
	  "SELECT change_seq FROM alert_tenants WHERE tenant_id = $1::uuid FOR UPDATE" },
	{ "tenant_try_lock", "SELECT change_seq FROM alert_tenants WHERE tenant_id = $1::uuid"
			     " FOR UPDATE SKIP LOCKED" },
	{ "tenant_seq",
	  "UPDATE alert_tenants SET change_seq = $2::bigint WHERE tenant_id = $1::uuid" },
	{ "tenant_defaults", "UPDATE alert_tenants SET defaults_at = clock_timestamp()"
			     " WHERE tenant_id = $1::uuid AND defaults_at IS NULL" },
	{ "rules_due",
	  "WITH news AS (DELETE FROM sample_news WHERE tenant_id = $1::uuid RETURNING kind)"
	  " SELECT " RULE_COLUMNS " FROM alert_rules WHERE tenant_id = $1::uuid AND enabled"
	  " AND (kind IN (SELECT kind FROM news) OR due_at <= $2::timestamptz)"
	  " ORDER BY rule_id" },
	{ "rules", "SELECT " RULE_COLUMNS " FROM alert_rules WHERE tenant_id = $1::uuid"
		   " ORDER BY name, rule_id" },
	{ "rule_get", "SELECT " RULE_COLUMNS " FROM alert_rules WHERE tenant_id = $1::uuid"
		      " AND rule_id = $2::uuid" },
	{ "rules_count", "SELECT count(*) FROM alert_rules WHERE tenant_id = $1::uuid" },
	{ "rule_add",
	  "INSERT INTO alert_rules (tenant_id, rule_id, name, comparison, threshold, recovery,"
	  " window_s, for_s, min_samples, severity, enabled, metric, kind, condition, due_at,"
	  " created_at, updated_at) VALUES ($1::uuid, $2::uuid, $3, $4, $5, $6, $7, $8, $9, $10,"
	  " $11, $12, $13, $14, $15::timestamptz, $16::timestamptz, $16::timestamptz)" },
	{ "rule_change",
	  "UPDATE alert_rules SET name = $3, comparison = $4, threshold = $5, recovery = $6,"
	  " window_s = $7, for_s = $8, min_samples = $9, severity = $10, enabled = $11,"
	  " updated_at = $12::timestamptz, version = version + 1"
	  " WHERE tenant_id = $1::uuid AND rule_id = $2::uuid" },
	{ "rules_state",
	  "UPDATE alert_rules r SET condition = x.condition, pending_since = x.pending_since,"
	  " value = x.value, evaluated_at = x.evaluated_at, due_at = x.due_at,"
	  " alert_id = x.alert_id, version = r.version + x.grown::int"
	  " FROM unnest($2::uuid[], $3::bigint[], $4::timestamptz[], $5::boolean[], $6::bigint[],"
	  " $7::timestamptz[], $8::timestamptz[], $9::uuid[], $10::boolean[])"
	  " AS o(rule_id, condition, pending_since, has_value, figure, evaluated_at, due_at,"
	  " alert_id, grown), LATERAL (SELECT o.rule_id, o.condition, o.pending_since,"
	  " CASE WHEN o.has_value THEN o.figure END AS value, o.evaluated_at, o.due_at,"
	  " o.alert_id, o.grown) x"
	  " WHERE r.tenant_id = $1::uuid AND r.rule_id = x.rule_id" },
	{ NULL, NULL },
};

const struct db_stmt rule_worker_statements[] = {
	{ "tenants_with_work",
	  "SELECT DISTINCT tenant_id FROM ("
	  "(SELECT DISTINCT n.tenant_id FROM sample_news n JOIN alert_tenants t"
	  " ON t.tenant_id = n.tenant_id LIMIT 1000)"
	  " UNION ALL (SELECT tenant_id FROM alert_rules WHERE enabled"
	  " AND due_at <= $1::timestamptz ORDER BY due_at LIMIT 1000)) w LIMIT $2" },
	{ "next_due", "SELECT min(due_at) FROM alert_rules WHERE enabled AND due_at IS NOT NULL" },
	{ NULL, NULL },
};

/* ---- the tenant ---- */

enum status store_tenant_lock(const struct tenant_tx *t, bool wait, bool *locked, int64_t *seq)
{
	enum status st = wait ? tenant_ask(t, "tenant_make", NULL) : ST_OK;
	int r;

	if (st == ST_OK)
		st = tenant_ask(t, wait ? "tenant_lock" : "tenant_try_lock", &r);
	if (st != ST_OK)
		return st;
	*locked = db_rows(t->tx, r) == 1;
	*seq = db_int(t->tx, r, 0, 0);
	return ST_OK;
}

enum status store_tenant_seq(const struct tenant_tx *t, int64_t seq)
{
	struct db_args args;

	tenant_args(&args, t);
	db_arg_i64(&args, seq);
	return db_exec(t->tx, "tenant_seq", &args, NULL, t->err);
}

enum status store_tenant_defaults(const struct tenant_tx *t, bool *first)
{
	int r;
	enum status st = tenant_ask(t, "tenant_defaults", &r);

	if (st == ST_OK)
		*first = db_affected(t->tx, r) == 1;
	return st;
}

/* ---- rules ---- */

static struct rule read_rule(const struct tenant_tx *t, int r, int row)
{
	const struct db_tx *tx = t->tx;

	return (struct rule){
		.rule_id = arena_strdup(t->arena, db_str(tx, r, row, 0)),
		.name = arena_strdup(t->arena, db_str(tx, r, row, 1)),
		.metric = (enum metric)db_int(tx, r, row, 2),
		.comparison = (enum comparison)db_int(tx, r, row, 3),
		.threshold = db_int(tx, r, row, 4),
		.recovery = db_int(tx, r, row, 5),
		.window_s = db_int(tx, r, row, 6),
		.for_s = db_int(tx, r, row, 7),
		.min_samples = db_int(tx, r, row, 8),
		.severity = (enum severity)db_int(tx, r, row, 9),
		.enabled = db_bool(tx, r, row, 10),
		.condition = (enum condition)db_int(tx, r, row, 11),
		.pending_since_us = db_time(tx, r, row, 12),
		.has_value = !db_null(tx, r, row, 13),
		.value = db_int(tx, r, row, 13),
		.evaluated_at_us = db_time(tx, r, row, 14),
		.due_us = db_time(tx, r, row, 15),
		.alert_id = db_null(tx, r, row, 16)
				    ? NULL
				    : arena_strdup(t->arena, db_str(tx, r, row, 16)),
		.version = db_int(tx, r, row, 17),
		.created_us = db_time(tx, r, row, 18),
		.updated_us = db_time(tx, r, row, 19),
	};
}

static enum status read_rules(const struct tenant_tx *t, int r, struct rule **ret, size_t *n)
{
	int rows = db_rows(t->tx, r);

	*ret = arena_array(t->arena, (size_t)rows + 1, sizeof(**ret));
	if (!*ret)
		return tenant_no_memory(t);
	for (int i = 0; i < rows; i++)
		(*ret)[i] = read_rule(t, r, i);
	*n = (size_t)rows;
	return ST_OK;
}

enum status store_rules_due(const struct tenant_tx *t, int64_t now_us, struct rule **ret, size_t *n)
{
	struct db_args args;
	enum status st;
	int r;

	tenant_args(&args, t);
	db_arg_time(&args, now_us);
	st = db_exec(t->tx, "rules_due", &args, &r, t->err);
	return st == ST_OK ? read_rules(t, r, ret, n) : st;
}

enum status store_rules(const struct tenant_tx *t, struct rule **ret, size_t *n)
{
	int r;
	enum status st = tenant_ask(t, "rules", &r);

	return st == ST_OK ? read_rules(t, r, ret, n) : st;
}

enum status store_rule(const struct tenant_tx *t, const char *rule_id, struct rule *ret)
{
	struct db_args args;
	enum status st;
	int r;

	tenant_args(&args, t);
	db_arg_text(&args, rule_id);
	st = db_exec(t->tx, "rule_get", &args, &r, t->err);
	if (st != ST_OK)
		return st;
	if (db_rows(t->tx, r) == 0)
		return error_set(t->err, ST_NOT_FOUND, NULL, "no such rule");
	*ret = read_rule(t, r, 0);
	return ST_OK;
}

enum status store_rules_count(const struct tenant_tx *t, int64_t *ret)
{
	int r;
	enum status st = tenant_ask(t, "rules_count", &r);

	if (st == ST_OK)
		*ret = db_int(t->tx, r, 0, 0);
	return st;
}

/* What people may change, as arguments 3 to 11. */
static void put_settings(struct db_args *args, const struct tenant_tx *t, const struct rule *rule)
{
	tenant_args(args, t);
	db_arg_text(args, rule->rule_id);
	db_arg_text(args, rule->name);
	db_arg_i64(args, rule->comparison);
	db_arg_i64(args, rule->threshold);
	db_arg_i64(args, rule->recovery);
	db_arg_i64(args, rule->window_s);
	db_arg_i64(args, rule->for_s);
	db_arg_i64(args, rule->min_samples);
	db_arg_i64(args, rule->severity);
	db_arg_bool(args, rule->enabled);
}

enum status store_rule_add(const struct tenant_tx *t, const struct rule *rule)
{
	struct db_args args;

	put_settings(&args, t, rule);
	db_arg_i64(&args, rule->metric);
	db_arg_i64(&args, metric_kind(rule->metric));
	db_arg_i64(&args, rule->condition);
	db_arg_time_or_null(&args, rule->due_us);
	db_arg_time(&args, rule->created_us);
	return db_exec(t->tx, "rule_add", &args, NULL, t->err);
}

enum status store_rule_change(const struct tenant_tx *t, const struct rule *rule)
{
	struct db_args args;

	put_settings(&args, t, rule);
	db_arg_time(&args, rule->updated_us);
	return db_exec(t->tx, "rule_change", &args, NULL, t->err);
}

struct state_columns {
	const char **ids, **alerts;
	int64_t *conditions, *pending, *values, *evaluated, *due;
	bool *has_values;
};

static bool state_columns(struct arena *a, size_t n, struct state_columns *c)
{
	int64_t *numbers = arena_array(a, n * 5 + 1, sizeof(*numbers));

	c->ids = arena_array(a, n * 2 + 1, sizeof(*c->ids));
	c->has_values = arena_array(a, n + 1, sizeof(*c->has_values));
	if (!numbers || !c->ids || !c->has_values)
		return false;
	c->alerts = c->ids + n;
	c->conditions = numbers;
	c->pending = numbers + n;
	c->values = numbers + 2 * n;
	c->evaluated = numbers + 3 * n;
	c->due = numbers + 4 * n;
	return true;
}

enum status store_rules_state(const struct tenant_tx *t, struct rule *const *rules,
			      const bool *grown, size_t n)
{
	struct state_columns c;
	struct db_args args;

	if (n == 0)
		return ST_OK;
	if (!state_columns(t->arena, n, &c))
		return tenant_no_memory(t);
	for (size_t i = 0; i < n; i++) {
		c.ids[i] = rules[i]->rule_id;
		c.alerts[i] = rules[i]->alert_id;
		c.conditions[i] = rules[i]->condition;
		c.pending[i] = rules[i]->pending_since_us;
		c.has_values[i] = rules[i]->has_value;
		c.values[i] = rules[i]->value;
		c.evaluated[i] = rules[i]->evaluated_at_us;
		c.due[i] = rules[i]->due_us;
	}
	tenant_args(&args, t);
	db_arg_text_array(&args, c.ids, n);
	db_arg_i64_array(&args, c.conditions, n);
	db_arg_time_array(&args, c.pending, n);
	db_arg_bool_array(&args, c.has_values, n);
	db_arg_i64_array(&args, c.values, n);
	db_arg_time_array(&args, c.evaluated, n);
	db_arg_time_array(&args, c.due, n);
	db_arg_text_array(&args, c.alerts, n);
	db_arg_bool_array(&args, grown, n);
	return db_exec(t->tx, "rules_state", &args, NULL, t->err);
}

/* ---- as the worker ---- */

enum status store_tenants_with_work(struct db *worker, struct arena *a, int64_t now_us, size_t max,
				    const char ***ret, size_t *n, struct error *err)
{
	AUTO_TX *tx = NULL;
	struct db_args args;
	enum status st;

	*ret = arena_array(a, max + 1, sizeof(**ret));
	if (!*ret)
		return store_no_memory(err);
	db_args_init(&args, a);
	db_arg_time(&args, now_us);
	db_arg_i64(&args, (int64_t)max);
	st = store_ask_worker(worker, "tenants_with_work", &args, &tx, err);
	if (st != ST_OK)
		return st;
	*n = (size_t)db_rows(tx, 0);
	for (size_t i = 0; i < *n; i++)
		(*ret)[i] = arena_strdup(a, db_str(tx, 0, (int)i, 0));
	return ST_OK;
}

enum status store_next_due(struct db *worker, struct arena *a, int64_t *ret, struct error *err)
{
	AUTO_TX *tx = NULL;
	struct db_args args;
	enum status st;

	db_args_init(&args, a);
	st = store_ask_worker(worker, "next_due", &args, &tx, err);
	if (st == ST_OK)
		*ret = db_time(tx, 0, 0, 0);
	return st;
}
