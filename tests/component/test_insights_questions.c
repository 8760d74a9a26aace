/*
 * ai-insights without a key: the analyst answers, and what is kept of questions, answers, evidence
 * and judgements is shown to whom it belongs, in pages, and told of.
 */
#include "component/insights_fixture.h"

#include "core/id.h"
#include "core/timeutil.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define QUESTIONS 5

static struct in_world world;

static bool starts_with(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

static bool ends_with(const char *s, const char *with)
{
	size_t n = strlen(s), m = strlen(with);

	return n >= m && strcmp(s + n - m, with) == 0;
}

/* Every marker of the text names evidence of the answer; their number. */
static int markers(const Insights__V1__Answer *a)
{
	int n = 0;

	for (const char *p = strstr(a->answer, "[e"); p; p = strstr(p + 1, "[e")) {
		char id[16];

		snprintf(id, sizeof(id), "%.*s", (int)strcspn(p + 1, "]"), p + 1);
		if (!in_evidence(a, id))
			fail_msg("%s is not in the evidence of: %s", id, a->answer);
		n++;
	}
	return n;
}

static struct in_answer must_answer(struct sx_tenant *t, const char *question)
{
	struct in_answer a = in_ask(&world, t, question);

	if (a.status != ST_OK || !a.answer)
		fail_msg("%s: %s (%s)", status_name(a.status), a.detail, a.parts);
	return a;
}

/* ---- an answer ---- */

static void the_analyst_answers(void **state)
{
	struct sx_tenant t;
	struct in_answer a;
	const Insights__V1__Question *q;

	(void)state;
	sx_tenant(&world.sx, &t);
	a = must_answer(&t, IN_QUESTION);
	assert_true(starts_with(a.parts, "started tool "));
	assert_true(ends_with(a.parts, "text answer"));
	assert_null(strstr(a.parts, "restart"));
	assert_string_equal(a.model, "analyst");
	assert_string_equal(a.answer->model, "analyst");
	assert_true(a.answer->fallback_used);
	assert_string_equal(a.answer->fallback_reason, "no_key");
	assert_string_equal(a.text, a.answer->answer);
	assert_int_equal(a.answer->n_untraced, 0);
	assert_int_equal(a.answer->attempts, 0);
	assert_non_null(a.answer->cost);
	assert_int_equal(a.answer->cost->units, 0);
	assert_int_equal(a.answer->cost->scale, 9);
	assert_true(markers(a.answer) >= 3);
	assert_non_null(strstr(a.answer->answer, "Brand Search"));
	assert_non_null(strstr(a.answer->answer, "7,345.12 GBP"));
	assert_true(a.answer->n_findings > 0);
	/* What is kept is what was sent. */
	q = in_question(&world, &t, a.question_id);
	assert_int_equal(q->state, INSIGHTS__V1__QUESTION_STATE__QUESTION_STATE_ANSWERED);
	assert_string_equal(q->question, IN_QUESTION);
	assert_string_equal(q->answer->answer, a.answer->answer);
	assert_int_equal(q->answer->n_evidence, a.answer->n_evidence);
	for (size_t i = 0; i < a.answer->n_evidence; i++) {
		assert_string_equal(q->answer->evidence[i]->id, a.answer->evidence[i]->id);
		assert_string_equal(q->answer->evidence[i]->value, a.answer->evidence[i]->value);
		assert_string_equal(q->answer->evidence[i]->metric, a.answer->evidence[i]->metric);
	}
	assert_int_equal(q->answer->n_findings, a.answer->n_findings);
	assert_int_equal(q->answer->n_recommendations, a.answer->n_recommendations);
	assert_true(q->answer->fallback_used);
	assert_int_equal(q->answer->cost->units, 0);
	assert_non_null(q->asked_at);
	assert_true(q->answered_at->micros >= q->asked_at->micros);
	assert_null(q->feedback);
}

static void both_events_are_told_once(void **state)
{
	struct sx_tenant t;

	(void)state;
	sx_tenant(&world.sx, &t);
	(void)must_answer(&t, IN_QUESTION);
	assert_int_equal(in_events(&world, &t, "question.asked"), 1);
	assert_int_equal(in_events(&world, &t, "answer.generated"), 1);
}

static void a_strange_brand_is_not_asked_about(void **state)
{
	struct sx_tenant t, other;
	struct in_answer a;

	(void)state;
	sx_tenant(&world.sx, &t);
	sx_tenant(&world.sx, &other);
	snprintf(t.brand, sizeof(t.brand), "%s", other.brand);
	a = in_ask(&world, &t, IN_QUESTION);
	assert_int_equal(a.status, ST_NOT_FOUND);
	assert_string_equal(a.parts, "");
	assert_int_equal(sx_int(&world.sx,
				"SELECT count(*) FROM ai_insights.questions WHERE tenant_id = '%s'",
				t.id),
			 0);
}

static void a_failing_neighbour_is_told_of(void **state)
{
	struct sx_tenant t;
	struct in_answer a;

	(void)state;
	sx_tenant(&world.sx, &t);
	atomic_store(&world.broken_reports, true);
	a = must_answer(&t, IN_QUESTION);
	assert_int_equal(a.answer->n_untraced, 0);
	assert_null(strstr(a.answer->answer, "7,345.12"));
}

/* ---- lists ---- */

static const Insights__V1__ListQuestionsReply *list(const char *token, const char *brand,
						    unsigned size, const char *page)
{
	Insights__V1__ListQuestionsRequest in = INSIGHTS__V1__LIST_QUESTIONS_REQUEST__INIT;
	struct reply r;

	in.brand_id = (char *)brand;
	in.page_size = size;
	in.page_token = (char *)page;
	r = in_call(&world, token, AI_INSIGHTS_LIST_QUESTIONS, &in);
	if (r.status != ST_OK)
		fail_msg("%s %s %s", status_name(r.status), r.field, r.detail);
	return r.out;
}

static void questions_come_in_pages_newest_first(void **state)
{
	char ids[QUESTIONS][UUID_TEXT];
	const char *page = "";
	struct sx_tenant t;
	int seen = 0, pages = 0;

	(void)state;
	sx_tenant(&world.sx, &t);
	for (int i = 0; i < QUESTIONS; i++) {
		char text[64];

		snprintf(text, sizeof(text), "What did we earn? (%d)", i);
		snprintf(ids[i], sizeof(ids[i]), "%s", must_answer(&t, text).question_id);
	}
	do {
		const Insights__V1__ListQuestionsReply *l = list(t.viewer, t.brand, 2, page);

		for (size_t i = 0; i < l->n_questions; i++, seen++) {
			assert_in_range(seen, 0, QUESTIONS - 1);
			assert_string_equal(l->questions[i]->question_id,
					    ids[QUESTIONS - 1 - seen]);
			assert_true(l->questions[i]->answer->n_evidence > 0);
			assert_true(markers(l->questions[i]->answer) > 0);
		}
		page = l->next_page_token;
		pages++;
	} while (*page);
	assert_int_equal(seen, QUESTIONS);
	assert_int_equal(pages, (QUESTIONS + 1) / 2);
}

static void a_page_token_is_good_for_its_own_list(void **state)
{
	Insights__V1__ListQuestionsRequest in = INSIGHTS__V1__LIST_QUESTIONS_REQUEST__INIT;
	struct sx_tenant t, other;
	struct reply r;

	(void)state;
	sx_tenant(&world.sx, &t);
	sx_tenant(&world.sx, &other);
	(void)must_answer(&t, IN_QUESTION);
	(void)must_answer(&t, IN_QUESTION);
	in.page_size = 1;
	in.page_token = list(t.viewer, t.brand, 1, "")->next_page_token;
	assert_true(*in.page_token != '\0');
	r = in_call(&world, t.viewer, AI_INSIGHTS_LIST_QUESTIONS, &in); /* without the brand */
	assert_int_equal(r.status, ST_INVALID);
	assert_string_equal(r.field, "page_token");
	r = in_call(&world, other.viewer, AI_INSIGHTS_LIST_QUESTIONS, &in);
	assert_int_equal(r.status, ST_INVALID);
	assert_string_equal(r.field, "page_token");
}

/* ---- whose ---- */

static void nobody_sees_what_is_not_theirs(void **state)
{
	Insights__V1__GetQuestionRequest get = INSIGHTS__V1__GET_QUESTION_REQUEST__INIT;
	Insights__V1__FeedbackRequest judge = INSIGHTS__V1__FEEDBACK_REQUEST__INIT;
	struct sx_tenant t, other;
	const char *strangers[2], *friend;
	char brand[UUID_TEXT];

	(void)state;
	sx_tenant(&world.sx, &t);
	sx_tenant(&world.sx, &other);
	uuid_v7(brand);
	strangers[0] = other.viewer;
	strangers[1] = world_token(&world.sx.world, t.id, ROLE_VIEWER, brand);
	friend = world_token(&world.sx.world, t.id, ROLE_VIEWER, t.brand);
	get.question_id = (char *)must_answer(&t, IN_QUESTION).question_id;
	judge.question_id = get.question_id;
	judge.rating = 5;
	for (int i = 0; i < 2; i++) {
		struct reply r = in_call(&world, strangers[i], AI_INSIGHTS_GET_QUESTION, &get);

		assert_int_equal(r.status, ST_NOT_FOUND);
		assert_string_equal(r.field, "question_id");
		assert_int_equal(list(strangers[i], "", 50, "")->n_questions, 0);
		r = in_call(&world, strangers[i], AI_INSIGHTS_GIVE_FEEDBACK, &judge);
		assert_int_equal(r.status, ST_NOT_FOUND);
	}
	assert_int_equal(in_call(&world, friend, AI_INSIGHTS_GET_QUESTION, &get).status, ST_OK);
	assert_int_equal(list(friend, "", 50, "")->n_questions, 1);
	assert_int_equal(sx_int(&world.sx,
				"SELECT count(*) FROM ai_insights.feedback"
				" WHERE question_id = '%s'",
				get.question_id),
			 0);
}

/* ---- judgements ---- */

static const Insights__V1__Feedback *judge(const char *token, const char *id, unsigned rating,
					   const char *comment, bool actionable)
{
	Insights__V1__FeedbackRequest in = INSIGHTS__V1__FEEDBACK_REQUEST__INIT;
	struct reply r;

	in.question_id = (char *)id;
	in.rating = rating;
	in.comment = (char *)comment;
	in.was_actionable = actionable;
	r = in_call(&world, token, AI_INSIGHTS_GIVE_FEEDBACK, &in);
	if (r.status != ST_OK)
		fail_msg("%s %s %s", status_name(r.status), r.field, r.detail);
	return r.out;
}

static void a_second_judgement_replaces_the_first(void **state)
{
	const Insights__V1__Feedback *f;
	const Insights__V1__Question *q;
	struct sx_tenant t;
	const char *id;

	(void)state;
	sx_tenant(&world.sx, &t);
	id = must_answer(&t, IN_QUESTION).question_id;
	f = judge(t.viewer, id, 2, "too long", false);
	assert_int_equal(f->rating, 2);
	assert_true(f->given_at->micros > 0);
	f = judge(t.viewer, id, 4, "better now", true);
	assert_int_equal(f->rating, 4);
	(void)judge(t.admin, id, 1, "", false);
	q = in_question(&world, &t, id);
	assert_int_equal(q->feedback->rating, 4);
	assert_string_equal(q->feedback->comment, "better now");
	assert_true(q->feedback->was_actionable);
	assert_int_equal(sx_int(&world.sx,
				"SELECT count(*) FROM ai_insights.feedback"
				" WHERE question_id = '%s'",
				id),
			 2);
	assert_int_equal(sx_int(&world.sx,
				"SELECT max(version) FROM ai_insights.feedback"
				" WHERE question_id = '%s'",
				id),
			 2);
	assert_int_equal(in_events(&world, &t, "feedback.given"), 3);
	assert_int_equal(list(t.viewer, t.brand, 50, "")->questions[0]->feedback->rating, 4);
}

/* ---- what a dead process left ---- */

static void what_is_left_behind_is_ended(void **state)
{
	struct sx_tenant t;
	char old[UUID_TEXT], young[UUID_TEXT], call[UUID_TEXT];

	(void)state;
	sx_tenant(&world.sx, &t);
	uuid_v7(old);
	uuid_v7(young);
	uuid_v7(call);
	(void)sx_text(&world.sx,
		      "INSERT INTO ai_insights.questions (question_id, tenant_id, brand_id,"
		      " user_id, question, overdue_at) VALUES"
		      " ('%s', '%s', '%s', 'u', 'q', now() - interval '1 second'),"
		      " ('%s', '%s', '%s', 'u', 'q', now() + interval '1 hour') RETURNING 1",
		      old, t.id, t.brand, young, t.id, t.brand);
	(void)sx_text(&world.sx,
		      "INSERT INTO ai_insights.model_calls (reservation_id, tenant_id, brand_id,"
		      " question_id, user_id, model, overdue_at) VALUES ('%s', '%s', '%s', '%s',"
		      " 'u', 'm', now() - interval '1 second') RETURNING 1",
		      call, t.id, t.brand, old);
	sx_until(&world.sx, 1,
		 "SELECT count(*) FROM ai_insights.questions WHERE tenant_id = '%s'"
		 " AND state = 'failed'",
		 t.id);
	sx_until(&world.sx, 1,
		 "SELECT count(*) FROM ai_insights.model_calls WHERE reservation_id = '%s'"
		 " AND state = 'unknown'",
		 call);
	assert_int_equal(in_question(&world, &t, old)->state,
			 INSIGHTS__V1__QUESTION_STATE__QUESTION_STATE_FAILED);
	assert_int_equal(in_question(&world, &t, young)->state,
			 INSIGHTS__V1__QUESTION_STATE__QUESTION_STATE_ASKED);
}

static int set_up(void **state)
{
	(void)state;
	in_start(&world, false);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	in_stop(&world);
	return 0;
}

static int fresh(void **state)
{
	(void)state;
	in_fresh(&world);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup(f, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_analyst_answers),
		TEST(both_events_are_told_once),
		TEST(a_strange_brand_is_not_asked_about),
		TEST(a_failing_neighbour_is_told_of),
		TEST(questions_come_in_pages_newest_first),
		TEST(a_page_token_is_good_for_its_own_list),
		TEST(nobody_sees_what_is_not_theirs),
		TEST(a_second_judgement_replaces_the_first),
		TEST(what_is_left_behind_is_ended),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
