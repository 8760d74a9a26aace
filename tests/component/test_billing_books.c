/*
 * What token-billing holds, settles and tells: once, exactly, and for nobody else; under
 * kill -9, and when a call is never settled. Read next: test_billing_budgets.c.
 */
#include "component/billing_fixture.h"

#include "core/magic.h"
#include "core/timeutil.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define KILLS   6
#define LINES   240
#define TENANTS 3    /* of a kind */
#define CUT_MS  3000 /* a call that a kill cut off waits so long */

static struct bl_world world;

static void a_call_is_held_settled_and_told_once(void **state)
{
	const Billing__V1__TokenCounts used = bl_input(BL_TOKENS / 2);
	struct bl_reply first, again;
	char id[UUID_TEXT] = "";
	struct sx_tenant t;

	(void)state;
	sx_tenant(&world.sx, &t);
	first = bl_reserve(&world, t.viewer, t.brand, BL_MODEL, BL_TOKENS, id);
	assert_int_equal(first.status, ST_OK);
	assert_int_equal(first.nano, BL_NANO);
	again = bl_reserve(&world, t.viewer, t.brand, BL_MODEL, BL_TOKENS, id);
	assert_int_equal(again.status, ST_OK);
	assert_int_equal(again.nano, BL_NANO);
	again = bl_reserve(&world, t.viewer, t.brand, BL_MODEL, BL_TOKENS + 1, id);
	assert_int_equal(again.status, ST_CONFLICT);
	assert_string_equal(again.field, "reservation_id");
	bl_check_books(&world, &t);
	first = bl_settle(&world, t.viewer, t.brand, id, &used, 0);
	assert_int_equal(first.status, ST_OK);
	assert_int_equal(first.nano, BL_NANO / 2);
	again = bl_settle(&world, t.viewer, t.brand, id, &used, 0);
	assert_int_equal(again.status, ST_OK);
	assert_int_equal(again.nano, first.nano);
	assert_string_equal(again.usage_id, first.usage_id);
	assert_int_equal(sx_int(&world.sx,
				"SELECT count(*) FROM token_billing.ledger WHERE"
				" tenant_id = '%s'",
				t.id),
			 1);
	assert_int_equal(bl_events(&world, &t, "usage.recorded"), 1);
	bl_check_books(&world, &t);
}

static void nothing_used_leaves_no_line(void **state)
{
	char id[UUID_TEXT] = "";
	struct sx_tenant t;
	struct bl_reply r;

	(void)state;
	sx_tenant(&world.sx, &t);
	assert_int_equal(bl_reserve(&world, t.viewer, t.brand, BL_MODEL, BL_TOKENS, id).status,
			 ST_OK);
	r = bl_settle(&world, t.viewer, t.brand, id, NULL, 0);
	assert_int_equal(r.status, ST_OK);
	assert_int_equal(r.nano, 0);
	assert_string_equal(r.usage_id, "");
	assert_int_equal(sx_int(&world.sx,
				"SELECT sum(held_nano) FROM token_billing.spend WHERE"
				" tenant_id = '%s'",
				t.id),
			 0);
	assert_int_equal(bl_events(&world, &t, "usage.recorded"), 0);
	bl_check_books(&world, &t);
}

/* ---- prices that nobody knows ---- */

