/* Meta's insights: parameters checked as Graph does, rows with numbers as strings. Read next:
 * ads.c, which sums them. */
#include "meta.h"

#include "zone.h"

#include "core/money.h"
#include "core/text.h"
#include "core/timeutil.h"

#include <cjson/cJSON.h>
#include <string.h>

#define INSIGHTS_DOC "https://developers.facebook.com/docs/marketing-api/reference/ads-insights/"

static const char *const known_fields[] = {
	"account_id",
	"account_name",
	"account_currency",
	"campaign_id",
	"campaign_name",
	"adset_id",
	"adset_name",
	"ad_id",
	"ad_name",
	"spend",
	"impressions",
	"clicks",
	"ctr",
	"cpc",
	"cpm",
	"actions",
	"action_values",
	"date_start",
	"date_stop",
	NULL,
};
/* The same result under the names it carries at Meta: a client that adds them up counts threefold.
 */
static const char *const purchase_types[] = { "purchase", "omni_purchase",
					      "offsite_conversion.fb_pixel_purchase" };

static bool bad_param(struct exchange *ex, const char *message)
{
	meta_error(ex, 400, 100, 0, "OAuthException", message);
	return false;
}

static bool read_level(struct exchange *ex, struct meta_insights *in)
{
	static const char *const names[] = { "account", "campaign", "adset", "ad" };
	const char *text = meta_param(ex, "level");

	in->level = LEVEL_ACCOUNT;
	if (text == NULL)
		return true;
	for (unsigned i = 0; i < 4; i++)
		if (strcmp(names[i], text) == 0) {
			in->level = (enum ads_level)i;
			return true;
		}
	return bad_param(ex,
			 "(#100) level must be one of the following values: ad, adset, campaign, "
			 "account");
}

static bool add_field(struct exchange *ex, struct meta_insights *in, const char *f)
{
	for (const char *const *k = known_fields; *k != NULL; k++)
		if (strcmp(*k, f) == 0 && in->nfields < META_FIELDS_MAX) {
			in->fields[in->nfields++] = *k;
			return true;
		}
	return bad_param(
		ex,
		arena_printf(ex->arena,
			     "(#100) %s is not valid for fields param. please check " INSIGHTS_DOC
			     " for all valid values",
			     f));
}

static bool read_fields(struct exchange *ex, struct meta_insights *in)
{
	const char *text = meta_param(ex, "fields");
	char *copy, *save = NULL;

	if (text == NULL || *text == '\0') {
		in->fields[in->nfields++] = "account_id";
		if (in->level >= LEVEL_CAMPAIGN)
			in->fields[in->nfields++] = "campaign_id";
		in->fields[in->nfields++] = "impressions";
		in->fields[in->nfields++] = "spend";
		return true;
	}
	/* A JSON array is taken as well as a list with commas. */
	copy = arena_strdup(ex->arena, text);
	for (char *f = strtok_r(copy, ", []\"", &save); f != NULL;
	     f = strtok_r(NULL, ", []\"", &save))
		if (!add_field(ex, in, f))
			return false;
	return true;
}

static bool read_preset(struct exchange *ex, int32_t today, struct meta_insights *in)
{
	static const struct {
		const char *name;
		int32_t from, to; /* days before today */
	} presets[] = { { "today", 0, 0 },     { "yesterday", 1, 1 }, { "last_3d", 3, 1 },
			{ "last_7d", 7, 1 },   { "last_14d", 14, 1 }, { "last_28d", 28, 1 },
			{ "last_30d", 30, 1 }, { "last_90d", 90, 1 } };
	const char *text = meta_param(ex, "date_preset");

	if (text == NULL)
		text = "last_30d";
	for (size_t i = 0; i < sizeof(presets) / sizeof(presets[0]); i++)
		if (strcmp(presets[i].name, text) == 0) {
			in->from = today - presets[i].from;
			in->to = today - presets[i].to;
			return true;
		}
	return bad_param(ex, "(#100) date_preset is not one of the values served here");
}

