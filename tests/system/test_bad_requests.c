/*
 * Requests that are wrong outside a body: paths, queries, dates, page tokens, methods; and an
 * import that breaks in the middle. Routes and parameters come from the contract. Read next:
 * test_bad_input.c, which has the bodies.
 */
#include "system/system_bad.h"

#include "core/buf.h"

#include <protobuf-c/protobuf-c.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LIMIT_MS    10000
#define TARGET_MAX  8192
#define LONG_ID     4000
#define LISTS_MAX   32
#define SHAPES_MAX  256
#define IMPORT_ROWS 1300
#define BAD_ROW     1101 /* in the third chunk: two of 500 lines are settled by then */
#define BODY_MAX    (8 * 1024 * 1024)

/* ---- paths ---- */

/* The path with `value` (as it is) in the place of {field}, and right ids elsewhere. */
static void path_with(const struct contract_method *m, const char *field, const char *value,
		      char out[TARGET_MAX], char **body)
{
	cJSON *request = request_new(&bad.objects, m);
	char mark[] = "MARK-OF-THE-TEST";
	struct shape sh;
	const char *at;

	cJSON_ReplaceItemInObjectCaseSensitive(request, field, cJSON_CreateString(mark));
	request_shape(request, m, &sh);
	at = strstr(sh.path, mark);
	assert_non_null(at);
	snprintf(out, TARGET_MAX, "%.*s%s%s", (int)(at - sh.path), sh.path, value,
		 at + strlen(mark));
	*body = sh.body;
}

static void try_id(const struct contract_method *m, const char *field, const char *why,
		   const char *value, int code, const char *named)
{
	char path[TARGET_MAX], what[512], *body;
	struct raw_answer a;
	bool json;

	path_with(m, field, value, path, &body);
	snprintf(what, sizeof(what), "%s.%s, {%s}: %s", m->service, m->name, field, why);
	json = body != NULL && m->upload_field == NULL;
	a = raw_send(&bad.suite, m->http_method, path, bad_token(m),
		     json ? "Content-Type: application/json\r\n" : "", body,
		     body != NULL ? strlen(body) : 0);
	free(body);
	judge(what, &a, code, named, m->deadline_ms);
}

static void try_path_field(const struct contract_method *m, const char *field,
			   const struct field_rule *rule)
{
	char longest[LONG_ID + 1];
	bool uuid = rule->format == FORMAT_UUID;
	int unknown = uuid || rule->max_len == 0 ? 400 : 404;

	memset(longest, 'a', LONG_ID);
	longest[LONG_ID] = '\0';
	try_id(m, field, "a bad escape", "a%zz", 400, "path");
	try_id(m, field, "half an escape", "a%2", 400, "path");
	try_id(m, field, "a NUL", "a%00b", 400, "path");
	try_id(m, field, "bad UTF-8", "a%ff%fe", 400, field);
	try_id(m, field, "very long", longest, 400, field);
	if (uuid) {
		try_id(m, field, "no id", "not-a-uuid", 400, field);
		try_id(m, field, "an encoded slash", "a%2Fb", 400, field);
		try_id(m, field, "encoded dots", "%2e%2e", 400, field);
		try_id(m, field, "nobody's", "00000000-0000-7000-8000-000000000000", 404, NULL);
	} else {
		try_id(m, field, "nobody's", "no-such", unknown, unknown == 400 ? field : NULL);
		try_id(m, field, "an encoded slash", "a%2Fb", unknown,
		       unknown == 400 ? field : NULL);
	}
}

static void try_path(const struct contract_method *m)
{
	for (unsigned i = 0; i < m->input->n_fields; i++)
		if (in_path(m, m->input->fields[i].name))
			try_path_field(m, m->input->fields[i].name,
				       &contract_message_find(m->input)->fields[i]);
}

static void bad_ids_in_paths(void **state)
{
	(void)state;
	note_rows();
	each_route(try_path);
	rows_are_the_same("bad paths");
	assert_int_equal(bad.faults, 0);
}

/* ---- queries ---- */

