/*
 * Alert rules without a database: what is a good rule, and the machine that says when one fires and
 * when it resolves. Pure. Read next: rule.c, test/run_rule.c (the machine as a table), evaluate.c.
 *
 * Figures are whole numbers in units of 10^-scale of the metric: percent scale 4, milliseconds
 * scale 3 (microseconds), US dollars scale 9 (nano-dollars).
 */
#ifndef OBSERVABILITY_RULE_H
#define OBSERVABILITY_RULE_H

#include "samples_window.h"

#include "core/arena.h"
#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RULES_MAX           100 /* of a tenant */
#define RULE_NAME_MAX       200
#define RULE_WINDOW_MIN     10
#define RULE_WINDOW_MAX     2592000
#define RULE_FOR_MAX        86400
#define RULE_SAMPLES_MAX    1000000
#define RULE_LATENCY_MAX_MS INT64_C(86400000)
#define RULE_COST_MAX_USD   INT64_C(1000000000)
/*
 * Percentiles and answers over more than a day are many rows: such a rule is looked at no more
 * often. All others are looked at with every new sample.
 */
#define RULE_SLOW_WINDOW_S 86400
#define RULE_SLOW_GAP_US   (60 * INT64_C(1000000))

/* The values of these four are the contract's; alert_message.c asserts it. */
enum metric {
	METRIC_NONE,
	METRIC_ERRORS,
	METRIC_P50,
	METRIC_P95,
	METRIC_P99,
	METRIC_COST,
	METRIC_ACCURACY,
};
enum comparison { COMPARE_NONE, COMPARE_ABOVE, COMPARE_BELOW };
enum severity { SEVERITY_NONE, SEVERITY_INFORM, SEVERITY_WARN, SEVERITY_CRIT };
enum condition {
	CONDITION_NONE,
	CONDITION_NO_DATA,
	CONDITION_OK,
	CONDITION_PENDING,
	CONDITION_FIRING
};

int metric_scale(enum metric m);
/* What its samples are stored as: enum slot_kind of samples_window.h. */
enum slot_kind metric_kind(enum metric m);

struct rule {
	const char *rule_id, *name;
	enum metric metric;
	enum comparison comparison;
	int64_t threshold, recovery;
	int64_t window_s, for_s, min_samples;
	enum severity severity;
	bool enabled;
	/* What the machine keeps. */
	enum condition condition;
	int64_t pending_since_us; /* 0: not pending */
	bool has_value;
	int64_t value;           /* at the last look */
	int64_t evaluated_at_us; /* 0: never */
	int64_t due_us;          /* look again by then although nothing new came; 0: no need */
	const char *alert_id;    /* that stands; NULL: none */
	int64_t version, created_us, updated_us;
};

/*
 * ST_INVALID with field and reason unless the rule can fire and resolve: ranges of its metric,
 * recovery threshold on the right side of the threshold. Lengths and plain ranges are the
 * contract's as well.
 */
enum status rule_check(const struct rule *r, struct error *err) MUST_USE;
/* A figure of the request as units of the metric's scale; ST_INVALID naming `field`. */
enum status rule_figure(enum metric m, int64_t units, unsigned scale, const char *field,
			int64_t *ret, struct error *err) MUST_USE;

/* What a look at a rule's window found. */
struct look {
	int64_t samples;
	bool has_value; /* samples >= the rule's minimum */
	int64_t value;
	int64_t edge_us; /* when the window's oldest slot leaves it; 0: it is empty */
};
/* The value is back at the recovery threshold or behind it. */
bool rule_recovered(const struct rule *r, int64_t value);
/* The window's sums as the metric's value. A percentile is given as it is. */
struct look rule_look(const struct rule *r, const struct window_sums *sums);

enum change { CHANGE_NONE, CHANGE_FIRED, CHANGE_RESOLVED };

/*
 * The machine: what the rule is after a look at `now_us`. Writes condition, pending_since_us,
 * value, evaluated_at_us and due_us of `r`, nothing else. `fresh`: the rule was changed, so an
 * alert that stands must hold against the threshold itself, not only against the recovery
 * threshold.
 */
enum change rule_step(struct rule *r, const struct look *look, int64_t now_us, bool fresh);
/* The rule was disabled: back to the beginning. CHANGE_RESOLVED when it was firing. */
enum change rule_disable(struct rule *r, int64_t now_us);

/* "7.5 %", "6200 ms", "1000.5 USD": no zeros at the end. In the arena. */
const char *rule_figure_text(struct arena *a, enum metric m, int64_t units);
/* "error rate 7.5 % over 5 minutes: above 5 %". In the arena. */
const char *rule_fired_text(struct arena *a, const struct rule *r);
/* "error rate 3 % over 5 minutes: no longer above 4 %". In the arena. */
const char *rule_resolved_text(struct arena *a, const struct rule *r);
/* A figure with as few digits after the point as it needs: 12500 of scale 4 is 125 of scale 2. */
void rule_trim(int64_t *units, unsigned *scale);

/* The rules that every tenant begins with; `i` below RULE_DEFAULTS. Without id and times. */
#define RULE_DEFAULTS 4
struct rule rule_default(int i);

#endif