static bool read_range(struct exchange *ex, struct meta_insights *in)
{
	int32_t today = zone_day(ex->data->zone, ex->now);
	const char *text = meta_param(ex, "time_range"), *since, *until;
	cJSON *range;
	bool ok;

	if (text == NULL)
		return read_preset(ex, today, in);
	range = cJSON_Parse(text);
	since = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(range, "since"));
	until = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(range, "until"));
	ok = since != NULL && until != NULL && date_parse(since, &in->from) &&
	     date_parse(until, &in->to);
	cJSON_Delete(range);
	if (!ok)
		return bad_param(ex,
				 "(#100) Must be a date representation string in YYYY-MM-DD for "
				 "since and until of time_range");
	if (in->to < in->from)
		return bad_param(ex, "(#100) since must not be after until in time_range");
	if (in->from < today - META_HISTORY_DAYS) {
		meta_error(ex, 400, 3018, 0, "OAuthException",
			   "(#3018) The start date of the time range cannot be beyond 37 months "
			   "from the "
			   "current date");
		return false;
	}
	return true;
}

static bool read_increment(struct exchange *ex, struct meta_insights *in)
{
	const char *text = meta_param(ex, "time_increment");

	in->daily = text != NULL && strcmp(text, "1") == 0;
	if (text == NULL || in->daily || strcmp(text, "all_days") == 0)
		return true;
	return bad_param(ex, "(#100) time_increment must be 1 or all_days here");
}

static bool read_windows(struct exchange *ex, struct meta_insights *in)
{
	/* 7d_view and 28d_view were removed from insights on 2026-01-12. */
	static const char *const known[] = { "1d_click", "7d_click", "28d_click", "1d_view",
					     "1d_ev",    "default",  NULL };
	const char *text = meta_param(ex, "action_attribution_windows");
	char *copy, *save = NULL;

	if (text == NULL)
		return true;
	copy = arena_strdup(ex->arena, text);
	for (char *w = strtok_r(copy, ", []\"", &save); w != NULL;
	     w = strtok_r(NULL, ", []\"", &save)) {
		const char *const *k = known;

		while (*k != NULL && strcmp(*k, w) != 0)
			k++;
		if (*k == NULL || in->nwindows == 8)
			return bad_param(ex,
					 "(#100) action_attribution_windows has an unknown value");
		in->windows[in->nwindows++] = *k;
	}
	return true;
}

bool meta_insights_read(struct exchange *ex, struct meta_insights *ret)
{
	static const char *const refused[] = { "breakdowns", "filtering", "sort", "time_ranges",
					       "action_breakdowns" };

	*ret = (struct meta_insights){ .nfields = 0 };
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (meta_param(ex, refused[i]) != NULL)
			return bad_param(ex,
					 arena_printf(ex->arena,
						      "(#100) %s is not served by the simulator",
						      refused[i]));
	return read_level(ex, ret) && read_fields(ex, ret) && read_range(ex, ret) &&
	       read_increment(ex, ret) && read_windows(ex, ret);
}

/* ------------------------------------------------------------------ writing */

static void put_key(struct buf *b, const char *key, bool *first)
{
	buf_printf(b, "%s\"%s\":", *first ? "" : ",", key);
	*first = false;
}

static void put_action(struct exchange *ex, const struct meta_insights *in, const char *type,
		       const char *value, bool first)
{
	struct buf *b = &ex->rep->body;

	buf_printf(b, "%s{\"action_type\":\"%s\",\"value\":\"%s\"", first ? "" : ",", type, value);
	for (size_t i = 0; i < in->nwindows; i++)
		/* The dataset knows clicks only: views bring nothing. */
		if (strstr(in->windows[i], "click") != NULL)
			buf_printf(b, ",\"%s\":\"%s\"", in->windows[i], value);
	buf_putc(b, '}');
}

