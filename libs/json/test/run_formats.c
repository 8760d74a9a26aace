/* Text forms of the contract. */
#include "core/test/rows.h"

#include "json/formats.c"

struct row {
	enum field_format format;
	const char *in;
	bool ok;
	const char *why;
};

static const struct row rows[] = {
	{ FORMAT_NONE, "\x01 anything", true, "no form asked" },
	{ FORMAT_UUID, "0190a3f0-1234-7abc-8def-0123456789ab", true, "UUID" },
	{ FORMAT_UUID, "0190a3f0", false, "part of one" },
	{ FORMAT_EMAIL, "a@b.c", true, "shortest" },
	{ FORMAT_EMAIL, "first.last+tag@mail.example.co.uk", true, "usual" },
	{ FORMAT_EMAIL, "\xC3\xA9ric@example.com", true, "letters of others" },
	{ FORMAT_EMAIL, "a@b", false, "no dot in the domain" },
	{ FORMAT_EMAIL, "@b.c", false, "nothing before" },
	{ FORMAT_EMAIL, "a@", false, "nothing behind" },
	{ FORMAT_EMAIL, "a", false, "no @" },
	{ FORMAT_EMAIL, "a@b@c.d", false, "two @" },
	{ FORMAT_EMAIL, "a b@c.d", false, "space" },
	{ FORMAT_EMAIL, "a@b.c\n", false, "line's end" },
	{ FORMAT_EMAIL, "a@b..c", false, "two dots" },
	{ FORMAT_EMAIL, "a@.b.c", false, "a dot first" },
	{ FORMAT_EMAIL, "a@b.c.", false, "a dot last" },
	{ FORMAT_EMAIL, "a@1.2.3.4", false, "an address" },
	{ FORMAT_TIMEZONE, "Europe/London", true, "usual" },
	{ FORMAT_TIMEZONE, "America/Argentina/Buenos_Aires", true, "three parts" },
	{ FORMAT_TIMEZONE, "America/Port-au-Prince", true, "dashes" },
	{ FORMAT_TIMEZONE, "Etc/GMT+5", true, "plus" },
	{ FORMAT_TIMEZONE, "UTC", true, "one part" },
	{ FORMAT_TIMEZONE, "Europe/Londres", false, "no such zone" },
	{ FORMAT_TIMEZONE, "europe/london", false, "small letters" },
	{ FORMAT_TIMEZONE, "Europe", false, "a directory" },
	{ FORMAT_TIMEZONE, "/Europe/London", false, "a slash first" },
	{ FORMAT_TIMEZONE, "Europe/London/", false, "a slash last" },
	{ FORMAT_TIMEZONE, "Europe//London", false, "two slashes" },
	{ FORMAT_TIMEZONE, "../../etc/passwd", false, "a way out" },
	{ FORMAT_TIMEZONE, "Europe/../Europe/London", false, "a way round" },
	{ FORMAT_TIMEZONE, "zone.tab", false, "another file there" },
	{ FORMAT_TIMEZONE, "leapseconds", false, "another file there" },
	{ FORMAT_TIMEZONE, "localtime", false, "this machine's zone" },
	{ FORMAT_TIMEZONE, "posixrules", false, "not a name of IANA's" },
	{ FORMAT_TIMEZONE, "right/Europe/London", false, "counts leap seconds" },
	{ FORMAT_TIMEZONE, "Europe/London\n", false, "line's end" },
	{ FORMAT_TIMEZONE, "", false, "nothing" },
	{ FORMAT_CURRENCY, "GBP", true, "usual" },
	{ FORMAT_CURRENCY, "gbp", false, "small letters" },
	{ FORMAT_CURRENCY, "ABC", false, "no such currency" },
	{ FORMAT_TOKEN, "ingest-shopify_2", true, "usual" },
	{ FORMAT_TOKEN, "a.b", false, "a dot would make two" },
	{ FORMAT_HOSTNAME, "shop.myshopify.com", true, "usual" },
	{ FORMAT_HOSTNAME, "localhost", true, "one label" },
	{ FORMAT_HOSTNAME, "3com.com", true, "a digit first" },
	{ FORMAT_HOSTNAME, "xn--bcher-kva.example", true, "punycode" },
	{ FORMAT_HOSTNAME, "a.1b", true, "a digit first in the last label" },
	{ FORMAT_HOSTNAME, "-a.com", false, "a dash first" },
	{ FORMAT_HOSTNAME, "a-.com", false, "a dash last" },
	{ FORMAT_HOSTNAME, "a..com", false, "an empty label" },
	{ FORMAT_HOSTNAME, "a.com.", false, "a dot last" },
	{ FORMAT_HOSTNAME, "a_b.com", false, "underscore" },
	{ FORMAT_HOSTNAME, "a.com/x", false, "a path" },
	{ FORMAT_HOSTNAME, "a.com:80", false, "a port" },
	{ FORMAT_HOSTNAME, "u@a.com", false, "a user" },
	{ FORMAT_HOSTNAME, "127.0.0.1", false, "an address" },
	{ FORMAT_HOSTNAME, "2130706433", false, "an address as one number" },
	{ FORMAT_HOSTNAME, "[::1]", false, "an IPv6 address" },
	{ FORMAT_HOSTNAME, "", false, "nothing" },
	{ FORMAT_COUNTRY, "GB", true, "usual" },
	{ FORMAT_COUNTRY, "XK", true, "Kosovo" },
	{ FORMAT_COUNTRY, "UK", false, "not the code" },
	{ FORMAT_COUNTRY, "gb", false, "small letters" },
	{ FORMAT_COUNTRY, "GBR", false, "three letters" },
	{ FORMAT_COUNTRY, "B ", false, "across two codes of the list" },
	{ FORMAT_COUNTRY, "", false, "nothing" },
	{ FORMAT_WINDOW, "1d", true, "a day" },
	{ FORMAT_WINDOW, "28d", true, "usual" },
	{ FORMAT_WINDOW, "999d", true, "longest" },
	{ FORMAT_WINDOW, "1000d", false, "longer" },
	{ FORMAT_WINDOW, "0d", false, "none" },
	{ FORMAT_WINDOW, "028d", false, "leading zero" },
	{ FORMAT_WINDOW, "28", false, "no unit" },
	{ FORMAT_WINDOW, "d", false, "no number" },
	{ FORMAT_WINDOW, "28D", false, "capital" },
	{ FORMAT_WINDOW, "28d ", false, "space" },
	{ FORMAT_WINDOW, "-1d", false, "sign" },
	{ FORMAT_URL, "https://example.com", true, "usual" },
	{ FORMAT_URL, "http://example.com:8080/a/b?c=d#e", true, "all parts" },
	{ FORMAT_URL, "http://127.0.0.1:9000/hook", true, "an address" },
	{ FORMAT_URL, "http://localhost?x", true, "a query at once" },
	{ FORMAT_URL, "https://", false, "no host" },
	{ FORMAT_URL, "https:///path", false, "no host" },
	{ FORMAT_URL, "ftp://example.com", false, "another scheme" },
	{ FORMAT_URL, "javascript:alert(1)", false, "another scheme" },
	{ FORMAT_URL, "HTTPS://example.com", false, "capitals" },
	{ FORMAT_URL, "https://user:pw@example.com", false, "a user" },
	{ FORMAT_URL, "https://example.com@evil.example", false, "a user that looks like a host" },
	{ FORMAT_URL, "https://example.com:0", false, "port 0" },
	{ FORMAT_URL, "https://example.com:65536", false, "port too large" },
	{ FORMAT_URL, "https://example.com:", false, "no port" },
	{ FORMAT_URL, "https://example.com:80x", false, "no number" },
	{ FORMAT_URL, "https://example.com/a b", false, "space" },
	{ FORMAT_URL, "https://example.com/\r\nX: y", false, "a header" },
	{ FORMAT_URL, "https://exa\\mple.com", false, "backslash" },
	{ FORMAT_URL, "http://256.1.1.1", false, "no address" },
	{ FORMAT_URL, "http://1.2.3", false, "no address" },
	{ FORMAT_URL, "http://1.2.3.4.5", false, "no address" },
};

