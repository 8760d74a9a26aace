/* `pp-deploy env`: the environment of one service as shell lines. Read next: libs/svc, which reads
 * it. */
#include "deploy.h"
#include "nkey.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define ENV_MAX 16384

static const char *const kind_variables[] = { "PP_DB_OWNER", "PP_DB_APP", "PP_DB_WORKER" };

static void put_line(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, "%s=", name);
	put_shell_word(out, value);
	buf_putc(out, '\n');
}

static enum status put_db_line(struct buf *out, const char *dir, const char *service, size_t kind,
			       struct error *err)
{
	static const struct {
		const char *setting, *key, *fallback;
	} where[] = { { "PGHOST", "host", NULL },
		      { "PGPORT", "port", "5432" },
		      { "PGDATABASE", "dbname", DATABASE } };
	char schema[NAME_CAP], role[NAME_CAP + 16], text[VALUE_CAP];
	enum status st = ST_OK;
	struct buf info;

	buf_init(&info, ENV_MAX);
	schema_name(service, schema);
	snprintf(role, sizeof(role), "%s_%s", schema, role_kinds[kind]);
	for (size_t i = 0; st == ST_OK && i < sizeof(where) / sizeof(where[0]); i++) {
		st = setting_get(dir, "pg.env", where[i].setting, where[i].fallback, text, err);
		if (st == ST_OK)
			put_conninfo(&info, where[i].key, text);
	}
	if (st == ST_OK)
		st = secrets_get(dir, "db", role, text, err);
	if (st == ST_OK) {
		put_conninfo(&info, "user", role);
		put_conninfo(&info, "password", text);
		put_conninfo(&info, "application_name", service);
		put_line(out, kind_variables[kind], buf_str(&info));
	}
	sodium_memzero(text, sizeof(text));
	buf_done(&info);
	return st;
}

static enum status put_bus_lines(struct buf *out, const char *dir, const char *name,
				 struct error *err)
{
	char seed[SECRET_CAP], public[NKEY_PUBLIC_TEXT], path[PATH_MAX], file[NAME_CAP];
	char url[VALUE_CAP];
	enum status st = setting_get(dir, "nats.env", "NATS_URL", NULL, url, err);

	snprintf(file, sizeof(file), "%s.seed", name);
	if (st == ST_OK)
		st = secrets_get(dir, "nats", file, seed, err);
	if (st == ST_OK)
		st = secrets_path(dir, "nats", file, path, err);
	if (st != ST_OK)
		return st;
	if (!nkey_public_of(seed, public))
		return error_set(err, ST_INVALID, path, "is not the seed of a NATS user");
	sodium_memzero(seed, sizeof(seed));
	put_line(out, "PP_NATS_URL", url);
	put_line(out, "PP_NATS_USER", public);
	put_line(out, "PP_NATS_SEED_FILE", path);
	snprintf(file, sizeof(file), "%s.key", name);
	st = secrets_path(dir, "seal", file, path, err);
	if (st == ST_OK)
		put_line(out, "PP_SEAL_KEY_FILE", path);
	return st;
}

enum status command_env(int argc, char **argv, const struct options *o, struct error *err)
{
	const char *name = argv[1];
	char dir[PATH_MAX];
	struct buf out;
	enum status st = secrets_open(argv[0], dir, err);

	(void)argc;
	(void)o;
	if (st == ST_OK && contract_service_find(name) == NULL && strcmp(name, EDGE_NAME) != 0)
		st = error_set(err, ST_INVALID, name, "is no service");
	if (st != ST_OK)
		return st;
	buf_init(&out, ENV_MAX);
	for (size_t i = 0;
	     st == ST_OK && contract_service_find(name) != NULL && role_kinds[i] != NULL; i++)
		st = put_db_line(&out, dir, name, i, err);
	if (st == ST_OK)
		st = put_bus_lines(&out, dir, name, err);
	if (st == ST_OK && buf_status(&out) != ST_OK)
		st = error_set(err, ST_TOO_LARGE, name, "its environment is too large");
	if (st == ST_OK)
		fputs(buf_str(&out), stdout);
	buf_done(&out);
	return st;
}
