/* Channels, the brand as a whole, products, recent orders, and what can be asked. Read next:
 * analyst_priv.h. */
#include "analyst_priv.h"

#include <stdlib.h>
#include <string.h>

#define LIST_INPUT_MAX 10 /* rows that a list asks for */

/* ---- the brand as a whole ---- */

static void say_ratios(struct analyst *an, unsigned call)
{
	const struct evidence *net = analyst_figure(an, call, -1, "net");
	const struct evidence *gross = analyst_figure(an, call, -1, "gross");
	const struct evidence *refunds = analyst_figure(an, call, -1, "refunds");
	const struct evidence *orders = analyst_figure(an, call, -1, "orders");
	const struct evidence *roas = analyst_figure(an, call, -1, "roas");
	const struct evidence *e;

	if (net && orders && !analyst_is_zero(orders)) {
		e = analyst_calculate(an, "ratio", (const struct evidence *[]){ net, orders }, 2);
		if (e)
			buf_printf(&an->findings,
				   "- An order brought %s on average, refunds "
				   "taken off.\n",
				   analyst_cite(an, e));
	}
	if (refunds && gross && !analyst_is_zero(gross)) {
		e = analyst_calculate(an, "share", (const struct evidence *[]){ refunds, gross },
				      2);
		if (e)
			buf_printf(&an->findings, "- Refunds were %s of gross revenue.\n",
				   analyst_cite(an, e));
	}
	if (roas)
		buf_printf(&an->findings,
			   "- All net revenue against all ad spend is a return of %s; it counts "
			   "orders that no ad led to as well.\n",
			   analyst_times(an, roas));
}

static void say_currencies(struct analyst *an, unsigned call)
{
	for (int row = 0; row < ANALYST_LINES_MAX; row++) {
		const struct evidence *orders = analyst_figure(an, call, row, "orders");
		const struct evidence *gross = analyst_figure(an, call, row, "gross");
		const struct evidence *refunds = analyst_figure(an, call, row, "refunds");
		const struct evidence *net = analyst_figure(an, call, row, "net");

		if (!orders || !gross || !refunds || !net)
			return;
		buf_printf(&an->findings, "- %s brought %s gross, %s refunded, %s net.\n",
			   analyst_cite(an, orders), analyst_cite(an, gross),
			   analyst_cite(an, refunds), analyst_cite(an, net));
	}
}

static void say_platforms(struct analyst *an, unsigned call)
{
	for (int row = 0; row < ANALYST_LINES_MAX; row++) {
		const struct evidence *spend = analyst_figure(an, call, row, "spend");

		if (!spend)
			return;
		buf_printf(&an->findings, "- %s charged %s.\n", spend->name,
			   analyst_cite(an, spend));
	}
}

static bool say_summary(struct analyst *an)
{
	const struct evidence *orders, *net;
	const char *spend;
	unsigned call;

	if (!analyst_query(an, "get_summary", arena_printf(an->a, "{%s}", analyst_period_input(an)),
			   &call))
		return false;
	orders = analyst_figure(an, call, -1, "orders");
	net = analyst_figure(an, call, -1, "net");
	spend = analyst_amounts(an, call, -1, "ad_spend");
	if (orders && analyst_is_zero(orders))
		buf_printf(&an->prose, "There are no orders that count %s. ", analyst_period(an));
	else if (orders && net)
		buf_printf(&an->prose,
			   "The brand had %s %s, with %s gross, %s refunded and %s net. ",
			   analyst_cite(an, orders), analyst_period(an),
			   analyst_amounts(an, call, -1, "gross"),
			   analyst_amounts(an, call, -1, "refunds"), analyst_cite(an, net));
	else if (orders)
		buf_printf(&an->prose,
			   "The brand had %s %s, in several currencies that are not added up. ",
			   analyst_cite(an, orders), analyst_period(an));
	if (spend[0] != '\0')
		buf_printf(&an->prose, "Ads cost %s. ", spend);
	else
		buf_puts(&an->prose, "No ad spend is recorded. ");
	if (!net)
		say_currencies(an, call);
	say_ratios(an, call);
	say_platforms(an, call);
	return true;
}

void analyst_summary(struct analyst *an)
{
	if (!say_summary(an))
		return;
	analyst_say_freshness(an);
	buf_puts(&an->recommendations, "- Ask which campaigns to spend more on to see what each of "
				       "them earned and cost.\n");
}

void analyst_overview(struct analyst *an)
{
	buf_puts(&an->prose,
		 "This question is answered without a language model, by fixed reports: what "
		 "campaigns earned and cost, what channels earned, orders, revenue, refunds and "
		 "ad spend of any days, recent orders, products and their stock. Here is the "
		 "brand as a whole. ");
	if (say_summary(an))
		analyst_say_freshness(an);
	buf_puts(&an->recommendations,
		 "- Ask about campaigns, channels, revenue, orders or stock, with "
		 "days if you wish.\n");
}

/* ---- channels ---- */

