/* Whether a number as written is a figure's value. Read next: trace_priv.h. */
#include "trace_priv.h"

#include "core/money.h"

#include <string.h>

/* Nouns that say what is counted; words of one group mean the same things. */
static const struct {
	const char *word;
	int group;
} nouns[] = {
	{ "order", 1 },     { "orders", 1 },    { "purchases", 1 }, { "sales", 0 },
	{ "day", 2 },       { "days", 2 },      { "d", 2 },         { "campaign", 3 },
	{ "campaigns", 3 }, { "channel", 4 },   { "channels", 4 },  { "row", 5 },
	{ "rows", 5 },      { "variant", 6 },   { "variants", 6 },  { "product", 6 },
	{ "products", 6 },  { "unit", 7 },      { "units", 7 },     { "pieces", 7 },
	{ "customers", 8 }, { "customer", 8 },  { "clicks", 9 },    { "impressions", 10 },
	{ "visits", 11 },   { "weeks", 12 },    { "months", 13 },   { "years", 14 },
	{ "week", 12 },     { "month", 13 },    { "year", 14 },     { "hours", 15 },
	{ "hour", 15 },     { "minutes", 16 },  { "items", 0 },     { "platforms", 17 },
	{ "results", 5 },   { "result", 5 },    { "ads", 18 },      { "users", 8 },
	{ "visitors", 19 }, { "sessions", 20 },
};

int trace_noun_kind(const char *noun)
{
	for (size_t i = 0; i < sizeof(nouns) / sizeof(*nouns); i++)
		if (strcmp(nouns[i].word, noun) == 0)
			return nouns[i].group;
	return 0;
}

enum relation { REL_NEUTRAL, REL_AGREES, REL_CONTRADICTS };

/* A sign can stand for several currencies. */
static bool sign_means(const char *sign, const char *currency)
{
	static const struct {
		const char *sign, *codes;
	} signs[] = {
		{ "$", "USD CAD AUD NZD SGD HKD TWD MXN ARS CLP COP BRL BMD BSD BZD FJD JMD TTD" },
		{ "\xc2\xa3", "GBP EGP GIP FKP SHP LBP SYP" },
		{ "\xe2\x82\xac", "EUR" },
		{ "\xc2\xa5", "JPY CNY" },
	};

	for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++)
		if (strcmp(signs[i].sign, sign) == 0)
			return strlen(currency) == 3 && strstr(signs[i].codes, currency) != NULL;
	return strcmp(sign, currency) == 0;
}

/* *power: the figure's value x 10^power is what the number would say. */
static enum relation relate(const struct number *n, const struct evidence *e, int *power)
{
	bool percent = strcmp(e->unit, EVIDENCE_UNIT_PERCENT) == 0, plain = e->unit[0] == '\0';
	bool money = currency_known(e->unit);
	int said;

	*power = 0;
	switch (n->unit) {
	case NUMBER_PERCENT:
		*power = plain ? 2 : 0;
		return percent ? REL_AGREES : plain ? REL_NEUTRAL : REL_CONTRADICTS;
	case NUMBER_TIMES:
		*power = percent ? -2 : 0;
		return plain || percent ? REL_NEUTRAL : REL_CONTRADICTS;
	case NUMBER_CURRENCY:
		return sign_means(n->code, e->unit) ? REL_AGREES : REL_CONTRADICTS;
	case NUMBER_BARE:
	case NUMBER_NOUN:
		break;
	}
	said = trace_noun_kind(n->word);
	if (said == 0)
		return REL_NEUTRAL;
	/* "5.2 orders per pound" is plain; what is counted in one word is not counted in another.
	 */
	if (money || percent ||
	    (!plain && trace_noun_kind(e->unit) != 0 && trace_noun_kind(e->unit) != said))
		return REL_CONTRADICTS;
	return REL_NEUTRAL;
}

/* The number in units of its last written digit. */
static bool written_units(const struct number *n, wide *ret)
{
	*ret = n->value.units;
	for (int i = n->value.scale; i < n->fraction; i++)
		if (__builtin_mul_overflow(*ret, (wide)10, ret))
			return false;
	return true;
}

static enum fit compare(const struct number *n, struct figure value, int power)
{
	wide written, up, even;
	int down = n->power - power;

	if (!written_units(n, &written) || !figure_round(value, down, n->fraction, HALF_UP, &up) ||
	    !figure_round(value, down, n->fraction, HALF_EVEN, &even))
		return FIT_NO;
	if (written != up && written != even)
		return FIT_NO;
	/* Thousands that leave nothing of an amount are no rounding of it. */
	if (written == 0 && value.units != 0 && n->power > 0)
		return FIT_NO;
	/* Exact: nothing was rounded away. */
	return figure_round(value, down, FIGURE_SCALE_MAX, HALF_UP, &up) &&
			       figure_compare((struct figure){ up, FIGURE_SCALE_MAX }, n->value) ==
				       0
		       ? FIT_EXACT
		       : FIT_ROUNDED;
}

struct fitness trace_fit(const struct number *n, const struct evidence *e, bool falling)
{
	struct fitness ret = { FIT_NO, false };
	struct figure value;
	enum relation relation;
	int power;

	if ((n->form != NUMBER_DIGITS && n->form != NUMBER_WORDS) || n->in_word ||
	    !figure_read(e->value, strlen(e->value), &value))
		return ret;
	relation = relate(n, e, &power);
	ret.fit = compare(n, value, power);
	if (ret.fit == FIT_NO && falling && value.units < 0 && !n->negative) {
		value.units = -value.units;
		ret.fit = compare(n, value, power);
	}
	if (ret.fit != FIT_NO && relation == REL_CONTRADICTS)
		ret.fit = FIT_UNIT;
	ret.agrees = relation == REL_AGREES;
	return ret;
}
