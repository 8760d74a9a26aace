/*
 * Commands before serving. --bootstrap makes the first operator of the platform and prints the API
 * key, once: only its hash is kept.
 * --rotate-signing-key is for the day a key may have leaked; running copies hear of it within their
 * poll.
 */
#include "core/id.h"
#include "service.h"
#include "store.h"

#include <stdio.h>
#include <string.h>

#define COMMAND_ARENA_MAX ((size_t)64 * 1024)

static int fail(const struct error *err)
{
	fprintf(stderr, "auth: %s\n", err->detail[0] ? err->detail : "failed");
	return 1;
}

static int bootstrap(struct svc *svc, struct arena *a, bool more)
{
	const char *key = credential_new(a, CREDENTIAL_OPERATOR);
	uint8_t hash[CREDENTIAL_HASH];
	char operator_id[UUID_TEXT];
	struct error err = { 0 };
	bool added = false;

	uuid_v7(operator_id);
	if (!credential_hash(CREDENTIAL_OPERATOR, key, hash))
		return fail(&err);
	if (store_operator_add(svc_worker_db(svc), a, operator_id, hash, more, &added, &err) !=
	    ST_OK)
		return fail(&err);
	if (!added) {
		fputs("auth: there is an operator already; his key was printed when he was made "
		      "and cannot be shown again."
		      " --bootstrap --force-new-operator-key makes another operator.\n",
		      stderr);
		return 1;
	}
	/* Nothing but the key, so that a script can read it. */
	return printf("%s\n", key) < 0 || fflush(stdout) != 0;
}

static int rotate(struct svc *svc)
{
	struct error err = { 0 };
	bool rotated = false;

	if (signer_rotate(svc, 0, &rotated, &err) != ST_OK || !rotated)
		return fail(&err);
	return puts("a new signing key is in place") < 0;
}

bool auth_command(struct svc *svc, void *app, int argc, char **argv, int *exit_code)
{
	const char *flag = argc > 1 ? argv[1] : "";
	bool more = argc == 3 && strcmp(argv[2], "--force-new-operator-key") == 0;
	struct arena *a;

	(void)app;
	if (strcmp(flag, "--rotate-signing-key") == 0 && argc == 2) {
		*exit_code = rotate(svc);
		return true;
	}
	if (strcmp(flag, "--bootstrap") != 0)
		return false;
	*exit_code = 2;
	if (argc > 2 && !more) {
		fputs("usage: auth --bootstrap [--force-new-operator-key]\n", stderr);
		return true;
	}
	a = arena_new(COMMAND_ARENA_MAX);
	if (a)
		*exit_code = bootstrap(svc, a, more);
	arena_free(a);
	return true;
}
