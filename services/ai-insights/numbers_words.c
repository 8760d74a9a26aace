/*
 * Numbers in words: "twenty-one", "one hundred and five", "a dozen", "twice", "third", "two
 * thirds". What cannot be given a value ("thousands of", "one and a half") is odd. Read next:
 * numbers_units.c.
 */
#include "numbers_priv.h"

#include <string.h>

enum word_kind {
	W_NONE,
	W_UNIT, /* zero to nine */
	W_TEEN,
	W_TENS,
	W_HUNDRED,
	W_SCALE,   /* thousand and up */
	W_TIMES,   /* twice: a number of its own */
	W_PERCENT, /* half */
	W_SOLE,    /* dozen: a number of its own */
	W_VAGUE,   /* thousands */
	W_PART,    /* thirds: behind another, or odd */
	W_ORDINAL, /* third */
};
struct word {
	const char *text;
	enum word_kind kind;
	int value; /* of a scale its power of ten */
};

static const struct word words[] = {
	{ "zero", W_UNIT, 0 },         { "one", W_UNIT, 1 },          { "two", W_UNIT, 2 },
	{ "three", W_UNIT, 3 },        { "four", W_UNIT, 4 },         { "five", W_UNIT, 5 },
	{ "six", W_UNIT, 6 },          { "seven", W_UNIT, 7 },        { "eight", W_UNIT, 8 },
	{ "nine", W_UNIT, 9 },         { "ten", W_TEEN, 10 },         { "eleven", W_TEEN, 11 },
	{ "twelve", W_TEEN, 12 },      { "thirteen", W_TEEN, 13 },    { "fourteen", W_TEEN, 14 },
	{ "fifteen", W_TEEN, 15 },     { "sixteen", W_TEEN, 16 },     { "seventeen", W_TEEN, 17 },
	{ "eighteen", W_TEEN, 18 },    { "nineteen", W_TEEN, 19 },    { "twenty", W_TENS, 20 },
	{ "thirty", W_TENS, 30 },      { "forty", W_TENS, 40 },       { "fourty", W_TENS, 40 },
	{ "fifty", W_TENS, 50 },       { "sixty", W_TENS, 60 },       { "seventy", W_TENS, 70 },
	{ "eighty", W_TENS, 80 },      { "ninety", W_TENS, 90 },      { "hundred", W_HUNDRED, 2 },
	{ "thousand", W_SCALE, 3 },    { "million", W_SCALE, 6 },     { "billion", W_SCALE, 9 },
	{ "trillion", W_SCALE, 12 },   { "lakh", W_SCALE, 5 },        { "crore", W_SCALE, 7 },
	{ "tens", W_VAGUE, 0 },        { "hundreds", W_VAGUE, 0 },    { "thousands", W_VAGUE, 0 },
	{ "millions", W_VAGUE, 0 },    { "billions", W_VAGUE, 0 },    { "trillions", W_VAGUE, 0 },
	{ "dozens", W_VAGUE, 0 },      { "lakhs", W_VAGUE, 0 },       { "crores", W_VAGUE, 0 },
	{ "umpteen", W_VAGUE, 0 },     { "myriad", W_VAGUE, 0 },      { "myriads", W_VAGUE, 0 },
	{ "teens", W_VAGUE, 0 },       { "twenties", W_VAGUE, 0 },    { "thirties", W_VAGUE, 0 },
	{ "forties", W_VAGUE, 0 },     { "fifties", W_VAGUE, 0 },     { "sixties", W_VAGUE, 0 },
	{ "seventies", W_VAGUE, 0 },   { "eighties", W_VAGUE, 0 },    { "nineties", W_VAGUE, 0 },
	{ "duo", W_SOLE, 2 },          { "trio", W_SOLE, 3 },         { "quartet", W_SOLE, 4 },
	{ "quintet", W_SOLE, 5 },      { "sextet", W_SOLE, 6 },       { "septet", W_SOLE, 7 },
	{ "octet", W_SOLE, 8 },        { "threescore", W_SOLE, 60 },  { "fourscore", W_SOLE, 80 },
	{ "trebles", W_TIMES, 3 },     { "trebling", W_TIMES, 3 },    { "quadrupling", W_TIMES, 4 },
	{ "quintuples", W_TIMES, 5 },  { "quintupling", W_TIMES, 5 }, { "sextuples", W_TIMES, 6 },
	{ "sextupling", W_TIMES, 6 },  { "septuples", W_TIMES, 7 },   { "septupling", W_TIMES, 7 },
	{ "octuples", W_TIMES, 8 },    { "octupling", W_TIMES, 8 },   { "decuple", W_TIMES, 10 },
	{ "decupling", W_TIMES, 10 },  { "centuple", W_TIMES, 100 },  { "centupled", W_TIMES, 100 },
	{ "quartered", W_VAGUE, 0 },   { "quartering", W_VAGUE, 0 },  { "thousandths", W_PART, 0 },
	{ "dozen", W_SOLE, 12 },       { "couple", W_SOLE, 2 },       { "pair", W_SOLE, 2 },
	{ "double", W_TIMES, 2 },      { "doubled", W_TIMES, 2 },     { "doubles", W_TIMES, 2 },
	{ "doubling", W_TIMES, 2 },    { "twice", W_TIMES, 2 },       { "triple", W_TIMES, 3 },
	{ "tripled", W_TIMES, 3 },     { "triples", W_TIMES, 3 },     { "tripling", W_TIMES, 3 },
	{ "treble", W_TIMES, 3 },      { "trebled", W_TIMES, 3 },     { "thrice", W_TIMES, 3 },
	{ "quadruple", W_TIMES, 4 },   { "quadrupled", W_TIMES, 4 },  { "sextuple", W_TIMES, 6 },
	{ "sextupled", W_TIMES, 6 },   { "septuple", W_TIMES, 7 },    { "septupled", W_TIMES, 7 },
	{ "octuple", W_TIMES, 8 },     { "octupled", W_TIMES, 8 },    { "decupled", W_TIMES, 10 },
	{ "decade", W_SOLE, 10 },      { "decades", W_VAGUE, 0 },     { "grand", W_VAGUE, 0 },
	{ "score", W_SOLE, 20 },       { "scores", W_VAGUE, 0 },      { "quadruples", W_TIMES, 4 },
	{ "quintuple", W_TIMES, 5 },   { "quintupled", W_TIMES, 5 },  { "half", W_PERCENT, 50 },
	{ "halve", W_PERCENT, 50 },    { "halved", W_PERCENT, 50 },   { "halves", W_PART, 0 },
	{ "halving", W_PERCENT, 50 },  { "thirds", W_PART, 0 },       { "quarters", W_PART, 0 },
	{ "fifths", W_PART, 0 },       { "tenths", W_PART, 0 },       { "fourths", W_PART, 0 },
	{ "sixths", W_PART, 0 },       { "sevenths", W_PART, 0 },     { "eighths", W_PART, 0 },
	{ "ninths", W_PART, 0 },       { "hundredths", W_PART, 0 },   { "first", W_ORDINAL, 1 },
	{ "second", W_ORDINAL, 2 },    { "third", W_ORDINAL, 3 },     { "fourth", W_ORDINAL, 4 },
	{ "fifth", W_ORDINAL, 5 },     { "sixth", W_ORDINAL, 6 },     { "seventh", W_ORDINAL, 7 },
	{ "eighth", W_ORDINAL, 8 },    { "ninth", W_ORDINAL, 9 },     { "tenth", W_ORDINAL, 10 },
	{ "eleventh", W_ORDINAL, 11 }, { "twelfth", W_ORDINAL, 12 },  { "nonuple", W_TIMES, 9 },
	{ "nonupled", W_TIMES, 9 },    { "nonuples", W_TIMES, 9 },    { "nonupling", W_TIMES, 9 },
	{ "decuples", W_TIMES, 10 },   { "centuples", W_TIMES, 100 }, { "centupling", W_VAGUE, 0 },
	{ "nonet", W_SOLE, 9 },        { "fiver", W_VAGUE, 0 },       { "fivers", W_VAGUE, 0 },
	{ "tenner", W_VAGUE, 0 },      { "tenners", W_VAGUE, 0 },
};

