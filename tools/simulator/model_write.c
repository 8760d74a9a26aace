/*
 * What the model says: sentences from the results it was given, each number rounded from a figure
 * and followed by its id. Names of campaigns and products are quoted and never read as anything
 * else. Read next: model.c.
 */
#include "anthropic.h"
#include "member.h"

#include "core/money.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX     200
#define BEST_ROWS    4
#define WORST_ROWS   2
#define SHOWN_MAX    8
#define NAME_BYTES   400
#define SHOW_DIGITS  2
#define MICRO_DIGITS 6
#define GROUPED_TEXT (DECIMAL_TEXT * 2)

static bool is_figure(const cJSON *f)
{
	return text_of(f, "id")[0] != '\0' && text_of(f, "value")[0] != '\0';
}

/* False when it is no decimal of at most six digits. */
static bool micros_of(const cJSON *f, int64_t *ret)
{
	return is_figure(f) && decimal_parse(text_of(f, "value"), MICRO_DIGITS, ret);
}

/* ---- numbers ---- */

static void group(const char *plain, char out[GROUPED_TEXT])
{
	size_t whole = strcspn(plain, "."), n = 0;

	for (size_t i = 0; plain[i] != '\0' && n < GROUPED_TEXT - 2; i++) {
		if (i > 0 && i < whole && (whole - i) % 3 == 0 && plain[i - 1] != '-')
			out[n++] = ',';
		out[n++] = plain[i];
	}
	out[n] = '\0';
}

/* At most two digits behind the point, rounded half away from zero; whole numbers without. */
static void put_number(struct buf *b, const cJSON *f)
{
	char plain[DECIMAL_TEXT], grouped[GROUPED_TEXT];
	const int64_t unit = 10000;
	int64_t v, rest;

	if (!micros_of(f, &v)) {
		buf_puts(b, text_of(f, "value"));
		return;
	}
	rest = v % unit;
	if (v % 1000000 == 0 && strchr(text_of(f, "value"), '.') == NULL)
		decimal_format(v / 1000000, 0, plain);
	else
		decimal_format(v / unit + (rest >= unit / 2) - (rest <= -unit / 2), SHOW_DIGITS,
			       plain);
	group(plain, grouped);
	buf_puts(b, grouped);
}

/* "1,234.56 GBP [e12]"; percent has its sign, orders and the like their word. */
static void put_figure(struct buf *b, const cJSON *f)
{
	const char *unit = text_of(f, "unit");

	put_number(b, f);
	if (strcmp(unit, "percent") == 0)
		buf_putc(b, '%');
	else if (unit[0] != '\0')
		buf_printf(b, " %s", unit);
	buf_printf(b, " [%s]", text_of(f, "id"));
}

/* Several figures, or one, or none. */
static bool put_figures(struct buf *b, const cJSON *f)
{
	const cJSON *e;
	int n = 0;

	if (is_figure(f)) {
		put_figure(b, f);
		return true;
	}
	cJSON_ArrayForEach(e, f)
	{
		if (!is_figure(e))
			continue;
		buf_puts(b, n++ > 0 ? " and " : "");
		put_figure(b, e);
	}
	return n > 0;
}

/* ---- rows ---- */

/* A name as it stands, in quotes; long ones are cut at a whole character. */
static void put_name(struct buf *b, const cJSON *row)
{
	static const char *const keys[] = { "campaign", "channel", "title", "platform" };
	const char *name = "";
	size_t n;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && name[0] == '\0'; i++)
		name = text_of(row, keys[i]);
	n = strlen(name);
	if (n > NAME_BYTES)
		for (n = NAME_BYTES; n > 0 && ((unsigned char)name[n] & 0xc0) == 0x80;)
			n--;
	buf_putc(b, '"');
	buf_put(b, name, n);
	buf_putc(b, '"');
}

struct ranked {
	const cJSON *rows[ROWS_MAX];
	int64_t roas[ROWS_MAX];
	size_t n;
};

static void rank(const cJSON *rows, struct ranked *r)
{
	const cJSON *row;

	r->n = 0;
	cJSON_ArrayForEach(row, rows)
	{
		int64_t v;
		size_t at;

		if (r->n == ROWS_MAX || !micros_of(member_of(row, "roas"), &v) ||
		    !is_figure(member_of(row, "revenue")) || !is_figure(member_of(row, "spend")))
			continue;
		for (at = r->n; at > 0 && r->roas[at - 1] < v; at--) {
			r->rows[at] = r->rows[at - 1];
			r->roas[at] = r->roas[at - 1];
		}
		r->rows[at] = row;
		r->roas[at] = v;
		r->n++;
	}
}

static void put_earned(struct buf *b, const cJSON *row)
{
	put_name(b, row);
	buf_puts(b, " earned ");
	put_figure(b, member_of(row, "revenue"));
	buf_puts(b, " for ");
	put_figure(b, member_of(row, "spend"));
	buf_puts(b, " of spend, a return of ");
	put_figure(b, member_of(row, "roas"));
}

