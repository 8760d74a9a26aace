/* Credentials and accounts. Read next: store.h. */
#include "core/id.h"
#include "store.h"

#include <string.h>

const struct db_stmt connection_statements[] = {
	{ "put_credential",
	  "INSERT INTO credentials (tenant_id, brand_id, platform, sealed, all_accounts)"
	  " VALUES ($1::uuid, $2::uuid, $3, $4, $5::boolean)"
	  " ON CONFLICT (brand_id, platform) DO UPDATE SET sealed = excluded.sealed,"
	  " all_accounts = excluded.all_accounts, state = 'connected', connected_at = now()" },
	{ "put_accounts",
	  "INSERT INTO accounts (connection_id, tenant_id, brand_id, platform, account_id, name, "
	  "currency, timezone)"
	  " SELECT u.id, $1::uuid, $2::uuid, $3, u.account, u.name, u.currency, u.zone"
	  " FROM unnest($4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[])"
	  " AS u (id, account, name, currency, zone) ORDER BY u.account"
	  " ON CONFLICT (brand_id, platform, account_id) DO UPDATE SET name = excluded.name,"
	  " currency = excluded.currency, timezone = excluded.timezone" },
	{ "list_connections",
	  "SELECT a.connection_id, a.brand_id, a.account_id, a.name, a.currency, a.timezone, "
	  "c.state,"
	  " c.connected_at, c.synced_at"
	  " FROM accounts a JOIN credentials c USING (brand_id, platform)"
	  " WHERE a.platform = $1 AND ($2::uuid IS NULL OR a.brand_id = $2::uuid)"
	  " ORDER BY a.brand_id, a.account_id LIMIT 1000" },
	{ "get_credential", "SELECT sealed, all_accounts FROM credentials WHERE brand_id = "
			    "$1::uuid AND platform = $2" },
	/* A zone PostgreSQL does not know would fail the run in words of a database; it counts as
	   UTC. */
	{ "brand_accounts",
	  "SELECT a.connection_id, a.account_id, a.name, a.currency, a.timezone, a.synced_through,"
	  " ($3::timestamptz AT TIME ZONE coalesce((SELECT z.name FROM pg_timezone_names z"
	  " WHERE z.name = a.timezone), 'UTC'))::date"
	  " FROM accounts a WHERE a.brand_id = $1::uuid AND a.platform = $2 ORDER BY "
	  "a.account_id" },
	{ "mark_reconnect", "UPDATE credentials SET state = 'reconnect' WHERE brand_id = $1::uuid "
			    "AND platform = $2" },
	{ "mark_through",
	  "UPDATE accounts a SET synced_through = u.day FROM unnest($3::text[], $4::date[]) AS u "
	  "(account, day)"
	  " WHERE a.brand_id = $1::uuid AND a.platform = $2 AND a.account_id = u.account" },
	{ "mark_synced", "UPDATE credentials c SET synced_at = now() FROM unnest($1::uuid[], "
			 "$2::text[]) AS u (brand, platform)"
			 " WHERE c.brand_id = u.brand AND c.platform = u.platform" },
	{ NULL, NULL },
};

enum status store_put_credential(struct db_tx *tx, struct arena *a, const char *tenant,
				 const char *brand, const char *platform, const char *sealed,
				 bool all_accounts, struct error *err)
{
	struct db_args args;

	db_args_init(&args, a);
	db_arg_text(&args, tenant);
	db_arg_text(&args, brand);
	db_arg_text(&args, platform);
	db_arg_text(&args, sealed);
	db_arg_bool(&args, all_accounts);
	return db_exec(tx, "put_credential", &args, NULL, err);
}

enum status store_put_accounts(struct db_tx *tx, struct arena *a, const char *tenant,
			       const char *brand, const char *platform,
			       const struct ad_account *accounts, size_t n, struct error *err)
{
	const char **col[5];
	struct db_args args;

	if (n == 0)
		return ST_OK;
	for (int i = 0; i < 5; i++) {
		col[i] = arena_array(a, n, sizeof(char *));
		if (!col[i])
			return error_set(err, ST_UNAVAILABLE, NULL, "memory is out");
	}
	for (size_t i = 0; i < n; i++) {
		char id[UUID_TEXT];

		uuid_v7(id);
		col[0][i] = arena_strdup(a, id);
		col[1][i] = accounts[i].account_id;
		col[2][i] = accounts[i].name;
		col[3][i] = accounts[i].currency;
		col[4][i] = accounts[i].timezone;
	}
	db_args_init(&args, a);
	db_arg_text(&args, tenant);
	db_arg_text(&args, brand);
	db_arg_text(&args, platform);
	for (int i = 0; i < 5; i++)
		db_arg_text_array(&args, col[i], n);
	return db_exec(tx, "put_accounts", &args, NULL, err);
}