#define FOLD_LEN   4  /* of "fold" */
#define JOINED_MAX 64 /* letters of a word that stands in parts */

static struct word find_exact(const struct scan *t, size_t at, size_t end)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (scan_is_word(t, at, end, words[i].text))
			return words[i];
	return (struct word){ "", W_NONE, 0 };
}

static bool is_number(enum word_kind kind)
{
	return kind == W_UNIT || kind == W_TEEN || kind == W_TENS;
}

/* "sextillion", "gazillions": larger than any figure, so none of them is read. */
static bool is_illion(const struct scan *t, size_t at, size_t end)
{
	static const char *const tails[] = { "illion", "illions", "illionth", "illionths" };

	for (size_t i = 0; i < sizeof(tails) / sizeof(*tails); i++)
		if (end - at > strlen(tails[i]) &&
		    scan_is_word(t, end - strlen(tails[i]), end, tails[i]))
			return true;
	return false;
}

/* The meaning of a word by itself: in the table, or made from one that is ("thirteenth",
 * "twentieth", "threefold"). */
static struct word find_derived(const struct scan *t, size_t at, size_t end)
{
	struct word w = find_exact(t, at, end);
	char stem[16];
	size_t n = end - at;

	if (w.kind == W_NONE && is_illion(t, at, end))
		return (struct word){ "", W_VAGUE, 0 };
	if (w.kind != W_NONE || n < 6 || n >= sizeof(stem))
		return w;
	if (scan_is_word(t, end - FOLD_LEN, end, "fold")) {
		w = find_exact(t, at, end - FOLD_LEN);
		return is_number(w.kind) ? (struct word){ w.text, W_TIMES, w.value }
		       : w.kind == W_HUNDRED || w.kind == W_SCALE
			       ? (struct word){ w.text, W_VAGUE, 0 }
			       : (struct word){ "", W_NONE, 0 };
	}
	if (!scan_is_word(t, end - 2, end, "th"))
		return w;
	memcpy(stem, t->s + at, n - 2);
	if (n > 6 && (stem[n - 4] == 'i' || stem[n - 4] == 'I')) {
		stem[n - 4] = 'y';
		n--;
	}
	const struct scan s = { stem, n - 2 };

