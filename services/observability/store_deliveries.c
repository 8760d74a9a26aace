/* See store_deliveries.h. Times of sending are the database's: copies agree on them. */
#include "store_deliveries.h"

#define TEXT_(x)  #x
#define TEXT(x)   TEXT_(x)
#define LEASE     "clock_timestamp() + interval '" TEXT(DELIVER_LEASE_S) " seconds'"
#define LATER(us) "clock_timestamp() + " us " * interval '1 microsecond'"

const struct db_stmt delivery_statements[] = {
	{ "deliveries_add",
	  "INSERT INTO alert_deliveries (notice_id, channel_id, tenant_id, seq, alert_id, rule_id,"
	  " change, body, changed_at, next_attempt_at) SELECT x.notice_id, c.channel_id, $1::uuid,"
	  " x.seq, x.alert_id, x.rule_id, x.change, x.body, x.at, clock_timestamp()"
	  " FROM unnest($2::uuid[], $3::bigint[], $4::uuid[], $5::uuid[], $6::bigint[],"
	  " $7::bigint[], $8::text[], $9::timestamptz[]) AS x(notice_id, seq, alert_id, rule_id,"
	  " change, severity, body, at) JOIN alert_channels c ON c.tenant_id = $1::uuid"
	  " AND c.deleted_at IS NULL AND c.min_severity <= x.severity" },
	{ "channels_wake",
	  "UPDATE alert_channels SET next_due_at = least(next_due_at, clock_timestamp())"
	  " WHERE tenant_id = $1::uuid AND deleted_at IS NULL AND min_severity <= $2" },
	{ "claim_channel", "SELECT url, secret FROM alert_channels WHERE channel_id = $1::uuid"
			   " AND deleted_at IS NULL" },
	{ "claim_batch",
	  "SELECT d.notice_id, d.alert_id, d.seq, d.change, d.body, d.attempts, d.changed_at"
	  " FROM alert_deliveries d WHERE d.channel_id = $1::uuid AND d.state = 1"
	  " AND d.next_attempt_at <= clock_timestamp() AND NOT EXISTS (SELECT 1"
	  " FROM alert_deliveries e WHERE e.channel_id = d.channel_id AND e.rule_id = d.rule_id"
	  " AND e.state = 1 AND e.seq < d.seq AND e.next_attempt_at > clock_timestamp())"
	  " ORDER BY d.seq LIMIT $2" },
	/* The channel first, as who deletes it does. A delivery that is settled by now (its channel
	   was deleted) stays as it is. */
	{ "attempt_write",
	  "UPDATE alert_deliveries SET state = $3::smallint, attempts = attempts + 1,"
	  " http_status = $4, reason = $5, attempted_at = clock_timestamp(),"
	  " delivered_at = CASE WHEN $3::smallint = 2 THEN clock_timestamp() END,"
	  " next_attempt_at = CASE WHEN $3::smallint = 1 THEN " LATER(
		  "$6::bigint") " END"
				" WHERE notice_id = $1::uuid AND channel_id = $2::uuid AND state = "
				"1" },
	{ "attempt_channel",
	  "UPDATE alert_channels SET failures = $3, slow = $5, leased_until = " LEASE ","
	  " rest_until = CASE WHEN $3::int = 0 THEN '-infinity' ELSE " LATER(
		  "$4::bigint") " END"
				" WHERE channel_id = $1::uuid AND lease = $2::uuid" },
	/* Locked before the next statement looks: who adds a delivery now waits, and wakes the
	 * channel afterwards. Work that is left waits from now on: who came in the meantime goes
	 * first. */
	{ "release_lock", "SELECT 1 FROM alert_channels WHERE channel_id = $1::uuid"
			  " AND lease = $2::uuid FOR NO KEY UPDATE" },
	{ "release",
	  "UPDATE alert_channels SET leased_until = '-infinity', lease = NULL, next_due_at ="
	  " (SELECT min(greatest(h.next_attempt_at, clock_timestamp())) FROM ("
	  "SELECT DISTINCT ON (rule_id) next_attempt_at"
	  " FROM alert_deliveries WHERE channel_id = $1::uuid AND state = 1"
	  " ORDER BY rule_id, seq) h) WHERE channel_id = $1::uuid AND lease = $2::uuid" },
	{ "deliveries",
	  "SELECT notice_id, channel_id, alert_id, seq, change, state, attempts, http_status,"
	  " reason, changed_at, attempted_at, delivered_at, next_attempt_at FROM alert_deliveries"
	  " WHERE tenant_id = $1::uuid AND ($2::uuid IS NULL OR alert_id = $2::uuid)"
	  " AND ($3::bigint = 0 OR state = $3::bigint)"
	  " AND ($4::bigint = 0 OR seq < $4::bigint OR (seq = $4::bigint"
	  " AND channel_id > $5::uuid)) ORDER BY seq DESC, channel_id LIMIT $6" },
	{ NULL, NULL },
};

