/* See checkpoint.h. The cursor comes last because it may hold anything, spaces too. */
#include "checkpoint.h"

#include "queries.h"

#include <stdlib.h>
#include <string.h>

#define FORM   1
#define FIELDS 10

bool checkpoint_read(const char *text, struct checkpoint *ret)
{
	int64_t v[FIELDS];

	for (int i = 0; i < FIELDS; i++) {
		char *end;

		v[i] = strtoll(text, &end, 10);
		if (end == text || *end != ' ')
			return false;
		text = end + 1;
	}
	if (v[0] != FORM || v[1] < PHASE_PRODUCTS || v[1] > PHASE_ORDERS || v[2] < 1 ||
	    v[2] > ORDERS_PER_PAGE)
		return false;
	*ret = (struct checkpoint){ .phase = (enum phase)v[1],
				    .size = (int)v[2],
				    .since = v[3],
				    .from = v[4],
				    .high = v[5],
				    .clock = v[6],
				    .asked = v[7],
				    .done = v[8],
				    .expected = v[9],
				    .cursor = *text ? text : NULL };
	return true;
}

const char *checkpoint_write(struct arena *a, const struct checkpoint *c)
{
	return arena_printf(a, "%d %d %d %lld %lld %lld %lld %lld %lld %lld %s", FORM,
			    (int)c->phase, c->size, (long long)c->since, (long long)c->from,
			    (long long)c->high, (long long)c->clock, (long long)c->asked,
			    (long long)c->done, (long long)c->expected, c->cursor ? c->cursor : "");
}
