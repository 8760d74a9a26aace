/*
 * The audit log: who did what to whom, in the transaction that did it, and as an event for the
 * tenant. Ids only, never an address.
 */
#ifndef AUTH_AUDIT_H
#define AUTH_AUDIT_H

#include "core/status.h"

struct call;
struct db_tx;

/* Stands for the tenant where there is none: the scope of operators. */
#define PLATFORM_TENANT "00000000-0000-0000-0000-000000000000"

struct audit {
	const char *tenant_id, *actor, *act, *target;
	const char *note; /* may be NULL */
};
/* Adds row and event (the platform's acts have no event) to a transaction of either kind. */
enum status audit_put(struct call *call, struct db_tx *tx, const struct audit *a) MUST_USE;
/* In a transaction of its own, for what was refused. */
enum status audit_alone(struct call *call, const struct audit *a) MUST_USE;

#endif
