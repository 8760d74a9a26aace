/*
 * attribution on a real PostgreSQL and nats-server: events that come twice, late, in the wrong
 * order or broken leave the figures that their newest versions say. The test plays auth, the ingest
 * services and the edge.
 */
#include "component/attribution_build.h"

#include "core/timeutil.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DAY1  INT32_C(20000)
#define SPAN1 AT_NOON(DAY1)
#define PAID  ATTRIBUTION__V1__CHANNEL__CHANNEL_PAID_OTHER
#define META  ATTRIBUTION__V1__CHANNEL__CHANNEL_META_ADS
#define GOOG  ATTRIBUTION__V1__CHANNEL__CHANNEL_GOOGLE_ADS
#define EMAIL ATTRIBUTION__V1__CHANNEL__CHANNEL_EMAIL
#define OTHER ATTRIBUTION__V1__CHANNEL__CHANNEL_OTHER
#define NONE  ATTRIBUTION__V1__CHANNEL__CHANNEL_UNATTRIBUTED

static struct world world;

static const struct at_touch ad = { SPAN1 - 1000, 1, "facebook", "AD", "paid_social", "spring" };
static const struct at_touch mail = { SPAN1 - 500, 2, "klaviyo", "NEWSLETTER", "email", "weekly" };

static struct at_order an_order(const char *id, uint64_t version, int64_t gross, int64_t refunds,
				const struct at_touch *touch)
{
	return (struct at_order){ .order_id = id,
				  .version = version,
				  .processed_us = SPAN1,
				  .day = DAY1,
				  .currency = "GBP",
				  .gross = gross * AT_UNIT,
				  .refunds = refunds * AT_UNIT,
				  .touches = touch,
				  .n_touches = touch ? 1 : 0 };
}

/* The order as stored and its credits under both models say these amounts. */
static void expect_one(const struct at_tenant *t, int channel, int64_t net, int64_t gross)
{
	for (int linear = 0; linear < 2; linear++) {
		const Attribution__V1__AttributionReport *r =
			at_report(&world, t, (struct at_question){ .linear = linear });

		assert_int_equal(r->n_rows, 1);
		assert_int_equal(r->rows[0]->channel, channel);
		assert_int_equal(r->rows[0]->revenue->micros, net * AT_UNIT);
		assert_int_equal(r->rows[0]->orders->units, AT_UNIT);
		r = at_report(&world, t, (struct at_question){ .linear = linear, .gross = true });
		assert_int_equal(r->rows[0]->revenue->micros, gross * AT_UNIT);
	}
}

static void test_versions(void **state)
{
	struct at_tenant t;
	struct at_order o;

	(void)state;
	world_fresh(&world);
	at_tenant(&world, &t, "GBP");
	o = an_order("o-1", 2, 100, 10, &ad);
	at_orders(&world, &t, "", &o, 1);
	at_settled(&world, t.id);
	expect_one(&t, PAID, 90, 100);
	/* An older version that comes later changes nothing. */
	o = an_order("o-1", 1, 77, 0, &mail);
	at_orders(&world, &t, "", &o, 1);
	at_settled(&world, t.id);
	expect_one(&t, PAID, 90, 100);
	/* The same version again, in an event of its own. */
	o = an_order("o-1", 2, 100, 10, &ad);
	at_orders(&world, &t, "", &o, 1);
	at_settled(&world, t.id);
	expect_one(&t, PAID, 90, 100);
	/* A newer one: another touch, more refunds than the order brought in. */
	o = an_order("o-1", 3, 120, 150, &mail);
	at_orders(&world, &t, "", &o, 1);
	at_settled(&world, t.id);
	expect_one(&t, EMAIL, -30, 120);
	/* Several versions in one event, the newest not last. */
	const struct at_order many[] = { an_order("o-1", 4, 1, 0, &ad),
					 an_order("o-1", 6, 40, 0, NULL),
					 an_order("o-1", 5, 2, 0, &mail) };
	at_orders(&world, &t, "", many, 3);
	at_settled(&world, t.id);
	expect_one(&t, NONE, 40, 40);
}

