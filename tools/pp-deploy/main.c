/* pp-deploy: commands and flags. Read next: deploy.h. */
#include "deploy.h"

#include "core/text.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define OPERANDS_MAX 4
#define REPLICAS_MAX 5
#define LIMIT_MAX    100000

static const struct command {
	const char *name;
	int operands_min, operands_max;
	enum status (*run)(int argc, char **argv, const struct options *o, struct error *err);
	const char *usage;
} commands[] = {
	{ "keys", 1, 1, command_keys,
	  "keys DIR                         make the secrets that are missing" },
	{ "nats-conf", 3, 3, command_nats_conf,
	  "nats-conf [--listen HOST] DIR STOREDIR PORT   print the configuration of nats-server" },
	{ "roles", 2, 2, command_roles,
	  "roles DIR ADMIN_CONNINFO         database, roles, schemas" },
	{ "streams", 1, 2, command_streams,
	  "streams [--wipe] [--replicas N] DIR [NATS_URL]   streams and consumers" },
	{ "env", 2, 2, command_env,
	  "env DIR SERVICE                  print a service's environment as shell lines" },
	{ "nats-url", 1, 1, command_nats_url,
	  "nats-url DIR                     print the bus's address for who hears all and says "
	  "nothing" },
	{ "dlq", 2, 2, command_dlq,
	  "dlq list DIR [--service S] [--limit N]   dead letters, one a line, tabs between: "
	  "number,\n"
	  "                                   time, service, consumer, tenant, event id, bytes, "
	  "reason\n"
	  "  pp-deploy dlq replay DIR (--all | --seq N) [--service S]   hand them to their "
	  "consumer again\n"
	  "  pp-deploy dlq drop DIR --seq N [--service S]   forget one for good" },
};

static int usage(void)
{
	fputs("usage:\n", stderr);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(stderr, "  pp-deploy %s\n", commands[i].usage);
	fputs("DIR holds the secrets, and the addresses in pg.env (PGHOST, PGPORT) and nats.env "
	      "(NATS_URL).\n",
	      stderr);
	return 2;
}

/* A number's flag: false when its value is missing or out of range. */
static bool take_number(int argc, char **argv, int *i, int64_t max, int64_t *n)
{
	return *i + 1 < argc && parse_i64(argv[++*i], 1, max, n);
}

/* Takes the flag at argv[*i], if it is one; false when it is malformed. */
static bool take_flag(int argc, char **argv, int *i, struct options *o)
{
	const char *flag = argv[*i];
	int64_t n;

	if (strcmp(flag, "--wipe") == 0) {
		o->wipe = true;
	} else if (strcmp(flag, "--all") == 0) {
		o->all = true;
	} else if (strcmp(flag, "--replicas") == 0) {
		if (!take_number(argc, argv, i, REPLICAS_MAX, &n))
			return false;
		o->replicas = (int)n;
	} else if (strcmp(flag, "--limit") == 0) {
		if (!take_number(argc, argv, i, LIMIT_MAX, &n))
			return false;
		o->limit = (int)n;
	} else if (strcmp(flag, "--seq") == 0) {
		if (!take_number(argc, argv, i, INT64_MAX, &n))
			return false;
		o->seq = (uint64_t)n;
	} else if (strcmp(flag, "--listen") == 0 && *i + 1 < argc) {
		o->listen = argv[++*i];
	} else if (strcmp(flag, "--service") == 0 && *i + 1 < argc) {
		o->service = argv[++*i];
	} else {
		return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	struct options options = { .replicas = 1, .limit = DLQ_LIST_LIMIT, .listen = "127.0.0.1" };
	char *operands[OPERANDS_MAX];
	struct error err = { .status = ST_OK };
	int n = 0;

	for (int i = 2; i < argc; i++) {
		if (strncmp(argv[i], "--", 2) == 0) {
			if (!take_flag(argc, argv, &i, &options))
				return usage();
		} else if (n < OPERANDS_MAX) {
			operands[n++] = argv[i];
		} else {
			return usage();
		}
	}
	for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, argv[1]) != 0 || n < commands[i].operands_min ||
		    n > commands[i].operands_max)
			continue;
		if (sodium_init() < 0)
			return 1;
		if (commands[i].run(n, operands, &options, &err) == ST_OK)
			return fflush(stdout) == 0 ? 0 : 1;
		fprintf(stderr, "pp-deploy: %s%s%s\n", err.field, err.field[0] != '\0' ? ": " : "",
			err.detail);
		return 1;
	}
	return usage();
}
