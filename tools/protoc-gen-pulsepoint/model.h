/*
 * What the .proto files say, in the generator's own words: names resolved, options unpacked,
 * comments attached. model_build fills it, check_model refuses what breaks a rule, the writers only
 * read it.
 */
#ifndef GEN_MODEL_H
#define GEN_MODEL_H

#include "google/protobuf/compiler/plugin.pb-c.h"
#include "google/protobuf/descriptor.pb-c.h"
#include "pulsepoint/options.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REFUSALS_MAX   50 /* messages shown of one run */
#define STRING_MAX_LEN 1024
#define BYTES_MAX_LEN  65536
#define LIST_MAX_ITEMS 1000
#define DEADLINE_MS    10000
#define BODY_MAX       65536
#define HTTP_OK        200
#define EDGE_NAME      "api-edge"

struct file;
struct service;

struct enum_value {
	const char *name, *word; /* word: NULL when the prefix is missing */
	const char *doc;
	int number;
};
struct enumeration {
	const char *full, *prefix, *doc;
	struct file *file;
	struct enum_value *values;
	size_t n_values;
};

struct message;
struct field {
	const char *name, *doc;
	int number;
	Google__Protobuf__FieldDescriptorProto__Type type;
	bool repeated, in_oneof;
	struct message *message;           /* type message: what it is */
	struct enumeration *enumeration;   /* type enum */
	const Pulsepoint__FieldRule *rule; /* never NULL */
	const char *type_name;             /* as written, for messages to people */
};
struct message {
	const char *full, *c_type, *c_lower, *doc;
	struct file *file;
	struct field *fields; /* ascending by number, as protobuf-c keeps them */
	size_t n_fields;
	const Pulsepoint__EventRule *event; /* NULL: not an event */
	struct service *owner;              /* of an event */
	bool map_entry, has_nested_map;
	int mark; /* scratch of walks */
};

struct method {
	struct service *service;
	const char *name, *snake, *subject, *doc;
	struct message *in, *out;
	const Pulsepoint__MethodRule *rule;  /* never NULL */
	const char *http_method, *http_path; /* NULL: no route */
	int http_status;
	uint32_t deadline_ms, max_body;
	bool protobuf_streaming;
};

struct event {
	struct message *message;
	const char *entity, *action, *entity_ident, *action_ident;
};
struct consumer {
	struct service *publisher;
	struct event *event;
	const char *durable, *filter, *stream, *slot;
};
struct service {
	const char *full, *name, *summary, *doc;
	const char *ident, *upper; /* ingest_shopify, INGEST_SHOPIFY */
	struct file *file;
	size_t index;                        /* in its file */
	const Pulsepoint__ServiceRule *rule; /* never NULL */
	struct method *methods;
	size_t n_methods;
	struct event *events;
	size_t n_events;
	struct consumer *consumers; /* resolved by check_model */
	size_t n_consumers;
	struct method **calls; /* resolved by check_model */
	size_t n_calls;
};

struct file {
	const Google__Protobuf__FileDescriptorProto *d;
	bool generate; /* named on protoc's command line */
	bool ours;     /* its messages belong to the contract (not google's, not the options) */
};

struct model {
	struct file *files;
	size_t n_files;
	struct message *messages; /* all, sorted by full name */
	size_t n_messages;
	struct enumeration *enums;
	size_t n_enums;
	struct service **services; /* sorted by name */
	size_t n_services;
	char *refusals; /* NULL: none */
	size_t n_refusals;
};

/* Reads the request. What cannot be read is refused in the model. */
void model_build(struct model *m, const Google__Protobuf__Compiler__CodeGeneratorRequest *request);
struct message *model_message(const struct model *m, const char *full);
struct service *model_service(const struct model *m, const char *name);
struct field *message_field(const struct message *msg, const char *name);
struct event *service_event(const struct service *s, const char *entity, const char *action);
/* Refuses: "file: name: reason". */
void model_refuse(struct model *m, const struct file *f, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