/* A priced call beside that of the unknown model: what is known is told, the rest stays open. */
static void check_beside_a_priced_call(const struct sx_tenant *t, Billing__V1__UsageRequest *in)
{
	const Billing__V1__TokenCounts used = bl_input(BL_TOKENS);
	const Billing__V1__UsageReply *usage;
	char id[UUID_TEXT] = "";
	struct reply got;

	assert_int_equal(bl_reserve(&world, t->viewer, t->brand, BL_MODEL, BL_TOKENS, id).status,
			 ST_OK);
	assert_int_equal(bl_settle(&world, t->viewer, t->brand, id, &used, 0).status, ST_OK);
	got = bl_admin(&world, t->admin, TOKEN_BILLING_GET_USAGE, in);
	assert_int_equal(got.status, ST_OK);
	usage = got.out;
	assert_int_equal(usage->n_rows, 2);
	for (size_t i = 0; i < usage->n_rows; i++) {
		const Billing__V1__UsageRow *row = usage->rows[i];
		bool priced = strcmp(row->key, BL_MODEL) == 0;

		assert_int_equal(row->unpriced_calls, priced ? 0 : 1);
		assert_int_equal(row->cost != NULL, priced);
	}
	assert_int_equal(usage->total->calls, 2);
	assert_int_equal(usage->total->unpriced_calls, 1);
	assert_non_null(usage->total->cost);
	assert_int_equal(usage->total->cost->units, BL_NANO);
}

static void an_unknown_model_is_unpriced_and_told(void **state)
{
	const Billing__V1__TokenCounts used = bl_input(77);
	Billing__V1__UsageRequest in = BILLING__V1__USAGE_REQUEST__INIT;
	const Billing__V1__UsageReply *usage;
	char id[UUID_TEXT] = "", other[UUID_TEXT] = "";
	struct sx_tenant t;
	struct bl_reply r;
	struct reply got;

	(void)state;
	sx_tenant(&world.sx, &t);
	r = bl_reserve(&world, t.viewer, t.brand, "claude-unheard-of", 1000, id);
	assert_int_equal(r.status, ST_OK);
	assert_true(r.unpriced);
	r = bl_settle(&world, t.viewer, t.brand, id, &used, 0);
	assert_int_equal(r.status, ST_OK);
	assert_true(r.unpriced);
	assert_string_not_equal(r.usage_id, "");
	assert_int_equal(sx_int(&world.sx,
				"SELECT count(*) FROM token_billing.ledger WHERE"
				" tenant_id = '%s' AND cost_nano IS NULL",
				t.id),
			 1);
	assert_int_equal(bl_events(&world, &t, "usage.unpriced"), 1);
	in.by = BILLING__V1__USAGE_GROUPING__USAGE_GROUPING_MODEL;
	got = bl_admin(&world, t.admin, TOKEN_BILLING_GET_USAGE, &in);
	assert_int_equal(got.status, ST_OK);
	usage = got.out;
	assert_int_equal(usage->n_rows, 1);
	assert_int_equal(usage->rows[0]->unpriced_calls, 1);
	assert_int_equal(usage->rows[0]->tokens->input, 77);
	/* What it cost is not known, which is not 0. */
	assert_null(usage->rows[0]->cost);
	assert_int_equal(usage->total->unpriced_calls, 1);
	assert_null(usage->total->cost);
	check_beside_a_priced_call(&t, &in);
	/* Nobody can say that it fits. */
	bl_budget(&world, &t, "", -1, BL_NANO);
	r = bl_reserve(&world, t.viewer, t.brand, "claude-unheard-of", 1, other);
	assert_int_equal(r.status, ST_LIMITED);
	assert_string_equal(r.field, "model");
}

/* ---- what is never settled ---- */

static void a_hold_expires_and_can_be_settled_all_the_same(void **state)
{
	const Billing__V1__TokenCounts used = bl_input(BL_TOKENS / 4);
	char id[UUID_TEXT] = "";
	struct sx_tenant t;
	struct bl_reply r;

	(void)state;
	sx_tenant(&world.sx, &t);
	assert_int_equal(bl_reserve(&world, t.viewer, t.brand, BL_MODEL, BL_TOKENS, id).status,
			 ST_OK);
	(void)sx_text(
		&world.sx,
		"UPDATE token_billing.reservations SET expires_at = now() - interval '1 second'"
		" WHERE reservation_id = '%s' RETURNING 1",
		id);
	sx_until(&world.sx, 1,
		 "SELECT count(*) FROM token_billing.reservations WHERE reservation_id = '%s' AND"
		 " state = 'expired'",
		 id);
	assert_int_equal(bl_events(&world, &t, "reservation.expired"), 1);
	assert_int_equal(sx_int(&world.sx,
				"SELECT sum(held_nano) FROM token_billing.spend WHERE"
				" tenant_id = '%s'",
				t.id),
			 0);
	r = bl_settle(&world, t.viewer, t.brand, id, &used, 0);
	assert_int_equal(r.status, ST_OK);
	assert_int_equal(r.nano, BL_NANO / 4);
	bl_check_books(&world, &t);
}

