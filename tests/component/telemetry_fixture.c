/* See telemetry_fixture.h. */
#include "component/telemetry_fixture.h"

#include "core/magic.h"
#include "core/timeutil.h"
#include "json/message.h"

#include <stdio.h>

#define PUBLISH_MS 10000

/* ---- the service ---- */

/* It verifies our token: keys, bus and database are there. */
static bool answers(void *arg)
{
	struct world *w = arg;
	Observability__V1__ListAlertRulesRequest in =
		OBSERVABILITY__V1__LIST_ALERT_RULES_REQUEST__INIT;
	char tenant[UUID_TEXT];

	uuid_v7(tenant);
	return tw_call(w, world_token(w, tenant, ROLE_ADMIN, ""), OBSERVABILITY_LIST_ALERT_RULES,
		       &in)
		       .status == ST_OK;
}

void tw_start_service(struct world *w)
{
	struct tk_env env;

	world_env(w, "observability", &env);
	tk_env_set(&env, "PP_LOG_LEVEL", "1");
	w->service = world_program(w, "observability", &env);
	if (!tk_wait_until(answers, w, WORLD_LIMIT_MS)) {
		fprintf(stderr, "observability does not answer, see %s\n", tk_proc_log(w->service));
		INVARIANT(!"observability does not answer");
	}
}

void tw_start(struct world *w)
{
	world_open(w);
	world_migrate(w, "observability");
	world_play_auth(w);
	tw_start_service(w);
}

void tw_kill(struct world *w)
{
	tk_proc_kill(w->service);
	tw_start_service(w);
}

void tw_stop(struct world *w)
{
	world_program_stop(w->service);
	world_close(w);
}

/* ---- telemetry ---- */

static ProtobufCBinaryData random_id(struct world *w, size_t len)
{
	uint8_t *data = arena_alloc(w->arena, len);

	INVARIANT(data != NULL);
	random_bytes(data, len);
	return (ProtobufCBinaryData){ len, data };
}

Pulsepoint__RequestRow *tw_row(struct world *w, const char *tenant, int n)
{
	Pulsepoint__RequestRow *row = arena_alloc(w->arena, sizeof(*row));

	INVARIANT(row != NULL);
	pulsepoint__request_row__init(row);
	row->started_at = time_now_us();
	row->duration_us = 1000;
	row->database_us = 400;
	row->tenant_id = (char *)tenant;
	row->user_id = (char *)"user-1";
	row->method = arena_printf(w->arena, "M%d", n);
	row->status = (char *)"ok";
	row->http_status = 200;
	row->request_bytes = 10;
	row->response_bytes = 20;
	row->request_id = arena_printf(w->arena, "request-%d", n);
	row->trace_id = random_id(w, 16);
	row->span_id = random_id(w, 8);
	return row;
}

void tw_page_bytes(struct world *w, const char *service, const char *id, const void *data,
		   size_t len)
{
	uint64_t seq = 0;
	const struct bus_event e = {
		.subject = arena_printf(w->arena, "pp.obs.%s", service),
		.id = id,
		.data = data,
		.len = len,
	};

	INVARIANT(bus_js_publish(world_bus(w, service), &e, 1, PUBLISH_MS, &seq) == ST_OK &&
		  seq > 0);
}

void tw_page(struct world *w, const char *service, const char *instance, uint64_t page,
	     uint64_t emitted, uint64_t dropped, Pulsepoint__RequestRow **rows, size_t n)
{
	Pulsepoint__Telemetry m = PULSEPOINT__TELEMETRY__INIT;
	char unique[UUID_TEXT];
	uint8_t *data;
	size_t len;

	m.service = (char *)service;
	m.instance = (char *)instance;
	m.page = page;
	m.emitted = emitted;
	m.dropped = dropped;
	m.rows = rows;
	m.n_rows = n;
	uuid_v7(unique);
	INVARIANT(message_pack(w->arena, &m.base, &data, &len) == ST_OK);
	/* An id of its own each time: the stream must not be what keeps doubles out. */
	tw_page_bytes(w, service, arena_strdup(w->arena, unique), data, len);
}

/* ---- calls ---- */

struct reply tw_call(struct world *w, const char *token, enum observability_method method,
		     const void *in)
{
	return world_ask(w->edge, w->arena, (struct caller){ .token = token },
			 &observability_methods[method], in);
}

const void *tw_must(struct world *w, const char *token, enum observability_method method,
		    const void *in)
{
	return world_must(tw_call(w, token, method, in), observability_methods[method].name);
}
