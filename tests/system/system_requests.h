/*
 * Valid requests for any method of the contract, made from the names of its fields. A new method
 * joins by itself when its fields have known names; a required field nobody knows ends the program
 * by name. Read next: system_requests.c, the table at its top.
 */
#ifndef SYSTEM_REQUESTS_H
#define SYSTEM_REQUESTS_H

#include "system/system_world.h"

/* Whose objects the requests name. */
struct objects {
	struct suite *suite;
	struct person *owner; /* signs in anew where a request needs a session to spend */
	char brand_id[UUID_TEXT], order_id[PERSON_TEXT];
	char run_ids[WORLD_PLATFORMS][UUID_TEXT];
	char question_id[UUID_TEXT], rule_id[UUID_TEXT], channel_id[UUID_TEXT];
	char reservation_id[UUID_TEXT]; /* reserved by who may, then settled */
	bool spends; /* requests will be granted: what each can use up once is made anew */
	char spare_tenant_id[UUID_TEXT]; /* may be suspended and resumed */
	char query[PERSON_TEXT];         /* a word of the brand's name */
	struct credentials credentials;
};

/* The brand's newest order, and what else the table needs, for a brand that was synced. */
void objects_find(struct suite *s, struct person *owner, const char *brand_id,
		  char run_ids[WORLD_PLATFORMS][UUID_TEXT], struct objects *ret);

/* Another webhook in the place of one that was deleted. */
void objects_new_channel(struct objects *o);
/* The request as one JSON object with all its fields. The caller deletes it. */
cJSON *request_new(struct objects *o, const struct contract_method *m);
/* True when the request must name an object of somebody: a brand, a run, a tenant. */
bool request_names_object(const struct contract_method *m);
/* True when that object is the whole tenant's: it has no brand. */
bool request_names_tenants(const struct contract_method *m);
/* Takes the fields out that could name an object but need not; true when there were any. */
bool request_without_filter(cJSON *request, const struct contract_method *m);

/* The request as HTTP has it. */
struct shape {
	char path[2048]; /* with the query */
	char *body;      /* NULL: none */
	const char *type;
};
/* Takes the request apart (it is deleted). */
void request_shape(cJSON *request, const struct contract_method *m, struct shape *ret);
void shape_done(struct shape *sh);
/* The request as the bus has it, in the arena. */
void request_pack(const cJSON *request, const struct contract_method *m, struct arena *a,
		  uint8_t **data, size_t *len);

#endif
