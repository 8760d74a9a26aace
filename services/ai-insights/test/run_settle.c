/*
 * The bill of a question: what is reserved, noted and settled in which order, what is given back
 * when a step fails, and for whose price. token-billing and the database are lists of what they
 * were asked. Read next: settle.h; tests/component/test_insights_*.c have the real ones.
 */
#include "settle.h"

#include "core/timeutil.h"
#include "svc/svc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ASKED       "claude-sonnet-5"
#define OTHER       "claude-other"
#define COST        2500
#define STEPS_MAX   512
#define ASKERS_TIME 1 /* monotonic: long over */

/* ---- token-billing and the database, in place of ours: the linker takes these ---- */

static struct {
	char steps[STEPS_MAX]; /* "reserve(claude-sonnet-5) open used ..." */
	enum status reserve, open, used, settle, settled, unknown; /* what each says */
	bool unpriced;
	int retry_after_s;
	struct tokens tokens; /* as settled last */
	char request_id[64];
} world;

static void PRINTF_LIKE(2, 3) step(int64_t deadline_us, const char *fmt, ...)
{
	size_t n = strlen(world.steps);
	va_list ap;

	va_start(ap, fmt);
	n += (size_t)snprintf(world.steps + n, sizeof(world.steps) - n, "%s", n > 0 ? " " : "");
	vsnprintf(world.steps + n, sizeof(world.steps) - n, fmt, ap);
	va_end(ap);
	assert_true(deadline_us > ASKERS_TIME);
}

struct db *svc_db(struct svc *svc)
{
	(void)svc;
	return NULL;
}

enum status billing_reserve(struct call *call, const struct model_call *c,
			    const struct tokens *estimate)
{
	(void)estimate;
	step(call->deadline_us, "reserve(%s)", c->model);
	if (world.reserve == ST_OK)
		return ST_OK;
	error_set(call->err, world.reserve, NULL, "no");
	call->err->retry_after_s = world.retry_after_s;
	return world.reserve;
}

enum status billing_settle(struct call *call, const struct model_call *c, struct settlement *ret)
{
	step(call->deadline_us, c->used ? "settle(%s)" : "release(%s)", c->model);
	world.tokens = c->tokens;
	snprintf(world.request_id, sizeof(world.request_id), "%s", c->request_id);
	if (world.settle == ST_OK)
		*ret = (struct settlement){ c->used && !world.unpriced ? COST : 0,
					    c->used && world.unpriced };
	return world.settle;
}

enum status store_call_open(const struct place *p, const struct model_call *c)
{
	step(p->deadline_us, "open(%s)", c->model);
	return world.open;
}

enum status store_call_used(const struct place *p, const struct model_call *c)
{
	step(p->deadline_us, c->used ? "used(%s)" : "unused(%s)", c->model);
	return world.used;
}

enum status store_call_unknown(const struct place *p, const struct model_call *c)
{
	step(p->deadline_us, "unknown(%s)", c->request_id);
	return world.unknown;
}

enum status store_call_settled(const struct place *p, const char *reservation_id, int64_t cost_nano,
			       bool unpriced)
{
	assert_true(uuid_valid(reservation_id));
	step(p->deadline_us, "settled(%d%s)", (int)cost_nano, unpriced ? ", unpriced" : "");
	return world.settled;
}

/* ---- a question ---- */

static struct error asker_err;
static struct call call;
static const struct question question = { .question_id = "q", .brand_id = "b", .user_id = "u" };
static struct bill bill;

/* What was asked of both since the last look. */
static const char *steps(void)
{
	static char text[STEPS_MAX];

	snprintf(text, sizeof(text), "%s", world.steps);
	world.steps[0] = '\0';
	return text;
}

static int begin(void **state)
{
	(void)state;
	memset(&world, 0, sizeof(world));
	/* Which is no reason to leave a bill open. */
	call = (struct call){ .err = &asker_err, .deadline_us = ASKERS_TIME };
	asker_err = (struct error){ .status = ST_OK };
	bill_init(&bill, &call, &question, ASKED);
	return 0;
}

