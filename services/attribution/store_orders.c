/* Orders with their touches, and the roll-ups of their credits. Writers hold the brand's lock
 * (store_lock_brand). */
#include "store.h"

#include "core/money.h"

#include <stdlib.h>
#include <string.h>

#define ORDERS_PER_FETCH "10000" /* about 2 MB of text */

/* What the rules need stands first: a stream over many orders reads no more, and columns that are
 * not there read as nothing. */
#define STREAM_COLUMNS \
	"o.processed_us, o.currency, o.gross, o.refunds, o.touch_times, o.touch_kinds"
#define ORDER_COLUMNS STREAM_COLUMNS ", o.order_id, o.version, o.day, o.counts, o.touch_positions"
#define INSERT_ORDERS                                                                            \
	"INSERT INTO orders (tenant_id, brand_id, order_id, version, processed_us, day, counts," \
	" currency, gross, refunds, touch_times, touch_positions, touch_kinds)"                  \
	" SELECT $1::uuid, $2::uuid, t.order_id, t.version, t.processed_us, t.day, t.counts,"    \
	" t.currency, t.gross, t.refunds, t.times::bigint[], t.positions::int[],"                \
	" t.kinds::bigint[] FROM unnest($3::text[], $4::bigint[], $5::bigint[], $6::date[],"     \
	" $7::boolean[], $8::text[], $9::bigint[], $10::bigint[], $11::text[], $12::text[],"     \
	" $13::text[]) AS t(order_id, version, processed_us, day, counts, currency, gross,"      \
	" refunds, times, positions, kinds)"                                                     \
	" ON CONFLICT (tenant_id, brand_id, order_id) "

extern const struct db_stmt store_order_statements[];
const struct db_stmt store_order_statements[] = {
	{ "orders_add", INSERT_ORDERS "DO NOTHING RETURNING order_id" },
	{ "orders_now",
	  "SELECT " ORDER_COLUMNS " FROM unnest($3::text[]) AS t(order_id) JOIN orders o"
	  " ON o.tenant_id = $1 AND o.brand_id = $2 AND o.order_id = t.order_id" },
	{ "orders_put", INSERT_ORDERS
	  "DO UPDATE SET version = excluded.version,"
	  " processed_us = excluded.processed_us, day = excluded.day, counts = excluded.counts,"
	  " currency = excluded.currency, gross = excluded.gross, refunds = excluded.refunds,"
	  " touch_times = excluded.touch_times, touch_positions = excluded.touch_positions,"
	  " touch_kinds = excluded.touch_kinds WHERE orders.version < excluded.version" },
	{ "credits_add",
	  "INSERT INTO credit_days AS c (tenant_id, brand_id, model, day, kind_id, currency,"
	  " micro_orders, net, gross)"
	  " SELECT $1::uuid, $2::uuid, t.model, t.day, t.kind_id, t.currency, t.micro_orders, "
	  "t.net,"
	  " t.gross FROM unnest($3::smallint[], $4::date[], $5::bigint[], $6::text[], $7::bigint[],"
	  " $8::bigint[], $9::bigint[])"
	  " AS t(model, day, kind_id, currency, micro_orders, net, gross)"
	  " ON CONFLICT (tenant_id, brand_id, model, day, kind_id, currency) DO UPDATE SET"
	  " micro_orders = c.micro_orders + excluded.micro_orders, net = c.net + excluded.net,"
	  " gross = c.gross + excluded.gross" },
	{ "orders_open",
	  "DECLARE counting_orders NO SCROLL CURSOR FOR SELECT " STREAM_COLUMNS " FROM orders o"
	  " WHERE o.tenant_id = $1::uuid AND o.brand_id = $2::uuid"
	  " AND o.day BETWEEN $3::date AND $4::date AND o.counts" },
	{ "orders_next", "FETCH FORWARD " ORDERS_PER_FETCH " FROM counting_orders" },
	{ "order_get", "SELECT " ORDER_COLUMNS " FROM orders o"
		       " WHERE o.tenant_id = $1 AND o.brand_id = $2 AND o.order_id = $3" },
	{ NULL, NULL },
};