static void get_with(const struct contract_method *m, const char *field, const char *text,
		     const char *why, const char *named)
{
	cJSON *request = request_new(&bad.objects, m);
	char what[512], path[TARGET_MAX];
	struct raw_answer a;
	struct shape sh;

	if (field != NULL)
		cJSON_DeleteItemFromObjectCaseSensitive(request, field);
	request_shape(request, m, &sh);
	snprintf(path, sizeof(path), "%s%c%s", sh.path, strchr(sh.path, '?') ? '&' : '?', text);
	shape_done(&sh);
	snprintf(what, sizeof(what), "%s.%s, query: %s", m->service, m->name, why);
	a = raw_send(&bad.suite, "GET", path, bad_token(m), "", NULL, 0);
	judge(what, &a, 400, named, m->deadline_ms);
}

static void try_param(const struct contract_method *m, const char *name, const char *value)
{
	char text[TARGET_MAX];

	snprintf(text, sizeof(text), "%s=%s", name, value);
	get_with(m, name, text, text, name);
}

static void try_texts(const struct contract_method *m, const char *name, const char *const *values)
{
	for (; *values != NULL; values++)
		try_param(m, name, *values);
}

static void try_numbers(const struct contract_method *m, const char *name,
			const struct field_rule *rule)
{
	static const char *const values[] = { "many", "1.5",   "-1",
					      "1e3",  "0x10",  "%201",
					      "",     "1%202", "99999999999999999999",
					      NULL };
	char beyond[32];

	try_texts(m, name, values);
	if (!rule->has_range)
		return;
	snprintf(beyond, sizeof(beyond), "%lld", (long long)rule->max + 1);
	try_param(m, name, beyond);
	snprintf(beyond, sizeof(beyond), "%lld", (long long)rule->min - 1);
	try_param(m, name, beyond);
}

static void try_query_field(const struct contract_method *m, const ProtobufCFieldDescriptor *f,
			    const struct field_rule *rule)
{
	static const char *const dates[] = { "2025-13-01", "2025-02-30",    "yesterday",
					     "20250401",   "2025-4-1",      "2025-04-01T00:00:00Z",
					     "0000-00-00", "%202025-04-01", NULL };
	static const char *const times[] = { "2025-04-01",
					     "2025-13-01T00:00:00Z",
					     "yesterday",
					     "2025-04-01T00:00:00",
					     "2025-04-01T25:00:00Z",
					     "1743465600",
					     "2025-04-01%2000:00Z",
					     NULL };
	static const char *const windows[] = { "0d",  "91d", "28",     "d", "28D",
					       "-1d", "1w",  "28d%20", NULL };
	static const char *const words[] = { "no_such_word", "0", "LAST_TOUCH", NULL };
	char longest[TARGET_MAX / 2];

	const ProtobufCMessageDescriptor *d =
		f->type == PROTOBUF_C_TYPE_MESSAGE ? f->descriptor : NULL;

	if (d != NULL && strcmp(d->name, "pulsepoint.Timestamp") == 0)
		try_texts(m, f->name, times);
	else if (f->type == PROTOBUF_C_TYPE_MESSAGE)
		try_texts(m, f->name, dates);
	else if (f->type == PROTOBUF_C_TYPE_ENUM)
		try_texts(m, f->name, words);
	else if (f->type != PROTOBUF_C_TYPE_STRING)
		try_numbers(m, f->name, rule);
	else if (rule->format == FORMAT_WINDOW)
		try_texts(m, f->name, windows);
	else if (rule->format == FORMAT_UUID)
		try_param(m, f->name, "not-a-uuid");
	if (f->type == PROTOBUF_C_TYPE_STRING && rule->max_len + 1 < sizeof(longest)) {
		memset(longest, 'x', rule->max_len + 1);
		longest[rule->max_len + 1] = '\0';
		try_param(m, f->name, longest);
		try_param(m, f->name, "%ff");
	}
}

