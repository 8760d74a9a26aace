/*
 * What is wrong is refused by name, and nothing of it is kept: every field of every body and query
 * of the contract in every wrong form, then requests that are wrong as a whole. The right request
 * that each is a distortion of is the one test_matrix.c sees succeed. Read next: system_requests.c,
 * test_bad_requests.c.
 */
#include "system/system_bad.h"

#include "core/buf.h"
#include "core/timeutil.h"

#include <protobuf-c/protobuf-c.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SNIPPET_MAX 70000
#define PATH_MAX_   8192
#define DEPTH       40

/* ---- one wrong field of a body ---- */

/* A field somewhere in a body: "password" of "admin" of CreateTenant. */
struct place {
	const struct contract_method *m;
	const cJSON *request; /* right */
	const char *in;       /* name of the object that holds it; NULL: the request itself */
	const ProtobufCFieldDescriptor *f;
	const struct field_rule *rule;
	char name[256]; /* "admin.password" */
};

static void send_body(const struct contract_method *m, cJSON *request, const char *what,
		      const char *field)
{
	struct shape sh;
	struct raw_answer a;

	request_shape(request, m, &sh);
	a = raw_send(&bad.suite, m->http_method, sh.path, bad_token(m),
		     "Content-Type: application/json\r\n", sh.body, strlen(sh.body));
	shape_done(&sh);
	judge(what, &a, 400, field, m->deadline_ms);
}

/* Puts raw JSON text in the place of the field; NULL takes the field out. */
static void try_text(const struct place *p, const char *why, const char *text)
{
	cJSON *request = cJSON_Duplicate(p->request, 1);
	cJSON *in = p->in != NULL ? cJSON_GetObjectItem(request, p->in) : request;
	char what[512];

	snprintf(what, sizeof(what), "%s.%s, %s: %s", p->m->service, p->m->name, p->name, why);
	cJSON_DeleteItemFromObjectCaseSensitive(in, p->f->name);
	if (text != NULL)
		cJSON_AddRawToObject(in, p->f->name, text);
	send_body(p->m, request, what, p->name);
}

static void try_twice(const struct place *p)
{
	cJSON *request = cJSON_Duplicate(p->request, 1);
	cJSON *in = p->in != NULL ? cJSON_GetObjectItem(request, p->in) : request;
	char what[512];

	snprintf(what, sizeof(what), "%s.%s, %s: given twice", p->m->service, p->m->name, p->name);
	if (!cJSON_HasObjectItem(in, p->f->name))
		cJSON_AddRawToObject(in, p->f->name, "\"x\"");
	cJSON_AddRawToObject(in, p->f->name, "\"x\"");
	send_body(p->m, request, what, p->name);
}

/* `n` letters in quotes. */
static const char *long_text(size_t n)
{
	static char text[SNIPPET_MAX];

	if (n + 3 > sizeof(text))
		suite_fail("a text of %zu bytes is not made here", n);
	memset(text + 1, 'x', n);
	text[0] = text[n + 1] = '"';
	text[n + 2] = '\0';
	return text;
}

static const char *deep_text(void)
{
	static char text[2 * DEPTH + 1];

	memset(text, '[', DEPTH);
	memset(text + DEPTH, ']', DEPTH);
	return text;
}

/* A text that has not the form; NULL when every text has it. */
static const char *formless(enum field_format format)
{
	static const char *const texts[] = {
		[FORMAT_UUID] = "\"01234567-89ab-cdef-0123-456789abcdeg\"",
		[FORMAT_EMAIL] = "\"nobody at example\"",
		[FORMAT_TIMEZONE] = "\"Europe/../London\"",
		[FORMAT_CURRENCY] = "\"ZZZ\"",
		[FORMAT_TOKEN] = "\"Not A Token\"",
		[FORMAT_HOSTNAME] = "\"-bad-.example\"",
		[FORMAT_COUNTRY] = "\"ZZ\"",
		[FORMAT_WINDOW] = "\"28 days\"",
		[FORMAT_URL] = "\"javascript:alert(1)\"",
	};

	return format < sizeof(texts) / sizeof(texts[0]) ? texts[format] : NULL;
}

