/* See rule.h. What a good rule is, and the machine. Read next: rule_text.c, test/run_rule.c. */
#include "rule.h"

#include "core/money.h"
#include "core/timeutil.h"

#include <string.h>

#define PERCENT_MAX INT64_C(1000000) /* 100 % in scale 4 */
#define SCALES      10

static const struct {
	int scale;
	enum slot_kind kind;
	int64_t max; /* of a threshold */
} metrics[] = {
	[METRIC_NONE] = { 0, SLOT_REQUESTS, 0 },
	[METRIC_ERRORS] = { 4, SLOT_REQUESTS, PERCENT_MAX },
	[METRIC_P50] = { 3, SLOT_LATENCY, RULE_LATENCY_MAX_MS * 1000 },
	[METRIC_P95] = { 3, SLOT_LATENCY, RULE_LATENCY_MAX_MS * 1000 },
	[METRIC_P99] = { 3, SLOT_LATENCY, RULE_LATENCY_MAX_MS * 1000 },
	[METRIC_COST] = { 9, SLOT_COST, RULE_COST_MAX_USD * 1000000000 },
	[METRIC_ACCURACY] = { 4, SLOT_ANSWERS, PERCENT_MAX },
};

int metric_scale(enum metric m)
{
	return metrics[m].scale;
}

enum slot_kind metric_kind(enum metric m)
{
	return metrics[m].kind;
}

static bool is_percent(enum metric m)
{
	return m == METRIC_ERRORS || m == METRIC_ACCURACY;
}

/* ---- a good rule ---- */

static enum status check_threshold(const struct rule *r, struct error *err)
{
	int64_t max = metrics[r->metric].max;

	if (r->threshold < 0)
		return error_set(err, ST_INVALID, "threshold", "must not be negative");
	if (r->threshold > max)
		return error_set(err, ST_INVALID, "threshold",
				 is_percent(r->metric) ? "must be at most 100 (percent)"
				 : r->metric == METRIC_COST
					 ? "must be at most 1000000000 (US dollars)"
					 : "must be at most 86400000 (milliseconds)");
	if (r->comparison == COMPARE_BELOW && r->threshold == 0)
		return error_set(err, ST_INVALID, "threshold", "nothing can be below 0");
	if (r->comparison == COMPARE_ABOVE && is_percent(r->metric) && r->threshold == max)
		return error_set(err, ST_INVALID, "threshold", "nothing can be above 100 percent");
	return ST_OK;
}

static enum status check_recovery(const struct rule *r, struct error *err)
{
	if (r->recovery < 0)
		return error_set(err, ST_INVALID, "recovery_threshold", "must not be negative");
	if (r->comparison == COMPARE_ABOVE && r->recovery > r->threshold)
		return error_set(
			err, ST_INVALID, "recovery_threshold",
			"must not be above the threshold, because the rule fires above it");
	if (r->comparison == COMPARE_BELOW && r->recovery < r->threshold)
		return error_set(
			err, ST_INVALID, "recovery_threshold",
			"must not be below the threshold, because the rule fires below it");
	if (r->recovery > metrics[r->metric].max)
		return error_set(err, ST_INVALID, "recovery_threshold", "can never be reached");
	return ST_OK;
}

static enum status check_times(const struct rule *r, struct error *err)
{
	if (r->window_s < RULE_WINDOW_MIN || r->window_s > RULE_WINDOW_MAX)
		return error_set(err, ST_INVALID, "window_seconds", "must be from %d to %d",
				 RULE_WINDOW_MIN, RULE_WINDOW_MAX);
	if (r->for_s < 0 || r->for_s > RULE_FOR_MAX)
		return error_set(err, ST_INVALID, "for_seconds", "must be from 0 to %d",
				 RULE_FOR_MAX);
	if (r->min_samples < 1 || r->min_samples > RULE_SAMPLES_MAX)
		return error_set(err, ST_INVALID, "min_samples", "must be from 1 to %d",
				 RULE_SAMPLES_MAX);
	return ST_OK;
}

enum status rule_check(const struct rule *r, struct error *err)
{
	enum status st = ST_OK;

	if (r->name[strspn(r->name, " \t\r\n")] == '\0' ||
	    strlen(r->name) > (size_t)RULE_NAME_MAX * 4)
		return error_set(err, ST_INVALID, "name",
				 "must have 1 to %d characters, not all blank", RULE_NAME_MAX);
	if (r->metric <= METRIC_NONE || r->metric > METRIC_ACCURACY)
		return error_set(err, ST_INVALID, "metric", "is unknown");
	if (r->comparison != COMPARE_ABOVE && r->comparison != COMPARE_BELOW)
		return error_set(err, ST_INVALID, "comparison", "is unknown");
	if (r->severity < SEVERITY_INFORM || r->severity > SEVERITY_CRIT)
		return error_set(err, ST_INVALID, "severity", "is unknown");
	st = check_threshold(r, err);
	if (st == ST_OK)
		st = check_recovery(r, err);
	return st == ST_OK ? check_times(r, err) : st;
}

enum status rule_figure(enum metric m, int64_t units, unsigned scale, const char *field,
			int64_t *ret, struct error *err)
{
	unsigned want;

	if (m <= METRIC_NONE || m > METRIC_ACCURACY)
		return error_set(err, ST_INVALID, "metric", "is unknown");
	want = (unsigned)metrics[m].scale;
	if (scale >= SCALES)
		return error_set(err, ST_INVALID, field, "has too many digits after the point");
	for (; scale > want; scale--) {
		if (units % 10 != 0)
			return error_set(err, ST_INVALID, field,
					 "must have at most %u digits after the point", want);
		units /= 10;
	}
	for (; scale < want; scale++) {
		if (__builtin_mul_overflow(units, (int64_t)10, &units))
			return error_set(err, ST_INVALID, field, "is too large");
	}
	*ret = units;
	return ST_OK;
}

