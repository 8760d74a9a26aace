/* See store_channels.h. */
#include "store_channels.h"

const struct db_stmt channel_statements[] = {
	{ "channels", "SELECT channel_id, name, url, min_severity, created_at FROM alert_channels"
		      " WHERE tenant_id = $1::uuid AND deleted_at IS NULL"
		      " ORDER BY name, channel_id" },
	{ "channel_add",
	  "INSERT INTO alert_channels (tenant_id, channel_id, name, url, secret, min_severity,"
	  " created_at) VALUES ($1::uuid, $2::uuid, $3, $4, $5, $6, $7::timestamptz)" },
	{ "channel_delete",
	  "UPDATE alert_channels SET deleted_at = clock_timestamp(), next_due_at = NULL"
	  " WHERE tenant_id = $1::uuid AND channel_id = $2::uuid AND deleted_at IS NULL" },
	{ "channel_drop_waiting",
	  "UPDATE alert_deliveries SET state = 3, next_attempt_at = NULL,"
	  " reason = 'the channel was deleted'"
	  " WHERE tenant_id = $1::uuid AND channel_id = $2::uuid AND state = 1" },
	{ NULL, NULL },
};

enum status store_channels(const struct tenant_tx *t, struct channel **ret, size_t *n)
{
	int r;
	enum status st = tenant_ask(t, "channels", &r);

	if (st != ST_OK)
		return st;
	*n = (size_t)db_rows(t->tx, r);
	*ret = arena_array(t->arena, *n + 1, sizeof(**ret));
	for (int i = 0; *ret && i < (int)*n; i++)
		(*ret)[i] = (struct channel){
			.channel_id = arena_strdup(t->arena, db_str(t->tx, r, i, 0)),
			.name = arena_strdup(t->arena, db_str(t->tx, r, i, 1)),
			.url = arena_strdup(t->arena, db_str(t->tx, r, i, 2)),
			.min_severity = (enum severity)db_int(t->tx, r, i, 3),
			.created_us = db_time(t->tx, r, i, 4),
		};
	return *ret ? ST_OK : tenant_no_memory(t);
}

enum status store_channel_add(const struct tenant_tx *t, const struct channel *c,
			      const char *sealed)
{
	struct db_args args;

	tenant_args(&args, t);
	db_arg_text(&args, c->channel_id);
	db_arg_text(&args, c->name);
	db_arg_text(&args, c->url);
	db_arg_text(&args, sealed);
	db_arg_i64(&args, c->min_severity);
	db_arg_time(&args, c->created_us);
	return db_exec(t->tx, "channel_add", &args, NULL, t->err);
}

enum status store_channel_delete(const struct tenant_tx *t, const char *channel_id)
{
	struct db_args args;
	enum status st;
	int r;

	tenant_args(&args, t);
	db_arg_text(&args, channel_id);
	st = db_exec(t->tx, "channel_delete", &args, &r, t->err);
	if (st != ST_OK)
		return st;
	if (db_affected(t->tx, r) == 0)
		return error_set(t->err, ST_NOT_FOUND, NULL, "no such channel");
	return db_exec(t->tx, "channel_drop_waiting", &args, NULL, t->err);
}
