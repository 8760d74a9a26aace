/*
 * Routes from the contract. A literal segment wins over a parameter; a method that the path does
 * not know is told apart from a path that nobody knows. Pure.
 */
#ifndef ROUTER_H
#define ROUTER_H

#include "core/arena.h"
#include "core/contract.h"
#include "json/message.h"

#include <stddef.h>

#define ROUTE_SEGMENTS_MAX 12
#define ROUTE_PARAMS_MAX   6

struct route {
	const struct contract_method *method;
	size_t index; /* in the router */
};
struct router;

/* Builds from all services' methods with an HTTP face. NULL when memory is out. */
struct router *router_new(const struct contract_service *const *services, size_t n);
void router_free(struct router *r);
size_t router_count(const struct router *r);
const struct route *router_at(const struct router *r, size_t i);

/*
 * Finds the route of `method` and the raw (still percent-encoded) path. ST_OK with params decoded
 * into the arena (at most ROUTE_PARAMS_MAX); ST_NOT_FOUND; ST_NOT_ALLOWED with `allow` listing the
 * methods the path has; ST_INVALID for a bad escape.
 */
enum status router_find(const struct router *r, struct arena *a, const char *method,
			const char *path, const struct route **ret, struct json_param *params,
			size_t *n_params, const char **allow);

#endif
