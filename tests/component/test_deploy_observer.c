/*
 * The observer of the bus: with the URL that pp-deploy prints, and nothing else, one hears events,
 * alerts and dead letters; one can say nothing and read nothing that is stored. Read next:
 * tools/pp-deploy/permissions.c.
 */
#include "bus/connect.h"
#include "core/arena.h"
#include "core/magic.h"
#include "core/text.h"
#include "testkit/testkit.h"

#include <nats/nats.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* cmocka.h wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define TENANT     "0192f0a0-0000-7000-8000-000000000001"
#define WAIT_MS    60000
#define STEP_MS    60000
#define OUTPUT_MAX 65536
#define COUNT(a)   (sizeof(a) / sizeof((a)[0]))

static char dir[256], url[512], output[OUTPUT_MAX];
static struct arena *arena;
static natsConnection *observer, *deploy;
static _Atomic int violations;

/* ---- the deploy step ---- */

static int run(const char *command, const char *a, const char *b)
{
	const char *argv[] = { tk_bin("pp-deploy"), command, dir, a, b, NULL };

	return tk_run(argv, NULL, STEP_MS, output, sizeof(output));
}

static void put_setting(const char *file, const char *text)
{
	tk_write_file(arena_printf(arena, "observed/%s", file), text);
}

/* ---- connections ---- */

static void on_error(natsConnection *nc, natsSubscription *sub, natsStatus s, void *arg)
{
	(void)nc;
	(void)sub;
	(void)arg;
	if (s == NATS_NOT_PERMITTED)
		atomic_fetch_add(&violations, 1);
}

static natsConnection *connect_to(const char *address, const char *user)
{
	natsConnection *nc = NULL;
	natsOptions *opts = NULL;

	INVARIANT(natsOptions_Create(&opts) == NATS_OK);
	INVARIANT(natsOptions_SetURL(opts, address) == NATS_OK);
	INVARIANT(natsOptions_SetErrorHandler(opts, on_error, NULL) == NATS_OK);
	if (user)
		INVARIANT(natsOptions_SetNKeyFromSeed(
				  opts, user, arena_printf(arena, "%s/nats/deploy.seed", dir)) ==
			  NATS_OK);
	(void)!bus_connect_signed(&nc, opts);
	natsOptions_Destroy(opts);
	return nc;
}

static int start(void **state)
{
	static const char mark[] = "# deploy\n      nkey: ";
	const char *conf, *key, *plain;
	struct tk_nats *nats;

	(void)state;
	arena = arena_new((size_t)16 * 1024 * 1024);
	INVARIANT(arena != NULL);
	snprintf(dir, sizeof(dir), "%s/observed", tk_dir());
	INVARIANT(mkdir(dir, 0755) == 0);
	INVARIANT(run("keys", NULL, NULL) == 0);
	INVARIANT(run("nats-conf", arena_printf(arena, "%s/store", dir), "4222") == 0);
	conf = arena_strdup(arena, output);
	nats = tk_nats_open(conf, NULL);
	plain = arena_strdup(arena, tk_nats_url(nats));
	put_setting("nats.env", arena_printf(arena, "NATS_URL=%s\n", plain));
	INVARIANT(run("streams", NULL, NULL) == 0);
	INVARIANT(run("nats-url", NULL, NULL) == 0);
	output[strcspn(output, "\n")] = '\0';
	INVARIANT(text_copy(url, sizeof(url), output) == ST_OK);
	key = strstr(conf, mark);
	INVARIANT(key != NULL);
	key += strlen(mark);
	deploy = connect_to(plain, arena_strndup(arena, key, strcspn(key, "\n")));
	observer = connect_to(url, NULL);
	INVARIANT(deploy && observer);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	natsConnection_Destroy(observer);
	natsConnection_Destroy(deploy);
	nats_Close();
	arena_free(arena);
	return 0;
}

static bool as_many_violations(void *want)
{
	return atomic_load(&violations) >= *(int *)want;
}

/* Everything that was sent has been looked at by the server, and refusals were told. */
static void settle(int refused)
{
	assert_int_equal(natsConnection_FlushTimeout(observer, WAIT_MS), NATS_OK);
	assert_true(tk_wait_until(as_many_violations, &refused, WAIT_MS));
	assert_int_equal(atomic_load(&violations), refused);
	atomic_store(&violations, 0);
}

