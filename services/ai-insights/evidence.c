/* The figures of one answer, in an arena. Read next: evidence.h. */
#include "evidence.h"

#include "calculate_decimal.h"

#include <stdio.h>
#include <string.h>

#define FIRST_CAPACITY 64

void evidence_init(struct evidence_list *list, struct arena *arena)
{
	*list = (struct evidence_list){ .arena = arena };
}

unsigned evidence_begin(struct evidence_list *list)
{
	return ++list->calls;
}

/* An array twice as long with the same content; NULL when it is at its limit or the arena is full.
 */
static void *grow(struct arena *a, const void *items, size_t n, size_t *cap, size_t max,
		  size_t size)
{
	size_t want = *cap ? *cap * 2 : FIRST_CAPACITY;
	void *more;

	if (*cap >= max)
		return NULL;
	if (want > max)
		want = max;
	more = arena_array(a, want, size);
	if (!more)
		return NULL;
	if (n > 0)
		memcpy(more, items, n * size);
	*cap = want;
	return more;
}

static const char *text_or_empty(const char *s)
{
	return s ? s : "";
}

static bool fits(const struct evidence_new *f)
{
	struct figure value;

	return strlen(text_or_empty(f->arguments)) <= EVIDENCE_ARGUMENTS_MAX &&
	       strlen(text_or_empty(f->metric)) <= EVIDENCE_METRIC_MAX &&
	       strlen(text_or_empty(f->unit)) <= EVIDENCE_UNIT_MAX &&
	       strlen(text_or_empty(f->name)) <= EVIDENCE_NAME_MAX &&
	       f->n_inputs <= EVIDENCE_INPUTS_MAX && strlen(f->value) <= EVIDENCE_VALUE_MAX &&
	       figure_read(f->value, strlen(f->value), &value);
}

static bool same(const struct evidence *e, const struct evidence_new *f)
{
	return strcmp(e->metric, text_or_empty(f->metric)) == 0 &&
	       strcmp(e->value, f->value) == 0 && strcmp(e->tool, text_or_empty(f->tool)) == 0 &&
	       strcmp(e->unit, text_or_empty(f->unit)) == 0 &&
	       strcmp(e->arguments, text_or_empty(f->arguments)) == 0;
}

/* The arguments of a call are the same text for all its figures: one copy serves them. */
static const char *copy_arguments(struct evidence_list *list, const char *arguments)
{
	if (list->n > 0 && strcmp(list->items[list->n - 1].arguments, arguments) == 0)
		return list->items[list->n - 1].arguments;
	return arena_strdup(list->arena, arguments);
}

static void fill(struct evidence_list *list, struct evidence *e, const struct evidence_new *f,
		 const uint16_t *inputs)
{
	struct arena *a = list->arena;

	*e = (struct evidence){ .tool = arena_strdup(a, f->tool),
				.arguments = copy_arguments(list, text_or_empty(f->arguments)),
				.metric = arena_strdup(a, f->metric),
				.value = arena_strdup(a, f->value),
				.unit = arena_strdup(a, f->unit),
				.key = arena_strdup(a, f->key),
				.name = arena_strdup(a, f->name),
				.group = arena_strdup(a, f->group),
				.call = f->call,
				.row = f->row,
				.is_count = f->is_count,
				.inputs = inputs,
				.n_inputs = f->n_inputs };
	snprintf(e->id, sizeof(e->id), "e%zu", (list->n + 1) % (EVIDENCE_MAX + 1));
}

/* A copy of a calculation's inputs, each of which must be there already; NULL when not. */
static uint16_t *copy_inputs(struct evidence_list *list, const struct evidence_new *f)
{
	uint16_t *inputs = arena_array(list->arena, f->n_inputs + 1, sizeof(*inputs));

	for (size_t i = 0; inputs && i < f->n_inputs; i++) {
		if (f->inputs[i] >= list->n)
			return NULL;
		inputs[i] = f->inputs[i];
	}
	return inputs;
}

enum status evidence_add(struct evidence_list *list, const struct evidence_new *figure,
			 const char **ret)
{
	uint16_t *inputs;

	if (!figure->value || !fits(figure))
		return ST_INVALID;
	for (size_t i = 0; i < list->n; i++)
		if (same(&list->items[i], figure)) {
			list->items[i].call = figure->call;
			list->items[i].row = figure->row;
			*ret = list->items[i].id;
			return ST_OK;
		}
	inputs = copy_inputs(list, figure);
	if (!inputs)
		return arena_failed(list->arena) ? ST_TOO_LARGE : ST_INVALID;
	if (!list->items) {
		list->items = arena_array(list->arena, EVIDENCE_MAX, sizeof(*list->items));
		if (!list->items)
			return ST_TOO_LARGE;
	}
	if (list->n == EVIDENCE_MAX)
		return ST_TOO_LARGE;
	fill(list, &list->items[list->n], figure, inputs);
	if (arena_failed(list->arena))
		return ST_TOO_LARGE;
	*ret = list->items[list->n].id;
	list->n++;
	return ST_OK;
}

struct evidence *evidence_find(const struct evidence_list *list, const char *id, size_t len)
{
	size_t number = 0;

	if (len < 2 || len >= EVIDENCE_ID_TEXT || id[0] != 'e' || id[1] == '0')
		return NULL;
	for (size_t i = 1; i < len; i++) {
		if (id[i] < '0' || id[i] > '9')
			return NULL;
		number = number * 10 + (size_t)(id[i] - '0');
	}
	return number >= 1 && number <= list->n ? &list->items[number - 1] : NULL;
}

const struct evidence *evidence_at(const struct evidence_list *list, unsigned call, int row,
				   const char *key)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->items[i].call == call && list->items[i].row == row &&
		    strcmp(list->items[i].key, key) == 0)
			return &list->items[i];
	return NULL;
}

void evidence_use(struct evidence_list *list, struct evidence *e)
{
	/* Inputs stand before what is made from them, so one pass down the list reaches all. */
	e->used = true;
	for (size_t i = (size_t)(e - list->items) + 1; i-- > 0;) {
		const struct evidence *user = &list->items[i];

		if (!user->used)
			continue;
		for (size_t k = 0; k < user->n_inputs; k++)
			list->items[user->inputs[k]].used = true;
	}
}

void evidence_forget_uses(struct evidence_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		list->items[i].used = false;
}

size_t evidence_used(const struct evidence_list *list)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++)
		n += list->items[i].used;
	return n;
}

bool evidence_knows(const struct evidence_list *list, enum evidence_fact fact, const char *text)
{
	for (size_t i = 0; i < list->n_known; i++)
		if (list->known[i].fact == fact && strcmp(list->known[i].text, text) == 0)
			return true;
	return false;
}

enum status evidence_know(struct evidence_list *list, enum evidence_fact fact, const char *text)
{
	if (text[0] == '\0' || evidence_knows(list, fact, text))
		return ST_OK;
	if (list->n_known == list->cap_known) {
		void *more = grow(list->arena, list->known, list->n_known, &list->cap_known,
				  EVIDENCE_FACTS_MAX, sizeof(*list->known));

		if (!more)
			return ST_TOO_LARGE;
		list->known = more;
	}
	list->known[list->n_known++] =
		(struct evidence_known){ fact, arena_strdup(list->arena, text) };
	return arena_failed(list->arena) ? ST_TOO_LARGE : ST_OK;
}