static void say_channel(struct analyst *an, unsigned call, const struct analyst_row *r,
			const struct evidence *net)
{
	const char *revenue = analyst_amounts(an, call, r->number, "revenue");
	const char *spend = analyst_amounts(an, call, r->number, "spend");
	const struct evidence *share = NULL;

	if (!r->orders)
		return;
	if (net && r->revenue && strcmp(net->unit, r->revenue->unit) == 0 && !analyst_is_zero(net))
		share = analyst_calculate(an, "share",
					  (const struct evidence *[]){ r->revenue, net }, 2);
	buf_printf(&an->findings, "- %s: %s from %s", analyst_name(an, r),
		   revenue[0] != '\0' ? revenue : "no revenue", analyst_cite(an, r->orders));
	if (share)
		buf_printf(&an->findings, ", %s of net revenue", analyst_cite(an, share));
	if (spend[0] != '\0')
		buf_printf(&an->findings, "; it cost %s", spend);
	if (r->roas)
		buf_printf(&an->findings, ", a return of %s", analyst_times(an, r->roas));
	buf_puts(&an->findings, ".\n");
}

static const struct analyst_row *best_paid(const struct analyst_row *rows, size_t n)
{
	const struct analyst_row *best = NULL;

	for (size_t i = 0; i < n; i++)
		if (rows[i].roas && (!best || analyst_compare(rows[i].roas, best->roas) > 0))
			best = &rows[i];
	return best;
}

void analyst_channels(struct analyst *an)
{
	struct analyst_row *rows = arena_array(an->a, ANALYST_ROWS_MAX, sizeof(*rows));
	const struct evidence *net;
	const struct analyst_row *best;
	unsigned summary, call;
	size_t n;

	if (!rows || !analyst_attribution(an, "channel", &summary, &call))
		return;
	net = analyst_figure(an, summary, -1, "net");
	n = analyst_rows(an, call, rows, ANALYST_ROWS_MAX);
	analyst_say_attribution(an, "channel");
	if (n == 0)
		buf_puts(&an->prose, "There are no orders and no spend in these days. ");
	for (size_t i = 0; i < n; i++)
		say_channel(an, call, &rows[i], net);
	best = best_paid(rows, n);
	if (best)
		buf_printf(&an->recommendations,
			   "- Of the channels that cost money, %s has the highest return, %s: look "
			   "at its campaigns for where to spend more.\n",
			   analyst_name(an, best), analyst_times(an, best->roas));
	buf_puts(&an->recommendations,
		 "- Read returns as what orders followed, not as what the channel caused.\n");
	analyst_say_freshness(an);
}

/* ---- products ---- */

static void say_product(struct analyst *an, unsigned call, int row)
{
	const struct evidence *stock = analyst_figure(an, call, row, "stock");
	const char *price = analyst_amounts(an, call, row, "price");

	if (!stock)
		return;
	buf_printf(&an->findings, "- \"%s\" has %s in stock%s%s.\n", stock->name,
		   analyst_cite(an, stock), price[0] != '\0' ? " at a price of " : "", price);
}

void analyst_products(struct analyst *an)
{
	const struct evidence *total, *empty;
	unsigned call;

	if (!analyst_query(
		    an, "list_products",
		    arena_printf(an->a, "{\"limit\":%d,\"order\":\"stock_asc\"}", LIST_INPUT_MAX),
		    &call))
		return;
	total = analyst_figure(an, call, -1, "rows_total");
	empty = analyst_figure(an, call, -1, "out_of_stock");
	if (!total || !empty || analyst_is_zero(total)) {
		buf_puts(&an->prose, "The shop has no products that are known here. ");
		return;
	}
	buf_printf(&an->prose,
		   "The shop has %s of products; %s are out of stock or oversold. Those with the "
		   "lowest "
		   "stock are listed. What sold best is not known here: stock and prices are. ",
		   analyst_cite(an, total), analyst_cite(an, empty));
	for (int row = 0; row < LIST_INPUT_MAX; row++)
		say_product(an, call, row);
	if (!analyst_is_zero(empty))
		buf_printf(&an->recommendations,
			   "- Restock what still sells among the %s that are out of stock, and "
			   "stop ads "
			   "that lead to the rest.\n",
			   analyst_cite(an, empty));
	else
		buf_puts(&an->recommendations,
			 "- Watch the products with the lowest stock; none is out "
			 "of stock.\n");
}

/* ---- recent orders ---- */

void analyst_orders(struct analyst *an)
{
	unsigned call;
	int row;

	if (!analyst_query(an, "list_orders", arena_printf(an->a, "{\"limit\":%d}", LIST_INPUT_MAX),
			   &call))
		return;
	for (row = 0; row < LIST_INPUT_MAX; row++) {
		const struct evidence *gross = analyst_figure(an, call, row, "gross");
		const char *net = analyst_amounts(an, call, row, "net");

		if (!gross)
			break;
		buf_printf(&an->findings, "- Order \"%s\": %s gross, %s net.\n", gross->name,
			   analyst_cite(an, gross), net);
	}
	if (row == 0)
		buf_puts(&an->prose, "The shop has no orders that are known here. ");
	else
		buf_puts(&an->prose,
			 "These are the newest orders, cancelled and test orders included. ");
	buf_puts(&an->recommendations,
		 "- Ask for revenue or orders of a period to see totals, which "
		 "leave cancelled, test and voided orders out.\n");
}