const struct db_stmt delivery_worker_statements[] = {
	{ "channel_claim",
	  "UPDATE alert_channels SET lease = $1::uuid, leased_until = " LEASE
	  " WHERE channel_id = (SELECT channel_id FROM alert_channels"
	  " WHERE next_due_at <= clock_timestamp() AND rest_until <= clock_timestamp()"
	  " AND leased_until <= clock_timestamp() AND deleted_at IS NULL"
	  " AND (failures = 0 AND NOT slow OR NOT $2::boolean)"
	  " AND tenant_id <> ALL ($3::uuid[]) ORDER BY next_due_at LIMIT 1"
	  " FOR NO KEY UPDATE SKIP LOCKED) RETURNING channel_id, tenant_id, failures, slow" },
	{ NULL, NULL },
};

/* ---- made ---- */

static enum status wake_channels(const struct tenant_tx *t, int64_t severity)
{
	struct db_args args;

	tenant_args(&args, t);
	db_arg_i64(&args, severity);
	return db_exec(t->tx, "channels_wake", &args, NULL, t->err);
}

enum status store_deliveries_add(const struct tenant_tx *t, const struct alert_change *changes,
				 size_t n)
{
	const char **text = arena_array(t->arena, n * 4 + 1, sizeof(*text));
	int64_t *number = arena_array(t->arena, n * 4 + 1, sizeof(*number)), worst = 0;
	struct db_args args;
	enum status st;
	int r;

	if (!text || !number)
		return tenant_no_memory(t);
	for (size_t i = 0; i < n; i++) {
		const struct alert_change *c = &changes[i];

		text[i] = c->notice_id;
		text[n + i] = c->alert.alert_id;
		text[2 * n + i] = c->alert.rule_id;
		text[3 * n + i] = c->body;
		number[i] = c->seq;
		number[n + i] = c->change;
		number[2 * n + i] = c->alert.severity;
		number[3 * n + i] = alert_change_at(c);
		worst = c->alert.severity > worst ? c->alert.severity : worst;
	}
	tenant_args(&args, t);
	db_arg_text_array(&args, text, n);
	db_arg_i64_array(&args, number, n);
	db_arg_text_array(&args, text + n, n);
	db_arg_text_array(&args, text + 2 * n, n);
	db_arg_i64_array(&args, number + n, n);
	db_arg_i64_array(&args, number + 2 * n, n);
	db_arg_text_array(&args, text + 3 * n, n);
	db_arg_time_array(&args, number + 3 * n, n);
	st = db_exec(t->tx, "deliveries_add", &args, &r, t->err);
	return st == ST_OK && db_affected(t->tx, r) > 0 ? wake_channels(t, worst) : st;
}

/* ---- sent ---- */

enum status store_channel_claim(struct db *worker, struct arena *a, bool healthy,
				const char *const *full, size_t n_full, const char *lease,
				struct claim *ret, bool *got, struct error *err)
{
	AUTO_TX *tx = NULL;
	struct db_args args;
	enum status st;

	db_args_init(&args, a);
	db_arg_text(&args, lease);
	db_arg_bool(&args, healthy);
	db_arg_text_array(&args, full, n_full);
	st = store_ask_worker(worker, "channel_claim", &args, &tx, err);
	if (st != ST_OK)
		return st;
	*got = db_rows(tx, 0) == 1;
	*ret = (struct claim){ .channel_id = arena_strdup(a, db_str(tx, 0, 0, 0)),
			       .tenant_id = arena_strdup(a, db_str(tx, 0, 0, 1)),
			       .lease = arena_strdup(a, lease),
			       .failures = (int)db_int(tx, 0, 0, 2),
			       .slow = db_bool(tx, 0, 0, 3) };
	return ST_OK;
}

/* A transaction of the claim's tenant, and arguments that begin with its channel. */
static struct db_tx *claim_tx(struct db *db, struct arena *a, const struct claim *c,
			      struct db_args *args)
{
	const struct db_scope scope = { c->tenant_id, "" };

	db_args_init(args, a);
	db_arg_text(args, c->channel_id);
	return db_tx_new(db, &scope);
}

static enum status read_batch(const struct db_tx *tx, struct arena *a, const struct claim *c,
			      struct delivery **ret, size_t *n, struct error *err)
{
	int rows = db_rows(tx, 1);

