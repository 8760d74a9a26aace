/* The cache never outlives what made a token good: expiry, suspension, end of session, the key. */
#include "access/access.c"
#include "forge.h"

#include "core/timeutil.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

static struct forge key, next_key;

static int group_setup(void **state)
{
	(void)state;
	forge_new(&key);
	forge_new(&next_key);
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	forge_done(&key);
	forge_done(&next_key);
	return 0;
}

static enum status verify_at(struct access *a, const char *token, int64_t now_s)
{
	struct access_claims c;
	struct error err = { 0 };

	return access__verify_at(a, token, now_s, &c, NULL, &err);
}

static enum status set_state(struct access *a, uint64_t version, const char *tenant,
			     const char *session)
{
	struct access_key k = { "k1", key.public_pem };
	struct access_state st = { .version = version,
				   .keys = &k,
				   .n_keys = 1,
				   .suspended_tenants = &tenant,
				   .n_suspended = tenant != NULL,
				   .ended_sessions = &session,
				   .n_ended = session != NULL };

	return access_set_state(a, &st);
}

static void test_before_first_state(void **state)
{
	struct access *a = access_new("auth");
	struct access_claims c = good_claims();
	char token[ACCESS_TOKEN_MAX];

	(void)state;
	sign_claims(&key, &c, token);
	assert_int_equal(verify_at(a, token, NOW), ST_UNAVAILABLE);
	assert_int_equal(set_state(a, 0, NULL, NULL), ST_OK);
	assert_int_equal(verify_at(a, token, NOW), ST_OK);
	access_free(a);
}

static void test_expiry(void **state)
{
	struct access *a = forge_access(&key, "auth", 1);
	struct access_claims c = good_claims();
	char token[ACCESS_TOKEN_MAX];

	(void)state;
	sign_claims(&key, &c, token);
	assert_int_equal(verify_at(a, token, NOW), ST_OK);
	assert_int_equal(access__cached(a), 1);
	assert_int_equal(verify_at(a, token, c.expires_at + ACCESS_CLOCK_SKEW_S - 1), ST_OK);
	assert_int_equal(verify_at(a, token, c.expires_at + ACCESS_CLOCK_SKEW_S),
			 ST_UNAUTHENTICATED);
	access_free(a);
}

static void test_suspension(void **state)
{
	struct access *a = forge_access(&key, "auth", 1);
	struct access_claims c = good_claims();
	char one[ACCESS_TOKEN_MAX], two[ACCESS_TOKEN_MAX];

	(void)state;
	sign_claims(&key, &c, one);
	memcpy(c.tenant_id, TENANT_2, sizeof(TENANT_2));
	sign_claims(&key, &c, two);
	assert_int_equal(verify_at(a, one, NOW), ST_OK);
	assert_int_equal(verify_at(a, two, NOW), ST_OK);
	assert_int_equal(set_state(a, 2, TENANT, NULL), ST_OK);
	assert_int_equal(access__cached(a), 1); /* the other tenant's stays */
	assert_int_equal(verify_at(a, one, NOW), ST_DENIED);
	assert_int_equal(verify_at(a, one, NOW),
			 ST_DENIED); /* not cached as good by the first look */
	assert_int_equal(verify_at(a, two, NOW), ST_OK);
	/* An older state that arrives late does not let the tenant in again. */
	assert_int_equal(set_state(a, 1, NULL, NULL), ST_OK);
	assert_int_equal(access_version(a), 2);
	assert_int_equal(verify_at(a, one, NOW), ST_DENIED);
	/* Resumed. */
	assert_int_equal(set_state(a, 3, NULL, NULL), ST_OK);
	assert_int_equal(verify_at(a, one, NOW), ST_OK);
	access_free(a);
}

static void test_ids_in_upper_case(void **state)
{
	static const char shouted[] = "0190A000-0000-7000-8000-00000000000F";
	struct access *a = forge_access(&key, "auth", 1);
	struct access_claims c = good_claims();
	char token[ACCESS_TOKEN_MAX];

	(void)state;
	memcpy(c.tenant_id, shouted, sizeof(shouted));
	sign_claims(&key, &c, token);
	assert_int_equal(set_state(a, 2, shouted, NULL), ST_OK);
	assert_int_equal(verify_at(a, token, NOW), ST_DENIED);
	assert_int_equal(set_state(a, 3, "0190a000-0000-7000-8000-00000000000f", NULL), ST_OK);
	assert_int_equal(verify_at(a, token, NOW), ST_DENIED);
	access_free(a);
}

