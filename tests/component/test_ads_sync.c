/*
 * Connections and runs of ingest-ads on the nasty data: what is refused and why, exact sums in its
 * own tables and events, names of campaigns, nothing new the second time. Read next:
 * ads_fixture.h, test_ads_faults.c.
 */
#include "component/ads_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define META   (&ads_platforms[0])
#define GOOGLE (&ads_platforms[2])
#define SPRING "spring \xE2\x98\x80"
#define ROW    "meta,act-1,77," SPRING ",a1,\"set, one\",x1,\"ad \"\"1\"\"\",2025-04-28,"

static struct sx_world world;
static struct ads_ears ears;

static int set_up(void **state)
{
	(void)state;
	sx_start_ads(&world);
	ads_ears_open(&world, &ears);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	ads_ears_close(&ears);
	sx_stop(&world);
	return 0;
}

static int fresh(void **state)
{
	(void)state;
	sx_fresh(&world);
	return 0;
}

/* ---- connections ---- */

static void check_connection(const Ads__V1__Connection *c, const struct sx_tenant *t,
			     const struct ads_platform *p)
{
	assert_string_equal(c->brand_id, t->brand);
	assert_int_equal(c->platform, p->id);
	assert_string_equal(c->account_id, p->account);
	assert_string_equal(c->currency, p->currency);
	assert_string_equal(c->timezone, "Australia/Lord_Howe");
	assert_int_equal(c->state, PULSEPOINT__CONNECTION_STATE__CONNECTION_STATE_CONNECTED);
	assert_non_null(c->connected_at);
	assert_null(c->synced_at);
}

static void test_connect(void **state)
{
	(void)state;
	for (size_t i = 0; i < ADS_PLATFORMS; i++) {
		const struct ads_platform *p = &ads_platforms[i];
		const Ads__V1__ConnectReply *reply;
		const char *token = "";
		struct reply r;
		struct sx_tenant t;

		sx_tenant(&world, &t);
		for (int named = 0; named < 2; named++) {
			token = ads_token(&world, p);
			r = ads_try(&world, &t, p, named ? p->account : "", p->field, token);
			assert_int_equal(r.status, ST_OK);
			reply = r.out;
			assert_int_equal(reply->n_connections, 1);
			check_connection(reply->connections[0], &t, p);
			check_connection(ads_connection(&world, &t, p), &t, p);
		}
		/* Once, and sealed: the credential itself is nowhere to be read. */
		assert_int_equal(sx_int(&world,
					"SELECT count(*) FROM ingest_ads.credentials WHERE "
					"brand_id = '%s' AND NOT all_accounts AND "
					"position('%s' IN sealed) = 0",
					t.brand, token),
				 1);
	}
}

static void check_refusal(struct reply r, enum status st, const char *field)
{
	if (r.status != st || strcmp(r.field, field) != 0)
		fail_msg("%s %s %s, not %s %s", status_name(r.status), r.field, r.detail,
			 status_name(st), field);
}

static void test_connect_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ADS_PLATFORMS; i++) {
		const struct ads_platform *p = &ads_platforms[i];
		const char *token = ads_token(&world, p);
		struct sx_tenant t, other;

		sx_tenant(&world, &t);
		sx_tenant(&world, &other);
		check_refusal(ads_try(&world, &t, p, "no such", p->field, token), ST_NOT_FOUND,
			      "account_id");
		check_refusal(ads_try(&world, &t, p, "", p->field, "made-up"), ST_INVALID,
			      p->field);
		check_refusal(ads_try(&world, &t, p, "", p->field, ""), ST_INVALID, p->field);
		check_refusal(ads_try(&world, &t, p, "", p->other, token), ST_INVALID, p->field);
		memcpy(t.brand, other.brand, sizeof(t.brand));
		assert_int_equal(ads_try(&world, &t, p, "", p->field, token).status, ST_NOT_FOUND);
		memcpy(t.admin, other.viewer, sizeof(t.admin));
		assert_int_equal(ads_try(&world, &t, p, "", p->field, token).status, ST_DENIED);
		/* Nothing is half-written. */
		assert_int_equal(sx_int(&world,
					"SELECT (SELECT count(*) FROM ingest_ads.credentials WHERE "
					"tenant_id IN ('%s', '%s')) + (SELECT count(*) FROM "
					"ingest_ads.accounts WHERE tenant_id IN ('%s', '%s'))",
					t.id, other.id, t.id, other.id),
				 0);
	}
}

/* Both credentials: the one that is not the platform's is named, whatever it is worth. */
static void test_other_credential(void **state)
{
	(void)state;
	for (size_t i = 0; i < ADS_PLATFORMS; i++) {
		const struct ads_platform *p = &ads_platforms[i];
		Ads__V1__ConnectRequest in = ADS__V1__CONNECT_REQUEST__INIT;
		struct sx_tenant t;

		sx_tenant(&world, &t);
		in.platform = p->id;
		in.brand_id = t.brand;
		in.access_token = in.refresh_token = (char *)ads_token(&world, p);
		check_refusal(sx_ask(&world, t.admin, &ingest_ads_methods[INGEST_ADS_CONNECT], &in),
			      ST_INVALID, p->other);
	}
}

/* ---- runs ---- */

