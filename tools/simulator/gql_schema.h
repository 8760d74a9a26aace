/*
 * A GraphQL schema as tables, and the plan a query becomes when it is checked against one. The
 * tables themselves are in shopify_schema.c. Read next: gql_bind.c (tree to plan), gql_exec.c (plan
 * to JSON).
 */
#ifndef SIM_GQL_SCHEMA_H
#define SIM_GQL_SCHEMA_H

#include "dataset.h"
#include "gql.h"

#include <cjson/cJSON.h>

#define GQL_ARGS_MAX     8
#define GQL_PLAN_MAX     4000 /* fields of a query after its fragments are expanded */
#define GQL_PATH_MAX     96
#define GQL_LIST_MAX     250 /* values of a list argument, and the largest page */
#define GQL_LIST_GUESS   10  /* size assumed for a list that is asked for without "first" */
#define GQL_CONCRETE_MAX 16

enum gtype {
	T_NONE,
	/* leaves */
	T_ID,
	T_STRING,
	T_INT,
	T_BOOLEAN,
	T_DATETIME,
	T_DECIMAL,
	T_MONEY,
	T_CURRENCY,
	T_URL,
	T_FINANCIAL_STATUS,
	T_CANCEL_REASON,
	T_TACTIC,
	T_PRECISION,
	T_PRODUCT_STATUS,
	T_COUNTRY,
	/* objects and interfaces */
	T_QUERY,
	T_SHOP,
	T_SHOP_ADDRESS,
	T_SHOP_PLAN,
	T_ORDER,
	T_CUSTOMER,
	T_ADDRESS,
	T_MONEY_BAG,
	T_MONEY_V2,
	T_LINE_ITEM,
	T_VARIANT,
	T_PRODUCT,
	T_INVENTORY_ITEM,
	T_INVENTORY_LEVEL,
	T_INVENTORY_QUANTITY,
	T_LOCATION,
	T_REFUND,
	T_JOURNEY,
	T_MOMENT,
	T_VISIT,
	T_UTM,
	T_COUNT,
	T_NODE,
	T_PAGE_INFO,
	T_COUNT_OF_TYPES,
	/* made of an object type: OrderConnection, OrderEdge */
	T_CONNECTION = 0x100,
	T_EDGE = 0x200,
	T_BASE = 0xff
};

enum arg_kind { ARG_INT, ARG_STRING, ARG_BOOLEAN, ARG_ID, ARG_ENUM, ARG_STRINGS, ARG_IDS };

struct garg {
	const char *name;
	enum arg_kind kind;
	bool required;
	const char *type;          /* "Int", "OrderSortKeys"; the item's type for lists */
	const char *const *values; /* of an enum, ends with NULL */
	const char *fallback;      /* default as text, or NULL */
};

/* An argument with its value in place. */
struct gval {
	bool given; /* false: absent or null, and no default */
	int64_t number;
	const char *text;
	const char *const *list;
	size_t nlist;
};

enum garg_place {
	ARG_FIRST,
	ARG_LAST,
	ARG_AFTER,
	ARG_BEFORE,
	ARG_REVERSE,
	ARG_QUERY,
	ARG_SORT_KEY
};

struct gplan;
struct gexec;
struct gpage;

/* An object while it is being answered: its type and where it is in the dataset. */
struct gnode {
	enum gtype type;
	uint32_t i;       /* row in the dataset's array of that type */
	int64_t micros;   /* money; a count */
	const char *text; /* name of a quantity; an amount as the CSV has it */
	const char *currency;
	const struct gpage *page; /* of a connection, edge or page info */
	uint32_t k;               /* place in `page` */
	bool flag;                /* of a count: there are more */
};

/* A list or a page of a connection. */
struct gpage {
	uint32_t n;
	enum gtype item;
	const struct gnode
		*nodes; /* the items themselves, or NULL: rows, or NULL: start, start+1, ... */
	const uint32_t *rows;
	uint32_t start;
	bool has_next, has_previous;
	/* The cursor of item k, as plain text before it is made opaque. */
	const char *(*cursor)(struct gexec *x, const struct gpage *page, uint32_t k);
	uint32_t ordinal0;    /* of nested connections: place of item 0 among all, and the step */
	enum collection coll; /* of root connections */
	enum sort_key sort;
};

