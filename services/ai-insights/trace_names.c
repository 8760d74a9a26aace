/*
 * Which rows a sentence names. Longer names are looked for first, so that "Brand Search" is not
 * taken for "Brand". Read next: trace_priv.h.
 */
#include "trace_priv.h"

#include "core/text.h"

#include <ctype.h>
#include <string.h>

#define NAME_MIN         3 /* bytes; shorter names are found in too many words */
#define ORDER_DIGITS_MIN 4

/* Words of every sentence that are channels as well. */
static const char *const common[] = { "other", "direct" };

static bool is_word_byte(char c)
{
	return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

/* A quote or dash of Unicode's general punctuation (U+2000 to U+203F) begins at `at`. */
static bool is_punctuation(const char *text, size_t from, size_t to, size_t at)
{
	return at >= from && at + 3 <= to && memcmp(text + at, "\xe2\x80", 2) == 0;
}

/* No letter or digit goes on over the border; a name may itself begin or end with something else.
 */
static bool at_borders(const char *text, struct span s, size_t at, size_t len)
{
	bool begins = is_word_byte(text[at]), ends = is_word_byte(text[at + len - 1]);

	return !(begins && at > s.from && is_word_byte(text[at - 1]) &&
		 !(at >= 3 && is_punctuation(text, s.from, s.to, at - 3))) &&
	       !(ends && at + len < s.to && is_word_byte(text[at + len]) &&
		 !is_punctuation(text, s.from, s.to, at + len));
}

static char fold(char c)
{
	return c == '_' || c == '-' ? ' ' : (char)tolower((unsigned char)c);
}

static bool matches(const char *at, const char *name, size_t len, bool *exact)
{
	if (fold(at[0]) != fold(name[0]))
		return false;
	*exact = memcmp(at, name, len) == 0;
	for (size_t i = 0; !*exact && i < len; i++)
		if (fold(at[i]) != fold(name[i]))
			return false;
	return true;
}

static bool overlaps(const struct names *names, size_t from, size_t to)
{
	for (size_t i = 0; i < names->n; i++)
		if (from < names->at[i].to && to > names->at[i].from)
			return true;
	return false;
}

static void find_all(const char *text, struct span s, const char *name, size_t len, bool folded,
		     struct names *ret)
{
	bool exact;

	for (size_t at = s.from; at + len <= s.to && ret->n < SENTENCE_NAMES_MAX; at++) {
		if (!matches(text + at, name, len, &exact) || exact == folded ||
		    !at_borders(text, s, at, len) || overlaps(ret, at, at + len))
			continue;
		ret->at[ret->n] = (struct span){ at, at + len };
		ret->text[ret->n] = name;
		ret->exact[ret->n++] = exact;
		at += len - 1;
	}
}

static void find_known(const struct evidence_list *ev, const char *text, struct span s, size_t len,
		       bool folded, struct names *ret)
{
	for (size_t i = 0; i < ev->n_known; i++)
		if (ev->known[i].fact == EVIDENCE_NAME && strlen(ev->known[i].text) == len)
			find_all(text, s, ev->known[i].text, len, folded, ret);
}

void trace_find_names(const struct evidence_list *ev, const char *text, struct span s,
		      struct names *ret)
{
	size_t longest = s.to - s.from, len;

	/* By falling length: the next length is the longest that is shorter than the last. */
	for (ret->n = 0; longest > 0 && ret->n < SENTENCE_NAMES_MAX; longest = len) {
		len = 0;
		for (size_t i = 0; i < ev->n_known; i++) {
			size_t n = strlen(ev->known[i].text);

			if (ev->known[i].fact == EVIDENCE_NAME && n <= longest && n > len)
				len = n;
		}
		if (len == 0)
			return;
		/* As written first: names may differ in capitals only. */
		find_known(ev, text, s, len, false, ret);
		find_known(ev, text, s, len, true, ret);
		len--;
	}
}

/*
 * A name vouches for its numbers only where the text shows that it is one: in quotes, exactly as it
 * is known. Whatever a name says is a sentence to its reader otherwise: a campaign called "net
 * revenue of 9000" or "5000000units" would vouch for a lie. Emphasis is no quote: figures stand in
 * it as well.
 */
static bool is_quoted(const char *text, struct span at)
{
	char before = at.from > 0 ? text[at.from - 1] : ' ', after = text[at.to];
	bool opens = at.from < 2 || !isalnum((unsigned char)text[at.from - 2]);

	/* A quote that another name ends with ("A"net ...) does not open this one. */
	if (before == after && (before == '"' || before == '\'' || before == '`'))
		return opens && !isalnum((unsigned char)text[at.to + 1]);
	return at.from >= 3 && memcmp(text + at.from - 3, "\xe2\x80\x9c", 3) == 0 &&
	       strncmp(text + at.to, "\xe2\x80\x9d", 3) == 0;
}

/* "#536365" is read as the number of an order, also without quotes; "#1" is a place, and "#5000
 * orders" may be how many. */
static bool is_order_number(const char *name, const struct number *n)
{
	size_t digits = strspn(name + 1, "0123456789");

	return name[0] == '#' && digits >= ORDER_DIGITS_MIN && name[1 + digits] == '\0' &&
	       trace_noun_kind(n->word) == 0;
}

bool trace_inside_name(const struct names *names, const char *text, const struct number *n)
{
	size_t from = n->offset, to = from + n->len;

	for (size_t i = 0; i < names->n; i++)
		if (names->exact[i] && from >= names->at[i].from && to <= names->at[i].to &&
		    (is_quoted(text, names->at[i]) || is_order_number(names->text[i], n)))
			return true;
	return false;
}

static bool is_common(const char *name)
{
	for (size_t i = 0; i < sizeof(common) / sizeof(*common); i++)
		if (strcasecmp(common[i], name) == 0)
			return true;
	return false;
}

/* True when the name says where the figure's own row belongs: its platform or channel. */
static bool is_part_of(const struct evidence *e, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = e->metric; (at = strstr(at, name)) != NULL; at++)
		if (at > e->metric && at[-1] == '=' && (at[len] == ',' || at[len] == ']'))
			return true;
	return false;
}

bool trace_other_row(const struct names *names, const struct evidence *e)
{
	bool another = false;

	if (e->name[0] == '\0')
		return false;
	for (size_t i = 0; i < names->n; i++) {
		if (strcasecmp(names->text[i], e->name) == 0)
			return false;
		another |= names->at[i].to - names->at[i].from >= NAME_MIN &&
			   !is_common(names->text[i]) && !is_part_of(e, names->text[i]);
	}
	return another;
}