static void assert_all_expire(const char *tenants, int64_t n)
{
	sx_until(&world.sx, n,
		 "SELECT count(*) FROM token_billing.reservations WHERE tenant_id = ANY ('{%s}')"
		 " AND state = 'expired'",
		 tenants);
}

/* A tenant whose books are broken (so that its holds cannot be taken back) keeps no other's. */
static void what_one_tenant_cannot_give_back_keeps_no_others(void **state)
{
	char lists[2][TENANTS * (UUID_TEXT + 1)] = { "", "" };
	struct sx_tenant t;

	(void)state;
	for (int i = 0; i < 2 * TENANTS; i++) {
		char id[UUID_TEXT] = "", *list = lists[i % 2];
		size_t len = strlen(list);

		sx_tenant(&world.sx, &t);
		assert_int_equal(
			bl_reserve(&world, t.viewer, t.brand, BL_MODEL, BL_TOKENS, id).status,
			ST_OK);
		snprintf(list + len, sizeof(lists[0]) - len, "%s%s", len ? "," : "", t.id);
	}
	(void)sx_text(&world.sx,
		      "UPDATE token_billing.spend SET held_nano = 0 WHERE tenant_id = ANY ('{%s}')"
		      " RETURNING 1",
		      lists[0]);
	(void)sx_text(&world.sx,
		      "UPDATE token_billing.reservations SET expires_at = now() - interval"
		      " '1 second' WHERE tenant_id = ANY ('{%s,%s}') RETURNING 1",
		      lists[0], lists[1]);
	assert_all_expire(lists[1], TENANTS);
	assert_all_expire(lists[0], 0);
	(void)sx_text(&world.sx,
		      "UPDATE token_billing.spend SET held_nano = %lld WHERE tenant_id = ANY"
		      " ('{%s}') RETURNING 1",
		      (long long)BL_NANO, lists[0]);
	assert_all_expire(lists[0], TENANTS);
}

/* ---- kill -9 ---- */

struct spender {
	const struct sx_tenant *t;
	atomic_int done;
	int64_t nano;
};

/* Settles LINES calls, each until it is answered; what the ledger must then come to. */
static void *spend(void *arg)
{
	struct spender *s = arg;

	for (int i = 0; i < LINES; i++) {
		const Billing__V1__TokenCounts used = bl_input((uint64_t)(i + 1) * 997);
		int64_t until = time_mono_us() + SX_WAIT_MS * INT64_C(1000);
		char id[UUID_TEXT] = "";
		struct bl_reply r;

		do
			r = bl_reserve(&world, s->t->viewer, s->t->brand, BL_MODEL, BL_TOKENS, id);
		while (r.status != ST_OK && time_mono_us() < until);
		do
			r = bl_settle(&world, s->t->viewer, s->t->brand, id, &used, 0);
		while (r.status != ST_OK && time_mono_us() < until);
		if (r.status != ST_OK)
			break;
		s->nano += (int64_t)(i + 1) * 997 * 5000;
		atomic_fetch_add(&s->done, 1);
	}
	return NULL;
}

