/*
 * Which campaigns to spend more on: what each earned and cost, against all of them together. Read
 * next: analyst_priv.h.
 */
#include "analyst_priv.h"

#include <stdlib.h>
#include <string.h>

#define WITHOUT_SPEND_MAX 3

struct campaigns {
	unsigned call;
	struct analyst_row rows[ANALYST_ROWS_MAX];
	size_t n;
	struct analyst_row ranked[ANALYST_ROWS_MAX]; /* with a return, the best at the front */
	size_t n_ranked;
	const struct evidence *revenue, *spend, *overall; /* of the ranked together; NULL: none */
};

static int by_return(const void *a, const void *b)
{
	const struct analyst_row *x = a, *y = b;
	int order = analyst_compare(y->roas, x->roas);

	return order != 0 ? order : strcmp(x->name, y->name);
}

static bool one_currency(const struct campaigns *c)
{
	for (size_t i = 1; i < c->n_ranked; i++)
		if (strcmp(c->ranked[i].revenue->unit, c->ranked[0].revenue->unit) != 0 ||
		    strcmp(c->ranked[i].spend->unit, c->ranked[0].spend->unit) != 0)
			return false;
	return c->n_ranked > 0;
}

/* Sums over the campaigns with a return, and their return together. */
static void add_up(struct analyst *an, struct campaigns *c)
{
	const struct evidence *revenue[ANALYST_ROWS_MAX], *spend[ANALYST_ROWS_MAX];

	for (size_t i = 0; i < c->n_ranked; i++) {
		revenue[i] = c->ranked[i].revenue;
		spend[i] = c->ranked[i].spend;
	}
	if (c->n_ranked < 2 || !one_currency(c))
		return;
	c->revenue = analyst_calculate(an, "sum", revenue, c->n_ranked);
	c->spend = analyst_calculate(an, "sum", spend, c->n_ranked);
	c->overall = analyst_calculate(an, "ratio",
				       (const struct evidence *[]){ c->revenue, c->spend }, 2);
}

/* The rows of the report, and those with a return by falling return. */
static void read_rows(struct analyst *an, struct campaigns *c)
{
	c->n = analyst_rows(an, c->call, c->rows, ANALYST_ROWS_MAX);
	c->n_ranked = 0;
	for (size_t i = 0; i < c->n; i++)
		if (c->rows[i].roas && c->rows[i].revenue && c->rows[i].spend &&
		    !analyst_is_zero(c->rows[i].spend))
			c->ranked[c->n_ranked++] = c->rows[i];
	qsort(c->ranked, c->n_ranked, sizeof(*c->ranked), by_return);
}

static const char *against_all(const struct campaigns *c, const struct analyst_row *r)
{
	int order = c->overall ? analyst_compare(r->roas, c->overall) : 0;

	if (!c->overall)
		return "";
	return order > 0   ? ", above the return of all campaigns together"
	       : order < 0 ? ", below the return of all campaigns together"
			   : ", the return of all campaigns together";
}

static void say_campaign(struct analyst *an, const struct campaigns *c, const struct analyst_row *r)
{
	buf_printf(&an->findings, "- %s earned %s from %s on %s of spend: a return of %s%s.\n",
		   analyst_name(an, r), analyst_cite(an, r->revenue), analyst_cite(an, r->orders),
		   analyst_cite(an, r->spend), analyst_times(an, r->roas), against_all(c, r));
}

/* Rows with spend that have no return: the currencies differ. */
static void say_unranked(struct analyst *an, const struct campaigns *c)
{
	int said = 0;

	for (size_t i = 0; i < c->n && said < ANALYST_LINES_MAX; i++) {
		const struct analyst_row *r = &c->rows[i];
		const char *revenue = analyst_amounts(an, c->call, r->number, "revenue");
		const char *spend = analyst_amounts(an, c->call, r->number, "spend");

		if (r->roas || spend[0] == '\0' || (r->spend && analyst_is_zero(r->spend)))
			continue;
		buf_printf(&an->findings,
			   "- %s earned %s on %s of spend; revenue and spend are in different "
			   "currencies, so no return can be stated.\n",
			   analyst_name(an, r), revenue[0] != '\0' ? revenue : "nothing", spend);
		said++;
	}
}

static void say_without_spend(struct analyst *an, const struct campaigns *c)
{
	int said = 0;

	for (size_t i = 0; i < c->n && said < WITHOUT_SPEND_MAX; i++) {
		const struct analyst_row *r = &c->rows[i];
		const char *revenue = analyst_amounts(an, c->call, r->number, "revenue");

		if (strcmp(r->group, "campaign") != 0 || !r->orders || revenue[0] == '\0' ||
		    (r->spend && !analyst_is_zero(r->spend)) ||
		    analyst_amounts(an, c->call, r->number, "spend_by_currency")[0] != '\0')
			continue;
		buf_printf(&an->findings,
			   "- %s earned %s from %s; no spend is recorded for it, so it has no "
			   "return.\n",
			   analyst_name(an, r), revenue, analyst_cite(an, r->orders));
		said++;
	}
}

