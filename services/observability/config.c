/* Settings of observability. */
#include "service.h"

const struct config_item observability_config_items[] = {
	CONFIG_STR(struct observability_config, webhook_private, "PP_WEBHOOK_PRIVATE", "refuse",
		   "refuse or allow webhooks to addresses that are not public"),
	CONFIG_NUM(
		struct observability_config, retry_cap_ms, "PP_WEBHOOK_RETRY_CAP_MS", "0", 0,
		86400000,
		"longest wait in milliseconds before a webhook is tried again; 0: none. For tests"),
	{ 0 },
};
