/* Unit tests of pp-deploy: nkeys against a known pair, secrets that are written once, text forms,
 * and the permissions. */
#include "deploy.h"
#include "letter.h"
#include "nkey.h"
#include "permissions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

/* ---- nkeys ---- */

/* A pair that the NATS documentation shows. */
static void nkey_known_pair(void **state)
{
	char public[NKEY_PUBLIC_TEXT];

	(void)state;
	assert_true(nkey_public_of("SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY",
				   public));
	assert_string_equal(public, "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4");
}

static void nkey_made_seeds(void **state)
{
	char seed[NKEY_SEED_TEXT], public[NKEY_PUBLIC_TEXT], previous[NKEY_PUBLIC_TEXT] = "";
	uint8_t raw[NKEY_RAW];

	(void)state;
	for (int i = 0; i < 100; i++) {
		randombytes_buf(raw, sizeof(raw));
		nkey_seed_encode(raw, seed);
		assert_int_equal(strlen(seed), 58);
		assert_memory_equal(seed, "SU", 2);
		assert_true(nkey_public_of(seed, public));
		assert_int_equal(strlen(public), 56);
		assert_int_equal(public[0], 'U');
		assert_string_not_equal(public, previous);
		memcpy(previous, public, sizeof(previous));
	}
}

static void nkey_refuses_altered(void **state)
{
	char seed[NKEY_SEED_TEXT], public[NKEY_PUBLIC_TEXT];
	uint8_t raw[NKEY_RAW] = { 7 };

	(void)state;
	nkey_seed_encode(raw, seed);
	/* The last digit carries two bits of the checksum and three of padding. */
	for (size_t i = 0; i + 1 < strlen(seed); i++) {
		char kept = seed[i];

		seed[i] = kept == 'A' ? 'B' : 'A';
		assert_false(nkey_public_of(seed, public));
		seed[i] = '1'; /* no base32 digit */
		assert_false(nkey_public_of(seed, public));
		seed[i] = kept;
	}
	assert_true(nkey_public_of(seed, public));
	assert_false(nkey_public_of("", public));
	assert_false(nkey_public_of("SUACSSL3", public));
	/* An account's seed of the right length is no user's. */
	assert_false(nkey_public_of("SAANDLKMXL6CUS3CP52WIXBEDN6YJ545GDKC65U5JZPPV6WH6ESWUA6YAI",
				    public));
}

/* ---- secrets ---- */

static char dir[PATH_MAX];

static int make_dir(void **state)
{
	struct error err = { .status = ST_OK };

	(void)state;
	char made[] = "/tmp/pp-deploy-XXXXXX";

	if (mkdtemp(made) == NULL)
		return -1;
	return secrets_open(made, dir, &err) == ST_OK ? 0 : -1;
}

static int remove_dir(void **state)
{
	static const char *const files[] = { "db/one", "db/.half", "db/wide", "pg.env", "db", "" };
	char path[PATH_MAX + 16];

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		remove(path);
	}
	return access(dir, F_OK) == 0 ? -1 : 0;
}

