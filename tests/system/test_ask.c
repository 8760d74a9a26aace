/*
 * Questions through the whole suite, the simulator as the model: answers by the model, bills that
 * are the provider's to the nano-dollar, a hard budget under 50 questions at once, kill -9 between
 * a call of the model and its settlement, and whose questions are whose.
 */
#include "system/system_servers.h"
#include "system/system_world.h"

#include "core/money.h"
#include "core/timeutil.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define DATASET    "data/nasty.tar.gz"
#define QUESTION   "Which campaigns should I spend more on, and how much did each earn?"
#define BODY       "{\"question\":\"" QUESTION "\"}"
#define MODEL      "claude-sonnet-5"
#define PARALLEL   50
#define AMPLE      "1.500000000" /* more than all cost, less than all would hold at once */
#define SCARCE     "0.250000000" /* less than all cost */
#define WAITED_S   18            /* nearly what a question waits for room (ROOM_WAIT_MS) */
#define NANO       9
#define PATH_TEXT  512
#define ASK_MS     110000
#define ARENA_MAX  ((size_t)16 * 1024 * 1024)
#define SLOW_MS    "3000"
#define LEFT_TRIES 2 /* questions whose settlement is cut off */

/*
 * What claude-sonnet-5 costs, in billionths of a dollar a token, from 2026-09-01 on: the maker's
 * price list, read independently of token-billing's table.
 */
#define PRICE_INPUT    INT64_C(3000)
#define PRICE_READ     INT64_C(300)
#define PRICE_WRITE_5M INT64_C(3750)
#define PRICE_WRITE_1H INT64_C(6000)
#define PRICE_OUTPUT   INT64_C(15000)

static struct suite suite;
static struct person admin;
static char brand[UUID_TEXT], ask_path[PATH_TEXT];

/* ---- looking ---- */

static int64_t whole(const cJSON *o, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

	if (!cJSON_IsNumber(v))
		suite_fail("%s is no number", name);
	return (int64_t)v->valuedouble;
}

static int64_t nano(const cJSON *o, const char *name)
{
	int64_t n = 0;

	if (!decimal_parse(json_text(o, name), NANO, &n))
		suite_fail("%s is no amount: %s", name, json_text(o, name));
	return n;
}

static int length(const cJSON *o, const char *name)
{
	return cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(o, name));
}

static cJSON *ask_model(void)
{
	return suite_json(&suite, "POST", ask_path, admin.token, BODY, 200);
}

/* ---- the provider ---- */

static cJSON *control(const char *method, const char *path, const char *body)
{
	char url[2 * TK_TEXT];

	snprintf(url, sizeof(url), "%s/control/%s", suite.simulator, path);
	return suite_json(&suite, method, url, "", body, 200);
}

static void tell_model(const char *rule)
{
	cJSON_Delete(control("DELETE", "model", NULL));
	if (rule)
		cJSON_Delete(control("POST", "model", rule));
}

/* What the provider billed, priced by hand; the number of calls in `calls`. */
static int64_t provider_cost(int64_t *calls)
{
	cJSON *o = control("GET", "usage", NULL);
	const cJSON *t = cJSON_GetObjectItemCaseSensitive(o, "totals");
	int64_t cost = whole(t, "input_tokens") * PRICE_INPUT +
		       whole(t, "cache_read_tokens") * PRICE_READ +
		       whole(t, "cache_write_5m_tokens") * PRICE_WRITE_5M +
		       whole(t, "cache_write_1h_tokens") * PRICE_WRITE_1H +
		       whole(t, "output_tokens") * PRICE_OUTPUT;

	*calls = whole(t, "requests");
	cJSON_Delete(o);
	return cost;
}

