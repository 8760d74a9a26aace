/* See system_faces.h. */
#include "system/system_faces.h"

#include <stdio.h>
#include <string.h>

#define ARENA_MAX   ((size_t)64 * 1024 * 1024)
#define USERS_MAX   32
#define STREAM_TEXT ((size_t)1024 * 1024)
#define WATCH_MS    3000 /* longer than the edge holds back the head of a silent stream */

static struct suite *suite;
static struct arena *arena;
static struct bus *edge_bus, *service_bus[USERS_MAX];
static struct bus_msg *reply;

void faces_open(struct suite *s)
{
	suite = s;
	arena = arena_new(ARENA_MAX);
	if (arena == NULL || contract_services_n > USERS_MAX)
		suite_fail("no room for the bus users");
	edge_bus = suite_bus(s, EDGE_SERVICE);
	for (size_t i = 0; i < contract_services_n; i++)
		service_bus[i] = suite_bus(s, contract_services[i]->name);
}

void faces_done(void)
{
	bus_msg_free(reply);
	reply = NULL;
	bus_close(edge_bus, 1000);
	for (size_t i = 0; i < contract_services_n; i++)
		bus_close(service_bus[i], 1000);
	arena_free(arena);
}

struct bus *face_bus(const char *user)
{
	if (strcmp(user, EDGE_SERVICE) == 0)
		return edge_bus;
	for (size_t i = 0; i < contract_services_n; i++)
		if (strcmp(contract_services[i]->name, user) == 0)
			return service_bus[i];
	suite_fail("there is no bus user %s", user);
}

/* ---- who may call ---- */

static bool in_list(const char *list, const char *name)
{
	size_t n = strlen(name);

	if (list != NULL && strcmp(list, "*") == 0)
		return true;
	while (list != NULL && *list != '\0') {
		size_t len = strcspn(list, ",");

		if (len == n && strncmp(list, name, n) == 0)
			return true;
		list += len + (list[len] == ',');
	}
	return false;
}

bool may_call(const struct contract_method *m, const char *user)
{
	const struct contract_service *s = contract_service_find(user);

	if (strcmp(m->service, user) == 0)
		return false;
	if (m->role == ROLE_SERVICE)
		return in_list(m->callers, user);
	if (strcmp(user, EDGE_SERVICE) == 0)
		return m->http_path != NULL;
	for (size_t i = 0; s != NULL && i < s->n_calls; i++)
		if (strcmp(s->calls[i], m->subject) == 0)
			return true;
	return false;
}

/* The edge if there is a route, else the first service that the contract names. */
static const char *caller_of(const struct contract_method *m)
{
	if (may_call(m, EDGE_SERVICE))
		return EDGE_SERVICE;
	for (size_t i = 0; i < contract_services_n; i++)
		if (may_call(m, contract_services[i]->name))
			return contract_services[i]->name;
	suite_fail("nobody may call %s.%s", m->service, m->name);
}

/* ---- faces ---- */

/* ---- answers in parts: what comes first ---- */

static struct {
	char text[STREAM_TEXT];
	size_t len;
	bool stop;
} heard;

/* Kept as far as there is room; a stream without an end is left after its first event. */
static bool hear(void *arg, const char *data, size_t len)
{
	size_t room = sizeof(heard.text) - 1 - heard.len;

	(void)arg;
	if (len > room)
		len = room;
	memcpy(heard.text + heard.len, data, len);
	heard.len += len;
	heard.text[heard.len] = '\0';
	return !heard.stop || strstr(heard.text, "data: ") == NULL;
}

/* A stream that is only watched has no end of its own: silence is its first answer, too. */
static struct outcome stream_over_http(const struct contract_method *m, const struct shape *sh,
				       const char *token)
{
	struct http_header h[3] = { { "Accept", "text/event-stream" } };
	struct http_request q = { .method = m->http_method,
				  .headers = h,
				  .n_headers = 1,
				  .body = sh->body,
				  .body_len = sh->body != NULL ? strlen(sh->body) : 0,
				  .total_ms = m->answer_field != NULL ? SUITE_CALL_MS : WATCH_MS,
				  .max_body = HTTP_BODY_MAX };
	const struct http_sink sink = { .on_data = hear };
	struct http_response r = { 0 };
	struct error err = { 0 };
	enum status st;

	arena_reset(suite->arena);
	heard.len = 0;
	heard.text[0] = '\0';
	heard.stop = m->answer_field == NULL;
	q.url = arena_printf(suite->arena, "%s%s", suite->edge, sh->path);
	if (sh->type != NULL)
		h[q.n_headers++] = (struct http_header){ "Content-Type", sh->type };
	if (*token != '\0')
		h[q.n_headers++] =
			(struct http_header){ "Authorization",
					      arena_printf(suite->arena, "Bearer %s", token) };
	/* Without a head in that time the edge is only slow. */
	while ((st = http_stream(suite->http, &q, &sink, suite->arena, &r, &err)) != ST_OK &&
	       r.code == 0 && q.total_ms < SUITE_CALL_MS)
		q.total_ms *= 4;
	if (st != ST_OK && r.code == 0)
		suite_fail("%s.%s opens no stream: %s", m->service, m->name, err.detail);
	/* An event of failure is an answer like a status. */
	if (strstr(heard.text, "event: error\n") != NULL)
		r.code = 500;
	return (struct outcome){ r.code, heard.text, heard.len };
}