enum status store_list(struct db_tx *tx, struct arena *a, const char *platform, const char *brand,
		       int64_t deadline, struct connection_row **ret, size_t *n, struct error *err)
{
	struct connection_row *rows;
	struct db_args args;
	enum status st;

	db_args_init(&args, a);
	db_arg_text(&args, platform);
	db_arg_text_or_null(&args, brand);
	db_add(tx, "list_connections", &args);
	st = db_run(tx, deadline, err);
	if (st != ST_OK)
		return st;
	*n = (size_t)db_rows(tx, 0);
	rows = arena_array(a, *n + 1, sizeof(*rows));
	for (int i = 0; rows && i < (int)*n; i++)
		rows[i] = (struct connection_row){ arena_strdup(a, db_str(tx, 0, i, 0)),
						   arena_strdup(a, db_str(tx, 0, i, 1)),
						   arena_strdup(a, db_str(tx, 0, i, 2)),
						   arena_strdup(a, db_str(tx, 0, i, 3)),
						   arena_strdup(a, db_str(tx, 0, i, 4)),
						   arena_strdup(a, db_str(tx, 0, i, 5)),
						   arena_strdup(a, db_str(tx, 0, i, 6)),
						   db_time(tx, 0, i, 7),
						   db_time(tx, 0, i, 8) };
	*ret = rows;
	return rows ? ST_OK : error_set(err, ST_UNAVAILABLE, NULL, "memory is out");
}

enum status store_get_credential(struct db_tx *tx, struct arena *a, const char *brand,
				 const char *platform, const char **sealed, bool *all_accounts,
				 struct error *err)
{
	struct db_args args;
	int r;
	enum status st;

	db_args_init(&args, a);
	db_arg_text(&args, brand);
	db_arg_text(&args, platform);
	st = db_exec(tx, "get_credential", &args, &r, err);
	if (st != ST_OK)
		return st;
	if (db_rows(tx, r) == 0)
		return error_set(err, ST_NOT_FOUND, "brand_id",
				 "is not connected to this platform; connect it first");
	*sealed = arena_strdup(a, db_str(tx, r, 0, 0));
	*all_accounts = db_bool(tx, r, 0, 1);
	return ST_OK;
}

enum status store_accounts(struct db_tx *tx, struct arena *a, const char *brand,
			   const char *platform, int64_t now_us, struct synced_account **ret,
			   size_t *n, struct error *err)
{
	struct synced_account *rows;
	struct db_args args;
	int r;
	enum status st;

	db_args_init(&args, a);
	db_arg_text(&args, brand);
	db_arg_text(&args, platform);
	db_arg_time(&args, now_us);
	st = db_exec(tx, "brand_accounts", &args, &r, err);
	if (st != ST_OK)
		return st;
	*n = (size_t)db_rows(tx, r);
	rows = arena_array(a, *n + 1, sizeof(*rows));
	for (int i = 0; rows && i < (int)*n; i++)
		rows[i] = (struct synced_account){ { arena_strdup(a, db_str(tx, r, i, 1)),
						     arena_strdup(a, db_str(tx, r, i, 2)),
						     arena_strdup(a, db_str(tx, r, i, 3)),
						     arena_strdup(a, db_str(tx, r, i, 4)) },
						   arena_strdup(a, db_str(tx, r, i, 0)),
						   db_null(tx, r, i, 5) ? 0 : db_date(tx, r, i, 5),
						   db_date(tx, r, i, 6) };
	*ret = rows;
	return rows ? ST_OK : error_set(err, ST_UNAVAILABLE, NULL, "memory is out");
}

enum status store_mark_reconnect(struct db_tx *tx, struct arena *a, const char *brand,
				 const char *platform, struct error *err)
{
	struct db_args args;

	db_args_init(&args, a);
	db_arg_text(&args, brand);
	db_arg_text(&args, platform);
	return db_exec(tx, "mark_reconnect", &args, NULL, err);
}

enum status store_mark_through(struct db_tx *tx, struct arena *a, const char *brand,
			       const char *platform, const char *const *accounts,
			       const int32_t *until, size_t n, struct error *err)
{
	struct db_args args;

	db_args_init(&args, a);
	db_arg_text(&args, brand);
	db_arg_text(&args, platform);
	db_arg_text_array(&args, accounts, n);
	db_arg_date_array(&args, until, n);
	return db_exec(tx, "mark_through", &args, NULL, err);
}

enum status store_mark_synced(struct db_tx *tx, struct arena *a, const char *const *brands,
			      const char *const *platforms, size_t n, struct error *err)
{
	struct db_args args;

	db_args_init(&args, a);
	db_arg_text_array(&args, brands, n);
	db_arg_text_array(&args, platforms, n);
	return db_exec(tx, "mark_synced", &args, NULL, err);
}
