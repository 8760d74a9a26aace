/* Channels as rows. Read next: store_channels.c, channel_handlers.c. */
#ifndef OBSERVABILITY_STORE_CHANNELS_H
#define OBSERVABILITY_STORE_CHANNELS_H

#include "channel.h"
#include "store_rules.h"

extern const struct db_stmt channel_statements[];

/* All but the deleted ones, by name. */
enum status store_channels(const struct tenant_tx *t, struct channel **ret, size_t *n) MUST_USE;
/* Under the tenant's lock. */
enum status store_channel_add(const struct tenant_tx *t, const struct channel *c,
			      const char *sealed) MUST_USE;
/* What waits for it has failed. ST_NOT_FOUND when the tenant has none such. Under the lock. */
enum status store_channel_delete(const struct tenant_tx *t, const char *channel_id) MUST_USE;

#endif
