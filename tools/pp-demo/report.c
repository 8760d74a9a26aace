/* The report: what came in, what it cost, who earned it, how fresh it is. Amounts are shown as the
 * API gives them; nothing is computed here but the rounding of what is shown. */
#include "core/money.h"
#include "demo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CELL  96
#define MINOR (-1)

const char *const demo_rule =
	"────────────────────────────────────────────────────────────────────────────────────────";

/* Columns a UTF-8 text takes, near enough for a table: one for each character that is not a
 * continuation byte. */
static int columns(const char *s)
{
	int n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static void cell(const char *s, int width, bool right)
{
	int pad = width - columns(s);

	for (int i = 0; right && i < pad; i++)
		putchar(' ');
	fputs(s, stdout);
	for (int i = 0; !right && i < pad; i++)
		putchar(' ');
}

/* A decimal string with thousands separated; at most `digits` after the point are shown, the rest
 * is cut. */
static void grouped(const char *amount, int digits, char out[CELL])
{
	const char *point = strchr(amount, '.');
	size_t whole = point ? (size_t)(point - amount) : strlen(amount);
	size_t n = 0;

	for (size_t i = 0; i < whole && n < CELL - 16; i++) {
		size_t left = whole - i;

		if (i > 0 && amount[i - 1] != '-' && left % 3 == 0)
			out[n++] = ',';
		out[n++] = amount[i];
	}
	out[n] = '\0';
	if (point && digits > 0)
		snprintf(out + n, CELL - n, "%.*s", digits + 1, point);
}

/*
 * `digits` after the point; fewer than the API gives are reached by rounding half up, never by
 * cutting. MINOR stands for the currency's own.
 */
static void rounded(const char *amount, int digits, char out[DECIMAL_TEXT])
{
	int64_t micros, unit = 1;

	if (!decimal_parse(amount, 6, &micros)) {
		snprintf(out, DECIMAL_TEXT, "%s", amount);
		return;
	}
	for (int i = digits; i < 6; i++)
		unit *= 10;
	micros = (micros + (micros < 0 ? -unit / 2 : unit / 2)) / unit;
	decimal_format(micros, digits, out);
}

static void money_text(const cJSON *m, int digits, char out[CELL * 2])
{
	char amount[CELL], text[DECIMAL_TEXT];

	out[0] = '\0';
	if (!cJSON_IsObject(m))
		return;
	if (digits == MINOR)
		rounded(text_of(m, "amount"), currency_minor_digits(text_of(m, "currency")), text);
	else
		snprintf(text, sizeof(text), "%s", text_of(m, "amount"));
	grouped(text, digits == MINOR ? 6 : digits, amount);
	snprintf(out, CELL * 2, "%s %s", amount, text_of(m, "currency"));
}

/* One amount per currency, joined. */
static void amounts_text(const cJSON *list, int digits, char *out, size_t cap)
{
	const cJSON *m;
	size_t n = 0;

	out[0] = '\0';
	cJSON_ArrayForEach(m, list)
	{
		char one[CELL * 2];

		money_text(m, digits, one);
		n += (size_t)snprintf(out + n, cap - n, "%s%s", n ? " + " : "", one);
		if (n >= cap)
			return;
	}
}

static void line(const char *label, const char *value)
{
	printf("  ");
	cell(label, 12, false);
	printf("%s\n", *value ? value : "-");
}

static void print_totals(const cJSON *s)
{
	char text[1024];
	const cJSON *c;

	snprintf(text, sizeof(text), "%d", number_of(s, "orders"));
	line("orders", text);
	static const char *const names[] = { "gross", "refunds", "net" };
	for (size_t i = 0; i < 3; i++) {
		const cJSON *by = cJSON_GetObjectItemCaseSensitive(s, "by_currency");
		size_t n = 0;

		text[0] = '\0';
		cJSON_ArrayForEach(c, by)
		{
			char one[CELL * 2];

			money_text(cJSON_GetObjectItemCaseSensitive(c, names[i]), 6, one);
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n ? " + " : "",
					      one);
			if (n >= sizeof(text))
				break;
		}
		line(names[i], text);
	}
	amounts_text(cJSON_GetObjectItemCaseSensitive(s, "ad_spend"), 6, text, sizeof(text));
	line("ad spend", text);
	c = cJSON_GetObjectItemCaseSensitive(s, "spend_by_platform");
	const cJSON *p;
	cJSON_ArrayForEach(p, c)
	{
		char label[CELL], one[CELL * 2];

		snprintf(label, sizeof(label), "  %s", text_of(p, "platform"));
		money_text(cJSON_GetObjectItemCaseSensitive(p, "spend"), 6, one);
		line(label, one);
	}
	line("ROAS", *text_of(s, "roas") ? text_of(s, "roas") : "none across currencies");
}

