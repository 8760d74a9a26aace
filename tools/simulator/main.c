/*
 * simulator - plays Shopify, Meta, TikTok and Google Ads from a dataset folder.
 *
 * Read next: sim.h (the parts), docs/internals/simulator.md (what it serves and how to make it
 * misbehave).
 */
#include "sim.h"

#include "core/text.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PORT_FILE_MAX  1024
#define LATENCY_MS_MAX 60000

struct options {
	struct sim sim;
	const char *port_file;
	int64_t port;
};

static int usage(const char *why)
{
	fprintf(stderr,
		"simulator: %s\n"
		"usage: simulator --data DIR --port N (0 = free) --port-file FILE [--listen "
		"ADDRESS] [--shift]\n"
		"       [--plan standard|advanced|plus|enterprise] [--seed-latency-ms N]\n",
		why);
	return 2;
}

/* The value of one option; NULL, or what is wrong. */
static const char *take_option(struct options *o, int option, const char *value)
{
	switch (option) {
	case 'd':
		o->sim.data_dir = value;
		return NULL;
	case 'p':
		return parse_i64(value, 0, 65535, &o->port) ? NULL : "--port is not 0 to 65535";
	case 'a':
		o->sim.listen = value;
		return NULL;
	case 'f':
		o->port_file = value;
		return NULL;
	case 's':
		o->sim.shift = true;
		return NULL;
	case 'l':
		return parse_i64(value, 0, LATENCY_MS_MAX, &o->sim.latency_ms)
			       ? NULL
			       : "--seed-latency-ms is not 0 to 60000";
	case 'n':
		o->sim.plan = plan_find(value);
		return o->sim.plan != NULL ? NULL : "--plan is unknown";
	default:
		return "unknown option";
	}
}

static const char *take_options(struct options *o, int argc, char **argv)
{
	static const struct option table[] = {
		{ "data", required_argument, NULL, 'd' },
		{ "port", required_argument, NULL, 'p' },
		{ "port-file", required_argument, NULL, 'f' },
		{ "listen", required_argument, NULL, 'a' },
		{ "shift", no_argument, NULL, 's' },
		{ "plan", required_argument, NULL, 'n' },
		{ "seed-latency-ms", required_argument, NULL, 'l' },
		{ 0 },
	};
	int option;

	o->port = -1;
	o->sim.plan = plan_find("standard");
	while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
		const char *why = take_option(o, option, optarg);

		if (why != NULL)
			return why;
	}
	if (optind < argc)
		return "unexpected argument";
	if (o->sim.data_dir == NULL)
		return "--data is missing";
	return o->port < 0 ? "--port is missing" : NULL;
}

/* The port appears whole or not at all: a reader never sees half a number. */
static bool write_port(const char *path, int port)
{
	char temporary[PORT_FILE_MAX];
	FILE *f;
	bool ok;

	if (path == NULL)
		return true;
	if (snprintf(temporary, sizeof(temporary), "%s.new", path) >= (int)sizeof(temporary))
		return false;
	f = fopen(temporary, "w");
	if (f == NULL)
		return false;
	ok = fprintf(f, "%d\n", port) > 0;
	ok = fclose(f) == 0 && ok;
	return ok && rename(temporary, path) == 0;
}

static int serve(struct options *o)
{
	struct mg_context *ctx;
	int port = 0, got = 0;
	sigset_t stop;

	/* Blocked before the threads exist, so that only this one takes them. */
	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	pthread_sigmask(SIG_BLOCK, &stop, NULL);
	signal(SIGPIPE, SIG_IGN);
	ctx = sim_listen(&o->sim, (int)o->port, &port);
	if (ctx == NULL) {
		fprintf(stderr, "simulator: cannot listen on port %d\n", (int)o->port);
		return 1;
	}
	if (write_port(o->port_file, port)) {
		printf("simulator: %s on port %d\n", o->sim.data->shop_domain, port);
		fflush(stdout);
		sigwait(&stop, &got);
	} else {
		fprintf(stderr, "simulator: cannot write %s\n", o->port_file);
	}
	mg_stop(ctx);
	return got != 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	static struct options o;
	struct error err = { 0 };
	const char *why = take_options(&o, argc, argv);
	int code = 1;

	if (why != NULL)
		return usage(why);
	if (sim_open(&o.sim, &err) == ST_OK)
		code = serve(&o);
	else
		fprintf(stderr, "simulator: %s\n", err.detail);
	sim_close(&o.sim);
	return code;
}
