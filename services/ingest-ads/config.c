/* Settings of ingest-ads; addresses of the providers are settings, so that a simulator can play
 * them. */
#include "service.h"

#include "core/config.h"

const struct config_item ads_config_items[] = {
	CONFIG_STR(struct ads_config, meta_url, "PP_META_URL", "https://graph.facebook.com",
		   "base address of Meta's Graph API"),
	CONFIG_STR(struct ads_config, meta_version, "PP_META_VERSION", "v25.0",
		   "version of Meta's Marketing API"),
	CONFIG_STR(struct ads_config, tiktok_url, "PP_TIKTOK_URL",
		   "https://business-api.tiktok.com", "base address of TikTok's Business API"),
	CONFIG_STR(struct ads_config, tiktok_app_id, "PP_TIKTOK_APP_ID", "", "our app at TikTok"),
	CONFIG_SEC(struct ads_config, tiktok_secret, "PP_TIKTOK_SECRET", "", "its secret"),
	CONFIG_STR(struct ads_config, google_url, "PP_GOOGLE_ADS_URL",
		   "https://googleads.googleapis.com", "base address of the Google Ads API"),
	CONFIG_STR(struct ads_config, google_version, "PP_GOOGLE_ADS_VERSION", "v25",
		   "version of the Google Ads API"),
	CONFIG_STR(struct ads_config, google_token_url, "PP_GOOGLE_TOKEN_URL",
		   "https://oauth2.googleapis.com", "base address of Google's token endpoint"),
	CONFIG_STR(struct ads_config, google_client_id, "PP_GOOGLE_CLIENT_ID", "",
		   "our OAuth client at Google"),
	CONFIG_SEC(struct ads_config, google_client_secret, "PP_GOOGLE_CLIENT_SECRET", "",
		   "its secret"),
	CONFIG_SEC(struct ads_config, google_developer_token, "PP_GOOGLE_DEVELOPER_TOKEN", "",
		   "our developer token at Google Ads"),
	CONFIG_NUM(struct ads_config, runners, "PP_ADS_RUNNERS", "4", 1, 16,
		   "runs at the same time in this process"),
	CONFIG_NUM(struct ads_config, lookback_days, "PP_ADS_LOOKBACK_DAYS", "28", 0, 90,
		   "days fetched again on each run, because providers restate them"),
	{ 0 },
};