static void put_file(const char *name, const char *text, mode_t mode)
{
	char path[PATH_MAX + 16];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void secrets_are_written_once(void **state)
{
	struct error err = { .status = ST_OK };
	char text[SECRET_CAP], path[PATH_MAX];
	struct stat info;
	bool made;

	(void)state;
	assert_int_equal(secrets_put_once(dir, "db", "one", "first", &made, &err), ST_OK);
	assert_true(made);
	/* What a run that died left behind is no hindrance. */
	put_file("db/.half", "hal", 0600);
	assert_int_equal(secrets_put_once(dir, "db", "one", "second", &made, &err), ST_OK);
	assert_false(made);
	assert_int_equal(secrets_get(dir, "db", "one", text, &err), ST_OK);
	assert_string_equal(text, "first");
	assert_int_equal(secrets_path(dir, "db", "one", path, &err), ST_OK);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	assert_int_equal(info.st_nlink, 1);
}

static void secrets_refuse_what_is_open(void **state)
{
	struct error err = { .status = ST_OK };
	char text[SECRET_CAP], wide[SECRET_CAP + 8];

	(void)state;
	put_file("db/wide", "secret\n", 0640);
	assert_int_equal(secrets_get(dir, "db", "wide", text, &err), ST_DENIED);
	assert_non_null(strstr(err.field, "db/wide"));
	assert_null(strstr(err.detail, "secret"));
	memset(wide, 'x', sizeof(wide) - 1);
	wide[sizeof(wide) - 1] = '\0';
	put_file("db/wide", wide, 0600);
	assert_int_equal(secrets_get(dir, "db", "wide", text, &err), ST_INVALID);
	assert_int_equal(secrets_get(dir, "db", "absent", text, &err), ST_NOT_FOUND);
}

static void settings(void **state)
{
	struct error err = { .status = ST_OK };
	char text[VALUE_CAP];

	(void)state;
	assert_int_equal(setting_get(dir, "pg.env", "PGPORT", "5432", text, &err), ST_OK);
	assert_string_equal(text, "5432");
	assert_int_equal(setting_get(dir, "pg.env", "PGHOST", NULL, text, &err), ST_INVALID);
	assert_string_equal(err.field, "PGHOST");
	put_file("pg.env", "# comment\nPGPORTAL=1\nPGPORT=6000\nPGHOST=a=b\n", 0600);
	assert_int_equal(setting_get(dir, "pg.env", "PGPORT", "5432", text, &err), ST_OK);
	assert_string_equal(text, "6000");
	assert_int_equal(setting_get(dir, "pg.env", "PGHOST", NULL, text, &err), ST_OK);
	assert_string_equal(text, "a=b");
}

/* ---- text forms ---- */

static void text_forms(void **state)
{
	static const struct {
		const char *text, *shell, *conninfo;
	} rows[] = {
		{ "plain", "'plain'", "k=plain" },
		{ "", "''", "k=''" },
		{ "two words", "'two words'", "k='two words'" },
		{ "it's", "'it'\\''s'", "k='it\\'s'" },
		{ "a\\b", "'a\\b'", "k='a\\\\b'" },
		{ "$(x) `y`", "'$(x) `y`'", "k='$(x) `y`'" },
	};
	struct buf b;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_init(&b, 256);
		put_shell_word(&b, rows[i].text);
		assert_string_equal(buf_str(&b), rows[i].shell);
		buf_reset(&b);
		put_conninfo(&b, "k", rows[i].text);
		assert_string_equal(buf_str(&b), rows[i].conninfo);
		buf_done(&b);
	}
}

/* ---- permissions ---- */

struct question {
	const char *subject;
	bool yes;
};

/* NATS matching: "*" is one token, a last ">" is one or more. */
static bool covers(const char *pattern, const char *subject)
{
	while (*pattern != '\0' && *subject != '\0') {
		size_t p = strcspn(pattern, "."), s = strcspn(subject, ".");

		if (p == 1 && *pattern == '>')
			return true;
		if (!(p == 1 && *pattern == '*') && (p != s || strncmp(pattern, subject, p) != 0))
			return false;
		pattern += p + (pattern[p] == '.');
		subject += s + (subject[s] == '.');
	}
	return *pattern == '\0' && *subject == '\0';
}

static PRINTF_LIKE(2, 3) void look(void *arg, const char *fmt, ...)
{
	struct question *q = arg;
	char pattern[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(pattern, sizeof(pattern), fmt, ap);
	va_end(ap);
	q->yes = q->yes || covers(pattern, q->subject);
}

static bool may_publish(const char *user, const char *subject)
{
	struct question q = { subject, false };

	permissions_publish(user, look, &q);
	return q.yes;
}

static bool may_subscribe(const char *user, const char *subject)
{
	struct question q = { subject, false };

	permissions_subscribe(user, look, &q);
	return q.yes;
}

static void only_the_deploy_user_manages_jetstream(void **state)
{
	static const char *const subjects[] = {
		"$JS.API.STREAM.CREATE.evt-auth",
		"$JS.API.STREAM.UPDATE.evt-auth",
		"$JS.API.STREAM.DELETE.evt-auth",
		"$JS.API.STREAM.PURGE.evt-auth",
		"$JS.API.STREAM.MSG.DELETE.evt-auth",
		"$JS.API.CONSUMER.CREATE.evt-auth",
		"$JS.API.CONSUMER.CREATE.evt-auth.x",
		"$JS.API.CONSUMER.DURABLE.CREATE.evt-auth.attribution-auth-brands-upserted",
		"$JS.API.CONSUMER.DELETE.evt-auth.attribution-auth-brands-upserted",
		"$SYS.REQ.SERVER.PING",
	};
	size_t users = 0;

	(void)state;
	for (size_t u = 0; bus_user(u) != NULL; u++, users++)
		for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++)
			assert_int_equal(may_publish(bus_user(u), subjects[i]),
					 strcmp(bus_user(u), DEPLOY_NAME) == 0);
	assert_int_equal(users, contract_services_n + 2);
}