static natsSubscription *hear(natsConnection *nc, const char *subject)
{
	natsSubscription *sub = NULL;

	assert_int_equal(natsConnection_SubscribeSync(&sub, nc, subject), NATS_OK);
	assert_int_equal(natsConnection_FlushTimeout(nc, WAIT_MS), NATS_OK);
	return sub;
}

/* The next message's subject; its data must be `text`. */
static const char *next(natsSubscription *sub, const char *text)
{
	natsMsg *m = NULL;
	const char *subject;

	assert_int_equal(natsSubscription_NextMsg(&m, sub, WAIT_MS), NATS_OK);
	assert_string_equal(natsMsg_GetData(m), text);
	subject = arena_strdup(arena, natsMsg_GetSubject(m));
	natsMsg_Destroy(m);
	return subject;
}

static uint64_t waiting(natsSubscription *sub)
{
	uint64_t n = 0;

	assert_int_equal(natsSubscription_QueuedMsgs(sub, &n), NATS_OK);
	return n;
}

/* ---- tests ---- */

static void test_it_hears_what_is_told(void **state)
{
	static const char *const subjects[] = {
		"pp.evt." TENANT ".auth.brands.upserted",
		"pp.alert." TENANT ".high.latency",
		"pp.dlq.attribution.attribution-auth-brands-upserted",
	};
	static const char *const filters[] = { "pp.evt.>", "pp.alert.>", "pp.dlq.>" };

	(void)state;
	for (size_t i = 0; i < COUNT(subjects); i++) {
		natsSubscription *sub = hear(observer, filters[i]);

		for (size_t k = 0; k < COUNT(subjects); k++)
			assert_int_equal(natsConnection_PublishString(deploy, subjects[k], "told"),
					 NATS_OK);
		assert_int_equal(natsConnection_FlushTimeout(deploy, WAIT_MS), NATS_OK);
		assert_string_equal(next(sub, "told"), subjects[i]);
		assert_int_equal(natsConnection_FlushTimeout(observer, WAIT_MS), NATS_OK);
		assert_int_equal(waiting(sub), 0);
		natsSubscription_Destroy(sub);
	}
	settle(0);
}

static void test_it_says_nothing(void **state)
{
	static const char *const subjects[] = {
		"pp.evt." TENANT ".auth.brands.upserted",
		"pp.alert." TENANT ".high.latency",
		"pp.dlq.attribution.attribution-auth-brands-upserted",
		"pp.rpc.auth.login",
		"pp.ctl.access",
		"pp.obs.auth",
		"$SRV.PING",
		"$JS.API.INFO",
		"$JS.API.STREAM.NAMES",
		"$JS.API.STREAM.INFO.evt-auth",
		"$JS.API.STREAM.MSG.GET.evt-auth",
		"$JS.API.DIRECT.GET.dlq",
		"$JS.API.STREAM.PURGE.dlq",
		"$JS.API.CONSUMER.CREATE.evt-auth",
		"$JS.API.CONSUMER.MSG.NEXT.evt-auth.attribution-auth-brands-upserted",
		"$JS.ACK.evt-auth.attribution-auth-brands-upserted.1.1.1.1.1",
		"$SYS.REQ.SERVER.PING",
		"_INBOX.abc",
		"_INBOX_auth.abc",
		"_INBOX_deploy.abc",
	};
	natsSubscription *all = hear(deploy, ">");

	(void)state;
	for (size_t i = 0; i < COUNT(subjects); i++)
		assert_int_equal(natsConnection_PublishRequestString(observer, subjects[i],
								     "_INBOX_observer.r", "forged"),
				 NATS_OK);
	settle(COUNT(subjects));
	/* The mark comes after whatever might have got through. */
	assert_int_equal(natsConnection_PublishString(deploy, "mark", "mark"), NATS_OK);
	assert_string_equal(next(all, "mark"), "mark");
	natsSubscription_Destroy(all);
}