static void print_row(const cJSON *r, bool campaigns)
{
	char text[1024], orders[CELL];
	const char *name = text_of(r, "campaign");

	printf("  ");
	cell(text_of(r, "channel"), 16, false);
	if (campaigns)
		cell(*name ? name : "-", 22, false);
	rounded(text_of(r, "orders"), 2, text);
	grouped(text, 2, orders);
	cell(orders, 12, true);
	amounts_text(cJSON_GetObjectItemCaseSensitive(r, "revenue_by_currency"), MINOR, text,
		     sizeof(text));
	cell(*text ? text : "-", 20, true);
	amounts_text(cJSON_GetObjectItemCaseSensitive(r, "spend_by_currency"), MINOR, text,
		     sizeof(text));
	cell(*text ? text : "-", 18, true);
	cell(*text_of(r, "roas") ? text_of(r, "roas") : "-", 11, true);
	putchar('\n');
}

static void print_table(struct demo *d, const char *model, const char *by)
{
	char path[DEMO_TEXT], title[CELL];
	bool campaigns = strcmp(by, "campaign") == 0;
	const cJSON *r;
	cJSON *o;

	snprintf(path, sizeof(path), "/api/brands/%s/attribution?model=%s&by=%s", d->brand_id,
		 model, by);
	o = api(d, "GET", path, NULL, 200);
	snprintf(title, sizeof(title), "by %s, %s, 28 days", by,
		 strcmp(model, "linear") == 0 ? "linear" : "last touch");
	printf("\n  %s\n  %s\n  ", title, demo_rule);
	cell("channel", 16, false);
	if (campaigns)
		cell("campaign", 22, false);
	cell("orders", 12, true);
	cell("net revenue", 20, true);
	cell("spend", 18, true);
	cell("ROAS", 11, true);
	putchar('\n');
	cJSON_ArrayForEach(r, cJSON_GetObjectItemCaseSensitive(o, "rows")) print_row(r, campaigns);
	cJSON_Delete(o);
}

static void print_freshness(const cJSON *s)
{
	const cJSON *f;

	printf("\n  how fresh\n  %s\n", demo_rule);
	cJSON_ArrayForEach(f, cJSON_GetObjectItemCaseSensitive(s, "freshness"))
	{
		const cJSON *syncing = cJSON_GetObjectItemCaseSensitive(f, "syncing");

		printf("  ");
		cell(text_of(f, "source"), 14, false);
		printf("data through %s, in the reports since %s%s\n",
		       *text_of(f, "data_through") ? text_of(f, "data_through") : "(the import)",
		       text_of(f, "synced_at"), cJSON_IsTrue(syncing) ? ", syncing" : "");
	}
}

void print_report(struct demo *d)
{
	char path[DEMO_TEXT];
	cJSON *s;

	snprintf(path, sizeof(path), "/api/brands/%s/summary", d->brand_id);
	s = api(d, "GET", path, NULL, 200);
	printf("\n  %s\n  %s to %s, days in %s\n  %s\n", d->dataset, text_of(s, "first_day"),
	       text_of(s, "last_day"), d->timezone, demo_rule);
	print_totals(s);
	print_table(d, "last_touch", "channel");
	print_table(d, "last_touch", "campaign");
	print_table(d, "linear", "channel");
	print_table(d, "linear", "campaign");
	print_freshness(s);
	cJSON_Delete(s);
}
