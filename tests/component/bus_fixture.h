/*
 * What the tests of libs/bus share: a nats-server of their own that can be killed and started again
 * on its port, nkey users, gates and waits. Read next: bus_fixture.c.
 */
#ifndef COMPONENT_BUS_FIXTURE_H
#define COMPONENT_BUS_FIXTURE_H

#include "bus/bus.h"

#include <pthread.h>
#include <stdbool.h>

#define FIXTURE_WAIT_MS 60000 /* a condition that is not met by then fails the test */

#define BROKER_CONFIG_MAX 4200
struct broker {
	struct tk_nats *nats;
	char url[64], extra[4096];
};
/* Starts a nats-server of this test alone; `extra` is added to its configuration (may be NULL). */
void broker_start(struct broker *b, const char *extra);
/* SIGKILL, waits for the end. The data stays. */
void broker_kill(struct broker *b);
/* The same port and data again, with the present `extra`. */
void broker_again(struct broker *b);
void broker_stop(struct broker *b);

struct nkey_user {
	char id[64], seed_file[128];
};
/* A fresh user; its seed goes to a file. */
void nkey_make(struct nkey_user *u, const char *name);

struct bus *fixture_bus(const struct broker *b, const char *name);
/* One request of the JetStream API that must succeed, e.g. "STREAM.CREATE.x". */
void fixture_js(struct bus *bus, const char *api, const char *body);
void fixture_stream(struct bus *bus, const char *stream, const char *subjects);
/* A durable pull consumer; `more` are further members of its configuration, beginning with a comma,
 * or "". */
void fixture_consumer(struct bus *bus, const char *stream, const char *durable, const char *more);

/* Events with ids "<name>:<number>" and bodies of `len` bytes. */
#define BATCH_ID_TEXT 48
struct batch {
	struct bus_event *events;
	uint64_t *seq;
	char (*ids)[BATCH_ID_TEXT];
	size_t n;
	char *body;
};
void batch_make(struct batch *b, const char *subject, const char *name, size_t n, size_t len);
void batch_free(struct batch *b);

/* A door that threads wait at. */
struct gate {
	pthread_mutex_t mu;
	pthread_cond_t cond;
	bool open;
};
void gate_init(struct gate *g);
void gate_open(struct gate *g);
/* Waits until it is open; fails the test at the deadline. */
void gate_pass(struct gate *g);

/* Looks every few milliseconds until `cond` holds, at most FIXTURE_WAIT_MS; false when it never
 * did. */
typedef bool condition_fn(void *arg);
bool wait_for(condition_fn *cond, void *arg);

#endif
