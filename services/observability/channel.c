/* See channel.h. */
#include "channel.h"

#include "service.h"
#include "svc/seal.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define SEAL_PURPOSE "webhook-secret"
#define HOST_MAX     256

/* ---- addresses ---- */

/* IANA's IPv4 special-purpose registry, multicast (224/4) and what is reserved (240/4). */
static const struct {
	uint32_t net;
	int bits;
} not_public_4[] = {
	{ 0x00000000, 8 },  /* this network */
	{ 0x0a000000, 8 },  /* private */
	{ 0x64400000, 10 }, /* shared by carriers */
	{ 0x7f000000, 8 },  /* this machine */
	{ 0xa9fe0000, 16 }, /* link-local; metadata of clouds */
	{ 0xac100000, 12 }, /* private */
	{ 0xc0000000, 24 }, /* protocol assignments */
	{ 0xc0000200, 24 }, /* documentation */
	{ 0xc0586300, 24 }, /* 6to4 relays */
	{ 0xc0a80000, 16 }, /* private */
	{ 0xc6120000, 15 }, /* benchmarks */
	{ 0xc6336400, 24 }, /* documentation */
	{ 0xcb007100, 24 }, /* documentation */
	{ 0xe0000000, 3 },  /* multicast, reserved, broadcast */
};

static bool public_4(uint32_t ip)
{
	for (size_t i = 0; i < sizeof(not_public_4) / sizeof(not_public_4[0]); i++)
		if ((ip ^ not_public_4[i].net) >> (32 - not_public_4[i].bits) == 0)
			return false;
	return true;
}

/* Of IPv6 only 2000::/3 is public, less these; so ::1, fc00::/7, fe80::/10, ::ffff:0:0/96 and
 * 64:ff9b:: are out. */
static const struct {
	uint8_t net[4];
	int bits;
} not_public_6[] = {
	{ { 0x20, 0x01, 0x00, 0x00 }, 23 }, /* protocol assignments, Teredo */
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32 }, /* documentation */
	{ { 0x20, 0x02, 0x00, 0x00 }, 16 }, /* 6to4: an IPv4 address within */
	{ { 0x3f, 0xff, 0x00, 0x00 }, 20 }, /* documentation */
};

static uint32_t first_32(const uint8_t *b)
{
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static bool public_6(const uint8_t *ip)
{
	uint32_t begin = first_32(ip);

	if (begin >> 29 != 1)
		return false;
	for (size_t i = 0; i < sizeof(not_public_6) / sizeof(not_public_6[0]); i++)
		if ((begin ^ first_32(not_public_6[i].net)) >> (32 - not_public_6[i].bits) == 0)
			return false;
	return true;
}

bool channel_address_public(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET) {
		struct sockaddr_in v4;

		memcpy(&v4, address, sizeof(v4));
		return public_4(ntohl(v4.sin_addr.s_addr));
	}
	if (address->sa_family == AF_INET6) {
		struct sockaddr_in6 v6;

		memcpy(&v6, address, sizeof(v6));
		return public_6(v6.sin6_addr.s6_addr);
	}
	return false;
}

bool channel_private_allowed(const struct observability_config *cfg)
{
	return strcmp(cfg->webhook_private, "allow") == 0;
}

/* ---- URLs ---- */

/* The host of an http or https URL, without brackets and port. False when it has none, or a user.
 */
static bool host_of(const char *url, char host[HOST_MAX])
{
	const char *at = strstr(url, "://");
	size_t len;

	if (!at)
		return false;
	at += 3;
	len = strcspn(at, "/?#");
	if (memchr(at, '@', len))
		return false;
	if (*at == '[') {
		at++;
		len = strcspn(at, "]/?#");
		if (at[len] != ']')
			return false;
	} else {
		len = strcspn(at, ":/?#");
	}
	if (len == 0 || len >= HOST_MAX)
		return false;
	memcpy(host, at, len);
	host[len] = '\0';
	return true;
}

/* What is no literal address is a name, and looked at when it is resolved. */
static bool literal_is_public(const char *host)
{
	uint8_t ip[16];

	if (inet_pton(AF_INET, host, ip) == 1)
		return public_4(first_32(ip));
	if (inet_pton(AF_INET6, host, ip) == 1)
		return public_6(ip);
	return true;
}

enum status channel_url_check(const char *url, bool private_allowed, struct error *err)
{
	char host[HOST_MAX];

	if (!host_of(url, host))
		return error_set(err, ST_INVALID, "url",
				 "must be a URL with a host and without a user");
	if (private_allowed)
		return ST_OK;
	if (strncasecmp(url, "https://", 8) != 0)
		return error_set(err, ST_INVALID, "url", "must begin with https://");
	if (!literal_is_public(host) || strcasecmp(host, "localhost") == 0)
		return error_set(err, ST_INVALID, "url", "must lead to a public address");
	return ST_OK;
}

/* ---- secrets ---- */

const char *channel_secret_seal(struct svc *svc, struct arena *a, const char *secret)
{
	return seal_put(svc_seal_ring(svc), a, SEAL_PURPOSE, secret, strlen(secret));
}

const char *channel_secret_open(struct svc *svc, struct arena *a, const char *sealed)
{
	return seal_get(svc_seal_ring(svc), a, SEAL_PURPOSE, sealed, NULL);
}
