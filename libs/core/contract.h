/*
 * The shape of the tables that tools/protoc-gen-pulsepoint writes from proto/: methods, events,
 * field rules. Everything that must agree between HTTP, bus, access control, OpenAPI and tests
 * reads these and nothing else.
 */
#ifndef CORE_CONTRACT_H
#define CORE_CONTRACT_H

#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ProtobufCMessage;
struct ProtobufCMessageDescriptor;
struct call;
struct event_batch;

/* Least role of a method; as pulsepoint.Role in options.proto. */
enum role {
	ROLE_NONE,
	ROLE_PUBLIC,
	ROLE_VIEWER,
	ROLE_ANALYST,
	ROLE_ADMIN,
	ROLE_OPERATOR,
	ROLE_SERVICE,
};
/* "viewer" ... ; never NULL. role_from_name gives ROLE_NONE for an unknown word. */
const char *role_name(enum role r);
enum role role_from_name(const char *name);

enum field_format {
	FORMAT_NONE,
	FORMAT_UUID,
	FORMAT_EMAIL,
	FORMAT_TIMEZONE,
	FORMAT_CURRENCY,
	FORMAT_TOKEN,
	FORMAT_HOSTNAME,
	FORMAT_COUNTRY,
	FORMAT_WINDOW,
	FORMAT_URL,
};

/* Rules of one field; the array of a message is parallel to its protobuf descriptor's fields[]. */
struct field_rule {
	bool required, sensitive, in_header, has_range;
	uint32_t min_len;
	uint32_t max_len, max_items; /* the generator fills in the defaults */
	int64_t min, max;
	enum field_format format;
	const char *default_value; /* NULL: none */
	const char *doc;
};
struct message_rule {
	const struct ProtobufCMessageDescriptor *descriptor;
	const struct field_rule *fields;
	const char *doc;
};

/* Calls the typed handler in `handlers` (the service's generated struct). */
typedef enum status contract_dispatch_fn(const void *handlers, struct call *call,
					 const struct ProtobufCMessage *in,
					 struct ProtobufCMessage *out);

struct contract_method {
	const char *service; /* "auth" */
	const char *name;    /* "ListBrands" */
	const char *subject; /* "pp.rpc.auth.list_brands" */
	const struct ProtobufCMessageDescriptor *input, *output;
	const char *http_method; /* NULL: only on the bus */
	const char *http_path;
	int http_status;
	enum role role;
	const char *brand_field; /* NULL: none */
	const char *upload_field;
	const char *callers;      /* ROLE_SERVICE: who may call; "*" is all */
	const char *answer_field; /* of a stream: the part that is the whole answer; NULL: none */
	bool stream, idempotent;
	uint32_t deadline_ms, max_body; /* defaults filled in */
	const char *doc;
	contract_dispatch_fn *dispatch;
};

struct contract_event {
	const char *service; /* owner */
	const char *entity, *action;
	const char *subject; /* "pp.alert.{tenant}.{severity}.{rule_id}"; NULL: pp.evt... */
	const struct ProtobufCMessageDescriptor *message;
	const char *doc;
};

/* Calls the typed consumer slot with n messages of one tenant, oldest first. */
typedef enum status contract_consume_fn(const void *consumers, struct event_batch *batch,
					const struct ProtobufCMessage *const *messages, size_t n);

struct contract_consumer {
	const char *service; /* who consumes */
	const struct contract_event *event;
	const char *stream;  /* "evt-ingest-shopify" */
	const char *durable; /* "attribution-orders-upserted": made by the deploy step */
	const char *filter;  /* "pp.evt.*.ingest-shopify.orders.upserted" */
	contract_consume_fn *consume;
};

struct contract_service {
	const char *name, *summary;
	const struct contract_method *methods;
	size_t n_methods;
	const struct contract_event *events;
	size_t n_events;
	const struct contract_consumer *consumers;
	size_t n_consumers;
	/* Subjects of other services it may call, without those of ROLE_SERVICE (see callers). */
	const char *const *calls;
	size_t n_calls;
	bool telemetry; /* takes the request telemetry of every service */
};

/* All services, in the order of their names; generated. The edge has no .proto of its own and is
 * not in it. */
extern const struct contract_service *const contract_services[];
extern const size_t contract_services_n;
/* All messages that have rules, sorted by full protobuf name; generated. */
extern const struct message_rule contract_messages[];
extern const size_t contract_messages_n;

/* The service, method or message rule with that name; NULL when there is none. */
const struct contract_service *contract_service_find(const char *name);
const struct contract_method *contract_method_find(const struct contract_service *s,
						   const char *subject);
const struct message_rule *
contract_message_find(const struct ProtobufCMessageDescriptor *descriptor);

#endif
