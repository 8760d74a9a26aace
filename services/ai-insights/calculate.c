/* The five operations, a table of them. Read next: calculate.h. */
#include "calculate.h"

#include "calculate_decimal.h"

#include "core/buf.h"
#include "core/money.h"

#include <string.h>

#define TEXT_MAX 2048 /* bytes of arguments or metric: 64 ids and their words */

struct operands {
	const char *op;
	const struct evidence *of[EVIDENCE_INPUTS_MAX];
	struct figure values[EVIDENCE_INPUTS_MAX];
	uint16_t places[EVIDENCE_INPUTS_MAX];
	size_t n;
};
struct outcome {
	struct figure value;
	const char *unit;
};

static bool is_money(const char *unit)
{
	return currency_known(unit);
}

static enum status same_units(const struct operands *in, struct error *err)
{
	for (size_t i = 1; i < in->n; i++)
		if (strcmp(in->of[i]->unit, in->of[0]->unit) != 0)
			return error_set(err, ST_INVALID, "of",
					 "%s is in \"%s\" but %s is in \"%s\": a %s needs one unit",
					 in->of[0]->id, in->of[0]->unit, in->of[i]->id,
					 in->of[i]->unit, in->op);
	return ST_OK;
}

static enum status too_large(struct error *err)
{
	return error_set(err, ST_TOO_LARGE, "of", "the result has too many digits");
}

static enum status op_sum(const struct operands *in, struct outcome *out, struct error *err)
{
	enum status st = same_units(in, err);

	*out = (struct outcome){ in->values[0], in->of[0]->unit };
	for (size_t i = 1; st == ST_OK && i < in->n; i++)
		if (!figure_add(out->value, in->values[i], &out->value))
			st = too_large(err);
	return st;
}

static enum status op_difference(const struct operands *in, struct outcome *out, struct error *err)
{
	struct figure minus = { -in->values[1].units, in->values[1].scale };
	enum status st = same_units(in, err);

	out->unit = in->of[0]->unit;
	if (st == ST_OK && !figure_add(in->values[0], minus, &out->value))
		st = too_large(err);
	return st;
}

static enum status divide(struct figure a, struct figure b, int power, struct outcome *out,
			  struct error *err)
{
	if (b.units == 0)
		return error_set(err, ST_INVALID, "of", "the divisor is zero");
	if (!figure_divide(a, b, power, CALCULATE_SCALE, &out->value))
		return too_large(err);
	return ST_OK;
}

static enum status op_ratio(const struct operands *in, struct outcome *out, struct error *err)
{
	const char *a = in->of[0]->unit, *b = in->of[1]->unit;

	if (strcmp(a, b) == 0)
		out->unit = "";
	else if (is_money(a) && is_money(b))
		return error_set(err, ST_INVALID, "of",
				 "there is no rate between %s and %s: they have no ratio", a, b);
	else
		out->unit = is_money(b) ? "" : a;
	return divide(in->values[0], in->values[1], 0, out, err);
}

static enum status op_share(const struct operands *in, struct outcome *out, struct error *err)
{
	enum status st = same_units(in, err);

	out->unit = EVIDENCE_UNIT_PERCENT;
	return st == ST_OK ? divide(in->values[0], in->values[1], 2, out, err) : st;
}

static enum status op_average(const struct operands *in, struct outcome *out, struct error *err)
{
	enum status st = op_sum(in, out, err);
	struct figure n = { (wide)in->n, 0 };

	return st == ST_OK ? divide(out->value, n, 0, out, err) : st;
}

static const struct operation {
	const char *name;
	size_t min, max; /* figures it takes */
	enum status (*run)(const struct operands *in, struct outcome *out, struct error *err);
} operations[] = {
	{ "average", 1, EVIDENCE_INPUTS_MAX, op_average },
	{ "difference", 2, 2, op_difference },
	{ "ratio", 2, 2, op_ratio },
	{ "share", 2, 2, op_share },
	{ "sum", 2, EVIDENCE_INPUTS_MAX, op_sum },
};
const char *const calculate_ops[] = { "average", "difference", "ratio", "share", "sum", NULL };

static const struct operation *find_operation(const char *name)
{
	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++)
		if (strcmp(operations[i].name, name) == 0)
			return &operations[i];
	return NULL;
}