static void test_order_that_no_longer_counts(void **state)
{
	struct at_tenant t;
	struct at_order o = an_order("o-1", 1, 100, 10, &ad);
	const Attribution__V1__Summary *s;

	(void)state;
	world_fresh(&world);
	at_tenant(&world, &t, "USD");
	at_orders(&world, &t, "", &o, 1);
	at_settled(&world, t.id);
	assert_int_equal(at_credits(&world, &t, "o-1")->n_credits, 2);
	o.version = 2;
	o.dropped = true;
	at_orders(&world, &t, "", &o, 1);
	at_settled(&world, t.id);
	assert_int_equal(at_report(&world, &t, (struct at_question){ 0 })->n_rows, 0);
	assert_int_equal(at_credits(&world, &t, "o-1")->n_credits, 0);
	assert_int_equal(at_credits(&world, &t, "never seen")->n_credits, 0);
	s = at_summary(&world, &t);
	assert_int_equal(s->orders, 0);
	assert_null(s->first_day);
	assert_null(s->roas);
	/* Without orders the figures are nothing in the brand's currency. */
	assert_int_equal(s->net->micros, 0);
	assert_string_equal(s->net->currency, "USD");
	/* And back again, on another day and in another currency. */
	o = an_order("o-1", 3, 50, 0, &ad);
	o.day = DAY1 + 1;
	o.currency = "EUR";
	at_orders(&world, &t, "", &o, 1);
	at_settled(&world, t.id);
	s = at_summary(&world, &t);
	assert_int_equal(s->orders, 1);
	assert_int_equal(s->first_day->days, DAY1 + 1);
	assert_string_equal(s->net->currency, "EUR");
	assert_int_equal(s->net->micros, 50 * AT_UNIT);
}

/* The broker loses its memory and everything is sent again: the inbox knows every event. */
static void test_events_sent_again(void **state)
{
	static const char pages[] = "SELECT pages_seen FROM attribution.run_progress"
				    " WHERE brand_id = '%s' AND run_id = 'again'";
	static const char inbox[] = "SELECT count(*) FROM attribution.inbox WHERE tenant_id = '%s'";
	const struct at_order one = an_order("o-1", 1, 5, 0, &ad),
			      two = an_order("o-2", 1, 7, 0, &ad);
	const Shopify__V1__OrdersUpserted *first, *second;
	const char *id_1, *id_2;
	char uuid[UUID_TEXT];
	struct at_tenant t;

	(void)state;
	world_fresh(&world);
	at_tenant(&world, &t, "GBP");
	first = at_orders_message(&world, &t, "again", &one, 1);
	second = at_orders_message(&world, &t, "again", &two, 1);
	uuid_v7(uuid);
	id_1 = arena_printf(world.arena, "ingest-shopify:%s", uuid);
	uuid_v7(uuid);
	id_2 = arena_printf(world.arena, "ingest-shopify:%s", uuid);
	at_publish(&world, t.id, AT_ORDERS, first, id_1);
	world_sql_reach(&world, 2, inbox, t.id);
	assert_int_equal(world_sql_int(&world, pages, t.brand), 1);
	at_forget_streams(&world);
	at_publish(&world, t.id, AT_ORDERS, first, id_1);
	/* A later event of the same stream shows that the first was handled. */
	at_publish(&world, t.id, AT_ORDERS, second, id_2);
	world_sql_reach(&world, 3, inbox, t.id);
	assert_int_equal(world_sql_int(&world, pages, t.brand), 2);
	assert_int_equal(at_sum_revenue(at_report(&world, &t, (struct at_question){ 0 }), "GBP"),
			 12 * AT_UNIT);
}

/* A page that no version of us could apply goes to the dead letters; its neighbours do not. */
static void test_bad_page(void **state)
{
	struct at_tenant t;
	struct at_order good = an_order("good", 1, 10, 0, &ad), bad = good;
	int64_t letters;

	(void)state;
	world_fresh(&world);
	at_tenant(&world, &t, "GBP");
	letters = at_dead_letters(&world);
	bad.order_id = "bad";
	bad.currency = "";
	at_orders(&world, &t, "", &good, 1);
	at_publish_bad(&world, t.id, AT_ORDERS, at_orders_message(&world, &t, "", &bad, 1));
	good.order_id = "good too";
	at_orders(&world, &t, "", &good, 1);
	at_settled(&world, t.id);
	at_until_dead_letters(&world, letters + 1);
	assert_int_equal(at_sum_orders(at_report(&world, &t, (struct at_question){ 0 })),
			 2 * AT_UNIT);
	assert_int_equal(
		world_sql_int(&world,
			      "SELECT count(*) FROM attribution.orders WHERE brand_id = '%s'",
			      t.brand),
		2);
}