/* Where no return can be compared: what each row earned, in its own currencies. */
static void put_plain_rows(struct buf *b, const cJSON *rows)
{
	const cJSON *row;
	int n = 0;

	cJSON_ArrayForEach(row, rows)
	{
		const cJSON *revenue = member_of(row, "revenue"), *spend = member_of(row, "spend");

		if (!is_figure(revenue))
			revenue = member_of(row, "revenue_by_currency");
		if (!is_figure(spend))
			spend = member_of(row, "spend_by_currency");
		if (n == SHOWN_MAX || (!is_figure(revenue) && cJSON_GetArraySize(revenue) == 0))
			continue;
		buf_puts(b, "- ");
		put_name(b, row);
		buf_puts(b, " earned ");
		put_figures(b, revenue);
		if (is_figure(spend) || cJSON_GetArraySize(spend) > 0) {
			buf_puts(b, " for ");
			put_figures(b, spend);
			buf_puts(b, " of spend");
		}
		buf_puts(b, ".\n");
		n++;
	}
	if (n == 0)
		buf_puts(b, "- No row has earned anything in this period.\n");
}

/* ---- answers ---- */

static void put_totals(struct buf *b, const cJSON *s)
{
	const cJSON *c;

	if (is_figure(member_of(s, "net"))) {
		buf_puts(b, "In all the brand earned ");
		put_figure(b, member_of(s, "net"));
		buf_puts(b, " net");
		if (cJSON_GetArraySize(member_of(s, "ad_spend")) > 0) {
			buf_puts(b, " and spent ");
			put_figures(b, member_of(s, "ad_spend"));
			buf_puts(b, " on ads");
		}
		buf_puts(b, ".\n");
		return;
	}
	cJSON_ArrayForEach(c, member_of(s, "by_currency"))
	{
		buf_puts(b, "In its own currency the brand earned ");
		put_figures(b, member_of(c, "net"));
		buf_puts(b, " net.\n");
	}
}

/* What campaigns without a return to compare have earned: no spend, or spend in another currency.
 */
static void put_unranked(struct buf *b, const cJSON *rows)
{
	const cJSON *row;
	int n = 0;

	cJSON_ArrayForEach(row, rows)
	{
		if (n == SHOWN_MAX || text_of(row, "campaign")[0] == '\0' ||
		    is_figure(member_of(row, "roas")) || !is_figure(member_of(row, "revenue")))
			continue;
		buf_puts(b, "- ");
		put_name(b, row);
		buf_puts(b, " earned ");
		put_figure(b, member_of(row, "revenue"));
		if (cJSON_GetArraySize(member_of(row, "spend_by_currency")) > 0) {
			buf_puts(b, " for ");
			put_figures(b, member_of(row, "spend_by_currency"));
			buf_puts(b, " of spend, which cannot be compared with it");
		}
		buf_puts(b, ".\n");
		n++;
	}
}

/* The campaigns to spend more on: those that return at least as much as the brand as a whole, the
 * best first; of those that return anything. */
static size_t best_of(const struct model_talk *t, const struct ranked *r, int64_t *ret_bar)
{
	size_t best = 0;

	if (!micros_of(member_of(talk_result(t, "summary", NULL), "roas"), ret_bar))
		*ret_bar = r->n > 0 ? r->roas[r->n / 2] : 0;
	while (best < r->n && best < BEST_ROWS && r->roas[best] > 0 &&
	       (best == 0 || r->roas[best] >= *ret_bar))
		best++;
	return best;
}

size_t best_revenues(const struct model_talk *t, const char *ids[], size_t max)
{
	struct ranked r;
	int64_t bar;
	size_t n;

	rank(member_of(talk_result(t, "attribution", "campaign"), "rows"), &r);
	n = best_of(t, &r, &bar);
	for (size_t i = 0; i < n && i < max; i++) {
		ids[i] = text_of(member_of(r.rows[i], "revenue"), "id");
		/* Amounts of different currencies are never added. */
		if (strcmp(text_of(member_of(r.rows[i], "revenue"), "unit"),
			   text_of(member_of(r.rows[0], "revenue"), "unit")) != 0)
			return 0;
	}
	return n < max ? n : max;
}