static void test_ended_session(void **state)
{
	struct access *a = forge_access(&key, "auth", 1);
	struct access_claims c = good_claims();
	char one[ACCESS_TOKEN_MAX], two[ACCESS_TOKEN_MAX];

	(void)state;
	sign_claims(&key, &c, one);
	memcpy(c.session_id, SESSION_2, sizeof(SESSION_2));
	sign_claims(&key, &c, two);
	assert_int_equal(verify_at(a, one, NOW), ST_OK);
	assert_int_equal(verify_at(a, two, NOW), ST_OK);
	assert_int_equal(set_state(a, 2, NULL, SESSION), ST_OK);
	assert_int_equal(verify_at(a, one, NOW), ST_UNAUTHENTICATED);
	assert_int_equal(verify_at(a, two, NOW), ST_OK);
	access_free(a);
}

/* A key that is taken out takes its cached tokens with it; a new one is asked for. */
static void test_key_rotation(void **state)
{
	struct access *a = forge_access(&key, "auth", 1);
	struct access_key two[] = { { "k2", next_key.public_pem }, { "k1", key.public_pem } };
	struct access_state st = { .version = 2, .keys = two, .n_keys = 2 };
	struct access_claims c = good_claims(), got;
	char old[ACCESS_TOKEN_MAX], fresh[ACCESS_TOKEN_MAX];
	struct error err = { 0 };
	bool unknown = false;

	(void)state;
	sign_claims(&key, &c, old);
	assert_int_equal(access_sign(&c, "k2", next_key.private_pem, NOW, fresh, &err), ST_OK);
	assert_int_equal(access__verify_at(a, fresh, NOW, &got, &unknown, &err),
			 ST_UNAUTHENTICATED);
	assert_true(unknown);
	assert_int_equal(access_set_state(a, &st), ST_OK);
	assert_int_equal(access__verify_at(a, fresh, NOW, &got, &unknown, &err), ST_OK);
	assert_false(unknown);
	assert_int_equal(verify_at(a, old, NOW), ST_OK);
	assert_int_equal(access__cached(a), 2);
	st.version = 3;
	st.n_keys = 1;
	assert_int_equal(access_set_state(a, &st), ST_OK);
	assert_int_equal(access__cached(a), 1);
	assert_int_equal(access__verify_at(a, old, NOW, &got, &unknown, &err), ST_UNAUTHENTICATED);
	assert_true(unknown);
	assert_int_equal(verify_at(a, fresh, NOW), ST_OK);
	access_free(a);
}

/* Bad ids leave the old state standing; an unreadable key is left out and said, the rest counts. */
static void test_bad_states(void **state)
{
	struct access *a = forge_access(&key, "auth", 1);
	struct access_key keys[] = { { "k1", key.public_pem }, { "k2", "-----BEGIN NOTHING" } };
	const char *suspended[] = { TENANT, "everyone" };
	struct access_state st = { .version = 5,
				   .keys = keys,
				   .n_keys = 2,
				   .suspended_tenants = suspended,
				   .n_suspended = 2 };
	struct access_claims c = good_claims();
	char token[ACCESS_TOKEN_MAX];

	(void)state;
	sign_claims(&key, &c, token);
	assert_int_equal(access_set_state(a, &st), ST_INVALID);
	assert_int_equal(access_version(a), 1);
	st.n_suspended = 1;
	assert_int_equal(access_set_state(a, &st), ST_INVALID);
	assert_int_equal(access_version(a), 5);
	assert_int_equal(verify_at(a, token, NOW), ST_DENIED);
	access_free(a);
}