/* For every pair of users: replies, requests, events and dead letters of one are out of the other's
 * reach. */
static void users_are_shut_off(void **state)
{
	char subject[256];

	(void)state;
	for (size_t u = 0; bus_user(u) != NULL && strcmp(bus_user(u), DEPLOY_NAME) != 0; u++)
		for (size_t o = 0; bus_user(o) != NULL; o++) {
			const char *user = bus_user(u), *owner = bus_user(o);
			bool own = u == o;

			snprintf(subject, sizeof(subject), "_INBOX_%s.abc", owner);
			assert_int_equal(may_subscribe(user, subject), own);
			assert_false(may_subscribe(user, "_INBOX.abc"));
			if (contract_service_find(owner) == NULL)
				continue;
			snprintf(subject, sizeof(subject), "pp.rpc.%s.anything", owner);
			assert_int_equal(may_subscribe(user, subject), own);
			snprintf(subject, sizeof(subject), "pp.evt.t1.%s.a.b", owner);
			assert_false(may_subscribe(user, subject));
			assert_int_equal(may_publish(user, subject),
					 own && contract_service_find(owner)->n_events > 0);
			snprintf(subject, sizeof(subject), "pp.dlq.%s.x", owner);
			assert_int_equal(may_publish(user, subject), own);
			snprintf(subject, sizeof(subject), "pp.obs.%s", owner);
			assert_int_equal(may_publish(user, subject), own);
		}
}

static bool named(const char *list, const char *name)
{
	char with[512], word[NAME_CAP + 2];

	snprintf(with, sizeof(with), ",%s,", list);
	snprintf(word, sizeof(word), ",%s,", name);
	return strcmp(list, "*") == 0 || strstr(with, word) != NULL;
}

static bool listed(const struct contract_service *s, const char *subject)
{
	for (size_t i = 0; s != NULL && i < s->n_calls; i++)
		if (strcmp(s->calls[i], subject) == 0)
			return true;
	return false;
}

/* Who may call is said once more, for every user and method, and compared. */
static void calls_follow_the_contract(void **state)
{
	size_t allowed = 0, refused = 0;

	(void)state;
	for (size_t u = 0; strcmp(bus_user(u), DEPLOY_NAME) != 0; u++)
		for (size_t i = 0; i < contract_services_n; i++)
			for (size_t j = 0; j < contract_services[i]->n_methods; j++) {
				const struct contract_method *m = &contract_services[i]->methods[j];
				const char *user = bus_user(u);
				bool expected;

				if (m->role == ROLE_SERVICE)
					expected = named(m->callers, user);
				else if (strcmp(user, EDGE_NAME) == 0)
					expected = m->http_path != NULL;
				else
					expected = listed(contract_service_find(user), m->subject);
				expected = expected && strcmp(user, m->service) != 0;
				assert_int_equal(may_publish(user, m->subject), expected);
				allowed += expected;
				refused += !expected;
			}
	assert_true(allowed > contract_services_n);
	assert_true(refused > allowed);
}

/* Whoever may call must be able to be answered, and to answer the flow control of a stream. */
static void callers_can_be_answered(void **state)
{
	char inbox[128];

	(void)state;
	for (size_t u = 0; bus_user(u) != NULL; u++)
		for (size_t i = 0; i < contract_services_n; i++)
			for (size_t j = 0; j < contract_services[i]->n_methods; j++) {
				const struct contract_method *m = &contract_services[i]->methods[j];

				if (strcmp(bus_user(u), m->service) == 0 ||
				    !may_publish(bus_user(u), m->subject))
					continue;
				snprintf(inbox, sizeof(inbox), "_INBOX_%s.abc.1", bus_user(u));
				assert_true(may_publish(m->service, inbox));
				assert_true(may_subscribe(bus_user(u), inbox));
				snprintf(inbox, sizeof(inbox), "_INBOX_%s.abc.1", m->service);
				assert_true(may_publish(bus_user(u), inbox));
			}
}

