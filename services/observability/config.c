/* Settings of observability. */
#include "service.h"

const struct config_item observability_config_items[] = {
	CONFIG_STR(struct observability_config, webhook_private, "PP_WEBHOOK_PRIVATE", "refuse",
		   "refuse or allow webhooks to addresses that are not public"),
	{ 0 },
};
