/*
 * `pp-deploy nats-url`: the address of the bus with the observer's name and password in it, as
 * every NATS tool takes it. Read next: permissions.c, what the observer may.
 */
#include "deploy.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define URL_CAP 4096

/* Each of "nats://a:4222,nats://b:4222" gets the user; the password is hex and needs no escaping.
 */
static enum status put_urls(struct buf *out, const char *urls, const char *password,
			    struct error *err)
{
	while (*urls != '\0') {
		const char *host = strstr(urls, "://");
		size_t n = strcspn(urls, ",");

		if (host == NULL || host > urls + n || memchr(urls, '@', n) != NULL)
			return error_set(err, ST_INVALID, "NATS_URL",
					 "is not of the form scheme://host:port without a user");
		host += strlen("://");
		buf_put(out, urls, (size_t)(host - urls));
		buf_printf(out, "%s:%s@", OBSERVER_NAME, password);
		buf_put(out, host, n - (size_t)(host - urls));
		urls += n;
		if (*urls == ',')
			buf_putc(out, *urls++);
	}
	buf_putc(out, '\n');
	return buf_status(out) == ST_OK ? ST_OK
					: error_set(err, ST_TOO_LARGE, "NATS_URL", "is too long");
}

enum status command_nats_url(int argc, char **argv, const struct options *o, struct error *err)
{
	char dir[PATH_MAX], urls[VALUE_CAP], password[SECRET_CAP];
	enum status st = secrets_open(argv[0], dir, err);
	struct buf out;

	(void)argc;
	(void)o;
	if (st == ST_OK)
		st = setting_get(dir, "nats.env", "NATS_URL", NULL, urls, err);
	if (st == ST_OK)
		st = secrets_get(dir, "nats", OBSERVER_SECRET, password, err);
	if (st != ST_OK)
		return st;
	buf_init(&out, URL_CAP);
	st = put_urls(&out, urls, password, err);
	sodium_memzero(password, sizeof(password));
	if (st == ST_OK)
		fputs(buf_str(&out), stdout);
	buf_done(&out);
	return st;
}
