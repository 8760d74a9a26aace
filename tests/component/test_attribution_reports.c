/*
 * Figures: random shops (seeded), whose reports under both models and several windows are worked
 * out a second time here, by other code, and must agree to the last micro; currencies that are
 * never added; brands, tenants and bad questions.
 */
#include "component/attribution_build.h"

#include "core/timeutil.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CHANNEL(c) ATTRIBUTION__V1__CHANNEL__CHANNEL_##c
#define DAY1       INT32_C(19800)
#define DAYS       60
#define ORDERS     800
#define PAGE       50
#define TOUCHES    6

static struct world world;

/* ---- the same figures by other code ---- */

static const struct link_kind {
	const char *source, *type, *medium, *campaign;
	int channel;
	const char *shown; /* the campaign in a report by campaign */
} kinds[] = {
	{ "facebook", "AD", "paid_social", "c-1", CHANNEL(META_ADS), "Camp One" },
	{ "instagram", "AD", "paid_social", "Camp One", CHANNEL(META_ADS), "Camp One" },
	{ "google", "AD", "cpc", "brand terms", CHANNEL(GOOGLE_ADS), "brand terms" },
	{ "bing", "AD", "cpc", "brand terms", CHANNEL(PAID_OTHER), "brand terms" },
	{ "google", "SEO", "organic", "", CHANNEL(ORGANIC_SEARCH), "" },
	{ "klaviyo", "NEWSLETTER", "email", "weekly", CHANNEL(EMAIL), "weekly" },
	{ "klaviyo", "NEWSLETTER", "email", "May, 2025 \"\\{}", CHANNEL(EMAIL),
	  "May, 2025 \"\\{}" },
	{ "direct", "", "", "", CHANNEL(DIRECT), "" },
};
#define KINDS  (sizeof(kinds) / sizeof(kinds[0]))
#define NOBODY KINDS /* the sum of what is unattributed */

struct shop {
	struct at_order orders[ORDERS];
	struct at_touch touches[ORDERS][TOUCHES];
	int kind_of[ORDERS][TOUCHES];
};
static struct shop shop;

struct sums {
	int64_t revenue[KINDS + 1], orders[KINDS + 1];
};

static uint64_t roll(uint64_t *seed, uint64_t below)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (*seed >> 33) % below;
}

static void random_touch(uint64_t *seed, int o, int k)
{
	static const int64_t odd[] = { 0, 1, -1 };
	struct at_order *order = &shop.orders[o];
	/* A fifth stand at an edge: the moment of the order, or a window's beginning, give or take
	 * a microsecond. */
	bool edge = roll(seed, 5) == 0;
	int64_t before = edge ? (int64_t)(roll(seed, 4) * 14) * AT_DAY + odd[roll(seed, 3)]
			      : (int64_t)roll(seed, 45 * 86400) * 1000000 - 86400000000;
	int kind = (int)roll(seed, KINDS);

	shop.kind_of[o][k] = kind;
	shop.touches[o][k] =
		(struct at_touch){ order->processed_us - before, (uint32_t)k + 1,
				   kinds[kind].source,           kinds[kind].type,
				   kinds[kind].medium,           kinds[kind].campaign };
	if (k > 0 && roll(seed, 6) == 0) /* tied with the one before */
		shop.touches[o][k].occurred_us = shop.touches[o][k - 1].occurred_us;
}

static void random_shop(uint64_t seed)
{
	for (int o = 0; o < ORDERS; o++) {
		int32_t day = DAY1 + (int32_t)roll(&seed, DAYS);
		size_t n = roll(&seed, TOUCHES + 1);

		shop.orders[o] = (struct at_order){
			.order_id = arena_printf(world.arena, "order %d/\"%d\"", o, o * 7),
			.version = 1 + roll(&seed, 3),
			.processed_us = day * AT_DAY + (int64_t)roll(&seed, 86400) * 1000000,
			.day = day,
			.dropped = roll(&seed, 10) == 0,
			.currency = "GBP",
			.gross = (int64_t)roll(&seed, 300000000),
			.touches = shop.touches[o],
			.n_touches = n,
		};
		if (roll(&seed, 4) == 0)
			shop.orders[o].refunds = (int64_t)roll(&seed, 400000000);
		for (int k = 0; k < (int)n; k++)
			random_touch(&seed, o, k);
	}
}

