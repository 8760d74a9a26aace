/* Paths and methods: a table of our own for the rules, and every route of the contract. */
#include "router.h"

#include "core/contract.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ARENA_MAX ((size_t)1024 * 1024)

#define ROUTE(verb, path)                              \
	{                                              \
		.http_method = verb, .http_path = path \
	}
static const struct contract_method methods[] = {
	ROUTE("GET", "/api/things/{id}"),
	ROUTE("PATCH", "/api/things/{id}"),
	ROUTE("GET", "/api/things/special"),
	ROUTE("POST", "/api/things/{id}:stop"),
	ROUTE("POST", "/api/things/{id}:start"),
	{ .http_method = NULL }, /* only on the bus */
	ROUTE("GET", "/api/things/{id}/parts/{part_id}"),
	ROUTE("GET", "/api/{kind}/main/parts/{part_id}"),
	ROUTE("GET", "/.well-known/keys.json"),
	ROUTE("POST", "/api/things:import"),
	ROUTE("POST", "/api/things"),
	ROUTE("POST", "/api/things/{id}"),
};
static const struct contract_service service = {
	.name = "test", .methods = methods, .n_methods = sizeof(methods) / sizeof(methods[0])
};
static const struct contract_service *const services[] = { &service };

struct found {
	enum status st;
	const char *path; /* of the route */
	struct json_param params[ROUTE_PARAMS_MAX];
	size_t n;
	const char *allow;
};

static struct router *router;
static struct arena *arena;

static struct found find(const char *method, const char *path)
{
	struct found f = { .path = "" };
	const struct route *route = NULL;

	f.st = router_find(router, arena, method, path, &route, f.params, &f.n, &f.allow);
	if (f.st == ST_OK) {
		assert_non_null(route);
		f.path = route->method->http_path;
		assert_string_equal(route->method->http_method, method);
		assert_ptr_equal(router_at(router, route->index), route);
	}
	return f;
}

static void assert_param(const struct found *f, size_t i, const char *name, const char *value)
{
	assert_true(i < f->n);
	assert_string_equal(f->params[i].name, name);
	assert_string_equal(f->params[i].value, value);
	assert_true(f->params[i].from_path);
	assert_false(f->params[i].from_header);
}

static void a_literal_wins_over_a_parameter(void **state)
{
	struct found f = find("GET", "/api/things/special");

	(void)state;
	assert_int_equal(f.st, ST_OK);
	assert_string_equal(f.path, "/api/things/special");
	assert_int_equal(f.n, 0);
	f = find("GET", "/api/things/specials");
	assert_string_equal(f.path, "/api/things/{id}");
	assert_param(&f, 0, "id", "specials");
	/* The literal is there for GET only: another method falls through to the parameter. */
	f = find("PATCH", "/api/things/special");
	assert_string_equal(f.path, "/api/things/{id}");
	assert_param(&f, 0, "id", "special");
	/* An earlier literal counts more than a later one. */
	f = find("GET", "/api/things/main/parts/7");
	assert_string_equal(f.path, "/api/things/{id}/parts/{part_id}");
	assert_int_equal(f.n, 2);
	assert_param(&f, 0, "id", "main");
	assert_param(&f, 1, "part_id", "7");
	f = find("GET", "/api/others/main/parts/7");
	assert_string_equal(f.path, "/api/{kind}/main/parts/{part_id}");
	assert_param(&f, 0, "kind", "others");
}

static void verbs_are_part_of_the_route(void **state)
{
	struct found f = find("POST", "/api/things/a:stop");

	(void)state;
	assert_string_equal(f.path, "/api/things/{id}:stop");
	assert_param(&f, 0, "id", "a");
	assert_string_equal(find("POST", "/api/things/a:start").path, "/api/things/{id}:start");
	assert_string_equal(find("POST", "/api/things:import").path, "/api/things:import");
	assert_string_equal(find("POST", "/api/things").path, "/api/things");
	/* The last colon's verb is meant; what is before it is the value. */
	f = find("POST", "/api/things/a:start:stop");
	assert_string_equal(f.path, "/api/things/{id}:stop");
	assert_param(&f, 0, "id", "a:start");
	/* Unknown, empty and encoded verbs are part of the value. */
	f = find("POST", "/api/things/a:halt");
	assert_string_equal(f.path, "/api/things/{id}");
	assert_param(&f, 0, "id", "a:halt");
	f = find("POST", "/api/things/:stop");
	assert_string_equal(f.path, "/api/things/{id}");
	assert_param(&f, 0, "id", ":stop");
	f = find("POST", "/api/things/a%3Astop");
	assert_string_equal(f.path, "/api/things/{id}");
	assert_param(&f, 0, "id", "a:stop");
	/* A verb that the path has is not the value of another method's parameter alone. */
	f = find("GET", "/api/things/a:stop");
	assert_string_equal(f.path, "/api/things/{id}");
	assert_param(&f, 0, "id", "a:stop");
}

static void values_are_decoded_once(void **state)
{
	static const char *const rows[][2] = {
		{ "/api/things/a%2Fb", "a/b" },       { "/api/things/a%252Fb", "a%2Fb" },
		{ "/api/things/%2e%2e", ".." },       { "/api/things/a+b", "a+b" },
		{ "/api/things/%C3%A4", "\xc3\xa4" }, { "/api/things/%ff", "\xff" },
		{ "/api/things/%20", " " },           { "/api/things/..", ".." },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct found f = find("GET", rows[i][0]);

		assert_int_equal(f.st, ST_OK);
		assert_string_equal(f.path, "/api/things/{id}");
		assert_param(&f, 0, "id", rows[i][1]);
	}
	/* Literals are compared as they were sent. */
	assert_int_equal(find("GET", "/api/%74hings/a/parts").st, ST_NOT_FOUND);
	assert_int_equal(find("GET", "/api%2Fthings/a").st, ST_NOT_FOUND);
}