static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		const char *fault = format_fault(rows[i].format, rows[i].in);

		if ((fault == NULL) != rows[i].ok)
			fail_msg("%s (%s): %s", rows[i].why, rows[i].in,
				 fault != NULL ? fault : "ok");
		if (fault != NULL)
			assert_int_equal(strncmp(fault, "must be ", 8), 0);
	}
}

static void test_lengths(void **state)
{
	char host[HOSTNAME_MAX + 2], email[EMAIL_MAX + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(host); i++)
		host[i] = i % 64 == 63 ? '.' : 'a';
	host[HOSTNAME_MAX] = '\0';
	assert_null(format_fault(FORMAT_HOSTNAME, host));
	host[HOSTNAME_MAX] = 'a';
	host[HOSTNAME_MAX + 1] = '\0';
	assert_non_null(format_fault(FORMAT_HOSTNAME, host));
	memset(host, 'a', 64);
	host[64] = '\0';
	assert_non_null(format_fault(FORMAT_HOSTNAME, host));
	host[63] = '\0';
	assert_null(format_fault(FORMAT_HOSTNAME, host));
	memset(email, 'a', sizeof(email));
	memcpy(email + EMAIL_MAX - 4, "@b.c", 5);
	assert_null(format_fault(FORMAT_EMAIL, email));
	memcpy(email + EMAIL_MAX - 3, "@b.c", 5);
	email[EMAIL_MAX - 4] = 'a';
	assert_non_null(format_fault(FORMAT_EMAIL, email));
}

/* The list of countries is the one that comes with the zone database, and one more. */
static void test_countries(void **state)
{
	FILE *file = fopen(ZONEINFO "/iso3166.tab", "re");
	char line[200];
	int in_file = 0, ours = 0;

	(void)state;
	if (file == NULL)
		skip();
	while (fgets(line, sizeof(line), file) != NULL) {
		char code[3] = { line[0], line[1], '\0' };

		if (line[0] == '#' || line[2] != '\t')
			continue;
		in_file++;
		CHECK_ROW(code, country_valid(code));
	}
	fclose(file);
	for (char a = 'A'; a <= 'Z'; a++) {
		for (char b = 'A'; b <= 'Z'; b++)
			ours += country_valid((char[]){ a, b, '\0' });
	}
	assert_int_equal(in_file, 249);
	assert_int_equal(ours, 250);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_countries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
