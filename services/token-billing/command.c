/*
 * token-billing --load-prices FILE.csv: later prices, in the columns of
 * data/llm-prices/price_history.csv (a ninth column may hold the rate of cache writes that last an
 * hour). All lines or none; lines that are there already change nothing. Read next: cost.h (rates).
 */
#include "core/text.h"
#include "core/timeutil.h"
#include "service.h"
#include "store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MIN    8
#define COLUMNS_MAX    9
#define LINE_BYTES     4096
#define LINES_MAX      20000
#define LOAD_ARENA_MAX ((size_t)64 * 1024 * 1024)

struct loading {
	const char *file;
	int line;
	struct price *prices; /* LINES_MAX * TOKEN_KINDS */
	size_t n;
};

static bool bad(const struct loading *l, int column, const char *why)
{
	fprintf(stderr, "token-billing: %s:%d: column %d %s\n", l->file, l->line, column, why);
	return false;
}

/* Cuts the line at its commas; quotes do not occur in this format. The number of columns. */
static int cut(char *line, char *columns[COLUMNS_MAX + 1])
{
	int n = 0;

	line[strcspn(line, "\r\n")] = '\0';
	while (n <= COLUMNS_MAX) {
		columns[n++] = line;
		line += strcspn(line, ",");
		if (*line == '\0')
			return n;
		*line++ = '\0';
	}
	return n;
}

/* 0 in both directions: the list does not know the price; nobody gives a model away. */
static void mark_unknown(struct price *rates, size_t n)
{
	int free_of_charge = 0;

	for (size_t i = 0; i < n; i++)
		free_of_charge += rates[i].nano_per_mtok == 0 &&
				  (rates[i].kind == TOKEN_INPUT || rates[i].kind == TOKEN_OUTPUT);
	for (size_t i = 0; i < n; i++)
		rates[i].known = free_of_charge < 2;
}

static bool take_line(struct loading *l, char *columns[], int n)
{
	static const struct {
		int column;
		enum token_kind kind;
	} rates[] = { { 5, TOKEN_INPUT },
		      { 6, TOKEN_OUTPUT },
		      { 7, TOKEN_CACHE_WRITE_5M },
		      { 8, TOKEN_CACHE_READ },
		      { 9, TOKEN_CACHE_WRITE_1H } };
	struct price p = { .known = true };
	size_t first = l->n;

	if (n < COLUMNS_MIN || n > COLUMNS_MAX)
		return bad(l, n, "is the last: a line has eight or nine");
	if (!time_parse(columns[0], &p.from_us))
		return bad(l, 1, "is no time with a zone");
	if (columns[2][0] == '\0' || text_copy(p.model, sizeof(p.model), columns[2]) != ST_OK)
		return bad(l, 3, "is no model's name of 1 to 128 bytes");
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]) && rates[i].column <= n; i++) {
		const char *text = columns[rates[i].column - 1];

		if (*text == '\0')
			continue;
		if (!rate_parse(text, &p.nano_per_mtok))
			return bad(l, rates[i].column,
				   "is no rate in whole nano-dollars per million tokens");
		p.kind = rates[i].kind;
		l->prices[l->n++] = p;
	}
	mark_unknown(l->prices + first, l->n - first);
	return true;
}

static bool read_lines(struct loading *l, FILE *f)
{
	char line[LINE_BYTES], *columns[COLUMNS_MAX + 1];

	while (fgets(line, sizeof(line), f)) {
		l->line++;
		if (strlen(line) == sizeof(line) - 1)
			return bad(l, 1, "begins a line that is too long");
		if (l->line == 1 && strncmp(line, "seen_at,", 8) != 0)
			return bad(l, 1, "is not `seen_at`: the first line names the columns");
		if (l->line == 1)
			continue;
		if (l->line > LINES_MAX)
			return bad(l, 1, "begins a line too many");
		if (line[strspn(line, "\r\n")] != '\0' &&
		    !take_line(l, columns, cut(line, columns)))
			return false;
	}
	return ferror(f) == 0 || bad(l, 1, "cannot be read");
}

static int load(struct svc *svc, const char *path)
{
	struct loading l = { .file = path };
	struct arena *a = arena_new(LOAD_ARENA_MAX);
	struct error err = { 0 };
	FILE *f = fopen(path, "re");
	int64_t added = 0;
	int code = 1;

	l.prices = a ? arena_array(a, (size_t)LINES_MAX * TOKEN_KINDS, sizeof(*l.prices)) : NULL;
	if (!f) {
		fprintf(stderr, "token-billing: %s cannot be opened\n", path);
	} else if (l.prices && read_lines(&l, f)) {
		if (store_prices_add(svc_worker_db(svc), a, l.prices, l.n, path, &added, &err) ==
		    ST_OK)
			code = printf("%lld of %zu rates are new\n", (long long)added, l.n) < 0;
		else
			fprintf(stderr, "token-billing: %s: %s\n", path, err.detail);
	}
	if (f)
		fclose(f);
	arena_free(a);
	return code;
}

bool billing_command(struct svc *svc, void *app, int argc, char **argv, int *exit_code)
{
	(void)app;
	if (argc < 2 || strcmp(argv[1], "--load-prices") != 0)
		return false;
	if (argc == 3) {
		*exit_code = load(svc, argv[2]);
	} else {
		fputs("usage: token-billing --load-prices FILE.csv\n", stderr);
		*exit_code = 2;
	}
	return true;
}
