/*
 * attribution: says which campaign earned which order. Read next: README.md, credit.h and channel.h
 * (the rules), consumers.c (what it hears), handlers.c (what it answers), store.h (what it keeps).
 */
#ifndef ATTRIBUTION_SERVICE_H
#define ATTRIBUTION_SERVICE_H

#include "contract/attribution.h"
#include "contract/attribution_events.h"

#include <stdatomic.h>

struct attribution {
	atomic_int waiting;      /* calls that wait for a brand to become known */
	atomic_int adhoc;        /* reports that read every order, at work */
	atomic_int adhoc_queued; /* and waiting for their turn */
};

extern const struct attribution_handlers attribution_handlers;
extern const struct attribution_consumers attribution_consumers;

#endif
