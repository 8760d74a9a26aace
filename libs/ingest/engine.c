/* Starting and stopping what the ingest services share. Read next: runs.h. */
#include "ingest/engine.h"

#include <stdio.h>

#define NAME_TEXT 96

/* The schema is the service's name with underscores, as the deploy step makes it. */
static void schema_of(const struct svc *svc, char out[NAME_TEXT])
{
	snprintf(out, NAME_TEXT, "%s", svc_name(svc));
	for (char *p = out; *p; p++)
		if (*p == '-')
			*p = '_';
}

enum status ingest_engine_start(struct ingest_engine *e, struct svc *svc,
				const struct ingest_spec *spec, void *app, int runners,
				struct error *err)
{
	char agent[NAME_TEXT], schema[NAME_TEXT];

	schema_of(svc, schema);
	snprintf(agent, sizeof(agent), "pulsepoint-%s/1", svc_name(svc));
	e->svc = svc;
	e->http = http_client_new(agent);
	if (!e->http)
		return error_set(err, ST_UNAVAILABLE, NULL, "memory is out");
	return runs_open(&e->runs,
			 &(struct runs_config){
				 .spec = spec,
				 .app = app,
				 .db = svc_db(svc),
				 .worker = svc_worker_db(svc),
				 .worker_conninfo = svc_worker_conninfo(svc),
				 .schema = schema,
				 .runners = runners,
			 },
			 err);
}

void ingest_engine_stop(struct ingest_engine *e)
{
	runs_close(e->runs);
	http_client_free(e->http);
}