/* Sorted by time, then position, by inserting; returns how many count. */
static int counting(int o, int64_t window_us, int out[TOUCHES])
{
	const struct at_order *order = &shop.orders[o];
	int n = 0;

	for (int k = 0; k < (int)order->n_touches; k++) {
		const struct at_touch *t = &shop.touches[o][k];
		int at = n;

		if (t->occurred_us > order->processed_us ||
		    t->occurred_us < order->processed_us - window_us)
			continue;
		/* Positions grow with k, so a tie goes behind. */
		while (at > 0 && shop.touches[o][out[at - 1]].occurred_us > t->occurred_us) {
			out[at] = out[at - 1];
			at--;
		}
		out[at] = k;
		n++;
	}
	return n;
}

/* Share i of n equal ones: what does not divide goes to the first. */
static int64_t share(int64_t total, int n, int i)
{
	int64_t rest = total % n;

	return total / n + (i < llabs(rest) ? (rest > 0) - (rest < 0) : 0);
}

static void work_out(struct sums *s, struct at_question q, int64_t window_days)
{
	memset(s, 0, sizeof(*s));
	for (int o = 0; o < ORDERS; o++) {
		const struct at_order *order = &shop.orders[o];
		int64_t amount = q.gross ? order->gross : order->gross - order->refunds;
		int list[TOUCHES], n = counting(o, window_days * AT_DAY, list);

		if (order->dropped || (q.bounded && (order->day < q.from || order->day > q.to)))
			continue;
		if (n == 0) {
			s->revenue[NOBODY] += amount;
			s->orders[NOBODY] += AT_UNIT;
		}
		for (int i = q.linear || n == 0 ? 0 : n - 1; i < n; i++) {
			int kind = shop.kind_of[o][list[i]];

			s->revenue[kind] += q.linear ? share(amount, n, i) : amount;
			s->orders[kind] += q.linear ? share(AT_UNIT, n, i) : AT_UNIT;
		}
	}
}

/* The rows of a report by campaign against the sums of the kinds that are shown as them. */
static void compare_campaigns(const Attribution__V1__AttributionReport *r, const struct sums *s)
{
	for (size_t k = 0; k <= KINDS; k++) {
		int channel = k == NOBODY ? CHANNEL(UNATTRIBUTED) : kinds[k].channel;
		const char *shown = k == NOBODY ? "" : kinds[k].shown;
		const Attribution__V1__AttributionRow *row = at_row(r, channel, shown);
		int64_t revenue = 0, orders = 0;

		for (size_t j = 0; j <= KINDS; j++)
			if ((j == NOBODY ? CHANNEL(UNATTRIBUTED) : kinds[j].channel) == channel &&
			    strcmp(j == NOBODY ? "" : kinds[j].shown, shown) == 0) {
				revenue += s->revenue[j];
				orders += s->orders[j];
			}
		assert_int_equal(row ? row->orders->units : 0, orders);
		assert_int_equal(row && row->revenue ? row->revenue->micros : 0, revenue);
	}
}

static void compare_channels(const Attribution__V1__AttributionReport *r, const struct sums *s)
{
	for (int channel = CHANNEL(META_ADS); channel <= CHANNEL(UNATTRIBUTED); channel++) {
		const Attribution__V1__AttributionRow *row = at_row(r, channel, "");
		int64_t revenue = 0, orders = 0;

		for (size_t j = 0; j <= KINDS; j++)
			if ((j == NOBODY ? CHANNEL(UNATTRIBUTED) : kinds[j].channel) == channel) {
				revenue += s->revenue[j];
				orders += s->orders[j];
			}
		assert_int_equal(row ? row->orders->units : 0, orders);
		assert_int_equal(row && row->revenue ? row->revenue->micros : 0, revenue);
	}
}

