/* See ads.h. The rows of the dataset are one ad on one day; everything coarser is a sum over them.
 */
#include "ads.h"

#include "core/money.h"

#include <stdlib.h>
#include <string.h>

#define MICRO_SCALE 6

/* Order of two rows under the query: equal means they are summed. */
static int compare_rows(const void *pa, const void *pb, void *arg)
{
	const struct ads_query *q = arg;
	const struct ad_row *a = *(const struct ad_row *const *)pa;
	const struct ad_row *b = *(const struct ad_row *const *)pb;
	int d = 0;

	if (q->daily && a->day != b->day)
		return a->day < b->day ? -1 : 1;
	if (q->level >= LEVEL_CAMPAIGN)
		d = id_compare(a->campaign_id, b->campaign_id);
	if (d == 0 && q->level >= LEVEL_ADSET)
		d = id_compare(a->adset_id, b->adset_id);
	if (d == 0 && q->level >= LEVEL_AD)
		d = id_compare(a->ad_id, b->ad_id);
	return d;
}

/* Within a sum the rows go by day and place in the file, so that the last one has the name that
 * holds. */
static int compare_in_file(const void *pa, const void *pb, void *arg)
{
	const struct ad_row *a = *(const struct ad_row *const *)pa;
	const struct ad_row *b = *(const struct ad_row *const *)pb;
	int d = compare_rows(pa, pb, arg);

	if (d != 0)
		return d;
	if (a->day != b->day)
		return a->day < b->day ? -1 : 1;
	return a < b ? -1 : 1;
}

static size_t matching(const struct dataset *ds, const struct ads_query *q,
		       const struct ad_row **ret)
{
	size_t n = 0;

	for (uint32_t i = 0; i < ds->nads; i++) {
		const struct ad_row *r = &ds->ads[i];

		if (r->platform != q->platform || r->day < q->from || r->day > q->to ||
		    strcmp(r->account_id.p, q->account_id) != 0)
			continue;
		if (ret != NULL)
			ret[n] = r;
		n++;
	}
	return n;
}

static void add_row(struct ads_row *sum, const struct ad_row *r)
{
	sum->row = r;
	sum->last_day = r->day;
	sum->spend += r->spend;
	sum->conversions += r->conversions;
	sum->conversion_value += r->conversion_value;
	sum->impressions += r->impressions;
	sum->clicks += r->clicks;
}

const struct ads_row *ads_sum(struct arena *a, const struct dataset *ds, const struct ads_query *q,
			      size_t *ret_n)
{
	struct ads_query key = *q;
	size_t n = matching(ds, q, NULL), out = 0;
	const struct ad_row **rows = arena_array(a, n + 1, sizeof(*rows));
	struct ads_row *sums = arena_array(a, n + 1, sizeof(*sums));

	if (rows == NULL || sums == NULL)
		return NULL;
	matching(ds, q, rows);
	qsort_r(rows, n, sizeof(*rows), compare_in_file, &key);
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || compare_rows(&rows[i - 1], &rows[i], &key) != 0)
			sums[out++].day = rows[i]->day;
		add_row(&sums[out - 1], rows[i]);
	}
	*ret_n = out;
	return sums;
}

const char *ads_decimal(struct arena *a, int64_t micros)
{
	char text[DECIMAL_TEXT];
	size_t n;

	decimal_format(micros, MICRO_SCALE, text);
	n = strlen(text);
	while (n > 0 && text[n - 1] == '0')
		n--;
	if (n > 0 && text[n - 1] == '.')
		n--;
	return arena_strndup(a, text, n);
}

const char *ads_ratio(struct arena *a, int64_t numerator, int64_t denominator)
{
	int64_t units = 0;

	if (!ratio_units(numerator, denominator, MICRO_SCALE, &units))
		return "0";
	return ads_decimal(a, units);
}
