/* See values.h. */
#include "ingest/values.h"

Pulsepoint__Money *value_money(struct arena *a, int64_t micros, const char *currency)
{
	Pulsepoint__Money *m = arena_alloc(a, sizeof(*m));

	if (m != NULL) {
		pulsepoint__money__init(m);
		m->micros = micros;
		m->currency = value_text(currency);
	}
	return m;
}

Pulsepoint__Timestamp *value_time(struct arena *a, int64_t us)
{
	Pulsepoint__Timestamp *t = us != 0 ? arena_alloc(a, sizeof(*t)) : NULL;

	if (t != NULL) {
		pulsepoint__timestamp__init(t);
		t->micros = us;
	}
	return t;
}

Pulsepoint__Date *value_date(struct arena *a, int32_t days)
{
	Pulsepoint__Date *d = arena_alloc(a, sizeof(*d));

	if (d != NULL) {
		pulsepoint__date__init(d);
		d->days = days;
	}
	return d;
}

static Pulsepoint__SyncState state_of(enum run_state s)
{
	switch (s) {
	case RUN_QUEUED:
		return PULSEPOINT__SYNC_STATE__SYNC_STATE_QUEUED;
	case RUN_RUNNING:
		return PULSEPOINT__SYNC_STATE__SYNC_STATE_RUNNING;
	case RUN_PROJECTING:
		return PULSEPOINT__SYNC_STATE__SYNC_STATE_PROJECTING;
	case RUN_DONE:
		return PULSEPOINT__SYNC_STATE__SYNC_STATE_DONE;
	case RUN_FAILED:
		return PULSEPOINT__SYNC_STATE__SYNC_STATE_FAILED;
	}
	return PULSEPOINT__SYNC_STATE__SYNC_STATE_UNSPECIFIED;
}

void value_sync_run(struct arena *a, const struct run_view *v, Pulsepoint__SyncRun *out)
{
	out->run_id = arena_strdup(a, v->run_id);
	out->brand_id = arena_strdup(a, v->brand_id);
	out->platform = arena_strdup(a, v->platform);
	out->state = state_of(v->state);
	out->rows = v->rows;
	out->pages = v->pages;
	out->percent = v->percent;
	out->error = arena_strdup(a, v->error);
	out->retries = v->retries;
	out->note = arena_strdup(a, v->note);
	out->created_at = value_time(a, v->created_at);
	out->started_at = value_time(a, v->started_at);
	out->finished_at = value_time(a, v->finished_at);
}
