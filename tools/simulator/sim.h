/*
 * The simulator as a whole: one dataset, one clock, five providers and a control port behind one
 * listening address. Read next: sim.c (who answers what), then a provider: shopify.c, meta.c,
 * tiktok.c, google.c; control.c for the operator.
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "bucket.h"
#include "clock.h"
#include "dataset.h"
#include "faults.h"
#include "stats.h"
#include "tokens.h"
#include "web.h"

#include <pthread.h>

#define SHOPIFY_CLIENT_ID      "pulsepoint"
#define SHOPIFY_CLIENT_SECRET  "simulator-secret"
#define TIKTOK_APP_ID          "pulsepoint-tiktok"
#define TIKTOK_SECRET          "simulator-secret"
#define GOOGLE_CLIENT_ID       "pulsepoint.apps.simulator"
#define GOOGLE_CLIENT_SECRET   "simulator-secret"
#define GOOGLE_DEVELOPER_TOKEN "simulator-developer-token"

#define EVENING_HOUR    20 /* of last_day: where the clock starts */
#define SIM_ADDRESS_MAX 64 /* address and port */

enum provider { PROV_SHOPIFY, PROV_META, PROV_TIKTOK, PROV_GOOGLE, PROV_ANTHROPIC, PROV_COUNT };

struct plan {
	const char *word, *name; /* "--plan advanced", "Advanced" */
	int64_t restore, maximum;
	bool plus;
};

struct meta_jobs;
struct hooks;
struct anth_cache;
struct anth_ledger;
struct modes;

struct sim {
	const char *data_dir;
	const char *listen; /* address; NULL: 127.0.0.1 */
	bool shift;
	int64_t latency_ms;
	const struct plan *plan;
	pthread_rwlock_t data_lock; /* over the pointer only */
	struct dataset *data;
	struct sim_clock clock;
	struct tokens *tokens;
	struct faults *faults;
	struct stats *stats;
	struct meta_jobs *jobs;
	struct hooks *hooks;
	struct anth_cache *anth_cache;
	struct anth_ledger *ledger;
	struct modes *modes;
	struct bucket shop_bucket, meta_bucket, tiktok_bucket;
	_Atomic int64_t pace_ms[PROV_COUNT];
};

/* One request on its way: everything a provider needs to answer. */
struct exchange {
	struct sim *sim;
	const struct dataset *data;
	const struct web_request *req;
	struct web_reply *rep;
	struct arena *arena;
	int64_t now;
	struct mg_connection *conn; /* for who sends as it goes; then rep->sent is set */
};

/* Reads the folder and prepares everything; `err` says what is wrong with it. */
enum status sim_open(struct sim *sim, struct error *err) MUST_USE;
void sim_close(struct sim *sim);
/* Reads the folder again; on an error the old data stay. */
enum status sim_reload(struct sim *sim, struct error *err) MUST_USE;
/* The data of now; give them back with dataset_drop. */
struct dataset *sim_data(struct sim *sim);
/* Listens on sim->listen (port 0: a free one) and answers until mg_stop. NULL when it cannot. */
struct mg_context *sim_listen(struct sim *sim, int port, int *ret_port);
/* Answers one request. */
void sim_serve(struct sim *sim, struct mg_connection *conn);
/* The plan of that word, or NULL. */
const struct plan *plan_find(const char *word);
const char *provider_name(enum provider p);
enum provider provider_parse(const char *name); /* PROV_COUNT when unknown */

/*
 * Counts the request, waits as long as latency, pace and a "slow" fault say, and takes the fault
 * for it. Truncation and bad JSON are noted in the answer; every other kind is the provider's to
 * shape.
 */
struct fault exchange_begin(struct exchange *ex, enum provider p, const char *endpoint);
void exchange_page(struct exchange *ex, enum provider p, const char *endpoint, const char *cursor);
void exchange_throttled(struct exchange *ex, enum provider p, const char *endpoint);

void shopify_handle(struct exchange *ex);
void shopify_token(struct exchange *ex);
void meta_handle(struct exchange *ex);
void tiktok_handle(struct exchange *ex);
void google_handle(struct exchange *ex);
void google_token(struct exchange *ex);
void control_handle(struct exchange *ex);

struct meta_jobs *meta_jobs_new(void);
void meta_jobs_free(struct meta_jobs *jobs);
struct hooks *hooks_new(void);
void hooks_free(struct hooks *hooks);

#endif
