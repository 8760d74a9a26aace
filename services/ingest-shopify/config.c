/* Settings of ingest-shopify; the provider's address is one, so that a simulator can play it. */
#include "service.h"

#include "core/config.h"

const struct config_item shopify_config_items[] = {
	CONFIG_STR(struct shopify_config, url, "PP_SHOPIFY_URL", "https://{shop}",
		   "base address of Shopify; {shop} becomes the shop's domain, which then must end "
		   "in .myshopify.com"),
	CONFIG_STR(struct shopify_config, version, "PP_SHOPIFY_VERSION", "2026-10",
		   "version of Shopify's Admin API"),
	CONFIG_STR(struct shopify_config, client_id, "PP_SHOPIFY_CLIENT_ID", "",
		   "our app at Shopify"),
	CONFIG_SEC(struct shopify_config, client_secret, "PP_SHOPIFY_CLIENT_SECRET", "",
		   "its secret"),
	CONFIG_NUM(struct shopify_config, runners, "PP_SHOPIFY_RUNNERS", "4", 1, RUNS_RUNNERS_MAX,
		   "runs at the same time in this process"),
	{ 0 },
};