static void put_actions(struct exchange *ex, const struct meta_insights *in, const char *key,
			int64_t micros, int64_t clicks, bool *first)
{
	const char *value = ads_decimal(ex->arena, micros);
	bool none = true;

	/* Meta leaves out an array that would be empty. */
	if (micros == 0 && clicks == 0)
		return;
	put_key(&ex->rep->body, key, first);
	buf_putc(&ex->rep->body, '[');
	if (clicks > 0) {
		put_action(ex, in, "link_click", arena_printf(ex->arena, "%lld", (long long)clicks),
			   none);
		none = false;
	}
	for (size_t i = 0; micros != 0 && i < sizeof(purchase_types) / sizeof(purchase_types[0]);
	     i++) {
		put_action(ex, in, purchase_types[i], value, none);
		none = false;
	}
	buf_putc(&ex->rep->body, ']');
}

static const char *date_text(struct exchange *ex, int32_t day)
{
	char text[TIME_TEXT_MAX];

	date_format(day, text);
	return arena_strdup(ex->arena, text);
}

/* The value of a plain field; NULL when it does not exist at this level, as Meta then leaves it
 * out. */
static const char *field_text(struct exchange *ex, const struct meta_insights *in,
			      const struct ads_row *s, const char *f)
{
	const struct ad_row *r = s->row;
	char money[DECIMAL_TEXT];

	if (strcmp(f, "account_id") == 0)
		return r->account_id.p;
	if (strcmp(f, "account_name") == 0)
		return arena_printf(ex->arena, "%s %s", ex->data->name, r->account_id.p);
	if (strcmp(f, "account_currency") == 0)
		return r->currency.p;
	if (strcmp(f, "campaign_id") == 0)
		return in->level >= LEVEL_CAMPAIGN ? r->campaign_id.p : NULL;
	if (strcmp(f, "campaign_name") == 0)
		return in->level >= LEVEL_CAMPAIGN ? r->campaign_name.p : NULL;
	if (strcmp(f, "adset_id") == 0)
		return in->level >= LEVEL_ADSET ? r->adset_id.p : NULL;
	if (strcmp(f, "adset_name") == 0)
		return in->level >= LEVEL_ADSET ? r->adset_name.p : NULL;
	if (strcmp(f, "ad_id") == 0)
		return in->level >= LEVEL_AD ? r->ad_id.p : NULL;
	if (strcmp(f, "ad_name") == 0)
		return in->level >= LEVEL_AD ? r->ad_name.p : NULL;
	if (strcmp(f, "spend") == 0) {
		money_format(s->spend, r->currency.p, money);
		return arena_strdup(ex->arena, money);
	}
	if (strcmp(f, "impressions") == 0)
		return arena_printf(ex->arena, "%lld", (long long)s->impressions);
	if (strcmp(f, "clicks") == 0)
		return arena_printf(ex->arena, "%lld", (long long)s->clicks);
	if (strcmp(f, "ctr") == 0)
		return ads_ratio(ex->arena, s->clicks * 100, s->impressions);
	/* Both in units of currency: micros over micros. */
	if (strcmp(f, "cpc") == 0)
		return s->clicks > 0 ? ads_ratio(ex->arena, s->spend, s->clicks * 1000000) : NULL;
	if (strcmp(f, "cpm") == 0)
		return s->impressions > 0 ? ads_ratio(ex->arena, s->spend, s->impressions * 1000)
					  : NULL;
	return NULL;
}

static void put_row(struct exchange *ex, const struct meta_insights *in, const struct ads_row *s)
{
	struct buf *b = &ex->rep->body;
	bool first = true;

	buf_putc(b, '{');
	for (size_t i = 0; i < in->nfields; i++) {
		const char *f = in->fields[i], *value;

		if (strncmp(f, "date_", 5) == 0)
			continue;
		if (strcmp(f, "actions") == 0) {
			put_actions(ex, in, f, s->conversions, s->clicks, &first);
			continue;
		}
		if (strcmp(f, "action_values") == 0) {
			put_actions(ex, in, f, s->conversion_value, 0, &first);
			continue;
		}
		value = field_text(ex, in, s, f);
		if (value == NULL)
			continue;
		put_key(b, f, &first);
		buf_put_json(b, value, strlen(value));
	}
	put_key(b, "date_start", &first);
	buf_printf(b, "\"%s\",\"date_stop\":\"%s\"}", date_text(ex, in->daily ? s->day : in->from),
		   date_text(ex, in->daily ? s->day : in->to));
}