static enum status find_operands(const struct evidence_list *ev, const struct operation *op,
				 const char *const *ids, size_t n, struct operands *ret,
				 struct error *err)
{
	if (n < op->min || n > op->max)
		return error_set(err, ST_INVALID, "of", "a %s takes %zu%s figures", op->name,
				 op->min, op->max > op->min ? " or more" : "");
	ret->op = op->name;
	ret->n = n;
	for (size_t i = 0; i < n; i++) {
		const struct evidence *e = evidence_find(ev, ids[i], strlen(ids[i]));

		if (!e)
			return error_set(err, ST_INVALID, "of", "there is no figure \"%.20s\"",
					 ids[i]);
		if (!figure_read(e->value, strlen(e->value), &ret->values[i]))
			return error_set(err, ST_INVALID, "of", "%s is not a number", e->id);
		ret->of[i] = e;
		ret->places[i] = (uint16_t)(e - ev->items);
	}
	return ST_OK;
}

/* The row that a result belongs to: that of its inputs, when they name one row only. */
static const struct evidence *row_of(const struct operands *in)
{
	const struct evidence *row = NULL;

	for (size_t i = 0; i < in->n; i++) {
		if (in->of[i]->name[0] == '\0')
			continue;
		if (row && strcmp(row->name, in->of[i]->name) != 0)
			return NULL;
		row = in->of[i];
	}
	return row;
}

static bool are_counts(const struct operands *in)
{
	for (size_t i = 0; i < in->n; i++)
		if (!in->of[i]->is_count)
			return false;
	return strcmp(in->op, "sum") == 0 || strcmp(in->op, "difference") == 0;
}

static void put_ids(struct buf *b, const struct operands *in, const char *quote,
		    const char *between)
{
	for (size_t i = 0; i < in->n; i++)
		buf_printf(b, "%s%s%s%s", i > 0 ? between : "", quote, in->of[i]->id, quote);
}

static enum status add_result(struct evidence_list *ev, unsigned call, const struct operands *in,
			      const struct outcome *out, const char **ret_id)
{
	const struct evidence *row = row_of(in);
	char value[FIGURE_TEXT];
	struct buf arguments, metric;
	struct evidence_new e = { .tool = "calculate",
				  .unit = out->unit,
				  .key = "result",
				  .name = row ? row->name : "",
				  .group = row ? row->group : "",
				  .call = call,
				  .row = -1,
				  .is_count = are_counts(in),
				  .inputs = in->places,
				  .n_inputs = in->n,
				  .value = value };
	enum status st;

	buf_init(&arguments, TEXT_MAX);
	buf_init(&metric, EVIDENCE_METRIC_MAX);
	buf_printf(&arguments, "{\"op\":\"%s\",\"of\":[", in->op);
	put_ids(&arguments, in, "\"", ",");
	buf_puts(&arguments, "]}");
	buf_printf(&metric, "%s(", in->op);
	put_ids(&metric, in, "", ", ");
	buf_puts(&metric, ")");
	figure_print(figure_trim(out->value),
		     is_money(out->unit) ? currency_minor_digits(out->unit) : 0, value);
	e.arguments = buf_str(&arguments);
	e.metric = buf_str(&metric);
	st = arguments.failed || metric.failed ? ST_TOO_LARGE : evidence_add(ev, &e, ret_id);
	buf_done(&arguments);
	buf_done(&metric);
	return st == ST_INVALID ? ST_TOO_LARGE : st;
}

enum status calculate(struct evidence_list *ev, unsigned call, const char *op,
		      const char *const *ids, size_t n, const struct evidence **ret,
		      struct error *err)
{
	const struct operation *operation = find_operation(op);
	struct outcome out = { { 0, 0 }, "" };
	struct operands in;
	const char *id;
	enum status st;

	if (!operation)
		return error_set(err, ST_INVALID, "op",
				 "must be one of average, difference, ratio, share, sum");
	st = find_operands(ev, operation, ids, n, &in, err);
	if (st == ST_OK)
		st = operation->run(&in, &out, err);
	if (st != ST_OK)
		return st;
	st = add_result(ev, call, &in, &out, &id);
	if (st != ST_OK)
		return error_set(err, st, NULL, "there are too many figures in this answer");
	*ret = evidence_find(ev, id, strlen(id));
	return ST_OK;
}