/* The tenant's ledger; the number of calls in `calls`. */
static int64_t ledger_cost(int64_t *calls)
{
	cJSON *o = suite_json(&suite, "GET", "/api/admin/usage?by=model", admin.token, NULL, 200);
	const cJSON *t = cJSON_GetObjectItemCaseSensitive(o, "total");
	int64_t cost = nano(t, "cost");

	*calls = whole(t, "calls");
	assert_int_equal(whole(t, "unpriced_calls"), 0);
	cJSON_Delete(o);
	return cost;
}

/* The provider writes down what it billed behind its last word, which ours may overtake. */
static bool provider_has_told(void *arg)
{
	int64_t calls;

	(void)provider_cost(&calls);
	return calls >= *(const int64_t *)arg;
}

static void assert_same_bill(void)
{
	int64_t ours, theirs, n_ours, n_theirs;

	ours = ledger_cost(&n_ours);
	(void)tk_wait_until(provider_has_told, &n_ours, SUITE_WAIT_MS);
	theirs = provider_cost(&n_theirs);
	assert_int_equal(n_ours, n_theirs);
	assert_int_equal(ours, theirs);
	assert_true(ours > 0);
}

/* ---- a question ---- */

static void a_question_is_answered_and_paid(void **state)
{
	cJSON *a = ask_model(), *list, *q;
	char path[PATH_TEXT];
	int64_t calls;

	(void)state;
	assert_true(cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(a, "fallback_used")));
	assert_string_equal(json_text(a, "model"), MODEL);
	assert_int_equal(whole(a, "attempts"), 1);
	assert_int_equal(length(a, "untraced"), 0);
	assert_true(length(a, "evidence") > 0);
	assert_true(length(a, "findings") > 0);
	assert_int_equal(nano(a, "cost"), ledger_cost(&calls));
	assert_true(calls >= 2);
	assert_same_bill();
	list = suite_json(&suite, "GET", "/api/questions", admin.token, NULL, 200);
	q = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(list, "questions"), 0);
	assert_string_equal(json_text(q, "question_id"), json_text(a, "question_id"));
	assert_string_equal(json_text(q, "question"), QUESTION);
	assert_string_equal(json_text(q, "user_id"), admin.user_id);
	assert_string_equal(json_text(cJSON_GetObjectItemCaseSensitive(q, "answer"), "cost"),
			    json_text(a, "cost"));
	cJSON_Delete(list);
	snprintf(path, sizeof(path), "/api/questions/%s/feedback", json_text(a, "question_id"));
	cJSON_Delete(suite_json(&suite, "POST", path, admin.token,
				"{\"rating\":5,\"was_actionable\":true}", 201));
	cJSON_Delete(suite_json(&suite, "POST", path, admin.token, "{\"rating\":6}", 400));
	cJSON_Delete(a);
}

static void made_up_numbers_are_caught(void **state)
{
	cJSON *a;

	(void)state;
	tell_model("{\"mode\":\"invent\",\"count\":1}");
	a = ask_model();
	assert_int_equal(whole(a, "attempts"), 2);
	assert_int_equal(length(a, "untraced"), 0);
	assert_null(strstr(json_text(a, "answer"), "[untraced]"));
	cJSON_Delete(a);
	tell_model("{\"mode\":\"invent\",\"count\":2,\"persist\":true}");
	a = ask_model();
	assert_int_equal(whole(a, "attempts"), 2);
	assert_true(length(a, "untraced") > 0);
	assert_non_null(strstr(json_text(a, "answer"), "[untraced]"));
	cJSON_Delete(a);
	assert_same_bill();
}

