/* URLs: an id from outside stays one path segment or one value, whatever it holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/client.h"

static void test_building(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, HTTP_URL_MAX);
	http_url_begin(&b, "https://shop.example/");
	http_url_path(&b, "admin/api");
	http_url_segment(&b, "a/b?c#d%");
	http_url_query(&b, "q", "x y&z=\303\244");
	http_url_query(&b, "after", "");
	http_url_query(&b, "we ird", "~-._");
	assert_string_equal(buf_str(&b),
			    "https://shop.example/admin/api/"
			    "a%2Fb%3Fc%23d%25?q=x%20y%26z%3D%C3%A4&after=&we%20ird=~-._");
	assert_int_equal(buf_status(&b), ST_OK);
	http_url_begin(&b, "http://127.0.0.1:8400/x"); /* starts over */
	http_url_segment(&b, "...");
	assert_string_equal(buf_str(&b), "http://127.0.0.1:8400/x/...");
	buf_done(&b);
}

static void test_dot_segments_are_refused(void **state)
{
	static const char *const bad[] = { ".", "..", "" };
	struct buf b;

	(void)state;
	buf_init(&b, HTTP_URL_MAX);
	for (size_t i = 0; i < 3; i++) {
		http_url_begin(&b, "http://h");
		assert_int_equal(buf_status(&b), ST_OK);
		http_url_segment(&b, bad[i]);
		http_url_segment(&b, "good");
		assert_int_equal(buf_status(&b), ST_TOO_LARGE);
	}
	buf_done(&b);
}

static void test_too_long(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 16);
	http_url_begin(&b, "http://h");
	http_url_query(&b, "name", "value");
	assert_int_equal(buf_status(&b), ST_TOO_LARGE);
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_building),
		cmocka_unit_test(test_dot_segments_are_refused),
		cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests_name("url", tests, NULL, NULL);
}
