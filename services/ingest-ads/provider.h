/*
 * The three ad platforms behind one face: list accounts, fetch a page of daily results per ad.
 * Everything of a platform stands in its own file (meta.c, tiktok.c, google.c); the facts are those
 * of the providers' published interfaces.
 */
#ifndef ADS_PROVIDER_H
#define ADS_PROVIDER_H

#include "core/arena.h"
#include "core/status.h"
#include "service.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#define PROVIDER_ACCOUNTS_MAX 500
#define PROVIDER_CURSOR_MAX   4096
#define PROVIDER_TOKEN_MAX    4096

struct provider;

struct ad_account {
	const char *account_id, *name, *currency, *timezone;
};
struct ad_result {
	const char *campaign_id, *campaign_name, *adset_id, *adset_name, *ad_id, *ad_name;
	int32_t day; /* the account's */
	int64_t spend_micros, impressions, clicks, conversions_micros, value_micros;
};

/* How we speak for a brand on one platform; lives as long as a run or a call. */
struct provider_session {
	const struct provider *provider;
	struct ads *app;
	const atomic_bool *cancel;      /* may be NULL */
	char token[PROVIDER_TOKEN_MAX]; /* access token; Google: made from the refresh token */
	char refresh_token[PROVIDER_TOKEN_MAX];
	char login_customer_id[128];
	int64_t token_until_us; /* monotonic; 0: does not end */
	int64_t date_us;        /* the provider's clock as last heard */
};

struct result_page {
	struct ad_result *rows;
	size_t n;
	const char *next; /* cursor of the next page; NULL: the slice is all fetched */
};

struct provider {
	const char *name, *title; /* "meta", "Meta" */
	int slice_days;           /* days asked for at once */
	/* All accounts the credentials reach. */
	enum status (*accounts)(struct provider_session *s, struct arena *a,
				struct ad_account **ret, size_t *n, struct error *err);
	/* A page of daily results per ad from `since` to `until`, both included. `cursor` NULL: the
	 * first. */
	enum status (*results)(struct provider_session *s, struct arena *a,
			       const struct ad_account *account, int32_t since, int32_t until,
			       const char *cursor, int attempt, struct result_page *ret,
			       struct error *err);
};
extern const struct provider provider_meta, provider_tiktok, provider_google;
/* By its word; NULL when unknown. */
const struct provider *provider_find(const char *name);

/* ---- what the three share (provider.c) ---- */

/*
 * Sends and parses. Network faults, 429 and 5xx become retryable statuses with words ("Meta answers
 * 429"), anything that is not JSON is ST_UPSTREAM. Other codes are left to the platform: *code
 * tells. The tree belongs to the caller (cJSON_Delete); it is NULL when the status is not ST_OK.
 */
enum status provider_ask(struct provider_session *s, struct arena *a, const struct http_request *q,
			 int *code, cJSON **ret, struct error *err);
/* Readers of answers: the first fault is remembered in err with the path's name and ends in
 * ST_UPSTREAM. */
struct reader {
	const char *title; /* of the provider */
	struct arena *arena;
	struct error *err;
	enum status st;
};
const cJSON *read_member(struct reader *r, const cJSON *o, const char *name);
/* A member that has to be an array; NULL otherwise, so that another shape is no empty page. */
const cJSON *read_list(struct reader *r, const cJSON *o, const char *name);
/* A string, or a number printed as one where providers are free; in the arena. "" when absent and
 * not needed. */
const char *read_text(struct reader *r, const cJSON *o, const char *name, bool needed);
int64_t read_micros(struct reader *r, const cJSON *o, const char *name);
int64_t read_count(struct reader *r, const cJSON *o, const char *name);
int32_t read_day(struct reader *r, const cJSON *o, const char *name);
/* Micros of a decimal text; "-" and "" are 0. Digits beyond the sixth are rounded half up. */
bool micros_of_text(const char *s, int64_t *ret);
/* Credentials were refused: the connection must be made again. */
enum status provider_refused(const struct provider *p, struct error *err, const char *why);

#endif
