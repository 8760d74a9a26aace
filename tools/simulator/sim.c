/* Opens, closes and dispatches; see sim.h. Read next: the provider you are after. */
#include "sim.h"

#include "anthropic.h"
#include "zone.h"

#include "core/timeutil.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define META_POINTS 9000 /* standard tier: 9,000 points that decay over 300 s */
#define META_PER_S  30
#define TIKTOK_QPS  20
#define MS          INT64_C(1000)

static const struct plan plans[] = {
	{ "standard", "Basic", 100, 2000, false },
	{ "advanced", "Advanced", 200, 4000, false },
	{ "plus", "Shopify Plus", 1000, 20000, true },
	{ "enterprise", "Enterprise", 2000, 40000, true },
};

static const char *const provider_names[PROV_COUNT] = { "shopify", "meta", "tiktok", "google",
							"anthropic" };

const struct plan *plan_find(const char *word)
{
	for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++)
		if (strcmp(plans[i].word, word) == 0)
			return &plans[i];
	return NULL;
}

const char *provider_name(enum provider p)
{
	return provider_names[p];
}

enum provider provider_parse(const char *name)
{
	for (unsigned p = 0; p < PROV_COUNT; p++)
		if (strcmp(provider_names[p], name) == 0)
			return (enum provider)p;
	return PROV_COUNT;
}

/* The dataset as it stands now: with --shift, last_day is yesterday. */
static enum status load(const struct sim *sim, struct dataset **ret, struct error *err)
{
	struct dataset *plain = NULL;
	int32_t today;
	enum status st = dataset_load(&plain, sim->data_dir, INT32_MIN, err);

	if (st != ST_OK || !sim->shift) {
		*ret = plain;
		return st;
	}
	/* The zone is only known from the folder, so a shifted one is read twice. */
	today = zone_day(plain->zone, time_now_us());
	dataset_drop(plain);
	return dataset_load(ret, sim->data_dir, today - 1, err);
}

enum status sim_open(struct sim *sim, struct error *err)
{
	enum status st = load(sim, &sim->data, err);

	if (st != ST_OK)
		return st;
	pthread_rwlock_init(&sim->data_lock, NULL);
	clock_set(&sim->clock,
		  sim->shift ? time_now_us()
			     : zone_instant(sim->data->zone, sim->data->last_day, EVENING_HOUR));
	bucket_init(&sim->shop_bucket, sim->plan->maximum, sim->plan->restore);
	bucket_init(&sim->meta_bucket, META_POINTS, META_PER_S);
	bucket_init(&sim->tiktok_bucket, TIKTOK_QPS, TIKTOK_QPS);
	sim->tokens = tokens_new();
	sim->faults = faults_new();
	sim->stats = stats_new();
	sim->jobs = meta_jobs_new();
	sim->hooks = hooks_new();
	sim->anth_cache = anth_cache_new();
	sim->ledger = anth_ledger_new();
	sim->modes = modes_new();
	if (sim->tokens == NULL || sim->faults == NULL || sim->stats == NULL || sim->jobs == NULL ||
	    sim->hooks == NULL || sim->anth_cache == NULL || sim->ledger == NULL ||
	    sim->modes == NULL)
		return error_set(err, ST_INTERNAL, NULL, "out of memory");
	return ST_OK;
}

void sim_close(struct sim *sim)
{
	dataset_drop(sim->data);
	tokens_free(sim->tokens);
	faults_free(sim->faults);
	stats_free(sim->stats);
	meta_jobs_free(sim->jobs);
	hooks_free(sim->hooks);
	anth_cache_free(sim->anth_cache);
	anth_ledger_free(sim->ledger);
	modes_free(sim->modes);
}

enum status sim_reload(struct sim *sim, struct error *err)
{
	struct dataset *fresh = NULL, *old;
	enum status st = load(sim, &fresh, err);

	if (st != ST_OK)
		return st;
	pthread_rwlock_wrlock(&sim->data_lock);
	old = sim->data;
	sim->data = fresh;
	pthread_rwlock_unlock(&sim->data_lock);
	dataset_drop(old);
	return ST_OK;
}

struct dataset *sim_data(struct sim *sim)
{
	struct dataset *ds;

	pthread_rwlock_rdlock(&sim->data_lock);
	ds = sim->data;
	dataset_hold(ds);
	pthread_rwlock_unlock(&sim->data_lock);
	return ds;
}

