/* Answers as a whole, pacing, questions and checkpoints. */
#include "core/test/rows.h"

#include "answer.h"
#include "checkpoint.h"
#include "pace.h"
#include "queries.h"

#include "core/timeutil.h"
#include "json/guard.h"

#include <string.h>

#define ARENA ((size_t)1024 * 1024)
#define DEPTH 24
#define COST                                                                            \
	"\"extensions\":{\"cost\":{\"requestedQueryCost\":70,\"actualQueryCost\":null," \
	"\"throttleStatus\":{\"maximumAvailable\":1000.0,\"currentlyAvailable\":66,"    \
	"\"restoreRate\":50.0}}}"
#define ERROR(code) "\"errors\":[{\"message\":\"m\",\"extensions\":{\"code\":\"" code "\"}}]"

static struct arena *arena;

static int set_up(void **state)
{
	(void)state;
	arena = arena_new(ARENA);
	return arena ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static cJSON *parse(const char *text)
{
	struct error err = { 0 };
	cJSON *tree = NULL;

	if (json_parse(text, strlen(text), DEPTH, 1, &tree, &err) != ST_OK)
		fail_msg("%s: %s", err.detail, text);
	return tree;
}

static void test_judge(void **state)
{
	static const struct {
		const char *text;
		enum status st;
		enum answer_kind kind;
		bool cost;
		const char *words;
	} rows[] = {
		{ "{\"data\":{\"shop\":{}}," COST "}", ST_OK, ANSWER_DATA, true, "" },
		{ "{\"data\":{}}", ST_OK, ANSWER_DATA, false, "" },
		{ "{\"data\":{},\"errors\":[]}", ST_OK, ANSWER_DATA, false, "" },
		{ "{\"data\":{},\"extensions\":{\"cost\":\"none\"}}", ST_OK, ANSWER_DATA, false,
		  "" },
		{ "{" ERROR("THROTTLED") "," COST "}", ST_OK, ANSWER_THROTTLED, true, "" },
		{ "{" ERROR("MAX_COST_EXCEEDED") "}", ST_OK, ANSWER_TOO_DEAR, false, "" },
		{ "{\"errors\":[{\"message\":\"Invalid cursor for current pagination sort.\","
		  "\"extensions\":{\"code\":\"BAD_REQUEST\"}}]}",
		  ST_OK, ANSWER_BAD_CURSOR, false, "" },
		{ "{" ERROR("INTERNAL_SERVER_ERROR") "}", ST_UPSTREAM, ANSWER_FAULT, false,
		  "internal error" },
		{ "{" ERROR("ACCESS_DENIED") "}", ST_UNAUTHENTICATED, ANSWER_FAULT, false,
		  "permission" },
		{ "{" ERROR("SHOP_INACTIVE") "}", ST_DENIED, ANSWER_FAULT, false, "not active" },
		{ "{" ERROR("undefinedField") "}", ST_INTERNAL, ANSWER_FAULT, false,
		  "(undefinedField)" },
		{ "{" ERROR("<b>&") "}", ST_INTERNAL, ANSWER_FAULT, false, "(without code)" },
		{ "{\"errors\":[7]}", ST_INTERNAL, ANSWER_FAULT, false, "(without code)" },
		/* Data beside an error is half a page. */
		{ "{\"data\":{\"orders\":{}}," ERROR("INTERNAL_SERVER_ERROR") "}", ST_UPSTREAM,
		  ANSWER_FAULT, false, "internal error" },
		{ "{\"errors\":\"Not Found\"}", ST_UPSTREAM, ANSWER_FAULT, false,
		  "answers with an error" },
		{ "{\"data\":null}", ST_UPSTREAM, ANSWER_FAULT, false, "without data" },
		{ "{\"data\":[1]}", ST_UPSTREAM, ANSWER_FAULT, false, "without data" },
		{ "{}", ST_UPSTREAM, ANSWER_FAULT, false, "without data" },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		cJSON *tree = parse(rows[i].text);
		struct error err = { 0 };
		struct query_cost cost;
		enum answer_kind kind;

		CHECK_ROW(rows[i].text, answer_judge(tree, &kind, &cost, &err) == rows[i].st);
		CHECK_ROW(rows[i].text, kind == rows[i].kind);
		CHECK_ROW(rows[i].text, cost.known == rows[i].cost);
		CHECK_ROW(rows[i].text, strstr(err.detail, rows[i].words) != NULL);
		cJSON_Delete(tree);
	}
}

static void test_cost(void **state)
{
	cJSON *tree = parse("{\"data\":{}," COST "}");
	struct error err = { 0 };
	struct query_cost c;
	enum answer_kind kind;

	(void)state;
	assert_int_equal(answer_judge(tree, &kind, &c, &err), ST_OK);
	cJSON_Delete(tree);
	assert_int_equal(c.requested, 70);
	assert_int_equal(c.available, 66);
	assert_int_equal(c.maximum, 1000);
	assert_int_equal(c.restore, 50);
}

static void test_pace(void **state)
{
	struct query_cost c = { true, 70, 66, 1000, 50 };
	struct pace p = { 0 };

	(void)state;
	assert_int_equal(pace_wait(&p, 500, 0), 0); /* nothing is known yet */
	pace_note(&p, &c, 1000);
	assert_int_equal(pace_wait(&p, 66, 1000), 0);
	assert_int_equal(pace_wait(&p, 70, 1000), 80000); /* 4 points at 50 a second */
	assert_int_equal(pace_wait(&p, 70, 81000), 0);
	assert_int_equal(pace_wait(&p, 70, 80999), 1);
	/* A query dearer than the bucket waits for a full one. */
	assert_int_equal(pace_wait(&p, 5000, 1000), INT64_C(934) * US_PER_SECOND / 50);
	c.known = false;
	c.available = 0;
	pace_note(&p, &c, 1000);
	assert_int_equal(pace_wait(&p, 66, 1000), 0);
}

static void test_questions(void **state)
{
	const char *const ids[] = { "gid://shopify/Order/a\"b\\", "gid://shopify/Order/2" };
	const struct {
		enum query q;
		struct query_args args;
		const char *variables;
	} rows[] = {
		{ QUERY_SHOP, { 0 }, "{}" },
		{ QUERY_COUNTS, { .query = "x" }, "{\"query\":\"x\"}" },
		{ QUERY_VARIANTS, { .first = 250 }, "{\"first\":250}" },
		{ QUERY_ORDERS,
		  { .first = 50, .after = "c\"", .query = "q" },
		  "{\"first\":50,\"after\":\"c\\\"\",\"query\":\"q\"}" },
		{ QUERY_NODES,
		  { .ids = ids, .n_ids = 2 },
		  "{\"ids\":[\"gid://shopify/Order/a\\\"b\\\\\",\"gid://shopify/Order/2\"]}" },
		{ QUERY_LINES,
		  { .first = 1, .after = "c", .id = "i" },
		  "{\"first\":1,\"after\":\"c\",\"id\":\"i\"}" },
		{ QUERY_REFUNDS, { .id = "i" }, "{\"id\":\"i\"}" },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct buf b;
		cJSON *tree;
		char *variables;

		buf_init(&b, QUERY_BODY_MAX);
		query_write(&b, rows[i].q, &rows[i].args);
		assert_int_equal(buf_status(&b), ST_OK);
		tree = parse(buf_str(&b));
		variables =
			cJSON_PrintUnformatted(cJSON_GetObjectItemCaseSensitive(tree, "variables"));
		assert_string_equal(variables, rows[i].variables);
		assert_true(cJSON_IsString(cJSON_GetObjectItemCaseSensitive(tree, "query")));
		cJSON_free(variables);
		cJSON_Delete(tree);
		buf_done(&b);
	}
	assert_string_equal(query_gid(arena, "Order", "a/b"), "gid://shopify/Order/a/b");
	assert_string_equal(query_since(arena, INT64_C(1743426000999999)),
			    "updated_at:>='2025-03-31T13:00:00Z'");
}

static void test_checkpoint(void **state)
{
	const struct checkpoint c = {
		PHASE_ORDERS, 25, -5, 6, 7, 8, 9, 10, 11, "a cursor = \"x\""
	};
	const struct checkpoint begun = { .phase = PHASE_PRODUCTS, .size = 1 };
	static const char *const bad[] = {
		"",
		"1",
		"2 0 50 0 0 0 0 0 0 0 ",
		"1 3 50 0 0 0 0 0 0 0 ",
		"1 -1 50 0 0 0 0 0 0 0 ",
		"1 0 0 0 0 0 0 0 0 0 ",
		"1 0 51 0 0 0 0 0 0 0 ",
		"1 0 50 0 0 0 0 0 0 0",
		"1 0 50 x 0 0 0 0 0 0 ",
		"orders",
	};
	struct checkpoint back;

	(void)state;
	assert_true(checkpoint_read(checkpoint_write(arena, &c), &back));
	assert_int_equal(back.phase, PHASE_ORDERS);
	assert_int_equal(back.size, 25);
	assert_int_equal(back.since, -5);
	assert_int_equal(back.from, 6);
	assert_int_equal(back.high, 7);
	assert_int_equal(back.clock, 8);
	assert_int_equal(back.asked, 9);
	assert_int_equal(back.done, 10);
	assert_int_equal(back.expected, 11);
	assert_string_equal(back.cursor, "a cursor = \"x\"");
	assert_true(checkpoint_read(checkpoint_write(arena, &begun), &back));
	assert_null(back.cursor);
	for (size_t i = 0; i < N_ROWS(bad); i++)
		CHECK_ROW(bad[i], !checkpoint_read(bad[i], &back));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judge),      cmocka_unit_test(test_cost),
		cmocka_unit_test(test_pace),       cmocka_unit_test(test_questions),
		cmocka_unit_test(test_checkpoint),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