static void compare_with_database(const struct at_tenant *t, const struct at_question *q,
				  const Attribution__V1__AttributionReport *r)
{
	const char *days = q->bounded
				   ? arena_printf(world.arena,
						  "AND day BETWEEN date '1970-01-01' + %d AND date "
						  "'1970-01-01' + %d",
						  q->from, q->to)
				   : "";

	assert_int_equal(at_sum_revenue(r, "GBP"),
			 world_sql_int(&world,
				       "SELECT coalesce(sum(gross - %s), 0) FROM attribution.orders"
				       " WHERE brand_id = '%s' AND counts %s",
				       q->gross ? "0" : "refunds", t->brand, days));
	assert_int_equal(at_sum_orders(r),
			 AT_UNIT * world_sql_int(&world,
						 "SELECT count(*) FROM attribution.orders"
						 " WHERE brand_id = '%s' AND counts %s",
						 t->brand, days));
}

static void check_report(const struct at_tenant *t, struct at_question q, int64_t window_days)
{
	const Attribution__V1__AttributionReport *r;
	struct sums s;

	q.window = arena_printf(world.arena, "%dd", (int)window_days);
	work_out(&s, q, window_days);
	r = at_report(&world, t, q);
	assert_string_equal(r->window, q.window);
	compare_with_database(t, &q, r);
	if (q.by_campaign)
		compare_campaigns(r, &s);
	else
		compare_channels(r, &s);
	/* Revenue falls from row to row; what is unattributed comes last. */
	for (size_t i = 1; i < r->n_rows; i++)
		assert_true(r->rows[i]->channel == CHANNEL(UNATTRIBUTED) ||
			    r->rows[i - 1]->revenue->micros >= r->rows[i]->revenue->micros);
}

static void check_all(const struct at_tenant *t)
{
	static const int windows[] = { 28, 1, 7, 14, 29, 90 };

	for (int bits = 0; bits < 16; bits++)
		for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++)
			check_report(t,
				     (struct at_question){ .linear = bits & 1,
							   .by_campaign = bits & 2,
							   .gross = bits & 4,
							   .bounded = bits & 8,
							   .from = DAY1 + 10,
							   .to = DAY1 + 40 },
				     windows[i]);
}

static void put_campaigns(const struct at_tenant *t)
{
	const struct at_campaign meta = { "act", "c-1", 1, "Camp One", NULL };
	const struct at_campaign google = { "g", "55", 1, "brand terms", NULL };

	at_campaigns(&world, t, "", AT_META, &meta, 1);
	at_campaigns(&world, t, "", AT_GOOGLE, &google, 1);
}

static void test_random_shop(void **state)
{
	struct at_tenant t;

	(void)state;
	world_fresh(&world);
	at_tenant(&world, &t, "GBP");
	random_shop(20250320);
	for (int o = 0; o < ORDERS; o += PAGE) {
		at_orders(&world, &t, "", shop.orders + o, PAGE);
		if (o == ORDERS / 2)
			put_campaigns(&t);
	}
	at_settled(&world, t.id);
	check_all(&t);
	/* Most orders change: other touches, amounts and days; pages come in reverse and twice. */
	world_fresh(&world);
	random_shop(77);
	for (int o = 0; o < ORDERS; o++) {
		shop.orders[o].order_id = arena_printf(world.arena, "order %d/\"%d\"", o, o * 7);
		shop.orders[o].version = 10;
	}
	for (int twice = 0; twice < 2; twice++)
		for (int o = ORDERS - PAGE; o >= 0; o -= PAGE)
			at_orders(&world, &t, "", shop.orders + o, PAGE);
	at_settled(&world, t.id);
	check_all(&t);
	/* And one order's credits are those of the reports. */
	assert_int_equal(
		world_sql_int(&world,
			      "SELECT count(*) FROM attribution.orders WHERE brand_id = '%s'",
			      t.brand),
		ORDERS);
}

