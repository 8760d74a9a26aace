/*
 * kill -9 in the middle of a sync: each service, PostgreSQL, nats-server, and all at once. The
 * syncs of all four platforms are held between 20 and 80 %, the victim is killed and started again;
 * nobody starts a run anew. Afterwards the totals are exact, few pages were fetched twice, and who
 * only lost a neighbour said 503 meanwhile and went on as the same process.
 *
 * A provider is held by the simulator's pace: its next answer takes HOLD_MS.
 */
#include "system/system_servers.h"
#include "system/system_world.h"

#include "core/contract.h"
#include "core/timeutil.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define DATASET     "data/nasty.tar.gz"
#define WALK_MS     120  /* an answer of a provider while the runs begin */
#define HOLD_MS     4000 /* an answer of a provider that is held */
#define PERCENT_MIN 20
#define PERCENT_MAX 80
#define BEGIN_MS    60000
#define RECOVER_MS  60000
#define DONE_MS     120000
#define ANSWER_MS   12000 /* the deadline of the routes asked here is 10 s */
#define STAGES_MAX  5     /* runs that were over before they could be held begin anew */
#define AGAIN_MAX   8     /* pages fetched again for one kill: two for each run */
#define PATH_TEXT   512
#define SERVERS_MAX 32

/* What expected.json of the dataset says. */
#define ORDERS       113
#define GROSS        "965318.954"
#define REFUNDS      "59331.138"
#define NET          "905987.816"
#define SPEND_META   "2018.496"
#define SPEND_GOOGLE "16337.66"

/* Every service of the contract, then the gateway, nats-server and PostgreSQL. */
static const char *servers[SERVERS_MAX];
static int n_services, n_servers; /* services without the gateway */

static struct suite suite;
static struct person admin;
static char brand[UUID_TEXT], runs[WORLD_PLATFORMS][UUID_TEXT];
static long pages_undisturbed, kills, again_all, again_most;

/* ---- asking, while servers may be away ---- */

/* The code, 0 without a whole answer; the answer lives until the next call. */
static int ask(const char *path, struct http_response *r)
{
	struct http_header h = { "Authorization", NULL };
	struct error err = { 0 };
	struct http_request q = { .method = "GET",
				  .headers = &h,
				  .n_headers = 1,
				  .total_ms = ANSWER_MS,
				  .max_body = HTTP_BODY_MAX };

	arena_reset(suite.arena);
	h.value = arena_printf(suite.arena, "Bearer %s", admin.token);
	q.url = arena_printf(suite.arena, "%s%s", suite.edge, path);
	return http_send(suite.http, &q, suite.arena, r, &err) == ST_OK ? r->code : 0;
}

static cJSON *look(int platform)
{
	char path[PATH_TEXT];

	snprintf(path, sizeof(path), "/api/sync/%s/%s", world_platforms[platform], runs[platform]);
	return suite_json(&suite, "GET", path, admin.token, NULL, 200);
}

static int number_of(const cJSON *o, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

	return cJSON_IsNumber(v) ? v->valueint : -1;
}

/* ---- providers ---- */

static void set_pace(int platform, int ms)
{
	char url[2 * TK_TEXT], body[128];

	snprintf(url, sizeof(url), "%s/control/pace", suite.simulator);
	snprintf(body, sizeof(body), "{\"provider\":\"%s\",\"delay_ms\":%d}",
		 world_platforms[platform], ms);
	cJSON_Delete(suite_json(&suite, "POST", url, "", body, 200));
}

static void set_paces(int ms)
{
	for (int i = 0; i < WORLD_PLATFORMS; i++)
		set_pace(i, ms);
}

/* Pages that all providers have served so far. */
static long pages_served(void)
{
	char url[2 * TK_TEXT];
	cJSON *o;
	const cJSON *e;
	long pages = 0;

	snprintf(url, sizeof(url), "%s/control/state", suite.simulator);
	o = suite_json(&suite, "GET", url, "", NULL, 200);
	cJSON_ArrayForEach(e, cJSON_GetObjectItemCaseSensitive(
				      cJSON_GetObjectItemCaseSensitive(o, "served"), "endpoints"))
		pages += number_of(e, "pages");
	cJSON_Delete(o);
	return pages;
}

