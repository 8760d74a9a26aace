/*
 * auth: tenants, users, brands, sessions and the keys that sign tokens. Read next: README.md,
 * handlers.c (what it answers), store.h (what it keeps), migrations/.
 */
#ifndef AUTH_SERVICE_H
#define AUTH_SERVICE_H

#include "contract/auth.h"
#include "hasher.h"
#include "signer.h"
#include "svc/svc.h"

#include <pthread.h>

/* Zeroed at start; unchanging once auth_start has returned, but for what is behind a lock. */
struct auth {
	struct hasher hasher;
	struct signer signer;
	pthread_t keeper;
	bool keeper_on;
};

extern const struct auth_handlers auth_handlers;

/* keeper.c: the hooks of svc_spec, and the thread that forgets what is dead. */
enum status auth_start(struct svc *svc, void *app, struct error *err);
void auth_stop(struct svc *svc, void *app);
enum status auth_own_access_state(struct svc *svc, void *app, struct arena *arena,
				  struct access_state *ret, struct error *err);

/* command.c: --bootstrap and --rotate-signing-key. */
bool auth_command(struct svc *svc, void *app, int argc, char **argv, int *exit_code);

#endif
