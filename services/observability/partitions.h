/*
 * The days of the table `events`: made ahead and when a late row needs one, dropped whole after 90
 * days (migrations/0001_events.sql). Read next: store_partitions.c.
 */
#ifndef OBSERVABILITY_PARTITIONS_H
#define OBSERVABILITY_PARTITIONS_H

#include "core/arena.h"
#include "core/status.h"
#include "db/db.h"

#include <stdint.h>

#define EVENTS_KEEP_DAYS 90 /* after the day itself; events_drop_days() has the same number */

extern const struct db_stmt partition_statements[]; /* of the worker's pool */

/*
 * Sees to it that the UTC days from `first` to `last` have their partitions; asks the database only
 * for days that this process has not seen yet. Days that are older than what is kept, or later than
 * the day after tomorrow, are left out. Any thread.
 */
enum status partitions_need(struct db *worker, struct arena *a, int32_t first, int32_t last,
			    struct error *err) MUST_USE;
/* Makes the next days and drops the old ones; `made` and `dropped` (may be NULL) count them. */
enum status partitions_keep(struct db *worker, struct arena *a, int *made, int *dropped,
			    struct error *err) MUST_USE;
/* Whether an event of that time can be stored: 90 days back to a day ahead. */
bool partitions_take(int64_t at_us, int64_t now_us);

#endif