	w = find_exact(&s, 0, s.len);
	if (is_number(w.kind))
		return (struct word){ w.text, W_ORDINAL, w.value };
	return (struct word){ "", w.kind == W_NONE ? W_NONE : W_VAGUE, 0 };
}

static bool is_among(const struct scan *t, size_t at, size_t end, const char *const *list)
{
	for (; *list; list++)
		if (scan_is_word(t, at, end, *list))
			return true;
	return false;
}

/*
 * Words without a space between them: "ninetynine", "twohundred", "fiftypercent". True when
 * nothing else is in [at, end). `reached` has a bit for each place from `at` on where a part may
 * begin; the longest part is shorter than its bits.
 */
static bool is_glued(const struct scan *t, size_t at, size_t end)
{
	static const char *const tails[] = { "fold",    "percent",  "pounds",    "dollars", "euros",
					     "pence",   "times",    "ish",       "odd",     "some",
					     "quarter", "andahalf", "something", NULL };
	uint32_t reached = 1;
	bool first = true;

	for (; at < end && reached != 0; at++, reached >>= 1, first = false) {
		if ((reached & 1) == 0)
			continue;
		if (!first &&
		    (is_among(t, at, end, tails) || find_derived(t, at, end).kind != W_NONE))
			return true;
		for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
			size_t len = strlen(words[i].text);

			if (len < end - at && scan_is_word(t, at, at + len, words[i].text))
				reached |= (uint32_t)1 << len;
		}
		if (!first && end - at > 3 && scan_is_word(t, at, at + 3, "and"))
			reached |= (uint32_t)1 << 3;
	}
	return false;
}

/* The meaning of a word; what is glued together has a value that is not read. */
static struct word find_word(const struct scan *t, size_t at, size_t end)
{
	struct word w = find_derived(t, at, end);

	if (w.kind == W_NONE && is_glued(t, at, end))
		w.kind = W_VAGUE;
	return w;
}

static wide power_of_ten(int power)
{
	wide v = 1;

	while (power-- > 0)
		v *= 10;
	return v;
}

/* A number that is being read word by word. */
struct reading {
	wide total, current;
	enum word_kind last;
	bool begun;
};

static bool continues(const struct reading *r, enum word_kind kind)
{
	switch (kind) {
	case W_UNIT:
		return !r->begun || r->last == W_TENS || r->last == W_HUNDRED || r->last == W_SCALE;
	case W_TEEN:
	case W_TENS:
		return !r->begun || r->last == W_HUNDRED || r->last == W_SCALE;
	case W_HUNDRED:
		return !r->begun || is_number(r->last);
	case W_SCALE:
		return !r->begun || (r->last != W_SCALE && r->total < power_of_ten(15));
	case W_NONE:
	case W_TIMES:
	case W_PERCENT:
	case W_SOLE:
	case W_VAGUE:
	case W_PART:
	case W_ORDINAL:
		return false;
	}
	return false;
}

static void read_word(struct reading *r, struct word w)
{
	if (is_number(w.kind)) {
		r->current += w.value;
	} else {
		if (r->current == 0)
			r->current = 1;
		r->current *= power_of_ten(w.value);
		if (w.kind == W_SCALE) {
			r->total += r->current;
			r->current = 0;
		}
	}
	r->last = w.kind;
	r->begun = true;
}

