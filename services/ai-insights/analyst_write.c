/* What all answers of the analyst need: running tools, finding figures, writing them. Read next:
 * analyst_priv.h. */
#include "analyst_priv.h"

#include "core/money.h"
#include "core/text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define WINDOW_USUAL "28d"

bool analyst_query(struct analyst *an, const char *tool, const char *input, unsigned *call)
{
	enum status st;

	if (an->ended != ST_OK)
		return false;
	st = an->run(an->arg, tool, input, call);
	if (st == ST_OK)
		return true;
	if (st == ST_CANCELLED || st == ST_TIMEOUT || st == ST_UNAUTHENTICATED || st == ST_DENIED ||
	    st == ST_TOO_LARGE)
		an->ended = st;
	else
		buf_printf(&an->prose,
			   "The query %s could not be answered (%s), so what it would say "
			   "is missing here. ",
			   tool, status_name(st));
	return false;
}

const struct evidence *analyst_calculate(struct analyst *an, const char *op,
					 const struct evidence *const *of, size_t n)
{
	const struct evidence *result = NULL;
	struct buf input;
	unsigned call;

	if (n == 0 || n > EVIDENCE_INPUTS_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (!of[i])
			return NULL;
	buf_init(&input, EVIDENCE_ARGUMENTS_MAX);
	buf_printf(&input, "{\"op\":\"%s\",\"of\":[", op);
	for (size_t i = 0; i < n; i++)
		buf_printf(&input, "%s\"%s\"", i > 0 ? "," : "", of[i]->id);
	buf_puts(&input, "]}");
	/* What cannot be calculated (a division by zero) is left unsaid. */
	if (an->ended == ST_OK && buf_status(&input) == ST_OK &&
	    an->run(an->arg, "calculate", buf_str(&input), &call) == ST_OK)
		result = evidence_at(an->ev, call, -1, "result");
	buf_done(&input);
	return result;
}

const char *analyst_period_input(struct analyst *an)
{
	const char *from =
		an->from[0] == '\0' ? "" : arena_printf(an->a, "\"from\":\"%s\"", an->from);
	const char *to = an->to[0] == '\0' ? "" : arena_printf(an->a, "\"to\":\"%s\"", an->to);

	return arena_printf(an->a, "%s%s%s", from, from[0] != '\0' && to[0] != '\0' ? "," : "", to);
}

const struct evidence *analyst_figure(const struct analyst *an, unsigned call, int row,
				      const char *key)
{
	return evidence_at(an->ev, call, row, key);
}

const char *analyst_amounts(const struct analyst *an, unsigned call, int row, const char *key)
{
	const char *said = "", *tail;
	size_t len = strlen(key);

	for (size_t i = 0; i < an->ev->n; i++) {
		const struct evidence *e = &an->ev->items[i];

		if (e->call != call || e->row != row || strncmp(e->key, key, len) != 0)
			continue;
		tail = e->key + len;
		if (tail[0] != '\0' && tail[0] != '[' && strncmp(tail, "_by_currency[", 13) != 0)
			continue;
		said = arena_printf(an->a, "%s%s%s", said, said[0] != '\0' ? " and " : "",
				    analyst_cite(an, e));
	}
	return said;
}

static void put_in_row(struct analyst_row *r, const struct evidence *e)
{
	if (strcmp(e->key, "orders") == 0)
		r->orders = e;
	else if (strcmp(e->key, "revenue") == 0)
		r->revenue = e;
	else if (strcmp(e->key, "spend") == 0)
		r->spend = e;
	else if (strcmp(e->key, "roas") == 0)
		r->roas = e;
	r->name = e->name;
	r->group = e->group;
	r->number = e->row;
}

size_t analyst_rows(const struct analyst *an, unsigned call, struct analyst_row *rows, size_t max)
{
	size_t n = 0;

	memset(rows, 0, max * sizeof(*rows));
	for (size_t i = 0; i < an->ev->n; i++) {
		const struct evidence *e = &an->ev->items[i];

		if (e->call != call || e->row < 0 || (size_t)e->row >= max)
			continue;
		put_in_row(&rows[e->row], e);
		if ((size_t)e->row >= n)
			n = (size_t)e->row + 1;
	}
	/* A row always has its orders; one without figures would have no name either. */
	for (size_t i = 0; i < n; i++)
		if (!rows[i].name) {
			rows[i].name = "";
			rows[i].group = "";
		}
	return n;
}

static struct figure value_of(const struct evidence *e)
{
	struct figure f = { 0, 0 };

	return figure_read(e->value, strlen(e->value), &f) ? f : (struct figure){ 0, 0 };
}

int analyst_compare(const struct evidence *a, const struct evidence *b)
{
	return figure_compare(value_of(a), value_of(b));
}

bool analyst_is_zero(const struct evidence *e)
{
	return value_of(e).units == 0;
}

/* ---- figures as text ---- */

/* With commas, rounded to `digits` behind the point; as it is when the rounding would leave
 * nothing. */
static const char *grouped(const struct analyst *an, struct figure f, int digits)
{
	char text[FIGURE_TEXT], out[FIGURE_TEXT * 2];
	size_t n = 0, whole, at;
	wide units;

	if (figure_round(f, 0, digits, HALF_UP, &units) && (units != 0 || f.units == 0))
		f = (struct figure){ units, digits };
	figure_print(f, 0, text);
	at = text[0] == '-';
	if (at)
		out[n++] = '-';
	whole = strcspn(text + at, ".");
	for (size_t i = 0; i < whole; i++) {
		if (i > 0 && (whole - i) % 3 == 0)
			out[n++] = ',';
		out[n++] = text[at + i];
	}
	snprintf(out + n, sizeof(out) - n, "%s", text + at + whole);
	return arena_strdup(an->a, out);
}

static int digits_of(struct figure f, int most)
{
	return f.scale < most ? f.scale : most;
}

const char *analyst_cite(const struct analyst *an, const struct evidence *e)
{
	struct figure f = value_of(e);
	bool single = f.units == 1 && f.scale == 0;

	if (currency_known(e->unit))
		return arena_printf(an->a, "%s %s [%s]",
				    grouped(an, f, currency_minor_digits(e->unit)), e->unit, e->id);
	if (strcmp(e->unit, EVIDENCE_UNIT_PERCENT) == 0)
		return arena_printf(an->a, "%s%% [%s]", grouped(an, f, 1), e->id);
	/* "1 order", "2 orders": units are plurals. */
	return arena_printf(an->a, "%s%s%.*s [%s]", grouped(an, f, digits_of(f, 2)),
			    e->unit[0] != '\0' ? " " : "",
			    (int)(strlen(e->unit) - (single && e->unit[0] != '\0')), e->unit,
			    e->id);
}

const char *analyst_times(const struct analyst *an, const struct evidence *e)
{
	return arena_printf(an->a, "%sx [%s]", grouped(an, value_of(e), 2), e->id);
}

const char *analyst_name(const struct analyst *an, const struct analyst_row *row)
{
	char *name;

	if (strcmp(row->group, "channel") != 0)
		return arena_printf(an->a, "\"%s\"", row->name);
	name = arena_strdup(an->a, row->name);
	for (char *c = name; *c != '\0'; c++)
		if (*c == '_')
			*c = ' ';
	return name;
}

/* The earliest (or latest) of the known texts of one kind; dates sort as texts. */
static const char *extreme(const struct analyst *an, enum evidence_fact fact, bool latest)
{
	const char *found = NULL;

	for (size_t i = 0; i < an->ev->n_known; i++) {
		const struct evidence_known *k = &an->ev->known[i];

		if (k->fact != fact)
			continue;
		if (!found || (strcmp(k->text, found) > 0) == latest)
			found = k->text;
	}
	return found;
}

const char *analyst_period(const struct analyst *an)
{
	const char *from = an->from[0] != '\0' ? an->from : extreme(an, EVIDENCE_DAY, false);
	const char *to = an->to[0] != '\0' ? an->to : extreme(an, EVIDENCE_DAY, true);

	if (!from || !to)
		return "over all days there are";
	return arena_printf(an->a, "from %s to %s", from, to);
}

void analyst_say_freshness(struct analyst *an)
{
	const char *time = extreme(an, EVIDENCE_TIME, false);

	if (time)
		buf_printf(&an->prose, "The sources are complete up to %s. ", time);
	else
		buf_puts(&an->prose, "No source has been synced to its end yet, so figures may be "
				     "missing. ");
}

/* ---- the report by campaign or channel ---- */

bool analyst_attribution(struct analyst *an, const char *by, unsigned *summary, unsigned *call)
{
	const char *period = analyst_period_input(an);

	if (an->window[0] == '\0')
		memcpy(an->window, WINDOW_USUAL, sizeof(WINDOW_USUAL));
	if (!analyst_query(an, "get_summary", arena_printf(an->a, "{%s}", period), summary))
		*summary = 0;
	return analyst_query(
		an, "get_attribution",
		arena_printf(an->a, "{\"by\":\"%s\",\"model\":\"%s\",\"window\":\"%s\"%s%s}", by,
			     an->model, an->window, period[0] != '\0' ? "," : "", period),
		call);
}

void analyst_say_attribution(struct analyst *an, const char *by)
{
	buf_printf(&an->prose,
		   "This is what each %s earned %s, by %s attribution with a window of %.*s days, "
		   "counting revenue less refunds. Return means revenue divided by spend. ",
		   by, analyst_period(an),
		   strcmp(an->model, "linear") == 0 ? "linear" : "last-touch",
		   (int)strcspn(an->window, "d"), an->window);
}
