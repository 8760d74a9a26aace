/*
 * What a call is answered with, and with what it is not: copies of one request get one answer, a
 * page token is good where it was given, an answer that does not fit is refused in words. Auth is
 * the service. Read next: libs/svc/idempotency.c, libs/svc/call.c.
 */
#include "component/auth_fixture.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>

/* cmocka.h wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define COPIES 16
#define ROUNDS 4

static struct world w;
static const char *token, *other_token;

static const char *altered(const char *text, size_t at)
{
	char *copy = arena_strdup(w.arena, text);

	copy[at] = copy[at] == 'A' ? 'B' : 'A';
	return copy;
}

/* ---- idempotency ---- */

struct copy {
	pthread_t thread;
	struct arena *arena;
	const char *key;
	pthread_barrier_t *together;
	struct reply reply;
};

static void *create_brand(void *arg)
{
	Auth__V1__CreateBrandRequest in = AUTH__V1__CREATE_BRAND_REQUEST__INIT;
	struct copy *c = arg;

	in.name = arena_printf(c->arena, "race %s", c->key);
	pthread_barrier_wait(c->together);
	c->reply = world_call_on(w.edge, c->arena, (struct caller){ .token = token, .key = c->key },
				 AUTH_CREATE_BRAND, &in);
	return NULL;
}

static void race(const char *key)
{
	const Auth__V1__Brand *first = NULL;
	struct copy copies[COPIES];
	pthread_barrier_t together;
	int64_t told = world_sql_int(&w, "SELECT count(*) FROM auth.outbox");

	pthread_barrier_init(&together, NULL, COPIES);
	for (int i = 0; i < COPIES; i++) {
		copies[i] = (struct copy){ .arena = arena_new(1 << 20),
					   .key = key,
					   .together = &together };
		assert_int_equal(pthread_create(&copies[i].thread, NULL, create_brand, &copies[i]),
				 0);
	}
	for (int i = 0; i < COPIES; i++)
		pthread_join(copies[i].thread, NULL);
	for (int i = 0; i < COPIES; i++) {
		const Auth__V1__Brand *b = copies[i].reply.out;

		if (copies[i].reply.status != ST_OK)
			fail_msg("copy %d: %s %s", i, status_name(copies[i].reply.status),
				 copies[i].reply.detail);
		if (!first)
			first = b;
		assert_string_equal(b->brand_id, first->brand_id);
		assert_string_equal(b->name, first->name);
		assert_int_equal(b->created_at->micros, first->created_at->micros);
	}
	assert_int_equal(
		world_sql_int(&w, "SELECT count(*) FROM auth.brands WHERE name = 'race %s'", key),
		1);
	/* The brand and the act on record. */
	assert_int_equal(world_sql_int(&w, "SELECT count(*) FROM auth.outbox"), told + 2);
	for (int i = 0; i < COPIES; i++)
		arena_free(copies[i].arena);
	pthread_barrier_destroy(&together);
}

static void test_copies_of_a_request_are_one(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++)
		race(arena_printf(w.arena, "key-%d", i));
}

/* ---- pages ---- */

static struct reply brands_page(const char *who, uint32_t size, const char *page_token)
{
	Auth__V1__ListBrandsRequest in = AUTH__V1__LIST_BRANDS_REQUEST__INIT;

	in.page_size = size;
	in.page_token = (char *)(uintptr_t)page_token;
	return world_call(&w, (struct caller){ .token = who }, AUTH_LIST_BRANDS, &in);
}

static void assert_no_page(struct reply r)
{
	assert_int_equal(r.status, ST_INVALID);
	assert_string_equal(r.field, "page_token");
}

static void test_page_tokens(void **state)
{
	Auth__V1__ListUsersRequest users = AUTH__V1__LIST_USERS_REQUEST__INIT;
	const char *next = "";
	struct reply r;
	int n = 0;

	(void)state;
	world_sql(&w, "DELETE FROM auth.brands");
	for (int i = 0; i < 3; i++) {
		world_brand(&w, token, arena_printf(w.arena, "page %d", i), "");
		world_brand(&w, other_token, arena_printf(w.arena, "other %d", i), "");
	}
	do {
		const Auth__V1__ListBrandsReply *page;

		r = brands_page(token, 1, next);
		assert_int_equal(r.status, ST_OK);
		page = r.out;
		assert_int_equal(page->n_brands, 1);
		assert_string_equal(page->brands[0]->name, arena_printf(w.arena, "page %d", n));
		if (*page->next_page_token)
			next = page->next_page_token;
		n += 1;
		if (!*page->next_page_token)
			break;
	} while (n < 10);
	assert_int_equal(n, 3);

	assert_int_equal(brands_page(token, 1, next).status, ST_OK);
	assert_no_page(brands_page(other_token, 1, next));
	assert_no_page(brands_page(token, 1, "x"));
	assert_no_page(brands_page(token, 1, arena_printf(w.arena, "%sA", next)));
	for (size_t i = 0; i < strlen(next); i += 7) {
		assert_no_page(brands_page(token, 1, altered(next, i)));
		if (i > 0)
			assert_no_page(brands_page(token, 1, arena_strndup(w.arena, next, i)));
	}
	users.page_size = 1;
	users.page_token = (char *)(uintptr_t)next;
	assert_no_page(world_call(&w, (struct caller){ .token = token }, AUTH_LIST_USERS, &users));
}

/* Four rows that no message of the bus can hold; one at a time they can be read. */
static void test_answers_too_large(void **state)
{
	struct reply r;

	(void)state;
	world_sql(&w, "DELETE FROM auth.brands");
	for (int i = 0; i < 4; i++)
		world_brand(&w, token, arena_printf(w.arena, "large %d", i), "");
	world_sql(&w, "SET client_min_messages = warning"); /* of the search, about such a word */
	world_sql(&w, "UPDATE auth.brands SET domain = repeat('x', 300000)");
	r = brands_page(token, 50, "");
	assert_int_equal(r.status, ST_TOO_LARGE);
	assert_string_equal(r.detail, "the answer is too large; ask for less");
	r = brands_page(token, 3, "");
	assert_int_equal(r.status, ST_OK);
	assert_int_equal(((const Auth__V1__ListBrandsReply *)r.out)->n_brands, 3);
	world_sql(&w, "DELETE FROM auth.brands");
}

static int start(void **state)
{
	(void)state;
	world_start(&w);
	world_tenant(&w, "answers@tests.example");
	world_tenant(&w, "other@tests.example");
	token = arena_strdup(w.keep, world_must_login(&w, "answers@tests.example")->access_token);
	other_token =
		arena_strdup(w.keep, world_must_login(&w, "other@tests.example")->access_token);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	world_stop(&w);
	return 0;
}

static int fresh(void **state)
{
	(void)state;
	world_fresh(&w);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_copies_of_a_request_are_one, fresh),
		cmocka_unit_test_setup(test_page_tokens, fresh),
		cmocka_unit_test_setup(test_answers_too_large, fresh),
	};

	return cmocka_run_group_tests_name("svc_answers", tests, start, stop);
}