static void campaigns(const struct model_talk *t, struct buf *b, const cJSON *report)
{
	const cJSON *s = talk_result(t, "summary", NULL);
	const cJSON *sum = member_of(talk_result(t, "calculate", NULL), "result");
	struct ranked r;
	size_t best, worst;
	int64_t bar;

	rank(member_of(report, "rows"), &r);
	if (r.n == 0) {
		buf_puts(b,
			 "No campaign can be ranked by its return: none has revenue and spend in "
			 "the same currency.\n");
		put_totals(b, s);
		buf_puts(b, "\nFindings:\n");
		put_plain_rows(b, member_of(report, "rows"));
		buf_puts(b, "\nRecommendations:\n- Keep the budgets as they are until revenue and "
			    "spend can be compared.\n");
		return;
	}
	best = best_of(t, &r, &bar);
	worst = r.n;
	while (worst > best && r.n - worst < WORST_ROWS && r.roas[worst - 1] < bar)
		worst--;
	buf_puts(b, best > 0 ? "Spend more on " : "Spend more on none");
	for (size_t i = 0; i < best; i++) {
		buf_puts(b, i == 0 ? "" : i + 1 == best ? " and " : ", ");
		put_name(b, r.rows[i]);
	}
	buf_puts(b, best > 0 ? ": they return the most for what they cost."
			     : ": no campaign returns anything.");
	if (best > 1 && is_figure(sum)) {
		buf_puts(b, " Together they earned ");
		put_figure(b, sum);
		buf_putc(b, '.');
	}
	buf_putc(b, '\n');
	put_totals(b, s);
	buf_puts(b, "\nFindings:\n");
	for (size_t i = 0; i < r.n && i < SHOWN_MAX; i++) {
		buf_puts(b, "- ");
		put_earned(b, r.rows[i]);
		buf_puts(b, ".\n");
	}
	put_unranked(b, member_of(report, "rows"));
	buf_puts(b, "\nRecommendations:\n");
	for (size_t i = 0; i < best; i++) {
		buf_puts(b, "- Raise the budget of ");
		put_name(b, r.rows[i]);
		buf_puts(b, " in steps: its return is ");
		put_figure(b, member_of(r.rows[i], "roas"));
		buf_puts(b, ".\n");
	}
	for (size_t i = worst; i < r.n; i++) {
		buf_puts(b, "- Do not spend more on ");
		put_name(b, r.rows[i]);
		buf_puts(b, ": its return is only ");
		put_figure(b, member_of(r.rows[i], "roas"));
		buf_puts(b, ".\n");
	}
}

static void channels(const struct model_talk *t, struct buf *b, const cJSON *report)
{
	put_totals(b, talk_result(t, "summary", NULL));
	buf_puts(b, "\nFindings:\n");
	put_plain_rows(b, member_of(report, "rows"));
	buf_puts(b,
		 "\nRecommendations:\n- Compare the channels by what they return before money is "
		 "moved between them.\n");
}

static void products(struct buf *b, const cJSON *list)
{
	const cJSON *row;
	int n = 0;

	buf_puts(b, "This is what the shop has in stock of the products that were listed.\n"
		    "\nFindings:\n");
	cJSON_ArrayForEach(row, member_of(list, "rows"))
	{
		if (n++ == SHOWN_MAX)
			break;
		buf_puts(b, "- ");
		put_name(b, row);
		buf_puts(b, " has a stock of ");
		if (!put_figures(b, member_of(row, "stock")))
			buf_puts(b, "an unknown size");
		buf_puts(b, ".\n");
	}
	if (n == 0)
		buf_puts(b, "- The shop has listed no products.\n");
	buf_puts(b, "\nRecommendations:\n- Order what sells and is nearly gone.\n");
}

static void put_line(struct buf *b, const char *words, const cJSON *f)
{
	if (!is_figure(f) && cJSON_GetArraySize(f) == 0)
		return;
	buf_printf(b, "- %s ", words);
	put_figures(b, f);
	buf_puts(b, ".\n");
}

static void shop(struct buf *b, const cJSON *s)
{
	put_totals(b, s);
	buf_puts(b, "\nFindings:\n");
	put_line(b, "Orders that count:", member_of(s, "orders"));
	put_line(b, "Gross came to", member_of(s, "gross"));
	put_line(b, "Refunds came to", member_of(s, "refunds"));
	put_line(b, "Net came to", member_of(s, "net"));
	put_line(b, "Ads cost", member_of(s, "ad_spend"));
	put_line(b, "The overall return is", member_of(s, "roas"));
	buf_puts(b, "\nRecommendations:\n- Look at the campaigns next: they tell what the spend "
		    "earned.\n");
}

void write_answer(const struct model_talk *t, struct buf *b)
{
	const cJSON *by_campaign = talk_result(t, "attribution", "campaign");
	const cJSON *by_channel = talk_result(t, "attribution", "channel");
	const cJSON *list = talk_result(t, "product", NULL);
	const cJSON *s = talk_result(t, "summary", NULL);

	if (by_campaign != NULL && asks_campaigns(t))
		campaigns(t, b, by_campaign);
	else if (by_channel != NULL && asks_channels(t))
		channels(t, b, by_channel);
	else if (list != NULL && asks_products(t))
		products(b, list);
	else if (s != NULL && asks_shop(t))
		shop(b, s);
	else
		buf_puts(b,
			 "The data I can ask for do not hold what the question asks.\n\nFindings:\n"
			 "- Orders, revenue, ad spend, channels, campaigns and stock can be asked "
			 "about.\n\nRecommendations:\n- Ask about any of these.\n");
}
