/*
 * Who asked what: business events as rows, and what an admin is told of them. Read next:
 * services/observability/consumers.c, handlers_events.c.
 */
#include "component/telemetry_fixture.h"

#include "contract/ai_insights_events.h"
#include "contract/auth_events.h"
#include "contract/ingest_ads_events.h"
#include "contract/ingest_shopify_events.h"
#include "contract/token_billing_events.h"
#include "core/magic.h"
#include "core/timeutil.h"

#include <stdio.h>
#include <string.h>

/* cmocka.h wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define USER  "0190aaaa-0000-7000-8000-000000000001"
#define OTHER "0190aaaa-0000-7000-8000-000000000002"
#define TIED  95

typedef Observability__V1__ListEventsRequest request;
typedef Observability__V1__ListEventsReply reply;

static struct world w;
static char tenant[UUID_TEXT], brand[UUID_TEXT];
static const char *admin;

static int fresh(void **state)
{
	(void)state;
	world_fresh(&w);
	uuid_v7(tenant);
	uuid_v7(brand);
	admin = world_token(&w, tenant, ROLE_ADMIN, "");
	return 0;
}

/* Publishes an event of the tenant as its owner would; `id` is of one that is sent again. */
static void tell(const struct contract_event *event, const void *message, const char *actor,
		 const char *id, int64_t at_us)
{
	world_publish(&w, tenant, event, message,
		      (struct sending){ .actor = actor, .replay = id, .at_us = at_us });
}

static void until_rows(int64_t want)
{
	world_sql_reach(&w, want,
			"SELECT count(*) FROM observability.events WHERE tenant_id = '%s'", tenant);
}

static request ask(void)
{
	request in = OBSERVABILITY__V1__LIST_EVENTS_REQUEST__INIT;

	return in;
}

static const reply *list(const char *token, const request *in)
{
	return tw_must(&w, token, OBSERVABILITY_LIST_EVENTS, in);
}

/* "category action user subject detail", of the events newest first. */
static const char *line(const Observability__V1__Event *e)
{
	return arena_printf(w.arena, "%d %s %s %s %s|%s", (int)e->category, e->service, e->action,
			    e->user_id, e->subject, e->detail);
}

/* ---- business events ---- */

static void publish_insights(void)
{
	Insights__V1__QuestionAsked q = INSIGHTS__V1__QUESTION_ASKED__INIT;
	Insights__V1__AnswerGenerated a = INSIGHTS__V1__ANSWER_GENERATED__INIT;
	Insights__V1__FeedbackGiven f = INSIGHTS__V1__FEEDBACK_GIVEN__INIT;
	int64_t now = time_now_us();

	q.question_id = a.question_id = f.question_id =
		(char *)"0190cccc-0000-7000-8000-000000000001";
	q.brand_id = a.brand_id = f.brand_id = brand;
	q.question = (char *)"Which campaigns should I spend more on?";
	a.model = (char *)"claude-sonnet-5";
	a.evidence = 12;
	a.untraced = 1;
	a.attempts = 2;
	f.rating = 2;
	f.was_actionable = true;
	f.version = 1;
	tell(&ai_insights_events[AI_INSIGHTS_EVENT_QUESTION_ASKED], &q, USER, NULL, now - 5000000);
	tell(&ai_insights_events[AI_INSIGHTS_EVENT_ANSWER_GENERATED], &a, USER, NULL,
	     now - 4000000);
	tell(&ai_insights_events[AI_INSIGHTS_EVENT_FEEDBACK_GIVEN], &f, OTHER, NULL, now - 3000000);
}