/* ---- a look ---- */

static int64_t percent(int64_t part, int64_t whole)
{
	int64_t ret = 0;

	/* Both are counts; a window that holds 10^17 of them does not exist. */
	if (part > INT64_MAX / 100 || !ratio_units(part * 100, whole, 4, &ret))
		return part >= whole ? PERCENT_MAX : 0;
	return ret;
}

struct look rule_look(const struct rule *r, const struct window_sums *sums)
{
	struct look look = { .samples = sums->n, .edge_us = sums->n > 0 ? sums->edge_us : 0 };

	look.has_value = sums->n > 0 && sums->n >= r->min_samples;
	if (!look.has_value)
		return look;
	switch (r->metric) {
	case METRIC_ERRORS:
	case METRIC_ACCURACY:
		look.value = percent(sums->amount, sums->n);
		break;
	case METRIC_P50:
		look.value = sums->percentile[0];
		break;
	case METRIC_P95:
		look.value = sums->percentile[1];
		break;
	case METRIC_P99:
		look.value = sums->percentile[2];
		break;
	case METRIC_COST:
		look.value = sums->amount;
		break;
	case METRIC_NONE:
		look.has_value = false;
		break;
	}
	return look;
}

/* ---- the machine ---- */

static bool beyond(const struct rule *r, int64_t value)
{
	return r->comparison == COMPARE_ABOVE ? value > r->threshold : value < r->threshold;
}

bool rule_recovered(const struct rule *r, int64_t value)
{
	return r->comparison == COMPARE_ABOVE ? value <= r->recovery : value >= r->recovery;
}

/* Without new samples a value changes when old ones leave the window, or a pending rule's time is
 * over. */
static int64_t next_due(const struct rule *r, const struct look *look)
{
	int64_t due = look->edge_us;

	if (r->condition == CONDITION_PENDING) {
		int64_t over = r->pending_since_us + r->for_s * US_PER_SECOND;

		due = due == 0 || over < due ? over : due;
	}
	return due;
}

static enum change step_firing(struct rule *r, const struct look *look, bool fresh)
{
	bool over = !look->has_value ||
		    (fresh ? !beyond(r, look->value) : rule_recovered(r, look->value));

	if (!over)
		return CHANGE_NONE;
	r->condition = look->has_value ? CONDITION_OK : CONDITION_NO_DATA;
	return CHANGE_RESOLVED;
}

static enum change step_quiet(struct rule *r, const struct look *look, int64_t now_us, bool fresh)
{
	if (!look->has_value || !beyond(r, look->value)) {
		r->condition = look->has_value ? CONDITION_OK : CONDITION_NO_DATA;
		r->pending_since_us = 0;
		return CHANGE_NONE;
	}
	if (r->condition != CONDITION_PENDING || fresh)
		r->pending_since_us = now_us;
	if (now_us - r->pending_since_us < r->for_s * US_PER_SECOND) {
		r->condition = CONDITION_PENDING;
		return CHANGE_NONE;
	}
	r->condition = CONDITION_FIRING;
	r->pending_since_us = 0;
	return CHANGE_FIRED;
}

enum change rule_step(struct rule *r, const struct look *look, int64_t now_us, bool fresh)
{
	enum change change = r->condition == CONDITION_FIRING ? step_firing(r, look, fresh)
							      : step_quiet(r, look, now_us, fresh);

	r->has_value = look->has_value;
	r->value = look->has_value ? look->value : 0;
	r->evaluated_at_us = now_us;
	r->due_us = next_due(r, look);
	return change;
}

enum change rule_disable(struct rule *r, int64_t now_us)
{
	enum change change = r->condition == CONDITION_FIRING ? CHANGE_RESOLVED : CHANGE_NONE;

	r->enabled = false;
	r->condition = CONDITION_NO_DATA;
	r->pending_since_us = 0;
	r->has_value = false;
	r->value = 0;
	r->evaluated_at_us = now_us;
	r->due_us = 0;
	return change;
}

/* ---- what a tenant begins with ---- */

struct rule rule_default(int i)
{
	static const struct rule rules[RULE_DEFAULTS] = {
		{ .name = "AI cost above 1000 USD a day",
		  .metric = METRIC_COST,
		  .comparison = COMPARE_ABOVE,
		  .threshold = INT64_C(1000) * 1000000000,
		  .recovery = INT64_C(900) * 1000000000,
		  .window_s = 86400,
		  .min_samples = 1,
		  .severity = SEVERITY_CRIT },
		{ .name = "errors above 5 %",
		  .metric = METRIC_ERRORS,
		  .comparison = COMPARE_ABOVE,
		  .threshold = 5 * 10000,
		  .recovery = 4 * 10000,
		  .window_s = 300,
		  .min_samples = 20,
		  .severity = SEVERITY_CRIT },
		{ .name = "latency p95 above 5 s",
		  .metric = METRIC_P95,
		  .comparison = COMPARE_ABOVE,
		  .threshold = 5000 * 1000,
		  .recovery = 4000 * 1000,
		  .window_s = 300,
		  .min_samples = 20,
		  .severity = SEVERITY_WARN },
		{ .name = "accuracy below 80 %",
		  .metric = METRIC_ACCURACY,
		  .comparison = COMPARE_BELOW,
		  .threshold = 80 * 10000,
		  .recovery = 85 * 10000,
		  .window_s = 86400,
		  .min_samples = 10,
		  .severity = SEVERITY_WARN },
	};
	struct rule r = rules[i];

	r.enabled = true;
	r.condition = CONDITION_NO_DATA;
	return r;
}
