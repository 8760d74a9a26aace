/* `pp-deploy nats-conf`: the configuration of nats-server. Read next: permissions.c. */
#include "deploy.h"
#include "nkey.h"
#include "permissions.h"

#include "core/text.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MAX_PAYLOAD     (1024 * 1024)
#define MAX_CONNECTIONS 4096
#define MEMORY_BYTES    (64LL * 1024 * 1024)

/* A string of the configuration: quoted, since `$` begins a variable elsewhere. */
static void put_string(struct buf *out, const char *text)
{
	buf_putc(out, '"');
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			buf_putc(out, '\\');
		buf_putc(out, *text);
	}
	buf_putc(out, '"');
}

static PRINTF_LIKE(2, 3) void put_subject(void *arg, const char *fmt, ...)
{
	char subject[SUBJECT_CAP];
	struct buf *out = arg;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(subject, sizeof(subject), fmt, ap);
	va_end(ap);
	if (n < 0 || n >= SUBJECT_CAP) {
		out->failed = true;
		return;
	}
	buf_puts(out, "          ");
	put_string(out, subject);
	buf_putc(out, '\n');
}

static void put_permissions(struct buf *out, const char *name)
{
	buf_puts(out, "      permissions: {\n        publish: { allow: [\n");
	permissions_publish(name, put_subject, out);
	buf_puts(out, "        ] }\n        subscribe: { allow: [\n");
	permissions_subscribe(name, put_subject, out);
	buf_puts(out, "        ] }\n      }\n    }\n");
}

static enum status put_user(struct buf *out, const char *dir, const char *name, struct error *err)
{
	char seed[SECRET_CAP], public[NKEY_PUBLIC_TEXT], file[NAME_CAP];
	enum status st;

	snprintf(file, sizeof(file), "%s.seed", name);
	st = secrets_get(dir, "nats", file, seed, err);
	if (st != ST_OK)
		return st;
	if (!nkey_public_of(seed, public))
		st = error_set(err, ST_INVALID, file, "is not the seed of a NATS user");
	sodium_memzero(seed, sizeof(seed));
	if (st != ST_OK)
		return st;
	buf_printf(out, "    { # %s\n      nkey: %s\n", name, public);
	put_permissions(out, name);
	return ST_OK;
}

/* Its password makes the configuration a secret: a URL with it is all that a tool needs. */
static enum status put_observer(struct buf *out, const char *dir, struct error *err)
{
	char password[SECRET_CAP];
	enum status st = secrets_get(dir, "nats", OBSERVER_SECRET, password, err);

	if (st != ST_OK)
		return st;
	buf_puts(out, "    { user: " OBSERVER_NAME "\n      password: ");
	put_string(out, password);
	buf_putc(out, '\n');
	sodium_memzero(password, sizeof(password));
	put_permissions(out, OBSERVER_NAME);
	return ST_OK;
}

/* Every stream may fill up; the server refuses streams beyond its own limit, and counts one that is
 * made again twice. */
static int64_t file_bytes(void)
{
	return ((int64_t)contract_services_n + 1) * STREAM_BYTES + OBS_BYTES + DLQ_BYTES;
}

static void put_server(struct buf *out, const char *listen, int64_t port, const char *store)
{
	buf_puts(out, "# Printed by pp-deploy nats-conf from the contract; not to be edited.\n");
	buf_puts(out, "host: ");
	put_string(out, listen);
	buf_printf(out, "\nport: %" PRId64 "\nmax_payload: %d\nmax_connections: %d\n", port,
		   MAX_PAYLOAD, MAX_CONNECTIONS);
	buf_puts(out, "write_deadline: \"5s\"\njetstream {\n  store_dir: ");
	put_string(out, store);
	buf_printf(out, "\n  max_memory_store: %lld\n  max_file_store: %" PRId64 "\n}\n",
		   MEMORY_BYTES, file_bytes());
}

enum status command_nats_conf(int argc, char **argv, const struct options *o, struct error *err)
{
	char dir[PATH_MAX];
	struct buf out;
	int64_t port;
	enum status st = secrets_open(argv[0], dir, err);

	(void)argc;
	if (st == ST_OK && !parse_i64(argv[2], 1, 65535, &port))
		st = error_set(err, ST_INVALID, "PORT", "is not a number from 1 to 65535");
	if (st != ST_OK)
		return st;
	buf_init(&out, CONFIG_MAX);
	put_server(&out, o->listen, port, argv[1]);
	buf_puts(&out, "authorization {\n  timeout: 5\n  users: [\n");
	for (size_t i = 0; st == ST_OK && bus_user(i) != NULL; i++)
		st = put_user(&out, dir, bus_user(i), err);
	if (st == ST_OK)
		st = put_observer(&out, dir, err);
	buf_puts(&out, "  ]\n}\n");
	if (st == ST_OK && buf_status(&out) != ST_OK)
		st = error_set(err, ST_TOO_LARGE, "nats-conf", "is larger than %d bytes",
			       CONFIG_MAX);
	if (st == ST_OK)
		fputs(buf_str(&out), stdout);
	buf_done(&out);
	return st;
}
