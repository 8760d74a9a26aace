/*
 * Consuming: fetch, group by tenant, one transaction per group with inbox rows and effect together,
 * ack after commit. A failing group is halved until the poisonous message stands alone; it is
 * retried with back-off, then dead-lettered with its reason. Read next: events.h.
 */
#include "core/log.h"
#include "core/magic.h"
#include "core/text.h"
#include "core/timeutil.h"
#include "svc/svc_priv.h"
#include "json/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONSUMER_MAGIC     0x434f4e53u
#define CONSUMER_WAIT_MS   1000
#define CONSUMER_PAUSE_US  (500 * 1000)
#define BACKOFF_FIRST_MS   100
#define BACKOFF_LAST_MS    30000
#define CONSUMER_ARENA_MAX ((size_t)256 * 1024 * 1024)
#define DLQ_PUBLISH_MS     5000
#define DLQ_VALUE_MAX      1024 /* bytes of a header that a dead letter keeps */

struct consumer_loop {
	unsigned magic;
	struct svc *svc;
	const struct contract_consumer *contract;
	struct bus_consumer *bus;
	pthread_t thread;
};

/* The messages of one tenant, in order. */
struct group {
	struct bus_msg *msgs[EVENT_BATCH_MAX];
	int n;
	char tenant_id[UUID_TEXT];
};

/*
 * A replay carries the event's id beside a Nats-Msg-Id of its own. Whoever may publish on the
 * subject may name any id: with it he can hide no events but his own, since an inbox belongs to one
 * consumer of one subject.
 */
static const char *event_id(const struct bus_msg *m)
{
	const char *id = bus_msg_header(m, HDR_EVENT_ID);

	if (!id)
		id = bus_msg_header(m, HDR_MSG_ID);
	return id ? id : "";
}

/* ---- the ends of a message ---- */

void event_settle(struct bus_msg *m, enum status (*fn)(struct bus_msg *))
{
	/* A lost ack means a redelivery, which the inbox drops. */
	(void)!fn(m);
	bus_msg_free(m);
}

void event_retry_later(struct bus_msg *m)
{
	uint64_t n = bus_js_deliveries(m);
	int ms = BACKOFF_FIRST_MS;

	for (uint64_t i = 1; i < n && ms < BACKOFF_LAST_MS; i++)
		ms *= 2;
	(void)!bus_js_nak(m, ms < BACKOFF_LAST_MS ? ms : BACKOFF_LAST_MS);
	bus_msg_free(m);
}

bool event_is_outage(enum status st)
{
	return st == ST_UNAVAILABLE || st == ST_TIMEOUT;
}

bool event_worth_another(const struct bus_msg *m, enum status st)
{
	return event_is_outage(st) ||
	       (status_verdict(st) == VERDICT_RETRY && bus_js_deliveries(m) < EVENT_DELIVERIES_MAX);
}

/* A header of the message, NULL when it is absent or longer than any of ours. */
static const char *kept_header(const struct bus_msg *m, const char *name)
{
	const char *value = bus_msg_header(m, name);

	return value && strlen(value) <= DLQ_VALUE_MAX ? value : NULL;
}

/*
 * The copy keeps the payload, the envelope, the subject and the reason, so that it can be listed
 * and replayed (pp-deploy dlq).
 */
static void dead_letter(struct consumer_loop *c, struct bus_msg *m, const char *reason)
{
	static const char *const envelope[HDR_ENVELOPE_N] = HDR_ENVELOPE;
	char subject[SVC_SUBJECT_MAX], id[SVC_SUBJECT_MAX];
	size_t len;
	const void *data = bus_msg_data(m, &len);
	struct bus_header h[3 + HDR_ENVELOPE_N] = { { HDR_REASON, reason },
						    { HDR_SUBJECT, bus_msg_subject(m) },
						    { HDR_EVENT_ID, event_id(m) } };
	struct bus_event ev = { subject, id, h, 3 + HDR_ENVELOPE_N, data, len };
	uint64_t seq = 0;

	for (int i = 0; i < HDR_ENVELOPE_N; i++)
		h[3 + i] = (struct bus_header){ envelope[i], kept_header(m, envelope[i]) };
	snprintf(subject, sizeof(subject), "pp.dlq.%s.%s", c->svc->name, c->contract->durable);
	snprintf(id, sizeof(id), "dlq:%s:%llu:%s", c->contract->durable,
		 (unsigned long long)bus_js_sequence(m), event_id(m));
	if (bus_js_publish(c->svc->bus, &ev, 1, DLQ_PUBLISH_MS, &seq) != ST_OK) {
		event_retry_later(m); /* never dropped before its copy is kept */
		return;
	}
	log_event(LOG_ERROR, "event.dead_lettered", "%s: message %llu: %s", c->contract->durable,
		  (unsigned long long)bus_js_sequence(m), reason);
	event_settle(m, bus_js_term);
}

/* ---- one transaction ---- */

