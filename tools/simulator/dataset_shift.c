/*
 * Moves a dataset in time by whole local days. Each order moves by one distance, that of its
 * processed_at, together with its refunds and visits: its day in the shop's zone and every distance
 * inside the order stay what they were, although the clock changes of the two years fall on
 * different days.
 */
#include "dataset.h"

#include "zone.h"

#include "core/timeutil.h"

/* How far an instant moves so that its wall time stays the same `days` later. */
static int64_t distance(const struct dataset *ds, int64_t us)
{
	int64_t moved = us + ds->shift_days * US_PER_DAY;
	int32_t before = zone_offset_s(ds->zone, us);
	int32_t after = zone_offset_s(ds->zone, moved);

	return moved - us + (before - after) * US_PER_SECOND;
}

static void shift_order(struct dataset *ds, struct order *o)
{
	int64_t by = distance(ds, o->processed_at);

	o->created_at += by;
	o->processed_at += by;
	o->updated_at += by;
	if (o->cancelled_at != TIME_NONE)
		o->cancelled_at += by;
	for (uint32_t i = 0; i < o->nrefunds; i++)
		ds->refunds[o->refund0 + i].created_at += by;
	for (uint32_t i = 0; i < o->nvisits; i++)
		ds->visits[o->visit0 + i].occurred_at += by;
}

void dataset_shift(struct dataset *ds, int32_t to_day)
{
	ds->shift_days = to_day - ds->last_day;
	for (uint32_t i = 0; i < ds->norders; i++)
		shift_order(ds, &ds->orders[i]);
	for (uint32_t i = 0; i < ds->loose_visits; i++)
		ds->loose[i].visit.occurred_at += distance(ds, ds->loose[i].visit.occurred_at);
	for (uint32_t i = 0; i < ds->nvariants; i++)
		ds->variants[i].updated_at += distance(ds, ds->variants[i].updated_at);
	for (uint32_t i = 0; i < ds->nads; i++)
		ds->ads[i].day += ds->shift_days;
	ds->first_day += ds->shift_days;
	ds->last_day += ds->shift_days;
}
