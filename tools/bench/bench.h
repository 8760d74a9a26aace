/*
 * What the parts of the bench share: a load of callers and its figures, and a service's place to
 * run in. Read next: main.c, then docs/internals/bench.md.
 */
#ifndef BENCH_H
#define BENCH_H

#include "access/access.h"
#include "svc/svc.h"

#include <stdbool.h>
#include <stdint.h>

#define BENCH_CALLERS_MAX 256

/* ---- load.c ---- */

/* What one caller does again and again; `caller` is its own number. False counts as an error. */
typedef bool load_fn(void *arg, int caller);
struct load {
	int callers;
	int seconds; /* measured, after one second that is not */
	load_fn *once;
	void *arg;
};
struct load_result {
	double per_second;
	int64_t p50_us, p99_us, max_us;
	uint64_t done, errors;
};
/* Runs the load to its end; false when threads or memory are out. */
bool load_run(const struct load *l, struct load_result *ret);
/* "RESULT per_second p50_ms p99_ms errors", which bench.sh reads. */
void load_print(const struct load_result *r);

/* ---- service.c ---- */

/* What a part does on a thread of its own while the runtime of a service runs; false: it failed,
 * and has said why. */
typedef bool bench_act_fn(struct svc *svc, void *arg);
/* Runs it in the place of the service of that name and ends the runtime after it: the exit code. */
int bench_as_service(const char *name, const char *summary, bench_act_fn *act, void *arg);
/* The token in a file's first line; false with a message when there is none. */
bool bench_token(const char *path, char out[ACCESS_TOKEN_MAX]);

/* ---- calls.c ---- */

/* One call or several with `call`; false counts as an error, and call->err is printed. */
typedef bool bench_call_fn(struct call *call, void *arg);
struct bench_calls {
	const char *name, *summary; /* the service that calls */
	int call_ms;
	bench_call_fn *first; /* before the load; may be NULL */
	bench_call_fn *once;  /* the load */
	void *arg;
};
/* Runs the load of that many callers, the numbers as they were given, and prints it: the exit code.
 */
int bench_calls(const struct bench_calls *calls, const char *token_file, const char *callers,
		const char *seconds);

/* ---- the commands: their exit codes ---- */

/* serve TOKEN_FILE: auth's contract on libs/svc, lists of brands from memory. */
int bench_serve(int argc, char **argv);
/* echo BYTES: answers each request for a list of brands with that many bytes, on bare cnats. */
int bench_echo(int argc, char **argv);
/* typed TOKEN_FILE CALLERS SECONDS: calls the service as the edge does. */
int bench_typed(int argc, char **argv);
/* bare CALLERS SECONDS: the same request on bare cnats. */
int bench_bare(int argc, char **argv);
/* events ads|orders TENANT BRAND ROWS ROWS_PER_EVENT: PP_DB_APP is the service's, WATCH_DB
 * attribution's. */
int bench_events(int argc, char **argv);
/* telemetry TENANT ROWS paced|flood: rows of api-edge; WATCH_DB, when it is set, observability's.
 */
int bench_telemetry(int argc, char **argv);
/* alerts BASE_URL TENANT TOKEN_FILE ALERTS: so many changes of a rule of a tenant that has no other
 * requests, each until its webhook is here. */
int bench_alerts(int argc, char **argv);

/* billing TOKEN_FILE BRAND CALLERS SECONDS: reserve and settle, as ai-insights does. */
int bench_billing(int argc, char **argv);

/* A whole number of an argument in [min, max]; prints which one is wrong and ends the program. */
int64_t bench_number(const char *what, const char *text, int64_t min, int64_t max);

#endif