/* ---- totals ---- */

static int64_t micros_of(const char *amount)
{
	char *end;
	int64_t whole = strtoll(amount, &end, 10), part = 0;
	int64_t unit = 100000;
	bool negative = *amount == '-';

	if (*end == '.')
		for (end++; *end >= '0' && *end <= '9' && unit > 0; end++, unit /= 10)
			part += (*end - '0') * unit;
	return whole * 1000000 + (negative ? -part : part);
}

static int64_t money_of(const cJSON *o, const char *name)
{
	return micros_of(json_text(cJSON_GetObjectItemCaseSensitive(o, name), "amount"));
}

static int64_t spend_of(const cJSON *summary, const char *platform)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(summary, "spend_by_platform"), *p;
	int64_t sum = 0;

	cJSON_ArrayForEach(p, list) if (strcmp(json_text(p, "platform"), platform) == 0) sum +=
		money_of(p, "spend");
	return sum;
}

static void assert_summary(void)
{
	char path[PATH_TEXT];
	cJSON *o;

	snprintf(path, sizeof(path), "/api/brands/%s/summary", brand);
	o = suite_json(&suite, "GET", path, admin.token, NULL, 200);
	assert_int_equal(number_of(o, "orders"), ORDERS);
	assert_int_equal(money_of(o, "gross"), micros_of(GROSS));
	assert_int_equal(money_of(o, "refunds"), micros_of(REFUNDS));
	assert_int_equal(money_of(o, "net"), micros_of(NET));
	assert_int_equal(spend_of(o, "meta"), micros_of(SPEND_META));
	assert_int_equal(spend_of(o, "google"), micros_of(SPEND_GOOGLE));
	assert_int_equal(spend_of(o, "tiktok"), 0);
	cJSON_Delete(o);
}

/* The rows of a table by channel or campaign add up to the totals, unattributed included. */
static void assert_table(const char *model, const char *by)
{
	char path[PATH_TEXT];
	const cJSON *r;
	cJSON *o;
	int64_t net = 0, orders = 0;

	snprintf(path, sizeof(path), "/api/brands/%s/attribution?model=%s&by=%s", brand, model, by);
	o = suite_json(&suite, "GET", path, admin.token, NULL, 200);
	cJSON_ArrayForEach(r, cJSON_GetObjectItemCaseSensitive(o, "rows"))
	{
		net += money_of(r, "revenue");
		orders += micros_of(json_text(r, "orders"));
	}
	cJSON_Delete(o);
	assert_int_equal(net, micros_of(NET));
	assert_int_equal(orders, ORDERS * INT64_C(1000000));
}

static void assert_totals(void)
{
	assert_summary();
	assert_table("last_touch", "channel");
	assert_table("last_touch", "campaign");
	assert_table("linear", "channel");
	assert_table("linear", "campaign");
}

/* ---- runs on their way ---- */

static void begin_runs(void)
{
	make_tenant(&suite, "Kill", &admin);
	make_brand(&suite, &admin, "Kill", brand);
	connect_brand(&suite, &admin, brand);
	set_paces(WALK_MS);
	for (int i = 0; i < WORLD_PLATFORMS; i++)
		start_sync(&suite, &admin, brand, world_platforms[i], runs[i]);
}

enum where { EARLY, THERE, PAST };

/* Whether the run has come to where it may be held. */
static enum where where_is(int platform)
{
	cJSON *o = look(platform);
	bool running = strcmp(json_text(o, "state"), "running") == 0;
	int percent = number_of(o, "percent");
	enum where ret = PAST;

	if (strcmp(json_text(o, "state"), "queued") == 0 || (running && percent < PERCENT_MIN))
		ret = EARLY;
	else if (running && percent <= PERCENT_MAX)
		ret = THERE;
	cJSON_Delete(o);
	return ret;
}

struct holding {
	bool held[WORLD_PLATFORMS];
	bool past; /* one at least went on before it could be held */
};

