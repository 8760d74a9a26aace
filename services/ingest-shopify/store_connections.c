/* Connections and their tokens. Read next: store.h. */
#include "core/id.h"
#include "store.h"

#include <string.h>

#define COLUMNS                                                                   \
	" connection_id, brand_id, state, shop_domain, name, currency, timezone," \
	" access_sealed, refresh_sealed, access_expires_at, connected_at, synced_at, orders_since"
#define NO_CONNECTION "connect Shopify to this brand first"

const struct db_stmt connection_statements[] = {
	{ "connect",
	  "INSERT INTO connections AS c (connection_id, tenant_id, brand_id, shop_domain, name,"
	  " currency, timezone, access_sealed, refresh_sealed, access_expires_at)"
	  " VALUES ($1::uuid, $2::uuid, $3::uuid, $4, $5, $6, $7, $8, $9, $10::timestamptz)"
	  " ON CONFLICT (brand_id) DO UPDATE SET name = excluded.name,"
	  " currency = excluded.currency, timezone = excluded.timezone,"
	  " access_sealed = excluded.access_sealed, refresh_sealed = excluded.refresh_sealed,"
	  " access_expires_at = excluded.access_expires_at, state = 'connected',"
	  " connected_at = now()"
	  " WHERE c.shop_domain = excluded.shop_domain RETURNING" COLUMNS },
	{ "connection", "SELECT" COLUMNS " FROM connections WHERE brand_id = $1::uuid" },
	{ "lock_connection",
	  "SELECT" COLUMNS " FROM connections WHERE brand_id = $1::uuid FOR UPDATE" },
	{ "need_connection", "SELECT 1 FROM connections WHERE brand_id = $1::uuid" },
	{ "connections", "SELECT" COLUMNS " FROM connections"
			 " WHERE $1::uuid IS NULL OR brand_id = $1::uuid"
			 " ORDER BY brand_id LIMIT 1000" },
	{ "put_tokens", "UPDATE connections SET access_sealed = $2, refresh_sealed = $3,"
			" access_expires_at = $4::timestamptz WHERE brand_id = $1::uuid" },
	{ "mark_reconnect",
	  "UPDATE connections SET state = 'reconnect' WHERE brand_id = $1::uuid" },
	{ "mark_since", "UPDATE connections SET orders_since = $2::timestamptz"
			" WHERE brand_id = $1::uuid" },
	{ "mark_synced",
	  "UPDATE connections SET synced_at = now() WHERE brand_id = ANY ($1::uuid[])" },
	{ NULL, NULL },
};

static void read_row(const struct db_tx *tx, struct arena *a, int r, int row, struct connection *c)
{
	*c = (struct connection){
		.connection_id = arena_strdup(a, db_str(tx, r, row, 0)),
		.brand_id = arena_strdup(a, db_str(tx, r, row, 1)),
		.state = arena_strdup(a, db_str(tx, r, row, 2)),
		.shop = { .domain = arena_strdup(a, db_str(tx, r, row, 3)),
			  .name = arena_strdup(a, db_str(tx, r, row, 4)),
			  .currency = arena_strdup(a, db_str(tx, r, row, 5)),
			  .timezone = arena_strdup(a, db_str(tx, r, row, 6)) },
		.access_sealed = arena_strdup(a, db_str(tx, r, row, 7)),
		.refresh_sealed = arena_strdup(a, db_str(tx, r, row, 8)),
		.access_expires_at = db_time(tx, r, row, 9),
		.connected_at = db_time(tx, r, row, 10),
		.synced_at = db_time(tx, r, row, 11),
		.orders_since = db_time(tx, r, row, 12),
	};
}

static enum status memory(const struct arena *a, struct error *err)
{
	return arena_failed(a) ? error_set(err, ST_UNAVAILABLE, NULL, "memory is out") : ST_OK;
}