/* Faults of the provider: the reason, and every call that it billed is in the ledger. */
static void the_analyst_answers_and_the_bill_is_right(void **state)
{
	static const struct {
		const char *rule, *reason;
	} faults[] = {
		{ "{\"mode\":\"refuse\"}", "refused" },
		{ "{\"mode\":\"overload\",\"count\":10}", "overloaded" },
		{ "{\"mode\":\"rate_limit\",\"count\":10}", "overloaded" },
		{ "{\"mode\":\"loop\",\"count\":20}", "unfinished" },
		{ "{\"mode\":\"max_tokens\"}", "unfinished" },
		{ "{\"mode\":\"context_window\"}", "unfinished" },
		{ "{\"mode\":\"unauthorized\"}", "rejected" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		cJSON *a;

		tell_model(faults[i].rule);
		a = ask_model();
		if (strcmp(json_text(a, "fallback_reason"), faults[i].reason) != 0)
			fail_msg("%s: %s", faults[i].rule, json_text(a, "fallback_reason"));
		assert_string_equal(json_text(a, "model"), "analyst");
		assert_int_equal(length(a, "untraced"), 0);
		cJSON_Delete(a);
	}
	assert_same_bill();
}

/* ---- a hard budget ---- */

static const cJSON *tenant_budget(const cJSON *list)
{
	const cJSON *b;

	cJSON_ArrayForEach(b, cJSON_GetObjectItemCaseSensitive(list, "budgets"))
	{
		if (*json_text(b, "brand_id") == '\0')
			return b;
	}
	suite_fail("the budget is not in the list");
}

static atomic_int answered; /* askers that are done */

struct asker {
	pthread_t thread;
	int code;
	char reason[64];
	bool fallback;
	int64_t took_us;
};

static void *ask_once(void *arg)
{
	struct asker *x = arg;
	struct arena *a = arena_new(ARENA_MAX);
	char url[2 * TK_TEXT], bearer[ACCESS_TOKEN_MAX + 16];
	struct http_header h[] = { { "Content-Type", "application/json" },
				   { "Authorization", bearer } };
	const struct http_request q = { .method = "POST",
					.url = url,
					.headers = h,
					.n_headers = 2,
					.body = BODY,
					.body_len = strlen(BODY),
					.total_ms = ASK_MS };
	struct http_response r;
	struct error err = { 0 };
	cJSON *o;
	int64_t begun = time_mono_us();

	snprintf(url, sizeof(url), "%s%s", suite.edge, ask_path);
	snprintf(bearer, sizeof(bearer), "Bearer %s", admin.token);
	if (a && http_send(suite.http, &q, a, &r, &err) == ST_OK) {
		x->code = r.code;
		o = cJSON_ParseWithLength(r.body, r.body_len);
		snprintf(x->reason, sizeof(x->reason), "%s", json_text(o, "fallback_reason"));
		x->fallback = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, "fallback_used"));
		cJSON_Delete(o);
	}
	x->took_us = time_mono_us() - begun;
	atomic_fetch_add(&answered, 1);
	arena_free(a);
	return NULL;
}

/* Memory of ai-insights now, in KiB. */
static long memory_of_insights(void)
{
	char path[64], text[4096];
	const char *p;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)suite_pid(&suite, "ai-insights"));
	if (!tk_read_file(path, text, sizeof(text)) || (p = strstr(text, "VmRSS:")) == NULL)
		suite_fail("ai-insights does not run");
	return strtol(p + strlen("VmRSS:"), NULL, 10);
}

struct rush {
	struct asker askers[PARALLEL];
	int by_model, by_budget;
	int64_t limit, most; /* most that was seen used and held at once */
};

static bool all_answered(void *arg)
{
	struct rush *r = arg;
	bool all = atomic_load(&answered) == PARALLEL; /* before the last look */
	char text[32];
	int64_t taken;

	suite_sql(&suite,
		  "SELECT coalesce(max(used_nano + held_nano), 0) FROM token_billing.spend"
		  " WHERE tenant_id = $1::uuid",
		  admin.tenant_id, text, sizeof(text));
	taken = strtoll(text, NULL, 10);
	if (taken > r->most)
		r->most = taken;
	return all;
}

