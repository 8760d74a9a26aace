/* Brands. ListBrands is the most frequent call of all: one statement in one round trip. */
#include "audit.h"
#include "contract/auth_events.h"
#include "core/timeutil.h"
#include "handlers.h"
#include "service.h"
#include "svc/outbox.h"

#include <string.h>

static void fill_brand(struct call *call, const struct brand *b, Auth__V1__Brand *out)
{
	out->brand_id = (char *)b->brand_id;
	out->name = (char *)b->name;
	out->domain = (char *)b->domain;
	out->currency = (char *)b->currency;
	out->timezone = (char *)b->timezone;
	out->created_at = answer_time(call, b->created_at);
	out->updated_at = answer_time(call, b->updated_at);
}

static enum status emit(struct call *call, struct db_tx *tx, const struct brand *b)
{
	const struct event_origin origin = call_origin(call);
	Auth__V1__BrandsUpserted m = AUTH__V1__BRANDS_UPSERTED__INIT;
	Auth__V1__BrandRow row = AUTH__V1__BRAND_ROW__INIT, *rows[] = { &row };

	row.brand_id = (char *)b->brand_id;
	row.name = (char *)b->name;
	row.currency = (char *)b->currency;
	row.timezone = (char *)b->timezone;
	row.version = (uint64_t)b->version;
	m.rows = rows;
	m.n_rows = 1;
	return emit_auth_brands_upserted(tx, &origin, &m, call->err);
}

static enum status note(struct call *call, struct db_tx *tx, const struct brand *b, const char *act)
{
	return audit_put(call, tx,
			 &(struct audit){ .tenant_id = call->who->tenant_id,
					  .actor = call->who->user_id,
					  .act = act,
					  .target = b->brand_id });
}

/* ---- read ---- */

/* A page ends at "<brand id><name>": the id has a fixed length, the name may hold anything. */
static enum status read_token(struct call *call, const char *token, const char **name,
			      const char **id)
{
	const char *text = NULL;
	enum status st = call_page_open(call, token, &text);

	*name = "";
	*id = PLATFORM_TENANT;
	if (st != ST_OK || !text)
		return st;
	if (strlen(text) < UUID_TEXT - 1)
		return error_set(call->err, ST_INVALID, "page_token",
				 "is not a token of this list");
	*id = arena_strndup(call->arena, text, UUID_TEXT - 1);
	*name = text + UUID_TEXT - 1;
	return ST_OK;
}

enum status auth_on_list_brands(struct call *call, const Auth__V1__ListBrandsRequest *in,
				Auth__V1__ListBrandsReply *out)
{
	const char *name, *id;
	struct brand *brands = NULL;
	Auth__V1__Brand *answers;
	size_t n = 0;
	enum status st = read_token(call, in->page_token, &name, &id);

	if (st == ST_OK)
		st = store_brands(call, *in->q ? in->q : NULL, name, id, (int64_t)in->page_size + 1,
				  &brands, &n);
	if (st != ST_OK)
		return st;
	out->n_brands = n < in->page_size ? n : in->page_size;
	out->brands = arena_array(call->arena, n + 1, sizeof(*out->brands));
	answers = arena_array(call->arena, n + 1, sizeof(*answers));
	if (!out->brands || !answers)
		return answer_out_of_memory(call);
	for (size_t i = 0; i < out->n_brands; i++) {
		auth__v1__brand__init(&answers[i]);
		fill_brand(call, &brands[i], &answers[i]);
		out->brands[i] = &answers[i];
	}
	if (n > in->page_size)
		out->next_page_token = (char *)call_page_seal(
			call, arena_printf(call->arena, "%s%s", brands[in->page_size - 1].brand_id,
					   brands[in->page_size - 1].name));
	return ST_OK;
}

enum status auth_on_get_brand(struct call *call, const Auth__V1__BrandRequest *in,
			      Auth__V1__Brand *out)
{
	struct brand b;
	enum status st = store_brand_get(call, in->brand_id, &b);

	if (st == ST_OK)
		fill_brand(call, &b, out);
	return st;
}

/* ---- written ---- */

/* Ids and times are made here, so that the answer is known before the one round trip that stores
 * everything. */
static enum status add_brand(struct call *call, const struct brand *b, Auth__V1__Brand *out)
{
	AUTO_TX *tx = call_tx(call);
	enum status st;

	if (!tx)
		return answer_out_of_memory(call);
	fill_brand(call, b, out);
	store_brand_add(call, tx, call->who->tenant_id, b);
	st = emit(call, tx, b);
	if (st == ST_OK)
		st = note(call, tx, b, "brand.created");
	if (st == ST_OK)
		st = call_seal(call, tx, &out->base);
	return st == ST_OK ? call_run(call, tx) : st;
}

enum status auth_on_create_brand(struct call *call, const Auth__V1__CreateBrandRequest *in,
				 Auth__V1__Brand *out)
{
	char *id = arena_alloc(call->arena, UUID_TEXT);
	struct brand b = { .brand_id = id,
			   .name = in->name,
			   .domain = in->domain,
			   .currency = in->currency,
			   .timezone = in->timezone,
			   .version = 1,
			   .created_at = time_now_us() };

	if (!id)
		return answer_out_of_memory(call);
	if (call->who->brand_ids[0])
		return error_set(call->err, ST_DENIED, NULL,
				 "the caller sees some brands only and may make none");
	uuid_v7(id);
	b.updated_at = b.created_at;
	return add_brand(call, &b, out);
}

enum status auth_on_update_brand(struct call *call, const Auth__V1__UpdateBrandRequest *in,
				 Auth__V1__Brand *out)
{
	AUTO_TX *tx = NULL;
	const struct brand change = { .brand_id = in->brand_id,
				      .name = in->name,
				      .domain = in->domain,
				      .currency = in->currency,
				      .timezone = in->timezone };
	struct brand b;
	bool changed = false;
	enum status st = call_begin(call, &tx);

	if (st == ST_OK)
		st = store_brand_change(call, tx, &change, &b, &changed);
	if (st == ST_OK && changed)
		st = emit(call, tx, &b);
	if (st == ST_OK && changed)
		st = note(call, tx, &b, "brand.updated");
	if (st == ST_OK && changed)
		st = db_commit(tx, call->err);
	if (st == ST_OK)
		fill_brand(call, &b, out);
	return st;
}