struct fault exchange_begin(struct exchange *ex, enum provider p, const char *endpoint)
{
	const char *name = provider_names[p];
	struct fault f = faults_take(ex->sim->faults, name, endpoint);
	int64_t wait_ms = ex->sim->latency_ms + atomic_load(&ex->sim->pace_ms[p]) + f.delay_ms;

	stats_add(ex->sim->stats, name, endpoint, STAT_REQUESTS);
	if (f.kind != FAULT_NONE)
		stats_add(ex->sim->stats, name, endpoint, STAT_FAULTS);
	if (f.kind == FAULT_TRUNCATE)
		ex->rep->mangle = MANGLE_TRUNCATE;
	if (f.kind == FAULT_BAD_JSON)
		ex->rep->mangle = MANGLE_BAD_JSON;
	if (wait_ms > 0)
		time_sleep_us(time_mono_us() + wait_ms * MS);
	return f;
}

void exchange_page(struct exchange *ex, enum provider p, const char *endpoint, const char *cursor)
{
	stats_page(ex->sim->stats, provider_names[p], endpoint, cursor);
}

void exchange_throttled(struct exchange *ex, enum provider p, const char *endpoint)
{
	stats_add(ex->sim->stats, provider_names[p], endpoint, STAT_THROTTLED);
}

static bool is_version(const char *s, bool with_point)
{
	size_t digits = s[0] == 'v' ? strspn(s + 1, "0123456789") : 0;

	if (digits == 0)
		return false;
	if (!with_point)
		return s[1 + digits] == '\0';
	return s[1 + digits] == '.' && strspn(s + 2 + digits, "0123456789") > 0;
}

static void dispatch(struct exchange *ex)
{
	const char *first = ex->req->seg[0];

	if (strcmp(first, "control") == 0)
		control_handle(ex);
	else if (anthropic_owns(ex->req))
		anthropic_handle(ex);
	else if (strcmp(first, "admin") == 0)
		shopify_handle(ex);
	else if (strcmp(first, "open_api") == 0)
		tiktok_handle(ex);
	else if (strcmp(first, "token") == 0)
		google_token(ex);
	else if (is_version(first, true))
		meta_handle(ex);
	else if (is_version(first, false))
		google_handle(ex);
	else
		web_json(ex->rep, 404, "{\"errors\":\"Not Found\"}");
}

void sim_serve(struct sim *sim, struct mg_connection *conn)
{
	struct web_reply rep = { .status = 200, .type = "application/json" };
	struct arena *arena = arena_new(WEB_ARENA_MAX);
	struct web_request *req = arena != NULL ? arena_alloc(arena, sizeof(*req)) : NULL;

	buf_init(&rep.headers, 16384);
	buf_init(&rep.body, WEB_ANSWER_MAX);
	if (req == NULL) {
		web_html(&rep, 503, "out of memory");
	} else if (web_read(conn, arena, req, &rep)) {
		struct dataset *ds = sim_data(sim);
		struct exchange ex = { sim, ds, req, &rep, arena, clock_now(&sim->clock), conn };

		dispatch(&ex);
		dataset_drop(ds);
	}
	if (!rep.sent)
		web_send(conn, &rep, clock_now(&sim->clock));
	buf_done(&rep.headers);
	buf_done(&rep.body);
	arena_free(arena);
}

static int on_request(struct mg_connection *conn)
{
	sim_serve(mg_get_user_data(mg_get_context(conn)), conn);
	return 200;
}

struct mg_context *sim_listen(struct sim *sim, int port, int *ret_port)
{
	static const struct mg_callbacks callbacks = { .begin_request = on_request };
	char address[SIM_ADDRESS_MAX];
	struct mg_server_port bound[1];
	struct mg_context *ctx;

	if (snprintf(address, sizeof(address), "%s:%d", sim->listen ? sim->listen : "127.0.0.1",
		     port) >= (int)sizeof(address))
		return NULL;
	/* Paths stay encoded, so that an id may hold a slash; a thread for each connection. */
	const char *settings[] = { "listening_ports",
				   address,
				   "num_threads",
				   "128",
				   "enable_keep_alive",
				   "yes",
				   "keep_alive_timeout_ms",
				   "60000",
				   "request_timeout_ms",
				   "60000",
				   "tcp_nodelay",
				   "1",
				   "decode_url",
				   "no",
				   "max_request_size",
				   "65536",
				   NULL };

	ctx = mg_start(&callbacks, sim, settings);
	if (ctx != NULL && mg_get_server_ports(ctx, 1, bound) == 1)
		*ret_port = bound[0].port;
	return ctx;
}
