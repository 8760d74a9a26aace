/*
 * Shopify's search syntax (shopify.dev/api/usage/search-syntax): field:value, field:>=value,
 * quotes, AND, OR, NOT, "-", parentheses, and AND between terms that stand side by side. Shopify
 * itself ignores a field it does not know and tells so in a warning; here that is an error, because
 * a filter that is silently dropped hides a mistake of ours. Read next: shopify_list.c.
 */
#include "search.h"

#include "zone.h"

#include "core/money.h"
#include "core/text.h"
#include "core/timeutil.h"

#include <string.h>
#include <strings.h>

enum field {
	F_CREATED,
	F_PROCESSED,
	F_UPDATED,
	F_STATUS,
	F_TEST,
	F_ID,
	F_NAME,
	F_CUSTOMER,
	F_TITLE,
	F_SKU,
	F_TYPE,
	F_PRODUCT,
	F_STOCK,
	F_PRODUCT_STATUS
};
enum value_kind { V_TIME, V_TEXT, V_ID, V_BOOL, V_NUMBER };
enum op { OP_EQ, OP_LT, OP_LE, OP_GT, OP_GE };
enum node_kind { N_TERM, N_AND, N_OR, N_NOT };

struct search {
	enum node_kind kind;
	struct search *a, *b;
	/* of a term */
	enum collection coll;
	enum field field;
	enum value_kind value_kind;
	enum op op;
	const char *text;
	bool prefix;
	int64_t number,
		number_end; /* a date without a time is the whole day: [number, number_end) */
};

struct field_spec {
	const char *name;
	enum field field;
	enum value_kind kind;
};

static const struct field_spec order_fields[] = {
	{ "updated_at", F_UPDATED, V_TIME },
	{ "created_at", F_CREATED, V_TIME },
	{ "processed_at", F_PROCESSED, V_TIME },
	{ "financial_status", F_STATUS, V_TEXT },
	{ "test", F_TEST, V_BOOL },
	{ "id", F_ID, V_ID },
	{ "name", F_NAME, V_TEXT },
	{ "customer_id", F_CUSTOMER, V_ID },
	{ 0 },
};
static const struct field_spec product_fields[] = {
	{ "updated_at", F_UPDATED, V_TIME },    { "id", F_ID, V_ID },
	{ "title", F_TITLE, V_TEXT },           { "sku", F_SKU, V_TEXT },
	{ "product_type", F_TYPE, V_TEXT },     { "inventory_total", F_STOCK, V_NUMBER },
	{ "status", F_PRODUCT_STATUS, V_TEXT }, { 0 },
};
static const struct field_spec variant_fields[] = {
	{ "updated_at", F_UPDATED, V_TIME },
	{ "id", F_ID, V_ID },
	{ "title", F_TITLE, V_TEXT },
	{ "sku", F_SKU, V_TEXT },
	{ "product_type", F_TYPE, V_TEXT },
	{ "product_id", F_PRODUCT, V_ID },
	{ "inventory_quantity", F_STOCK, V_NUMBER },
	{ 0 },
};

struct reader {
	struct arena *arena;
	const struct dataset *ds;
	enum collection coll;
	const char *pos;
	const char **why;
	int64_t now;
	unsigned terms, depth;
};

static bool fail(struct reader *r, const char *why)
{
	if (*r->why == NULL)
		*r->why = why;
	return false;
}

static void skip_space(struct reader *r)
{
	r->pos += strspn(r->pos, " \t\r\n");
}

static struct search *new_node(struct reader *r, enum node_kind kind, struct search *a,
			       struct search *b)
{
	struct search *s = arena_alloc(r->arena, sizeof(*s));

	if (s == NULL) {
		fail(r, "the query is too long");
		return NULL;
	}
	s->kind = kind;
	s->a = a;
	s->b = b;
	return s;
}

static const struct field_spec *find_field(const struct reader *r, const char *name, size_t n)
{
	const struct field_spec *f = r->coll == COLL_ORDERS     ? order_fields
				     : r->coll == COLL_PRODUCTS ? product_fields
								: variant_fields;

	while (f->name != NULL && (strlen(f->name) != n || strncmp(f->name, name, n) != 0))
		f++;
	return f->name != NULL ? f : NULL;
}

/* A value: quoted by ' or ", or up to a space or parenthesis. */
static bool read_value(struct reader *r, const char **ret)
{
	char quote = *r->pos;
	char *out;
	size_t n = 0;

	if (quote != '\'' && quote != '"') {
		n = strcspn(r->pos, " \t\r\n()");
		*ret = arena_strndup(r->arena, r->pos, n);
		r->pos += n;
		return n > 0 || fail(r, "a value is missing after \":\"");
	}
	out = arena_alloc(r->arena, strlen(r->pos) + 1);
	if (out == NULL)
		return fail(r, "the query is too long");
	for (r->pos++; *r->pos != quote; r->pos++) {
		if (*r->pos == '\\' && r->pos[1] != '\0')
			r->pos++;
		if (*r->pos == '\0')
			return fail(r, "a quote is not closed");
		out[n++] = *r->pos;
	}
	r->pos++;
	*ret = out;
	return true;
}