static void killed_again_and_again_each_line_is_there_once(void **state)
{
	struct sx_tenant t;
	struct spender s;
	pthread_t thread;

	(void)state;
	sx_tenant(&world.sx, &t);
	world.wait_ms = CUT_MS;
	s = (struct spender){ .t = &t };
	assert_int_equal(pthread_create(&thread, NULL, spend, &s), 0);
	for (int k = 1; k <= KILLS; k++) {
		while (atomic_load(&s.done) < k * LINES / (KILLS + 1))
			time_sleep_us(time_mono_us() + 1000);
		sx_service_kill(&world.sx);
		sx_service_start(&world.sx);
	}
	pthread_join(thread, NULL);
	world.wait_ms = 0;
	assert_int_equal(atomic_load(&s.done), LINES);
	assert_int_equal(sx_int(&world.sx,
				"SELECT count(*) FROM token_billing.ledger WHERE"
				" tenant_id = '%s'",
				t.id),
			 LINES);
	assert_int_equal(sx_int(&world.sx,
				"SELECT sum(cost_nano) FROM token_billing.ledger WHERE"
				" tenant_id = '%s'",
				t.id),
			 s.nano);
	assert_int_equal(bl_events(&world, &t, "usage.recorded"), LINES);
	bl_check_books(&world, &t);
}

/* ---- what was used ---- */

#define USE_DAYS 3

/* Another brand of the tenant that auth knows. */
static void second_brand(const struct sx_tenant *t, char brand[UUID_TEXT])
{
	int n = atomic_load(&world.sx.n_brands);

	INVARIANT(n < SX_BRANDS);
	uuid_v7(brand);
	world.sx.brands[n] = *t;
	memcpy(world.sx.brands[n].brand, brand, UUID_TEXT);
	atomic_store(&world.sx.n_brands, n + 1);
}

static int64_t midnight(int32_t day)
{
	return (int64_t)day * US_PER_DAY;
}

/* A line of the ledger for each day, brand, user and model, at the first and last moment of the
 * day in turn. Returns what they cost. */
static int64_t use_everything(const struct sx_tenant *t, const char *other_brand, int32_t first)
{
	static const char *const models[] = { "claude-3-5-haiku-20241022", "claude-opus-4-1" };
	int64_t nano = 0;

	for (unsigned i = 0; i < USE_DAYS * 8; i++) {
		const Billing__V1__TokenCounts used = bl_input(1007 * (i + 1));
		const char *brand = i & 1 ? other_brand : t->brand;
		const char *user = i & 2 ? t->admin : t->viewer;
		int64_t at = midnight(first + (int32_t)(i / 8));
		char id[UUID_TEXT] = "";
		struct bl_reply r = bl_reserve(&world, user, brand, models[i >> 2 & 1], 1, id);

		assert_int_equal(r.status, ST_OK);
		r = bl_settle(&world, user, brand, id, &used, i & 4 ? at + US_PER_DAY - 1 : at);
		assert_int_equal(r.status, ST_OK);
		assert_false(r.unpriced);
		nano += r.nano;
	}
	return nano;
}

static int64_t ledger(const struct sx_tenant *t, const char *what, const char *key, const char *is)
{
	return sx_int(&world.sx,
		      "SELECT coalesce(sum(%s), 0)::bigint FROM token_billing.ledger"
		      " WHERE tenant_id = '%s' AND %s = '%s'",
		      what, t->id, key, is);
}

static void check_grouping(const struct sx_tenant *t, Billing__V1__UsageRequest *in,
			   Billing__V1__UsageGrouping by, const char *key, size_t rows)
{
	const Billing__V1__UsageReply *u;
	struct reply got;
	uint64_t tokens = 0, calls = 0;
	int64_t nano = 0;

	in->by = by;
	got = bl_admin(&world, t->admin, TOKEN_BILLING_GET_USAGE, in);
	assert_int_equal(got.status, ST_OK);
	u = got.out;
	assert_int_equal(u->by, by);
	assert_int_equal(u->n_rows, rows);
	for (size_t i = 0; i < u->n_rows; i++) {
		const Billing__V1__UsageRow *row = u->rows[i];

		assert_int_equal(row->calls, ledger(t, "1", key, row->key));
		assert_int_equal(row->tokens->input, ledger(t, "tokens[1]", key, row->key));
		assert_int_equal(row->cost->units, ledger(t, "cost_nano", key, row->key));
		assert_int_equal(row->cost->scale, 9);
		calls += row->calls;
		tokens += row->tokens->input;
		nano += row->cost->units;
	}
	assert_int_equal(calls, u->total->calls);
	assert_int_equal(tokens, u->total->tokens->input);
	assert_int_equal(nano, u->total->cost->units);
}