static void try_query(const struct contract_method *m)
{
	if (strcmp(m->http_method, "GET") != 0)
		return;
	for (unsigned i = 0; i < m->input->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &m->input->fields[i];
		char twice[256];

		if (in_path(m, f->name)) {
			snprintf(twice, sizeof(twice), "%s=x", f->name);
			get_with(m, NULL, twice, "a field of the path again", f->name);
			continue;
		}
		try_query_field(m, f, &contract_message_find(m->input)->fields[i]);
		snprintf(twice, sizeof(twice), "%s=1&%s=1", f->name, f->name);
		get_with(m, f->name, twice, "a parameter twice", f->name);
	}
	get_with(m, NULL, "no_such_field=1", "unknown", "no_such_field");
	get_with(m, NULL, "no%zz=1", "a bad escape", "query");
	get_with(m, NULL, "=1", "no name", NULL);
}

static void bad_queries(void **state)
{
	(void)state;
	bad.faults = 0;
	note_rows();
	each_route(try_query);
	rows_are_the_same("bad queries");
	assert_int_equal(bad.faults, 0);
}

/* Days that end before they begin, wherever there are days from and to. */
static void try_days(const struct contract_method *m)
{
	cJSON *request = request_new(&bad.objects, m);
	struct raw_answer a;
	struct shape sh;

	if (strcmp(m->http_method, "GET") != 0 || !cJSON_HasObjectItem(request, "from") ||
	    !cJSON_HasObjectItem(request, "to")) {
		cJSON_Delete(request);
		return;
	}
	cJSON_ReplaceItemInObject(request, "from", cJSON_CreateString("2025-04-02"));
	cJSON_ReplaceItemInObject(request, "to", cJSON_CreateString("2025-04-01"));
	request_shape(request, m, &sh);
	a = raw_send(&bad.suite, "GET", sh.path, bad_token(m), "", NULL, 0);
	judge(sh.path, &a, 400, "from", m->deadline_ms);
	shape_done(&sh);
}

static void days_that_end_before_they_begin(void **state)
{
	unsigned before = bad.tried;

	(void)state;
	bad.faults = 0;
	each_route(try_days);
	assert_int_equal(bad.faults, 0);
	assert_true(bad.tried > before);
}

/* ---- page tokens ---- */

struct list {
	const struct contract_method *m;
	char token[1024]; /* of its second page; "" when there is none */
};
static struct list lists[LISTS_MAX];
static size_t n_lists;

static void page_path(const struct contract_method *m, const char *brand, const char *token,
		      char out[TARGET_MAX])
{
	cJSON *request = request_new(&bad.objects, m);
	struct shape sh;

	if (cJSON_HasObjectItem(request, "brand_id"))
		cJSON_ReplaceItemInObjectCaseSensitive(request, "brand_id",
						       cJSON_CreateString(brand));
	cJSON_ReplaceItemInObjectCaseSensitive(request, "page_size", cJSON_CreateNumber(1));
	if (token != NULL)
		cJSON_AddStringToObject(request, "page_token", token);
	request_shape(request, m, &sh);
	snprintf(out, TARGET_MAX, "%s", sh.path);
	shape_done(&sh);
}

static void take_list(const struct contract_method *m)
{
	char path[TARGET_MAX];
	cJSON *o;

	if (protobuf_c_message_descriptor_get_field_by_name(m->input, "page_token") == NULL)
		return;
	assert_true(n_lists < LISTS_MAX);
	lists[n_lists].m = m;
	page_path(m, bad.objects.brand_id, NULL, path);
	o = suite_json(&bad.suite, "GET", path, bad_token(m), NULL, 200);
	snprintf(lists[n_lists].token, sizeof(lists[0].token), "%s",
		 json_text(o, "next_page_token"));
	cJSON_Delete(o);
	n_lists++;
}

static void try_token(const struct contract_method *m, const char *brand, const char *who,
		      const char *token, const char *why)
{
	char path[TARGET_MAX], what[512];
	struct raw_answer a;

	page_path(m, brand, token, path);
	snprintf(what, sizeof(what), "%s.%s, page_token: %s", m->service, m->name, why);
	a = raw_send(&bad.suite, "GET", path, who, "", NULL, 0);
	judge(what, &a, 400, "page_token", m->deadline_ms);
}

/* Nothing has happened that these could tell: a token of theirs does not exist. */
static bool is_empty_here(const struct contract_method *m)
{
	return strcmp(m->name, "ListAlerts") == 0 || strcmp(m->name, "ListDeliveries") == 0;
}