static bool take_time(struct reader *r, struct search *t)
{
	int32_t day;

	if (strcasecmp(t->text, "now") == 0) {
		t->number = r->now;
	} else if (date_parse(t->text, &day)) {
		t->number = zone_instant(r->ds->zone, day, 0);
		t->number_end = zone_instant(r->ds->zone, day + 1, 0);
		return true;
	} else if (!time_parse(t->text, &t->number)) {
		return fail(r, arena_printf(r->arena, "\"%s\" is not a time", t->text));
	}
	t->number_end = t->number + 1;
	return true;
}

static bool take_value(struct reader *r, const struct field_spec *f, struct search *t)
{
	size_t n = strlen(t->text);

	switch (f->kind) {
	case V_TIME:
		return take_time(r, t);
	case V_BOOL:
		t->number = strcasecmp(t->text, "true") == 0;
		if (t->number == 0 && strcasecmp(t->text, "false") != 0)
			return fail(r,
				    arena_printf(r->arena, "\"%s\" is not true or false", t->text));
		break;
	case V_NUMBER:
		if (!parse_i64(t->text, INT64_MIN / 2, INT64_MAX / 2, &t->number))
			return fail(r, arena_printf(r->arena, "\"%s\" is not a number", t->text));
		break;
	case V_TEXT:
		t->prefix = n > 0 && t->text[n - 1] == '*';
		if (t->prefix)
			t->text = arena_strndup(r->arena, t->text, n - 1);
		/* fall through: only times, ids and numbers have an order */
	case V_ID:
		break;
	}
	if (t->op != OP_EQ && (f->kind == V_TEXT || f->kind == V_BOOL))
		return fail(r, arena_printf(r->arena, "%s takes no comparison", f->name));
	t->number_end = t->number + 1;
	return true;
}

