/*
 * One request over either face of the contract: HTTP through the edge, or the method's subject on
 * the bus, as the service that may call it. Read next: system_requests.h.
 */
#ifndef SYSTEM_FACES_H
#define SYSTEM_FACES_H

#include "system/system_requests.h"

#define FACE_CALL_MS 15000

/* What came back; lives until the next request over that face. */
struct outcome {
	int http; /* the status, or what it would be over HTTP */
	const char *body;
	size_t len;
};

struct face {
	const char *name;
	/* `request` is deleted; `token` "" for none. */
	struct outcome (*call)(const struct contract_method *m, cJSON *request, const char *token);
};
extern const struct face http_face, bus_face;

/* Connects to the bus as the edge and as every service. faces_done disconnects. */
void faces_open(struct suite *s);
void faces_done(void);
/* The connection as that NATS user. */
struct bus *face_bus(const char *user);

/* What the contract says: may this NATS user call the method? (Never its own service.) */
bool may_call(const struct contract_method *m, const char *user);
/* Calls act for every method that the face has, in the order of the contract. */
void each_method(void (*act)(const struct face *, const struct contract_method *),
		 const struct face *face);

#endif
