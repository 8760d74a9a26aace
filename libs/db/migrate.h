/*
 * Numbered migrations, applied once each, in order, under an advisory lock, as <service>_owner,
 * every one in its own transaction with its row in schema_migrations (number, name, SHA-256 of the
 * text). A changed text of an applied migration is refused.
 */
#ifndef DB_MIGRATE_H
#define DB_MIGRATE_H

#include "core/status.h"

struct db_migration {
	int number;       /* 1, 2, 3 ... without gaps within one table */
	const char *name; /* "0001_tenants" ; NULL ends a table */
	const char *sql;
};

/*
 * Applies what is missing of each table: first those of the libraries (every service gets outbox,
 * inbox, idempotency keys), then the service's. `set` names keep the tables apart ("svc", "auth").
 * `conninfo` is the owner's. Prints one line per migration on stdout.
 */
struct db_migration_set {
	const char *set;
	const struct db_migration *migrations;
};
enum status db_migrate(const char *conninfo, const char *schema,
		       const struct db_migration_set *sets, int n_sets, struct error *err) MUST_USE;
/* ST_OK when every migration of the sets is applied in `schema`; ST_UNAVAILABLE naming the first
 * missing one. */
enum status db_migrations_check(const char *conninfo, const char *schema,
				const struct db_migration_set *sets, int n_sets,
				struct error *err) MUST_USE;

#endif
