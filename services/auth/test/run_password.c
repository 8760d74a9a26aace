/* Which passwords are refused, and for which reason. */
#include "password.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define EMAIL "ann.smith@shop.example"

static const char *reason(const char *password)
{
	static struct error err;
	enum status st;

	err = (struct error){ 0 };
	st = password_check(EMAIL, password, "password", &err);
	if (st == ST_OK)
		return NULL;
	assert_int_equal(st, ST_INVALID);
	assert_string_equal(err.field, "password");
	assert_null(strstr(err.detail, password));
	return err.detail;
}

static void common_ones_are_refused(void **state)
{
	static const char *const rows[] = {
		"passwordpassword", "Password1234",    "PASSWORD!!!!!",
		"!!password1234",   "Summer2024!!!",   "123456789012",
		"aaaaaaaaaaaa",     "abababababab",    "abcabcabcabc",
		"1234123412341",    "qwertyuiop123",   "iloveyou2024",
		"letmein12345",     "administrator1!", "qazwsxedcrfv",
		"1q2w3e4r5t6y",     "P@ssw0rd2024!",   "dragondragon",
		"            ",     "dragondragon99",  "correcthorsebatterystaple",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!reason(rows[i]))
			fail_msg("\"%s\" was taken", rows[i]);
		assert_non_null(strstr(reason(rows[i]), "common"));
	}
}

static void others_are_taken_whatever_their_characters(void **state)
{
	static const char *const rows[] = {
		"correct horse battery",
		"tr0ub4dor and three",
		"kbdvgxqpwlznmt",
		"493817265049",
		"my password is long",
		"summerandwinter",
		"\xc3\xa4\xc3\xb6\xc3\xbc pfannkuchen",
		"dragondragons",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (reason(rows[i]))
			fail_msg("\"%s\" was refused", rows[i]);
	}
}

static void lengths_and_the_address(void **state)
{
	char longest[PASSWORD_MAX + 2];

	(void)state;
	for (size_t i = 0; i <= PASSWORD_MAX; i++)
		longest[i] = (char)('!' + (i * i + i / 7) % 90);
	longest[PASSWORD_MAX + 1] = '\0';
	assert_non_null(reason(longest));
	longest[PASSWORD_MAX] = '\0';
	assert_null(reason(longest));
	assert_non_null(strstr(reason("kbdvgxqpwlz"), "12 to 256 bytes"));
	assert_null(reason("kbdvgxqpwlzn"));
	assert_string_equal(reason("Ann.Smith@shop.example"), "must not be the e-mail address");
}

/* bsearch finds nothing in a list that is out of order. */
static void the_list_is_sorted_and_lower_case(void **state)
{
	(void)state;
	assert_true(password_common_n > 300);
	for (size_t i = 0; i < password_common_n; i++) {
		for (const char *c = password_common[i]; *c; c++)
			assert_false(*c >= 'A' && *c <= 'Z');
		if (i > 0)
			assert_true(strcmp(password_common[i - 1], password_common[i]) < 0);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(common_ones_are_refused),
		cmocka_unit_test(others_are_taken_whatever_their_characters),
		cmocka_unit_test(lengths_and_the_address),
		cmocka_unit_test(the_list_is_sorted_and_lower_case),
	};

	return cmocka_run_group_tests_name("password", tests, NULL, NULL);
}