static bool is_new(const struct db_tx *tx, int fresh, const char *id)
{
	for (int i = 0; i < db_rows(tx, fresh); i++)
		if (strcmp(db_str(tx, fresh, i, 0), id) == 0)
			return true;
	return false;
}

static enum status inbox(struct consumer_loop *c, struct db_tx *tx, struct arena *a,
			 const struct group *g, int *fresh, struct error *err)
{
	const char *ids[EVENT_BATCH_MAX];
	struct db_args args;

	for (int i = 0; i < g->n; i++)
		ids[i] = event_id(g->msgs[i]);
	db_args_init(&args, a);
	db_arg_text(&args, c->contract->durable);
	db_arg_text_array(&args, ids, (size_t)g->n);
	db_arg_text(&args, g->tenant_id);
	return db_exec(tx, "svc_inbox_add", &args, fresh, err);
}

static void read_meta(const struct bus_msg *m, struct event_meta *meta)
{
	const char *when = bus_msg_header(m, HDR_TIME);
	const char *actor = bus_msg_header(m, HDR_ACTOR);

	*meta = (struct event_meta){ event_id(m), actor ? actor : "",
				     bus_msg_header(m, HDR_TRACEPARENT), 0 };
	if (when && !parse_i64(when, 0, INT64_MAX, &meta->occurred_us))
		meta->occurred_us = 0;
}

/* The same event twice in one batch: a replay next to what it repeats. */
static bool stands_before(const struct group *g, int at)
{
	for (int i = 0; i < at; i++)
		if (strcmp(event_id(g->msgs[i]), event_id(g->msgs[at])) == 0)
			return true;
	return false;
}

/* Unpacks the new ones. What they say is trusted as far as the NATS permission of their publisher
 * goes. */
static enum status unpack_new(struct consumer_loop *c, struct event_batch *b, const struct group *g,
			      int fresh, const ProtobufCMessage **in, struct event_meta *meta,
			      size_t *n)
{
	*n = 0;
	for (int i = 0; i < g->n; i++) {
		ProtobufCMessage *m;
		size_t len;
		const void *data;

		if (!is_new(b->tx, fresh, event_id(g->msgs[i])) || stands_before(g, i))
			continue;
		data = bus_msg_data(g->msgs[i], &len);
		if (message_unpack(b->arena, c->contract->event->message, data, len, BUS_EVENT_MAX,
				   &m) != ST_OK)
			return error_set(b->err, ST_INVALID, NULL, "is not a %s.%s message",
					 c->contract->event->entity, c->contract->event->action);
		read_meta(g->msgs[i], &meta[*n]);
		in[(*n)++] = m;
	}
	return ST_OK;
}

static enum status apply(struct consumer_loop *c, const struct group *g, struct arena *a,
			 struct error *err)
{
	const ProtobufCMessage *in[EVENT_BATCH_MAX];
	struct event_meta meta[EVENT_BATCH_MAX];
	struct db_scope scope = { g->tenant_id, NULL };
	AUTO_TX *tx = NULL;
	struct event_batch b = { c->svc, c->svc->app, NULL, g->tenant_id, a, err, meta };
	int fresh;
	size_t n;
	enum status st;

	if (!uuid_valid(g->tenant_id))
		return error_set(err, ST_INVALID, HDR_TENANT, "is not a tenant id");
	for (int i = 0; i < g->n; i++)
		if (!*event_id(g->msgs[i]))
			return error_set(err, ST_INVALID, HDR_MSG_ID, "is missing");
	st = db_begin(&tx, c->svc->db, &scope, 0, err);
	b.tx = tx;
	if (st == ST_OK)
		st = inbox(c, tx, a, g, &fresh, err);
	if (st == ST_OK)
		st = unpack_new(c, &b, g, fresh, in, meta, &n);
	if (st == ST_OK && n > 0)
		st = c->contract->consume(c->svc->spec->consumers, &b, in, n);
	return st == ST_OK ? db_commit(tx, err) : st;
}

/* ---- a group, halved when it fails ---- */

static void finish_one(struct consumer_loop *c, struct bus_msg *m, enum status st,
		       const struct error *err)
{
	char reason[ERROR_DETAIL_MAX + ERROR_FIELD_MAX + 64];

	if (event_worth_another(m, st)) {
		event_retry_later(m);
		return;
	}
	snprintf(reason, sizeof(reason), "%s: %s %s", status_name(st), err->field, err->detail);
	for (char *p = reason; *p; p++)
		if ((unsigned char)*p < 0x20)
			*p = ' ';
	dead_letter(c, m, reason);
}