static void bad_escapes_are_refused(void **state)
{
	static const char *const paths[] = { "/api/things/%",   "/api/things/%4",
					     "/api/things/%zz", "/api/things/%00",
					     "/api/things/a%0", "/api/things/%-1" };

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_int_equal(find("GET", paths[i]).st, ST_INVALID);
}

static void unknown_paths_are_not_found(void **state)
{
	static const char *const paths[] = {
		"",
		"/",
		"//",
		"*",
		"api/things/a",
		"/api",
		"/api/",
		"/api/things/",
		"/api/things//",
		"//api/things/a",
		"/api/things/a/",
		"/API/things/a",
		"/api/things/a/parts",
		"/api/things/a/parts/",
		"/.well-known",
		"/1/2/3/4/5/6/7/8/9/10/11/12",
		"/1/2/3/4/5/6/7/8/9/10/11/12/13",
		"/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20"
	};

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct found f = find("GET", paths[i]);

		if (f.st != ST_NOT_FOUND)
			fail_msg("\"%s\" is answered %s", paths[i], status_name(f.st));
		assert_string_equal(f.allow, "");
	}
}

static void a_method_unknown_to_the_path_is_told_apart(void **state)
{
	struct found f = find("DELETE", "/api/things/a");

	(void)state;
	assert_int_equal(f.st, ST_NOT_ALLOWED);
	assert_string_equal(f.allow, "GET, PATCH, POST");
	/* Two routes match a:stop with POST: it is named once. */
	f = find("PUT", "/api/things/a:stop");
	assert_int_equal(f.st, ST_NOT_ALLOWED);
	assert_string_equal(f.allow, "GET, PATCH, POST");
	f = find("POST", "/.well-known/keys.json");
	assert_int_equal(f.st, ST_NOT_ALLOWED);
	assert_string_equal(f.allow, "GET");
	/* Methods are told apart by case. */
	assert_int_equal(find("get", "/api/things/a").st, ST_NOT_ALLOWED);
	assert_int_equal(find("", "/api/things/a").st, ST_NOT_ALLOWED);
}

/* The path of a route with "v0", "v1" ... in place of its parameters. */
static void fill_in(const char *pattern, char *out, size_t cap, size_t *n)
{
	size_t len = 0;

	*n = 0;
	for (const char *p = pattern; *p && len + 4 < cap; p++) {
		if (*p != '{') {
			out[len++] = *p;
			continue;
		}
		len += (size_t)snprintf(out + len, cap - len, "v%zu", (*n)++);
		p = strchr(p, '}');
		assert_non_null(p);
	}
	out[len] = '\0';
}

/* Also: no two routes of the contract can be asked for in the same words. */
static void every_route_of_the_contract_finds_itself(void **state)
{
	struct router *all = router_new(contract_services, contract_services_n);
	size_t n = 0, faces = 0;

	(void)state;
	assert_non_null(all);
	for (size_t i = 0; i < contract_services_n; i++)
		for (size_t k = 0; k < contract_services[i]->n_methods; k++)
			faces += contract_services[i]->methods[k].http_path != NULL;
	assert_int_equal(router_count(all), faces);
	assert_true(faces > 20);
	for (size_t i = 0; i < router_count(all); i++, n++) {
		const struct contract_method *m = router_at(all, i)->method;
		struct json_param params[ROUTE_PARAMS_MAX];
		const struct route *route = NULL;
		size_t want, got = 0;
		const char *allow;
		char path[512], value[32];

		fill_in(m->http_path, path, sizeof(path), &want);
		if (router_find(all, arena, m->http_method, path, &route, params, &got, &allow) !=
			    ST_OK ||
		    route->method != m)
			fail_msg("%s %s does not find itself", m->http_method, m->http_path);
		assert_int_equal(got, want);
		for (size_t k = 0; k < got; k++) {
			snprintf(value, sizeof(value), "v%zu", k);
			assert_string_equal(params[k].value, value);
			assert_non_null(strstr(m->http_path, params[k].name));
		}
		assert_non_null(strstr(allow, m->http_method));
		arena_reset(arena);
	}
	assert_int_equal(n, faces);
	router_free(all);
}

static int begin(void **state)
{
	(void)state;
	arena = arena_new(ARENA_MAX);
	router = router_new(services, 1);
	return arena && router && router_count(router) == 11 ? 0 : -1;
}

static int finish(void **state)
{
	(void)state;
	router_free(router);
	router_free(NULL);
	arena_free(arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_literal_wins_over_a_parameter),
		cmocka_unit_test(verbs_are_part_of_the_route),
		cmocka_unit_test(values_are_decoded_once),
		cmocka_unit_test(bad_escapes_are_refused),
		cmocka_unit_test(unknown_paths_are_not_found),
		cmocka_unit_test(a_method_unknown_to_the_path_is_told_apart),
		cmocka_unit_test(every_route_of_the_contract_finds_itself),
	};

	return cmocka_run_group_tests(tests, begin, finish);
}
