/* See insights_provider.h. */
#include "component/insights_turn.h"

#include "core/buf.h"
#include "core/magic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX      ((size_t)4 * 1024 * 1024)
#define HOLD_S        60
#define MANY          10
#define BYTES_A_TOKEN 4

/* ---- what it says ---- */

static const char *member(const cJSON *o, const char *name)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, name));

	return s ? s : "";
}

static void put_figure(struct buf *b, const cJSON *row, const char *key)
{
	const cJSON *f = cJSON_GetObjectItemCaseSensitive(row, key);

	buf_printf(b, "%s %s [%s]", member(f, "value"), member(f, "unit"), member(f, "id"));
}

static void put_row(struct buf *b, const cJSON *row)
{
	buf_printf(b, "\"%s\" earned ", member(row, "campaign"));
	put_figure(b, row, "revenue");
	buf_puts(b, " from ");
	put_figure(b, row, "spend");
	buf_puts(b, " of spend");
}

/* A number that no tool gave, in different guises. */
static void invent(struct turn *t, struct buf *b)
{
	struct ip_provider *p = t->p;
	uint64_t n;

	pthread_mutex_lock(&p->lock);
	n = ++p->invented;
	snprintf(p->last_invented, sizeof(p->last_invented), "%s%llu.%02llu", n % 5 == 4 ? "" : "9",
		 (unsigned long long)(11000 + n * 37 % 80000), (unsigned long long)(n % 100));
	switch (n % 5) {
	case 0:
		buf_printf(b, "- It will earn %s GBP next month.\n", p->last_invented);
		break;
	case 1:
		buf_printf(b, "- It will earn %s GBP [e1] next month.\n", p->last_invented);
		break;
	case 2:
		buf_printf(b, "- It will earn %s GBP [e4000] next month.\n", p->last_invented);
		break;
	case 3:
		buf_printf(b, "- That is %s percent more.\n", p->last_invented);
		break;
	default:
		buf_printf(b, "- About %s visitors came.\n", p->last_invented);
	}
	pthread_mutex_unlock(&p->lock);
}

static void put_answer(struct turn *t, struct buf *b, bool invented)
{
	const cJSON *row;

	if (!t->rows) {
		buf_puts(b, "The data says nothing about that.\n\nFindings:\n- Nothing.\n\n"
			    "Recommendations:\n- Nothing can be recommended.\n");
		return;
	}
	buf_puts(b, "The best row comes first: ");
	put_row(b, cJSON_GetArrayItem(t->rows, 0));
	buf_puts(b, ".\n\nFindings:\n");
	cJSON_ArrayForEach(row, t->rows)
	{
		buf_puts(b, "- ");
		put_row(b, row);
		buf_puts(b, ".\n");
		if (invented && row == t->rows->child->next)
			invent(t, b);
	}
	buf_puts(b, "\nRecommendations:\n- Raise the budget of the best in steps, it earned ");
	put_figure(b, cJSON_GetArrayItem(t->rows, 0), "revenue");
	buf_puts(b, ".\n");
}

static void ask_tools(struct turn *t)
{
	const char *before = "I will look at the campaigns and at the whole.";

	turn_text(t, 0, before, strlen(before));
	turn_tool(t, 1, "get_attribution", "{\"by\":\"campaign\"}");
	turn_tool(t, 2, "get_summary", "{}");
	turn_end(t, "tool_use");
}

static void ask_again(struct turn *t)
{
	turn_tool(t, 0, "get_attribution", "{\"by\":\"campaign\",\"model\":\"linear\"}");
	turn_end(t, "tool_use");
}

/* A stream that just ends has billed what it told. */
static void answer_part(struct turn *t, const char *text, size_t len)
{
	turn_text(t, 0, text, len);
}

static void wait_for_release(struct turn *t)
{
	struct ip_provider *p = t->p;
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += HOLD_S;
	pthread_mutex_lock(&p->lock);
	p->held++;
	while (p->hold && pthread_cond_timedwait(&p->released, &p->lock, &until) == 0)
		;
	p->held--;
	pthread_mutex_unlock(&p->lock);
}

