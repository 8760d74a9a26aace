/* Rules of services, events and what they ask of each other. Read next: check_method.c,
 * check_message.c. */
#include "check.h"

#include "check_parts.h"
#include "mem.h"
#include "names.h"

#include <string.h>

/* ---- calls and consumes ---- */

/* "auth.GetBrand": splits at the last dot; false when there is no dot. */
static bool split_last(const char *s, char **head, const char **tail)
{
	const char *dot = strrchr(s, '.');

	if (dot == NULL)
		return false;
	*head = mem_copy(s, (size_t)(dot - s));
	*tail = dot + 1;
	return true;
}

static struct method *find_method(const struct model *m, const char *ref)
{
	const struct service *s;
	const char *name;
	char *service;

	if (!split_last(ref, &service, &name))
		return NULL;
	s = model_service(m, service);
	for (size_t i = 0; s != NULL && i < s->n_methods; i++)
		if (strcmp(s->methods[i].name, name) == 0)
			return &s->methods[i];
	return NULL;
}

static void resolve_calls(struct model *m, struct service *s)
{
	s->calls = mem_array(s->rule->n_calls, sizeof(struct method *));
	for (size_t i = 0; i < s->rule->n_calls; i++) {
		const char *ref = s->rule->calls[i];
		struct method *to = find_method(m, ref);

		if (to == NULL)
			model_refuse(m, s->file, s->full, "calls \"%s\", which does not exist",
				     ref);
		else if (to->service == s)
			model_refuse(m, s->file, s->full, "calls \"%s\", which is its own", ref);
		else if (to->rule->role == PULSEPOINT__ROLE__ROLE_SERVICE)
			model_refuse(m, s->file, s->full,
				     "calls \"%s\", a method of ROLE_SERVICE: that method's "
				     "`callers` names who may call it",
				     ref);
		else
			s->calls[s->n_calls++] = to;
	}
}

static void resolve_consumer(struct model *m, struct service *s, const char *ref)
{
	struct consumer *c = &s->consumers[s->n_consumers];
	const char *action, *entity;
	char *head, *publisher;

	if (!split_last(ref, &head, &action) || !split_last(head, &publisher, &entity) ||
	    (c->publisher = model_service(m, publisher)) == NULL ||
	    (c->event = service_event(c->publisher, entity, action)) == NULL) {
		model_refuse(m, s->file, s->full, "consumes \"%s\", which does not exist", ref);
		return;
	}
	if (c->event->message->event->subject[0] != '\0') {
		model_refuse(m, s->file, s->full,
			     "consumes \"%s\", whose subject does not tell it from others", ref);
		return;
	}
	c->stream = mem_printf("evt-%s", c->publisher->name);
	c->durable = mem_printf("%s-%s-%s-%s", s->name, c->publisher->name, entity, action);
	c->filter = mem_printf("pp.evt.*.%s.%s.%s", c->publisher->name, entity, action);
	c->slot = mem_printf("%s_%s_%s", c->publisher->ident, c->event->entity_ident,
			     c->event->action_ident);
	if (!name_is_token(c->durable) || !name_is_token(c->stream))
		model_refuse(m, s->file, s->full,
			     "its consumer of \"%s\" gets the name \"%s\", longer than 64", ref,
			     c->durable);
	s->n_consumers++;
}

static void resolve(struct model *m, struct service *s)
{
	resolve_calls(m, s);
	s->consumers = mem_array(s->rule->n_consumes, sizeof(*s->consumers));
	for (size_t i = 0; i < s->rule->n_consumes; i++)
		resolve_consumer(m, s, s->rule->consumes[i]);
}

/* ---- services and events ---- */