static bool all_held(void *arg)
{
	struct holding *h = arg;
	int n = 0;

	for (int i = 0; i < WORLD_PLATFORMS; i++) {
		enum where at = h->held[i] ? THERE : where_is(i);

		if (at == THERE && !h->held[i])
			set_pace(i, HOLD_MS);
		h->held[i] = at == THERE;
		h->past = h->past || at == PAST;
		n += h->held[i];
	}
	return h->past || n == WORLD_PLATFORMS;
}

/* False when one is too far for the test: whoever looks was slower than the run. */
static bool hold_all(void)
{
	struct holding h = { .past = false };

	if (!tk_wait_until(all_held, &h, BEGIN_MS))
		suite_fail("the runs do not come far enough");
	for (int i = 0; !h.past && i < WORLD_PLATFORMS; i++) {
		enum where at = where_is(i);

		if (at == EARLY)
			suite_fail("the run of %s fell back", world_platforms[i]);
		h.past = at == PAST;
	}
	return !h.past;
}

static bool all_done(void *arg)
{
	int n = 0;

	(void)arg;
	for (int i = 0; i < WORLD_PLATFORMS; i++) {
		cJSON *o = look(i);
		const char *state = json_text(o, "state");

		if (strcmp(state, "failed") == 0)
			suite_fail("the run of %s failed: %s", world_platforms[i],
				   json_text(o, "error"));
		n += strcmp(state, "done") == 0;
		cJSON_Delete(o);
	}
	return n == WORLD_PLATFORMS;
}

static void finish_runs(void)
{
	if (!tk_wait_until(all_done, NULL, DONE_MS))
		suite_fail("the runs do not end");
}

/* Runs that stand between PERCENT_MIN and PERCENT_MAX; pages that were served before them. */
static long stage_runs(void)
{
	for (int i = 0; i < STAGES_MAX; i++) {
		long before = pages_served();

		begin_runs();
		if (hold_all())
			return before;
		set_paces(0);
		finish_runs();
	}
	suite_fail("the runs are too fast for the test");
}

/* ---- what others say meanwhile ---- */

/* The first route of a service that needs no more than a token: a list of its own. */
static const char *plain_route(const char *service)
{
	const struct contract_service *s = contract_service_find(service);

	for (size_t i = 0; i < s->n_methods; i++) {
		const struct contract_method *m = &s->methods[i];

		if (m->http_path && !m->stream && strcmp(m->http_method, "GET") == 0 &&
		    !strchr(m->http_path, '{'))
			return m->http_path;
	}
	suite_fail("%s has no route that this test can ask", service);
	return NULL;
}

/* A route of each service that answers from its own tables. */
static void route_of(const char *service, char path[PATH_TEXT])
{
	if (strcmp(service, "auth") == 0)
		snprintf(path, PATH_TEXT, "/api/brands");
	else if (strcmp(service, "ingest-shopify") == 0)
		snprintf(path, PATH_TEXT, "/api/sync/shopify/%s", runs[0]);
	else if (strcmp(service, "ingest-ads") == 0)
		snprintf(path, PATH_TEXT, "/api/sync/meta/%s", runs[1]);
	else if (strcmp(service, "attribution") == 0)
		snprintf(path, PATH_TEXT, "/api/brands/%s/summary", brand);
	else
		snprintf(path, PATH_TEXT, "%s", plain_route(service));
}

static bool is_killed(const char *victim, const char *server)
{
	return strcmp(victim, "all") == 0 || strcmp(victim, server) == 0;
}

/* 503 with Retry-After from who needs the victim, 200 from the rest. */
static void assert_meanwhile(const char *victim)
{
	bool needed_by_all =
		strcmp(victim, SERVER_POSTGRES) == 0 || strcmp(victim, SERVER_NATS) == 0;

	for (int i = 0; i < n_services; i++) {
		struct http_response r;
		char path[PATH_TEXT];
		int code;

		route_of(servers[i], path);
		code = ask(path, &r);
		if (is_killed(victim, EDGE_SERVICE)) {
			assert_int_equal(code, 0);
			continue;
		}
		if (code != (needed_by_all || is_killed(victim, servers[i]) ? 503 : 200))
			suite_fail("%s answered %d without %s: %s", path, code, victim,
				   code ? r.body : "");
		if (code == 503)
			assert_in_range(r.retry_after_s, 1, 60);
	}
}

