/* What ingest-ads keeps. One function per question; SQL in store_connections.c and store_results.c.
 */
#ifndef ADS_STORE_H
#define ADS_STORE_H

#include "db/db.h"
#include "provider.h"

/* What is sealed for a connection. */
struct credential {
	char access_token[PROVIDER_TOKEN_MAX], refresh_token[PROVIDER_TOKEN_MAX],
		login_customer_id[128];
	bool all_accounts;
};
struct connection_row {
	const char *connection_id, *brand_id, *account_id, *name, *currency, *timezone, *state;
	int64_t connected_at, synced_at;
};
struct synced_account {
	struct ad_account account;
	const char *connection_id;
	int32_t synced_through; /* 0: never */
	int32_t today;          /* the account's day at the time asked for */
};

/* Writes credentials (sealed text) and forgets a refusal. */
enum status store_put_credential(struct db_tx *tx, struct arena *a, const char *tenant,
				 const char *brand, const char *platform, const char *sealed,
				 bool all_accounts, struct error *err);
/* Adds or renames accounts. */
enum status store_put_accounts(struct db_tx *tx, struct arena *a, const char *tenant,
			       const char *brand, const char *platform,
			       const struct ad_account *accounts, size_t n, struct error *err);
/* Accounts of the scope; `brand` may be NULL. One round trip on a queued, empty transaction. */
enum status store_list(struct db_tx *tx, struct arena *a, const char *platform, const char *brand,
		       int64_t deadline, struct connection_row **ret, size_t *n, struct error *err);
/* The sealed credentials, ST_NOT_FOUND without. */
enum status store_get_credential(struct db_tx *tx, struct arena *a, const char *brand,
				 const char *platform, const char **sealed, bool *all_accounts,
				 struct error *err);
/* The brand's accounts in a fixed order, with each one's today at `now_us`. */
enum status store_accounts(struct db_tx *tx, struct arena *a, const char *brand,
			   const char *platform, int64_t now_us, struct synced_account **ret,
			   size_t *n, struct error *err);
enum status store_mark_reconnect(struct db_tx *tx, struct arena *a, const char *brand,
				 const char *platform, struct error *err);
/* A run has fetched everything up to each account's `until` day. */
enum status store_mark_through(struct db_tx *tx, struct arena *a, const char *brand,
			       const char *platform, const char *const *accounts,
			       const int32_t *until, size_t n, struct error *err);
/* The reports contain the run's data: now. */
enum status store_mark_synced(struct db_tx *tx, struct arena *a, const char *const *brands,
			      const char *const *platforms, size_t n, struct error *err);

struct changed_result {
	size_t index; /* in the page's rows */
	int64_t version;
};
struct changed_campaign {
	const char *campaign_id, *name;
	const char **past_names;
	size_t n_past;
	int64_t version;
};
/* Upserts a page; the rows that are new or restated come back. */
enum status store_put_results(struct db_tx *tx, struct arena *a, const char *tenant,
			      const char *brand, const char *platform,
			      const struct ad_account *account, const struct ad_result *rows,
			      size_t n, struct changed_result **changed, size_t *n_changed,
			      struct error *err);
/* Notes the names of the page's campaigns; those whose latest or past names changed come back. */
enum status store_put_campaigns(struct db_tx *tx, struct arena *a, const char *tenant,
				const char *brand, const char *platform, const char *account,
				const struct ad_result *rows, size_t n,
				struct changed_campaign **changed, size_t *n_changed,
				struct error *err);

#endif
