/*
 * The outbox's writing end: one row per event, in the transaction that made the change. Read next:
 * relay.c, which publishes it.
 */
#include "svc/outbox.h"

#include "core/id.h"
#include "core/text.h"
#include "core/timeutil.h"
#include "svc/call.h"
#include "svc/events.h"
#include "svc/svc_priv.h"
#include "json/message.h"

#include <string.h>

struct event_origin call_origin(const struct call *call)
{
	const struct db_scope scope = call_scope(call);

	return (struct event_origin){ scope.tenant_id, call->who ? call->who->user_id : "",
				      call->traceparent };
}

struct event_origin batch_origin(const struct event_batch *b)
{
	return (struct event_origin){ b->tenant_id, b->svc->name,
				      b->meta ? b->meta[0].traceparent : NULL };
}

/*
 * The process has one runtime; outbox_put gets only a transaction, so the relay to wake is found
 * here.
 */
static _Atomic(struct svc *) the_svc;

void svc__outbox_bind(struct svc *svc)
{
	atomic_store(&the_svc, svc);
}

static void wake(void *arg)
{
	(void)arg;
	struct svc *svc = atomic_load(&the_svc);

	if (svc)
		svc_wake_relay(svc);
}

/* "Name: value" lines: the envelope of architecture.md section 3. No value holds a line break. */
static const char *envelope(struct arena *a, const struct event_origin *origin)
{
	char span[TRACEPARENT_TEXT];

	traceparent_child(origin->traceparent, span);
	return arena_printf(a,
			    HDR_TENANT ": %s\n" HDR_ACTOR ": %s\n" HDR_TIME ": %lld\n" HDR_SCHEMA
				       ": 1\n" HDR_TRACEPARENT ": %s\n",
			    origin->tenant_id,
			    svc__header_text(a, origin->actor ? origin->actor : ""),
			    (long long)time_now_us(), span);
}

/* A field of the event as a token of its subject: a text as it is, an enum as its JSON word. */
static const char *subject_field(struct arena *a, const ProtobufCMessage *m, const char *name)
{
	const ProtobufCFieldDescriptor *f =
		protobuf_c_message_descriptor_get_field_by_name(m->descriptor, name);
	int value;

	if (!f || f->type != PROTOBUF_C_TYPE_ENUM)
		return message_string_field(m, name);
	memcpy(&value, (const char *)m + f->offset, sizeof(value));
	return enum_word(a, f->descriptor, value);
}

/* "pp.alert.{tenant}.{severity}.{rule_id}" with the event's own words; pp.evt... without one. */
static const char *event_subject(struct arena *a, const struct contract_event *event,
				 const char *tenant_id, const ProtobufCMessage *m,
				 struct error *err)
{
	const char *p = event->subject;
	char *out;

	if (!p)
		return arena_printf(a, "pp.evt.%s.%s.%s.%s", tenant_id, event->service,
				    event->entity, event->action);
	out = arena_strdup(a, "");
	while (*p) {
		size_t n = strcspn(p, "{");
		const char *name, *word;

		out = arena_printf(a, "%s%.*s", out, (int)n, p);
		p += n;
		if (!*p)
			break;
		n = strcspn(++p, "}");
		name = arena_strndup(a, p, n);
		word = strcmp(name, "tenant") == 0 ? tenant_id : subject_field(a, m, name);
		if (!word || !token_valid(word)) {
			error_set(err, ST_INVALID, name, "is no token of a subject");
			return NULL;
		}
		out = arena_printf(a, "%s%s", out, word);
		p += n + (p[n] == '}');
	}
	return out;
}

static enum status add_row(struct db_tx *tx, struct arena *a, const struct contract_event *event,
			   const struct event_origin *origin, const ProtobufCMessage *m,
			   struct error *err)
{
	char id[UUID_TEXT];
	const char *subject = event_subject(a, event, origin->tenant_id, m, err);
	struct db_args args;
	uint8_t *data;
	size_t len;

	if (!subject)
		return ST_INVALID;
	if (message_pack(a, m, &data, &len) != ST_OK || len > BUS_EVENT_MAX)
		return error_set(err, ST_TOO_LARGE, NULL, "an event is larger than %d bytes",
				 BUS_EVENT_MAX);
	uuid_v7(id);
	db_args_init(&args, a);
	db_arg_text(&args, arena_printf(a, "%s:%s", event->service, id));
	db_arg_text(&args, origin->tenant_id);
	db_arg_text(&args, subject);
	db_arg_text(&args, envelope(a, origin));
	db_arg_bytes(&args, data, len);
	return db_do(tx, "svc_outbox_add", &args, err);
}

enum status outbox_put(struct db_tx *tx, const struct contract_event *event,
		       const struct event_origin *origin, const ProtobufCMessage *m,
		       struct error *err)
{
	struct arena *a;
	enum status st;

	if (!origin->tenant_id || !token_valid(origin->tenant_id))
		return error_set(err, ST_INTERNAL, NULL, "an event without a tenant");
	/* A queued transaction sends its arguments later, so their memory is the transaction's. */
	a = db_tx_arena(tx);
	if (!a)
		return error_set(err, ST_UNAVAILABLE, NULL, "the service is out of memory");
	st = add_row(tx, a, event, origin, m, err);
	if (st == ST_OK)
		db_after_commit(tx, wake, NULL);
	return st;
}