static void answer(struct turn *t)
{
	bool second = t->complaint;
	bool invented = t->mode == IP_INVENT_PERSIST ||
			((t->mode == IP_INVENT || t->mode == IP_INVENT_LATE) && !second);
	struct buf b;
	const char *text;
	size_t half;

	buf_init(&b, TURN_TEXT_MAX);
	put_answer(t, &b, invented);
	text = buf_str(&b);
	half = b.len / 2;
	switch ((int)t->mode) {
	case IP_REFUSE_LATE:
		answer_part(t, text, half);
		turn_end(t, "refusal");
		break;
	case IP_MAX_TOKENS:
		answer_part(t, text, half);
		turn_end(t, "max_tokens");
		break;
	case IP_CONTEXT:
		answer_part(t, text, half);
		turn_end(t, "model_context_window_exceeded");
		break;
	case IP_PAUSE: {
		const cJSON *messages = cJSON_GetObjectItemCaseSensitive(t->root, "messages");
		const cJSON *last = cJSON_GetArrayItem(messages, cJSON_GetArraySize(messages) - 1);

		if (strcmp(member(last, "role"), "user") == 0) {
			answer_part(t, text, half);
			turn_end(t, "pause_turn");
		} else {
			answer_part(t, text + half, b.len - half);
			turn_end(t, "end_turn");
		}
		break;
	}
	case IP_BREAK_TEXT:
		answer_part(t, text, half);
		break;
	case IP_SILENT_TEXT:
		answer_part(t, text, half);
		wait_for_release(t);
		answer_part(t, text + half, b.len - half);
		turn_end(t, "end_turn");
		break;
	case IP_EMPTY:
		turn_end(t, "end_turn");
		break;
	default:
		answer_part(t, text, b.len);
		turn_end(t, "end_turn");
	}
	buf_done(&b);
}

static void preamble(struct turn *t)
{
	struct buf b;

	buf_init(&b, TURN_TEXT_MAX);
	put_row(&b, cJSON_GetArrayItem(t->rows, 0));
	buf_puts(&b, ". But let me look at it another way.");
	turn_text(t, 0, buf_str(&b), b.len);
	buf_done(&b);
	turn_tool(t, 1, "get_summary", "{\"from\":\"2011-02-01\"}");
	turn_end(t, "tool_use");
}

static void many_tools(struct turn *t)
{
	for (int i = 0; i < MANY; i++)
		turn_tool(t, i, "get_summary", "{}");
	turn_end(t, "tool_use");
}

static void first_turn(struct turn *t)
{
	switch ((int)t->mode) {
	case IP_REFUSE:
		turn_end(t, "refusal");
		break;
	case IP_MANY_TOOLS:
		many_tools(t);
		break;
	case IP_UNKNOWN_TOOL:
		turn_tool(t, 0, "drop_tables", "{\"tables\":\"all\"}");
		turn_tool(t, 1, "get_attribution", "{\"by\":\"campaign\"}");
		turn_end(t, "tool_use");
		break;
	case IP_BAD_INPUT:
		turn_tool(t, 0, "get_summary", "{\"from\": ");
		turn_tool(t, 1, "get_attribution", "{\"by\":\"campaign\"}");
		turn_end(t, "tool_use");
		break;
	case IP_WRONG_INPUT:
		turn_tool(t, 0, "get_summary",
			  "{\"tenant_id\":\"0190c0de-0000-7000-8000-000000000000\"}");
		turn_tool(t, 1, "get_attribution", "{\"by\":\"campaign\"}");
		turn_end(t, "tool_use");
		break;
	default:
		ask_tools(t);
	}
}

static void speak(struct turn *t)
{
	if (t->mode == IP_LOOP && !t->no_tools)
		ask_again(t);
	else if (t->mode == IP_LOOP)
		turn_tool(t, 0, "get_summary", "{}"), turn_end(t, "tool_use");
	else if (!t->results)
		first_turn(t);
	else if (t->mode == IP_MANY_TOOLS && !t->no_tools)
		many_tools(t);
	else if (t->mode == IP_INVENT_LATE && t->complaint && t->number < 4)
		ask_again(t);
	else if (t->mode == IP_PREAMBLE && t->number < 3)
		preamble(t);
	else
		answer(t);
}

