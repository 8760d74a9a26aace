/* The edge's own pages: health, readiness, metrics, the API's description. None of them needs a
 * token and none tells anything of a tenant. */
#include "core/timeutil.h"
#include "edge.h"
#include "json/message.h"

#include <stdio.h>
#include <string.h>

#include "contract/openapi.h"

#define READY_FOR_US  (1000 * 1000)
#define READY_WAIT_MS 1000

static const int64_t bucket_us[EDGE_BUCKETS] = { 1000,  2500,   5000,   10000,   25000,
						 50000, 100000, 250000, 1000000, INT64_MAX };

/* ---- counting ---- */

void edge_count(struct edge *e, const struct route *r, int status, int64_t us)
{
	struct route_stats *s = &e->stats[r ? r->index : router_count(e->router)];
	int class = status / 100;

	if (class < 1 || class >= EDGE_STATUS_CLASSES)
		class = 5;
	atomic_fetch_add_explicit(&s->by_class[class], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&s->total_us, (uint64_t)us, memory_order_relaxed);
	for (int i = 0; i < EDGE_BUCKETS; i++)
		if (us <= bucket_us[i]) {
			atomic_fetch_add_explicit(&s->bucket[i], 1, memory_order_relaxed);
			break;
		}
}

/* Each family of numbers is one block of text, so the routes are walked once for each. */
typedef void put_fn(struct buf *b, const struct route_stats *s, const char *method,
		    const char *path);

static void put_requests(struct buf *b, const struct route_stats *s, const char *method,
			 const char *path)
{
	for (int c = 1; c < EDGE_STATUS_CLASSES; c++) {
		uint64_t v = atomic_load(&s->by_class[c]);

		if (v > 0)
			buf_printf(b,
				   "pp_http_requests_total{method=\"%s\",route=\"%s\",status=\"%"
				   "dxx\"} %llu\n",
				   method, path, c, (unsigned long long)v);
	}
}

static void put_bucket(struct buf *b, int i, const char *method, const char *path, uint64_t sum)
{
	char le[32] = "+Inf";

	if (bucket_us[i] != INT64_MAX)
		snprintf(le, sizeof(le), "%lld.%06lld", (long long)bucket_us[i] / 1000000,
			 (long long)bucket_us[i] % 1000000);
	buf_printf(b,
		   "pp_http_request_duration_seconds_bucket{method=\"%s\",route=\"%s\",le=\"%s\"} "
		   "%llu\n",
		   method, path, le, (unsigned long long)sum);
}

static void put_durations(struct buf *b, const struct route_stats *s, const char *method,
			  const char *path)
{
	uint64_t counts[EDGE_BUCKETS], sum = 0, us = atomic_load(&s->total_us);

	for (int i = 0; i < EDGE_BUCKETS; i++) {
		counts[i] = atomic_load(&s->bucket[i]);
		sum += counts[i];
	}
	if (sum == 0)
		return;
	sum = 0;
	for (int i = 0; i < EDGE_BUCKETS; i++)
		put_bucket(b, i, method, path, sum += counts[i]);
	buf_printf(b,
		   "pp_http_request_duration_seconds_sum{method=\"%s\",route=\"%s\"} %llu.%06llu\n",
		   method, path, (unsigned long long)(us / 1000000),
		   (unsigned long long)(us % 1000000));
	buf_printf(b, "pp_http_request_duration_seconds_count{method=\"%s\",route=\"%s\"} %llu\n",
		   method, path, (unsigned long long)sum);
}

static void put_routes(struct buf *b, const struct edge *e, put_fn *put)
{
	size_t n = router_count(e->router);

	for (size_t i = 0; i < n; i++) {
		const struct contract_method *m = router_at(e->router, i)->method;

		put(b, &e->stats[i], m->http_method, m->http_path);
	}
	put(b, &e->stats[n], "any", "other");
}

static void put_number(struct buf *b, const char *name, const char *type, const char *help,
		       uint64_t v)
{
	buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n%s %llu\n", name, help, name, type, name,
		   (unsigned long long)v);
}

