/* Sums of credits and of spend, and what kinds are called. */
#include "store_reports.h"

/* A campaign goes by its latest name, any other link by its own. */
#define KIND_NAME "k.channel, k.platform, k.campaign_id, coalesce(g.name, k.campaign)"
#define JOIN_CAMPAIGN                                                                         \
	" LEFT JOIN campaigns g ON k.platform <> '' AND g.tenant_id = $1 AND g.brand_id = $2" \
	" AND g.platform = k.platform AND g.account_id = k.account_id"                        \
	" AND g.campaign_id = k.campaign_id"

extern const struct db_stmt store_report_statements[];
const struct db_stmt store_report_statements[] = {
	/* Under any model the credits add up to the orders; the last touch has the fewest rows. */
	{ "totals",
	  "SELECT currency, sum(micro_orders)::bigint, sum(gross)::bigint, sum(gross - "
	  "net)::bigint,"
	  " sum(net)::bigint,"
	  " min(day) FILTER (WHERE micro_orders > 0), max(day) FILTER (WHERE micro_orders > 0)"
	  " FROM credit_days WHERE tenant_id = $1 AND brand_id = $2 AND model = $3"
	  " AND day BETWEEN $4::date AND $5::date"
	  " GROUP BY currency HAVING sum(micro_orders) > 0 ORDER BY currency" },
	{ "spend",
	  "SELECT platform, currency, sum(spend)::bigint FROM ad_spend WHERE tenant_id = $1"
	  " AND brand_id = $2 AND day BETWEEN $3::date AND $4::date"
	  " GROUP BY platform, currency ORDER BY platform, currency" },
	{ "credits",
	  "SELECT " KIND_NAME ", c.currency, c.micro_orders, c.net, c.gross FROM (SELECT kind_id,"
	  " currency, sum(micro_orders)::bigint AS micro_orders, sum(net)::bigint AS net,"
	  " sum(gross)::bigint AS gross FROM credit_days WHERE tenant_id = $1 AND brand_id = $2"
	  " AND model = $3 AND day BETWEEN $4::date AND $5::date GROUP BY kind_id, currency"
	  " HAVING sum(micro_orders) > 0) c LEFT JOIN touch_kinds k ON k.kind_id = "
	  "c.kind_id" JOIN_CAMPAIGN },
	{ "campaign_spend",
	  "SELECT k.platform, k.campaign_id, coalesce(g.name, ''), k.currency, k.spend"
	  " FROM (SELECT platform, account_id, campaign_id, currency, sum(spend)::bigint AS spend"
	  " FROM ad_spend WHERE tenant_id = $1 AND brand_id = $2"
	  " AND day BETWEEN $3::date AND $4::date"
	  " GROUP BY platform, account_id, campaign_id, currency) k" JOIN_CAMPAIGN },
	{ "kind_names",
	  "SELECT k.kind_id, " KIND_NAME " FROM touch_kinds k" JOIN_CAMPAIGN
	  " WHERE k.tenant_id = $1 AND k.brand_id = $2 AND k.kind_id = ANY ($3::bigint[])"
	  " ORDER BY k.kind_id" },
	{ "order_kind_names",
	  "SELECT k.kind_id, " KIND_NAME " FROM touch_kinds k" JOIN_CAMPAIGN
	  " WHERE k.tenant_id = $1 AND k.brand_id = $2 AND k.kind_id IN (SELECT "
	  "unnest(o.touch_kinds)"
	  " FROM orders o WHERE o.tenant_id = $1 AND o.brand_id = $2 AND o.order_id = $3)"
	  " ORDER BY k.kind_id" },
	{ NULL, NULL },
};

static void arg_days(struct db_args *args, const struct day_range *days)
{
	db_arg_text(args, days->from);
	db_arg_text(args, days->to);
}

/* A cell that outlives the transaction. */
static const char *text(const struct brand_tx *b, int r, int row, int col)
{
	return arena_strdup(b->arena, db_str(b->tx, r, row, col));
}

int store_ask_totals(const struct brand_tx *b, const struct day_range *days)
{
	struct db_args args;

	store_args(&args, b);
	db_arg_i64(&args, CREDIT_LAST_TOUCH);
	arg_days(&args, days);
	return db_add(b->tx, "totals", &args);
}

struct currency_total *store_read_totals(const struct brand_tx *b, int r, size_t *n)
{
	int rows = db_rows(b->tx, r);
	struct currency_total *list = arena_array(b->arena, (size_t)rows + 1, sizeof(*list));

	for (int i = 0; list && i < rows; i++)
		list[i] = (struct currency_total){ text(b, r, i, 0),       db_int(b->tx, r, i, 1),
						   db_int(b->tx, r, i, 2), db_int(b->tx, r, i, 3),
						   db_int(b->tx, r, i, 4), db_date(b->tx, r, i, 5),
						   db_date(b->tx, r, i, 6) };
	*n = (size_t)rows;
	return list;
}