/* All at once under a budget for the day; what came of them. */
static void ask_all(struct rush *r, const char *budget)
{
	char body[128];

	*r = (struct rush){ 0 };
	atomic_store(&answered, 0);
	assert_true(decimal_parse(budget, NANO, &r->limit));
	snprintf(body, sizeof(body), "{\"period\":\"day\",\"hard\":\"%s\"}", budget);
	cJSON_Delete(suite_json(&suite, "PUT", "/api/admin/budgets", admin.token, body, 200));
	for (int i = 0; i < PARALLEL; i++)
		assert_int_equal(
			pthread_create(&r->askers[i].thread, NULL, ask_once, &r->askers[i]), 0);
	assert_true(tk_wait_until(all_answered, r, 2 * ASK_MS));
	for (int i = 0; i < PARALLEL; i++) {
		const struct asker *x = &r->askers[i];

		pthread_join(x->thread, NULL);
		assert_int_equal(x->code, 200);
		if (x->fallback)
			assert_string_equal(x->reason, "budget");
		r->by_model += !x->fallback;
		r->by_budget += x->fallback;
	}
}

/* Never more than the limit was used and held, and in the end all is paid and nothing held. */
static void assert_budget_held(const struct rush *r)
{
	const cJSON *budget;
	int64_t calls;
	cJSON *list;

	assert_int_equal(r->by_model + r->by_budget, PARALLEL);
	assert_true(r->by_model > 0);
	assert_same_bill();
	assert_true(ledger_cost(&calls) <= r->limit);
	assert_in_range(r->most, ledger_cost(&calls), r->limit);
	list = suite_json(&suite, "GET", "/api/admin/budgets", admin.token, NULL, 200);
	budget = tenant_budget(list);
	assert_int_equal(nano(budget, "used"), ledger_cost(&calls));
	assert_int_equal(nano(budget, "held"), 0);
	printf("# ask: %d questions at once, %d by the model, %d by the analyst; %s of %s USD used;"
	       " ai-insights holds %ld MB\n",
	       PARALLEL, r->by_model, r->by_budget, json_text(budget, "used"),
	       json_text(budget, "hard"), memory_of_insights() / 1024);
	cJSON_Delete(list);
}

/*
 * The budget is more than they cost and less than they would hold at once: who finds no room waits
 * for it, and the analyst answers only when no turn may begin any more.
 */
static void fifty_at_once_wait_for_each_other(void **state)
{
	struct rush r;

	(void)state;
	ask_all(&r, AMPLE);
	assert_budget_held(&r);
	for (int i = 0; i < PARALLEL; i++)
		if (r.askers[i].fallback)
			assert_true(r.askers[i].took_us >= WAITED_S * US_PER_SECOND);
}

/* The budget is less than they cost: it holds, and some are answered by the analyst. */
static void a_hard_budget_holds_with_50_at_once(void **state)
{
	struct rush r;

	(void)state;
	ask_all(&r, SCARCE);
	assert_budget_held(&r);
	assert_true(r.by_budget > 0);
}

/* ---- kill -9 ---- */

static bool some_open(void *arg)
{
	char text[32];

	(void)arg;
	suite_sql(&suite,
		  "SELECT count(*) FROM ai_insights.model_calls WHERE tenant_id = $1::uuid"
		  " AND state = 'open'",
		  admin.tenant_id, text, sizeof(text));
	return strcmp(text, "0") != 0;
}

static bool all_settled(void *arg)
{
	char text[32];

	(void)arg;
	suite_sql(&suite,
		  "SELECT count(*) FROM ai_insights.model_calls WHERE tenant_id = $1::uuid"
		  " AND state <> 'settled'",
		  admin.tenant_id, text, sizeof(text));
	return strcmp(text, "0") == 0;
}

static bool answers(void *arg)
{
	struct http_response r = suite_send(&suite, "GET", arg, admin.token, NULL, NULL, 0);

	return r.code == 200;
}

/*
 * While the model writes, token-billing dies: what the call used is noted and cannot be settled.
 * Then ai-insights dies, too. Both come back, and the ledger is the provider's.
 */