/* All results of the tenant that are told, summed. */
static void hear_results(const struct sx_tenant *t, const struct ads_platform *p)
{
	int64_t events = ads_events(&world, t, "ad_results.upserted"), rows = 0, spend = 0;

	assert_true(events > 0);
	while (events-- > 0) {
		const Ads__V1__AdResultsUpserted *m =
			world_next(&world.world, ears.results, t->id,
				   &ads__v1__ad_results_upserted__descriptor, SX_WAIT_MS);

		assert_non_null(m);
		assert_string_equal(m->brand_id, t->brand);
		assert_int_equal(m->platform, p->id);
		for (size_t i = 0; i < m->n_rows; i++, rows++) {
			assert_string_equal(m->rows[i]->account_id, p->account);
			assert_string_equal(m->rows[i]->spend->currency, p->currency);
			assert_int_equal(m->rows[i]->version, 1);
			spend += m->rows[i]->spend->micros;
		}
	}
	assert_int_equal(rows, p->rows);
	assert_int_equal(spend, p->spend);
}

static const Ads__V1__SyncFinished *hear_finished(const struct sx_tenant *t, const char *run)
{
	const Ads__V1__SyncFinished *m =
		world_next(&world.world, ears.finished, t->id, &ads__v1__sync_finished__descriptor,
			   SX_WAIT_MS);

	assert_non_null(m);
	assert_string_equal(m->brand_id, t->brand);
	assert_string_equal(m->run_id, run);
	assert_non_null(m->data_through);
	return m;
}

static int64_t feeding(const struct sx_tenant *t)
{
	return ads_events(&world, t, "ad_results.upserted") +
	       ads_events(&world, t, "campaigns.upserted");
}

static void check_again(const struct sx_tenant *t, const struct ads_platform *p, int64_t fed)
{
	const Pulsepoint__SyncRun *run = ads_synced(&world, t, p);

	assert_int_equal(feeding(t), fed);
	assert_int_equal(ads_events(&world, t, "sync.finished"), 2);
	assert_int_equal(hear_finished(t, run->run_id)->pages, 0);
	assert_true(run->rows > 0 && run->rows < p->rows); /* looked at again, not told */
	ads_check_totals(&world, t, p);
}

static void test_sync(void **state)
{
	(void)state;
	for (size_t i = 0; i < ADS_PLATFORMS; i++) {
		const struct ads_platform *p = &ads_platforms[i];
		const Pulsepoint__SyncRun *run;
		struct sx_tenant t;

		print_message("%s\n", p->name);
		ads_connected(&world, &t, p);
		run = ads_synced(&world, &t, p);
		assert_string_equal(run->platform, p->name);
		assert_string_equal(run->error, "");
		assert_int_equal(run->rows, p->rows);
		assert_int_equal(run->percent, 100);
		assert_non_null(ads_connection(&world, &t, p)->synced_at);
		ads_check_totals(&world, &t, p);
		hear_results(&t, p);
		assert_int_equal(hear_finished(&t, run->run_id)->pages, feeding(&t));
		check_again(&t, p, feeding(&t));
	}
}

/* Links carry the name of their day, so a campaign keeps each one it had. */
static void test_renamed(void **state)
{
	const Ads__V1__CampaignRow *newest = NULL;
	int64_t events;
	struct sx_tenant t;

	(void)state;
	ads_connected(&world, &t, GOOGLE);
	ads_synced(&world, &t, GOOGLE);
	assert_string_equal(sx_text(&world,
				    "SELECT name || ': ' || array_to_string(names, '|') FROM "
				    "ingest_ads.campaigns WHERE brand_id = '%s' AND campaign_id = "
				    "'77'",
				    t.brand),
			    "spring renamed: spring renamed|" SPRING);
	events = ads_events(&world, &t, "campaigns.upserted");
	while (events-- > 0) {
		const Ads__V1__CampaignsUpserted *m =
			world_next(&world.world, ears.campaigns, t.id,
				   &ads__v1__campaigns_upserted__descriptor, SX_WAIT_MS);

		assert_non_null(m);
		for (size_t i = 0; i < m->n_rows; i++)
			if (!newest || m->rows[i]->version > newest->version)
				newest = m->rows[i];
	}
	assert_non_null(newest);
	assert_string_equal(newest->campaign_id, "77");
	assert_string_equal(newest->name, "spring renamed");
	assert_int_equal(newest->n_past_names, 1);
	assert_string_equal(newest->past_names[0], SPRING);
}

/* A platform restates a day: that row alone is told, as its second version. */
static void test_restated(void **state)
{
	const Ads__V1__AdResultsUpserted *m;
	struct sx_tenant t;
	int64_t events;

	(void)state;
	ads_connected(&world, &t, META);
	ads_synced(&world, &t, META);
	hear_results(&t, META);
	events = feeding(&t);
	sx_edit(&world, "ad_insights.csv", ROW, ROW "KWD,0.001,9,8,7,6.005");
	ads_synced(&world, &t, META);
	assert_int_equal(feeding(&t), events + 1);
	m = world_next(&world.world, ears.results, t.id, &ads__v1__ad_results_upserted__descriptor,
		       SX_WAIT_MS);
	assert_non_null(m);
	assert_int_equal(m->n_rows, 1);
	assert_int_equal(m->rows[0]->version, 2);
	assert_int_equal(m->rows[0]->spend->micros, 1000);
	assert_int_equal(m->rows[0]->impressions, 9);
	assert_int_equal(m->rows[0]->clicks, 8);
	assert_int_equal(m->rows[0]->conversions_micros, 7000000);
	assert_int_equal(m->rows[0]->conversion_value->micros, 6005000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_connect, fresh),
		cmocka_unit_test_setup(test_connect_refused, fresh),
		cmocka_unit_test_setup(test_other_credential, fresh),
		cmocka_unit_test_setup(test_sync, fresh),
		cmocka_unit_test_setup(test_renamed, fresh),
		cmocka_unit_test_setup(test_restated, fresh),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