static void test_credits_of_an_order(void **state)
{
	const struct at_touch touches[] = {
		{ AT_NOON(DAY1) - 3, 1, "facebook", "AD", "paid_social", "c-1" },
		{ AT_NOON(DAY1) - 2, 2, "google", "SEO", "organic", "" },
		{ AT_NOON(DAY1) - 1, 3, "klaviyo", "NEWSLETTER", "email", "weekly" },
		{ AT_NOON(DAY1) + 1, 4, "direct", "", "", "" },
	};
	const struct at_order o = { .order_id = "o",
				    .version = 1,
				    .processed_us = AT_NOON(DAY1),
				    .day = DAY1,
				    .currency = "KWD",
				    .gross = 100,
				    .refunds = 50,
				    .touches = touches,
				    .n_touches = 4 };
	static const struct {
		int model, channel, position;
		int64_t orders, net, gross;
	} want[] = {
		{ ATTRIBUTION__V1__MODEL__MODEL_LAST_TOUCH, CHANNEL(EMAIL), 3, 1000000, 50, 100 },
		{ ATTRIBUTION__V1__MODEL__MODEL_LINEAR, CHANNEL(META_ADS), 1, 333334, 17, 34 },
		{ ATTRIBUTION__V1__MODEL__MODEL_LINEAR, CHANNEL(ORGANIC_SEARCH), 2, 333333, 17,
		  33 },
		{ ATTRIBUTION__V1__MODEL__MODEL_LINEAR, CHANNEL(EMAIL), 3, 333333, 16, 33 },
	};
	const Attribution__V1__OrderCreditsReply *r;
	struct at_tenant t;

	(void)state;
	world_fresh(&world);
	at_tenant(&world, &t, "KWD");
	put_campaigns(&t);
	at_orders(&world, &t, "", &o, 1);
	at_settled(&world, t.id);
	r = at_credits(&world, &t, "o");
	assert_int_equal(r->n_credits, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(r->credits[i]->model, want[i].model);
		assert_int_equal(r->credits[i]->channel, want[i].channel);
		assert_int_equal(r->credits[i]->position, want[i].position);
		assert_int_equal(r->credits[i]->orders->units, want[i].orders);
		assert_int_equal(r->credits[i]->net->micros, want[i].net);
		assert_int_equal(r->credits[i]->gross->micros, want[i].gross);
		assert_string_equal(r->credits[i]->net->currency, "KWD");
	}
	assert_string_equal(r->credits[1]->campaign, "Camp One");
	assert_string_equal(r->credits[1]->campaign_id, "c-1");
	assert_string_equal(r->credits[1]->platform, "meta");
	assert_string_equal(r->credits[3]->campaign, "weekly");
}

/* ---- spend, currencies, ratios ---- */

static struct at_order plain(const char *id, const char *currency, int64_t units,
			     const struct at_touch *t)
{
	return (struct at_order){ .order_id = id,
				  .version = 1,
				  .processed_us = AT_NOON(DAY1),
				  .day = DAY1,
				  .currency = currency,
				  .gross = units * AT_UNIT,
				  .touches = t,
				  .n_touches = 1 };
}

static const struct at_touch from_meta = { AT_NOON(DAY1) - 1, 1, "facebook", "AD", "paid", "c-1" };
static const struct at_touch from_google = { AT_NOON(DAY1) - 1, 1, "google", "AD", "cpc", "55" };

static void check_one_currency(const struct at_tenant *t)
{
	const struct at_result spend[] = { { "act", "c-1", "a", DAY1, 1, "GBP", 3 * AT_UNIT },
					   { "act", "idle", "a", DAY1, 1, "GBP", 7 * AT_UNIT },
					   { "act", "free", "a", DAY1, 1, "GBP", 0 } };
	struct at_order orders[] = { plain("a", "GBP", 10, &from_meta),
				     plain("b", "GBP", 10, &from_google) };
	const Attribution__V1__AttributionReport *r;
	const Attribution__V1__AttributionRow *row;
	const Attribution__V1__Summary *s;

	at_orders(&world, t, "", orders, 2);
	at_results(&world, t, "", AT_META, spend, 3);
	at_settled(&world, t->id);
	s = at_summary(&world, t);
	assert_int_equal(s->net->micros, 20 * AT_UNIT);
	assert_int_equal(s->roas->units, 20000); /* 20 / 10 */
	assert_int_equal(s->roas->scale, 4);
	r = at_report(&world, t, (struct at_question){ .by_campaign = true });
	assert_int_equal(r->n_rows, 3);
	row = at_row(r, CHANNEL(META_ADS), "Camp One");
	assert_int_equal(row->roas->units, 33333); /* 10 / 3 */
	/* Spend without orders is a row that earned nothing in the orders' currency; no spend is
	 * none. */
	row = at_row(r, CHANNEL(META_ADS), "");
	assert_string_equal(row->campaign_id, "idle");
	assert_int_equal(row->revenue->micros, 0);
	assert_string_equal(row->revenue->currency, "GBP");
	assert_int_equal(row->roas->units, 0);
	row = at_row(r, CHANNEL(GOOGLE_ADS), "brand terms");
	assert_null(row->spend);
	assert_null(row->roas);
}