static void test_it_hears_nothing_else(void **state)
{
	static const char *const filters[] = {
		">",
		"pp.>",
		"pp.rpc.>",
		"pp.rpc.auth.login",
		"pp.ctl.>",
		"pp.obs.>",
		"$SRV.>",
		"$JS.>",
		"$JS.API.>",
		"$JS.ACK.>",
		"_INBOX.>",
		"_INBOX_auth.>",
		"_INBOX_deploy.>",
		"$SYS.>",
		"*.evt.>",
	};
	natsSubscription *subs[COUNT(filters)];

	(void)state;
	for (size_t i = 0; i < COUNT(filters); i++)
		subs[i] = hear(observer, filters[i]);
	settle(COUNT(filters));
	assert_int_equal(natsConnection_PublishString(deploy, "pp.rpc.auth.login", "secret"),
			 NATS_OK);
	assert_int_equal(natsConnection_PublishString(deploy, "_INBOX_auth.x", "secret"), NATS_OK);
	assert_int_equal(natsConnection_FlushTimeout(deploy, WAIT_MS), NATS_OK);
	assert_int_equal(natsConnection_FlushTimeout(observer, WAIT_MS), NATS_OK);
	for (size_t i = 0; i < COUNT(filters); i++) {
		uint64_t n = 0;

		/* cnats closes a refused subscription; one that is open must have heard nothing. */
		if (natsSubscription_QueuedMsgs(subs[i], &n) == NATS_OK)
			assert_int_equal(n, 0);
		natsSubscription_Destroy(subs[i]);
	}
}

static void test_its_inbox_is_its_own(void **state)
{
	natsSubscription *sub = hear(observer, "_INBOX_observer.mine");

	(void)state;
	assert_int_equal(natsConnection_PublishString(observer, "_INBOX_observer.mine", "to me"),
			 NATS_OK);
	assert_string_equal(next(sub, "to me"), "_INBOX_observer.mine");
	natsSubscription_Destroy(sub);
	settle(0);
}

static void test_a_wrong_password_is_refused(void **state)
{
	char wrong[sizeof(url)], *at;
	natsConnection *nc;

	(void)state;
	memcpy(wrong, url, sizeof(url));
	at = strchr(wrong, '@');
	assert_non_null(at);
	at[-1] = at[-1] == '0' ? '1' : '0';
	nc = connect_to(wrong, NULL);
	assert_null(nc);
	nc = connect_to(url, NULL);
	assert_non_null(nc);
	natsConnection_Destroy(nc);
}

static void test_the_url_is_for_its_owner(void **state)
{
	const char *secret = arena_printf(arena, "%s/nats/observer.password", dir);
	struct stat st;

	(void)state;
	assert_int_equal(stat(secret, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(run("keys", NULL, NULL), 0);
	assert_string_equal(output, "keys: 0 secrets made\n");
	assert_int_equal(chmod(secret, 0644), 0);
	assert_int_equal(run("nats-url", NULL, NULL), 1);
	assert_non_null(strstr(output, "observer.password: is open to group or others"));
	assert_int_equal(run("nats-conf", "/tmp/unused", "4222"), 1);
	assert_int_equal(chmod(secret, 0600), 0);
	put_setting("nats.env", "NATS_URL=nats://a:1,tls://b.example:4222\n");
	assert_int_equal(run("nats-url", NULL, NULL), 0);
	assert_memory_equal(output, "nats://observer:", 16);
	assert_non_null(strstr(output, "@a:1,tls://observer:"));
	assert_non_null(strstr(output, "@b.example:4222\n"));
	put_setting("nats.env", "NATS_URL=nats://somebody:else@a:1\n");
	assert_int_equal(run("nats-url", NULL, NULL), 1);
	assert_non_null(strstr(output, "NATS_URL: is not of the form"));
	assert_null(strstr(output, "else"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_hears_what_is_told),
		cmocka_unit_test(test_it_says_nothing),
		cmocka_unit_test(test_it_hears_nothing_else),
		cmocka_unit_test(test_its_inbox_is_its_own),
		cmocka_unit_test(test_a_wrong_password_is_refused),
		cmocka_unit_test(test_the_url_is_for_its_owner),
	};

	return cmocka_run_group_tests_name("deploy_observer", tests, start, stop);
}