static void metrics(struct exchange *x)
{
	struct edge *e = x->edge;
	struct buf b;

	buf_init(&b, EDGE_RESPONSE_MAX);
	buf_puts(&b, "# HELP pp_http_requests_total Requests answered, by route and class of "
		     "status.\n# TYPE pp_http_requests_total counter\n");
	put_routes(&b, e, put_requests);
	buf_puts(&b, "# HELP pp_http_request_duration_seconds Time to answer.\n"
		     "# TYPE pp_http_request_duration_seconds histogram\n");
	put_routes(&b, e, put_durations);
	put_number(&b, "pp_http_in_flight", "gauge", "Requests being answered.",
		   (uint64_t)atomic_load(&e->in_flight));
	put_number(&b, "pp_http_limited_total", "counter",
		   "Requests refused because of their tenant's limit.", atomic_load(&e->limited));
	put_number(&b, "pp_http_streams_open", "gauge", "Answers in parts that are open.",
		   (uint64_t)atomic_load(&e->streams));
	put_number(&b, "pp_http_stream_parts_total", "counter", "Events sent in streams.",
		   atomic_load(&e->stream_parts));
	put_number(&b, "pp_http_streams_refused_total", "counter",
		   "Streams refused because PP_HTTP_STREAMS were open.",
		   atomic_load(&e->streams_refused));
	put_number(&b, "pp_bus_connected", "gauge", "1 while nats-server is connected.",
		   bus_connected(svc_bus(e->svc)));
	answer_text(x, 200, "text/plain; version=0.0.4", b.data, b.len);
	buf_done(&b);
}

/* ---- readiness: each service says for itself whether its database and access state stand ---- */

static bool service_ready(struct edge *e, const char *name)
{
	char subject[128];
	struct bus_msg *m = NULL;
	bool ready = false;
	const char *data;
	size_t len;

	snprintf(subject, sizeof(subject), "$SRV.STATS.%s", name);
	if (bus_request(svc_bus(e->svc), subject, NULL, 0, NULL, 0, READY_WAIT_MS, &m) != ST_OK)
		return false;
	data = bus_msg_data(m, &len);
	ready = data && memmem(data, len, "\"ready\":true", 12) != NULL;
	bus_msg_free(m);
	return ready;
}

/* Writes the text of the answer; true when all are ready. */
static bool ask_all(struct edge *e, char *text, size_t cap)
{
	bool all = bus_connected(svc_bus(e->svc)) && access_version(svc_access(e->svc)) > 0 &&
		   !svc_stopping(e->svc);
	struct buf b;

	buf_init(&b, cap - 64);
	buf_puts(&b, "\"services\":{");
	for (size_t i = 0; i < contract_services_n; i++) {
		bool ok = service_ready(e, contract_services[i]->name);

		buf_printf(&b, "%s\"%s\":\"%s\"", i ? "," : "", contract_services[i]->name,
			   ok ? "ready" : "not ready");
		all = all && ok;
	}
	buf_putc(&b, '}');
	snprintf(text, cap, "{\"status\":\"%s\",%s}", all ? "ready" : "not ready", buf_str(&b));
	buf_done(&b);
	return all;
}

/* True when it is the caller who has to ask: others meanwhile tell what was last known, so that a
 * service that hangs cannot hold more than one thread here. */
static bool must_ask(struct edge *e)
{
	bool mine;

	pthread_mutex_lock(&e->ready_lock);
	mine = !e->asking && (time_mono_us() - e->ready_at_us > READY_FOR_US || !e->ready ||
			      svc_stopping(e->svc));
	e->asking = e->asking || mine;
	pthread_mutex_unlock(&e->ready_lock);
	return mine;
}

static void readiness(struct exchange *x)
{
	struct edge *e = x->edge;
	char text[sizeof(e->ready_text)];
	bool ready;

	if (must_ask(e)) {
		ready = ask_all(e, text, sizeof(text));
		pthread_mutex_lock(&e->ready_lock);
		e->ready = ready;
		e->asking = false;
		e->ready_at_us = time_mono_us();
		memcpy(e->ready_text, text, sizeof(text));
	} else {
		pthread_mutex_lock(&e->ready_lock);
		ready = e->ready;
		memcpy(text, e->ready_text, sizeof(text));
	}
	pthread_mutex_unlock(&e->ready_lock);
	if (!text[0])
		snprintf(text, sizeof(text), "{\"status\":\"not ready\",\"services\":{}}");
	answer_text(x, ready ? 200 : 503, "application/json", text, strlen(text));
}

/* ---- the API for people ---- */

static void put_html(struct buf *b, const char *s)
{
	for (; s && *s; s++) {
		if (*s == '<')
			buf_puts(b, "&lt;");
		else if (*s == '&')
			buf_puts(b, "&amp;");
		else
			buf_putc(b, *s);
	}
}

