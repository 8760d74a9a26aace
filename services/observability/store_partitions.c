/*
 * Days of `events`: what this process knows to be there, and the functions that make and drop them.
 * Read next: migrations/0001_events.sql.
 */
#include "partitions.h"

#include "core/timeutil.h"

#include <stdatomic.h>

#define DAYS_AHEAD 2

const struct db_stmt partition_statements[] = {
	{ "events_make_days", "SELECT events_make_days($1::date, $2::date)" },
	{ "events_drop_days", "SELECT events_drop_days()" },
	{ NULL, NULL },
};

/*
 * The days from known_from to known_to are there. They only grow while a process lives, and a day
 * that is dropped under it takes no rows any more (partitions_take).
 */
static _Atomic int32_t known_from = INT32_MAX, known_to = INT32_MIN;

static int32_t today(void)
{
	return (int32_t)(time_now_us() / US_PER_DAY);
}

static enum status ask(struct db *worker, struct arena *a, const char *stmt, const int32_t *days,
		       int *ret, struct error *err)
{
	const struct db_scope none = { NULL, NULL };
	AUTO_TX *tx = db_tx_new(worker, &none);
	struct db_args args;
	enum status st;

	if (!tx)
		return error_set(err, ST_UNAVAILABLE, NULL, "the service is out of memory");
	db_args_init(&args, a);
	for (int i = 0; days && i < 2; i++)
		db_arg_date(&args, days[i]);
	db_add(tx, stmt, &args);
	st = db_run(tx, 0, err);
	if (st == ST_OK && ret)
		*ret = (int)db_int(tx, 0, 0, 0);
	return st;
}

static enum status make(struct db *worker, struct arena *a, int32_t first, int32_t last, int *made,
			struct error *err)
{
	const int32_t days[2] = { first, last };
	enum status st = ask(worker, a, "events_make_days", days, made, err);

	if (st == ST_OK && first < atomic_load(&known_from))
		atomic_store(&known_from, first);
	if (st == ST_OK && last > atomic_load(&known_to))
		atomic_store(&known_to, last);
	return st;
}

enum status partitions_need(struct db *worker, struct arena *a, int32_t first, int32_t last,
			    struct error *err)
{
	int32_t now = today();

	if (first >= atomic_load(&known_from) && last <= atomic_load(&known_to))
		return ST_OK;
	/* One stretch without holes: from the first day that is needed to the last that is made. */
	if (atomic_load(&known_to) >= atomic_load(&known_from) && first > atomic_load(&known_from))
		first = atomic_load(&known_from);
	if (last < now + DAYS_AHEAD)
		last = now + DAYS_AHEAD;
	return make(worker, a, first, last, NULL, err);
}

enum status partitions_keep(struct db *worker, struct arena *a, int *made, int *dropped,
			    struct error *err)
{
	int32_t now = today();
	enum status st = make(worker, a, now - 1, now + DAYS_AHEAD, made, err);

	return st == ST_OK ? ask(worker, a, "events_drop_days", NULL, dropped, err) : st;
}

bool partitions_take(int64_t at_us, int64_t now_us)
{
	int64_t day = now_us / US_PER_DAY;

	return at_us >= (day - EVENTS_KEEP_DAYS) * US_PER_DAY && at_us <= now_us + US_PER_DAY;
}