static void open_one(void)
{
	bill.deadline_us = time_mono_us() + US_PER_SECOND;
	assert_int_equal(bill_open(&bill), ST_OK);
	assert_true(uuid_valid(bill.reservation_id));
}

static void note(const char *model)
{
	bill_note(&bill, &(struct bill_used){ .tokens = { 10, 20, 30, 40, 50 },
					      .request_id = "req_1",
					      .model = model });
	assert_string_equal(bill.reservation_id, "");
}

/* ---- tests ---- */

static void a_call_is_reserved_noted_and_settled(void **state)
{
	(void)state;
	open_one();
	assert_string_equal(steps(), "reserve(" ASKED ") open(" ASKED ")");
	note(ASKED);
	assert_string_equal(steps(), "used(" ASKED ") settle(" ASKED ") settled(2500)");
	assert_string_equal(world.request_id, "req_1");
	assert_int_equal(world.tokens.input, 10);
	assert_int_equal(world.tokens.output, 50);
	bill_give_back(&bill); /* none is open */
	assert_string_equal(steps(), "");
	open_one();
	note(ASKED);
	assert_int_equal(bill.cost_nano, 2 * COST);
	assert_true(bill.cost_known);
	assert_int_equal(bill.used.cache_read, 40);
	assert_int_equal(bill.used.cache_write_5m, 60);
	assert_int_equal(bill.used.cache_write_1h, 80);
	assert_int_equal(asker_err.status, ST_OK);
}

static void what_no_row_holds_is_settled_all_the_same(void **state)
{
	(void)state;
	open_one();
	(void)steps();
	world.used = ST_UNAVAILABLE;
	note(ASKED);
	assert_string_equal(steps(), "used(" ASKED ") settle(" ASKED ") settled(2500)");
	assert_int_equal(bill.cost_nano, COST);
	assert_true(bill.cost_known);
}

static void what_cannot_be_settled_has_no_cost_yet(void **state)
{
	(void)state;
	open_one();
	(void)steps();
	world.settle = ST_UNAVAILABLE;
	note(ASKED);
	assert_string_equal(steps(), "used(" ASKED ") settle(" ASKED ")");
	assert_int_equal(bill.cost_nano, 0);
	assert_false(bill.cost_known);
}

/* A row that cannot be written is no reason to keep a hold that stands in the way of others. */
static void a_hold_is_given_back_whether_a_row_says_so_or_not(void **state)
{
	(void)state;
	world.open = ST_UNAVAILABLE;
	world.used = ST_UNAVAILABLE;
	assert_int_equal(bill_open(&bill), ST_UNAVAILABLE);
	assert_string_equal(steps(), "reserve(" ASKED ") open(" ASKED ") unused(" ASKED
				     ") release(" ASKED ") settled(0)");
	assert_string_equal(bill.reservation_id, "");
	assert_int_equal(bill.refused, ST_UNAVAILABLE);
	world.open = ST_OK;
	open_one();
	(void)steps();
	bill_give_back(&bill);
	assert_string_equal(steps(), "unused(" ASKED ") release(" ASKED ") settled(0)");
	assert_string_equal(bill.reservation_id, "");
	assert_int_equal(bill.refused, ST_OK);
	assert_true(bill.cost_known);
	assert_int_equal(bill.cost_nano, 0);
}

static void unknown_use_is_neither_settled_nor_given_back(void **state)
{
	(void)state;
	open_one();
	(void)steps();
	bill_unknown(&bill, &(struct bill_used){ .request_id = "req_2", .model = "" });
	assert_string_equal(steps(), "unknown(req_2)");
	assert_false(bill.cost_known);
	bill_give_back(&bill);
	assert_string_equal(steps(), "");
}