static void test_spend_versions(void **state)
{
	struct at_tenant t;
	const Attribution__V1__Summary *s;
	const struct at_result first = { "act", "77", "ad-1", DAY1, 2, "GBP", 5 * AT_UNIT };
	const struct at_result older = { "act", "77", "ad-1", DAY1, 1, "GBP", 9 * AT_UNIT };
	const struct at_result rest[] = { { "act", "77", "ad-1", DAY1, 3, "GBP", 6 * AT_UNIT },
					  { "act", "77", "ad-1", DAY1, 4, "GBP", 7 * AT_UNIT },
					  { "act", "77", "ad-1", DAY1 + 1, 1, "GBP", 1 * AT_UNIT },
					  { "act", "77", "ad-2", DAY1, 1, "USD", 2 * AT_UNIT } };

	(void)state;
	world_fresh(&world);
	at_tenant(&world, &t, "GBP");
	at_results(&world, &t, "", AT_META, &first, 1);
	at_settled(&world, t.id);
	at_results(&world, &t, "", AT_META, &older, 1);
	at_settled(&world, t.id);
	s = at_summary(&world, &t);
	assert_int_equal(s->n_ad_spend, 1);
	assert_int_equal(s->ad_spend[0]->micros, 5 * AT_UNIT);
	at_results(&world, &t, "", AT_META, rest, 4);
	at_results(&world, &t, "", AT_TIKTOK, &first, 1);
	at_settled(&world, t.id);
	s = at_summary(&world, &t);
	assert_int_equal(s->n_ad_spend, 2);
	assert_string_equal(s->ad_spend[0]->currency, "GBP");
	assert_int_equal(s->ad_spend[0]->micros, 13 * AT_UNIT);
	assert_string_equal(s->ad_spend[1]->currency, "USD");
	assert_int_equal(s->ad_spend[1]->micros, 2 * AT_UNIT);
	assert_int_equal(s->n_spend_by_platform, 3);
	assert_string_equal(s->spend_by_platform[2]->platform, "tiktok");
	assert_int_equal(s->spend_by_platform[2]->spend->micros, 5 * AT_UNIT);
}

/* Sends a campaign and returns the report that knows it. */
static const Attribution__V1__AttributionReport *with_campaign(const struct at_tenant *t,
							       Ads__V1__Platform platform,
							       const struct at_campaign *c,
							       struct at_question question)
{
	at_campaigns(&world, t, "", platform, c, 1);
	at_settled(&world, t->id);
	return at_report(&world, t, question);
}

/* Links are known before campaigns: the rows change when the campaigns come, and no credit moves.
 */
