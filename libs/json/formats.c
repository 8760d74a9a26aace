/*
 * Text forms that the contract can ask of a string (enum field_format). Syntax, and where a list
 * exists, membership. Read next: proto/pulsepoint/options.proto, which names them.
 */
#include "core/id.h"
#include "core/money.h"
#include "core/text.h"
#include "message_priv.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EMAIL_MAX      254 /* RFC 5321, path less its brackets */
#define HOSTNAME_MAX   253 /* RFC 1035 */
#define LABEL_MAX      63
#define TIMEZONE_MAX   64
#define WINDOW_DIGITS  3
#define PORT_DIGITS    5
#define PORT_MAX       65535
#define ZONEINFO       "/usr/share/zoneinfo"
#define ZONEINFO_MAGIC "TZif" /* RFC 8536 */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* One label of a host name at `s`: its length, 0 when it is none (RFC 1123 section 2.1). */
static size_t label_len(const char *s, size_t len)
{
	size_t n = 0;

	while (n < len && (is_letter(s[n]) || is_digit(s[n]) || s[n] == '-'))
		n++;
	return n > 0 && n <= LABEL_MAX && s[0] != '-' && s[n - 1] != '-' ? n : 0;
}

/* The last label must not be a number: that would be an address. */
static bool hostname_valid(const char *s, size_t len)
{
	size_t at = 0, last = 0;

	if (len == 0 || len > HOSTNAME_MAX)
		return false;
	for (;;) {
		size_t n = label_len(s + at, len - at);

		if (n == 0)
			return false;
		last = at;
		at += n;
		if (at == len)
			break;
		if (s[at++] != '.')
			return false;
	}
	return strspn(s + last, "0123456789") < len - last;
}

/* Pragmatic, as browsers do: one @, something before it, a domain with a dot after it. */
static bool email_valid(const char *s)
{
	const char *domain = strchr(s, '@');
	size_t len = strlen(s);

	if (len > EMAIL_MAX || domain == NULL || domain == s || strchr(domain + 1, '@') != NULL)
		return false;
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)s[i] <= ' ' || s[i] == 0x7F)
			return false;
	}
	domain++;
	return strchr(domain, '.') != NULL && hostname_valid(domain, strlen(domain));
}

/* Letters, digits, '_', '+', '-' in parts between single slashes; no dot, so no way up or out. */
static bool timezone_shape(const char *s)
{
	size_t len = strlen(s);

	if (len == 0 || len > TIMEZONE_MAX || s[0] == '/' || s[len - 1] == '/')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '/' && s[i + 1] == '/')
			return false;
		if (!is_letter(s[i]) && !is_digit(s[i]) && strchr("_+-/", s[i]) == NULL)
			return false;
	}
	return true;
}

/* True for a compiled zone file. The two directories and two files named are not part of IANA's
 * names. */
static bool timezone_exists(const char *s)
{
	char path[sizeof(ZONEINFO) + 1 + TIMEZONE_MAX], magic[sizeof(ZONEINFO_MAGIC) - 1];
	bool zone = false;
	struct stat info;
	int fd;

	if (strncmp(s, "posix/", 6) == 0 || strncmp(s, "right/", 6) == 0 ||
	    strcmp(s, "posixrules") == 0 || strcmp(s, "localtime") == 0)
		return false;
	snprintf(path, sizeof(path), "%s/%s", ZONEINFO, s);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return false;
	if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode))
		zone = read(fd, magic, sizeof(magic)) == (ssize_t)sizeof(magic) &&
		       memcmp(magic, ZONEINFO_MAGIC, sizeof(magic)) == 0;
	close(fd);
	return zone;
}

static bool timezone_valid(const char *s)
{
	return timezone_shape(s) && (access(ZONEINFO, X_OK) != 0 || timezone_exists(s));
}

/* ISO 3166-1 alpha-2, and XK, which shops use for Kosovo. */
static bool country_valid(const char *s)
{
	static const char codes[] =
		"AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM "
		"BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX "
		"CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG "
		"GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR "
		"IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV "
		"LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE "
		"NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO "
		"RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF "
		"TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF "
		"WS XK YE YT ZA ZM ZW ";

	if (strlen(s) != 2)
		return false;
	for (const char *c = codes; *c != '\0'; c += 3) {
		if (c[0] == s[0] && c[1] == s[1])
			return true;
	}
	return false;
}

static bool window_valid(const char *s)
{
	size_t digits = strspn(s, "0123456789");

	return digits > 0 && digits <= WINDOW_DIGITS && s[0] != '0' && strcmp(s + digits, "d") == 0;
}

static bool port_valid(const char *s, size_t len)
{
	long port = 0;

	if (len == 0 || len > PORT_DIGITS)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!is_digit(s[i]))
			return false;
		port = port * 10 + (s[i] - '0');
	}
	return port > 0 && port <= PORT_MAX;
}

/* A dotted IPv4 address: four numbers up to 255. */
static bool ipv4_valid(const char *s, size_t len)
{
	int parts = 0, value = -1;

	for (size_t i = 0; i <= len; i++) {
		if (i < len && is_digit(s[i]) && value <= 255) {
			value = (value < 0 ? 0 : value * 10) + (s[i] - '0');
			continue;
		}
		if ((i < len && s[i] != '.') || value < 0 || value > 255)
			return false;
		parts++;
		value = -1;
	}
	return parts == 4;
}

/* http(s)://host[:port][/path][?query]; no user part, no spaces, no control characters. */
static bool url_valid(const char *s)
{
	size_t scheme = strncmp(s, "https://", 8) == 0 ? 8 : strncmp(s, "http://", 7) == 0 ? 7 : 0;
	const char *host = s + scheme;
	size_t authority = strcspn(host, "/?#");
	size_t name = strcspn(host, ":/?#");

	if (scheme == 0)
		return false;
	for (const char *c = s; *c != '\0'; c++) {
		if ((unsigned char)*c <= ' ' || *c == 0x7F || strchr("\"<>\\^`{|}", *c) != NULL)
			return false;
	}
	if (name < authority && !port_valid(host + name + 1, authority - name - 1))
		return false;
	return hostname_valid(host, name) || ipv4_valid(host, name);
}

const char *format_fault(enum field_format format, const char *s)
{
	switch (format) {
	case FORMAT_NONE:
		return NULL;
	case FORMAT_UUID:
		return uuid_valid(s) ? NULL : "must be a UUID";
	case FORMAT_EMAIL:
		return email_valid(s) ? NULL : "must be an e-mail address";
	case FORMAT_TIMEZONE:
		return timezone_valid(s) ? NULL : "must be an IANA time zone such as Europe/London";
	case FORMAT_CURRENCY:
		return currency_known(s) ? NULL : "must be an ISO 4217 currency code";
	case FORMAT_TOKEN:
		return token_valid(s) ? NULL : "must be at most 64 of a-z, 0-9, _ and -";
	case FORMAT_HOSTNAME:
		return hostname_valid(s, strlen(s)) ? NULL : "must be a host name";
	case FORMAT_COUNTRY:
		return country_valid(s) ? NULL : "must be an ISO 3166-1 country code";
	case FORMAT_WINDOW:
		return window_valid(s) ? NULL : "must be a number of days such as 28d";
	case FORMAT_URL:
		return url_valid(s) ? NULL : "must be an http or https URL";
	}
	return "has a form that is not known";
}
