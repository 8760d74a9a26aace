/* Events out of bytes: the standard's forms, every cut of the bytes, limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/sse.h"

#include <stdlib.h>
#include <string.h>

#define MAX 64

/* What was heard, as "type=data;" for each event. */
static struct buf heard;

static void on_event(void *arg, const char *type, const char *data, size_t len)
{
	assert_ptr_equal(arg, &heard);
	assert_int_equal(data[len], '\0');
	buf_puts(&heard, type);
	buf_putc(&heard, '=');
	buf_put(&heard, data, len);
	buf_putc(&heard, ';');
}

static const struct {
	const char *bytes, *events;
} forms[] = {
	{ "data: a\n\n", "message=a;" },
	{ "event: x\ndata: a\n\nevent: y\ndata: b\n\n", "x=a;y=b;" },
	{ "event: x\r\ndata: a\r\n\r\ndata: b\r\n\r\n", "x=a;message=b;" },
	{ "event: x\rdata: a\r\rdata: b\r\r", "x=a;message=b;" },
	{ "event: x\r\ndata: a\n\rdata: b\r\n\n", "x=a;message=b;" },
	{ "data: a\ndata: b\ndata\ndata:c\n\n", "message=a\nb\n\nc;" },
	{ "data:  two\n\n", "message= two;" },
	{ ": comment\n:\ndata: a\n: more\n\n", "message=a;" },
	{ "id: 1\nretry: 10\nunknown: x\ndata: a\n\n", "message=a;" },
	{ "event: x\n\ndata: a\n\n", "message=a;" },
	{ "event: x\nevent: y\ndata: a\n\n", "y=a;" },
	{ "event: x\nevent:\ndata: a\n\n", "message=a;" },
	{ "data: a:b: c\n\n", "message=a:b: c;" },
	{ "\n\n\ndata: a\n\n\n\n", "message=a;" },
	{ "data\n\n", "message=;" },
	{ "\xEF\xBB\xBF"
	  "data: a\n\n",
	  "message=a;" },
	{ "\xEF\xBB\xBF\xEF\xBB\xBF"
	  "data: a\n\ndata: b\n\n",
	  "message=b;" },
	{ "\xEF\xBB"
	  "data: a\n\ndata: b\n\n",
	  "message=b;" },
	{ "data: \xEF\xBB\xBF\n\n", "message=\xEF\xBB\xBF;" },
	{ "data: a", "message=a;" },
	{ "data: a\n", "message=a;" },
	{ "data: a\r", "message=a;" },
	{ "data: a\n\nevent: x", "message=a;" },
	{ "", "" },
	{ "\xEF\xBB\xBF", "" },
	{ "\xEF", "" },
	{ "Data: a\n data: b\n\n", "" },
};
#define N_FORMS (sizeof(forms) / sizeof(forms[0]))

static void feed_cut(struct sse *s, const char *bytes, size_t len, size_t first, size_t second)
{
	sse_feed(s, bytes, first);
	sse_feed(s, bytes + first, second - first);
	sse_feed(s, bytes + second, len - second);
	sse_end(s);
}

/* Any two cuts, and one byte at a time, make no difference. */
static void test_forms_in_all_cuts(void **state)
{
	size_t cuts = 0;

	(void)state;
	for (size_t i = 0; i < N_FORMS; i++) {
		size_t len = strlen(forms[i].bytes);

		for (size_t j = 0; j <= len; j++) {
			for (size_t k = j; k <= len; k++) {
				struct sse s;

				buf_reset(&heard);
				sse_init(&s, MAX, on_event, &heard);
				feed_cut(&s, forms[i].bytes, len, j, k);
				if (strcmp(buf_str(&heard), forms[i].events) != 0)
					fail_msg("form %zu cut at %zu, %zu: %s", i, j, k,
						 buf_str(&heard));
				assert_int_equal(s.dropped, 0);
				sse_done(&s);
				cuts++;
			}
		}
	}
	assert_true(cuts > 5000);
}

static void test_single_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_FORMS; i++) {
		struct sse s;

		buf_reset(&heard);
		sse_init(&s, MAX, on_event, &heard);
		for (size_t j = 0; forms[i].bytes[j] != '\0'; j++)
			sse_feed(&s, forms[i].bytes + j, 1);
		sse_end(&s);
		assert_string_equal(buf_str(&heard), forms[i].events);
		sse_done(&s);
	}
}

/* The largest event passes; one byte more is counted and passed over, and the next one is heard,
 * whatever the pieces. */
static void test_limits(void **state)
{
	static const size_t steps[] = { 1, 7, 4096 };
	char bytes[3 * MAX + 64];

	(void)state;
	for (size_t over = 0; over < 3; over++) {
		for (size_t k = 0; k < 3; k++) {
			size_t len, n = MAX + (over > 0), half = over == 2 ? MAX / 2 : 0;
			struct sse s;

			/* over 2: two lines that fit, whose sum does not. */
			memcpy(bytes, "data: ", 6);
			len = 6;
			memset(bytes + len, 'a', n - half);
			len += n - half;
			if (half > 0) {
				memcpy(bytes + len, "\ndata: ", 7);
				len += 7;
				memset(bytes + len, 'b', half);
				len += half;
			}
			memcpy(bytes + len, "\n\ndata: z\n\n", 11);
			len += 11;
			buf_reset(&heard);
			sse_init(&s, MAX, on_event, &heard);
			for (size_t i = 0; i < len; i += steps[k])
				sse_feed(&s, bytes + i, steps[k] < len - i ? steps[k] : len - i);
			sse_end(&s);
			assert_int_equal(s.dropped, over > 0);
			assert_int_equal(heard.len, (over > 0 ? 0 : MAX + 9) + 10);
			assert_string_equal(buf_str(&heard) + heard.len - 10, "message=z;");
			sse_done(&s);
		}
	}
}

/* A line that never ends takes no more memory than its limit. */
static void test_endless_line(void **state)
{
	static char block[1 << 16];
	struct sse s;

	(void)state;
	memset(block, 'x', sizeof(block));
	buf_reset(&heard);
	sse_init(&s, MAX, on_event, &heard);
	for (int i = 0; i < 200; i++)
		sse_feed(&s, block, sizeof(block));
	assert_true(s.line.cap <= MAX + SSE_FIELD_MAX + 1);
	sse_end(&s);
	assert_int_equal(s.dropped, 1);
	assert_int_equal(heard.len, 0);
	sse_done(&s);
}

static int group_setup(void **state)
{
	(void)state;
	buf_init(&heard, 1 << 20);
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	buf_done(&heard);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms_in_all_cuts),
		cmocka_unit_test(test_single_bytes),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_endless_line),
	};

	return cmocka_run_group_tests_name("sse", tests, group_setup, group_teardown);
}
