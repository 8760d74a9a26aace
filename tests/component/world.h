/*
 * What the tests around a running service share: PostgreSQL and nats-server with roles, users,
 * permissions and streams as the deploy step makes them, programs as processes, tokens, and the
 * test in the places of the services' neighbours: calling, answering, publishing, listening. Read
 * next: world.c, and the fixtures that add a service: auth_fixture.h, attribution_fixture.h,
 * telemetry_fixture.h, alerts_fixture.h, shopify_fixture.h.
 */
#ifndef COMPONENT_WORLD_H
#define COMPONENT_WORLD_H

#include "bus/bus.h"
#include "core/arena.h"
#include "core/contract.h"
#include "core/id.h"
#include "testkit/testkit.h"

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>

#define WORLD_LIMIT_MS 60000 /* for anything the world waits for; then the test fails */
#define WORLD_BUSES    8
#define WORLD_DIR      "world" /* in the test kit's directory */

struct world {
	struct arena *arena;            /* of answers; emptied by world_fresh */
	struct arena *keep;             /* of what lasts as long as the world */
	const char *dir;                /* settings and secrets of the deploy step */
	const char *pg;                 /* superuser's connection string */
	struct pg_conn *super;          /* of libpq */
	struct bus *edge;               /* as the user api-edge */
	struct bus *buses[WORLD_BUSES]; /* as others, see world_bus */
	const char *users[WORLD_BUSES];
	struct tk_nats *nats;
	struct tk_proc *service; /* the program under test, when the fixture started one */
	/* Auth in person (auth_fixture.h) ... */
	struct tk_proc *auth;
	const char *operator_token;
	/* ... or played: one key that signs the tokens of the tests. */
	char private_pem[512], public_pem[512];
	struct bus *auth_bus;
	struct bus_server *access;
};

/* Starts the servers and connects as superuser and as api-edge. Fails hard: no test can run
 * without. */
void world_open(struct world *w);
void world_close(struct world *w);
/* Forgets the answers of the test before. */
void world_fresh(struct world *w);

/* ---- the deploy step ---- */

/* A step of pp-deploy that must succeed (words end with NULL); what it prints, in the arena. */
const char *world_deploy_words(struct world *w, const char *const *words);
#define world_deploy(w, ...) world_deploy_words(w, (const char *const[]){ __VA_ARGS__, NULL })
/* Makes streams and consumers again, as the deploy step does after the broker lost its disk. */
void world_streams(struct world *w);
/* Writes a file of that name beside the settings; its path, valid until the next call. */
const char *world_file(struct world *w, const char *name, const char *text);
/* The environment of a program as pp-deploy prints it; free with tk_env_done. */
void world_env(struct world *w, const char *user, struct tk_env *env);

/* ---- programs ---- */

void world_migrate(struct world *w, const char *program);
/* Starts it with an environment of world_env's, which it frees, and waits until it says that it
 * runs. */
struct tk_proc *world_program(struct world *w, const char *program, struct tk_env *env);
/* SIGTERM; the exit code must be 0. */
void world_program_stop(struct tk_proc *p);

/* ---- the bus ---- */

/* A connection as that user; made at the first use, closed by world_close. One thread only. */
struct bus *world_bus(struct world *w, const char *user);
/* One of the caller's own, to be closed with bus_close. */
struct bus *world_bus_new(struct world *w, const char *user);

struct reply {
	enum status status;
	char field[ERROR_FIELD_MAX], detail[ERROR_DETAIL_MAX];
	int retry_after_s;
	const void *out; /* the method's output message when status is ST_OK */
};
struct caller {
	const char *token, *key, *ip; /* any may be NULL; key: Idempotency-Key */
	int wait_ms;                  /* 0: 30 s */
};
/* One call of a method on that connection; the answer lives in `a`. For threads, too. */
struct reply world_ask(struct bus *bus, struct arena *a, struct caller who,
		       const struct contract_method *method, const void *in);
/* The message of an answer; anything but ST_OK fails the test. */
const void *world_must(struct reply r, const char *what);

/* ---- in a neighbour's place ---- */

/* Serves a method as its owner would; `arg` goes to `fn`. Stop with bus_server_stop. */
struct bus_server *world_serve(struct bus *bus, const struct contract_method *method,
			       bus_serve_fn *fn, void *arg);
/* Answers with a message (NULL: none) or, with `detail`, refuses. From any thread. */
void world_reply(struct bus *bus, struct bus_msg *m, enum status st, const char *detail,
		 const void *message);
/* Plays auth as far as tokens go: makes a key and answers auth.AccessState. */
void world_play_auth(struct world *w);
/* Verifies tokens of the played auth as that service would; the caller frees it. */
struct access *world_access(struct world *w, const char *service);
/* A token of that tenant by the played auth; `brands` "" for all. In the arena. */
const char *world_token(struct world *w, const char *tenant, enum role role, const char *brands);
struct access_claims;
/* Signs any claims as the played auth. In the arena given. */
const char *world_sign(struct world *w, struct arena *a, const struct access_claims *c);

struct sending {
	const char *actor;  /* NULL: the owner */
	const char *id;     /* NULL: a new one */
	const char *replay; /* the id of an event that is sent again under another; NULL: none */
	int64_t at_us;      /* 0: now */
};
/* Publishes an event as its owner would. */
void world_publish(struct world *w, const char *tenant, const struct contract_event *event,
		   const void *message, struct sending how);
/* The service's own place at an event; the caller closes it. */
struct bus_consumer *world_listen(struct world *w, const char *service,
				  const struct contract_event *event);
/* The next message of the tenant there, in the arena; NULL when none comes within wait_ms. Others'
 * are skipped. */
const void *world_next(struct world *w, struct bus_consumer *consumer, const char *tenant,
		       const ProtobufCMessageDescriptor *type, int wait_ms);

/* ---- the database, as its superuser ---- */

/* The first column of the first row, "" when there is none. */
const char *world_sql(struct world *w, const char *fmt, ...) PRINTF_LIKE(2, 3);
int64_t world_sql_int(struct world *w, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Waits until the answer is that number; no row is none. */
void world_sql_reach(struct world *w, int64_t want, const char *fmt, ...) PRINTF_LIKE(3, 4);

#endif