static void try_list(const struct list *l)
{
	const char *own = bad_token(l->m), *brand = bad.objects.brand_id;
	char path[TARGET_MAX], altered[sizeof(l->token)];
	size_t last;

	try_token(l->m, brand, own, "garbage", "garbage");
	try_token(l->m, brand, own, "k1.AAAA", "a short seal");
	for (size_t i = 0; i < n_lists; i++)
		if (lists[i].m != l->m && lists[i].token[0] != '\0')
			try_token(l->m, brand, own, lists[i].token, "another list's");
	if (l->token[0] == '\0')
		return;
	/* The token itself is good. */
	page_path(l->m, brand, l->token, path);
	cJSON_Delete(suite_json(&bad.suite, "GET", path, own, NULL, 200));
	snprintf(altered, sizeof(altered), "%s", l->token);
	last = strlen(altered) / 2;
	altered[last] = altered[last] == 'A' ? 'B' : 'A';
	try_token(l->m, brand, own, altered, "altered");
	if (l->m->role != ROLE_OPERATOR)
		try_token(l->m, bad.stranger_brand, bad.stranger.token, l->token,
			  "another tenant's");
}

static void ask_again(void)
{
	char path[TARGET_MAX];

	snprintf(path, sizeof(path), "/api/brands/%s/ask", bad.objects.brand_id);
	cJSON_Delete(suite_json(&bad.suite, "POST", path, bad.admin.token,
				"{\"question\":\"What did it earn?\"}", 200));
}

static void bad_page_tokens(void **state)
{
	struct person second;

	(void)state;
	bad.faults = 0;
	ask_again();                                                /* two pages of questions */
	make_user(&bad.suite, &bad.admin, "viewer", NULL, &second); /* two pages of users */
	each_route(take_list);
	for (size_t i = 0; i < n_lists; i++) {
		if (!is_empty_here(lists[i].m) && lists[i].token[0] == '\0')
			fail_msg("%s.%s has no second page", lists[i].m->service, lists[i].m->name);
		try_list(&lists[i]);
	}
	assert_int_equal(bad.faults, 0);
	assert_true(n_lists >= 2);
}

/* ---- methods, paths, strangers ---- */

static bool route_has(const char *path, const char *method)
{
	for (size_t i = 0; i < contract_services_n; i++)
		for (size_t k = 0; k < contract_services[i]->n_methods; k++) {
			const struct contract_method *m = &contract_services[i]->methods[k];

			if (m->http_path != NULL && strcmp(m->http_path, path) == 0 &&
			    strcmp(m->http_method, method) == 0)
				return true;
		}
	return false;
}

/* Routes with their requests, made before the rows are counted: some need a session. */
static struct {
	const struct contract_method *m;
	struct shape shape;
} shapes[SHAPES_MAX];
static size_t n_shapes;

static void take_shape(const struct contract_method *m)
{
	assert_true(n_shapes < SHAPES_MAX);
	shapes[n_shapes].m = m;
	request_shape(request_new(&bad.objects, m), m, &shapes[n_shapes++].shape);
}

static void try_method(const struct contract_method *m, const struct shape *sh)
{
	static const char *const others[] = { "GET", "POST", "PUT", "PATCH", "DELETE" };
	char what[256], path[TARGET_MAX];

	snprintf(path, sizeof(path), "%.*s", (int)strcspn(sh->path, "?"), sh->path);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct raw_answer a;

		if (route_has(m->http_path, others[i]))
			continue;
		a = raw_send(&bad.suite, others[i], path, bad_token(m), "", NULL, 0);
		snprintf(what, sizeof(what), "%s %s", others[i], m->http_path);
		judge(what, &a, 405, NULL, LIMIT_MS);
		if (!raw_header_has(&a, "Allow", m->http_method))
			complain(what, &a, "Allow does not name the method");
	}
}