static void consumers_reach_their_own(void **state)
{
	char next[256], ack[256];
	size_t checked = 0;

	(void)state;
	for (size_t i = 0; i < contract_services_n; i++)
		for (size_t j = 0; j < contract_services[i]->n_consumers; j++) {
			const struct contract_consumer *c = &contract_services[i]->consumers[j];

			snprintf(next, sizeof(next), "$JS.API.CONSUMER.MSG.NEXT.%s.%s", c->stream,
				 c->durable);
			snprintf(ack, sizeof(ack), "$JS.ACK.%s.%s.1.2.3.4.5", c->stream,
				 c->durable);
			for (size_t u = 0; strcmp(bus_user(u), DEPLOY_NAME) != 0; u++) {
				bool own = strcmp(bus_user(u), c->service) == 0;

				assert_int_equal(may_publish(bus_user(u), next), own);
				assert_int_equal(may_publish(bus_user(u), ack), own);
				checked++;
			}
		}
	assert_true(checked >= 8 * (contract_services_n + 1));
}

/* Events, alerts and dead letters to hear; nothing to say, nobody's inbox but its own. */
static void the_observer_only_hears(void **state)
{
	static const char *const heard[] = { "pp.evt.t1.auth.brands.upserted",
					     "pp.alert.t1.high.latency", "pp.dlq.auth.x",
					     "_INBOX_observer.x" };
	static const char *const never[] = {
		"pp.rpc.auth.login", "pp.ctl.access",   "pp.obs.auth",  "$SRV.PING",    "_INBOX.x",
		"_INBOX_auth.x",     "_INBOX_deploy.x", "$JS.API.INFO", "pp.job.auth.x"
	};

	(void)state;
	for (size_t i = 0; i < sizeof(heard) / sizeof(heard[0]); i++) {
		assert_true(may_subscribe(OBSERVER_NAME, heard[i]));
		assert_int_equal(may_publish(OBSERVER_NAME, heard[i]), i == 3);
	}
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
		assert_false(may_subscribe(OBSERVER_NAME, never[i]));
		assert_false(may_publish(OBSERVER_NAME, never[i]));
	}
	for (size_t u = 0; strcmp(bus_user(u), DEPLOY_NAME) != 0; u++) {
		assert_false(may_publish(bus_user(u), "_INBOX_observer.x"));
		assert_false(may_subscribe(bus_user(u), "_INBOX_observer.x"));
	}
}

/* ---- dead letters ---- */

#define TENANT "0192f0a0-0000-7000-8000-000000000001"

static void subjects_of_replays(void **state)
{
	static const char filter[] = "pp.evt.*.auth.brands.upserted";
	static const struct {
		const char *subject;
		bool fits;
	} rows[] = {
		{ "pp.evt." TENANT ".auth.brands.upserted", true },
		{ "pp.evt.*.auth.brands.upserted", false },
		{ "pp.evt.>", false },
		{ "pp.evt..auth.brands.upserted", false },
		{ "pp.evt.t1.auth.brands.upserted", false },
		{ "pp.evt." TENANT "0.auth.brands.upserted", false },
		{ "pp.evt." TENANT ".auth.brands.upserted.", false },
		{ "pp.evt." TENANT ".auth.brands.upserted.x", false },
		{ "pp.evt." TENANT ".auth.brands", false },
		{ "pp.evt." TENANT ".auth.users.upserted", false },
		{ "pp.evt." TENANT ".auth.brands.upserted x", false },
		{ "$JS.API.STREAM.DELETE.evt-auth", false },
		{ "", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(subject_fits(rows[i].subject, filter), rows[i].fits);
	assert_true(subject_fits("a.b", "a.b"));
	assert_false(subject_fits("a.b", "a.c"));
	/* What a consumer hears fits its filter, for every consumer of the contract. */
	for (size_t i = 0; i < contract_services_n; i++)
		for (size_t j = 0; j < contract_services[i]->n_consumers; j++) {
			const struct contract_consumer *c = &contract_services[i]->consumers[j];
			char subject[256];

			snprintf(subject, sizeof(subject), "pp.evt." TENANT ".%s.%s.%s",
				 c->event->service, c->event->entity, c->event->action);
			assert_true(subject_fits(subject, c->filter));
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nkey_known_pair),
		cmocka_unit_test(nkey_made_seeds),
		cmocka_unit_test(nkey_refuses_altered),
		cmocka_unit_test(secrets_are_written_once),
		cmocka_unit_test(secrets_refuse_what_is_open),
		cmocka_unit_test(settings),
		cmocka_unit_test(text_forms),
		cmocka_unit_test(only_the_deploy_user_manages_jetstream),
		cmocka_unit_test(users_are_shut_off),
		cmocka_unit_test(calls_follow_the_contract),
		cmocka_unit_test(callers_can_be_answered),
		cmocka_unit_test(consumers_reach_their_own),
		cmocka_unit_test(the_observer_only_hears),
		cmocka_unit_test(subjects_of_replays),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
