/* What gql_bind.c and gql_coerce.c share: the state of checking one query. Nobody else includes
 * this. */
#ifndef SIM_GQL_BIND_H
#define SIM_GQL_BIND_H

#include "gql_schema.h"

struct binder {
	struct arena *arena;
	struct gql_error *err;
	const struct gql_doc *doc;
	struct gql_op *op;
	const cJSON *variables;
	const char *path[GQL_PATH_MAX];
	size_t npath, path_base; /* inside a fragment the path starts at the fragment */
	unsigned nplan, steps;
};

/* Notes an error with the current path and `code`; returns false. */
bool bind_error(struct binder *b, struct gql_loc loc, const char *code, const char *message);
/* Finds and coerces the arguments of a field (gql_coerce.c). */
bool bind_args(struct binder *b, const struct gql_sel *s, struct gplan *p);
/* Checks the declared variables and the values given for them (gql_coerce.c). */
bool check_vars(struct binder *b);

#endif
