/* A page of variants in one statement. Read next: store.h. */
#include "store.h"

#include <stdlib.h>
#include <string.h>

const struct db_stmt product_statements[] = {
	/* content_version and stock_version tell after the fact which half of a row changed. */
	{ "put_variants",
	  "INSERT INTO products AS p (tenant_id, brand_id, variant_id, product_id, sku, title,"
	  " product_type, currency, price_micros, cost_currency, cost_micros, inventory_quantity,"
	  " updated_at, content_hash)"
	  " SELECT $1::uuid, $2::uuid, u.* FROM unnest($3::text[], $4::text[], $5::text[],"
	  " $6::text[], $7::text[], $8::text[], $9::bigint[], $10::text[], $11::bigint[],"
	  " $12::bigint[], $13::timestamptz[], $14::text[]) AS u"
	  " ON CONFLICT (brand_id, variant_id) DO UPDATE SET product_id = excluded.product_id,"
	  " sku = excluded.sku, title = excluded.title, product_type = excluded.product_type,"
	  " currency = excluded.currency, price_micros = excluded.price_micros,"
	  " cost_currency = excluded.cost_currency, cost_micros = excluded.cost_micros,"
	  " inventory_quantity = excluded.inventory_quantity, updated_at = excluded.updated_at,"
	  " content_hash = excluded.content_hash, version = p.version + 1,"
	  " content_version = CASE WHEN p.content_hash = excluded.content_hash"
	  " THEN p.content_version ELSE p.version + 1 END,"
	  " stock_version = CASE WHEN p.inventory_quantity = excluded.inventory_quantity"
	  " THEN p.stock_version ELSE p.version + 1 END"
	  " WHERE p.content_hash <> excluded.content_hash"
	  " OR p.inventory_quantity <> excluded.inventory_quantity"
	  " RETURNING p.variant_id, p.version, p.content_version = p.version,"
	  " p.stock_version = p.version" },
	{ NULL, NULL },
};

struct columns {
	const char **variant, **product, **sku, **title, **type, **currency, **cost_currency,
		**cost, **hash;
	int64_t *price, *stock, *updated;
};

/* A cost that is unknown must be NULL, so costs travel as text. */
static const char *cost_text(struct arena *a, const struct variant *v)
{
	return v->has_cost ? arena_printf(a, "%lld", (long long)v->cost) : NULL;
}

static bool make_columns(struct arena *a, const struct variant *rows, size_t n, struct columns *c)
{
	const char ***texts[] = { &c->variant,  &c->product,       &c->sku,  &c->title, &c->type,
				  &c->currency, &c->cost_currency, &c->cost, &c->hash };
	int64_t **numbers[] = { &c->price, &c->stock, &c->updated };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		*texts[i] = arena_array(a, n, sizeof(char *));
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		*numbers[i] = arena_array(a, n, sizeof(int64_t));
	if (arena_failed(a))
		return false;
	for (size_t i = 0; i < n; i++) {
		c->variant[i] = rows[i].variant_id;
		c->product[i] = rows[i].product_id;
		c->sku[i] = rows[i].sku;
		c->title[i] = rows[i].title;
		c->type[i] = rows[i].product_type;
		c->currency[i] = rows[i].currency;
		c->cost_currency[i] = rows[i].cost_currency;
		c->cost[i] = cost_text(a, &rows[i]);
		c->hash[i] = rows[i].hash;
		c->price[i] = rows[i].price;
		c->stock[i] = rows[i].inventory;
		c->updated[i] = rows[i].updated_at;
	}
	return !arena_failed(a);
}

static const struct variant *find(const struct variant *rows, size_t n, const char *id)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(rows[i].variant_id, id) == 0)
			return &rows[i];
	return NULL;
}

enum status store_put_variants(struct db_tx *tx, struct arena *a, const struct owner *own,
			       const struct variant *rows, size_t n,
			       struct changed_variant **changed, size_t *n_changed,
			       struct error *err)
{
	struct columns c;
	struct db_args args;
	int r;
	enum status st;

	*n_changed = 0;
	if (n == 0)
		return ST_OK;
	if (!make_columns(a, rows, n, &c))
		return error_set(err, ST_UNAVAILABLE, NULL, "memory is out");
	db_args_init(&args, a);
	db_arg_text(&args, own->tenant_id);
	db_arg_text(&args, own->brand_id);
	db_arg_text_array(&args, c.variant, n);
	db_arg_text_array(&args, c.product, n);
	db_arg_text_array(&args, c.sku, n);
	db_arg_text_array(&args, c.title, n);
	db_arg_text_array(&args, c.type, n);
	db_arg_text_array(&args, c.currency, n);
	db_arg_i64_array(&args, c.price, n);
	db_arg_text_array(&args, c.cost_currency, n);
	db_arg_text_array(&args, c.cost, n);
	db_arg_i64_array(&args, c.stock, n);
	db_arg_time_array(&args, c.updated, n);
	db_arg_text_array(&args, c.hash, n);
	st = db_exec(tx, "put_variants", &args, &r, err);
	if (st != ST_OK)
		return st;
	*changed = arena_array(a, (size_t)db_rows(tx, r) + 1, sizeof(**changed));
	if (!*changed)
		return error_set(err, ST_UNAVAILABLE, NULL, "memory is out");
	for (int i = 0; i < db_rows(tx, r); i++) {
		const struct variant *v = find(rows, n, db_str(tx, r, i, 0));

		if (v)
			(*changed)[(*n_changed)++] = (struct changed_variant){
				v, db_int(tx, r, i, 1), db_bool(tx, r, i, 2), db_bool(tx, r, i, 3)
			};
	}
	return ST_OK;
}