static bool read_term(struct reader *r, struct search **ret)
{
	size_t n =
		strspn(r->pos, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.");
	const struct field_spec *f;
	struct search *t;

	if (++r->terms > SEARCH_TERMS_MAX)
		return fail(r, "the query has too many terms");
	if (n == 0 || r->pos[n] != ':')
		return fail(r, arena_printf(r->arena, "unexpected text at \"%.40s\"", r->pos));
	f = find_field(r, r->pos, n);
	if (f == NULL)
		return fail(r, arena_printf(r->arena, "\"%.*s\" is not a field of this query",
					    (int)(n < 60 ? n : 60), r->pos));
	t = new_node(r, N_TERM, NULL, NULL);
	if (t == NULL)
		return false;
	r->pos += n + 1;
	skip_space(r);
	if (*r->pos == '<' || *r->pos == '>') {
		bool less = *r->pos++ == '<';

		t->op = less ? OP_LT : OP_GT;
		if (*r->pos == '=') {
			r->pos++;
			t->op = less ? OP_LE : OP_GE;
		}
		skip_space(r);
	}
	t->coll = r->coll;
	t->field = f->field;
	t->value_kind = f->kind;
	*ret = t;
	return read_value(r, &t->text) && take_value(r, f, t);
}

static bool read_or(struct reader *r, struct search **ret);

/* True when the word stands here as a word of its own; then moves past it. */
static bool take_word(struct reader *r, const char *word)
{
	size_t n = strlen(word);

	skip_space(r);
	if (strncmp(r->pos, word, n) != 0 || strchr(" \t\r\n()", r->pos[n]) == NULL)
		return false;
	r->pos += n;
	return true;
}

static bool read_unary(struct reader *r, struct search **ret)
{
	bool negate = take_word(r, "NOT");
	struct search *inner = NULL;
	bool ok;

	if (++r->depth > SEARCH_DEPTH_MAX)
		return fail(r, "the query is nested too deeply");
	skip_space(r);
	if (!negate && *r->pos == '-') {
		negate = true;
		r->pos++;
	}
	skip_space(r);
	if (*r->pos == '(') {
		r->pos++;
		ok = read_or(r, &inner);
		skip_space(r);
		if (ok && *r->pos != ')')
			return fail(r, "a parenthesis is not closed");
		r->pos += ok;
	} else {
		ok = read_term(r, &inner);
	}
	r->depth--;
	if (!ok)
		return false;
	*ret = negate ? new_node(r, N_NOT, inner, NULL) : inner;
	return *ret != NULL;
}

static bool at_end(struct reader *r)
{
	skip_space(r);
	return *r->pos == '\0' || *r->pos == ')';
}

static bool at_or(struct reader *r)
{
	const char *pos = r->pos;
	bool found = take_word(r, "OR");

	r->pos = pos;
	return found;
}

static bool read_and(struct reader *r, struct search **ret)
{
	if (!read_unary(r, ret))
		return false;
	while (!at_end(r) && !at_or(r)) {
		struct search *right = NULL;

		take_word(r, "AND");
		if (!read_unary(r, &right))
			return false;
		*ret = new_node(r, N_AND, *ret, right);
		if (*ret == NULL)
			return false;
	}
	return true;
}

static bool read_or(struct reader *r, struct search **ret)
{
	if (!read_and(r, ret))
		return false;
	while (take_word(r, "OR")) {
		struct search *right = NULL;

		if (!read_and(r, &right))
			return false;
		*ret = new_node(r, N_OR, *ret, right);
		if (*ret == NULL)
			return false;
	}
	return true;
}

bool search_parse(struct arena *a, const struct dataset *ds, enum collection coll, const char *text,
		  int64_t now_us, struct search **ret, const char **why)
{
	struct reader r = {
		.arena = a, .ds = ds, .coll = coll, .pos = text, .why = why, .now = now_us
	};

	*ret = NULL;
	*why = NULL;
	if (strlen(text) > SEARCH_TEXT_MAX)
		return fail(&r, "the query is too long");
	skip_space(&r);
	if (*r.pos == '\0')
		return true;
	if (!read_or(&r, ret))
		return false;
	skip_space(&r);
	return *r.pos == '\0' || fail(&r, "a parenthesis too many");
}

/* ----------------------------------------------------------------- matching */

static bool compare_ok(enum op op, int d)
{
	switch (op) {
	case OP_EQ:
		return d == 0;
	case OP_LT:
		return d < 0;
	case OP_LE:
		return d <= 0;
	case OP_GT:
		return d > 0;
	case OP_GE:
		return d >= 0;
	}
	return false;
}

static int64_t row_number(const struct dataset *ds, const struct search *t, uint32_t row)
{
	if (t->field == F_TEST)
		return ds->orders[row].test;
	if (t->field == F_STOCK)
		return dataset_key_number(ds, t->coll, SORT_TOTAL, row);
	if (t->field == F_CREATED)
		return ds->orders[row].created_at;
	if (t->field == F_PROCESSED)
		return ds->orders[row].processed_at;
	return dataset_key_number(ds, t->coll, SORT_UPDATED, row);
}

static struct str row_text(const struct dataset *ds, const struct search *t, uint32_t row)
{
	if (t->field == F_STATUS)
		return ds->orders[row].status;
	if (t->field == F_CUSTOMER)
		return ds->orders[row].customer_id;
	if (t->field == F_PRODUCT)
		return ds->variants[row].product_id;
	if (t->field == F_PRODUCT_STATUS)
		return (struct str){ "ACTIVE", 6 };
	if (t->field == F_ID)
		return dataset_id(ds, t->coll, row);
	return dataset_key_text(ds, t->coll,
				t->field == F_SKU    ? SORT_SKU
				: t->field == F_TYPE ? SORT_TYPE
						     : SORT_NAME,
				row);
}

static bool text_matches(const struct search *t, struct str have)
{
	size_t n = strlen(t->text);

	/* An order is found by its number with or without the "#". */
	if (t->field == F_NAME && have.n > 0 && have.p[0] == '#' && t->text[0] != '#')
		have = (struct str){ have.p + 1, have.n - 1 };
	if (t->prefix)
		return have.n >= n && strncasecmp(have.p, t->text, n) == 0;
	return have.n == n && strncasecmp(have.p, t->text, n) == 0;
}

/* Any of a product's variants may match by title or sku. */
static bool product_matches(const struct dataset *ds, const struct search *t, uint32_t row)
{
	const struct product *p = &ds->products[row];

	for (uint32_t i = 0; i < p->n; i++) {
		const struct variant *v = &ds->variants[p->first + i];

		if (text_matches(t, t->field == F_SKU    ? v->sku
				    : t->field == F_TYPE ? v->product_type
							 : v->title))
			return true;
	}
	return false;
}

static bool term_matches(const struct dataset *ds, const struct search *t, uint32_t row)
{
	int64_t n;

	if (t->value_kind == V_TEXT) {
		if (t->coll == COLL_PRODUCTS && t->field != F_PRODUCT_STATUS)
			return product_matches(ds, t, row);
		return text_matches(t, row_text(ds, t, row));
	}
	if (t->value_kind == V_ID) {
		const char *slash = strrchr(t->text, '/');
		const char *id =
			strncmp(t->text, "gid://", 6) == 0 && slash != NULL ? slash + 1 : t->text;

		return compare_ok(t->op, id_compare(row_text(ds, t, row),
						    (struct str){ id, (uint32_t)strlen(id) }));
	}
	n = row_number(ds, t, row);
	/* Against a whole day "<=" means before its end and ">" after its end. */
	switch (t->op) {
	case OP_EQ:
		return n >= t->number && n < t->number_end;
	case OP_LT:
		return n < t->number;
	case OP_LE:
		return n < t->number_end;
	case OP_GT:
		return n >= t->number_end;
	case OP_GE:
		return n >= t->number;
	}
	return false;
}

bool search_match(const struct dataset *ds, const struct search *s, uint32_t row)
{
	if (s == NULL)
		return true;
	switch (s->kind) {
	case N_TERM:
		return term_matches(ds, s, row);
	case N_AND:
		return search_match(ds, s->a, row) && search_match(ds, s->b, row);
	case N_OR:
		return search_match(ds, s->a, row) || search_match(ds, s->b, row);
	case N_NOT:
		return !search_match(ds, s->a, row);
	}
	return false;
}
