/*
 * Pages. A root connection walks one of the dataset's sorted lists from the place its cursor names;
 * the cursor holds the sort value and the id of a row, not a number, so a page begins at the right
 * row even after the data has changed. Read next: search.c.
 */
#include "shopify_view.h"

#include "search.h"

#include "core/text.h"

#include <stdio.h>
#include <string.h>

struct bound {
	int64_t number;
	struct str text, id;
};

static char collection_letter(enum collection coll)
{
	return coll == COLL_ORDERS ? 'o' : coll == COLL_PRODUCTS ? 'p' : 'v';
}

/* "o3|<number>|<length of text>|<text><id>" */
static const char *root_cursor(struct gexec *x, const struct gpage *page, uint32_t k)
{
	uint32_t row = page->rows[k];
	struct str id = dataset_id(x->data, page->coll, row), text = { "", 0 };
	int64_t number = 0;

	if (dataset_key_is_text(page->sort))
		text = dataset_key_text(x->data, page->coll, page->sort, row);
	else
		number = dataset_key_number(x->data, page->coll, page->sort, row);
	return arena_printf(x->arena, "%c%u|%lld|%u|%s%s", collection_letter(page->coll),
			    (unsigned)page->sort, (long long)number, text.n, text.p, id.p);
}

static const char *nested_cursor(struct gexec *x, const struct gpage *page, uint32_t k)
{
	return arena_printf(x->arena, "n%u|%u", (unsigned)page->item, page->ordinal0 + k);
}

static bool bad_cursor(struct gexec *x, const struct gplan *p)
{
	return gql_exec_fail(x, p, "BAD_REQUEST", "Invalid cursor for current pagination sort.");
}

/* Reads digits up to `end`; false when there are none, or something else. */
static bool read_number(const char **s, char end, int64_t *ret)
{
	char digits[24];
	size_t n = strcspn(*s, "|");

	if ((*s)[n] != end || n >= sizeof(digits))
		return false;
	memcpy(digits, *s, n);
	digits[n] = '\0';
	*s += n + (end != '\0');
	return parse_i64(digits, INT64_MIN, INT64_MAX, ret);
}

static bool open_root_cursor(struct gexec *x, const struct gplan *p, const struct gpage *page,
			     const char *sealed, struct bound *ret)
{
	size_t len = 0;
	const char *s = gql_cursor_open(x->arena, sealed, &len);
	int64_t sort, text_len;

	if (s == NULL || s[0] != collection_letter(page->coll))
		return bad_cursor(x, p);
	s++;
	if (!read_number(&s, '|', &sort) || sort != (int64_t)page->sort ||
	    !read_number(&s, '|', &ret->number) || !read_number(&s, '|', &text_len) ||
	    text_len < 0 || (size_t)text_len > strlen(s))
		return bad_cursor(x, p);
	ret->text = (struct str){ s, (uint32_t)text_len };
	ret->id = (struct str){ s + text_len, (uint32_t)strlen(s + text_len) };
	return ret->id.n > 0 || bad_cursor(x, p);
}

static int compare_bound(const struct gexec *x, const struct gpage *page, uint32_t row,
			 const struct bound *b)
{
	int d;

	if (dataset_key_is_text(page->sort)) {
		d = str_compare(dataset_key_text(x->data, page->coll, page->sort, row), b->text);
	} else {
		int64_t n = dataset_key_number(x->data, page->coll, page->sort, row);

		d = (n > b->number) - (n < b->number);
	}
	return d != 0 ? d : id_compare(dataset_id(x->data, page->coll, row), b->id);
}

/* The first place in the sorted list that is not before the bound (or, `after`, not at it either).
 */
static uint32_t find_place(const struct gexec *x, const struct gpage *page, const uint32_t *rows,
			   const struct bound *b, bool after)
{
	uint32_t lo = 0, hi = dataset_size(x->data, page->coll);

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		int d = compare_bound(x, page, rows[mid], b);

		if (d < 0 || (after && d == 0))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The part of the sorted list between the two cursors: [from, to). */
static bool cursor_range(struct gexec *x, const struct gplan *p, const struct gpage *page,
			 const uint32_t *rows, uint32_t *from, uint32_t *to)
{
	bool reverse = p->args[ARG_REVERSE].number != 0;

	*from = 0;
	*to = dataset_size(x->data, page->coll);
	for (int side = ARG_AFTER; side <= ARG_BEFORE; side++) {
		/* In a reversed list what comes after a row is what lies before it in the sorted
		 * one. */
		bool low = (side == ARG_AFTER) != reverse;
		struct bound b = { 0 };
		uint32_t place;

		if (!p->args[side].given)
			continue;
		if (!open_root_cursor(x, p, page, p->args[side].text, &b))
			return false;
		place = find_place(x, page, rows, &b, low);
		if (low)
			*from = place;
		else
			*to = place;
	}
	*to = *to < *from ? *from : *to;
	return true;
}

struct walk {
	const struct gexec *x;
	const struct search *search;
	const uint32_t *rows;
	uint32_t total;
};

static bool any_match(const struct walk *w, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++)
		if (search_match(w->x->data, w->search, w->rows[i]))
			return true;
	return false;
}