static void check_two_currencies(const struct at_tenant *t)
{
	const struct at_result dollars = { "g", "55", "a", DAY1 + 5, 1, "USD", 4 * AT_UNIT };
	const struct at_order euros = plain("c", "EUR", 5, &from_google);
	const Attribution__V1__AttributionReport *r;
	const Attribution__V1__AttributionRow *row;
	const Attribution__V1__Summary *s;

	at_orders(&world, t, "", &euros, 1);
	at_results(&world, t, "", AT_GOOGLE, &dollars, 1);
	at_settled(&world, t->id);
	s = at_summary(&world, t);
	assert_int_equal(s->orders, 3);
	assert_null(s->net);
	assert_null(s->gross);
	assert_null(s->roas);
	assert_int_equal(s->n_by_currency, 2);
	assert_string_equal(s->by_currency[0]->currency, "EUR");
	assert_int_equal(s->by_currency[0]->net->micros, 5 * AT_UNIT);
	assert_int_equal(s->by_currency[1]->orders, 2);
	assert_int_equal(s->n_ad_spend, 2);
	r = at_report(&world, t, (struct at_question){ 0 });
	row = at_row(r, CHANNEL(GOOGLE_ADS), "");
	assert_null(row->revenue);
	assert_null(row->roas);
	assert_int_equal(row->n_revenue_by_currency, 2);
	assert_int_equal(row->spend->micros, 4 * AT_UNIT);
	row = at_row(r, CHANNEL(META_ADS), "");
	assert_int_equal(row->roas->units, 10000);
	/* The row of several currencies cannot be ranked by revenue: it comes after those that can.
	 */
	assert_int_equal(r->rows[0]->channel, CHANNEL(META_ADS));
	/* Days bound orders by the shop's day and spend by the account's own. */
	r = at_report(&world, t,
		      (struct at_question){ .bounded = true, .from = DAY1 + 1, .to = DAY1 + 9 });
	assert_int_equal(r->n_rows, 1);
	assert_int_equal(r->rows[0]->channel, CHANNEL(GOOGLE_ADS));
	assert_string_equal(r->rows[0]->revenue->currency,
			    "USD"); /* the brand's, for want of orders */
	assert_int_equal(r->rows[0]->roas->units, 0);
}

static void test_currencies(void **state)
{
	struct at_tenant t;

	(void)state;
	world_fresh(&world);
	at_tenant(&world, &t, "USD"); /* the shop's orders say otherwise */
	put_campaigns(&t);
	check_one_currency(&t);
	check_two_currencies(&t);
}

/* ---- who may ask what ---- */

static void test_questions_refused(void **state)
{
	Attribution__V1__AttributionRequest in = ATTRIBUTION__V1__ATTRIBUTION_REQUEST__INIT;
	Pulsepoint__Date from = PULSEPOINT__DATE__INIT, to = PULSEPOINT__DATE__INIT;
	static const char *const windows[] = { "0d", "91d", "d", "28", "28h", "-1d", "999999999d" };
	struct at_tenant t;
	struct reply r;

	(void)state;
	world_fresh(&world);
	at_tenant(&world, &t, "GBP");
	in.brand_id = t.brand;
	for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
		in.window = (char *)windows[i];
		r = at_call(&world, t.token, ATTRIBUTION_GET_ATTRIBUTION, &in);
		assert_int_equal(r.status, ST_INVALID);
		assert_string_equal(r.field, "window");
	}
	in.window = (char *)"";
	assert_int_equal(at_call(&world, t.token, ATTRIBUTION_GET_ATTRIBUTION, &in).status, ST_OK);
	from.days = DAY1 + 1;
	to.days = DAY1;
	in.from = &from;
	in.to = &to;
	r = at_call(&world, t.token, ATTRIBUTION_GET_ATTRIBUTION, &in);
	assert_int_equal(r.status, ST_INVALID);
	assert_string_equal(r.field, "from");
}

