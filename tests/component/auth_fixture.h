/*
 * What the tests of auth share: PostgreSQL, nats-server, roles, users and permissions of the bus as
 * the deploy step makes them, the auth program as a process, and calls of its methods over the bus
 * as other services make them. Read next: auth_fixture.c, test_auth_*.c.
 */
#ifndef COMPONENT_AUTH_FIXTURE_H
#define COMPONENT_AUTH_FIXTURE_H

#include "component/world.h"
#include "contract/auth.h"

#include <stdint.h>

/* Starts all of it, migrates, makes the first operator and changes his key for a token. Fails hard:
 * no test can run without. */
void world_start(struct world *w);
void world_stop(struct world *w);

/* Starts a copy of auth and waits until it answers; SIGTERM and the exit code. */
struct tk_proc *world_spawn(struct world *w);
/* The same with one more setting, e.g. "PP_WORKERS", "1". */
struct tk_proc *world_spawn_with(struct world *w, const char *name, const char *value);
int world_end(struct tk_proc *p);
/* Runs auth with flags (NULL-ended) and collects what it prints; the exit code. */
int world_run(struct world *w, char *out, size_t cap, const char *const *flags);

/* ---- calls ---- */

/* One call; the answer lives until world_fresh. Not for threads. */
struct reply world_call(struct world *w, struct caller who, enum auth_method method,
			const void *in);
/* The same for threads: the answer lives in `a`, the call goes out on `bus`. */
struct reply world_call_on(struct bus *bus, struct arena *a, struct caller who,
			   enum auth_method method, const void *in);

/* ---- shortcuts, which fail the test unless they succeed ---- */

/* A new tenant whose admin has this address and GOOD_PASSWORD; its id. */
const char *world_tenant(struct world *w, const char *admin_email);
#define GOOD_PASSWORD "kbdvgxqp wlznmt"
struct reply world_login(struct world *w, const char *email, const char *password,
			 const char *tenant_id);
const Auth__V1__Tokens *world_must_login(struct world *w, const char *email);
struct reply world_refresh(struct world *w, const char *refresh_token);
const Auth__V1__Tokens *world_must_refresh(struct world *w, const char *refresh_token);
/* The refresh token is answered as every bad one is. */
void world_assert_refused(struct world *w, const char *refresh_token);
struct reply world_logout(struct world *w, const char *refresh_token);
const Auth__V1__Brand *world_brand(struct world *w, const char *token, const char *name,
				   const char *domain);
const Auth__V1__User *world_user(struct world *w, const char *token, const char *email,
				 Auth__V1__UserRole role, const char *brand_id);
/* Lists brands with the token: what a service does with any token of a viewer. */
struct reply world_list_brands(struct world *w, const char *token);
/* A claim of an access token as text ("" when absent); numbers in digits. */
const char *world_claim(struct world *w, const char *token, const char *name);

/* ---- conditions ---- */

/* Asks every 20 ms until the answer is `want`; fails at the deadline. */
void world_sql_until(struct world *w, const char *want, const char *query);

/* ---- sessions ---- */

/* The session of the access token; why it ended ("" while it has not); its acts on record. */
const char *world_sid(struct world *w, const Auth__V1__Tokens *t);
const char *world_end_reason(struct world *w, const Auth__V1__Tokens *t);
int64_t world_acts(struct world *w, const Auth__V1__Tokens *t, const char *act);

/* Calls until the status is `want`; returns the microseconds it took, fails at the deadline. */
int64_t world_until(struct world *w, const char *token, enum status want);

#endif
