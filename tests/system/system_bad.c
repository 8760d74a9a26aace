/* See system_bad.h. */
#include "system/system_bad.h"

#include "core/timeutil.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SPARE_US  (2 * US_PER_SECOND) /* beyond a method's deadline: the way there and back */
#define USERS_MAX 32

struct bad_world bad;
static pid_t pids[USERS_MAX];
static char *rows_before, *counts_before;

const char *bad_token(const struct contract_method *m)
{
	if (m->role == ROLE_OPERATOR)
		return bad.suite.operator_key;
	return m->role == ROLE_PUBLIC ? "" : bad.admin.token;
}

bool in_path(const struct contract_method *m, const char *field)
{
	char part[128];

	snprintf(part, sizeof(part), "{%s}", field);
	return m->http_path != NULL && strstr(m->http_path, part) != NULL;
}

bool has_body(const struct contract_method *m)
{
	return m->http_path != NULL && m->upload_field == NULL &&
	       strcmp(m->http_method, "GET") != 0 && strcmp(m->http_method, "DELETE") != 0;
}

void each_route(void (*act)(const struct contract_method *))
{
	for (size_t i = 0; i < contract_services_n; i++)
		for (size_t k = 0; k < contract_services[i]->n_methods; k++)
			if (contract_services[i]->methods[k].http_path != NULL)
				act(&contract_services[i]->methods[k]);
}

/* ---- judging ---- */

void complain(const char *what, const struct raw_answer *a, const char *why)
{
	bad.faults++;
	printf("BAD INPUT %s: %s: %d %.250s\n", what, why, a->code, a->body);
}

/* True when the field of the problem is `field`, or something in it. */
static bool names_field(const cJSON *problem, const char *field)
{
	const char *named = json_text(problem, "field");
	size_t n = strlen(field);

	return strncmp(named, field, n) == 0 && strchr(".[", named[n]) != NULL &&
	       *json_text(problem, "reason") != '\0';
}

/* The answer must be a problem document with that status; `field` NULL: names none, or any. */
void judge(const char *what, const struct raw_answer *a, int code, const char *field,
	   int64_t deadline_ms)
{
	cJSON *problem = cJSON_ParseWithLength(a->body, a->len);

	bad.tried++;
	if (a->code != code)
		complain(what, a, "the status is wrong");
	else if (!raw_header_has(a, "Content-Type", "application/problem+json"))
		complain(what, a, "it is no problem document");
	else if (cJSON_GetNumberValue(cJSON_GetObjectItem(problem, "status")) != code ||
		 *json_text(problem, "title") == '\0' || *json_text(problem, "detail") == '\0' ||
		 strncmp(json_text(problem, "type"), "urn:", 4) != 0)
		complain(what, a, "the problem lacks a member");
	else if (field != NULL && !names_field(problem, field))
		complain(what, a, field);
	else if (a->took_us > deadline_ms * 1000 + SPARE_US)
		complain(what, a, "it took longer than its deadline");
	cJSON_Delete(problem);
}

/* ---- nothing was written ---- */

void note_rows(void)
{
	suite_settle(&bad.suite, bad.admin.tenant_id);
	free(rows_before);
	free(counts_before);
	rows_before = suite_rows_of(&bad.suite, bad.admin.tenant_id);
	counts_before = suite_counts(&bad.suite);
}

void rows_are_the_same(const char *what)
{
	char *rows = suite_rows_of(&bad.suite, bad.admin.tenant_id),
	     *counts = suite_counts(&bad.suite);

	if (strcmp(rows, rows_before) != 0 || strcmp(counts, counts_before) != 0) {
		bad.faults++;
		printf("WRITTEN %s: %s; %s\n", what, rows_difference(rows_before, rows),
		       rows_difference(counts_before, counts));
	}
	free(rows_before);
	free(counts_before);
	rows_before = rows;
	counts_before = counts;
}

/* ---- fixtures ---- */

int bad_set_up(void **state)
{
	char brand[UUID_TEXT], run_ids[WORLD_PLATFORMS][UUID_TEXT] = { "" };

	(void)state;
	suite_up(&bad.suite, "data/nasty.tar.gz");
	make_tenant(&bad.suite, "Bad input", &bad.admin);
	make_tenant(&bad.suite, "Somebody else", &bad.stranger);
	make_brand(&bad.suite, &bad.admin, "Brand one", brand);
	make_brand(&bad.suite, &bad.admin, "Brand two", bad.stranger_brand);
	make_brand(&bad.suite, &bad.stranger, "Brand of the stranger", bad.stranger_brand);
	connect_brand(&bad.suite, &bad.admin, brand);
	sync_brand(&bad.suite, &bad.admin, brand, run_ids);
	objects_find(&bad.suite, &bad.admin, brand, run_ids, &bad.objects);
	memcpy(bad.objects.spare_tenant_id, bad.stranger.tenant_id, UUID_TEXT);
	snprintf(bad.objects.query, sizeof(bad.objects.query), "Brand");
	for (size_t i = 0; i < contract_services_n; i++)
		pids[i] = suite_pid(&bad.suite, contract_services[i]->name);
	pids[contract_services_n] = suite_pid(&bad.suite, EDGE_SERVICE);
	return 0;
}

int bad_tear_down(void **state)
{
	(void)state;
	free(rows_before);
	free(counts_before);
	suite_down(&bad.suite);
	return 0;
}

void nobody_died(void **state)
{
	(void)state;
	for (size_t i = 0; i <= contract_services_n; i++) {
		const char *name =
			i < contract_services_n ? contract_services[i]->name : EDGE_SERVICE;

		assert_int_equal(suite_pid(&bad.suite, name), pids[i]);
		if (!suite_alive(pids[i]))
			fail_msg("%s has ended", name);
	}
	printf("# bad input: %u wrong requests, each refused by name; every service lives\n",
	       bad.tried);
}
