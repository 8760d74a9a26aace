/*
 * ingest-ads: what its files share. Read next: provider.h (the three platforms behind one face),
 * sync.c (a run).
 */
#ifndef ADS_SERVICE_H
#define ADS_SERVICE_H

#include "ingest/engine.h"

struct ads_config {
	char meta_url[256], meta_version[16];
	char tiktok_url[256], tiktok_app_id[128], tiktok_secret[256];
	char google_url[256], google_version[16], google_token_url[256];
	char google_client_id[256], google_client_secret[256], google_developer_token[256];
	int64_t runners, lookback_days;
};

struct ads {
	struct ads_config cfg;
	struct ingest_engine engine;
};

extern const struct config_item ads_config_items[];
extern const struct ingest_spec ads_sync;
extern const struct db_stmt connection_statements[], result_statements[];

#endif
