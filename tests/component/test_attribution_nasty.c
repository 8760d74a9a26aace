/*
 * The dataset data/nasty.tar.gz, told to attribution as the ingest services would tell it, against
 * the figures that were worked out for it elsewhere (expected.json in the archive): totals, spend,
 * and the last touch of every order by source and campaign.
 */
#include "component/attribution_build.h"

#include "core/buf.h"
#include "core/magic.h"
#include "core/money.h"
#include "core/timeutil.h"
#include "json/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CHANNEL(c)  ATTRIBUTION__V1__CHANNEL__CHANNEL_##c
#define FILE_MAX    (4 * 1024 * 1024)
#define COLUMNS_MAX 24
#define ORDERS_MAX  1000
#define TOUCHES_MAX 16
#define PAGE        7
#define TAR_MS      60000
#define GOOGLE_WAS  "spring \xe2\x98\x80" /* what its links say; it is called otherwise by now */

static struct world world;
static struct at_tenant tenant;
static cJSON *expected;

/* ---- files of the dataset ---- */

static char *read_text(const char *name)
{
	FILE *f = fopen(arena_printf(world.arena, "%s/nasty/%s", world.dir, name), "r");
	struct buf text;
	char block[4096];
	char *copy;
	size_t n;

	INVARIANT(f != NULL);
	buf_init(&text, FILE_MAX);
	while ((n = fread(block, 1, sizeof(block), f)) > 0)
		buf_put(&text, block, n);
	fclose(f);
	INVARIANT(buf_status(&text) == ST_OK);
	copy = arena_strndup(world.arena, buf_str(&text), text.len);
	buf_done(&text);
	return copy;
}

struct csv {
	char *at;
	const char *header[COLUMNS_MAX], *cell[COLUMNS_MAX];
	int columns;
};

/* One field of RFC 4180, unquoted where it stands; `*last` when its line ends with it. */
static const char *csv_field(char **at, bool *last)
{
	bool quoted = **at == '"';
	char *in = *at + quoted, *out = in, *p = in;

	while (*in && (quoted || (*in != ',' && *in != '\n'))) {
		if (quoted && *in == '"' && *++in != '"')
			quoted = false;
		else if (*in != '\r' || quoted)
			*p++ = *in++;
		else
			in++;
	}
	*last = *in != ',';
	*at = in + (*in != '\0');
	*p = '\0';
	return out;
}

static int csv_line(char **at, const char **cells)
{
	bool last = false;
	int n = 0;

	while (!last && n < COLUMNS_MAX)
		cells[n++] = csv_field(at, &last);
	INVARIANT(last);
	return n;
}

static void csv_open(struct csv *c, const char *name)
{
	c->at = read_text(name);
	c->columns = csv_line(&c->at, c->header);
}

static bool csv_next(struct csv *c)
{
	if (*c->at == '\0')
		return false;
	assert_int_equal(csv_line(&c->at, c->cell), c->columns);
	return true;
}

static const char *col(const struct csv *c, const char *name)
{
	for (int i = 0; i < c->columns; i++)
		if (strcmp(c->header[i], name) == 0)
			return c->cell[i];
	fail_msg("there is no column %s", name);
	return NULL;
}

static int64_t col_micros(const struct csv *c, const char *name)
{
	int64_t v = 0;

	assert_true(decimal_parse(col(c, name), 6, &v));
	return v;
}

static int64_t col_time(const struct csv *c, const char *name)
{
	int64_t us = 0;

	assert_true(time_parse(col(c, name), &us));
	return us;
}

/* ---- orders ---- */

static struct at_order orders[ORDERS_MAX];
static struct at_touch touches[ORDERS_MAX][TOUCHES_MAX];
static size_t n_orders;

static size_t order_index(const char *id)
{
	for (size_t i = 0; i < n_orders; i++)
		if (strcmp(orders[i].order_id, id) == 0)
			return i;
	fail_msg("there is no order %s", id);
	return 0;
}