static void check_service(struct model *m, const struct service *s)
{
	if (!name_is_token(s->name))
		model_refuse(m, s->file, s->full,
			     "its name \"%s\" is not a token of [a-z0-9_-], 1 to 64 long", s->name);
	if (strcmp(s->name, EDGE_NAME) == 0)
		model_refuse(m, s->file, s->full, "the name %s is taken by the gateway", EDGE_NAME);
	if (s->summary[0] == '\0')
		model_refuse(m, s->file, s->full, "has no summary");
	if (s->index != 0)
		model_refuse(m, s->file, s->full,
			     "is the second service of its file, so whose events are in it is "
			     "unclear");
	for (size_t i = 0; i < m->n_services; i++) {
		const struct service *o = m->services[i];

		if (o != s && strcmp(o->ident, s->ident) == 0)
			model_refuse(m, s->file, s->full, "has the same name as %s", o->full);
	}
	for (size_t i = 0; i < s->n_consumers; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(s->consumers[i].durable, s->consumers[j].durable) == 0)
				model_refuse(m, s->file, s->full,
					     "has two consumers with the name \"%s\"",
					     s->consumers[i].durable);
}

/* "pp.alert.{tenant}.{field}": fields whose text or word becomes a token of the subject. */
static void check_subject(struct model *m, const struct message *msg)
{
	const char *p = msg->event->subject, *end;

	if (p[0] == '\0')
		return;
	if (strncmp(p, "pp.alert.{tenant}.", strlen("pp.alert.{tenant}.")) != 0)
		model_refuse(m, msg->file, msg->full,
			     "its subject does not begin with pp.alert.{tenant}.");
	for (p = strchr(p, '{'); p != NULL; p = strchr(end, '{')) {
		const char *name = path_brace(p, &end);
		const struct field *f = name != NULL ? message_field(msg, name) : NULL;

		if (name == NULL) {
			model_refuse(m, msg->file, msg->full, "its subject is malformed at \"%s\"",
				     p);
			return;
		}
		if (strcmp(name, "tenant") != 0 &&
		    (f == NULL || f->repeated || (!field_is_text(f) && f->enumeration == NULL)))
			model_refuse(m, msg->file, msg->full,
				     "its subject has {%s}, which is no string or enum of it",
				     name);
	}
}

static void check_event(struct model *m, struct message *msg)
{
	const Pulsepoint__EventRule *e = msg->event;

	if (e->entity[0] == '\0' || e->action[0] == '\0') {
		model_refuse(m, msg->file, msg->full, "is an event without %s",
			     e->entity[0] == '\0' ? "entity" : "action");
		return;
	}
	if (!name_is_token(e->entity) || !name_is_token(e->action))
		model_refuse(m, msg->file, msg->full,
			     "its event \"%s.%s\" is not made of tokens of [a-z0-9_-]", e->entity,
			     e->action);
	if (msg->owner == NULL) {
		model_refuse(m, msg->file, msg->full, "is an event in a file without a service");
		return;
	}
	for (size_t i = 0; i < msg->owner->n_events; i++) {
		const struct event *o = &msg->owner->events[i];

		if (o->message != msg && strcmp(o->entity_ident, name_ident(e->entity)) == 0 &&
		    strcmp(o->action_ident, name_ident(e->action)) == 0)
			model_refuse(m, msg->file, msg->full, "is the same event \"%s.%s\" as %s",
				     e->entity, e->action, o->message->full);
	}
	check_subject(m, msg);
	check_event_is_clean(m, msg, msg, msg->full);
}

void check_model(struct model *m)
{
	for (size_t i = 0; i < m->n_services; i++)
		resolve(m, m->services[i]);
	for (size_t i = 0; i < m->n_services; i++)
		check_service(m, m->services[i]);
	for (size_t i = 0; i < m->n_enums; i++)
		if (m->enums[i].file->ours)
			check_enum(m, &m->enums[i]);
	for (size_t i = 0; i < m->n_messages; i++)
		if (m->messages[i].file->ours)
			check_message(m, &m->messages[i]);
	/* What follows walks into messages and would not end in a recursive one. */
	if (m->refusals != NULL)
		return;
	for (size_t i = 0; i < m->n_messages; i++)
		if (m->messages[i].file->ours && m->messages[i].event != NULL)
			check_event(m, &m->messages[i]);
	for (size_t i = 0; i < m->n_services; i++)
		for (size_t j = 0; j < m->services[i]->n_methods; j++)
			check_method(m, &m->services[i]->methods[j]);
	check_methods_differ(m);
}