static void nothing_is_lost_between_call_and_settlement(void **state)
{
	char unsettled[32];

	(void)state;
	for (int i = 0; i < LEFT_TRIES; i++) {
		struct asker x = { 0 };

		tell_model("{\"mode\":\"slow\",\"count\":1,\"delay_ms\":" SLOW_MS "}");
		assert_int_equal(pthread_create(&x.thread, NULL, ask_once, &x), 0);
		if (!tk_wait_until(some_open, NULL, SUITE_WAIT_MS))
			suite_fail("no call of the model was begun");
		server_kill(&suite, "token-billing");
		pthread_join(x.thread, NULL);
		/* The next turn could not be reserved. */
		assert_int_equal(x.code, 200);
		assert_string_equal(x.reason, "unreachable");
		suite_sql(&suite,
			  "SELECT count(*) FROM ai_insights.model_calls WHERE tenant_id ="
			  " $1::uuid AND state = 'used'",
			  admin.tenant_id, unsettled, sizeof(unsettled));
		assert_string_equal(unsettled, "1");
		server_kill(&suite, "ai-insights");
		server_start(&suite, "token-billing");
		server_start(&suite, "ai-insights");
		if (!tk_wait_until(answers, (void *)(uintptr_t) "/api/questions", SUITE_WAIT_MS) ||
		    !tk_wait_until(answers, (void *)(uintptr_t) "/api/admin/usage", SUITE_WAIT_MS))
			suite_fail("the suite does not answer again");
		if (!tk_wait_until(all_settled, NULL, SUITE_WAIT_MS))
			suite_fail("a call of the model stays unsettled");
		assert_same_bill();
	}
	cJSON_Delete(ask_model());
	assert_same_bill();
}

/* ---- whose ---- */

static void nobody_sees_others_questions(void **state)
{
	struct person other, limited;
	char path[PATH_TEXT], brand2[UUID_TEXT];
	cJSON *a, *list;

	(void)state;
	make_tenant(&suite, "Others", &other);
	make_brand(&suite, &admin, "Second", brand2);
	make_user(&suite, &admin, "viewer", brand2, &limited);
	a = ask_model();
	snprintf(path, sizeof(path), "/api/questions/%s", json_text(a, "question_id"));
	cJSON_Delete(suite_json(&suite, "GET", path, other.token, NULL, 404));
	cJSON_Delete(suite_json(&suite, "GET", path, limited.token, NULL, 404));
	list = suite_json(&suite, "GET", "/api/questions", limited.token, NULL, 200);
	assert_int_equal(length(list, "questions"), 0);
	cJSON_Delete(list);
	cJSON_Delete(suite_json(&suite, "POST", ask_path, other.token, BODY, 404));
	cJSON_Delete(suite_json(&suite, "POST", ask_path, limited.token, BODY, 404));
	snprintf(path + strlen(path), sizeof(path) - strlen(path), "/feedback");
	cJSON_Delete(suite_json(&suite, "POST", path, other.token, "{\"rating\":1}", 404));
	cJSON_Delete(suite_json(&suite, "POST", path, limited.token, "{\"rating\":1}", 404));
	cJSON_Delete(a);
}

/* ---- each test has a tenant, a synced brand and an empty record of its own ---- */

static int fresh(void **state)
{
	(void)state;
	make_tenant(&suite, "Ask", &admin);
	make_brand(&suite, &admin, "Ask", brand);
	snprintf(ask_path, sizeof(ask_path), "/api/brands/%s/ask", brand);
	connect_brand(&suite, &admin, brand);
	sync_brand(&suite, &admin, brand, NULL);
	tell_model(NULL);
	cJSON_Delete(control("DELETE", "usage", NULL));
	return 0;
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
	suite_down(&suite);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup(f, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_question_is_answered_and_paid),
		TEST(made_up_numbers_are_caught),
		TEST(the_analyst_answers_and_the_bill_is_right),
		TEST(fifty_at_once_wait_for_each_other),
		TEST(a_hard_budget_holds_with_50_at_once),
		TEST(nothing_is_lost_between_call_and_settlement),
		TEST(nobody_sees_others_questions),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
