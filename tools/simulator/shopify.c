/*
 * Shopify's Admin GraphQL endpoint: who may ask, what it costs, and the answer. The cost formula is
 * this simulator's own (Shopify does not publish its weights) and is stated in
 * docs/internals/simulator.md. Read next: gql_bind.c, gql_exec.c.
 */
#include "shopify_view.h"
#include "sim.h"

#include "core/id.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define API_VERSION   "2026-10"
#define COST_MAX      1000
#define LIMITS_PAGE   "https://shopify.dev/api/usage/rate-limits"
#define NOT_READY_MAX 250

struct gql_exchange {
	struct exchange *ex;
	cJSON *body;
	struct gql_error err;
	struct gql_doc doc;
	struct gquery query;
	const char *endpoint;
};

static void error_answer(struct exchange *ex, const struct gql_error *err)
{
	web_json(ex->rep, 200, "{\"errors\":[");
	gql_error_write(err, &ex->rep->body);
	buf_puts(&ex->rep->body, "]}");
}

static void put_cost(struct exchange *ex, unsigned requested, int64_t actual, int64_t left)
{
	const struct plan *plan = ex->sim->plan;
	char actual_text[24] = "null";

	if (actual >= 0)
		snprintf(actual_text, sizeof(actual_text), "%lld", (long long)actual);
	buf_printf(&ex->rep->body,
		   "\"extensions\":{\"cost\":{\"requestedQueryCost\":%u,\"actualQueryCost\":%s,"
		   "\"throttleStatus\":{\"maximumAvailable\":%lld.0,\"currentlyAvailable\":%lld,"
		   "\"restoreRate\":%lld.0}}}}",
		   requested, actual_text, (long long)plan->maximum, (long long)left,
		   (long long)plan->restore);
}

static void throttled(struct gql_exchange *g, int64_t left)
{
	struct exchange *ex = g->ex;

	exchange_throttled(ex, PROV_SHOPIFY, g->endpoint);
	web_json(ex->rep, 200,
		 "{\"errors\":[{\"message\":\"Throttled\",\"extensions\":{\"code\":\"THROTTLED\","
		 "\"documentation\":\"" LIMITS_PAGE "\"}}],");
	put_cost(ex, g->query.cost, -1, left);
}

static void too_dear(struct gql_exchange *g)
{
	web_json(g->ex->rep, 200, "");
	buf_printf(
		&g->ex->rep->body,
		"{\"errors\":[{\"message\":\"Query cost is %u, which exceeds the single query max "
		"cost limit (%d).\\n\\nSee " LIMITS_PAGE " for more information on how the\\ncost "
		"of a query is calculated.\\n\\nTo query larger amounts of data with fewer limits, "
		"bulk operations should be used instead.\",\"extensions\":{\"code\":"
		"\"MAX_COST_EXCEEDED\",\"cost\":%u,\"maxCost\":%d,\"documentation\":"
		"\"" LIMITS_PAGE "\"}}]}",
		g->query.cost, COST_MAX, g->query.cost, COST_MAX);
}

/* What tells this page from others: the first root field and its arguments. */
static const char *page_key(struct gql_exchange *g)
{
	const struct gplan *p = g->query.root;
	const struct gval *a = p->args;

	if (p->field == NULL || !(p->field->flags & GF_CONNECTION))
		return a[0].given && a[0].text != NULL ? a[0].text : "";
	return arena_printf(g->ex->arena, "after=%s first=%lld query=%s",
			    a[ARG_AFTER].given ? a[ARG_AFTER].text : "",
			    (long long)a[ARG_FIRST].number,
			    a[ARG_QUERY].given ? a[ARG_QUERY].text : "");
}

static void execute(struct gql_exchange *g, unsigned not_ready)
{
	struct exchange *ex = g->ex;
	struct shop_view view = { ex->now, ex->sim->plan->name, ex->sim->plan->plus };
	struct gexec x = { .arena = ex->arena,
			   .out = &ex->rep->body,
			   .err = &g->err,
			   .data = ex->data,
			   .owner = &view,
			   .not_ready = not_ready };
	unsigned actual;
	int64_t left;

	web_json(ex->rep, 200, "{\"data\":");
	actual = gql_exec(&x, &g->query);
	if (g->err.set) {
		error_answer(ex, &g->err);
		ex->rep->body.len--; /* the closing brace, to go on */
		buf_puts(&ex->rep->body, ",\"data\":null");
		actual = 1;
	} else {
		exchange_page(ex, PROV_SHOPIFY, g->endpoint, page_key(g));
	}
	left = bucket_give(&ex->sim->shop_bucket,
			   g->query.cost > actual ? g->query.cost - actual : 0);
	buf_putc(&ex->rep->body, ',');
	put_cost(ex, g->query.cost, actual, left);
}

