/*
 * pp-deploy: the deploy step, the only program with rights to make roles, streams and consumers.
 * Everything it makes comes from the contract's tables, so a new service needs no change here. Read
 * next: main.c, docs/internals/contract.md.
 */
#ifndef DEPLOY_DEPLOY_H
#define DEPLOY_DEPLOY_H

#include "core/buf.h"
#include "core/contract.h"
#include "core/status.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EDGE_NAME       "api-edge"
#define DEPLOY_NAME     "deploy"
#define OBSERVER_NAME   "observer" /* of people: hears events, says nothing; has a password */
#define OBSERVER_SECRET OBSERVER_NAME ".password" /* in DIR/nats */
#define DATABASE        "pulsepoint"
#define SUPERVIEW       "pp_superview"
#define DLQ_STREAM      "dlq"
#define NAME_CAP        80 /* a service's name, a role, a stream; the generator caps tokens at 64 */
#define SUBJECT_CAP     512
#define SECRET_CAP      256 /* one line of a secret file */
#define VALUE_CAP       256 /* one setting */
#define CONFIG_MAX      (1024 * 1024)
#define STREAM_BYTES \
	(1024LL * 1024 * 1024) /* of one publishing service's events; the oldest go first */
#define OBS_STREAM     "obs"   /* request telemetry; of its reader see telemetry_durable() */
#define OBS_BYTES      (512LL * 1024 * 1024)
#define DLQ_BYTES      (256LL * 1024 * 1024)
#define DLQ_LIST_LIMIT 100 /* lines unless --limit says more */

/* Flags of the command line. */
struct options {
	bool wipe, all;
	uint64_t seq; /* 0: none */
	int replicas, limit;
	const char *listen, *service;
};

/* The commands; `argv` holds the operands after the flags were taken out. */
enum status command_keys(int argc, char **argv, const struct options *o,
			 struct error *err) MUST_USE;
enum status command_nats_conf(int argc, char **argv, const struct options *o,
			      struct error *err) MUST_USE;
enum status command_roles(int argc, char **argv, const struct options *o,
			  struct error *err) MUST_USE;
enum status command_streams(int argc, char **argv, const struct options *o,
			    struct error *err) MUST_USE;
enum status command_env(int argc, char **argv, const struct options *o, struct error *err) MUST_USE;
enum status command_nats_url(int argc, char **argv, const struct options *o,
			     struct error *err) MUST_USE;
enum status command_dlq(int argc, char **argv, const struct options *o, struct error *err) MUST_USE;

/* ---- names ---- */

/* The i-th user of the bus: the contract's services, then api-edge, then deploy; NULL after the
 * last. */
const char *bus_user(size_t i);
/* "ingest-shopify" to "ingest_shopify": schema and role prefix. */
void schema_name(const char *service, char out[NAME_CAP]);
/*
 * The i-th subject of a service's own beside pp.evt...: "pp.alert.*.*.*" for events that name one,
 * each once. False after the last.
 */
bool own_subject(const struct contract_service *s, size_t i, char out[SUBJECT_CAP]);
/* The durable consumer of telemetry: "observability-obs". */
void telemetry_durable(const struct contract_service *s, char out[NAME_CAP]);
/* Kinds of database roles of a service: "owner", "app", "worker"; NULL ends. */
extern const char *const role_kinds[];

/* ---- the secrets' directory (secrets.c) ---- */

/* The absolute path of `dir`, which must be a directory. */
enum status secrets_open(const char *dir, char out[PATH_MAX], struct error *err) MUST_USE;
/*
 * Writes `text` and a newline to dir/sub/name with mode 0600 unless it exists; `made` says which.
 * An existing file is never touched, and no half-written one is ever seen under its name.
 */
enum status secrets_put_once(const char *dir, const char *sub, const char *name, const char *text,
			     bool *made, struct error *err) MUST_USE;
/* The first line of dir/sub/name. Refuses a file that group or others may read. */
enum status secrets_get(const char *dir, const char *sub, const char *name, char out[SECRET_CAP],
			struct error *err) MUST_USE;
/* The value of `key` in dir/file (key=value lines), or `fallback`; an error when both are missing.
 */
enum status setting_get(const char *dir, const char *file, const char *key, const char *fallback,
			char out[VALUE_CAP], struct error *err) MUST_USE;
/* Path of a file below dir. */
enum status secrets_path(const char *dir, const char *sub, const char *name, char out[PATH_MAX],
			 struct error *err) MUST_USE;

/* ---- text forms ---- */

/* Appends 'text' as one single-quoted shell word. */
void put_shell_word(struct buf *b, const char *text);
/* Appends "key=value " of a libpq connection string. */
void put_conninfo(struct buf *b, const char *key, const char *value);

#endif