static bool all_answer(void *arg)
{
	struct http_response r;
	char path[PATH_TEXT];

	(void)arg;
	for (int i = 0; i < n_services; i++) {
		route_of(servers[i], path);
		if (ask(path, &r) != 200)
			return false;
	}
	return true;
}

/* ---- a kill ---- */

static void kill_and_start(const char *victim)
{
	pid_t before[SERVERS_MAX];

	for (int i = 0; i < n_servers; i++)
		before[i] = server_pid(&suite, servers[i]);
	for (int i = 0; i < n_servers; i++)
		if (is_killed(victim, servers[i])) {
			server_kill(&suite, servers[i]);
			kills++;
		}
	assert_meanwhile(victim);
	/* What others stand on comes up first. */
	for (int i = n_servers - 1; i >= 0; i--)
		if (is_killed(victim, servers[i]))
			server_start(&suite, servers[i]);
	set_paces(0);
	if (!tk_wait_until(all_answer, NULL, RECOVER_MS))
		suite_fail("the suite does not answer again after the end of %s", victim);
	for (int i = 0; i < n_servers; i++)
		if (!is_killed(victim, servers[i]) &&
		    (!suite_alive(before[i]) || server_pid(&suite, servers[i]) != before[i]))
			suite_fail("%s did not survive the end of %s", servers[i], victim);
}

/* The answers that were held when their asker died are served to nobody, but counted. */
static bool hold_is_over(void *arg)
{
	return time_mono_us() > *(int64_t *)arg;
}

static void survives(void **state)
{
	const char *victim = *state;
	long before = stage_runs(), again;
	int64_t held_until = time_mono_us() + HOLD_MS * INT64_C(1000);

	kill_and_start(victim);
	if (!tk_wait_until(all_done, NULL, DONE_MS))
		suite_fail("the runs do not end after the end of %s", victim);
	assert_true(tk_wait_until(hold_is_over, &held_until, 2 * HOLD_MS));
	assert_totals();
	again = pages_served() - before - pages_undisturbed;
	printf("%s: %ld pages fetched again\n", victim, again);
	again_all += again;
	if (again > again_most)
		again_most = again;
	assert_in_range(again, 0, AGAIN_MAX);
}

/* How many pages a sync has when nobody dies; the totals are right then, too. */
static void undisturbed(void **state)
{
	long before = stage_runs();

	(void)state;
	set_paces(0);
	finish_runs();
	assert_totals();
	pages_undisturbed = pages_served() - before;
	assert_true(pages_undisturbed > AGAIN_MAX);
}

static int set_up(void **state)
{
	(void)state;
	suite_up(&suite, DATASET);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	printf("# kill: %ld kills, %ld pages fetched again (at most %ld per kill; a sync has "
	       "%ld)\n",
	       kills, again_all, again_most, pages_undisturbed);
	suite_down(&suite);
	return 0;
}

#define KILL(name)                                                  \
	{                                                           \
		name, survives, NULL, NULL, (void *)(uintptr_t)name \
	}

static void list_servers(void)
{
	assert_true(contract_services_n + 3 <= SERVERS_MAX);
	for (size_t i = 0; i < contract_services_n; i++)
		servers[n_servers++] = contract_services[i]->name;
	n_services = n_servers;
	servers[n_servers++] = EDGE_SERVICE;
	servers[n_servers++] = SERVER_NATS;
	servers[n_servers++] = SERVER_POSTGRES;
}

int main(void)
{
	struct CMUnitTest tests[SERVERS_MAX + 2] = { cmocka_unit_test(undisturbed) };
	size_t n = 1;

	list_servers();
	for (int i = 0; i < n_servers; i++)
		tests[n++] = (struct CMUnitTest)KILL(servers[i]);
	tests[n++] = (struct CMUnitTest)KILL("all");
	return _cmocka_run_group_tests("kill", tests, n, set_up, tear_down);
}
