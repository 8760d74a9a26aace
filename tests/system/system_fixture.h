/*
 * The whole suite for one test program: servers, services and simulator in a directory of its own,
 * started by deploy/local/suite.sh as the demo starts them, and ended however the program ends.
 * Read next: system_world.h (tenants, brands, syncs), docs/internals/testing.md.
 *
 * Every wait and request has a limit. What cannot be done ends the program with a message: a
 * fixture has no other use. One thread only.
 */
#ifndef SYSTEM_FIXTURE_H
#define SYSTEM_FIXTURE_H

#include "bus/bus.h"
#include "core/arena.h"
#include "core/contract.h"
#include "core/id.h"
#include "http/client.h"
#include "testkit/testkit.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define SUITE_CALL_MS  30000 /* one request over HTTP */
#define SUITE_WAIT_MS  60000 /* a condition that must come true */
#define SUITE_KEY_TEXT 128   /* an operator's key */
#define EDGE_SERVICE   "api-edge"

struct suite {
	char dir[TK_TEXT];
	char edge[TK_TEXT], simulator[TK_TEXT]; /* base addresses */
	int edge_port;
	char operator_key[SUITE_KEY_TEXT];
	struct http_client *http;
	struct arena *arena; /* reset by each suite_send */
};

/* Starts everything with the dataset (path from the checkout's root, or absolute). */
void suite_up(struct suite *s, const char *dataset);
/* Ends everything. The guardian would, too; this is for who wants to see it done. */
void suite_down(struct suite *s);
/* suite.sh <command> DIR <name>: start, stop, kill. */
void suite_command(struct suite *s, const char *command, const char *name);
/* Process number of a service (or "simulator"); 0 when suite.sh knows none. */
pid_t suite_pid(const struct suite *s, const char *name);
/* True when that very process is alive. */
bool suite_alive(pid_t pid);
/* Value of NAME in DIR/<file> ("pg.env", "pid/auth.env"), quotes taken off. */
void suite_setting(const struct suite *s, const char *file, const char *name, char *out,
		   size_t cap);

/* ---- HTTP ---- */

/*
 * One request of the gateway (path) or of the simulator (absolute URL). `token` is an access token
 * or an operator's key, "" for none; `body` may be NULL. The answer lives until the next call. Ends
 * the program when there is no whole answer.
 */
struct http_response suite_send(struct suite *s, const char *method, const char *path,
				const char *token, const char *type, const char *body, size_t len);
/* As suite_send with a JSON body; must answer `want`. The caller deletes the tree. */
cJSON *suite_json(struct suite *s, const char *method, const char *path, const char *token,
		  const char *body, int want);
/* A string member, "" when there is none. */
const char *json_text(const cJSON *o, const char *name);

/* ---- database, seen through pp_superview (reads only, all tenants) ---- */

/* First column of the first row as text, "" when there is none; in the caller's buffer. `arg` is
 * $1, may be NULL. */
void suite_sql(struct suite *s, const char *sql, const char *arg, char *out, size_t cap);
/* The first column of all rows, in an array of strings that ends with NULL; free with sql_free. */
char **suite_sql_list(struct suite *s, const char *sql, const char *arg);
void sql_free(char **list);
/*
 * What the tenant has in every table of every service that names a tenant: a line per table with
 * the number of rows and a hash of their content. free() it.
 */
char *suite_rows_of(struct suite *s, const char *tenant_id);
/*
 * Ids and texts that the tables hold of a tenant (column "tenant_id") or brand ("brand_id"), long
 * enough not to stand in an answer by chance. Free with sql_free.
 */
char **suite_secrets(struct suite *s, const char *column, const char *id);
/* A line per table of any service with the number of its rows. free() it. */
char *suite_counts(struct suite *s);
/* Waits until nothing is under way for the tenant: no run, no event unsent, rows standing still. */
void suite_settle(struct suite *s, const char *tenant_id);
/* The first lines in which two results of suite_rows_of differ, for a message. */
const char *rows_difference(const char *before, const char *after);

/* ---- bus ---- */

/* A connection as that service's NATS user. Close with bus_close. */
struct bus *suite_bus(struct suite *s, const char *service);

/* ---- ends the program ---- */

_Noreturn void suite_fail(const char *fmt, ...) PRINTF_LIKE(1, 2);

#endif
