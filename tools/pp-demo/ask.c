/*
 * The question: asked over SSE, printed as it streams, then where each number comes from, what it
 * cost and who asked. Read next: alert.c.
 */
#include "core/text.h"
#include "core/timeutil.h"
#include "demo.h"

#include "http/sse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUESTION   "Which campaigns should I spend more on, and how much did each earn?"
#define ASK_MS     150000
#define WRAP       96
#define INDENT     "  "
#define EVENTS_US  (15 * US_PER_SECOND)
#define POLL_US    (100 * 1000)
#define SSE_EVENT  ((size_t)4 * 1024 * 1024)
#define EVIDENCE_N 400

struct asking {
	struct demo *d;
	struct sse sse;
	cJSON *answer;  /* the last part */
	cJSON *problem; /* what went wrong */
	int column;     /* of the text */
	bool wrote;
};

/* ---- the text, wrapped at words as it comes ---- */

static void newline(struct asking *a)
{
	printf("\n");
	a->column = 0;
}

static void put_word(struct asking *a, const char *word, size_t len)
{
	int width = 0;

	for (size_t i = 0; i < len; i++)
		width += ((unsigned char)word[i] & 0xc0) != 0x80;
	if (a->column > 0 && a->column + width > WRAP)
		newline(a);
	if (a->column == 0)
		printf(INDENT);
	printf("%.*s", (int)len, word);
	a->column += width;
}

static void put_text(struct asking *a, const char *text)
{
	while (*text) {
		size_t word = strcspn(text, " \n");

		if (word > 0)
			put_word(a, text, word);
		text += word;
		if (*text == '\n')
			newline(a);
		else if (*text == ' ' && a->column > 0) {
			putchar(' ');
			a->column++;
		}
		text += *text != '\0';
	}
	fflush(stdout);
	a->wrote = true;
}

/* ---- the parts ---- */

static void on_tool(struct asking *a, const cJSON *o)
{
	if (a->column > 0)
		newline(a);
	printf(INDENT "· asks %s %s\n", text_of(o, "tool"), text_of(o, "arguments"));
}

static void on_event(void *arg, const char *type, const char *data, size_t len)
{
	struct asking *a = arg;
	cJSON *o = cJSON_ParseWithLength(data, len);

	if (strcmp(type, "text") == 0)
		put_text(a, text_of(o, "delta"));
	else if (strcmp(type, "tool") == 0)
		on_tool(a, o);
	else if (strcmp(type, "restart") == 0)
		printf("\n" INDENT "(withdrawn: %s)\n", text_of(o, "reason"));
	else if (strcmp(type, "started") == 0)
		printf(INDENT "%s answers\n\n", text_of(o, "model"));
	if (strcmp(type, "answer") == 0 && !a->answer)
		a->answer = o;
	else if (strcmp(type, "error") == 0 && !a->problem)
		a->problem = o;
	else
		cJSON_Delete(o);
}

static bool on_data(void *arg, const char *data, size_t len)
{
	struct asking *a = arg;

	sse_feed(&a->sse, data, len);
	return true;
}

static void ask(struct asking *a)
{
	struct demo *d = a->d;
	cJSON *in = cJSON_CreateObject();
	struct error err = { 0 };
	char path[DEMO_TEXT], *body;
	int code;

	cJSON_AddStringToObject(in, "question", QUESTION);
	body = print_and_free(in);
	snprintf(path, sizeof(path), "/api/brands/%s/ask", d->brand_id);
	sse_init(&a->sse, SSE_EVENT, on_event, a);
	code = api_stream(d, path, body, ASK_MS, on_data, a, &err);
	free(body);
	sse_end(&a->sse);
	sse_done(&a->sse);
	if (a->column > 0)
		newline(a);
	if (code != 200 || a->problem)
		give_up("POST %s answered %d: %s", path, code,
			a->problem ? text_of(a->problem, "detail") : err.detail);
	if (!a->answer)
		give_up("the stream of the answer ended without the answer");
}

/* ---- evidence, cost ---- */

static void print_evidence(const cJSON *answer)
{
	const cJSON *e;
	int n = 0;

	printf("\n  where each number comes from\n  %s\n", demo_rule);
	cJSON_ArrayForEach(e, cJSON_GetObjectItemCaseSensitive(answer, "evidence"))
	{
		if (n++ == EVIDENCE_N)
			break;
		printf("  %-6s %16s %-8s %s: %s%s%s\n", text_of(e, "id"), text_of(e, "value"),
		       text_of(e, "unit"), text_of(e, "tool"), text_of(e, "metric"),
		       strcmp(text_of(e, "tool"), "calculate") == 0 ? " " : "",
		       strcmp(text_of(e, "tool"), "calculate") == 0 ? text_of(e, "arguments") : "");
	}
	printf("  numbers that could not be traced: %d\n",
	       cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(answer, "untraced")));
}

static void print_cost(struct demo *d, const cJSON *answer)
{
	const cJSON *t = cJSON_GetObjectItemCaseSensitive(answer, "tokens");
	const char *cost = text_of(answer, "cost");

	printf("\n  what it cost\n  %s\n", demo_rule);
	printf("  model     %s%s%s\n", text_of(answer, "model"),
	       *text_of(answer, "fallback_reason") ? ", the deterministic analyst: " : "",
	       text_of(answer, "fallback_reason"));
	printf("  tokens    %d input, %d read from cache, %d written to cache, %d output\n",
	       number_of(t, "input"), number_of(t, "cache_read"), number_of(t, "cache_write"),
	       number_of(t, "output"));
	printf("  cost      %s USD\n", *cost ? cost : "unknown: a rate is missing");
	d->cost_free = !*cost || strspn(cost, "0.") == strlen(cost);
}

/* ---- who asked what ---- */

static const cJSON *find_question(const cJSON *list, const char *question_id)
{
	const cJSON *e;

	cJSON_ArrayForEach(e, cJSON_GetObjectItemCaseSensitive(list, "events"))
	{
		if (strcmp(text_of(e, "action"), "question.asked") == 0 &&
		    strcmp(text_of(e, "subject"), question_id) == 0)
			return e;
	}
	return NULL;
}

static void print_who(struct demo *d, const char *question_id)
{
	int64_t until = time_mono_us() + EVENTS_US;
	const cJSON *e = NULL;
	cJSON *list = NULL;

	printf("\n  who asked what (GET /api/admin/events)\n  %s\n", demo_rule);
	while (!e) {
		cJSON_Delete(list);
		if (time_mono_us() > until)
			give_up("the question does not show up in the tenant's events");
		list = api(d, "GET", "/api/admin/events?category=question&page_size=50", NULL, 200);
		e = find_question(list, question_id);
		if (!e)
			time_sleep_us(time_mono_us() + POLL_US);
	}
	printf("  %s  user %s\n  \"%s\"\n", text_of(e, "at"), text_of(e, "user_id"),
	       text_of(e, "detail"));
	cJSON_Delete(list);
}

void ask_question(struct demo *d)
{
	struct asking a = { .d = d };

	printf("\n  \"" QUESTION "\"\n  %s\n", demo_rule);
	d->asked_at_us = time_now_us();
	ask(&a);
	print_evidence(a.answer);
	print_cost(d, a.answer);
	print_who(d, text_of(a.answer, "question_id"));
	cJSON_Delete(a.answer);
	cJSON_Delete(a.problem);
}
