/* What the stores share: their tables of statements together, arguments, columns of rows. Read
 * next: store.h. */
#include "store.h"

#include <string.h>

extern const struct db_stmt store_brand_statements[], store_order_statements[],
	store_kind_statements[], store_campaign_statements[], store_spend_statements[],
	store_run_statements[], store_report_statements[], store_visit_statements[];

const struct db_stmt *const store_statements[] = {
	store_brand_statements,    store_order_statements, store_kind_statements,
	store_campaign_statements, store_spend_statements, store_run_statements,
	store_report_statements,   store_visit_statements, NULL,
};

void store_args(struct db_args *args, const struct brand_tx *b)
{
	db_args_init(args, b->arena);
	db_arg_text(args, db_scope_of(b->tx)->tenant_id);
	db_arg_text(args, b->brand_id);
}

/* ---- columns: a full arena is noticed by db_exec, as with every argument ---- */

void store_arg_texts(struct db_args *args, const void *first, size_t stride, size_t n)
{
	const char **column = arena_array(args->arena, n ? n : 1, sizeof(*column));

	for (size_t i = 0; column && i < n; i++)
		memcpy(&column[i], (const char *)first + i * stride, sizeof(column[i]));
	db_arg_text_array(args, column, column ? n : 0);
}

void store_arg_i64s(struct db_args *args, const void *first, size_t stride, size_t n)
{
	int64_t *column = arena_array(args->arena, n ? n : 1, sizeof(*column));

	for (size_t i = 0; column && i < n; i++)
		memcpy(&column[i], (const char *)first + i * stride, sizeof(column[i]));
	db_arg_i64_array(args, column, column ? n : 0);
}

void store_arg_times(struct db_args *args, const void *first, size_t stride, size_t n)
{
	int64_t *column = arena_array(args->arena, n ? n : 1, sizeof(*column));

	for (size_t i = 0; column && i < n; i++)
		memcpy(&column[i], (const char *)first + i * stride, sizeof(column[i]));
	db_arg_time_array(args, column, column ? n : 0);
}

void store_arg_ints(struct db_args *args, const void *first, size_t stride, size_t n)
{
	int64_t *column = arena_array(args->arena, n ? n : 1, sizeof(*column));

	for (size_t i = 0; column && i < n; i++) {
		int32_t v;

		memcpy(&v, (const char *)first + i * stride, sizeof(v));
		column[i] = v;
	}
	db_arg_i64_array(args, column, column ? n : 0);
}

void store_arg_days(struct db_args *args, const void *first, size_t stride, size_t n)
{
	int32_t *column = arena_array(args->arena, n ? n : 1, sizeof(*column));

	for (size_t i = 0; column && i < n; i++)
		memcpy(&column[i], (const char *)first + i * stride, sizeof(column[i]));
	db_arg_date_array(args, column, column ? n : 0);
}

void store_arg_bools(struct db_args *args, const void *first, size_t stride, size_t n)
{
	bool *column = arena_array(args->arena, n ? n : 1, sizeof(*column));

	for (size_t i = 0; column && i < n; i++)
		memcpy(&column[i], (const char *)first + i * stride, sizeof(column[i]));
	db_arg_bool_array(args, column, column ? n : 0);
}

void store_arg_platforms(struct db_args *args, const void *first, size_t stride, size_t n)
{
	const char **column = arena_array(args->arena, n ? n : 1, sizeof(*column));

	for (size_t i = 0; column && i < n; i++) {
		enum ad_platform p;

		memcpy(&p, (const char *)first + i * stride, sizeof(p));
		column[i] = ad_platform_word(p);
	}
	db_arg_text_array(args, column, column ? n : 0);
}