static void read_orders(void)
{
	struct csv c;

	csv_open(&c, "orders.csv");
	while (csv_next(&c)) {
		struct at_order *o = &orders[n_orders];

		INVARIANT(n_orders < ORDERS_MAX);
		*o = (struct at_order){ .order_id = col(&c, "order_id"),
					.version = 1,
					.processed_us = col_time(&c, "processed_at"),
					.currency = col(&c, "currency"),
					.touches = touches[n_orders],
					.dropped = *col(&c, "cancelled_at") != '\0' ||
						   strcmp(col(&c, "test"), "true") == 0 ||
						   strcmp(col(&c, "financial_status"), "VOIDED") ==
							   0 };
		/* The day in the shop's zone is cut by its owner and of no matter here. */
		o->day = (int32_t)(o->processed_us / AT_DAY);
		n_orders++;
	}
}

static void read_amounts(void)
{
	struct csv c;
	int64_t total, quantity = 0;

	csv_open(&c, "order_lines.csv");
	while (csv_next(&c)) {
		struct at_order *o = &orders[order_index(col(&c, "order_id"))];

		assert_true(decimal_parse(col(&c, "quantity"), 0, &quantity));
		assert_true(line_total(quantity, col_micros(&c, "unit_price"),
				       col_micros(&c, "discount"), o->currency, &total));
		o->gross += total;
	}
	csv_open(&c, "refunds.csv");
	while (csv_next(&c))
		orders[order_index(col(&c, "order_id"))].refunds += col_micros(&c, "amount");
}

static void read_touches(void)
{
	struct csv c;

	csv_open(&c, "visits.csv");
	while (csv_next(&c)) {
		struct at_order *o;
		int64_t position = 0;

		if (*col(&c, "order_id") == '\0')
			continue; /* a journey that led to no order */
		o = &orders[order_index(col(&c, "order_id"))];
		INVARIANT(o->n_touches < TOUCHES_MAX);
		assert_true(decimal_parse(col(&c, "position"), 0, &position));
		touches[o - orders][o->n_touches++] =
			(struct at_touch){ col_time(&c, "occurred_at"), (uint32_t)position,
					   col(&c, "source"),           col(&c, "source_type"),
					   col(&c, "medium"),           col(&c, "campaign") };
	}
}

/* ---- ads ---- */

static Ads__V1__Platform platform(const char *word)
{
	if (strcmp(word, "meta") == 0)
		return AT_META;
	return strcmp(word, "google") == 0 ? AT_GOOGLE : AT_TIKTOK;
}

static void tell_results(void)
{
	struct csv c;

	csv_open(&c, "ad_insights.csv");
	while (csv_next(&c)) {
		struct at_result r = {
			col(&c, "account_id"), col(&c, "campaign_id"), col(&c, "ad_id"), 0, 1,
			col(&c, "currency"),   col_micros(&c, "spend")
		};

		assert_true(date_parse(col(&c, "date"), &r.day));
		at_results(&world, &tenant, "", platform(col(&c, "platform")), &r, 1);
	}
}

static void tell_campaigns(void)
{
	const struct at_campaign meta = { "act-1", "77", 1, GOOGLE_WAS, NULL };
	const struct at_campaign google = { "123-usd", "77", 1, "spring renamed", GOOGLE_WAS };
	const struct at_campaign tiktok = { "tt", "t1", 1, "t-1", NULL };

	at_campaigns(&world, &tenant, "", AT_META, &meta, 1);
	at_campaigns(&world, &tenant, "", AT_GOOGLE, &google, 1);
	at_campaigns(&world, &tenant, "", AT_TIKTOK, &tiktok, 1);
}

static int setup(void **state)
{
	const char *const tar[] = { "/bin/tar",
				    "-xzf",
				    arena_printf(world.arena, "%s/data/nasty.tar.gz", tk_root()),
				    "--no-same-owner",
				    "-C",
				    world.dir,
				    NULL };
	struct error err = { 0 };
	const char *text;

	(void)state;
	assert_int_equal(tk_run(tar, NULL, TAR_MS, NULL, 0), 0);
	text = read_text("expected.json");
	INVARIANT(json_parse(text, strlen(text), 16, 1, &expected, &err) == ST_OK);
	at_tenant(&world, &tenant, "KWD");
	read_orders();
	read_amounts();
	read_touches();
	for (size_t i = 0; i < n_orders; i += PAGE)
		at_orders(&world, &tenant, "", orders + i,
			  n_orders - i < PAGE ? n_orders - i : PAGE);
	tell_results();
	tell_campaigns();
	at_settled(&world, tenant.id);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	cJSON_Delete(expected);
	return 0;
}