enum status order_value(const struct order_state *o, struct credit_order *ret)
{
	*ret = (struct credit_order){ .processed_us = o->processed_us,
				      .gross = o->gross,
				      .touches = o->touches,
				      .n_touches = o->n_touches };
	return micros_sub(o->gross, o->refunds, &ret->net) ? ST_OK : ST_TOO_LARGE;
}

/* ---- reading ---- */

/* The next number of an array's text form, "{1,2}"; false at its end. */
static bool next_number(const char **at, int64_t *ret)
{
	char *end;

	if (**at == '{' || **at == ',')
		(*at)++;
	if (**at == '}' || **at == '\0')
		return false;
	*ret = strtoll(*at, &end, 10);
	*at = end;
	return true;
}

static size_t count_numbers(const char *array)
{
	size_t n = array[0] == '{' && array[1] != '}';

	for (; *array; array++)
		n += *array == ',';
	return n;
}

static void read_touches(const struct db_tx *tx, int result, int row, struct arena *a,
			 struct order_state *o)
{
	const char *times = db_str(tx, result, row, 4), *kinds = db_str(tx, result, row, 5),
		   *positions = db_str(tx, result, row, 10);
	size_t n = count_numbers(times);
	int64_t position = 0;

	o->touches = arena_array(a, n ? n : 1, sizeof(*o->touches));
	for (o->n_touches = 0; o->touches && o->n_touches < n; o->n_touches++) {
		struct touch *t = &o->touches[o->n_touches];

		if (!next_number(&times, &t->occurred_us) || !next_number(&kinds, &t->kind))
			break;
		if (next_number(&positions, &position))
			t->position = (int32_t)position;
	}
}

static void read_order(const struct db_tx *tx, int result, int row, struct arena *a,
		       struct order_state *o)
{
	*o = (struct order_state){ .processed_us = db_int(tx, result, row, 0),
				   .currency = db_str(tx, result, row, 1),
				   .gross = db_int(tx, result, row, 2),
				   .refunds = db_int(tx, result, row, 3),
				   .order_id = db_str(tx, result, row, 6),
				   .version = db_int(tx, result, row, 7),
				   .day = db_date(tx, result, row, 8),
				   .counts = db_bool(tx, result, row, 9) };
	read_touches(tx, result, row, a, o);
}

static enum status read_orders(const struct brand_tx *b, int result, struct order_state **ret,
			       size_t *n)
{
	size_t rows = (size_t)db_rows(b->tx, result);
	struct order_state *orders = arena_array(b->arena, rows ? rows : 1, sizeof(*orders));

	for (size_t i = 0; orders && i < rows; i++)
		read_order(b->tx, result, (int)i, b->arena, &orders[i]);
	if (arena_failed(b->arena))
		return error_set(b->err, ST_TOO_LARGE, NULL, "the orders do not fit in memory");
	*ret = orders;
	*n = rows;
	return ST_OK;
}

enum status store_orders_now(const struct brand_tx *b, const struct order_state *orders, size_t n,
			     struct order_state **ret, size_t *ret_n)
{
	struct db_args args;
	enum status st;
	int result;

	store_args(&args, b);
	COLUMN_TEXT(&args, orders, order_id, n);
	st = db_exec(b->tx, "orders_now", &args, &result, b->err);
	return st == ST_OK ? read_orders(b, result, ret, ret_n) : st;
}

enum status store_open_orders(const struct brand_tx *b, const char *from, const char *to)
{
	struct db_args args;

	store_args(&args, b);
	db_arg_text(&args, from);
	db_arg_text(&args, to);
	return db_exec(b->tx, "orders_open", &args, NULL, b->err);
}

enum status store_next_orders(const struct brand_tx *b, struct order_state **ret, size_t *n)
{
	enum status st;
	int result;

	db_drop_results(b->tx);
	st = db_exec(b->tx, "orders_next", NULL, &result, b->err);
	return st == ST_OK ? read_orders(b, result, ret, n) : st;
}

int store_ask_order(const struct brand_tx *b, const char *order_id)
{
	struct db_args args;

	store_args(&args, b);
	db_arg_text(&args, order_id);
	return db_add(b->tx, "order_get", &args);
}

bool store_read_order(const struct brand_tx *b, int result, struct order_state *ret)
{
	if (db_rows(b->tx, result) == 0)
		return false;
	read_order(b->tx, result, 0, b->arena, ret);
	return true;
}

