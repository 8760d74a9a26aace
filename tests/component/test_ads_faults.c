/*
 * What providers and machines do to a run of ingest-ads: every kind of bad answer, tokens that end,
 * kill -9. It ends with exact sums, and with words where a person has to act. Read next:
 * ads_fixture.h, test_ads_sync.c.
 */
#include "component/ads_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define GOOGLE  (&ads_platforms[2])
#define HOLD_MS 5000
#define SPARE   5 /* requests that a take-over may repeat, and those that open a run */

static struct sx_world world;

static int set_up(void **state)
{
	(void)state;
	sx_start_ads(&world);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	sx_stop(&world);
	return 0;
}

static int fresh(void **state)
{
	(void)state;
	sx_fresh(&world);
	return 0;
}

/* Each kind once in the middle of a run: the slices before it are kept, it is asked for again. */
static void test_bad_answers(void **state)
{
	static const char *const kinds[] = { "http_429", "http_5xx", "internal",  "throttle",
					     "truncate", "bad_json", "wrong_type" };

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		for (size_t k = 0; k < ADS_PLATFORMS; k++) {
			const struct ads_platform *p = &ads_platforms[k];
			const Pulsepoint__SyncRun *run;
			struct sx_tenant t;

			print_message("%s of %s\n", kinds[i], p->name);
			ads_connected(&world, &t, p);
			sx_fault_of(&world, p->name, p->endpoint, kinds[i], 1, 5);
			run = ads_await(&world, &t, p, ads_sync(&world, &t, p), ADS_PROJECTED);
			ads_check_totals(&world, &t, p);
			assert_true(run->retries >= 1);
			assert_string_equal(run->error, "");
			assert_string_equal(run->note, "");
			assert_int_equal(ads_events(&world, &t, "sync.finished"), 1);
		}
}

/* The slice with the data itself, which is the last: a wrong shape is no empty page. */
static void test_bad_last_page(void **state)
{
	static const int before[ADS_PLATFORMS] = { 12, 37, 13 };

	(void)state;
	for (size_t k = 0; k < ADS_PLATFORMS; k++) {
		const struct ads_platform *p = &ads_platforms[k];
		const Pulsepoint__SyncRun *run;
		struct sx_tenant t;

		ads_connected(&world, &t, p);
		sx_fault_of(&world, p->name, p->endpoint, "wrong_type", 1, before[k]);
		run = ads_await(&world, &t, p, ads_sync(&world, &t, p), ADS_PROJECTED);
		assert_true(run->retries >= 1);
		ads_check_totals(&world, &t, p);
	}
}

/* ---- tokens ---- */

static void test_google_refreshes(void **state)
{
	struct sx_tenant t;
	int64_t before;

	(void)state;
	ads_connected(&world, &t, GOOGLE);
	before = sx_served_by(&world, "google", "token", "requests");
	sx_fault_of(&world, "google", "searchStream", "expired_token", 1, 5);
	assert_int_equal(ads_synced(&world, &t, GOOGLE)->retries, 0);
	ads_check_totals(&world, &t, GOOGLE);
	/* One for the run, one after it ended early. */
	assert_int_equal(sx_served_by(&world, "google", "token", "requests") - before, 2);
	assert_int_equal(ads_connection(&world, &t, GOOGLE)->state,
			 PULSEPOINT__CONNECTION_STATE__CONNECTION_STATE_CONNECTED);
}

/* Google too, when its refresh token is what was taken back. */
static void end_credentials(const struct ads_platform *p)
{
	if (p == GOOGLE)
		sx_control(&world, "expire", "{\"provider\":\"google\",\"refresh\":true}");
	else
		sx_fault_of(&world, p->name, p->endpoint, "expired_token", 1, 5);
}

static void test_reconnect(void **state)
{
	(void)state;
	for (size_t k = 0; k < ADS_PLATFORMS; k++) {
		const struct ads_platform *p = &ads_platforms[k];
		const Pulsepoint__SyncRun *run;
		struct sx_tenant t;

		print_message("%s\n", p->name);
		ads_connected(&world, &t, p);
		end_credentials(p);
		run = ads_await(&world, &t, p, ads_sync(&world, &t, p), ADS_FAILED);
		assert_non_null(strstr(run->error, p->title));
		assert_non_null(strstr(run->error, "connect it again"));
		assert_int_equal(ads_connection(&world, &t, p)->state,
				 PULSEPOINT__CONNECTION_STATE__CONNECTION_STATE_RECONNECT);
		assert_int_equal(ads_events(&world, &t, "sync.finished"), 0);
		ads_connect(&world, &t, p);
		assert_int_equal(ads_connection(&world, &t, p)->state,
				 PULSEPOINT__CONNECTION_STATE__CONNECTION_STATE_CONNECTED);
		ads_synced(&world, &t, p);
		ads_check_totals(&world, &t, p);
		assert_int_equal(ads_events(&world, &t, "sync.finished"), 1);
	}
}

/* ---- the machine ---- */

struct served {
	const struct ads_platform *p;
	int64_t want;
};

static bool has_served(void *arg)
{
	const struct served *x = arg;

	return sx_served_by(&world, x->p->name, x->p->endpoint, "requests") >= x->want;
}

/* Requests that the provider took; one that came too fast is sent again, and no step of a run. */
static int64_t taken(const struct ads_platform *p)
{
	return sx_served_by(&world, p->name, p->endpoint, "requests") -
	       sx_served_by(&world, p->name, p->endpoint, "throttled");
}

/* The provider does not answer its nth request from now on for a while. */
static void hold_request(const struct ads_platform *p, int n)
{
	sx_control(&world, "faults",
		   arena_printf(world.arena,
				"{\"provider\":\"%s\",\"endpoint\":\"%s\",\"kind\":\"slow\","
				"\"count\":1,\"after\":%d,\"delay_ms\":%d}",
				p->name, p->endpoint, n - 1, HOLD_MS));
}

static void test_killed(void **state)
{
	static const int kill_after[ADS_PLATFORMS] = { 12, 37, 12 }; /* near the data */

	(void)state;
	for (size_t k = 0; k < ADS_PLATFORMS; k++) {
		const struct ads_platform *p = &ads_platforms[k];
		struct served x = { p, kill_after[k] };
		int64_t before;
		struct sx_tenant t;
		const char *run;

		print_message("%s\n", p->name);
		ads_connected(&world, &t, p);
		before = taken(p);
		x.want += sx_served_by(&world, p->name, p->endpoint, "requests");
		hold_request(p, kill_after[k]);
		run = ads_sync(&world, &t, p);
		assert_true(tk_wait_until(has_served, &x, SX_WAIT_MS));
		sx_service_kill(&world);
		assert_int_equal(ads_events(&world, &t, "sync.finished"), 0);
		sx_service_start(&world);
		ads_await(&world, &t, p, run, ADS_PROJECTED);
		/* It went on, it did not begin again. */
		assert_in_range(taken(p) - before, kill_after[k], kill_after[k] + SPARE);
		ads_check_totals(&world, &t, p);
		assert_int_equal(ads_events(&world, &t, "sync.finished"), 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_bad_answers, fresh),
		cmocka_unit_test_setup(test_bad_last_page, fresh),
		cmocka_unit_test_setup(test_google_refreshes, fresh),
		cmocka_unit_test_setup(test_reconnect, fresh),
		cmocka_unit_test_setup(test_killed, fresh),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