/* ---- the figures ---- */

static int64_t want(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
	int64_t v = 0;

	if (!cJSON_IsString(item) || !decimal_parse(item->valuestring, 6, &v))
		fail_msg("expected.json has no amount %s", name);
	return v;
}

static void test_totals(void **state)
{
	const cJSON *spend = cJSON_GetObjectItemCaseSensitive(expected, "spend");
	const Attribution__V1__Summary *s = at_summary(&world, &tenant);

	(void)state;
	assert_int_equal(s->orders, cJSON_GetObjectItemCaseSensitive(expected, "orders")->valueint);
	assert_int_equal(s->gross->micros, want(expected, "gross"));
	assert_int_equal(s->refunds->micros, want(expected, "refunds"));
	assert_int_equal(s->net->micros, want(expected, "net"));
	assert_string_equal(s->net->currency, "KWD");
	assert_int_equal(s->n_spend_by_platform, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(s->spend_by_platform[i]->spend->micros,
				 want(spend, s->spend_by_platform[i]->platform));
	assert_int_equal(s->n_ad_spend, 2);
	assert_null(s->roas); /* two currencies */
}

static void test_last_touch(void **state)
{
	const cJSON *by = cJSON_GetObjectItemCaseSensitive(
		expected, "last_touch_28d_net_by_source_and_campaign");
	static const struct {
		int channel;
		const char *campaign, *keys[2];
	} rows[] = {
		{ CHANNEL(META_ADS), GOOGLE_WAS, { "facebook/" GOOGLE_WAS, NULL } },
		{ CHANNEL(GOOGLE_ADS), "spring renamed", { "google/" GOOGLE_WAS, NULL } },
		{ CHANNEL(TIKTOK_ADS), "t-1", { "tiktok/t-1", NULL } },
		{ CHANNEL(ORGANIC_SEARCH), "", { "google/", NULL } },
		{ CHANNEL(EMAIL), "May, 2025", { "newsletter/May, 2025", NULL } },
		{ CHANNEL(DIRECT), "", { "direct/", "/" } },
		{ CHANNEL(UNATTRIBUTED), "", { "unattributed", NULL } },
	};
	const Attribution__V1__AttributionReport *r =
		at_report(&world, &tenant, (struct at_question){ .by_campaign = true });
	int keys = 0;

	(void)state;
	assert_int_equal(r->n_rows, sizeof(rows) / sizeof(rows[0]));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t sum = 0;

		for (int k = 0; k < 2 && rows[i].keys[k]; k++, keys++)
			sum += want(by, rows[i].keys[k]);
		assert_int_equal(at_revenue(r, rows[i].channel, rows[i].campaign, "KWD"), sum);
	}
	assert_int_equal(keys, cJSON_GetArraySize(by));
	assert_int_equal(at_sum_revenue(r, "KWD"), want(expected, "net"));
}

static void test_models_add_up(void **state)
{
	(void)state;
	for (int bits = 0; bits < 8; bits++) {
		const struct at_question q = { .linear = bits & 1,
					       .by_campaign = bits & 2,
					       .window = bits & 4 ? "90d" : NULL };
		const Attribution__V1__AttributionReport *r = at_report(&world, &tenant, q);

		assert_int_equal(at_sum_revenue(r, "KWD"), want(expected, "net"));
		assert_int_equal(
			at_sum_orders(r),
			AT_UNIT * cJSON_GetObjectItemCaseSensitive(expected, "orders")->valueint);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_totals),
		cmocka_unit_test(test_last_touch),
		cmocka_unit_test(test_models_add_up),
	};
	int failed;

	at_start(&world);
	failed = cmocka_run_group_tests(tests, setup, teardown);
	at_stop(&world);
	return failed;
}