static void publish_billing(void)
{
	Billing__V1__UsageRecorded u = BILLING__V1__USAGE_RECORDED__INIT;
	Billing__V1__UsageUnpriced n = BILLING__V1__USAGE_UNPRICED__INIT;
	Billing__V1__BudgetCrossed b = BILLING__V1__BUDGET_CROSSED__INIT;
	Billing__V1__ReservationExpired e = BILLING__V1__RESERVATION_EXPIRED__INIT;
	char *kinds[] = { (char *)"output", (char *)"cache_read" };
	int64_t now = time_now_us();

	u.usage_id = n.usage_id = (char *)"usage-1";
	u.question_id = (char *)"0190cccc-0000-7000-8000-000000000001";
	u.brand_id = n.brand_id = b.brand_id = e.brand_id = brand;
	u.user_id = (char *)USER;
	u.model = n.model = e.model = (char *)"claude-sonnet-5";
	u.cost_nano_usd = 1234567890123;
	n.kinds = kinds;
	n.n_kinds = 2;
	b.period = (Billing__V1__Period)1;
	b.level = (Billing__V1__BudgetLevel)1;
	b.limit_nano_usd = 5000000000;
	b.used_nano_usd = 5000000001;
	e.reservation_id = (char *)"reservation-1";
	e.held_nano_usd = 7;
	tell(&token_billing_events[TOKEN_BILLING_EVENT_USAGE_RECORDED], &u, "ai-insights", NULL,
	     now - 4);
	tell(&token_billing_events[TOKEN_BILLING_EVENT_USAGE_UNPRICED], &n, "token-billing", NULL,
	     now - 3);
	tell(&token_billing_events[TOKEN_BILLING_EVENT_BUDGET_CROSSED], &b, "token-billing", NULL,
	     now - 2);
	tell(&token_billing_events[TOKEN_BILLING_EVENT_RESERVATION_EXPIRED], &e, "token-billing",
	     NULL, now - 1);
}

static void publish_rest(void)
{
	Auth__V1__AuditRecorded a = AUTH__V1__AUDIT_RECORDED__INIT;
	Shopify__V1__SyncFinished s = SHOPIFY__V1__SYNC_FINISHED__INIT;
	Ads__V1__SyncFinished d = ADS__V1__SYNC_FINISHED__INIT;
	Pulsepoint__Timestamp at = PULSEPOINT__TIMESTAMP__INIT;
	int64_t now = time_now_us();

	a.actor = (char *)OTHER;
	a.act = (char *)"brand.created";
	a.target = brand;
	a.at = &at;
	at.micros = now - 30000000;
	s.brand_id = d.brand_id = brand;
	s.run_id = (char *)"run-1";
	d.run_id = (char *)"run-2";
	s.pages = 12;
	d.pages = 3;
	d.platform = ADS__V1__PLATFORM__PLATFORM_TIKTOK;
	tell(&auth_events[AUTH_EVENT_AUDIT_RECORDED], &a, OTHER, NULL, now);
	tell(&ingest_shopify_events[INGEST_SHOPIFY_EVENT_SYNC_FINISHED], &s, "ingest-shopify", NULL,
	     now - 20000000);
	tell(&ingest_ads_events[INGEST_ADS_EVENT_SYNC_FINISHED], &d, USER, NULL, now - 10000000);
}