/* The next word behind `at`: behind spaces or one hyphen; `and` is passed when `over_and`. */
static size_t next_word(const struct scan *t, size_t at, bool over_and, size_t *end)
{
	size_t p = byte_at(t, at) == '-' ? at + 1 : scan_spaces(t, at, 2);

	*end = scan_letters(t, p);
	if (over_and && p > at && scan_is_word(t, p, *end, "and")) {
		p = scan_spaces(t, *end, 2);
		*end = scan_letters(t, p);
	}
	return p > at ? p : *end;
}

/* "a half", "thirds", "point five" behind a number: it has no value that we read. */
static bool odd_words_behind(const struct scan *t, size_t *at)
{
	size_t end, p = next_word(t, *at, true, &end), after;
	struct word w = find_word(t, p, end);

	if (scan_is_word(t, p, end, "a") || scan_is_word(t, p, end, "point")) {
		bool point = scan_is_word(t, p, end, "point");

		p = next_word(t, end, false, &after);
		w = find_word(t, p, after);
		if (!(point && is_number(w.kind)) &&
		    !(!point && (w.kind == W_PERCENT || scan_is_word(t, p, after, "quarter"))))
			return false;
		*at = after;
		return true;
	}
	if (w.kind != W_PART && w.kind != W_PERCENT && w.kind != W_VAGUE && w.kind != W_SOLE &&
	    !scan_is_word(t, p, end, "quarter"))
		return false;
	*at = end;
	return true;
}

/* Words of one cardinal number, and an ordinal at its end. */
static bool read_cardinal(const struct scan *t, size_t at, size_t *end, struct number *ret)
{
	struct reading r = { 0, 0, W_NONE, false };
	size_t p = at, word_end = *end;
	struct word w = find_word(t, at, *end);

	while (continues(&r, w.kind)) {
		read_word(&r, w);
		*end = word_end;
		p = next_word(t, *end, r.last == W_HUNDRED || r.last == W_SCALE, &word_end);
		w = find_word(t, p, word_end);
	}
	if (!r.begun)
		return false;
	ret->form = NUMBER_WORDS;
	if (w.kind == W_ORDINAL && r.last == W_TENS && w.value < 10) {
		r.current += w.value;
		*end = word_end;
		ret->form = NUMBER_ORDINAL;
	} else if (w.kind == W_ORDINAL && r.last == W_UNIT && w.value > 2) {
		*end = word_end; /* "one third" */
		ret->form = NUMBER_ODD;
	} else if (odd_words_behind(t, end)) {
		ret->form = NUMBER_ODD;
	}
	ret->value = (struct figure){ r.total + r.current, 0 };
	return true;
}

/* "double-check" and "double down" are no numbers. */
static bool is_idiom(const struct scan *t, size_t at, size_t end)
{
	size_t next_end, next = next_word(t, end, false, &next_end);

	return scan_is_word(t, at, end, "double") && (scan_is_word(t, next, next_end, "check") ||
						      scan_is_word(t, next, next_end, "down"));
}

/* The word that ends before `at`, behind one space or hyphen; `at` when there is none. */
static size_t word_before(const struct scan *t, size_t at, size_t *end)
{
	size_t from;

	*end = at > 0 && (t->s[at - 1] == ' ' || t->s[at - 1] == '-') ? at - 1 : at;
	for (from = *end; *end < at && from > 0 && is_alpha(t->s[from - 1]);)
		from--;
	return from < *end ? from : at;
}

static bool is_behind_one_of(const struct scan *t, size_t at, const char *const *list)
{
	size_t end, from = word_before(t, at, &end);

	return from < at && is_among(t, from, end, list);
}

/* "a quarter of", "by a quarter", "a quarter less" are a part of something; "the last quarter", "in
 * a quarter", "a quarter ago" are three months. */
static bool is_quarter(const struct scan *t, size_t at, size_t end)
{
	static const char *const articles[] = { "a", "another", NULL };
	static const char *const by_how[] = { "less",  "more", "fewer", "higher",
					      "lower", "off",  NULL };
	static const char *const during[] = { "in",     "per",    "once", "twice",
					      "within", "during", "for",  NULL };
	static const char *const when[] = { "ago",   "later", "earlier", "before",
					    "after", "year",  "end",     NULL };
	size_t next_end, next = next_word(t, end, false, &next_end), a_end;
	size_t a = word_before(t, at, &a_end);

	if (!scan_is_word(t, at, end, "quarter"))
		return false;
	if (scan_is_word(t, next, next_end, "of"))
		return true;
	if (a == at || !is_among(t, a, a_end, articles))
		return false;
	return is_among(t, next, next_end, by_how) ||
	       (!is_behind_one_of(t, a, during) && !is_among(t, next, next_end, when));
}