enum status store_connect(struct db_tx *tx, struct arena *a, const char *tenant,
			  const struct connection *c, struct connection *ret, struct error *err)
{
	char id[UUID_TEXT];
	struct db_args args;
	int r;
	enum status st;

	uuid_v7(id);
	db_args_init(&args, a);
	db_arg_text(&args, id);
	db_arg_text(&args, tenant);
	db_arg_text(&args, c->brand_id);
	db_arg_text(&args, c->shop.domain);
	db_arg_text(&args, c->shop.name);
	db_arg_text(&args, c->shop.currency);
	db_arg_text(&args, c->shop.timezone);
	db_arg_text(&args, c->access_sealed);
	db_arg_text(&args, c->refresh_sealed);
	db_arg_time(&args, c->access_expires_at);
	st = db_exec(tx, "connect", &args, &r, err);
	if (st != ST_OK)
		return st;
	if (db_rows(tx, r) == 0)
		return error_set(err, ST_CONFLICT, "shop_domain",
				 "is another shop than the one this brand is connected to");
	read_row(tx, a, r, 0, ret);
	return memory(a, err);
}

static enum status take_one(struct db_tx *tx, struct arena *a, int r, struct connection *ret,
			    struct error *err)
{
	if (db_rows(tx, r) == 0)
		return error_set(err, ST_NOT_FOUND, "brand_id", NO_CONNECTION);
	read_row(tx, a, r, 0, ret);
	return memory(a, err);
}

enum status store_connection(struct db_tx *tx, struct arena *a, const char *brand, int64_t deadline,
			     struct connection *ret, struct error *err)
{
	struct db_args args;
	enum status st;

	db_args_init(&args, a);
	db_arg_text(&args, brand);
	db_add(tx, "connection", &args);
	st = db_run(tx, deadline, err);
	return st == ST_OK ? take_one(tx, a, 0, ret, err) : st;
}

enum status store_lock_connection(struct db_tx *tx, struct arena *a, const char *brand,
				  struct connection *ret, struct error *err)
{
	struct db_args args;
	int r;
	enum status st;

	db_args_init(&args, a);
	db_arg_text(&args, brand);
	st = db_exec(tx, "lock_connection", &args, &r, err);
	return st == ST_OK ? take_one(tx, a, r, ret, err) : st;
}

enum status store_need_connection(struct db_tx *tx, struct arena *a, const char *brand,
				  struct error *err)
{
	struct db_args args;
	int r;
	enum status st;

	db_args_init(&args, a);
	db_arg_text(&args, brand);
	st = db_exec(tx, "need_connection", &args, &r, err);
	if (st == ST_OK && db_rows(tx, r) == 0)
		st = error_set(err, ST_NOT_FOUND, "brand_id", NO_CONNECTION);
	return st;
}

enum status store_connections(struct db_tx *tx, struct arena *a, const char *brand,
			      int64_t deadline, struct connection **ret, size_t *n,
			      struct error *err)
{
	struct connection *rows;
	struct db_args args;
	enum status st;

	db_args_init(&args, a);
	db_arg_text_or_null(&args, brand);
	db_add(tx, "connections", &args);
	st = db_run(tx, deadline, err);
	if (st != ST_OK)
		return st;
	*n = (size_t)db_rows(tx, 0);
	rows = arena_array(a, *n + 1, sizeof(*rows));
	for (size_t i = 0; rows && i < *n; i++)
		read_row(tx, a, 0, (int)i, &rows[i]);
	*ret = rows;
	return memory(a, err);
}

enum status store_put_tokens(struct db_tx *tx, struct arena *a, const char *brand,
			     const char *access_sealed, const char *refresh_sealed,
			     int64_t expires_at, struct error *err)
{
	struct db_args args;

	db_args_init(&args, a);
	db_arg_text(&args, brand);
	db_arg_text(&args, access_sealed);
	db_arg_text(&args, refresh_sealed);
	db_arg_time(&args, expires_at);
	return db_exec(tx, "put_tokens", &args, NULL, err);
}

enum status store_mark_reconnect(struct db_tx *tx, struct arena *a, const char *brand,
				 struct error *err)
{
	struct db_args args;

	db_args_init(&args, a);
	db_arg_text(&args, brand);
	return db_exec(tx, "mark_reconnect", &args, NULL, err);
}

enum status store_mark_since(struct db_tx *tx, struct arena *a, const char *brand, int64_t since,
			     struct error *err)
{
	struct db_args args;

	db_args_init(&args, a);
	db_arg_text(&args, brand);
	db_arg_time(&args, since);
	return db_exec(tx, "mark_since", &args, NULL, err);
}

enum status store_mark_synced(struct db_tx *tx, struct arena *a, const char *const *brands,
			      size_t n, struct error *err)
{
	struct db_args args;

	db_args_init(&args, a);
	db_arg_text_array(&args, brands, n);
	return db_exec(tx, "mark_synced", &args, NULL, err);
}
