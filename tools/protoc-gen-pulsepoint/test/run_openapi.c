/*
 * The OpenAPI document against the contract's tables: what the edge serves and what the document
 * says come from one place, and this reads both.
 */
#include "contract/openapi.h"
#include "core/contract.h"

#include <ctype.h>
#include <protobuf-c/protobuf-c.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#define OPERATIONS_MAX 512
#define REF_PREFIX     "#/components/"

static cJSON *doc;

static int load(void **state)
{
	(void)state;
	doc = cJSON_ParseWithLength(contract_openapi, contract_openapi_len);
	return doc != NULL ? 0 : -1;
}

static int unload(void **state)
{
	(void)state;
	cJSON_Delete(doc);
	return 0;
}

static const cJSON *get(const cJSON *o, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

	if (v == NULL)
		fail_msg("there is no \"%s\"", name);
	return v;
}

static bool has(const cJSON *o, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(o, name) != NULL;
}

static const char *text(const cJSON *o, const char *name)
{
	const cJSON *v = get(o, name);

	assert_true(cJSON_IsString(v));
	return v->valuestring;
}

static const cJSON *operation_of(const struct contract_method *m)
{
	char verb[8];

	snprintf(verb, sizeof(verb), "%s", m->http_method);
	for (char *p = verb; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	return get(get(get(doc, "paths"), m->http_path), verb);
}

static const cJSON *parameter_of(const cJSON *op, const char *name)
{
	const cJSON *p;

	cJSON_ArrayForEach(p,
			   get(op, "parameters")) if (strcmp(text(p, "name"), name) == 0) return p;
	return NULL;
}

static bool in_path(const struct contract_method *m, const char *field)
{
	char brace[128];

	snprintf(brace, sizeof(brace), "{%s}", field);
	return strstr(m->http_path, brace) != NULL;
}

/* Calls `check` for each method that has a route; how many there were. */
static size_t each_route(void (*check)(const struct contract_method *m, const cJSON *op))
{
	size_t n = 0;

	for (size_t i = 0; i < contract_services_n; i++)
		for (size_t j = 0; j < contract_services[i]->n_methods; j++) {
			const struct contract_method *m = &contract_services[i]->methods[j];

			if (m->http_path == NULL)
				continue;
			check(m, operation_of(m));
			n++;
		}
	return n;
}

/* ---- the whole ---- */

static void count_nothing(const struct contract_method *m, const cJSON *op)
{
	(void)m;
	assert_non_null(op);
}

static void every_route_and_no_other(void **state)
{
	const cJSON *path, *op;
	size_t routes = each_route(count_nothing), found = 0;

	(void)state;
	cJSON_ArrayForEach(path, get(doc, "paths")) cJSON_ArrayForEach(op, path) found++;
	assert_int_equal(found, routes);
	assert_true(routes >= 20);
	assert_string_equal(text(doc, "openapi"), "3.1.0");
	assert_string_equal(text(get(doc, "info"), "title"), "Pulsepoint");
	assert_int_equal(cJSON_GetArraySize(get(doc, "tags")), (int)contract_services_n);
}

static void operation_ids_are_unique(void **state)
{
	const char *seen[OPERATIONS_MAX];
	const cJSON *path, *op;
	size_t n = 0;

	(void)state;
	cJSON_ArrayForEach(path, get(doc, "paths"))
	{
		cJSON_ArrayForEach(op, path)
		{
			assert_true(n < OPERATIONS_MAX);
			for (size_t i = 0; i < n; i++)
				assert_string_not_equal(seen[i], text(op, "operationId"));
			seen[n++] = text(op, "operationId");
		}
	}
	assert_true(n >= 20);
}

/* Every reference leads to a component; how many there were. */
static size_t follow(const cJSON *v)
{
	const cJSON *child;
	size_t n = 0;

	if (v->string != NULL && strcmp(v->string, "$ref") == 0) {
		char kind[32];
		const char *rest = v->valuestring + strlen(REF_PREFIX), *slash = strchr(rest, '/');

		assert_memory_equal(v->valuestring, REF_PREFIX, strlen(REF_PREFIX));
		assert_non_null(slash);
		snprintf(kind, sizeof(kind), "%.*s", (int)(slash - rest), rest);
		get(get(get(doc, "components"), kind), slash + 1);
		n++;
	}
	cJSON_ArrayForEach(child, v) n += follow(child);
	return n;
}

static void references_lead_somewhere(void **state)
{
	(void)state;
	assert_true(follow(doc) > 200);
}

/* ---- operations ---- */

static void check_security(const struct contract_method *m, const cJSON *op)
{
	int schemes = cJSON_GetArraySize(get(op, "security"));

	assert_int_equal(schemes, m->role == ROLE_PUBLIC ? 0 : 1);
	assert_true(m->role != ROLE_SERVICE);
	assert_int_equal(has(get(op, "responses"), "403"), m->role != ROLE_PUBLIC);
	assert_true(m->role == ROLE_PUBLIC || has(get(op, "responses"), "401"));
	if (m->role != ROLE_PUBLIC)
		assert_non_null(strstr(text(op, "description"), role_name(m->role)));
	assert_string_equal(get(op, "tags")->child->valuestring, m->service);
}

static void check_answers(const struct contract_method *m, const cJSON *op)
{
	const cJSON *responses = get(op, "responses");
	char status[8];

	snprintf(status, sizeof(status), "%d", m->http_status);
	assert_int_equal(has(get(responses, status), "content"), m->http_status != 204);
	assert_true(has(responses, "429"));
	assert_true(has(responses, "503"));
	assert_true(has(responses, "default"));
	assert_int_equal(has(responses, "422"), m->idempotent);
	if (m->brand_field != NULL || strchr(m->http_path, '{') != NULL)
		assert_true(has(responses, "404"));
	assert_int_equal(parameter_of(op, "Idempotency-Key") != NULL,
			 m->idempotent || m->upload_field != NULL);
}

/* Where a field of the request goes: exactly one place, or none when the edge fills it. */
static void check_field(const struct contract_method *m, const cJSON *op,
			const ProtobufCFieldDescriptor *f, const struct field_rule *r)
{
	bool reads = strcmp(m->http_method, "GET") == 0 || strcmp(m->http_method, "DELETE") == 0;
	const cJSON *p = parameter_of(op, f->name), *body = NULL;

	if (has(op, "requestBody")) {
		const cJSON *content = get(get(op, "requestBody"), "content");

		if (has(content, "application/json"))
			body = get(get(get(content, "application/json"), "schema"), "properties");
	}
	if (r->in_header || (m->upload_field != NULL && strcmp(m->upload_field, f->name) == 0)) {
		assert_null(p);
		assert_true(body == NULL || !has(body, f->name));
	} else if (in_path(m, f->name)) {
		assert_string_equal(text(p, "in"), "path");
		assert_true(cJSON_IsTrue(get(p, "required")));
		assert_true(body == NULL || !has(body, f->name));
	} else if (reads || m->upload_field != NULL) {
		assert_string_equal(text(p, "in"), "query");
		assert_int_equal(has(p, "required"), r->required);
	} else {
		assert_null(p);
		assert_true(has(body, f->name));
	}
}

static void check_fields(const struct contract_method *m, const cJSON *op)
{
	const struct message_rule *rule = contract_message_find(m->input);

	assert_non_null(rule);
	for (unsigned i = 0; i < m->input->n_fields; i++)
		check_field(m, op, &m->input->fields[i], &rule->fields[i]);
	if (m->upload_field != NULL)
		assert_true(has(get(get(op, "requestBody"), "content"), "application/x-ndjson"));
}

static void operations_say_what_the_contract_says(void **state)
{
	(void)state;
	assert_true(each_route(check_security) > 0);
	assert_true(each_route(check_answers) > 0);
	assert_true(each_route(check_fields) > 0);
}

/* ---- schemas ---- */

/* Limits of strings and numbers in the bodies and queries are those of the tables. */
static void check_limits(const struct contract_method *m, const cJSON *op)
{
	const struct message_rule *rule = contract_message_find(m->input);

	for (unsigned i = 0; i < m->input->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &m->input->fields[i];
		const struct field_rule *r = &rule->fields[i];
		const cJSON *p = parameter_of(op, f->name), *schema;

		if (p == NULL || f->label == PROTOBUF_C_LABEL_REPEATED)
			continue;
		schema = get(p, "schema");
		if (f->type == PROTOBUF_C_TYPE_STRING)
			assert_int_equal(get(schema, "maxLength")->valueint, r->max_len);
		if (r->has_range)
			assert_int_equal(get(schema, "maximum")->valueint, r->max);
		assert_int_equal(has(schema, "default"), r->default_value != NULL);
		if (f->type == PROTOBUF_C_TYPE_ENUM)
			assert_true(cJSON_GetArraySize(get(schema, "enum")) > 0);
	}
}

static void limits_are_those_of_the_tables(void **state)
{
	(void)state;
	assert_true(each_route(check_limits) > 0);
}

static const cJSON *property(const char *message, const char *field)
{
	return get(get(get(get(get(doc, "components"), "schemas"), message), "properties"), field);
}

static void json_forms(void **state)
{
	const cJSON *schemas = get(get(doc, "components"), "schemas");

	(void)state;
	assert_string_equal(text(get(schemas, "pulsepoint.Timestamp"), "format"), "date-time");
	assert_string_equal(text(get(schemas, "pulsepoint.Date"), "format"), "date");
	assert_string_equal(text(get(schemas, "pulsepoint.Decimal"), "type"), "string");
	assert_string_equal(text(property("pulsepoint.Money", "amount"), "type"), "string");
	assert_false(has(get(get(schemas, "pulsepoint.Money"), "properties"), "micros"));
	/* 64-bit numbers are text, 32-bit ones numbers; an absent message is null. */
	assert_string_equal(
		text(property("attribution.v1.ImportTouchpointsReply", "lines"), "type"), "string");
	assert_string_equal(text(property("attribution.v1.Summary", "orders"), "type"), "integer");
	assert_int_equal(
		cJSON_GetArraySize(get(property("attribution.v1.Summary", "net"), "anyOf")), 2);
	/* An answer holds every field; a request only what it must. */
	assert_int_equal(
		cJSON_GetArraySize(get(get(schemas, "attribution.v1.Summary"), "required")),
		cJSON_GetArraySize(get(get(schemas, "attribution.v1.Summary"), "properties")));
	assert_string_equal(text(property("auth.v1.NewAdmin", "password"), "format"), "password");
	assert_string_equal(text(property("auth.v1.Brand", "timezone"), "description"),
			    "IANA; days are cut in it");
	assert_true(has(get(get(schemas, "Problem"), "properties"), "field"));
}

static int resuming;

/* A stream that can be taken up again says how, and that a wrong id is refused. */
static void check_resuming(const struct contract_method *m, const cJSON *op)
{
	bool resumes = protobuf_c_message_descriptor_get_field_by_name(m->input, "last_event_id");
	const cJSON *p = parameter_of(op, "Last-Event-ID");

	assert_int_equal(p != NULL, resumes);
	if (!resumes)
		return;
	assert_string_equal(text(p, "in"), "header");
	assert_true(has(get(op, "responses"), "400"));
	resuming++;
}

static void streams_say_how_they_are_resumed(void **state)
{
	(void)state;
	(void)each_route(check_resuming);
	assert_true(resuming > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_route_and_no_other),
		cmocka_unit_test(operation_ids_are_unique),
		cmocka_unit_test(references_lead_somewhere),
		cmocka_unit_test(operations_say_what_the_contract_says),
		cmocka_unit_test(limits_are_those_of_the_tables),
		cmocka_unit_test(json_forms),
		cmocka_unit_test(streams_say_how_they_are_resumed),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
