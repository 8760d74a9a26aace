/*
 * What the tests of api-edge share: gateways beside the stack of auth_fixture.h, an HTTP client
 * that writes exactly the bytes it is given, and services played by the test. Read next:
 * edge_fixture.c, test_edge_*.c.
 */
#ifndef COMPONENT_EDGE_FIXTURE_H
#define COMPONENT_EDGE_FIXTURE_H

#include "component/auth_fixture.h"

/* ---- gateways ---- */

struct gate_proc {
	struct tk_proc *p;
	int port;
};
/* Starts api-edge on a free port with these settings (name, value, ... NULL) and waits until it
 * serves and knows auth's keys. */
void edge_spawn(struct world *w, struct gate_proc *g, const char *const *settings);
/* The same; the token of an admin of a tenant without limits, which lasts as long as the world. */
const char *edge_open(struct world *w, struct gate_proc *g, const char *const *settings);
/* SIGTERM; the exit code. */
int edge_end(struct gate_proc *g);
/* A line of /proc/<pid>/status of the gateway, in KiB. */
long edge_memory_kb(const struct gate_proc *g, const char *line);

/* ---- HTTP ---- */

#define WIRE_MAX ((size_t)8 * 1024 * 1024)
struct wire {
	int fd;
	char *buf; /* received and not yet read */
	size_t len;
};
struct answer {
	int status;       /* 0: the connection ended without a byte */
	bool whole;       /* all of it came */
	const char *head; /* status line and headers, in the arena */
	const char *body;
	size_t len;
};
/* Connects; reads fail the test after WORLD_LIMIT_MS. wire_close may be called twice. */
void wire_open(struct wire *c, int port);
/* The same for load: false when nobody listens. */
bool wire_try(struct wire *c, int port);
void wire_close(struct wire *c);
/* False when the other side is gone. */
bool wire_send(struct wire *c, const void *data, size_t len);
bool wire_puts(struct wire *c, const char *text);
/* Reads one answer; interim ones (1xx) are given as they are. `bodyless`: to HEAD. */
struct answer wire_answer(struct wire *c, struct arena *a, bool bodyless);
/* The head of an answer whose body comes in chunks, and then one chunk: its text, "" the last one,
 * NULL when the connection ended. */
struct answer wire_head(struct wire *c, struct arena *a);
const char *wire_chunk(struct wire *c, struct arena *a);
/* All that comes until the other side ends the connection; valid until wire_close. */
const char *wire_rest(struct wire *c);
/* True when the other side ends the connection without a further byte. */
bool wire_ended(struct wire *c);
/* A header's value ("" when absent), in the arena; how many times it is there. */
const char *answer_header(const struct answer *r, struct arena *a, const char *name);
int answer_count(const struct answer *r, const char *name);

/* One request as written on a connection of its own; the arena is the world's. */
struct answer edge_raw(struct world *w, int port, const char *text);
/* "GET /path" and further header lines (each ended by CRLF, or ""), a body (NULL: none). */
struct answer edge_ask(struct world *w, int port, const char *what, const char *headers,
		       const char *body);
/* The same with a Bearer token. */
struct answer edge_as(struct world *w, int port, const char *token, const char *what,
		      const char *body);
/* A string member of a JSON answer, at any depth, the first of that name; fails when it is none. */
const char *answer_text_of(struct world *w, const struct answer *r, const char *member);
void assert_header(const struct answer *r, struct arena *a, const char *name, const char *value);
/* The body is a problem document with this status, valid JSON, of the right type. */
void assert_problem(const struct answer *r, int status, const char *field);
/* As curl would: a tenant of the tier, its admin's access token; the tenant's id in `tenant`. */
const char *edge_tenant(struct world *w, int port, const char *tier, const char **tenant);

#endif
