/* How a field's resolver is written, and the ways a value is put; for the files that hold resolvers
 * only. */
#ifndef SIM_SHOPIFY_FIELDS_H
#define SIM_SHOPIFY_FIELDS_H

#include "shopify_view.h"

/* A leaf writes JSON; an object's resolver gives the node (false: null); a list's gives the page.
 */
#define LEAF(fn) static void fn(struct gexec *x, const struct gplan *p, const struct gnode *self)
#define GET(fn)                                                                          \
	static bool fn(struct gexec *x, const struct gplan *p, const struct gnode *self, \
		       struct gnode *ret)
#define LIST(fn)                                                                         \
	static bool fn(struct gexec *x, const struct gplan *p, const struct gnode *self, \
		       struct gpage *ret)
/* Most resolvers need only part of what they are given. */
#define UNUSED ((void)x, (void)p, (void)self)

void put_text(struct gexec *x, const char *s);
void put_str(struct gexec *x, struct str s);
void put_str_or_null(struct gexec *x, struct str s);
void put_null(struct gexec *x);
void put_int(struct gexec *x, int64_t n);
void put_bool(struct gexec *x, bool b);
void put_time(struct gexec *x, int64_t us);
/* A global id, "gid://shopify/<type>/<id>"; the raw id may hold any punctuation. */
void put_gid(struct gexec *x, const char *type, const char *id);

static inline const struct order *the_order(const struct gexec *x, const struct gnode *self)
{
	return &x->data->orders[self->i];
}

static inline const struct variant *the_variant(const struct gexec *x, const struct gnode *self)
{
	return &x->data->variants[self->i];
}

#endif
