/* Media ranges and their weights. Read next: accept.h. */
#include "accept.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#define EVENTS_TYPE "text/event-stream"
#define WHOLE_TYPE  "application/json"
#define BLANKS      " \t"
#define FULL_WEIGHT 1000

/* How exactly a type was named, and how much it is wanted: of 1,000, as q allows three digits. */
struct wish {
	int precise; /* 0: not at all, 1: by a star, 2: by its kind, 3: by name */
	int weight;
};

/* "1", "0.5", "0.125"; what is no number counts as full weight. */
static int weight_of(const char *s)
{
	int unit = FULL_WEIGHT, sum = 0;

	if (*s != '0' && *s != '1')
		return FULL_WEIGHT;
	sum = (*s - '0') * unit;
	if (s[1] != '.')
		return sum;
	for (s += 2; *s >= '0' && *s <= '9' && unit > 1; s++) {
		unit /= 10;
		sum += (*s - '0') * unit;
	}
	return sum > FULL_WEIGHT ? FULL_WEIGHT : sum;
}

/* The weight among the parameters of one media range of `len` bytes. */
static int read_weight(const char *s, size_t len)
{
	const char *end = s + len;

	while ((s = memchr(s, ';', (size_t)(end - s))) != NULL) {
		s++;
		s += strspn(s, BLANKS);
		if (end - s > 2 && strncasecmp(s, "q=", 2) == 0)
			return weight_of(s + 2);
	}
	return FULL_WEIGHT;
}

static int precision(const char *range, size_t len, const char *type)
{
	size_t kind = (size_t)(strchr(type, '/') - type) + 1;

	if (len == strlen(type) && strncasecmp(range, type, len) == 0)
		return 3;
	if (len == kind + 1 && strncasecmp(range, type, kind) == 0 && range[kind] == '*')
		return 2;
	return len == 3 && strncmp(range, "*/*", 3) == 0 ? 1 : 0;
}

/* The most precise range decides (RFC 9110, 12.5.1). */
static struct wish wish_for(const char *accept, const char *type)
{
	struct wish best = { 0, 0 };

	while (*accept) {
		size_t len, name;
		int precise;

		accept += strspn(accept, BLANKS ",");
		len = strcspn(accept, ",");
		name = strcspn(accept, ",; \t");
		precise = precision(accept, name, type);
		if (precise > best.precise)
			best = (struct wish){ precise, read_weight(accept, len) };
		accept += len;
	}
	return best;
}

enum face accept_face(const char *accept, bool has_whole)
{
	struct wish events, whole;

	if (!accept || !accept[strspn(accept, BLANKS)])
		return has_whole ? FACE_WHOLE : FACE_EVENTS;
	events = wish_for(accept, EVENTS_TYPE);
	whole = has_whole ? wish_for(accept, WHOLE_TYPE) : (struct wish){ 0, 0 };
	if (events.weight > 0 && (events.precise == 3 || whole.weight == 0) &&
	    events.weight >= whole.weight)
		return FACE_EVENTS;
	return whole.weight > 0 ? FACE_WHOLE : FACE_NONE;
}