static void test_tenants_apart(void **state)
{
	static const struct at_touch touch = { AT_NOON(DAY1) - 1, 1, "direct", "", "", "" };
	const struct at_order o = plain("a", "GBP", 10, &touch);
	Attribution__V1__SummaryRequest in = ATTRIBUTION__V1__SUMMARY_REQUEST__INIT;
	Attribution__V1__OrderCreditsRequest credits = ATTRIBUTION__V1__ORDER_CREDITS_REQUEST__INIT;
	struct at_tenant mine, theirs;
	char other[UUID_TEXT];
	struct reply r;

	(void)state;
	world_fresh(&world);
	at_tenant(&world, &mine, "GBP");
	at_tenant(&world, &theirs, "GBP");
	at_orders(&world, &theirs, "", &o, 1);
	at_settled(&world, theirs.id);
	assert_int_equal(at_summary(&world, &theirs)->orders, 1);
	in.brand_id = theirs.brand;
	r = at_call(&world, mine.token, ATTRIBUTION_GET_SUMMARY, &in);
	assert_int_equal(r.status, ST_NOT_FOUND);
	assert_string_equal(r.field, "brand_id");
	credits.brand_id = theirs.brand;
	credits.order_id = (char *)"a";
	r = at_call(&world, mine.token, ATTRIBUTION_ORDER_CREDITS, &credits);
	assert_int_equal(r.status, ST_NOT_FOUND);
	assert_string_equal(r.field, "brand_id");
	/* A token of that tenant that is limited to another brand. */
	uuid_v7(other);
	r = at_call(&world, world_token(&world, theirs.id, ROLE_VIEWER, other),
		    ATTRIBUTION_GET_SUMMARY, &in);
	assert_int_equal(r.status, ST_NOT_FOUND);
	/* A brand of nobody's. */
	in.brand_id = other;
	r = at_call(&world, mine.token, ATTRIBUTION_GET_SUMMARY, &in);
	assert_int_equal(r.status, ST_NOT_FOUND);
	assert_string_equal(r.field, "brand_id");
}

/* The call waits a little for the event that tells of the brand: a client asks right after making
 * it. */
static void test_brand_arrives_while_asked(void **state)
{
	const int64_t deadline = time_mono_us() + WORLD_LIMIT_MS * INT64_C(1000);
	Attribution__V1__SummaryRequest in = ATTRIBUTION__V1__SUMMARY_REQUEST__INIT;
	struct reply r;

	(void)state;
	/* On a machine under load an event may take longer than the wait; that every one does so
	 * never happens. */
	do {
		char tenant[UUID_TEXT], brand[UUID_TEXT];

		world_fresh(&world);
		uuid_v7(tenant);
		uuid_v7(brand);
		in.brand_id = brand;
		at_publish_brand(&world, tenant, brand, "JPY", 1);
		r = at_call(&world, world_token(&world, tenant, ROLE_VIEWER, ""),
			    ATTRIBUTION_GET_SUMMARY, &in);
		assert_true(r.status == ST_OK || r.status == ST_NOT_FOUND);
	} while (r.status != ST_OK && time_mono_us() < deadline);
	assert_int_equal(r.status, ST_OK);
	assert_string_equal(((const Attribution__V1__Summary *)r.out)->net->currency, "JPY");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_shop),
		cmocka_unit_test(test_credits_of_an_order),
		cmocka_unit_test(test_currencies),
		cmocka_unit_test(test_questions_refused),
		cmocka_unit_test(test_tenants_apart),
		cmocka_unit_test(test_brand_arrives_while_asked),
	};
	int failed;

	at_start(&world);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	at_stop(&world);
	return failed;
}