static void usage_adds_up_by_day_brand_user_and_model(void **state)
{
	Billing__V1__UsageRequest in = BILLING__V1__USAGE_REQUEST__INIT;
	const int32_t first = days_from_civil(2026, 6, 29);
	Pulsepoint__Date from = PULSEPOINT__DATE__INIT, to = PULSEPOINT__DATE__INIT;
	const Billing__V1__UsageReply *u;
	char other[UUID_TEXT];
	struct sx_tenant t;
	struct reply got;
	int64_t nano;

	(void)state;
	sx_tenant(&world.sx, &t);
	second_brand(&t, other);
	nano = use_everything(&t, other, first);
	from.days = first;
	to.days = first + USE_DAYS - 1;
	in.from = &from;
	in.to = &to;
	check_grouping(&t, &in, BILLING__V1__USAGE_GROUPING__USAGE_GROUPING_DAY,
		       "(used_at AT TIME ZONE 'UTC')::date::text", USE_DAYS);
	check_grouping(&t, &in, BILLING__V1__USAGE_GROUPING__USAGE_GROUPING_BRAND, "brand_id::text",
		       2);
	check_grouping(&t, &in, BILLING__V1__USAGE_GROUPING__USAGE_GROUPING_USER, "user_id::text",
		       2);
	check_grouping(&t, &in, BILLING__V1__USAGE_GROUPING__USAGE_GROUPING_MODEL, "model", 2);
	got = bl_admin(&world, t.admin, TOKEN_BILLING_GET_USAGE, &in);
	assert_int_equal(got.status, ST_OK);
	u = got.out;
	assert_int_equal(u->total->calls, USE_DAYS * 8);
	assert_int_equal(u->total->cost->units, nano);
	/* Both ends of a day are in it, nothing else is. */
	from.days = to.days = first + 1;
	got = bl_admin(&world, t.admin, TOKEN_BILLING_GET_USAGE, &in);
	assert_int_equal(got.status, ST_OK);
	u = got.out;
	assert_int_equal(u->total->calls, 8);
	/* Without `from` it begins with the month of `to`. */
	in.from = NULL;
	to.days = first + USE_DAYS - 1;
	got = bl_admin(&world, t.admin, TOKEN_BILLING_GET_USAGE, &in);
	assert_int_equal(got.status, ST_OK);
	u = got.out;
	assert_int_equal(u->from->days, days_from_civil(2026, 7, 1));
	assert_int_equal(u->total->calls, 8);
}

/* ---- whose it is ---- */

