/*
 * bench - the programs behind tests/load/bench.sh: a service without a database, a bare responder,
 * their callers, and a publisher of business events. Each prints lines that begin with RESULT.
 */
#include "bench.h"

#include "core/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct command {
	const char *name, *usage;
	int args;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "serve", "TOKEN_FILE", 1, bench_serve },
	{ "echo", "BYTES", 1, bench_echo },
	{ "typed", "TOKEN_FILE CALLERS SECONDS", 3, bench_typed },
	{ "bare", "CALLERS SECONDS", 2, bench_bare },
	{ "events", "ads|orders TENANT BRAND ROWS ROWS_PER_EVENT", 5, bench_events },
	{ "telemetry", "TENANT ROWS paced|flood", 3, bench_telemetry },
	{ "billing", "TOKEN_FILE BRAND CALLERS SECONDS", 4, bench_billing },
	{ "alerts", "BASE_URL TENANT TOKEN_FILE ALERTS", 4, bench_alerts },
};

int64_t bench_number(const char *what, const char *text, int64_t min, int64_t max)
{
	int64_t v;

	if (parse_i64(text, min, max, &v))
		return v;
	fprintf(stderr, "bench: %s must be a number from %lld to %lld\n", what, (long long)min,
		(long long)max);
	exit(2);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (argc > 1 && strcmp(argv[1], commands[i].name) == 0 &&
		    argc - 2 == commands[i].args)
			return commands[i].run(argc - 1, argv + 1);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(stderr, "usage: bench %s %s\n", commands[i].name, commands[i].usage);
	return 2;
}