static void try_get_with_body(const struct contract_method *m, const struct shape *sh)
{
	struct raw_answer a;
	bool get = !has_body(m);
	char path[TARGET_MAX];

	if (m->upload_field != NULL)
		return;
	snprintf(path, sizeof(path), "%s%s", sh->path, get ? "" : "?x=1");
	a = raw_send(&bad.suite, m->http_method, path, bad_token(m),
		     "Content-Type: application/json\r\n", get ? "{}" : sh->body,
		     get ? 2 : strlen(sh->body));
	judge(m->name, &a, 400, get ? "body" : "query", m->deadline_ms);
}

/* Nothing is there; a path that is none at all may be told so. */
static void tried_path(const char *path, const struct raw_answer *a)
{
	judge(path, a, a->code == 400 ? 400 : 404, NULL, LIMIT_MS);
}

static void wrong_methods_and_places(void **state)
{
	static const char *const nowhere[] = { "/",
					       "/api",
					       "/api/",
					       "/api/no",
					       "/api/brands/",
					       "/api//brands",
					       "/api/users/x/y",
					       "/../etc/passwd",
					       "/api/brands/..%2f..%2fetc",
					       "/openapi.json/x" };

	(void)state;
	bad.faults = 0;
	each_route(take_shape);
	note_rows();
	for (size_t i = 0; i < n_shapes; i++) {
		try_method(shapes[i].m, &shapes[i].shape);
		try_get_with_body(shapes[i].m, &shapes[i].shape);
		shape_done(&shapes[i].shape);
	}
	for (size_t i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++) {
		struct raw_answer a =
			raw_send(&bad.suite, "GET", nowhere[i], bad.admin.token, "", NULL, 0);

		tried_path(nowhere[i], &a);
	}
	rows_are_the_same("wrong methods");
	assert_int_equal(bad.faults, 0);
}

/* ---- an import that breaks in the middle ---- */

static char *import_lines(bool broken)
{
	struct buf b;

	buf_init(&b, BODY_MAX);
	for (int i = 1; i <= IMPORT_ROWS; i++) {
		if (broken && i == BAD_ROW)
			buf_puts(&b, "{\"position\":1,\"occurred_at\":\"2025-04-01T00:00:00Z\"}\n");
		else
			buf_printf(&b,
				   "{\"visitor_id\":\"import-%d\",\"position\":1,\"occurred_at\":"
				   "\"2025-04-01T00:00:00Z\",\"source\":\"google\"}\n",
				   i);
	}
	assert_int_equal(buf_status(&b), ST_OK);
	return b.data;
}

static struct raw_answer import(const char *key, const char *type, const void *data, size_t len)
{
	char path[TARGET_MAX], headers[256];

	snprintf(path, sizeof(path), "/api/brands/%s/touchpoints:import", bad.objects.brand_id);
	snprintf(headers, sizeof(headers), "Content-Type: %s\r\nIdempotency-Key: %s\r\n", type,
		 key);
	return raw_send(&bad.suite, "POST", path, bad.admin.token, headers, data, len);
}

static int visits(void)
{
	char n[32];

	suite_sql(&bad.suite,
		  "SELECT count(*) FROM attribution.visits WHERE tenant_id = $1::uuid"
		  " AND visitor_id LIKE 'import-%'",
		  bad.admin.tenant_id, n, sizeof(n));
	return (int)strtol(n, NULL, 10);
}

static int member(const struct raw_answer *a, const char *name)
{
	cJSON *o = cJSON_ParseWithLength(a->body, a->len);
	const cJSON *v = cJSON_GetObjectItem(o, name);
	int n = cJSON_IsNumber(v) ? v->valueint : (int)strtol(json_text(o, name), NULL, 10);

	cJSON_Delete(o);
	return n;
}

