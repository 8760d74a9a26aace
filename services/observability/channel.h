/* Webhook channels: where they may lead, and their secrets. Read next: channel.c,
 * channel_handlers.c. */
#ifndef OBSERVABILITY_CHANNEL_H
#define OBSERVABILITY_CHANNEL_H

#include "rule.h"

#include "core/arena.h"
#include "core/status.h"

#include <stdbool.h>
#include <stdint.h>

struct sockaddr;
struct svc;
struct observability_config;

#define CHANNELS_MAX       10 /* of a tenant, deleted ones not counted */
#define CHANNEL_NOT_PUBLIC "the receiver's address is not a public one"

struct channel {
	const char *channel_id, *name, *url;
	enum severity min_severity;
	int64_t created_us;
};

/*
 * True for addresses of the public internet: not this machine, private or shared networks,
 * link-local (a cloud's metadata), documentation, multicast, reserved, and no IPv6 that wraps an
 * IPv4 address. After the special-purpose registries of IANA (RFC 6890).
 */
bool channel_address_public(const struct sockaddr *address);
/* The operator's PP_WEBHOOK_PRIVATE is "allow": plain http and private addresses will do. */
bool channel_private_allowed(const struct observability_config *cfg);
/*
 * ST_INVALID with field "url" unless a webhook may go there: https, no user in it, no literal
 * address that is not public. What a name resolves to is looked at with each connection.
 */
enum status channel_url_check(const char *url, bool private_allowed, struct error *err) MUST_USE;

/* The secret sealed and opened; in the arena, NULL when that fails. */
const char *channel_secret_seal(struct svc *svc, struct arena *a, const char *secret);
const char *channel_secret_open(struct svc *svc, struct arena *a, const char *sealed);

#endif
