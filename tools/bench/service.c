/*
 * A part of the bench that stands where a service stands: with its user, settings and limits, until
 * the part is done. Read next: calls.c, telemetry.c, alerts.c.
 */
#include "bench.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct part {
	bench_act_fn *act;
	void *arg;
	struct svc *svc;
	pthread_t thread;
	bool good;
};

static void *act(void *arg)
{
	struct part *p = arg;

	p->good = p->act(p->svc, p->arg);
	kill(getpid(), SIGTERM); /* the end that every service has */
	return NULL;
}

static enum status start(struct svc *svc, void *arg, struct error *err)
{
	struct part *p = arg;

	p->svc = svc;
	return pthread_create(&p->thread, NULL, act, p) == 0
		       ? ST_OK
		       : error_set(err, ST_UNAVAILABLE, NULL, "no thread");
}

static void stop(struct svc *svc, void *arg)
{
	struct part *p = arg;

	(void)svc;
	pthread_join(p->thread, NULL);
}

/* It takes no requests, so it needs no keys. */
static enum status no_state(struct svc *svc, void *arg, struct arena *arena,
			    struct access_state *ret, struct error *err)
{
	(void)svc;
	(void)arg;
	(void)arena;
	(void)err;
	*ret = (struct access_state){ .version = 1 };
	return ST_OK;
}

int bench_as_service(const char *name, const char *summary, bench_act_fn *act_fn, void *arg)
{
	const struct svc_spec spec = {
		.name = name,
		.summary = summary,
		.start = start,
		.stop = stop,
		.access_state = no_state,
	};
	char own[] = "bench", *argv[] = { own, NULL };
	struct part p = { .act = act_fn, .arg = arg };
	int code = svc_main(&spec, &p, 1, argv);

	return code ? code : !p.good;
}

bool bench_token(const char *path, char out[ACCESS_TOKEN_MAX])
{
	FILE *f = fopen(path, "re");
	bool read = f && fgets(out, ACCESS_TOKEN_MAX, f);

	if (f)
		fclose(f);
	if (read)
		out[strcspn(out, "\n")] = '\0';
	else
		fprintf(stderr, "bench: %s cannot be read\n", path);
	return read;
}
