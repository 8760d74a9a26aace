/*
 * Who may say and hear what on the bus, from the contract: the one place that decides it. A subject
 * that is not listed is refused by the server. Read next: nats_conf.c.
 */
#include "permissions.h"

#include "deploy.h"

#include <string.h>

/* True when `name` stands in a comma separated list, or the list is "*". */
static bool in_list(const char *list, const char *name)
{
	size_t len = strlen(name);

	if (list == NULL)
		return false;
	if (strcmp(list, "*") == 0)
		return true;
	while (*list != '\0') {
		size_t n = strcspn(list, ",");

		if (n == len && strncmp(list, name, n) == 0)
			return true;
		list += n;
		if (*list == ',')
			list++;
	}
	return false;
}

static bool may_call(const char *user, const struct contract_method *m)
{
	const struct contract_service *s = contract_service_find(user);

	if (strcmp(user, m->service) == 0)
		return false;
	if (m->role == ROLE_SERVICE)
		return in_list(m->callers, user);
	if (strcmp(user, EDGE_NAME) == 0)
		return m->http_path != NULL;
	for (size_t i = 0; s != NULL && i < s->n_calls; i++)
		if (strcmp(s->calls[i], m->subject) == 0)
			return true;
	return false;
}

static bool calls_any(const char *user, const char *callee)
{
	const struct contract_service *s = contract_service_find(callee);

	for (size_t i = 0; s != NULL && i < s->n_methods; i++)
		if (may_call(user, &s->methods[i]))
			return true;
	return false;
}

static void put_calls(const char *user, permission_fn *put, void *arg)
{
	for (size_t i = 0; i < contract_services_n; i++)
		for (size_t j = 0; j < contract_services[i]->n_methods; j++)
			if (may_call(user, &contract_services[i]->methods[j]))
				put(arg, "%s", contract_services[i]->methods[j].subject);
}

/*
 * Inboxes: a reply goes to the caller's, flow control of a stream to the callee's. The edge asks
 * every service for its statistics, the deploy user for anything.
 */
static void put_inboxes(const char *user, permission_fn *put, void *arg)
{
	for (size_t i = 0; bus_user(i) != NULL; i++) {
		const char *other = bus_user(i);

		if (strcmp(other, user) == 0)
			continue;
		if (calls_any(user, other) || calls_any(other, user) ||
		    strcmp(other, EDGE_NAME) == 0 || strcmp(other, DEPLOY_NAME) == 0)
			put(arg, "_INBOX_%s.>", other);
	}
}

static void put_consumers(const struct contract_service *s, permission_fn *put, void *arg)
{
	for (size_t i = 0; i < s->n_consumers; i++) {
		const struct contract_consumer *c = &s->consumers[i];

		put(arg, "$JS.API.CONSUMER.MSG.NEXT.%s.%s", c->stream, c->durable);
		put(arg, "$JS.ACK.%s.%s.>", c->stream, c->durable);
	}
	if (s->telemetry) {
		char durable[NAME_CAP];

		telemetry_durable(s, durable);
		put(arg, "$JS.API.CONSUMER.MSG.NEXT." OBS_STREAM ".%s", durable);
		put(arg, "$JS.ACK." OBS_STREAM ".%s.>", durable);
	}
}

static void put_events(const struct contract_service *s, permission_fn *put, void *arg)
{
	char subject[SUBJECT_CAP];

	if (s->n_events == 0)
		return;
	put(arg, "pp.evt.*.%s.>", s->name);
	for (size_t i = 0; own_subject(s, i, subject); i++)
		put(arg, "%s", subject);
	put(arg, "$JS.API.STREAM.MSG.GET.evt-%s", s->name);
}

void permissions_publish(const char *user, permission_fn *put, void *arg)
{
	const struct contract_service *s = contract_service_find(user);

	if (strcmp(user, DEPLOY_NAME) == 0) {
		put(arg, ">");
		return;
	}
	if (strcmp(user, OBSERVER_NAME) == 0) {
		put(arg, "_INBOX_%s.>", user);
		return;
	}
	put_calls(user, put, arg);
	put_inboxes(user, put, arg);
	put(arg, "pp.obs.%s", user);
	put(arg, "pp.ctl.>");
	if (strcmp(user, EDGE_NAME) == 0)
		put(arg, "$SRV.>");
	if (s == NULL)
		return;
	put(arg, "pp.dlq.%s.>", user);
	put_events(s, put, arg);
	put_consumers(s, put, arg);
}

void permissions_subscribe(const char *user, permission_fn *put, void *arg)
{
	if (strcmp(user, DEPLOY_NAME) == 0) {
		put(arg, ">");
		return;
	}
	put(arg, "_INBOX_%s.>", user);
	if (strcmp(user, OBSERVER_NAME) == 0) {
		put(arg, "pp.evt.>");
		put(arg, "pp.alert.>");
		put(arg, "pp.dlq.>");
		return;
	}
	put(arg, "pp.ctl.>");
	if (contract_service_find(user) != NULL) {
		put(arg, "pp.rpc.%s.>", user);
		put(arg, "$SRV.>");
	}
}
