/* Rules in words for people: what fired, what is over. See rule.h. */
#include "rule.h"

#include "core/money.h"

static const char *const names[] = {
	[METRIC_NONE] = "",
	[METRIC_ERRORS] = "error rate",
	[METRIC_P50] = "latency p50",
	[METRIC_P95] = "latency p95",
	[METRIC_P99] = "latency p99",
	[METRIC_COST] = "AI cost",
	[METRIC_ACCURACY] = "AI accuracy",
};
static const char *const units_of[] = {
	[METRIC_NONE] = "",  [METRIC_ERRORS] = "%", [METRIC_P50] = "ms",     [METRIC_P95] = "ms",
	[METRIC_P99] = "ms", [METRIC_COST] = "USD", [METRIC_ACCURACY] = "%",
};

void rule_trim(int64_t *units, unsigned *scale)
{
	while (*scale > 0 && *units % 10 == 0) {
		*units /= 10;
		(*scale)--;
	}
}

const char *rule_figure_text(struct arena *a, enum metric m, int64_t units)
{
	unsigned scale = (unsigned)metric_scale(m);
	char text[DECIMAL_TEXT];

	rule_trim(&units, &scale);
	decimal_format(units, (int)scale, text);
	return arena_printf(a, "%s %s", text, units_of[m]);
}

/* "5 minutes", "1 day", "90 seconds": the largest unit that divides it. */
static const char *span(struct arena *a, int64_t s)
{
	static const struct {
		int64_t s;
		const char *one;
	} spans[] = { { 86400, "day" }, { 3600, "hour" }, { 60, "minute" } };

	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
		int64_t n = s / spans[i].s;

		if (n > 0 && s % spans[i].s == 0)
			return arena_printf(a, "%lld %s%s", (long long)n, spans[i].one,
					    n == 1 ? "" : "s");
	}
	return arena_printf(a, "%lld seconds", (long long)s);
}

static const char *side(const struct rule *r)
{
	return r->comparison == COMPARE_ABOVE ? "above" : "below";
}

const char *rule_fired_text(struct arena *a, const struct rule *r)
{
	return arena_printf(a, "%s %s over %s: %s %s", names[r->metric],
			    rule_figure_text(a, r->metric, r->value), span(a, r->window_s), side(r),
			    rule_figure_text(a, r->metric, r->threshold));
}

/* A changed rule may resolve between its two thresholds. */
static int64_t behind(const struct rule *r)
{
	return rule_recovered(r, r->value) ? r->recovery : r->threshold;
}

const char *rule_resolved_text(struct arena *a, const struct rule *r)
{
	if (!r->enabled)
		return arena_printf(a, "%s: the rule was disabled", names[r->metric]);
	if (!r->has_value)
		return arena_printf(a, "%s: fewer than %lld samples over %s", names[r->metric],
				    (long long)r->min_samples, span(a, r->window_s));
	return arena_printf(a, "%s %s over %s: no longer %s %s", names[r->metric],
			    rule_figure_text(a, r->metric, r->value), span(a, r->window_s), side(r),
			    rule_figure_text(a, r->metric, behind(r)));
}
