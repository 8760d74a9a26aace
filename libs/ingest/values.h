/*
 * The contract's values from plain ones, for the handlers and emitters of the ingest services.
 * Messages live in the arena; when it is full the pointer is NULL and arena_failed tells.
 */
#ifndef INGEST_VALUES_H
#define INGEST_VALUES_H

#include "core/arena.h"
#include "ingest/runs.h"

#include "pulsepoint/sync.pb-c.h"
#include "pulsepoint/types.pb-c.h"

/* protobuf-c's structs have plain char pointers; nothing is written through them. */
static inline char *value_text(const char *s)
{
	return (char *)(uintptr_t)s;
}
Pulsepoint__Money *value_money(struct arena *a, int64_t micros, const char *currency);
/* NULL for 0: not yet. */
Pulsepoint__Timestamp *value_time(struct arena *a, int64_t us);
Pulsepoint__Date *value_date(struct arena *a, int32_t days);
/* What GET /api/sync/... shows; texts are copied. */
void value_sync_run(struct arena *a, const struct run_view *v, Pulsepoint__SyncRun *out);

#endif