static void test_business_events_in_words(void **state)
{
	static const char *const want[] = {
		"3 token-billing reservation.expired token-billing reservation-1|claude-sonnet-5:"
		" 0.000000007 USD held, never settled",
		"3 token-billing budget.crossed token-billing %brand|soft limit of 5.000000000 USD "
		"a"
		" day: 5.000000001 USD used",
		"3 token-billing usage.unpriced token-billing usage-1|claude-sonnet-5: no rate for"
		" output, cache_read",
		"3 token-billing usage.recorded " USER
		" 0190cccc-0000-7000-8000-000000000001|claude-sonnet-5: 1234.567890123 USD",
		"2 ai-insights feedback.given " OTHER
		" 0190cccc-0000-7000-8000-000000000001|rated 2 of 5, actionable",
		"2 ai-insights answer.generated " USER
		" 0190cccc-0000-7000-8000-000000000001|claude-sonnet-5: 12 figures of evidence, 1"
		" numbers untraced, 2 attempts",
		"2 ai-insights question.asked " USER
		" 0190cccc-0000-7000-8000-000000000001|Which campaigns should I spend more on?",
		"4 ingest-ads sync.finished " USER " run-2|tiktok: 3 pages",
		"4 ingest-shopify sync.finished ingest-shopify run-1|shopify: 12 pages",
		"5 auth brand.created " OTHER " %brand|",
	};
	request in = ask();
	const reply *out;

	(void)state;
	publish_rest();
	publish_insights();
	publish_billing();
	until_rows(10);
	in.category = 0;
	out = list(admin, &in);
	assert_int_equal(out->n_events, 10);
	for (size_t i = 0; i < out->n_events; i++) {
		const char *mark = strstr(want[i], "%brand");
		const char *text = want[i];

		if (mark)
			text = arena_printf(w.arena, "%.*s%s%s", (int)(mark - want[i]), want[i],
					    brand, mark + 6);
		assert_string_equal(line(out->events[i]), text);
		/* Each belongs to a trace of its own here, and its id is its span. */
		assert_int_equal(strlen(out->events[i]->trace_id), 32);
		assert_string_equal(out->events[i]->event_id, out->events[i]->span_id);
	}
	/* What rules look at was summed in the same transactions. */
	assert_int_equal(world_sql_int(&w,
				       "SELECT count(*) FROM observability.sample_answers WHERE"
				       " tenant_id = '%s'",
				       tenant),
			 1);
	assert_int_equal(world_sql_int(&w,
				       "SELECT count(*) FROM observability.sample_verdicts WHERE"
				       " tenant_id = '%s'",
				       tenant),
			 1);
}

static void test_an_event_twice_is_one_row(void **state)
{
	Insights__V1__QuestionAsked q = INSIGHTS__V1__QUESTION_ASKED__INIT;
	char id[64];

	(void)state;
	q.question_id = q.brand_id = brand;
	q.question = (char *)"Again?";
	q.version = 1;
	snprintf(id, sizeof(id), "ai-insights:%s", tenant);
	tell(&ai_insights_events[AI_INSIGHTS_EVENT_QUESTION_ASKED], &q, USER, id, 0);
	until_rows(1);
	for (int i = 0; i < 3; i++)
		tell(&ai_insights_events[AI_INSIGHTS_EVENT_QUESTION_ASKED], &q, USER, id, 0);
	/* The one after them is there, so they were seen. */
	tell(&ai_insights_events[AI_INSIGHTS_EVENT_QUESTION_ASKED], &q, OTHER, NULL, 0);
	world_sql_reach(
		&w, 1,
		"SELECT count(*) FROM observability.events WHERE tenant_id = '%s' AND user_id"
		" = '" OTHER "'",
		tenant);
	until_rows(2);
}

/* ---- filters and pages ---- */

static void publish_requests(int n, int64_t same_us)
{
	Pulsepoint__RequestRow **rows = arena_array(w.arena, (size_t)n, sizeof(*rows));
	char instance[UUID_TEXT];

	INVARIANT(rows != NULL);
	uuid_v7(instance);
	for (int i = 0; i < n; i++) {
		rows[i] = tw_row(&w, tenant, i);
		rows[i]->user_id = (char *)(i % 3 ? USER : OTHER);
		if (same_us)
			rows[i]->started_at = same_us;
	}
	tw_page(&w, "attribution", instance, 1, (uint64_t)n, 0, rows, (size_t)n);
}