/* The fault's own answer; false when the request goes on. */
static bool misbehave(struct gql_exchange *g, const struct fault *f)
{
	struct exchange *ex = g->ex;
	int64_t left;

	switch (f->kind) {
	case FAULT_HTTP_429:
		exchange_throttled(ex, PROV_SHOPIFY, g->endpoint);
		web_json(ex->rep, 429,
			 "{\"errors\":\"Exceeded 2 calls per second for api client. Reduce request "
			 "rates to resume uninterrupted service.\"}");
		web_add_header(ex->rep, "Retry-After", "%lld.0", (long long)f->retry_after);
		return true;
	case FAULT_HTTP_5XX:
		web_html(ex->rep, 503,
			 "<html><body><h1>503 Service Unavailable</h1></body></html>");
		return true;
	case FAULT_INTERNAL:
		web_json(ex->rep, 200,
			 "{\"errors\":[{\"message\":\"Internal error. Looks like something went "
			 "wrong on "
			 "our "
			 "end.\",\"extensions\":{\"code\":\"INTERNAL_SERVER_ERROR\",\"requestId\":"
			 "\"00000000-0000-4000-8000-000000000000\"}}]}");
		return true;
	case FAULT_THROTTLE:
		bucket_take(&ex->sim->shop_bucket, 0, &left);
		throttled(g, left < (int64_t)g->query.cost ? left : (int64_t)g->query.cost - 1);
		return true;
	case FAULT_EXPIRED_TOKEN:
		tokens_expire(ex->sim->tokens, TK_SHOPIFY_ACCESS, ex->now);
		return false;
	case FAULT_WRONG_TYPE:
		web_json(ex->rep, 200, "");
		buf_printf(&ex->rep->body,
			   "{\"data\":{\"%s\":42},\"extensions\":{\"cost\":\"none\"}}",
			   g->endpoint);
		return true;
	case FAULT_NONE:
	case FAULT_SLOW:
	case FAULT_TRUNCATE:
	case FAULT_BAD_JSON:
	case FAULT_NOT_READY:
	case FAULT_JOB_FAILED:
		break;
	}
	return false;
}

static bool authorised(struct exchange *ex)
{
	const char *token = web_header(ex->req, "X-Shopify-Access-Token");

	if (token != NULL &&
	    tokens_check(ex->sim->tokens, TK_SHOPIFY_ACCESS, token, ex->now) == TOKEN_OK)
		return true;
	web_json(ex->rep, 401,
		 "{\"errors\":\"[API] Invalid API key or access token (unrecognized login or wrong "
		 "password)\"}");
	return false;
}

/* Takes the body apart: {"query": ..., "variables": ..., "operationName": ...}. */
static bool understand(struct gql_exchange *g)
{
	struct exchange *ex = g->ex;
	const char *text, *operation;
	const cJSON *variables;

	g->endpoint = "graphql";
	g->body = cJSON_Parse(ex->req->body);
	text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(g->body, "query"));
	operation =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(g->body, "operationName"));
	variables = cJSON_GetObjectItemCaseSensitive(g->body, "variables");
	if (text == NULL)
		return false;
	if (!gql_parse(ex->arena, text, strlen(text), &g->doc, &g->err) ||
	    !gql_bind(ex->arena, &g->doc, operation, cJSON_IsObject(variables) ? variables : NULL,
		      &g->query, &g->err))
		return true;
	if (g->query.root->field != NULL)
		g->endpoint = g->query.root->field->name;
	return true;
}

static void answer(struct gql_exchange *g, bool understood, const struct fault *f)
{
	const char *type = web_header(g->ex->req, "Content-Type");
	int64_t left;

	if (!authorised(g->ex))
		return;
	if (!understood || type == NULL || strncasecmp(type, "application/json", 16) != 0) {
		web_json(g->ex->rep, 400,
			 "{\"errors\":{\"query\":\"Required parameter missing or invalid\"}}");
		return;
	}
	if (g->err.set)
		error_answer(g->ex, &g->err);
	else if (g->query.cost > COST_MAX)
		too_dear(g);
	else if (!bucket_take(&g->ex->sim->shop_bucket, g->query.cost, &left))
		throttled(g, left);
	else
		execute(g, f->kind == FAULT_NOT_READY ? NOT_READY_MAX : 0);
}

static void graphql(struct exchange *ex)
{
	struct gql_exchange g = { .ex = ex };
	bool understood = understand(&g);
	struct fault f = exchange_begin(ex, PROV_SHOPIFY, g.endpoint);
	char request_id[UUID_TEXT];

	uuid_v7(request_id);
	web_add_header(ex->rep, "X-Request-Id", "%s", request_id);
	web_add_header(ex->rep, "X-Shopify-API-Version", API_VERSION);
	/* Waiting took time, and a token may have run out meanwhile. */
	ex->now = clock_now(&ex->sim->clock);
	if (!misbehave(&g, &f))
		answer(&g, understood, &f);
	cJSON_Delete(g.body);
}

static bool is_our_shop(const struct exchange *ex)
{
	size_t n = strcspn(ex->req->host, ":");

	return strlen(ex->data->shop_domain) == n &&
	       strncasecmp(ex->req->host, ex->data->shop_domain, n) == 0;
}

void shopify_handle(struct exchange *ex)
{
	const struct web_request *req = ex->req;

	if (!is_our_shop(ex))
		web_json(ex->rep, 404, "{\"errors\":\"Not Found\"}");
	else if (req->nseg == 3 && web_seg_is(req, 1, "oauth") &&
		 web_seg_is(req, 2, "access_token"))
		shopify_token(ex);
	else if (req->nseg == 4 && web_seg_is(req, 1, "api") && web_seg_is(req, 2, API_VERSION) &&
		 web_seg_is(req, 3, "graphql.json") && strcmp(req->method, "POST") == 0)
		graphql(ex);
	else
		web_json(ex->rep, 404, "{\"errors\":\"Not Found\"}");
}
