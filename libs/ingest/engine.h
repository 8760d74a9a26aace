/*
 * What every ingest service starts and stops in the same way: its HTTP client and its run engine.
 * The service's own struct holds one of these.
 */
#ifndef INGEST_ENGINE_H
#define INGEST_ENGINE_H

#include "http/client.h"
#include "ingest/runs.h"
#include "svc/svc.h"

struct ingest_engine {
	struct svc *svc;
	struct http_client *http;
	struct runs *runs;
};

/*
 * For svc_spec.start: makes the client (user agent "pulsepoint-<service>/1") and starts `runners`
 * runner threads over the service's pools. `app` is handed to the functions of `spec`.
 */
enum status ingest_engine_start(struct ingest_engine *e, struct svc *svc,
				const struct ingest_spec *spec, void *app, int runners,
				struct error *err) MUST_USE;
/* For svc_spec.stop: hands running runs back, then closes. */
void ingest_engine_stop(struct ingest_engine *e);

#endif