/* Reads page after page: every event once, never newer than the one before. */
static size_t walk(request *in, char seen[][17], size_t max)
{
	size_t n = 0;
	int64_t last = INT64_MAX;

	for (;;) {
		const reply *out = list(admin, in);

		for (size_t i = 0; i < out->n_events; i++) {
			assert_true(n < max);
			assert_true(out->events[i]->at->micros <= last);
			last = out->events[i]->at->micros;
			snprintf(seen[n], 17, "%s", out->events[i]->event_id);
			for (size_t k = 0; k < n; k++)
				assert_string_not_equal(seen[k], seen[n]);
			n++;
		}
		if (!*out->next_page_token)
			return n;
		assert_int_equal(out->n_events, in->page_size);
		in->page_token = out->next_page_token;
	}
}

static void test_pages_hold_every_event_once(void **state)
{
	static char seen[256][17];
	request in = ask(), user = ask();

	(void)state;
	/* All in one microsecond: only the span tells them apart. */
	publish_requests(TIED, time_now_us() - 1000000);
	until_rows(TIED);
	publish_requests(30, 0);
	until_rows(TIED + 30);
	in.page_size = 7;
	assert_int_equal(walk(&in, seen, 256), TIED + 30);
	user.page_size = 10;
	user.user_id = (char *)OTHER;
	assert_int_equal(walk(&user, seen, 256), (TIED + 2) / 3 + 10);
}

/* `from` is included, `to` is not. */
static void check_from_and_to(void)
{
	Pulsepoint__Timestamp from = PULSEPOINT__TIMESTAMP__INIT, to = from;
	request in = ask();
	const reply *out;

	in.category = OBSERVABILITY__V1__CATEGORY__CATEGORY_SYNC;
	out = list(admin, &in);
	from.micros = out->events[1]->at->micros;
	to.micros = out->events[0]->at->micros;
	in.from = &from;
	in.to = &to;
	out = list(admin, &in);
	assert_int_equal(out->n_events, 1);
	assert_int_equal(out->events[0]->at->micros, from.micros);
	in.from = &to;
	in.to = &from;
	assert_int_equal(tw_call(&w, admin, OBSERVABILITY_LIST_EVENTS, &in).status, ST_INVALID);
	/* Without `from` a day. */
	in = ask();
	to.micros = time_now_us() + 2 * US_PER_DAY;
	in.to = &to;
	assert_int_equal(list(admin, &in)->n_events, 0);
}

/* Times that no row can have are refused by name, before PostgreSQL sees them. */
static void check_far_times(void)
{
	/* 0001-01-01, the last second of 1999, 2100-01-01. */
	static const int64_t far[] = { INT64_C(-62135596800000000), INT64_C(946684799000000),
				       INT64_C(4102444800000000) };
	Pulsepoint__Timestamp at = PULSEPOINT__TIMESTAMP__INIT;

	for (size_t i = 0; i < sizeof(far) / sizeof(far[0]); i++) {
		request in = ask();
		struct reply r;

		at.micros = far[i];
		in.to = &at;
		r = tw_call(&w, admin, OBSERVABILITY_LIST_EVENTS, &in);
		assert_int_equal(r.status, ST_INVALID);
		assert_string_equal(r.field, "to");
		in = ask();
		in.from = &at;
		r = tw_call(&w, admin, OBSERVABILITY_LIST_EVENTS, &in);
		assert_int_equal(r.status, ST_INVALID);
		assert_string_equal(r.field, "from");
	}
}

