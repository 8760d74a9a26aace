/* Sort the items by row, then add up neighbours. */
#include "report.h"

#include "core/money.h"

#include <stdlib.h>
#include <string.h>

static int by_row(const struct report_item *x, const struct report_item *y)
{
	int order = (x->channel > y->channel) - (x->channel < y->channel);

	if (order == 0)
		order = strcmp(x->platform, y->platform);
	if (order == 0)
		order = strcmp(x->campaign_id, y->campaign_id);
	return order != 0 ? order : strcmp(x->campaign, y->campaign);
}

static int by_row_and_currency(const void *a, const void *b)
{
	const struct report_item *x = a, *y = b;
	int order = by_row(x, y);

	if (order == 0)
		order = (x->is_spend > y->is_spend) - (x->is_spend < y->is_spend);
	return order != 0 ? order : strcmp(x->currency, y->currency);
}

/* Items of one row and currency become one, in place. False when an amount overflows. */
static bool unite(struct report_item *items, size_t *n)
{
	size_t kept = 0;

	for (size_t i = 0; i < *n; i++) {
		struct report_item *last = kept ? &items[kept - 1] : NULL;

		if (!last || by_row_and_currency(last, &items[i]) != 0) {
			items[kept++] = items[i];
			continue;
		}
		if (!micros_add(last->micro_orders, items[i].micro_orders, &last->micro_orders) ||
		    !micros_add(last->micros, items[i].micros, &last->micros))
			return false;
	}
	*n = kept;
	return true;
}

/* A row from the items that belong to it: credits first, then spend, each by currency. */
static enum status make_row(struct arena *a, const struct report_item *items, size_t n,
			    struct report_row *row)
{
	struct amount *amounts = arena_array(a, n, sizeof(*amounts));

	*row = (struct report_row){ items->channel,
				    items->platform,
				    items->campaign_id,
				    items->campaign,
				    0,
				    amounts,
				    NULL,
				    0,
				    0 };
	if (!amounts)
		return ST_TOO_LARGE;
	for (size_t i = 0; i < n; i++) {
		amounts[i] = (struct amount){ items[i].currency, items[i].micros };
		row->n_revenue += !items[i].is_spend;
		if (!micros_add(row->micro_orders, items[i].micro_orders, &row->micro_orders))
			return ST_TOO_LARGE;
	}
	row->spend = amounts + row->n_revenue;
	row->n_spend = n - row->n_revenue;
	return ST_OK;
}

/* Ads that cost nothing and earned nothing are no row. */
static bool is_empty(const struct report_row *row)
{
	for (size_t i = 0; i < row->n_spend; i++)
		if (row->spend[i].micros != 0)
			return false;
	return row->n_revenue == 0;
}

static int by_names(const struct report_row *x, const struct report_row *y)
{
	int order = (x->channel > y->channel) - (x->channel < y->channel);

	if (order == 0)
		order = strcmp(x->campaign, y->campaign);
	if (order == 0)
		order = strcmp(x->campaign_id, y->campaign_id);
	return order != 0 ? order : strcmp(x->platform, y->platform);
}

static int by_revenue(const void *a, const void *b)
{
	const struct report_row *x = a, *y = b;
	const bool x_last = x->channel == CHANNEL_UNATTRIBUTED;
	const bool y_last = y->channel == CHANNEL_UNATTRIBUTED;
	int64_t x_micros = x->n_revenue == 1 ? x->revenue->micros : 0;
	int64_t y_micros = y->n_revenue == 1 ? y->revenue->micros : 0;

	if (x_last != y_last)
		return x_last ? 1 : -1;
	if ((x->n_revenue > 1) != (y->n_revenue > 1))
		return x->n_revenue > 1 ? 1 : -1;
	if (x_micros != y_micros)
		return x_micros > y_micros ? -1 : 1;
	return by_names(x, y);
}

static void forget_campaigns(struct report_item *items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		items[i].campaign_id = items[i].campaign = "";
}

static size_t row_end(const struct report_item *items, size_t n, size_t from)
{
	size_t end = from;

	while (end < n && by_row(&items[from], &items[end]) == 0)
		end++;
	return end;
}

static size_t count_rows(const struct report_item *items, size_t n)
{
	size_t rows = 0;

	for (size_t i = 0; i < n; i = row_end(items, n, i))
		rows++;
	return rows;
}

enum status report_rows(struct arena *a, struct report_item *items, size_t n, bool by_campaign,
			struct report_row **ret, size_t *ret_n, struct error *err)
{
	struct report_row *rows;
	size_t kept = 0, end;

	if (!by_campaign)
		forget_campaigns(items, n);
	if (n > 1)
		qsort(items, n, sizeof(*items), by_row_and_currency);
	if (!unite(items, &n))
		return error_set(err, ST_TOO_LARGE, NULL, "an amount is too large");
	rows = arena_array(a, n ? count_rows(items, n) : 1, sizeof(*rows));
	for (size_t i = 0; rows && i < n; i = end) {
		end = row_end(items, n, i);
		if (make_row(a, items + i, end - i, &rows[kept]) != ST_OK)
			return error_set(err, ST_TOO_LARGE, NULL, "the report is too large");
		kept += !is_empty(&rows[kept]);
	}
	if (!rows || kept > REPORT_ROWS_MAX)
		return error_set(
			err, ST_TOO_LARGE, NULL,
			"the report has more than %d rows; ask by channel or for fewer days",
			REPORT_ROWS_MAX);
	if (kept > 1)
		qsort(rows, kept, sizeof(*rows), by_revenue);
	*ret = rows;
	*ret_n = kept;
	return ST_OK;
}

const char *report_currency(const struct report_row *rows, size_t n, const char *otherwise)
{
	const char *one = NULL;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < rows[i].n_revenue; k++) {
			if (one && strcmp(one, rows[i].revenue[k].currency) != 0)
				return otherwise;
			one = rows[i].revenue[k].currency;
		}
	return one ? one : otherwise;
}

bool report_roas(const struct amount *revenue, size_t n_revenue, const struct amount *spend,
		 size_t n_spend, const char *currency, int64_t *ret)
{
	const struct amount nothing = { currency, 0 };
	const struct amount *earned = n_revenue ? revenue : &nothing;

	if (n_revenue > 1 || n_spend != 1 || spend->micros <= 0 ||
	    strcmp(earned->currency, spend->currency) != 0)
		return false;
	return ratio_units(earned->micros, spend->micros, REPORT_ROAS_SCALE, ret);
}
