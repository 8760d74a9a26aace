/*
 * A page of request telemetry, from a message on the stream to rows. Protobuf stops here. Read
 * next: consumers_page.c, ingest.c, proto/pulsepoint/telemetry.proto.
 */
#ifndef OBSERVABILITY_PAGE_H
#define OBSERVABILITY_PAGE_H

#include "event.h"

#include "bus/bus.h"

struct page {
	struct bus_msg *msg;
	const char *service; /* of the subject, where NATS permissions guard it */
	const char *instance;
	int64_t page, emitted, dropped;
	struct event_row *rows;
	size_t n;
	bool fresh; /* not stored before */
};

/*
 * Reads the message into `ret`; memory is the arena's. ST_INVALID with the field for what is no
 * page of ours: such a page is never taken in, and its rows count as lost. ST_TOO_LARGE when the
 * arena is full. Rows whose time no partition can take (partitions_take) are left out.
 */
enum status page_read(struct bus_msg *m, struct arena *a, int64_t now_us, struct page *ret,
		      struct error *err) MUST_USE;

#endif