/* null stands for an absent member of a oneof; for no other plain value. */
static void try_null(const struct place *p)
{
	if ((p->f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0)
		try_text(p, "null", "null");
}

static void try_string(const struct place *p)
{
	try_text(p, "a number", "12345");
	try_text(p, "a huge number", "1e400");
	try_text(p, "a fraction", "1.5");
	try_text(p, "true", "true");
	try_null(p);
	try_text(p, "bad UTF-8", "\"a\xC3\x28\xFF\"");
	try_text(p, "an overlong form", "\"\xC0\xAF\"");
	try_text(p, "a NUL", "\"a\\u0000b\"");
	try_text(p, "half a surrogate pair", "\"\\ud800\"");
	try_text(p, "a control character", "\"a\nb\"");
	try_text(p, "too long", long_text((size_t)p->rule->max_len + 1));
	if (p->rule->min_len > 1)
		try_text(p, "too short", long_text(p->rule->min_len - 1));
	if (formless(p->rule->format) != NULL)
		try_text(p, "without its form", formless(p->rule->format));
}

static void try_number(const struct place *p)
{
	try_text(p, "text", "\"many\"");
	try_text(p, "a fraction", "1.5");
	try_text(p, "negative", "-1");
	try_text(p, "too large", "99999999999999999999");
	try_null(p);
}

/* What fits no value of the field's type. */
static void try_kind(const struct place *p)
{
	bool is_list = p->f->label == PROTOBUF_C_LABEL_REPEATED;

	if (is_list) {
		try_text(p, "no list", "\"x\"");
		try_text(p, "a list of what it cannot hold", "[[1]]");
	} else if (p->f->type == PROTOBUF_C_TYPE_STRING) {
		try_string(p);
	} else if (p->f->type == PROTOBUF_C_TYPE_BOOL) {
		try_text(p, "text", "\"true\"");
		try_text(p, "a number", "1");
		try_text(p, "null", "null");
	} else if (p->f->type == PROTOBUF_C_TYPE_ENUM) {
		try_text(p, "no word of it", "\"no_such_word\"");
		try_text(p, "a number", "1");
		try_text(p, "the word as protobuf writes it", "\"UNSPECIFIED\"");
	} else if (p->f->type == PROTOBUF_C_TYPE_MESSAGE) {
		try_text(p, "text", "\"x\"");
		try_text(p, "a number", "1");
	} else {
		try_number(p);
	}
	if (p->f->type != PROTOBUF_C_TYPE_MESSAGE)
		try_text(p, "an object", "{}");
	if (!is_list)
		try_text(p, "a list", "[]");
	try_text(p, "too deep", deep_text());
}

static void try_field(const struct place *p)
{
	try_kind(p);
	try_twice(p);
	if (p->rule->required) {
		try_text(p, "missing", NULL);
		if (p->f->type == PROTOBUF_C_TYPE_STRING)
			try_text(p, "empty", "\"\"");
		if (p->f->type == PROTOBUF_C_TYPE_MESSAGE || p->f->type == PROTOBUF_C_TYPE_ENUM)
			try_text(p, "null", "null");
	}
}

static void try_fields(const struct contract_method *m, const cJSON *request, const char *in,
		       const ProtobufCMessageDescriptor *d)
{
	const struct message_rule *rules = contract_message_find(d);

	for (unsigned i = 0; i < d->n_fields; i++) {
		struct place p = { m, request, in, &d->fields[i], &rules->fields[i], "" };
		bool plain = p.f->type == PROTOBUF_C_TYPE_MESSAGE;

		snprintf(p.name, sizeof(p.name), "%s%s%s", in != NULL ? in : "",
			 in != NULL ? "." : "", p.f->name);
		if (p.rule->in_header || (in == NULL && in_path(m, p.f->name)))
			continue;
		try_field(&p);
		if (plain && in == NULL && cJSON_IsObject(cJSON_GetObjectItem(request, p.f->name)))
			try_fields(m, request, p.f->name, p.f->descriptor);
	}
}

static void try_unknown(const struct contract_method *m, const cJSON *request)
{
	cJSON *more = cJSON_Duplicate(request, 1);
	char what[256];

	snprintf(what, sizeof(what), "%s.%s: an unknown field", m->service, m->name);
	cJSON_AddNumberToObject(more, "no_such_field", 1);
	send_body(m, more, what, "no_such_field");
}

static void try_body(const struct contract_method *m)
{
	cJSON *request;

	if (!has_body(m))
		return;
	request = request_new(&bad.objects, m);
	note_rows();
	try_fields(m, request, NULL, m->input);
	try_unknown(m, request);
	rows_are_the_same(m->name);
	cJSON_Delete(request);
}

/* ---- bodies wrong as a whole ---- */

static void post_raw(const struct contract_method *m, const char *path, const char *why,
		     const char *headers, const void *body, size_t len, int code, const char *field)
{
	struct raw_answer a;
	char what[256];

	snprintf(what, sizeof(what), "%s.%s: %s", m->service, m->name, why);
	a = raw_send(&bad.suite, m->http_method, path, bad_token(m), headers, body, len);
	judge(what, &a, code, field, m->deadline_ms);
}

static bool needs_body(const struct contract_method *m)
{
	const struct message_rule *rules = contract_message_find(m->input);

	for (unsigned i = 0; i < m->input->n_fields; i++)
		if (rules->fields[i].required && !in_path(m, m->input->fields[i].name))
			return true;
	return false;
}

static void try_whole(const struct contract_method *m)
{
	static const char json[] = "Content-Type: application/json\r\n";
	static const char *const texts[] = { "[]",         "null", "\"x\"",
					     "{",          "{}{}", "{'a':1}",
					     "{\"a\":1,}", "NaN",  "\xEF\xBB\xBF{}",
					     "{}\x01" };
	struct shape sh;
	size_t large = (size_t)m->max_body + 1;
	char *spaces;

	if (!has_body(m))
		return;
	request_shape(request_new(&bad.objects, m), m, &sh);
	note_rows();
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		post_raw(m, sh.path, texts[i], json, texts[i], strlen(texts[i]), 400, NULL);
	if (needs_body(m))
		post_raw(m, sh.path, "an empty body", json, "", 0, 400, NULL);
	spaces = malloc(large);
	assert_non_null(spaces);
	memset(spaces, ' ', large);
	post_raw(m, sh.path, "too large", json, spaces, large, 413, "body");
	free(spaces);
	post_raw(m, sh.path, "of another type", "Content-Type: text/xml\r\n", "{}", 2, 415,
		 "Content-Type");
	rows_are_the_same(m->name);
	shape_done(&sh);
}

/* A body without a length, in chunks, one byte more than is taken. */
static void try_chunked(const struct contract_method *m)
{
	struct shape sh;
	struct raw_answer a;
	char what[256];
	struct buf b;

	if (!has_body(m))
		return;
	request_shape(request_new(&bad.objects, m), m, &sh);
	buf_init(&b, (size_t)m->max_body + PATH_MAX_);
	buf_printf(&b,
		   "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: "
		   "application/json\r\nTransfer-Encoding: chunked\r\n",
		   m->http_method, sh.path);
	if (*bad_token(m) != '\0')
		buf_printf(&b, "Authorization: Bearer %s\r\n", bad_token(m));
	buf_printf(&b, "\r\n%x\r\n", m->max_body + 1);
	for (uint32_t i = 0; i <= m->max_body; i++)
		buf_putc(&b, ' ');
	buf_puts(&b, "\r\n0\r\n\r\n");
	assert_int_equal(buf_status(&b), ST_OK);
	a = raw_bytes(&bad.suite, b.data, b.len);
	snprintf(what, sizeof(what), "%s.%s: too large in chunks", m->service, m->name);
	judge(what, &a, 413, "body", m->deadline_ms);
	buf_done(&b);
	shape_done(&sh);
}

/* ---- tests ---- */

static void every_field_of_every_body(void **state)
{
	(void)state;
	each_route(try_body);
	assert_int_equal(bad.faults, 0);
	assert_true(bad.tried > 100);
}

static void bodies_wrong_as_a_whole(void **state)
{
	(void)state;
	bad.faults = 0;
	each_route(try_whole);
	each_route(try_chunked);
	assert_int_equal(bad.faults, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_of_every_body),
		cmocka_unit_test(bodies_wrong_as_a_whole),
		cmocka_unit_test(nobody_died),
	};

	return cmocka_run_group_tests(tests, bad_set_up, bad_tear_down);
}