/* `f` NULL: there is no rule. `after` stands behind the name. */
static void put_field(struct buf *b, const char *name, const char *after,
		      const struct field_rule *f)
{
	buf_printf(b, "<li><code>%s</code>%s%s", name, after,
		   f && f->required ? " <em>required</em>" : "");
	if (f && f->default_value)
		buf_printf(b, " default <code>%s</code>", f->default_value);
	if (f && f->doc && *f->doc) {
		buf_puts(b, " ");
		put_html(b, f->doc);
	}
	buf_puts(b, "</li>");
}

static void put_fields(struct buf *b, const ProtobufCMessageDescriptor *d)
{
	const struct message_rule *rule = contract_message_find(d);

	for (unsigned i = 0; i < d->n_fields; i++) {
		const struct field_rule *f = rule ? &rule->fields[i] : NULL;
		bool list = d->fields[i].label == PROTOBUF_C_LABEL_REPEATED;

		if (!f || !f->in_header)
			put_field(b, d->fields[i].name, list ? "[]" : "", f);
	}
}

static void put_method(struct buf *b, const struct contract_method *m)
{
	const struct field_rule *last = edge_last_event(m);

	buf_printf(b, "<section><h3><b>%s</b> %s <small>%s</small></h3><p>", m->http_method,
		   m->http_path, role_name(m->role));
	put_html(b, m->doc);
	buf_puts(b, "</p><div class=c><div><h4>Takes</h4><ul>");
	put_fields(b, m->input);
	if (last)
		put_field(b, EDGE_LAST_EVENT, " <em>header</em>", last);
	buf_printf(b, "</ul></div><div><h4>Answers %d</h4><ul>", m->http_status);
	put_fields(b, m->output);
	buf_puts(b, "</ul></div></div></section>");
}

static void docs(struct exchange *x)
{
	static const char head[] =
		"<!doctype html><html lang=en><meta charset=utf-8><title>Pulsepoint API</title>"
		"<meta name=viewport content='width=device-width'><style>"
		":root{color-scheme:light dark}body{font:16px/1.5 "
		"system-ui,sans-serif;max-width:60rem;margin:3rem auto;padding:0 1rem}"
		"h2{margin-top:3rem;border-bottom:2px solid "
		"#4a6cf7}h3{font-family:ui-monospace,monospace;font-size:1rem}"
		"h3 b{color:#4a6cf7}small{opacity:.6;font-weight:400}section{margin:1.5rem "
		"0;padding:.5rem 1rem;border:1px solid #8884;border-radius:.5rem}"
		".c{display:flex;gap:2rem;flex-wrap:wrap}.c "
		"div{flex:1;min-width:16rem}h4{margin:.2rem "
		"0;opacity:.6}ul{padding-left:1rem;margin:.2rem 0}</style>"
		"<h1>Pulsepoint API</h1><p>The machine-readable form is <a "
		"href=/openapi.json>/openapi.json</a> (OpenAPI 3.1). "
		"Errors are problem documents (RFC 9457) that name the field and the reason.</p>";
	struct buf b;

	buf_init(&b, EDGE_RESPONSE_MAX);
	buf_puts(&b, head);
	for (size_t i = 0; i < contract_services_n; i++) {
		const struct contract_service *s = contract_services[i];

		buf_printf(&b, "<h2>%s</h2><p>", s->name);
		put_html(&b, s->summary);
		buf_puts(&b, "</p>");
		for (size_t k = 0; k < s->n_methods; k++)
			if (s->methods[k].http_path)
				put_method(&b, &s->methods[k]);
	}
	buf_puts(&b, "</html>");
	answer_text(x, 200, "text/html; charset=utf-8", b.data, b.len);
	buf_done(&b);
}

static void openapi(struct exchange *x)
{
	answer_json(x, 200, contract_openapi, contract_openapi_len);
}

static void alive(struct exchange *x)
{
	answer_text(x, 200, "application/json", "{\"status\":\"ok\"}", 15);
}

struct page {
	const char *path;
	void (*show)(struct exchange *x);
};
static const struct page pages[] = {
	{ "/health", readiness },     { "/healthz", alive }, { "/readyz", readiness },
	{ "/metrics", metrics },      { "/docs", docs },     { "/redoc", docs },
	{ "/openapi.json", openapi },
};

bool edge_page(struct exchange *x, const char *path)
{
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		if (strcmp(pages[i].path, path) != 0)
			continue;
		if (strcmp(x->method, "GET") == 0) {
			pages[i].show(x);
		} else {
			x->allow = "GET, HEAD, OPTIONS";
			error_set(&x->err, ST_NOT_ALLOWED, NULL,
				  "only GET and HEAD are taken here");
			answer_problem(x, ST_NOT_ALLOWED);
		}
		return true;
	}
	return false;
}