	*ret = arena_array(a, (size_t)rows + 1, sizeof(**ret));
	if (!*ret)
		return store_no_memory(err);
	for (int i = 0; i < rows; i++)
		(*ret)[i] = (struct delivery){
			.notice_id = arena_strdup(a, db_str(tx, 1, i, 0)),
			.channel_id = c->channel_id,
			.alert_id = arena_strdup(a, db_str(tx, 1, i, 1)),
			.seq = db_int(tx, 1, i, 2),
			.change = (enum change)db_int(tx, 1, i, 3),
			.body = arena_strdup(a, db_str(tx, 1, i, 4)),
			.state = DELIVERY_WAITING,
			.attempts = (int)db_int(tx, 1, i, 5),
			.changed_us = db_time(tx, 1, i, 6),
		};
	*n = (size_t)rows;
	return arena_failed(a) ? store_no_memory(err) : ST_OK;
}

enum status store_claim_batch(struct db *db, struct arena *a, const struct claim *c, int limit,
			      const char **url, const char **secret, struct delivery **ret,
			      size_t *n, struct error *err)
{
	struct db_args args;
	AUTO_TX *tx = claim_tx(db, a, c, &args);
	enum status st;

	if (!tx)
		return store_no_memory(err);
	db_add(tx, "claim_channel", &args);
	db_arg_i64(&args, limit);
	db_add(tx, "claim_batch", &args);
	st = store_run(tx, err);
	if (st != ST_OK)
		return st;
	*url = arena_strdup(a, db_str(tx, 0, 0, 0));
	*secret = arena_strdup(a, db_str(tx, 0, 0, 1));
	return read_batch(tx, a, c, ret, n, err);
}

enum status store_attempt(struct db *db, struct arena *a, const struct claim *c,
			  const struct delivery *d, const struct attempt *result, bool *kept,
			  struct error *err)
{
	struct db_args args;
	AUTO_TX *tx = claim_tx(db, a, c, &args);
	enum status st;

	if (!tx)
		return store_no_memory(err);
	db_arg_text(&args, c->lease);
	db_arg_i64(&args, result->failures);
	db_arg_i64(&args, result->rest_us);
	db_arg_bool(&args, result->slow);
	db_add(tx, "attempt_channel", &args);
	db_args_init(&args, a);
	db_arg_text(&args, d->notice_id);
	db_arg_text(&args, c->channel_id);
	db_arg_i64(&args, result->state);
	db_arg_i64(&args, result->http_status);
	db_arg_text(&args, result->reason);
	db_arg_i64(&args, result->wait_us);
	db_add(tx, "attempt_write", &args);
	st = store_run(tx, err);
	if (st == ST_OK)
		*kept = db_affected(tx, 0) == 1;
	return st;
}

enum status store_channel_release(struct db *db, struct arena *a, const struct claim *c,
				  struct error *err)
{
	struct db_args args;
	AUTO_TX *tx = claim_tx(db, a, c, &args);

	if (!tx)
		return store_no_memory(err);
	db_arg_text(&args, c->lease);
	db_add(tx, "release_lock", &args);
	db_add(tx, "release", &args);
	return store_run(tx, err);
}

/* ---- the log ---- */

static struct delivery read_delivery(struct arena *a, const struct db_tx *tx, int row)
{
	return (struct delivery){
		.notice_id = arena_strdup(a, db_str(tx, 0, row, 0)),
		.channel_id = arena_strdup(a, db_str(tx, 0, row, 1)),
		.alert_id = arena_strdup(a, db_str(tx, 0, row, 2)),
		.seq = db_int(tx, 0, row, 3),
		.change = (enum change)db_int(tx, 0, row, 4),
		.state = (enum delivery_state)db_int(tx, 0, row, 5),
		.attempts = (int)db_int(tx, 0, row, 6),
		.http_status = (int)db_int(tx, 0, row, 7),
		.reason = arena_strdup(a, db_str(tx, 0, row, 8)),
		.changed_us = db_time(tx, 0, row, 9),
		.attempted_us = db_time(tx, 0, row, 10),
		.delivered_us = db_time(tx, 0, row, 11),
		.next_attempt_us = db_time(tx, 0, row, 12),
	};
}

enum status store_deliveries(struct call *call, const struct delivery_filter *f,
			     struct delivery **ret, size_t *n)
{
	AUTO_TX *tx = call_tx(call);
	struct db_args args;
	enum status st;

	if (!tx)
		return store_no_memory(call->err);
	db_args_init(&args, call->arena);
	db_arg_text(&args, call_scope(call).tenant_id);
	db_arg_text(&args, f->alert_id);
	db_arg_i64(&args, f->state);
	db_arg_i64(&args, f->before_seq);
	db_arg_text(&args, f->before_channel);
	db_arg_i64(&args, f->limit);
	db_add(tx, "deliveries", &args);
	st = call_run(call, tx);
	if (st != ST_OK)
		return st;
	*n = (size_t)db_rows(tx, 0);
	*ret = arena_array(call->arena, *n + 1, sizeof(**ret));
	for (size_t i = 0; *ret && i < *n; i++)
		(*ret)[i] = read_delivery(call->arena, tx, (int)i);
	return *ret ? ST_OK : store_no_memory(call->err);
}