/* ---- requests ---- */

/* The rows of the last report, and how many results came in one message. */
static void read_results(struct turn *t, const cJSON *message)
{
	const cJSON *block;
	uint64_t n = 0;

	cJSON_ArrayForEach(block, cJSON_GetObjectItemCaseSensitive(message, "content"))
	{
		const cJSON *content = cJSON_GetObjectItemCaseSensitive(block, "content");
		cJSON *json, *rows;

		if (strcmp(member(block, "type"), "tool_result") != 0)
			continue;
		n++;
		t->results = true;
		if (cJSON_IsArray(content))
			content = cJSON_GetObjectItemCaseSensitive(content->child, "text");
		json = cJSON_Parse(cJSON_GetStringValue(content));
		rows = cJSON_GetObjectItemCaseSensitive(json, "rows");
		if (json && t->n_results < TURN_ROWS_MAX)
			t->results_json[t->n_results++] = json;
		else
			cJSON_Delete(json);
		if (t->n_results <= TURN_ROWS_MAX && cJSON_GetArraySize(rows) >= 2 &&
		    strcmp(member(json, "tool"), "get_attribution") == 0)
			t->rows = rows;
	}
	pthread_mutex_lock(&t->p->lock);
	if (n > t->p->most_parallel_results)
		t->p->most_parallel_results = n;
	pthread_mutex_unlock(&t->p->lock);
}

/* Tools and system stand before the messages and must be the same bytes for everybody. */
static void look_at_prefix(struct turn *t)
{
	const char *from = strstr(t->body, "\"tools\""), *to = strstr(t->body, "\"messages\"");
	uint64_t hash = UINT64_C(1469598103934665603);
	char text[17];

	for (const char *p = from; from && to && p < to; p++)
		hash = (hash ^ (unsigned char)*p) * UINT64_C(1099511628211);
	snprintf(text, sizeof(text), "%016llx", (unsigned long long)hash);
	pthread_mutex_lock(&t->p->lock);
	if (!from || !to || (t->p->prefix[0] && strcmp(t->p->prefix, text) != 0))
		t->p->prefix_changed = true;
	memcpy(t->p->prefix, text, sizeof(text));
	pthread_mutex_unlock(&t->p->lock);
}

static bool read_request(struct turn *t)
{
	const struct mg_request_info *info = mg_get_request_info(t->c);
	const cJSON *message;

	t->body = calloc(1, BODY_MAX);
	INVARIANT(t->body != NULL);
	while (t->len < BODY_MAX - 1) {
		int n = mg_read(t->c, t->body + t->len, BODY_MAX - 1 - t->len);

		if (n <= 0)
			break;
		t->len += (size_t)n;
	}
	t->root = cJSON_Parse(t->body);
	if (!t->root || strcmp(info->local_uri, "/v1/messages") != 0)
		return false;
	cJSON_ArrayForEach(message, cJSON_GetObjectItemCaseSensitive(t->root, "messages"))
		read_results(t, message);
	t->complaint = strstr(t->body, "The answer cannot be shown") != NULL;
	t->no_tools =
		strcmp(member(cJSON_GetObjectItemCaseSensitive(t->root, "tool_choice"), "type"),
		       "none") == 0;
	look_at_prefix(t);
	pthread_mutex_lock(&t->p->lock);
	t->mode = t->p->mode;
	t->number = ++t->p->requests;
	pthread_mutex_unlock(&t->p->lock);
	/* Never more than there are bytes; every kind in use. */
	t->used.input = t->len / BYTES_A_TOKEN / 2 + t->number;
	t->used.cache_read = t->results ? 1500 : 0;
	t->used.write_5m = t->results ? 211 : 1711;
	return true;
}