static void say_unattributed(struct analyst *an, const struct campaigns *c)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct analyst_row *r = &c->rows[i];
		const char *revenue = analyst_amounts(an, c->call, r->number, "revenue");

		if (strcmp(r->name, "unattributed") != 0 || strcmp(r->group, "channel") != 0 ||
		    !r->orders || revenue[0] == '\0')
			continue;
		buf_printf(&an->findings,
			   "- Of the revenue, %s from %s is unattributed: no visit is known within "
			   "the window before the order.\n",
			   revenue, analyst_cite(an, r->orders));
	}
}

static void say_best(struct analyst *an, const struct campaigns *c)
{
	const struct analyst_row *best = &c->ranked[0];

	if (c->n_ranked == 0)
		return;
	if (c->overall)
		buf_printf(&an->prose,
			   "All campaigns with a known return together earned %s on %s of spend, a "
			   "return of %s. ",
			   analyst_cite(an, c->revenue), analyst_cite(an, c->spend),
			   analyst_times(an, c->overall));
	buf_printf(&an->prose,
		   "The highest return is that of %s: %s, with %s earned on %s of spend. ",
		   analyst_name(an, best), analyst_times(an, best->roas),
		   analyst_cite(an, best->revenue), analyst_cite(an, best->spend));
}

/* 1.00x is a return at which revenue just pays the spend. */
static bool loses(const struct analyst_row *r)
{
	return analyst_compare(r->revenue, r->spend) < 0;
}

static void recommend_best(struct analyst *an, const struct campaigns *c)
{
	const struct analyst_row *best = &c->ranked[0];

	if (loses(best)) {
		buf_printf(&an->recommendations,
			   "- Raise no campaign yet: even %s, with the highest return, earned less "
			   "than "
			   "it cost (%s).\n",
			   analyst_name(an, best), analyst_times(an, best->roas));
		return;
	}
	if (c->overall)
		buf_printf(
			&an->recommendations,
			"- Spend more on %s before the others: it returned %s, against %s for all "
			"campaigns together. Raise it in steps and watch whether the return "
			"holds.\n",
			analyst_name(an, best), analyst_times(an, best->roas),
			analyst_times(an, c->overall));
	else
		buf_printf(&an->recommendations,
			   "- %s returned %s; there is no other campaign with a known return to "
			   "compare "
			   "it with. Raise it in steps and watch whether the return holds.\n",
			   analyst_name(an, best), analyst_times(an, best->roas));
}

static void recommend_rest(struct analyst *an, const struct campaigns *c)
{
	const struct analyst_row *worst = &c->ranked[c->n_ranked - 1];

	for (size_t i = 1; c->overall && i + 1 < c->n_ranked && i < 3; i++) {
		const struct analyst_row *r = &c->ranked[i];

		if (analyst_compare(r->roas, c->overall) <= 0 || loses(r))
			break;
		buf_printf(
			&an->recommendations,
			"- %s also returned more than all campaigns together, %s: raise it next.\n",
			analyst_name(an, r), analyst_times(an, r->roas));
	}
	if (c->n_ranked < 2 || !c->overall || analyst_compare(worst->roas, c->overall) >= 0)
		return;
	if (loses(worst))
		buf_printf(&an->recommendations,
			   "- Cut or rework %s: it earned less than it cost (%s on %s of spend).\n",
			   analyst_name(an, worst), analyst_times(an, worst->roas),
			   analyst_cite(an, worst->spend));
	else
		buf_printf(
			&an->recommendations,
			"- Take what you add elsewhere from %s, which has the lowest return (%s on "
			"%s of spend).\n",
			analyst_name(an, worst), analyst_times(an, worst->roas),
			analyst_cite(an, worst->spend));
}

static void say_all(struct analyst *an, const struct campaigns *c)
{
	analyst_say_attribution(an, "campaign");
	say_best(an, c);
	for (size_t i = 0; i < c->n_ranked && i < ANALYST_LINES_MAX; i++)
		say_campaign(an, c, &c->ranked[i]);
	if (c->n_ranked > ANALYST_LINES_MAX)
		buf_puts(&an->findings, "- There are more campaigns with a return; those left out "
					"here returned less.\n");
	say_unranked(an, c);
	say_without_spend(an, c);
	say_unattributed(an, c);
	if (c->n_ranked > 0) {
		recommend_best(an, c);
		recommend_rest(an, c);
	} else {
		buf_puts(&an->prose,
			 "No campaign has both spend and revenue in a common currency in "
			 "these days, so there is no return to rank by. ");
		buf_puts(&an->recommendations, "- Check that the ad accounts are connected and "
					       "synced, and that links carry "
					       "their campaign.\n");
	}
	buf_puts(&an->recommendations,
		 "- Test before moving much: return says which campaign an order followed, not "
		 "whether "
		 "the order would have come without it. A pause or a hold-out group shows that.\n");
}

void analyst_campaigns(struct analyst *an)
{
	struct campaigns *c = arena_alloc(an->a, sizeof(*c));
	unsigned summary;

	if (!c || !analyst_attribution(an, "campaign", &summary, &c->call))
		return;
	read_rows(an, c);
	add_up(an, c);
	say_all(an, c);
	analyst_say_freshness(an);
}