int store_ask_spend(const struct brand_tx *b, const struct day_range *days)
{
	struct db_args args;

	store_args(&args, b);
	arg_days(&args, days);
	return db_add(b->tx, "spend", &args);
}

struct platform_spend *store_read_spend(const struct brand_tx *b, int r, size_t *n)
{
	int rows = db_rows(b->tx, r);
	struct platform_spend *list = arena_array(b->arena, (size_t)rows + 1, sizeof(*list));

	for (int i = 0; list && i < rows; i++)
		list[i] = (struct platform_spend){ text(b, r, i, 0), text(b, r, i, 1),
						   db_int(b->tx, r, i, 2) };
	*n = (size_t)rows;
	return list;
}

int store_ask_credits(const struct brand_tx *b, enum credit_model model,
		      const struct day_range *days)
{
	struct db_args args;

	store_args(&args, b);
	db_arg_i64(&args, model);
	arg_days(&args, days);
	return db_add(b->tx, "credits", &args);
}

int store_ask_campaign_spend(const struct brand_tx *b, const struct day_range *days)
{
	struct db_args args;

	store_args(&args, b);
	arg_days(&args, days);
	return db_add(b->tx, "campaign_spend", &args);
}

static struct report_item read_credit(const struct brand_tx *b, int r, int row,
				      enum report_measure measure)
{
	bool attributed = !db_null(b->tx, r, row, 0);

	return (struct report_item){ attributed ? (enum channel)db_int(b->tx, r, row, 0)
						: CHANNEL_UNATTRIBUTED,
				     text(b, r, row, 1),
				     text(b, r, row, 2),
				     text(b, r, row, 3),
				     text(b, r, row, 4),
				     false,
				     db_int(b->tx, r, row, 5),
				     db_int(b->tx, r, row, measure == REPORT_NET ? 6 : 7) };
}

static struct report_item read_spend(const struct brand_tx *b, int r, int row)
{
	const char *platform = text(b, r, row, 0);

	return (struct report_item){ ad_platform_channel(ad_platform_from_word(platform)),
				     platform,
				     text(b, r, row, 1),
				     text(b, r, row, 2),
				     text(b, r, row, 3),
				     true,
				     0,
				     db_int(b->tx, r, row, 4) };
}

struct report_item *store_read_items(const struct brand_tx *b, int credits, int spend,
				     enum report_measure measure, size_t extra, size_t *n)
{
	int n_credits = credits < 0 ? 0 : db_rows(b->tx, credits);
	int n_spend = db_rows(b->tx, spend);
	struct report_item *items = arena_array(
		b->arena, (size_t)n_credits + (size_t)n_spend + extra + 1, sizeof(*items));

	for (int i = 0; items && i < n_spend; i++)
		items[i] = read_spend(b, spend, i);
	for (int i = 0; items && i < n_credits; i++)
		items[n_spend + i] = read_credit(b, credits, i, measure);
	*n = (size_t)n_credits + (size_t)n_spend;
	return items;
}

struct kind_name *store_read_kind_names(const struct brand_tx *b, int r, size_t *n)
{
	int rows = db_rows(b->tx, r);
	struct kind_name *list = arena_array(b->arena, (size_t)rows + 1, sizeof(*list));

	for (int i = 0; list && i < rows; i++)
		list[i] =
			(struct kind_name){ db_int(b->tx, r, i, 0),
					    (enum channel)db_int(b->tx, r, i, 1), text(b, r, i, 2),
					    text(b, r, i, 3), text(b, r, i, 4) };
	*n = (size_t)rows;
	return list;
}

enum status store_kind_names(const struct brand_tx *b, const struct tally *t,
			     struct kind_name **ret, size_t *n)
{
	struct db_args args;
	enum status st;
	int r;

	db_drop_results(b->tx);
	store_args(&args, b);
	COLUMN_I64(&args, t->rows, kind, t->n);
	st = db_exec(b->tx, "kind_names", &args, &r, b->err);
	if (st != ST_OK)
		return st;
	*ret = store_read_kind_names(b, r, n);
	return *ret ? ST_OK : error_set(b->err, ST_TOO_LARGE, NULL, "the report is too large");
}

int store_ask_order_kinds(const struct brand_tx *b, const char *order_id)
{
	struct db_args args;

	store_args(&args, b);
	db_arg_text(&args, order_id);
	return db_add(b->tx, "order_kind_names", &args);
}

struct kind_name kind_name_find(const struct kind_name *list, size_t n, int64_t kind_id)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (list[mid].kind_id < kind_id)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < n && list[low].kind_id == kind_id)
		return list[low];
	return (struct kind_name){ CREDIT_KIND_NONE, CHANNEL_UNATTRIBUTED, "", "", "" };
}