static void process(struct consumer_loop *c, const struct group *g, struct arena *a)
{
	struct error err = { 0 };
	enum status st = apply(c, g, a, &err);
	struct group half;

	if (st == ST_OK) {
		for (int i = 0; i < g->n; i++)
			event_settle(g->msgs[i], bus_js_ack);
		return;
	}
	if (g->n == 1 || event_is_outage(st)) {
		for (int i = 0; i < g->n; i++)
			finish_one(c, g->msgs[i], st, &err);
		return;
	}
	for (int part = 0; part < 2; part++) {
		int from = part ? g->n / 2 : 0, to = part ? g->n : g->n / 2;

		half = (struct group){ .n = to - from };
		memcpy(half.msgs, g->msgs + from, (size_t)half.n * sizeof(half.msgs[0]));
		memcpy(half.tenant_id, g->tenant_id, sizeof(half.tenant_id));
		process(c, &half, a); /* at most log2(EVENT_BATCH_MAX) deep */
	}
}

/* The tenant is in the subject, where NATS permissions guard it, never in the payload:
 * pp.evt.<tenant>.… */
static void subject_tenant(const struct bus_msg *m, char out[UUID_TEXT])
{
	const char *p = bus_msg_subject(m);
	size_t len;

	out[0] = '\0';
	if (strncmp(p, "pp.evt.", 7) != 0)
		return;
	p += 7;
	len = strcspn(p, ".");
	if (len < UUID_TEXT) {
		memcpy(out, p, len);
		out[len] = '\0';
	}
}

/* A replay for another consumer of the subject is not ours to see. */
static void pass_over(struct consumer_loop *c, struct bus_msg **msgs, int n)
{
	for (int i = 0; i < n; i++) {
		const char *to = bus_msg_header(msgs[i], HDR_CONSUMER);

		if (!to || strcmp(to, c->contract->durable) == 0)
			continue;
		event_settle(msgs[i], bus_js_ack);
		msgs[i] = NULL;
	}
}

static void process_batch(struct consumer_loop *c, struct bus_msg **msgs, int n, struct arena *a)
{
	struct group g;
	char tenant[UUID_TEXT];

	pass_over(c, msgs, n);
	for (int i = 0; i < n; i++) {
		if (!msgs[i])
			continue;
		g.n = 0;
		subject_tenant(msgs[i], g.tenant_id);
		for (int k = i; k < n; k++) {
			if (!msgs[k])
				continue;
			subject_tenant(msgs[k], tenant);
			if (strcmp(tenant, g.tenant_id) != 0)
				continue;
			g.msgs[g.n++] = msgs[k];
			msgs[k] = NULL;
		}
		process(c, &g, a);
		arena_reset(a);
	}
}

/* ---- the thread ---- */

static void *consumer_main(void *arg)
{
	struct consumer_loop *c = arg;
	struct arena *a = arena_new(CONSUMER_ARENA_MAX);
	struct bus_msg *msgs[EVENT_BATCH_MAX];
	int n;

	CHECK_MAGIC(c, CONSUMER_MAGIC);
	while (a && !svc_stopping(c->svc)) {
		n = 0;
		if (bus_consumer_fetch(c->bus, EVENT_BATCH_MAX, CONSUMER_WAIT_MS, msgs, &n) !=
		    ST_OK)
			svc_wait(c->svc, CONSUMER_PAUSE_US / 1000);
		if (n > 0)
			process_batch(c, msgs, n, a);
	}
	arena_free(a);
	return NULL;
}

static struct consumer_loop *start_one(struct svc *svc, const struct contract_consumer *contract)
{
	struct consumer_loop *c = calloc(1, sizeof(*c)); /* allowed: lives as long as the process */

	if (!c)
		return NULL;
	*c = (struct consumer_loop){ .magic = CONSUMER_MAGIC, .svc = svc, .contract = contract };
	if (bus_consumer_open(svc->bus, contract->stream, contract->durable, &c->bus) == ST_OK &&
	    pthread_create(&c->thread, NULL, consumer_main, c) == 0)
		return c;
	bus_consumer_close(c->bus);
	free(c);
	return NULL;
}

enum status svc__consumers_start(struct svc *svc, struct error *err)
{
	const struct contract_service *contract = svc->spec->contract;

	if (!contract || !svc->spec->consumers)
		return ST_OK;
	if (contract->n_consumers > SVC_CONSUMERS_MAX)
		return error_set(err, ST_INTERNAL, NULL, "more than %d consumers",
				 SVC_CONSUMERS_MAX);
	for (size_t i = 0; i < contract->n_consumers; i++) {
		svc->consumers[i] = start_one(svc, &contract->consumers[i]);
		if (!svc->consumers[i])
			return error_set(err, ST_UNAVAILABLE, NULL, "consumer %s does not start",
					 contract->consumers[i].durable);
		svc->n_consumers++;
	}
	return ST_OK;
}

void svc__consumers_stop(struct svc *svc)
{
	for (size_t i = 0; i < svc->n_consumers; i++) {
		pthread_join(svc->consumers[i]->thread, NULL);
		bus_consumer_close(svc->consumers[i]->bus);
		free(svc->consumers[i]);
	}
	svc->n_consumers = 0;
}
