/*
 * What the edge tells of each request it answered: the route and never the path, lengths and never
 * bodies. The runtime gathers and sends it. Read next: svc/telemetry.h, pulsepoint/telemetry.proto.
 */
#include "core/timeutil.h"
#include "edge.h"
#include "svc/telemetry.h"

#define NO_ROUTE    "(no route)"
#define OPERATOR_ID "00000000-0000-0000-0000-000000000000" /* the tenant of operators */

static uint32_t narrow(int64_t v)
{
	return v < 0 ? 0 : v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

static char *text(const char *s)
{
	return (char *)(uintptr_t)s;
}

static char *route_of(const struct exchange *x)
{
	return x->route ? arena_printf(x->arena, "%s %s", x->route->method->http_method,
				       x->route->method->http_path)
			: text(NO_ROUTE);
}

static void set_who(const struct exchange *x, Pulsepoint__RequestRow *row)
{
	if (!x->has_who)
		return;
	row->tenant_id = text(x->who.role == ROLE_OPERATOR ? OPERATOR_ID : x->who.tenant_id);
	row->user_id = text(x->who.user_id);
}

/* Of a brand that is not the caller's his events know as little as his answers. */
static bool hides_brand(enum status st)
{
	return st == ST_UNAUTHENTICATED || st == ST_DENIED || st == ST_NOT_FOUND;
}

void edge_tell(const struct exchange *x, int64_t us)
{
	Pulsepoint__RequestRow row = PULSEPOINT__REQUEST_ROW__INIT;
	struct telemetry_ids ids;

	if (x->untold)
		return;
	row.started_at = time_now_us() - (time_mono_us() - x->start_us);
	row.duration_us = narrow(us);
	row.method = route_of(x);
	row.status = text(status_name(x->outcome));
	row.http_status = narrow(x->status);
	row.request_bytes = narrow(x->bytes_in);
	row.response_bytes = narrow(x->bytes_out);
	row.request_id = text(x->call.request_id);
	row.brand_id = text(x->brand_id && !hides_brand(x->outcome) ? x->brand_id : "");
	set_who(x, &row);
	svc_telemetry_trace(&row, &ids, x->call.traceparent, mg_get_header(x->conn, "traceparent"));
	svc_telemetry_request(x->edge->svc, &row);
}