/*
 * Takes up to `want` matching rows of [from, to), from its low end or its high end, in the order
 * met. `more` tells whether another one follows.
 */
static uint32_t take_rows(const struct walk *w, uint32_t from, uint32_t to, bool up, uint32_t want,
			  uint32_t *out, bool *more)
{
	uint32_t n = 0;

	*more = false;
	for (uint32_t left = to - from; left > 0; left--) {
		uint32_t row = w->rows[up ? to - left : from + left - 1];

		if (!search_match(w->x->data, w->search, row))
			continue;
		if (n == want) {
			*more = true;
			break;
		}
		out[n++] = row;
	}
	return n;
}

static void reverse_rows(uint32_t *rows, uint32_t n)
{
	for (uint32_t i = 0; i < n / 2; i++) {
		uint32_t t = rows[i];

		rows[i] = rows[n - 1 - i];
		rows[n - 1 - i] = t;
	}
}

static bool parse_search(struct gexec *x, const struct gplan *p, enum collection coll,
			 const struct gval *arg, struct search **ret)
{
	const struct shop_view *view = x->owner;
	const char *why = NULL;

	*ret = NULL;
	if (!arg->given)
		return true;
	if (search_parse(x->arena, x->data, coll, arg->text, view->now_us, ret, &why))
		return true;
	return gql_exec_fail(x, p, "INVALID_SEARCH_SYNTAX",
			     arena_printf(x->arena, "Invalid search syntax: %s", why));
}

static bool list_root(struct gexec *x, const struct gplan *p, enum gtype item, enum collection coll,
		      enum sort_key sort, struct gpage *ret)
{
	bool reverse = p->args[ARG_REVERSE].number != 0;
	bool first = p->args[ARG_FIRST].given;
	struct walk w = { .x = x, .rows = x->data->sorted[coll][sort] };
	uint32_t from, to, *rows;
	struct search *search;
	bool more;

	if (w.rows == NULL)
		return gql_exec_fail(x, p, "NOT_SUPPORTED",
				     "This sort key is not supported by the simulator.");
	*ret = (struct gpage){ .item = item, .coll = coll, .sort = sort, .cursor = root_cursor };
	w.total = dataset_size(x->data, coll);
	rows = arena_array(x->arena, p->size, sizeof(*rows));
	if (rows == NULL)
		return gql_exec_fail(x, p, "INTERNAL_SERVER_ERROR", "out of memory");
	if (!parse_search(x, p, coll, &p->args[ARG_QUERY], &search) ||
	    !cursor_range(x, p, ret, w.rows, &from, &to))
		return false;
	w.search = search;
	ret->n = take_rows(&w, from, to, first != reverse, p->size, rows, &more);
	if (!first)
		reverse_rows(rows, ret->n);
	ret->rows = rows;
	/* What lies beyond the cursors is a neighbouring page as well. */
	ret->has_next =
		first ? more : (reverse ? any_match(&w, 0, from) : any_match(&w, to, w.total));
	ret->has_previous =
		first ? (reverse ? any_match(&w, to, w.total) : any_match(&w, 0, from)) : more;
	if (first && !more && p->args[ARG_BEFORE].given)
		ret->has_next = reverse ? any_match(&w, 0, from) : any_match(&w, to, w.total);
	return true;
}

struct sort_name {
	const char *name;
	enum sort_key key;
};

/* Sort keys of the real schema that a dataset can answer; the others exist and are refused. */
static enum sort_key find_sort(const struct sort_name *names, const char *name)
{
	while (names->name != NULL && strcmp(names->name, name) != 0)
		names++;
	return names->name != NULL ? names->key : SORT_COUNT;
}

static bool list_sorted(struct gexec *x, const struct gplan *p, enum gtype item,
			enum collection coll, const struct sort_name *names, struct gpage *ret)
{
	enum sort_key key = find_sort(names, p->args[ARG_SORT_KEY].text);

	if (key == SORT_COUNT)
		return gql_exec_fail(x, p, "NOT_SUPPORTED",
				     "This sort key is not supported by the simulator.");
	return list_root(x, p, item, coll, key, ret);
}