static void a_broken_import_goes_on_where_it_broke(void **state)
{
	char *broken = import_lines(true), *whole = import_lines(false);
	struct raw_answer a;

	(void)state;
	bad.faults = 0;
	a = import("key-1", "application/x-ndjson", broken, strlen(broken));
	judge("a bad line", &a, 400, "lines[1101].visitor_id", LIMIT_MS);
	assert_int_equal(member(&a, "lines_settled"), 1000);
	assert_int_equal(visits(), 1000);
	a = import("key-1", "application/x-ndjson", whole, strlen(whole));
	assert_int_equal(a.code, 200);
	assert_int_equal(member(&a, "lines"), IMPORT_ROWS);
	assert_int_equal(member(&a, "imported"), IMPORT_ROWS - 1000);
	assert_int_equal(visits(), IMPORT_ROWS);
	a = import("key-1", "application/x-ndjson", whole, strlen(whole));
	assert_int_equal(a.code, 200);
	assert_int_equal(member(&a, "imported"), 0);
	/* Another key finds only duplicates. */
	a = import("key-2", "application/x-ndjson", whole, strlen(whole));
	assert_int_equal(a.code, 200);
	assert_int_equal(member(&a, "imported"), 0);
	assert_int_equal(visits(), IMPORT_ROWS);
	/* The same key for another body. */
	a = import("key-1", "application/x-ndjson", broken + 1, strlen(broken) - 1);
	judge("another body", &a, 422, "import_key", LIMIT_MS);
	free(broken);
	free(whole);
	assert_int_equal(bad.faults, 0);
}

static void bad_lines_are_named(void **state)
{
	static const char good[] = "{\"visitor_id\":\"line-1\",\"position\":1,\"occurred_at\":"
				   "\"2025-04-01T00:00:00Z\"}\n";
	static const struct {
		const char *line;
		size_t len; /* 0: up to its end */
		const char *field;
	} lines[] = {
		{ "no json", 0, "lines[2]" },
		{ "[]", 0, "lines[2]" },
		{ "", 0, "lines[2]" },
		{ "{\"visitor_id\":\"\xff\"}", 0, "lines[2]" },
		{ "{\"visitor_id\":\"a\0b\"}", 20, "lines[2]" },
		{ "{\"visitor_id\":1}", 0, "lines[2].visitor_id" },
		{ "{\"no_such_field\":1}", 0, "lines[2].no_such_field" },
		{ "{\"visitor_id\":\"v\",\"position\":0,\"occurred_at\":\"2025-04-01T00:00:00Z\"}",
		  0, "lines[2].position" },
		{ "{\"visitor_id\":\"v\",\"position\":1,\"occurred_at\":\"2025-04-31T00:00:00Z\"}",
		  0, "lines[2].occurred_at" },
	};
	char body[1024], key[32], *longest = malloc(BODY_MAX);
	struct raw_answer a;

	(void)state;
	bad.faults = 0;
	note_rows();
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		size_t n = strlen(good);
		size_t len = lines[i].len > 0 ? lines[i].len : strlen(lines[i].line);

		memcpy(body, good, n);
		memcpy(body + n, lines[i].line, len);
		memcpy(body + n + len, "\n", 1);
		snprintf(key, sizeof(key), "line-%zu", i);
		a = import(key, "application/x-ndjson", body, n + len + 1);
		judge(lines[i].line, &a, 400, lines[i].field, LIMIT_MS);
	}
	assert_non_null(longest);
	memset(longest, 'x', BODY_MAX);
	a = import("long", "application/x-ndjson", longest, BODY_MAX);
	judge("a line without an end", &a, 400, "lines[1]", LIMIT_MS);
	a = import("type", "text/html", good, strlen(good));
	judge("an import of another type", &a, 415, "Content-Type", LIMIT_MS);
	a = import("key\x01", "application/x-ndjson", good, strlen(good));
	/* The server below takes that for no HTTP at all, and answers in its own words. */
	if (a.code != 400)
		complain("a key with a control character", &a, "it must be refused");
	free(longest);
	rows_are_the_same("bad lines");
	assert_int_equal(bad.faults, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_ids_in_paths),
		cmocka_unit_test(bad_queries),
		cmocka_unit_test(days_that_end_before_they_begin),
		cmocka_unit_test(bad_page_tokens),
		cmocka_unit_test(wrong_methods_and_places),
		cmocka_unit_test(a_broken_import_goes_on_where_it_broke),
		cmocka_unit_test(bad_lines_are_named),
		cmocka_unit_test(nobody_died),
	};

	return cmocka_run_group_tests(tests, bad_set_up, bad_tear_down);
}
