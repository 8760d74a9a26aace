/* What the stores share: where they work, and the transaction of one statement. Read next: store.h.
 */
#include "store.h"

struct db_tx *store_tx(const struct place *p)
{
	struct db_tx *tx = db_tx_new(p->db, &p->scope);

	if (!tx)
		error_set(p->err, ST_UNAVAILABLE, NULL, "the service is out of memory");
	return tx;
}

void store_args(const struct place *p, struct db_args *args)
{
	db_args_init(args, p->arena);
	db_arg_text(args, p->scope.tenant_id);
}

enum status store_run(const struct place *p, struct db_tx *tx, const char *stmt,
		      const struct db_args *args)
{
	if (!tx)
		return ST_UNAVAILABLE;
	db_add(tx, stmt, args);
	return db_run(tx, p->deadline_us, p->err);
}