/* More tokens than the cache holds: bounded, and the one in use is not the one that goes. */
static void test_bounded(void **state)
{
	struct access *a = forge_access(&key, "auth", 1);
	char busy[ACCESS_TOKEN_MAX];
	struct access_claims c = good_claims();
	uint8_t hash[SHA256_DIGEST_LENGTH], busy_hash[SHA256_DIGEST_LENGTH];

	(void)state;
	sign_claims(&key, &c, busy);
	assert_int_equal(verify_at(a, busy, NOW), ST_OK);
	assert_int_equal(EVP_Digest(busy, strlen(busy), busy_hash, NULL, EVP_sha256(), NULL), 1);
	for (int i = 1; i <= 4 * ACCESS_CACHE_MAX; i++) {
		int64_t now_s = NOW + i / (ACCESS_CACHE_MAX / 128);

		assert_int_equal(EVP_Digest(&i, sizeof(i), hash, NULL, EVP_sha256(), NULL), 1);
		cache_put(a, cached_new(&c, "k1", hash, now_s), 1);
		assert_non_null(cache_find(a, hash));
		assert_int_equal(verify_at(a, busy, now_s), ST_OK);
		assert_non_null(cache_find(a, busy_hash));
	}
	assert_int_equal(access__cached(a), ACCESS_CACHE_MAX);
	access_free(a);
}

/* A token verified while the state changed is not kept: the next call looks again. */
static void test_state_changed_meanwhile(void **state)
{
	struct access *a = forge_access(&key, "auth", 1);
	struct access_claims c = good_claims();
	uint8_t hash[SHA256_DIGEST_LENGTH] = { 1 };

	(void)state;
	assert_int_equal(set_state(a, 2, NULL, NULL), ST_OK);
	cache_put(a, cached_new(&c, "k1", hash, NOW), 1);
	assert_int_equal(access__cached(a), 0);
	cache_put(a, cached_new(&c, "k9", hash, NOW), 2);
	assert_int_equal(access__cached(a), 0);
	cache_put(a, cached_new(&c, "k1", hash, NOW), 2);
	assert_int_equal(access__cached(a), 1);
	access_free(a);
}

struct crowd {
	struct access *a;
	const char *token;
	atomic_bool stop;
	atomic_ulong good, refused, strange;
};

static void *crowd_verify(void *arg)
{
	struct crowd *c = arg;

	while (!atomic_load(&c->stop)) {
		enum status st = verify_at(c->a, c->token, NOW);

		atomic_fetch_add(st == ST_OK       ? &c->good
				 : st == ST_DENIED ? &c->refused
						   : &c->strange,
				 1);
	}
	return NULL;
}

static void wait_for_more(atomic_ulong *counter)
{
	unsigned long from = atomic_load(counter);
	int64_t deadline = time_mono_us() + 20 * US_PER_SECOND;

	while (atomic_load(counter) <= from && time_mono_us() < deadline)
		time_sleep_us(time_mono_us() + 100);
	assert_true(atomic_load(counter) > from);
}

/* Readers all the time; once a suspension is set no call that starts afterwards passes. */
static void test_suspension_under_load(void **state)
{
	struct access *a = forge_access(&key, "auth", 1);
	struct access_claims c = good_claims();
	char token[ACCESS_TOKEN_MAX];
	struct crowd crowd = { .a = a, .token = token };
	pthread_t threads[4];
	uint64_t version = 1;

	(void)state;
	sign_claims(&key, &c, token);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, crowd_verify, &crowd), 0);
	for (int round = 0; round < 20; round++) {
		wait_for_more(&crowd.good);
		assert_int_equal(set_state(a, ++version, TENANT, NULL), ST_OK);
		assert_int_equal(verify_at(a, token, NOW), ST_DENIED);
		wait_for_more(&crowd.refused);
		assert_int_equal(access__cached(a), 0);
		assert_int_equal(set_state(a, ++version, NULL, NULL), ST_OK);
		assert_int_equal(verify_at(a, token, NOW), ST_OK);
	}
	atomic_store(&crowd.stop, true);
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&crowd.strange), 0);
	access_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_before_first_state),
		cmocka_unit_test(test_expiry),
		cmocka_unit_test(test_suspension),
		cmocka_unit_test(test_ids_in_upper_case),
		cmocka_unit_test(test_ended_session),
		cmocka_unit_test(test_key_rotation),
		cmocka_unit_test(test_bad_states),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_state_changed_meanwhile),
		cmocka_unit_test(test_suspension_under_load),
	};

	return cmocka_run_group_tests_name("cache", tests, group_setup, group_teardown);
}
