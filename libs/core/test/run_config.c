/* Configuration: what is taken, what is refused, and that a refused load stores nothing. */
#include "core/test/rows.h"

#include "core/config.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct runtime {
	char url[16];
	char key[32];
};
struct own {
	int64_t port;
	bool strict;
};

static const struct config_item runtime_items[] = {
	CONFIG_STR(struct runtime, url, "PP_TEST_URL", "nats://here", "where the bus is"),
	CONFIG_SEC(struct runtime, key, "PP_TEST_KEY", NULL, "the key, base64"),
	{ 0 },
};
static const struct config_item own_items[] = {
	CONFIG_NUM(struct own, port, "PP_TEST_PORT", "8080", 1, 65535, "port to listen on"),
	CONFIG_FLAG(struct own, strict, "PP_TEST_STRICT", "false", "refuse more"),
	{ 0 },
};

static struct runtime runtime;
static struct own own;
static const struct config_table tables[] = { { runtime_items, &runtime }, { own_items, &own } };

static int reset(void **state)
{
	(void)state;
	clearenv();
	memset(&runtime, 0, sizeof(runtime));
	memset(&own, 0, sizeof(own));
	return setenv("PP_TEST_KEY", "k", 1);
}

static void test_defaults_and_values(void **state)
{
	struct error err = { 0 };

	(void)state;
	assert_int_equal(config_load(tables, 2, &err), ST_OK);
	assert_string_equal(runtime.url, "nats://here");
	assert_string_equal(runtime.key, "k");
	assert_int_equal(own.port, 8080);
	assert_false(own.strict);
	setenv("PP_TEST_URL", "123456789012345", 1);
	setenv("PP_TEST_PORT", "65535", 1);
	setenv("PP_TEST_STRICT", "true", 1);
	setenv("OTHER_VARIABLE", "is not ours", 1);
	assert_int_equal(config_load(tables, 2, &err), ST_OK);
	assert_string_equal(runtime.url, "123456789012345");
	assert_int_equal(own.port, 65535);
	assert_true(own.strict);
	/* A string with a default may be emptied. */
	setenv("PP_TEST_URL", "", 1);
	assert_int_equal(config_load(tables, 2, &err), ST_OK);
	assert_string_equal(runtime.url, "");
}

static void test_refused(void **state)
{
	static const struct {
		const char *name, *value, *reason, *why; /* value NULL: unset */
	} rows[] = {
		{ "PP_TEST_URL", "1234567890123456", "is longer than 15 bytes", "one too long" },
		{ "PP_TEST_URL", "\xFF", "is not valid UTF-8", "not text" },
		{ "PP_TEST_KEY", NULL, "must be set: the key, base64", "no default" },
		{ "PP_TEST_KEY", "", "is empty: the key, base64", "no default, empty" },
		{ "PP_TEST_PORT", "0", "must be a whole number from 1 to 65535", "too small" },
		{ "PP_TEST_PORT", "65536", "must be a whole number from 1 to 65535", "too large" },
		{ "PP_TEST_PORT", "80x", "must be a whole number from 1 to 65535", "no number" },
		{ "PP_TEST_PORT", "", "must be a whole number from 1 to 65535", "empty number" },
		{ "PP_TEST_STRICT", "yes", "must be true or false", "another word" },
		{ "PP_TEST_STRICT", "TRUE", "must be true or false", "capitals" },
		{ "PP_TEST_PROT", "8081", "is not a setting of this program", "a typo" },
		{ "PP_TEST_POR", "8081", "is not a setting of this program", "a prefix" },
		{ "PP_TEST_PORTS", "8081", "is not a setting of this program", "a longer name" },
		{ "PP_", "1", "is not a setting of this program", "the prefix alone" },
	};

	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct error err = { 0 };

		assert_int_equal(reset(state), 0);
		if (rows[i].value == NULL)
			unsetenv(rows[i].name);
		else
			setenv(rows[i].name, rows[i].value, 1);
		CHECK_ROW(rows[i].why, config_load(tables, 2, &err) == ST_INVALID);
		CHECK_ROW(rows[i].why, strcmp(err.field, rows[i].name) == 0);
		CHECK_ROW(rows[i].why, strcmp(err.detail, rows[i].reason) == 0);
		/* Nothing is stored, not even by the table that was in order. */
		CHECK_ROW(rows[i].why, runtime.url[0] == '\0' && runtime.key[0] == '\0');
		CHECK_ROW(rows[i].why, own.port == 0);
	}
}

static void test_describe_hides_secrets(void **state)
{
	static const struct config_item items[] = {
		CONFIG_SEC(struct runtime, key, "PP_TEST_KEY", "canary", "a key"),
		{ 0 },
	};
	const struct config_table all[] = { { runtime_items, NULL },
					    { own_items, NULL },
					    { items, NULL } };
	char text[2000] = "";
	FILE *file = tmpfile();
	int saved = dup(STDOUT_FILENO);

	(void)state;
	assert_non_null(file);
	fflush(stdout);
	dup2(fileno(file), STDOUT_FILENO);
	config_describe(all, 3);
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	rewind(file);
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	fclose(file);
	assert_string_equal(text,
			    "| `PP_TEST_URL` | string | `nats://here` | where the bus is |\n"
			    "| `PP_TEST_KEY` | secret | required | the key, base64 |\n"
			    "| `PP_TEST_PORT` | integer 1 to 65535 | `8080` | port to listen on |\n"
			    "| `PP_TEST_STRICT` | boolean | `false` | refuse more |\n"
			    "| `PP_TEST_KEY` | secret |  | a key |\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_defaults_and_values, reset),
		cmocka_unit_test_setup(test_refused, reset),
		cmocka_unit_test_setup(test_describe_hides_secrets, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
