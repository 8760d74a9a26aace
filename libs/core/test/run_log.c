/* Log lines: whole, bounded, and impossible to forge from inside a message. */
#include "core/test/rows.h"

#include "core/log.h"
#include "core/text.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int reader = -1, real_stderr = -1;

/* Sends stderr into a pipe for the time of a test. */
static int divert(void **state)
{
	int ends[2];

	(void)state;
	if (pipe(ends) != 0)
		return -1;
	reader = ends[0];
	real_stderr = dup(STDERR_FILENO);
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	log_init("test", LOG_INFO);
	log_context(NULL, NULL);
	return 0;
}

static int restore(void **state)
{
	(void)state;
	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	close(reader);
	return 0;
}

/* What one write put into the pipe. */
static const char *line(void)
{
	static char text[2 * PIPE_BUF];
	ssize_t n = read(reader, text, sizeof(text) - 1);

	assert_true(n > 0);
	text[n] = '\0';
	assert_true(n <= PIPE_BUF);
	assert_true(utf8_valid(text, (size_t)n));
	assert_int_equal(strcspn(text, "\n"), n - 1);
	assert_int_equal(strncmp(text, "{\"time\":\"2", 10), 0);
	assert_string_equal(text + n - 2, "}\n");
	return text;
}

static void test_fields(void **state)
{
	const char *text;

	(void)state;
	errno = EDOM;
	log_event(LOG_WARN, "sync.page_stored", "%d rows", 250);
	assert_int_equal(errno, EDOM);
	text = line();
	assert_non_null(strstr(text, "Z\",\"level\":\"warn\",\"service\":\"test\","
				     "\"event\":\"sync.page_stored\",\"msg\":\"250 rows\"}\n"));
	log_context("req-1", "tenant-1");
	log_event(LOG_ERROR, "x", "y");
	assert_non_null(strstr(
		line(), "\"msg\":\"y\",\"request_id\":\"req-1\",\"tenant_id\":\"tenant-1\"}"));
	log_context(NULL, NULL);
	log_event(LOG_INFO, "x", "z");
	assert_non_null(strstr(line(), "\"msg\":\"z\"}"));
}

static void test_level(void **state)
{
	(void)state;
	log_event(LOG_DEBUG, "quiet", "not printed");
	log_event(LOG_INFO, "loud", "printed");
	assert_non_null(strstr(line(), "\"event\":\"loud\""));
	log_init("test", LOG_ERROR);
	log_event(LOG_WARN, "quiet", "not printed");
	log_event(LOG_ERROR, "loudest", "printed");
	assert_non_null(strstr(line(), "\"event\":\"loudest\""));
}

static void test_nothing_forges_a_line(void **state)
{
	static const struct {
		const char *in, *out, *why;
	} rows[] = {
		{ "a\n{\"level\":\"error\"}", "a\\u000a{\\\"level\\\":\\\"error\\\"}",
		  "a second line" },
		{ "a\\", "a\\\\", "a backslash before the quote" },
		{ "\x1b[31m\x7f\r\t", "\\u001b[31m\\u007f\\u000d\\u0009", "terminal escapes" },
		{ "\xC3\xA9", "\xC3\xA9", "UTF-8 stays" },
		{ "\xFFz\xC3", "?z?", "what is no UTF-8" },
		{ "%s%n", "%s%n", "a format" },
		{ "", "", "nothing" },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		char expected[200];

		log_event(LOG_INFO, "e", "%s", rows[i].in);
		snprintf(expected, sizeof(expected), ",\"msg\":\"%s\"}\n", rows[i].out);
		CHECK_ROW(rows[i].why, strstr(line(), expected) != NULL);
		/* The context comes from outside, too. */
		log_context(rows[i].in, NULL);
		log_event(LOG_INFO, "e", "m");
		snprintf(expected, sizeof(expected), ",\"request_id\":\"%s\"}\n", rows[i].out);
		CHECK_ROW(rows[i].why, rows[i].in[0] == '\0' || strstr(line(), expected) != NULL);
		if (rows[i].in[0] == '\0')
			line();
		log_context(NULL, NULL);
	}
}

/* Messages of any length and worst content stay within one atomic write; cuts fall between
 * characters. */
static void test_long_messages(void **state)
{
	static const char *const characters[] = { "a", "\n", "\xE2\x82\xAC", "\xF0\x9F\x98\x80",
						  "\\" };
	static char text[8000];

	(void)state;
	for (size_t c = 0; c < N_ROWS(characters); c++) {
		size_t len = strlen(characters[c]);
		const char *out, *msg;

		for (size_t shift = 0; shift < 4; shift++) {
			size_t at = shift;

			memset(text, 'x', shift);
			for (; at + len < sizeof(text); at += len)
				memcpy(text + at, characters[c], len);
			text[at] = '\0';
			log_context(text, text);
			log_event(LOG_INFO, text, "%s", text);
			out = line();
			msg = strstr(out, "\"msg\":\"");
			assert_non_null(msg);
			assert_non_null(strstr(msg, "\",\"request_id\":\""));
			assert_non_null(strstr(msg, "\",\"tenant_id\":\""));
			assert_true(strlen(msg) >= 990);
			assert_null(strchr(out, '?'));
		}
	}
	log_context(NULL, NULL);
}

static void *log_many(void *name)
{
	log_context(name, NULL);
	for (int i = 0; i < 40; i++)
		log_event(LOG_INFO, "thread", "%0*d", 300, i);
	return NULL;
}

/* Each thread has a context of its own, and no line is torn. */
static void test_threads(void **state)
{
	static char names[2][4] = { "one", "two" };
	char text[100000];
	pthread_t threads[2];
	size_t len = 0;
	int counts[2] = { 0 };
	char *rest = text, *l;

	(void)state;
	for (int t = 0; t < 2; t++)
		assert_int_equal(pthread_create(&threads[t], NULL, log_many, names[t]), 0);
	for (int t = 0; t < 2; t++)
		assert_int_equal(pthread_join(threads[t], NULL), 0);
	log_event(LOG_INFO, "end", "end");
	do {
		ssize_t n = read(reader, text + len, sizeof(text) - 1 - len);

		assert_true(n > 0);
		len += (size_t)n;
		text[len] = '\0';
	} while (strstr(text, "\"event\":\"end\"") == NULL);
	while ((l = strsep(&rest, "\n")) != NULL && strstr(l, "\"event\":\"thread\"") != NULL) {
		for (int t = 0; t < 2; t++)
			counts[t] += strstr(l, names[t]) != NULL;
		assert_int_equal(strncmp(l, "{\"time\":", 8), 0);
		assert_int_equal(l[strlen(l) - 1], '}');
	}
	assert_int_equal(counts[0], 40);
	assert_int_equal(counts[1], 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_fields, divert, restore),
		cmocka_unit_test_setup_teardown(test_level, divert, restore),
		cmocka_unit_test_setup_teardown(test_nothing_forges_a_line, divert, restore),
		cmocka_unit_test_setup_teardown(test_long_messages, divert, restore),
		cmocka_unit_test_setup_teardown(test_threads, divert, restore),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