bool list_orders(struct gexec *x, const struct gplan *p, const struct gnode *self,
		 struct gpage *ret)
{
	static const struct sort_name names[] = {
		{ "ID", SORT_ID },
		{ "CREATED_AT", SORT_CREATED },
		{ "PROCESSED_AT", SORT_PROCESSED },
		{ "UPDATED_AT", SORT_UPDATED },
		{ "ORDER_NUMBER", SORT_NAME },
		{ "TOTAL_PRICE", SORT_TOTAL },
		{ 0 },
	};

	(void)self;
	return list_sorted(x, p, T_ORDER, COLL_ORDERS, names, ret);
}

bool list_products(struct gexec *x, const struct gplan *p, const struct gnode *self,
		   struct gpage *ret)
{
	static const struct sort_name names[] = {
		{ "ID", SORT_ID },
		{ "UPDATED_AT", SORT_UPDATED },
		{ "TITLE", SORT_NAME },
		{ "PRODUCT_TYPE", SORT_TYPE },
		{ "INVENTORY_TOTAL", SORT_TOTAL },
		{ 0 },
	};

	(void)self;
	return list_sorted(x, p, T_PRODUCT, COLL_PRODUCTS, names, ret);
}

bool list_variants(struct gexec *x, const struct gplan *p, const struct gnode *self,
		   struct gpage *ret)
{
	static const struct sort_name names[] = {
		{ "ID", SORT_ID },
		{ "TITLE", SORT_NAME },
		{ "NAME", SORT_NAME },
		{ "FULL_TITLE", SORT_NAME },
		{ "SKU", SORT_SKU },
		{ "INVENTORY_QUANTITY", SORT_TOTAL },
		{ 0 },
	};

	(void)self;
	return list_sorted(x, p, T_VARIANT, COLL_VARIANTS, names, ret);
}

static bool open_nested_cursor(struct gexec *x, const struct gplan *p, enum gtype item, uint32_t n,
			       const char *sealed, uint32_t *ret)
{
	size_t len = 0;
	const char *s = gql_cursor_open(x->arena, sealed, &len);
	int64_t type, place;

	if (s == NULL || s[0] != 'n')
		return bad_cursor(x, p);
	s++;
	if (!read_number(&s, '|', &type) || type != (int64_t)item ||
	    !read_number(&s, '\0', &place) || place < 0 || place >= n)
		return bad_cursor(x, p);
	*ret = (uint32_t)place;
	return true;
}

bool list_nested(struct gexec *x, const struct gplan *p, enum gtype item, uint32_t start,
		 uint32_t n, struct gpage *ret)
{
	uint32_t from = 0, to = n, place, *rows;

	*ret = (struct gpage){ .item = item, .cursor = nested_cursor };
	if (p->args[ARG_AFTER].given) {
		if (!open_nested_cursor(x, p, item, n, p->args[ARG_AFTER].text, &place))
			return false;
		from = place + 1;
	}
	if (p->args[ARG_BEFORE].given) {
		if (!open_nested_cursor(x, p, item, n, p->args[ARG_BEFORE].text, &to))
			return false;
		to = to < from ? from : to;
	}
	if (p->args[ARG_FIRST].given && to - from > p->size)
		to = from + p->size;
	if (p->args[ARG_LAST].given && to - from > p->size)
		from = to - p->size;
	ret->n = to - from;
	ret->start = start + from;
	ret->ordinal0 = from;
	ret->has_previous = from > 0;
	ret->has_next = to < n;
	if (p->args[ARG_REVERSE].number == 0)
		return true;
	/* Reversed, place k is row n-1-k. */
	rows = arena_array(x->arena, (size_t)ret->n + 1, sizeof(*rows));
	if (rows == NULL)
		return gql_exec_fail(x, p, "INTERNAL_SERVER_ERROR", "out of memory");
	for (uint32_t k = 0; k < ret->n; k++)
		rows[k] = start + n - 1 - (from + k);
	ret->rows = rows;
	return true;
}

bool count_rows(struct gexec *x, const struct gplan *p, enum collection coll, struct gnode *ret)
{
	uint32_t n = 0, total = dataset_size(x->data, coll);
	struct search *search;

	if (!parse_search(x, p, coll, &p->args[1], &search))
		return false;
	for (uint32_t i = 0; i < total; i++)
		n += search_match(x->data, search, i);
	*ret = (struct gnode){ .type = T_COUNT, .micros = n };
	if (p->args[0].given && n > p->args[0].number) {
		ret->micros = p->args[0].number;
		ret->flag = true;
	}
	return true;
}