static void nobody_touches_what_is_another_tenants(void **state)
{
	const Billing__V1__TokenCounts used = bl_input(5);
	Billing__V1__UsageRequest in = BILLING__V1__USAGE_REQUEST__INIT;
	char id[UUID_TEXT] = "", theirs[UUID_TEXT] = "";
	struct sx_tenant a, b;
	struct reply got;

	(void)state;
	sx_tenant(&world.sx, &a);
	sx_tenant(&world.sx, &b);
	assert_int_equal(bl_reserve(&world, a.viewer, a.brand, BL_MODEL, 100, id).status, ST_OK);
	assert_int_equal(bl_settle(&world, b.viewer, a.brand, id, &used, 0).status, ST_NOT_FOUND);
	assert_int_equal(bl_settle(&world, b.viewer, b.brand, id, &used, 0).status, ST_NOT_FOUND);
	assert_int_equal(bl_settle(&world, a.viewer, b.brand, id, &used, 0).status, ST_NOT_FOUND);
	assert_int_equal(bl_settle(&world, a.viewer, a.brand, id, &used, 0).status, ST_OK);
	/* The same id is another reservation in another tenant. */
	snprintf(theirs, sizeof(theirs), "%s", id);
	assert_int_equal(bl_reserve(&world, b.viewer, b.brand, BL_MODEL, 100, theirs).status,
			 ST_OK);
	got = bl_admin(&world, b.admin, TOKEN_BILLING_GET_USAGE, &in);
	assert_int_equal(got.status, ST_OK);
	assert_int_equal(((const Billing__V1__UsageReply *)got.out)->n_rows, 0);
	got = bl_admin(&world, b.viewer, TOKEN_BILLING_GET_USAGE, &in);
	assert_int_equal(got.status, ST_DENIED);
}

/* ---- what is refused ---- */

static void wrong_budgets_are_refused_by_field(void **state)
{
	Billing__V1__PutBudgetRequest in = BILLING__V1__PUT_BUDGET_REQUEST__INIT;
	Billing__V1__UsageRequest days = BILLING__V1__USAGE_REQUEST__INIT;
	Pulsepoint__Decimal low = PULSEPOINT__DECIMAL__INIT, high = PULSEPOINT__DECIMAL__INIT;
	Pulsepoint__Date from = PULSEPOINT__DATE__INIT, to = PULSEPOINT__DATE__INIT;
	struct sx_tenant t, other;
	struct reply r;

	(void)state;
	sx_tenant(&world.sx, &t);
	sx_tenant(&world.sx, &other);
	low.units = 1;
	high.units = 2;
	in.period = BILLING__V1__PERIOD__PERIOD_MONTH;
	in.soft = &high;
	in.hard = &low;
	r = bl_admin(&world, t.admin, TOKEN_BILLING_PUT_BUDGET, &in);
	assert_int_equal(r.status, ST_INVALID);
	assert_string_equal(r.field, "hard");
	low.units = -1;
	in.soft = NULL;
	r = bl_admin(&world, t.admin, TOKEN_BILLING_PUT_BUDGET, &in);
	assert_int_equal(r.status, ST_INVALID);
	assert_string_equal(r.field, "hard");
	low.units = 1;
	in.brand_id = other.brand;
	r = bl_admin(&world, t.admin, TOKEN_BILLING_PUT_BUDGET, &in);
	assert_int_equal(r.status, ST_NOT_FOUND);
	from.days = 20000;
	to.days = 19999;
	days.from = &from;
	days.to = &to;
	r = bl_admin(&world, t.admin, TOKEN_BILLING_GET_USAGE, &days);
	assert_int_equal(r.status, ST_INVALID);
	assert_string_equal(r.field, "from");
	assert_int_equal(sx_int(&world.sx,
				"SELECT count(*) FROM token_billing.budgets WHERE"
				" tenant_id = '%s'",
				t.id),
			 0);
}

static int set_up(void **state)
{
	(void)state;
	bl_start(&world);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	bl_stop(&world);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_is_held_settled_and_told_once),
		cmocka_unit_test(nothing_used_leaves_no_line),
		cmocka_unit_test(an_unknown_model_is_unpriced_and_told),
		cmocka_unit_test(a_hold_expires_and_can_be_settled_all_the_same),
		cmocka_unit_test(what_one_tenant_cannot_give_back_keeps_no_others),
		cmocka_unit_test(killed_again_and_again_each_line_is_there_once),
		cmocka_unit_test(usage_adds_up_by_day_brand_user_and_model),
		cmocka_unit_test(nobody_touches_what_is_another_tenants),
		cmocka_unit_test(wrong_budgets_are_refused_by_field),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
