/*
 * From samples to notices: a tenant's rules are looked at, and what changes is written in one
 * transaction - states, alerts, numbered changes, events of the contract, deliveries. So there is
 * exactly one notice for each change: both commit or neither. Read next: rule.c (the machine),
 * store_rules.h (the lock), alerts.c (who calls when).
 */
#include "alert.h"
#include "alert_message.h"
#include "core/id.h"
#include "core/timeutil.h"
#include "notice.h"
#include "store_alerts.h"
#include "store_deliveries.h"
#include "store_samples.h"

#define EVALUATE_LIMIT_S 20
#define LOOK_WRITTEN_US  (10 * US_PER_SECOND) /* a look that changes nothing is written so often */

/* Rules of a tenant at work. */
struct work {
	const struct tenant_tx *t;
	const struct event_origin *origin;
	int64_t now_us, seq;
	struct alert_change *changes;
	size_t n_changes;
	struct rule **written; /* rules whose state is to be written */
	bool *grown;           /* parallel: with a new version */
	size_t n_written;
};

static bool work_init(struct work *w, size_t n)
{
	w->changes = arena_array(w->t->arena, n + 1, sizeof(*w->changes));
	w->written = arena_array(w->t->arena, n + 1, sizeof(struct rule *));
	w->grown = arena_array(w->t->arena, n + 1, sizeof(*w->grown));
	return w->changes && w->written && w->grown;
}

/* ---- looking ---- */

/* The windows that the rules see, each once; `of[i]` is the one of rule i. */
static size_t find_windows(const struct rule *rules, size_t n, struct window_ask *asks, size_t *of)
{
	size_t n_asks = 0;

	for (size_t i = 0; i < n; i++) {
		enum slot_kind kind = metric_kind(rules[i].metric);
		size_t k = 0;

		while (k < n_asks &&
		       (asks[k].kind != kind || asks[k].window_s != rules[i].window_s))
			k++;
		if (k == n_asks)
			asks[n_asks++] =
				(struct window_ask){ .kind = kind, .window_s = rules[i].window_s };
		of[i] = k;
	}
	return n_asks;
}

static char *new_id(struct arena *a)
{
	char id[UUID_TEXT];

	uuid_v7(id);
	return arena_strdup(a, id);
}

/* The change of a rule that has just been stepped. */
static void note_change(struct work *w, struct rule *r, enum change change)
{
	struct arena *a = w->t->arena;
	struct alert_change *c = &w->changes[w->n_changes++];

	*c = (struct alert_change){ .change = change, .seq = ++w->seq, .notice_id = new_id(a) };
	if (change == CHANGE_FIRED) {
		r->alert_id = new_id(a);
		c->alert = (struct alert){ .alert_id = r->alert_id,
					   .rule_id = r->rule_id,
					   .rule = r->name,
					   .metric = r->metric,
					   .severity = r->severity,
					   .value = r->value,
					   .threshold = r->threshold,
					   .text = rule_fired_text(a, r),
					   .fired_seq = c->seq,
					   .fired_us = w->now_us };
		return;
	}
	c->alert = (struct alert){ .alert_id = r->alert_id,
				   .resolved_us = w->now_us,
				   .has_resolved_value = r->has_value,
				   .resolved_value = r->value,
				   .resolved_text = rule_resolved_text(a, r) };
	r->alert_id = NULL;
}

/* Percentiles and answers over long windows are many rows: not with every sample. */
static bool too_soon(const struct rule *r, int64_t now_us)
{
	bool slow =
		metric_kind(r->metric) == SLOT_LATENCY || metric_kind(r->metric) == SLOT_ANSWERS;

	return slow && r->window_s > RULE_SLOW_WINDOW_S && r->evaluated_at_us != 0 &&
	       now_us < r->evaluated_at_us + RULE_SLOW_GAP_US;
}

static void note_written(struct work *w, struct rule *r, bool grown)
{
	w->written[w->n_written] = r;
	w->grown[w->n_written++] = grown;
}

static void step(struct work *w, struct rule *r, const struct window_sums *sums, bool fresh)
{
	const struct rule before = *r;
	const struct look look = rule_look(r, sums);
	enum change change = rule_step(r, &look, w->now_us, fresh);
	bool moved = r->condition != before.condition;

	if (change != CHANGE_NONE)
		note_change(w, r, change);
	if (moved || fresh || r->due_us != before.due_us ||
	    r->evaluated_at_us >= before.evaluated_at_us + LOOK_WRITTEN_US)
		note_written(w, r, moved);
}