static void only_a_short_wait_is_worth_it(void **state)
{
	static const struct {
		int told, wait;
	} cases[] = { { 0, 0 },
		      { 1, 1 },
		      { BILL_WAIT_MAX_S, BILL_WAIT_MAX_S },
		      { BILL_WAIT_MAX_S + 1, 0 },
		      { 86400, 0 } };

	(void)state;
	world.reserve = ST_LIMITED;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		world.retry_after_s = cases[i].told;
		assert_int_equal(bill_open(&bill), ST_LIMITED);
		assert_int_equal(bill.wait_s, cases[i].wait);
		assert_string_equal(steps(), "reserve(" ASKED ")");
		assert_string_equal(bill.reservation_id, "");
	}
	world.reserve = ST_UNAVAILABLE;
	world.retry_after_s = 1;
	assert_int_equal(bill_open(&bill), ST_UNAVAILABLE);
	assert_int_equal(bill.wait_s, 0);
}

/* Its price is not ours to guess; but the next call is held to the budget at that price, or let
 * through by nobody where it has none. */
static void who_answers_is_who_is_reserved_for(void **state)
{
	(void)state;
	open_one();
	note(ASKED "-20260801"); /* the same model */
	assert_string_equal(steps(), "reserve(" ASKED ") open(" ASKED ") used(" ASKED
				     ") settle(" ASKED ") settled(2500)");
	open_one();
	world.unpriced = true;
	note(OTHER);
	assert_string_equal(steps(), "reserve(" ASKED ") open(" ASKED ") used(" OTHER
				     ") settle(" OTHER ") settled(0, unpriced)");
	assert_false(bill.cost_known);
	assert_int_equal(bill.cost_nano, COST);
	world.reserve = ST_LIMITED;
	world.retry_after_s = 86400;
	assert_int_equal(bill_open(&bill), ST_LIMITED);
	assert_string_equal(steps(), "reserve(" OTHER ")");
	assert_int_equal(bill.wait_s, 0);
	/* Where no hard budget stands it goes on, and back when the one that was asked answers. */
	world.reserve = ST_OK;
	open_one();
	assert_string_equal(steps(), "reserve(" OTHER ") open(" OTHER ")");
	note(ASKED "-20260801");
	assert_string_equal(steps(), "used(" ASKED ") settle(" ASKED ") settled(0, unpriced)");
	open_one();
	assert_string_equal(steps(), "reserve(" ASKED ") open(" ASKED ")");
	note(""); /* not told: it is taken for the one asked */
	assert_string_equal(steps(), "used(" ASKED ") settle(" ASKED ") settled(0, unpriced)");
}

static void a_date_makes_no_other_model(void **state)
{
	(void)state;
	assert_true(bill_same_model("claude-x", "claude-x"));
	assert_true(bill_same_model("claude-x", "claude-x-20260801"));
	assert_true(bill_same_model("claude-x", ""));
	assert_false(bill_same_model("claude-x", "claude-x-2026080"));
	assert_false(bill_same_model("claude-x", "claude-x-202608011"));
	assert_false(bill_same_model("claude-x", "claude-x-2026080a"));
	assert_false(bill_same_model("claude-x", "claude-x20260801"));
	assert_false(bill_same_model("claude-x", "claude-xl"));
	assert_false(bill_same_model("claude-x-20260801", "claude-x"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_call_is_reserved_noted_and_settled, begin),
		cmocka_unit_test_setup(what_no_row_holds_is_settled_all_the_same, begin),
		cmocka_unit_test_setup(what_cannot_be_settled_has_no_cost_yet, begin),
		cmocka_unit_test_setup(a_hold_is_given_back_whether_a_row_says_so_or_not, begin),
		cmocka_unit_test_setup(unknown_use_is_neither_settled_nor_given_back, begin),
		cmocka_unit_test_setup(only_a_short_wait_is_worth_it, begin),
		cmocka_unit_test_setup(who_answers_is_who_is_reserved_for, begin),
		cmocka_unit_test_setup(a_date_makes_no_other_model, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