static struct outcome over_http(const struct contract_method *m, cJSON *request, const char *token)
{
	struct shape sh;
	struct http_response r;

	request_shape(request, m, &sh);
	if (m->stream) {
		struct outcome v = stream_over_http(m, &sh, token);

		shape_done(&sh);
		return v;
	}
	r = suite_send(suite, m->http_method, sh.path, token, sh.type, sh.body,
		       sh.body != NULL ? strlen(sh.body) : 0);
	shape_done(&sh);
	return (struct outcome){ r.code, r.body, r.body_len };
}

static struct outcome outcome_of(const struct bus_msg *m)
{
	const char *word = bus_msg_header(m, "Pp-Status"), *detail = bus_msg_header(m, "Pp-Detail");
	struct outcome v = { .http = word != NULL ? status_http(status_from_name(word)) : 200 };

	v.body = bus_msg_data(m, &v.len);
	if (v.http != 200 && detail != NULL)
		v = (struct outcome){ v.http, detail, strlen(detail) };
	return v;
}

/* All parts to the end, or to the first silence of a stream that is only watched. */
static struct outcome stream_over_bus(const struct contract_method *m, const struct bus_header *h,
				      int n, const uint8_t *data, size_t len)
{
	int wait_ms = m->answer_field != NULL ? SUITE_CALL_MS : WATCH_MS;
	struct outcome v = { .http = 200 };
	struct bus_msg *part = NULL;
	struct bus_call *c;
	enum status st;

	heard.len = 0;
	heard.stop = false;
	if (bus_call_open(face_bus(caller_of(m)), m->subject, h, n, data, len, &c) != ST_OK)
		suite_fail("%s.%s does not answer on the bus", m->service, m->name);
	while ((st = bus_call_next(c, wait_ms, &part)) == ST_OK && part != NULL) {
		size_t part_len;
		const char *text = bus_msg_data(part, &part_len);

		(void)hear(NULL, text, part_len);
		bus_msg_free(part);
		part = NULL;
	}
	if (st == ST_OK)
		v.http = outcome_of(bus_call_end(c)).http;
	else if (st != ST_TIMEOUT || m->answer_field != NULL)
		suite_fail("%s.%s breaks off on the bus", m->service, m->name);
	bus_call_close(c);
	v.body = heard.text;
	v.len = heard.len;
	return v;
}

static struct outcome over_bus(const struct contract_method *m, cJSON *request, const char *token)
{
	struct bus_header h[1];
	uint8_t *data;
	size_t len;
	int n = 0;

	arena_reset(arena);
	request_pack(request, m, arena, &data, &len);
	cJSON_Delete(request);
	if (*token != '\0')
		h[n++] = (struct bus_header){ "Authorization",
					      arena_printf(arena, "Bearer %s", token) };
	if (m->stream)
		return stream_over_bus(m, h, n, data, len);
	bus_msg_free(reply);
	reply = NULL;
	if (bus_request(face_bus(caller_of(m)), m->subject, h, n, data, len, FACE_CALL_MS,
			&reply) != ST_OK)
		suite_fail("%s.%s does not answer on the bus", m->service, m->name);
	return outcome_of(reply);
}

const struct face http_face = { "http", over_http }, bus_face = { "bus", over_bus };

void each_method(void (*act)(const struct face *, const struct contract_method *),
		 const struct face *face)
{
	for (size_t i = 0; i < contract_services_n; i++)
		for (size_t k = 0; k < contract_services[i]->n_methods; k++) {
			const struct contract_method *m = &contract_services[i]->methods[k];

			if (face == &bus_face || m->http_path != NULL)
				act(face, m);
		}
}