static void test_campaigns_after_orders(void **state)
{
	static const struct at_touch touches[] = {
		{ SPAN1 - 9, 1, "facebook", "AD", "paid_social", "spring" },
		{ SPAN1 - 8, 1, "google", "AD", "cpc", "spring" },
		{ SPAN1 - 7, 1, "google", "AD", "cpc", "77" },
		{ SPAN1 - 6, 1, "newsletter", "", "email", "77" },
		{ SPAN1 - 5, 1, "google", "AD", "cpc", "summer" },
	};
	const struct at_campaign meta = { "act-1", "77", 1, "spring", NULL };
	const struct at_campaign google = { "g-1", "77", 1, "spring", NULL };
	const struct at_campaign renamed = { "g-1", "77", 2, "summer", "spring" };
	const struct at_campaign older = { "g-1", "77", 1, "older still", NULL };
	const Attribution__V1__AttributionReport *r;
	struct at_order orders[5];
	struct at_tenant t;

	(void)state;
	world_fresh(&world);
	at_tenant(&world, &t, "GBP");
	for (int i = 0; i < 5; i++) {
		static const char *const ids[] = { "a", "b", "c", "d", "e" };

		orders[i] = an_order(ids[i], 1, 1 << i, 0, &touches[i]);
	}
	at_orders(&world, &t, "", orders, 5);
	at_settled(&world, t.id);
	r = at_report(&world, &t, (struct at_question){ 0 });
	assert_int_equal(at_revenue(r, PAID, "", "GBP"), 23 * AT_UNIT);
	assert_int_equal(at_revenue(r, EMAIL, "", "GBP"), 8 * AT_UNIT);
	/* Meta alone: the id 77 is Meta's whatever the source says. */
	r = with_campaign(&t, AT_META, &meta, (struct at_question){ 0 });
	assert_int_equal(at_revenue(r, META, "", "GBP"), 13 * AT_UNIT);
	assert_int_equal(at_revenue(r, PAID, "", "GBP"), 18 * AT_UNIT);
	/* Two platforms with one id: the source decides, and a newsletter names neither. */
	r = with_campaign(&t, AT_GOOGLE, &google, (struct at_question){ 0 });
	assert_int_equal(at_revenue(r, META, "", "GBP"), 1 * AT_UNIT);
	assert_int_equal(at_revenue(r, GOOG, "", "GBP"), 6 * AT_UNIT);
	assert_int_equal(at_revenue(r, EMAIL, "", "GBP"), 8 * AT_UNIT);
	assert_int_equal(at_revenue(r, PAID, "", "GBP"), 16 * AT_UNIT);
	/* Renamed: old touches stay with it, and the row goes by the new name. */
	at_campaigns(&world, &t, "", AT_GOOGLE, &renamed, 1);
	at_settled(&world, t.id);
	r = with_campaign(&t, AT_GOOGLE, &older, (struct at_question){ .by_campaign = true });
	assert_int_equal(at_revenue(r, GOOG, "summer", "GBP"), 22 * AT_UNIT);
	assert_int_equal(at_revenue(r, META, "spring", "GBP"), 1 * AT_UNIT);
	assert_int_equal(at_revenue(r, EMAIL, "77", "GBP"), 8 * AT_UNIT);
	assert_string_equal(at_row(r, GOOG, "summer")->campaign_id, "77");
	assert_string_equal(at_row(r, GOOG, "summer")->platform, "google");
	assert_string_equal(at_row(r, EMAIL, "77")->campaign_id, "");
	assert_int_equal(at_sum_revenue(r, "GBP"), 31 * AT_UNIT);
	/* The credits moved at no time: one row of the roll-ups per link and model. */
	assert_int_equal(
		world_sql_int(&world,
			      "SELECT count(*) FROM attribution.credit_days WHERE brand_id = '%s'",
			      t.brand),
		10);
}

/* Links come from outside. Beyond a limit new ones are counted together, and every amount is still
 * there. */
static void test_too_many_links(void **state)
{
	static const struct at_touch strange = { SPAN1 - 1, 1, "google", "AD", "cpc", "one more" };
	struct at_order orders[3];
	const Attribution__V1__AttributionReport *r;
	struct at_tenant t;

	(void)state;
	world_fresh(&world);
	at_tenant(&world, &t, "GBP");
	orders[0] = an_order("known", 1, 5, 0, &ad);
	at_orders(&world, &t, "", orders, 1);
	at_settled(&world, t.id);
	world_sql(&world,
		  "INSERT INTO attribution.touch_kinds (tenant_id, brand_id, source, source_type, "
		  "medium,"
		  " campaign, channel, platform, account_id, campaign_id)"
		  " SELECT '%s', '%s', 'spam', '', '', n::text, 12, '', '', '' FROM "
		  "generate_series(1, 99999) n",
		  t.id, t.brand);
	orders[0] = an_order("still known", 1, 7, 0, &ad);
	orders[1] = an_order("strange", 1, 11, 0, &strange);
	orders[2] = an_order("stranger", 1, 13, 0, &mail);
	at_orders(&world, &t, "", orders, 3);
	at_settled(&world, t.id);
	r = at_report(&world, &t, (struct at_question){ 0 });
	assert_int_equal(at_revenue(r, PAID, "", "GBP"), 12 * AT_UNIT);
	assert_int_equal(at_revenue(r, OTHER, "", "GBP"), 24 * AT_UNIT);
	assert_int_equal(r->n_rows, 2);
	/* One row for all of them, now and later. */
	assert_int_equal(
		world_sql_int(&world,
			      "SELECT count(*) FROM attribution.touch_kinds WHERE brand_id = '%s'",
			      t.brand),
		100001);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_order_that_no_longer_counts),
		cmocka_unit_test(test_spend_versions),
		cmocka_unit_test(test_campaigns_after_orders),
		cmocka_unit_test(test_too_many_links),
		cmocka_unit_test(test_bad_page),
		cmocka_unit_test(test_events_sent_again),
	};
	int failed;

	at_start(&world);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	at_stop(&world);
	return failed;
}
