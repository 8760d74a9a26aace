/*
 * Alert rules as rows, and the lock that orders a tenant's changes. Read next: store_rules.c,
 * evaluate.c.
 */
#ifndef OBSERVABILITY_STORE_RULES_H
#define OBSERVABILITY_STORE_RULES_H

#include "rule.h"
#include "store.h"

#include <stdbool.h>
#include <stddef.h>

extern const struct db_stmt rule_statements[];
extern const struct db_stmt rule_worker_statements[];

/*
 * Takes the tenant's lock and holds it to the end of the transaction; `seq` gets the number of the
 * latest change. `wait` false: `*locked` is false when somebody else holds it, or when the tenant
 * has no row yet. `wait` true: the row is made when there is none.
 */
enum status store_tenant_lock(const struct tenant_tx *t, bool wait, bool *locked,
			      int64_t *seq) MUST_USE;
enum status store_tenant_seq(const struct tenant_tx *t, int64_t seq) MUST_USE;
/* True once for each tenant: the default rules are to be made. Under the lock. */
enum status store_tenant_defaults(const struct tenant_tx *t, bool *first) MUST_USE;

/* Takes the news away and gives the enabled rules they are for, and those that are due. */
enum status store_rules_due(const struct tenant_tx *t, int64_t now_us, struct rule **ret,
			    size_t *n) MUST_USE;
enum status store_rules(const struct tenant_tx *t, struct rule **ret, size_t *n) MUST_USE;
/* ST_NOT_FOUND when the tenant has none such. Under the lock. */
enum status store_rule(const struct tenant_tx *t, const char *rule_id, struct rule *ret) MUST_USE;
enum status store_rules_count(const struct tenant_tx *t, int64_t *ret) MUST_USE;
enum status store_rule_add(const struct tenant_tx *t, const struct rule *r) MUST_USE;
/* Writes what people may change, and updated_us; the version grows. */
enum status store_rule_change(const struct tenant_tx *t, const struct rule *r) MUST_USE;
/* Writes what the machine keeps. `grown[i]`: the version grows, too. */
enum status store_rules_state(const struct tenant_tx *t, struct rule *const *rules,
			      const bool *grown, size_t n) MUST_USE;

/* As the worker: tenants with news or due rules, at most `max`; ids in the arena. */
enum status store_tenants_with_work(struct db *worker, struct arena *a, int64_t now_us, size_t max,
				    const char ***ret, size_t *n, struct error *err) MUST_USE;
/* As the worker: when the next rule is due; 0: none. */
enum status store_next_due(struct db *worker, struct arena *a, int64_t *ret,
			   struct error *err) MUST_USE;

#endif