static void test_filters(void **state)
{
	request in = ask();
	const reply *out;

	(void)state;
	publish_requests(6, 0);
	publish_rest();
	publish_insights();
	until_rows(12);
	in.category = OBSERVABILITY__V1__CATEGORY__CATEGORY_QUESTION;
	assert_int_equal(list(admin, &in)->n_events, 3);
	in.user_id = (char *)USER;
	out = list(admin, &in);
	assert_int_equal(out->n_events, 2);
	assert_string_equal(out->events[1]->action, "question.asked");
	in = ask();
	in.service = (char *)"attribution";
	assert_int_equal(list(admin, &in)->n_events, 6);
	in.category = OBSERVABILITY__V1__CATEGORY__CATEGORY_SYNC;
	assert_int_equal(list(admin, &in)->n_events, 0);
	/* One request by its trace. */
	in = ask();
	in.service = (char *)"attribution";
	out = list(admin, &in);
	in = ask();
	in.trace_id = out->events[2]->trace_id;
	out = list(admin, &in);
	assert_int_equal(out->n_events, 1);
	assert_string_equal(out->events[0]->trace_id, in.trace_id);
	check_from_and_to();
	check_far_times();
	in = ask();
	in.trace_id = (char *)"xyz";
	assert_string_equal(tw_call(&w, admin, OBSERVABILITY_LIST_EVENTS, &in).field, "trace_id");
	in = ask();
	in.page_token = (char *)"made-up";
	assert_string_equal(tw_call(&w, admin, OBSERVABILITY_LIST_EVENTS, &in).field, "page_token");
}

/* ---- whose ---- */

static void test_others_see_nothing(void **state)
{
	char stranger[UUID_TEXT];
	const char *theirs;
	request in = ask();
	const reply *out;

	(void)state;
	publish_requests(20, 0);
	publish_insights();
	until_rows(23);
	uuid_v7(stranger);
	theirs = world_token(&w, stranger, ROLE_ADMIN, "");
	assert_int_equal(list(theirs, &in)->n_events, 0);
	in.page_size = 5;
	out = list(admin, &in);
	assert_true(*out->next_page_token != '\0');
	/* Neither with our page token nor with our ids. */
	in.page_token = out->next_page_token;
	assert_int_equal(tw_call(&w, theirs, OBSERVABILITY_LIST_EVENTS, &in).status, ST_INVALID);
	in = ask();
	in.trace_id = out->events[0]->trace_id;
	assert_int_equal(list(theirs, &in)->n_events, 0);
	in = ask();
	in.user_id = (char *)USER;
	assert_int_equal(list(theirs, &in)->n_events, 0);
	in = ask();
	assert_int_equal(tw_call(&w, world_token(&w, tenant, ROLE_ANALYST, ""),
				 OBSERVABILITY_LIST_EVENTS, &in)
				 .status,
			 ST_DENIED);
	assert_int_equal(tw_call(&w, "", OBSERVABILITY_LIST_EVENTS, &in).status,
			 ST_UNAUTHENTICATED);
}

static void test_a_limited_admin_sees_his_brands(void **state)
{
	Pulsepoint__Timestamp to = PULSEPOINT__TIMESTAMP__INIT;
	char other_brand[UUID_TEXT];
	request in = ask();
	const reply *out;

	(void)state;
	publish_requests(4, 0); /* of no brand */
	publish_insights();     /* of the brand */
	until_rows(7);
	/* What is told of the calls below comes when it comes. */
	to.micros = time_now_us();
	in.to = &to;
	uuid_v7(other_brand);
	assert_int_equal(list(world_token(&w, tenant, ROLE_ADMIN, brand), &in)->n_events, 7);
	out = list(world_token(&w, tenant, ROLE_ADMIN, other_brand), &in);
	assert_int_equal(out->n_events, 4);
	for (size_t i = 0; i < out->n_events; i++)
		assert_string_equal(out->events[i]->brand_id, "");
}

static int start_world(void **state)
{
	(void)state;
	tw_start(&w);
	return 0;
}

static int stop_world(void **state)
{
	(void)state;
	tw_stop(&w);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_business_events_in_words, fresh),
		cmocka_unit_test_setup(test_an_event_twice_is_one_row, fresh),
		cmocka_unit_test_setup(test_pages_hold_every_event_once, fresh),
		cmocka_unit_test_setup(test_filters, fresh),
		cmocka_unit_test_setup(test_others_see_nothing, fresh),
		cmocka_unit_test_setup(test_a_limited_admin_sees_his_brands, fresh),
	};

	return cmocka_run_group_tests(tests, start_world, stop_world);
}