static bool read_sole(const struct scan *t, size_t at, size_t *end, struct number *ret)
{
	static const char *const parts[] = { "a",         "another", "last",   "final",  "top",
					     "bottom",    "upper",   "lower",  "middle", "other",
					     "remaining", "nearly",  "almost", "about",  "roughly",
					     "over",      NULL };
	struct word w = find_word(t, at, *end);

	if (is_quarter(t, at, *end))
		w = (struct word){ "", W_PERCENT, 25 };
	/* "a third of", "the last fifth of": a part, not a place. */
	if (w.kind == W_ORDINAL && w.value > 2 && is_behind_one_of(t, at, parts))
		w.kind = W_PART;
	if (w.kind == W_NONE || is_idiom(t, at, *end))
		return false;
	ret->form = w.kind == W_ORDINAL                     ? NUMBER_ORDINAL
		    : w.kind == W_VAGUE || w.kind == W_PART ? NUMBER_ODD
							    : NUMBER_WORDS;
	ret->value = (struct figure){ w.value, 0 };
	ret->unit = w.kind == W_TIMES     ? NUMBER_TIMES
		    : w.kind == W_PERCENT ? NUMBER_PERCENT
					  : NUMBER_BARE;
	/* "half a million", "half a dozen" */
	if (w.kind == W_PERCENT) {
		size_t p_end, p = next_word(t, *end, false, &p_end);

		if (scan_is_word(t, p, p_end, "a"))
			p = next_word(t, p_end, false, &p_end);
		w = find_word(t, p, p_end);
		if (w.kind == W_SCALE || w.kind == W_SOLE || w.kind == W_HUNDRED) {
			*end = p_end;
			ret->form = NUMBER_ODD;
		}
	}
	return true;
}

/* What may stand inside a word and leaves it one to its reader: invisible characters, emphasis, and
 * the hyphens of a line's end. */
static bool is_inside_word(uint32_t c, bool hyphens)
{
	if (hyphens && (c == '-' || c == 0x2010 || c == 0x2011))
		return true;
	return c == '*' || c == '_' || c == '`' || c == '~' || char_is_invisible(c);
}

/* The letters of the word at `at` without what stands between them; the word's end. `at` when
 * nothing does, or it is longer than any number's word. */
static size_t join_word(const struct scan *t, size_t at, bool hyphens, struct scan *ret,
			char letters[JOINED_MAX])
{
	size_t p = at, end = at, n = 0, len;

	while (n < JOINED_MAX && is_alpha(byte_at(t, p))) {
		letters[n++] = t->s[p++];
		end = p;
		while (is_inside_word(scan_char(t, p, &len), hyphens))
			p += len;
	}
	*ret = (struct scan){ letters, n };
	return end - at == n || is_alpha(byte_at(t, p)) ? at : end;
}

/* "fif**ty", "nine-ty": a number's word in parts, whose value is not read. A hyphen makes one of
 * parts that are none by themselves only: "twenty-one" is read as it stands. */
static bool read_split(const struct scan *t, size_t at, size_t *ret_end, struct number *ret)
{
	for (int hyphens = 0; hyphens < 2; hyphens++) {
		char letters[JOINED_MAX];
		struct scan joined;
		size_t end = join_word(t, at, hyphens, &joined, letters);
		struct word w;

		if (end == at)
			continue;
		w = hyphens ? find_exact(&joined, 0, joined.len)
			    : find_word(&joined, 0, joined.len);
		if (w.kind == W_NONE)
			continue;
		ret->form = NUMBER_ODD;
		*ret_end = end;
		return true;
	}
	return false;
}

bool scan_words(const struct scan *t, size_t at, struct number *ret)
{
	size_t end = scan_letters(t, at);
	char text[FIGURE_TEXT];

	if (end == at || (!read_split(t, at, &end, ret) && !read_cardinal(t, at, &end, ret) &&
			  !read_sole(t, at, &end, ret)))
		return false;
	ret->len = end - at;
	figure_print(ret->value, 0, text);
	ret->digits = (int)strlen(text);
	if (ret->form == NUMBER_WORDS && ret->unit == NUMBER_BARE)
		scan_unit(t, ret);
	return true;
}
