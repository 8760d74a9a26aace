/* `pp-deploy keys`: makes every secret of a deployment, once. Run it again after a service was
 * added. Read next: nkey.c. */
#include "deploy.h"
#include "nkey.h"

#include "core/text.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define PASSWORD_BYTES 24
#define SEAL_BYTES     32
#define SEAL_ID        "k1" /* the first key; a later one goes on the line before it (svc/seal.h) */

static enum status put(const char *dir, const char *sub, const char *name, const char *text,
		       int *count, struct error *err)
{
	bool made;
	enum status st = secrets_put_once(dir, sub, name, text, &made, err);

	if (st == ST_OK && made)
		(*count)++;
	return st;
}

static enum status make_bus_user(const char *dir, const char *name, int *count, struct error *err)
{
	uint8_t raw[NKEY_RAW];
	char seed[NKEY_SEED_TEXT], file[NAME_CAP];
	enum status st;

	randombytes_buf(raw, sizeof(raw));
	nkey_seed_encode(raw, seed);
	snprintf(file, sizeof(file), "%s.seed", name);
	st = put(dir, "nats", file, seed, count, err);
	sodium_memzero(raw, sizeof(raw));
	sodium_memzero(seed, sizeof(seed));
	return st;
}

static enum status make_seal_key(const char *dir, const char *name, int *count, struct error *err)
{
	uint8_t raw[SEAL_BYTES];
	char line[sizeof(SEAL_ID) + 1 + 2 * SEAL_BYTES + 1], file[NAME_CAP];
	enum status st;

	randombytes_buf(raw, sizeof(raw));
	memcpy(line, SEAL_ID " ", sizeof(SEAL_ID));
	hex_encode(raw, sizeof(raw), line + sizeof(SEAL_ID));
	snprintf(file, sizeof(file), "%s.key", name);
	st = put(dir, "seal", file, line, count, err);
	sodium_memzero(raw, sizeof(raw));
	sodium_memzero(line, sizeof(line));
	return st;
}

static enum status make_password(const char *dir, const char *sub, const char *name, int *count,
				 struct error *err)
{
	uint8_t raw[PASSWORD_BYTES];
	char hex[2 * PASSWORD_BYTES + 1];
	enum status st;

	randombytes_buf(raw, sizeof(raw));
	hex_encode(raw, sizeof(raw), hex);
	st = put(dir, sub, name, hex, count, err);
	sodium_memzero(raw, sizeof(raw));
	sodium_memzero(hex, sizeof(hex));
	return st;
}

static enum status make_passwords(const char *dir, const char *service, int *count,
				  struct error *err)
{
	char schema[NAME_CAP], role[NAME_CAP + 16];
	enum status st = ST_OK;

	schema_name(service, schema);
	for (size_t i = 0; st == ST_OK && role_kinds[i] != NULL; i++) {
		snprintf(role, sizeof(role), "%s_%s", schema, role_kinds[i]);
		st = make_password(dir, "db", role, count, err);
	}
	return st;
}

enum status command_keys(int argc, char **argv, const struct options *o, struct error *err)
{
	char dir[PATH_MAX];
	int count = 0;
	enum status st = secrets_open(argv[0], dir, err);

	(void)argc;
	(void)o;
	for (size_t i = 0; st == ST_OK && bus_user(i) != NULL; i++) {
		st = make_bus_user(dir, bus_user(i), &count, err);
		if (st == ST_OK && strcmp(bus_user(i), DEPLOY_NAME) != 0)
			st = make_seal_key(dir, bus_user(i), &count, err);
	}
	for (size_t i = 0; st == ST_OK && i < contract_services_n; i++)
		st = make_passwords(dir, contract_services[i]->name, &count, err);
	if (st == ST_OK)
		st = make_password(dir, "db", SUPERVIEW, &count, err);
	if (st == ST_OK)
		st = make_password(dir, "nats", OBSERVER_SECRET, &count, err);
	if (st == ST_OK)
		printf("keys: %d secrets made\n", count);
	return st;
}