void meta_insights_answer(struct exchange *ex, const char *account_id,
			  const struct meta_insights *in, const char *endpoint)
{
	struct ads_query q = { PLATFORM_META, account_id, in->from, in->to, in->level, in->daily };
	size_t total = 0, from = 0, n = 0;
	const struct ads_row *rows = ads_sum(ex->arena, ex->data, &q, &total);

	if (rows == NULL) {
		meta_error(ex, 500, 2, 0, "OAuthException", "An unexpected error has occurred.");
		return;
	}
	if (!meta_paging(ex, total, &from, &n))
		return;
	web_json(ex->rep, 200, "{\"data\":[");
	for (size_t i = from; i < from + n; i++) {
		if (i > from)
			buf_putc(&ex->rep->body, ',');
		put_row(ex, in, &rows[i]);
	}
	buf_putc(&ex->rep->body, ']');
	meta_paging_write(ex, from, n, total);
	exchange_page(ex, PROV_META, endpoint,
		      arena_printf(ex->arena, "%s %s..%s level %u from %zu", account_id,
				   date_text(ex, in->from), date_text(ex, in->to),
				   (unsigned)in->level, from));
}

/* ------------------------------------------------------------------- paging */

bool meta_paging(struct exchange *ex, size_t total, size_t *ret_from, size_t *ret_n)
{
	const char *limit = meta_param(ex, "limit"), *after = meta_param(ex, "after");
	int64_t want = META_LIMIT_DEFAULT, place = -1;
	size_t len = 0;
	uint8_t *plain;

	if (limit != NULL && !parse_i64(limit, 1, INT32_MAX, &want))
		return bad_param(ex, "(#100) limit must be a positive number");
	if (want > META_LIMIT_MAX) {
		meta_error(ex, 400, 100, 1487534, "OAuthException",
			   "Please reduce the amount of data you're asking for, then retry your "
			   "request");
		return false;
	}
	*ret_from = 0;
	if (after != NULL && *after != '\0') {
		plain = base64url_decode(ex->arena, after, &len);
		if (plain == NULL || len < 2 || plain[0] != 'm' ||
		    !parse_i64(arena_strndup(ex->arena, (char *)plain + 1, len - 1), 0,
			       (int64_t)total - 1, &place))
			return bad_param(ex, "(#100) Invalid cursors values for after");
		*ret_from = (size_t)place + 1;
	}
	*ret_n = total - *ret_from < (size_t)want ? total - *ret_from : (size_t)want;
	return true;
}

static const char *cursor(struct exchange *ex, size_t place)
{
	const char *plain = arena_printf(ex->arena, "m%zu", place);

	return base64url_encode(ex->arena, plain, strlen(plain));
}

void meta_paging_write(struct exchange *ex, size_t from, size_t n, size_t total)
{
	struct buf *b = &ex->rep->body;
	const char *url, *last;

	if (n == 0) {
		buf_putc(b, '}');
		return;
	}
	last = cursor(ex, from + n - 1);
	buf_printf(b, ",\"paging\":{\"cursors\":{\"before\":\"%s\",\"after\":\"%s\"}",
		   cursor(ex, from), last);
	if (from + n < total) {
		url = arena_printf(ex->arena, "http://%s%s?", ex->req->host,
				   ex->req->info->local_uri_raw);
		for (size_t i = 0; i < ex->req->nparams; i++)
			if (strcmp(ex->req->params[i].name, "after") != 0)
				url = arena_printf(
					ex->arena, "%s%s=%s&", url,
					percent_encode(ex->arena, ex->req->params[i].name),
					percent_encode(ex->arena, ex->req->params[i].value));
		url = arena_printf(ex->arena, "%safter=%s", url, last);
		buf_puts(b, ",\"next\":");
		buf_put_json(b, url, strlen(url));
	}
	buf_puts(b, "}}");
}