/* Those that end before a word; true when it did. */
static bool break_off(struct turn *t)
{
	bool first;

	switch ((int)t->mode) {
	case IP_OVERLOADED:
		turn_fail(t, 529, "overloaded_error");
		return true;
	case IP_RATE:
		turn_fail(t, 429, "rate_limit_error");
		return true;
	case IP_SERVER_ERROR:
		turn_fail(t, 500, "api_error");
		return true;
	case IP_BAD_KEY:
		turn_fail(t, 401, "authentication_error");
		return true;
	case IP_BAD_REQUEST:
		turn_fail(t, 400, "invalid_request_error");
		return true;
	case IP_BAD_USAGE:
		turn_bill(t); /* nobody reads on to its end */
		return false;
	case IP_BREAK_EARLY:
	case IP_ERROR_IN_STREAM:
		pthread_mutex_lock(&t->p->lock);
		first = t->mode == IP_ERROR_IN_STREAM || t->p->broken++ == 0;
		pthread_mutex_unlock(&t->p->lock);
		if (!first)
			return false;
		turn_begin(t);
		turn_bill(t);
		if (t->mode == IP_ERROR_IN_STREAM)
			turn_event(t, "error",
				   "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\","
				   "\"message\":\"Overloaded\"}}");
		return true;
	default:
		return false;
	}
}

static int handle(struct mg_connection *c, void *arg)
{
	struct turn t = { .p = arg, .c = c };

	if (!read_request(&t)) {
		turn_fail(&t, 404, "not_found_error");
	} else if (!break_off(&t)) {
		turn_begin(&t);
		speak(&t);
		turn_bill(&t);
	}
	for (size_t i = 0; i < t.n_results; i++)
		cJSON_Delete(t.results_json[i]);
	cJSON_Delete(t.root);
	free(t.body);
	return 200;
}

/* ---- starting ---- */

void ip_start(struct ip_provider *p)
{
	const char *options[] = { "listening_ports", "127.0.0.1:0", "num_threads", "24", NULL };
	struct mg_server_port port;

	*p = (struct ip_provider){ .mode = IP_HONEST };
	INVARIANT(pthread_mutex_init(&p->lock, NULL) == 0);
	INVARIANT(pthread_cond_init(&p->released, NULL) == 0);
	mg_init_library(0);
	p->server = mg_start(NULL, NULL, options);
	INVARIANT(p->server != NULL);
	INVARIANT(mg_get_server_ports(p->server, 1, &port) == 1);
	p->port = port.port;
	mg_set_request_handler(p->server, "/", handle, p);
}

void ip_release(struct ip_provider *p)
{
	pthread_mutex_lock(&p->lock);
	p->hold = false;
	pthread_cond_broadcast(&p->released);
	pthread_mutex_unlock(&p->lock);
}

void ip_stop(struct ip_provider *p)
{
	ip_release(p);
	mg_stop(p->server);
	mg_exit_library();
	pthread_cond_destroy(&p->released);
	pthread_mutex_destroy(&p->lock);
}

void ip_set(struct ip_provider *p, enum ip_mode mode)
{
	pthread_mutex_lock(&p->lock);
	p->mode = mode;
	p->requests = p->broken = 0;
	p->hold = mode == IP_SILENT_TEXT;
	p->most_parallel_results = 0;
	pthread_mutex_unlock(&p->lock);
}

void ip_fresh(struct ip_provider *p)
{
	ip_release(p);
	ip_set(p, IP_HONEST);
	pthread_mutex_lock(&p->lock);
	p->billed = (struct ip_tokens){ 0 };
	p->invented = 0;
	pthread_mutex_unlock(&p->lock);
}

struct ip_tokens ip_billed(struct ip_provider *p)
{
	struct ip_tokens t;

	pthread_mutex_lock(&p->lock);
	t = p->billed;
	pthread_mutex_unlock(&p->lock);
	return t;
}

struct ip_seen ip_seen(struct ip_provider *p)
{
	struct ip_seen s;

	pthread_mutex_lock(&p->lock);
	s = (struct ip_seen){ .requests = p->requests,
			      .invented = p->invented,
			      .held = p->held,
			      .most_parallel_results = p->most_parallel_results,
			      .prefix_changed = p->prefix_changed };
	memcpy(s.prefix, p->prefix, sizeof(s.prefix));
	memcpy(s.last_invented, p->last_invented, sizeof(s.last_invented));
	pthread_mutex_unlock(&p->lock);
	return s;
}