/* Rules that are looked at too soon are only put off, once until then. */
static size_t put_off(struct work *w, struct rule *rules, size_t n, bool fresh)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (fresh || !too_soon(&rules[i], w->now_us)) {
			struct rule r = rules[i];

			rules[i] = rules[kept];
			rules[kept++] = r;
		}
	}
	for (size_t i = kept; i < n; i++) {
		int64_t due = rules[i].evaluated_at_us + RULE_SLOW_GAP_US;

		if (rules[i].due_us == due)
			continue;
		rules[i].due_us = due;
		note_written(w, &rules[i], false);
	}
	return kept;
}

/* ---- writing ---- */

static enum status tell(const struct work *w)
{
	const struct tenant_tx *t = w->t;
	enum status st = ST_OK;

	for (size_t i = 0; st == ST_OK && i < w->n_changes; i++) {
		struct alert_change *c = &w->changes[i];

		st = notice_body(t->arena, t->tenant_id, c, &c->body, t->err);
		if (st == ST_OK)
			st = message_emit(t->tx, t->arena, w->origin, c, t->err);
	}
	if (st == ST_OK)
		st = store_deliveries_add(t, w->changes, w->n_changes);
	return st == ST_OK ? alert_events(t, w->origin, w->changes, w->n_changes) : st;
}

static enum status write(const struct work *w)
{
	enum status st = store_rules_state(w->t, w->written, w->grown, w->n_written);

	if (st != ST_OK || w->n_changes == 0)
		return st;
	st = store_alerts_change(w->t, w->changes, w->n_changes);
	if (st == ST_OK)
		st = store_tenant_seq(w->t, w->seq);
	return st == ST_OK ? tell(w) : st;
}

enum status evaluate_rules(const struct tenant_tx *t, const struct event_origin *origin,
			   struct rule *rules, size_t n, int64_t seq, bool fresh, size_t *n_changes)
{
	struct window_ask *asks = arena_array(t->arena, n + 1, sizeof(*asks));
	size_t *of = arena_array(t->arena, n + 1, sizeof(*of)), kept;
	struct work w = { .t = t, .origin = origin, .now_us = time_now_us(), .seq = seq };
	enum status st = ST_OK;

	if (!asks || !of || !work_init(&w, n))
		return tenant_no_memory(t);
	kept = put_off(&w, rules, n, fresh);
	if (kept > 0)
		st = store_windows(t->tx, t->arena, t->tenant_id, w.now_us, asks,
				   find_windows(rules, kept, asks, of), t->err);
	if (st != ST_OK)
		return st;
	for (size_t i = 0; i < kept; i++)
		step(&w, &rules[i], &asks[of[i]].sums, fresh);
	*n_changes = w.n_changes;
	if (arena_failed(t->arena))
		return tenant_no_memory(t);
	return write(&w);
}

enum status evaluate_disabled(const struct tenant_tx *t, const struct event_origin *origin,
			      struct rule *rule, int64_t seq, size_t *n_changes)
{
	struct work w = { .t = t, .origin = origin, .now_us = time_now_us(), .seq = seq };
	enum change change;

	if (!work_init(&w, 1))
		return tenant_no_memory(t);
	change = rule_disable(rule, w.now_us);
	if (change != CHANGE_NONE)
		note_change(&w, rule, change);
	note_written(&w, rule, true);
	*n_changes = w.n_changes;
	return write(&w);
}

/* ---- a tenant's turn ---- */

static enum status take_turn(struct svc *svc, const struct tenant_tx *t, size_t *n_changes)
{
	const struct event_origin origin = { t->tenant_id, svc_name(svc), NULL };
	struct rule *rules = NULL;
	size_t n = 0;
	bool locked = false;
	int64_t seq = 0;
	enum status st = store_tenant_lock(t, false, &locked, &seq);

	if (st != ST_OK || !locked)
		return st;
	st = store_rules_due(t, time_now_us(), &rules, &n);
	if (st == ST_OK && n > 0)
		st = evaluate_rules(t, &origin, rules, n, seq, false, n_changes);
	return st == ST_OK ? db_commit(t->tx, t->err) : st;
}

enum status evaluate_tenant(struct svc *svc, struct arena *a, const char *tenant_id,
			    size_t *n_changes, struct error *err)
{
	const struct db_scope scope = { tenant_id, "" };
	AUTO_TX *tx = NULL;
	struct tenant_tx t = { .arena = a, .err = err, .tenant_id = tenant_id };
	enum status st = db_begin(&tx, svc_db(svc), &scope,
				  time_mono_us() + EVALUATE_LIMIT_S * US_PER_SECOND, err);

	*n_changes = 0;
	t.tx = tx;
	return st == ST_OK ? take_turn(svc, &t, n_changes) : st;
}