typedef void (*gleaf_fn)(struct gexec *x, const struct gplan *p, const struct gnode *self);
typedef bool (*gget_fn)(struct gexec *x, const struct gplan *p, const struct gnode *self,
			struct gnode *ret); /* false: null */
typedef bool (*glist_fn)(struct gexec *x, const struct gplan *p, const struct gnode *self,
			 struct gpage *ret);

enum gflag {
	GF_FREE = 1,       /* the object costs nothing: it is part of its parent */
	GF_CONNECTION = 2, /* `list` fills a page; the field's type is <type>Connection */
	GF_LIST = 4,       /* `list` fills a plain list */
	GF_PASS = 8,       /* a wrapper (edges, nodes, node): its children cost what they cost */
};

struct gfield {
	const char *name;
	enum gtype type;
	unsigned flags;
	const struct garg *args; /* ends with a NULL name; may be NULL */
	gleaf_fn leaf;
	gget_fn get;
	glist_fn list;
};

struct gtype_info {
	const char *name;
	const struct gfield *fields; /* NULL for leaves; ends with a NULL name */
	bool interface;
	enum gtype implements[2];
};

/* The schema (shopify_schema.c). */
extern const struct gtype_info shopify_types[T_COUNT_OF_TYPES];
extern const char *const shopify_input_types[]; /* that a variable may have; ends with NULL */

struct gplan {
	const char *key;
	const struct gfield *field; /* NULL: __typename */
	enum gtype type;            /* of the value, with T_CONNECTION or T_EDGE */
	struct gval args[GQL_ARGS_MAX];
	struct gplan *
		children[GQL_CONCRETE_MAX]; /* one list, or one per concrete type of an interface */
	struct gplan *next;
	uint32_t size; /* items asked for, of a list or connection */
	struct gql_loc loc;
};

/* The checked query. */
struct gquery {
	struct gplan *root;
	unsigned cost; /* requested */
};

/*
 * Checks `doc` against the schema and takes in the variables (a JSON object, or NULL). `operation`:
 * which one, NULL when there is only one. False with `err` in Shopify's shape.
 */
bool gql_bind(struct arena *a, const struct gql_doc *doc, const char *operation,
	      const cJSON *variables, struct gquery *ret, struct gql_error *err);

struct gexec {
	struct arena *arena;
	struct buf *out;
	struct gql_error *err;
	const struct dataset *data;
	const void *owner; /* what the resolvers need besides (struct shop_view) */
	const char *path[GQL_PATH_MAX];
	size_t npath;
	unsigned not_ready; /* journeys to report as not ready yet */
};

/* Writes the answer's `data` object; returns its actual cost. An error is left in x->err, and then
 * `out` is worthless. */
unsigned gql_exec(struct gexec *x, const struct gquery *q);
/* Stops with an error at the field being answered. Returns false. */
bool gql_exec_fail(struct gexec *x, const struct gplan *p, const char *code, const char *message);

/* The weight of n items: the smallest w with w^5 >= n^2, that is n to the power 0.4, rounded up. */
unsigned gql_weight(uint32_t n);
/* The concrete types behind `t`: itself, or the implementors of an interface. Returns how many. */
size_t gql_concrete(enum gtype t, enum gtype ret[GQL_CONCRETE_MAX]);
const char *gql_type_name(struct arena *a, enum gtype t);
const struct gfield *gql_find_field(enum gtype t, const char *name, enum gtype *ret_type);

/* Wraps plain cursor text, and back (NULL when it is none of ours). */
const char *gql_cursor_seal(struct arena *a, const char *plain, size_t len);
const char *gql_cursor_open(struct arena *a, const char *sealed, size_t *ret_len);

/* The connection's own fields (gql_exec.c). */
extern const struct gfield gql_connection_fields[];
extern const struct gfield gql_edge_fields[];

#endif