/* ---- writing ---- */

enum touch_member { TOUCH_TIME, TOUCH_POSITION, TOUCH_KIND };

static char *write_number(char *p, int64_t v)
{
	char digits[24];
	uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	size_t n = 0;

	do {
		digits[n++] = (char)('0' + u % 10);
		u /= 10;
	} while (u);
	if (v < 0)
		*p++ = '-';
	while (n)
		*p++ = digits[--n];
	return p;
}

/* One member of all touches of an order as an array's text form. */
static const char *touch_array(struct arena *a, const struct order_state *o, enum touch_member m)
{
	char *text = arena_alloc(a, o->n_touches * 21 + 3), *p = text;

	if (!text)
		return NULL;
	*p++ = '{';
	for (size_t i = 0; i < o->n_touches; i++) {
		const struct touch *t = &o->touches[i];

		if (i)
			*p++ = ',';
		p = write_number(p, m == TOUCH_TIME   ? t->occurred_us
				    : m == TOUCH_KIND ? t->kind
						      : t->position);
	}
	*p++ = '}';
	*p = '\0';
	return text;
}

static void arg_touches(struct db_args *args, const struct order_state *orders, size_t n,
			enum touch_member m)
{
	const char **column = arena_array(args->arena, n, sizeof(*column));

	for (size_t i = 0; column && i < n; i++)
		column[i] = touch_array(args->arena, &orders[i], m);
	db_arg_text_array(args, column, column ? n : 0);
}

static void order_args(struct db_args *args, const struct brand_tx *b,
		       const struct order_state *orders, size_t n)
{
	store_args(args, b);
	COLUMN_TEXT(args, orders, order_id, n);
	COLUMN_I64(args, orders, version, n);
	COLUMN_I64(args, orders, processed_us, n);
	COLUMN_DAY(args, orders, day, n);
	COLUMN_BOOL(args, orders, counts, n);
	COLUMN_TEXT(args, orders, currency, n);
	COLUMN_I64(args, orders, gross, n);
	COLUMN_I64(args, orders, refunds, n);
	arg_touches(args, orders, n, TOUCH_TIME);
	arg_touches(args, orders, n, TOUCH_POSITION);
	arg_touches(args, orders, n, TOUCH_KIND);
}

static int by_order_id(const void *key, const void *order)
{
	return strcmp(key, ((const struct order_state *)order)->order_id);
}

enum status store_add_orders(const struct brand_tx *b, const struct order_state *orders, size_t n,
			     bool *added)
{
	struct db_args args;
	enum status st;
	int r;

	memset(added, 0, n * sizeof(*added));
	if (n == 0)
		return ST_OK;
	order_args(&args, b, orders, n);
	st = db_exec(b->tx, "orders_add", &args, &r, b->err);
	for (int row = 0; st == ST_OK && row < db_rows(b->tx, r); row++) {
		const struct order_state *o =
			bsearch(db_str(b->tx, r, row, 0), orders, n, sizeof(*orders), by_order_id);

		if (!o)
			return error_set(b->err, ST_INTERNAL, NULL, "an order came back unasked");
		added[o - orders] = true;
	}
	return st;
}

enum status store_put_orders(const struct brand_tx *b, const struct order_state *orders, size_t n)
{
	struct db_args args;

	if (n == 0)
		return ST_OK;
	order_args(&args, b, orders, n);
	return db_exec(b->tx, "orders_put", &args, NULL, b->err);
}

enum status store_add_credits(const struct brand_tx *b, const struct tally *t)
{
	struct db_args args;

	if (t->n == 0)
		return ST_OK;
	store_args(&args, b);
	COLUMN_INT(&args, t->rows, model, t->n);
	COLUMN_DAY(&args, t->rows, day, t->n);
	COLUMN_I64(&args, t->rows, kind, t->n);
	COLUMN_TEXT(&args, t->rows, currency, t->n);
	COLUMN_I64(&args, t->rows, micro_orders, t->n);
	COLUMN_I64(&args, t->rows, net, t->n);
	COLUMN_I64(&args, t->rows, gross, t->n);
	return db_exec(b->tx, "credits_add", &args, NULL, b->err);
}
