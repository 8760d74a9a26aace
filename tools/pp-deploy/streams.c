/*
 * `pp-deploy streams`: JetStream streams and durable consumers, made or brought up to date.
 * Services cannot make them. Read next: permissions.c.
 */
#include "deploy.h"
#include "session.h"

#include <nats/nats.h>
#include <stdio.h>
#include <string.h>

#define SECOND_NS       1000000000LL
#define EVENT_AGE_NS    (7 * 24 * 3600 * SECOND_NS) /* as long as outbox rows live */
#define DLQ_AGE_NS      (30 * 24 * 3600 * SECOND_NS)
#define OBS_AGE_NS      (24 * 3600 * SECOND_NS) /* what nobody has taken in by then is counted lost */
#define SUBJECTS_MAX    8
#define DUPLICATES_NS   (120 * SECOND_NS)
#define ACK_WAIT_NS     (30 * SECOND_NS)
#define MAX_ACK_PENDING 1000

/* ---- streams ---- */

static enum status stream_delete(struct session *ss, const char *name, struct error *err)
{
	jsErrCode code = (jsErrCode)0;
	natsStatus s;

	do
		s = js_DeleteStream(ss->js, name, NULL, &code);
	while (s != NATS_OK && session_again(ss, s, code));
	if (s == NATS_OK || s == NATS_NOT_FOUND || code == JSStreamNotFoundErr)
		return ST_OK;
	return session_fail(err, name, s, code);
}

static enum status stream_put(struct session *ss, const char *name, const char **subjects,
			      int n_subjects, int64_t age_ns, int64_t bytes, struct error *err)
{
	jsErrCode code = (jsErrCode)0;
	jsStreamConfig cfg;
	natsStatus s;

	jsStreamConfig_Init(&cfg);
	cfg.Name = name;
	cfg.Subjects = subjects;
	cfg.SubjectsLen = n_subjects;
	cfg.Retention = js_LimitsPolicy;
	cfg.Storage = js_FileStorage;
	cfg.Discard = js_DiscardOld;
	cfg.MaxAge = age_ns;
	cfg.MaxBytes = bytes;
	cfg.Duplicates = DUPLICATES_NS;
	cfg.Replicas = ss->replicas;
	cfg.AllowDirect = strcmp(name, DLQ_STREAM) == 0; /* how dlq.c reads */
	do {
		/* Adding what is there with the same settings succeeds; with others it must be
		 * updated. */
		s = js_AddStream(NULL, ss->js, &cfg, NULL, &code);
		if (s != NATS_OK && code == JSStreamNameExistErr)
			s = js_UpdateStream(NULL, ss->js, &cfg, NULL, &code);
	} while (s != NATS_OK && session_again(ss, s, code));
	return s == NATS_OK ? ST_OK : session_fail(err, name, s, code);
}

static enum status consumer_put(struct session *ss, const char *stream, const char *durable,
				const char *filter, struct error *err)
{
	jsErrCode code = (jsErrCode)0;
	jsConsumerConfig cfg;
	natsStatus s;

	jsConsumerConfig_Init(&cfg);
	cfg.Durable = durable;
	cfg.FilterSubject = filter;
	cfg.DeliverPolicy = js_DeliverAll;
	cfg.AckPolicy = js_AckExplicit;
	cfg.AckWait = ACK_WAIT_NS;
	cfg.MaxDeliver = -1; /* the runtime counts and dead-letters */
	cfg.MaxAckPending = MAX_ACK_PENDING;
	do
		s = js_AddConsumer(NULL, ss->js, stream, &cfg, NULL, &code);
	while (s != NATS_OK && session_again(ss, s, code));
	return s == NATS_OK ? ST_OK : session_fail(err, durable, s, code);
}

/* A stream that is not of one service's events. */
static enum status shared_stream(struct session *ss, const char *name, const char *subject,
				 int64_t age_ns, int64_t bytes, bool wipe, struct error *err)
{
	const char *subjects[] = { subject };
	enum status st = wipe ? stream_delete(ss, name, err) : ST_OK;

	return st == ST_OK ? stream_put(ss, name, subjects, 1, age_ns, bytes, err) : st;
}

/* Of a service's events, wherever they are published: its relay looks for them here. */
static enum status event_stream(struct session *ss, const struct contract_service *s, bool wipe,
				struct error *err)
{
	char name[NAME_CAP], texts[SUBJECTS_MAX][SUBJECT_CAP];
	const char *subjects[SUBJECTS_MAX];
	enum status st;
	int n = 0;

	snprintf(name, sizeof(name), "evt-%s", s->name);
	snprintf(texts[n++], SUBJECT_CAP, "pp.evt.*.%s.>", s->name);
	while (n < SUBJECTS_MAX && own_subject(s, (size_t)n - 1, texts[n]))
		n++;
	for (int i = 0; i < n; i++)
		subjects[i] = texts[i];
	st = wipe ? stream_delete(ss, name, err) : ST_OK;
	return st == ST_OK ? stream_put(ss, name, subjects, n, EVENT_AGE_NS, STREAM_BYTES, err)
			   : st;
}

static enum status make_streams(struct session *ss, bool wipe, int *count, struct error *err)
{
	enum status st =
		shared_stream(ss, DLQ_STREAM, "pp.dlq.>", DLQ_AGE_NS, DLQ_BYTES, wipe, err);

	if (st == ST_OK)
		st = shared_stream(ss, OBS_STREAM, "pp.obs.>", OBS_AGE_NS, OBS_BYTES, wipe, err);
	*count = 2;
	for (size_t i = 0; st == ST_OK && i < contract_services_n; i++) {
		if (contract_services[i]->n_events == 0)
			continue;
		st = event_stream(ss, contract_services[i], wipe, err);
		(*count)++;
	}
	return st;
}

static enum status telemetry_consumer(struct session *ss, const struct contract_service *s,
				      struct error *err)
{
	char durable[NAME_CAP];

	telemetry_durable(s, durable);
	return consumer_put(ss, OBS_STREAM, durable, "pp.obs.>", err);
}

static enum status make_consumers(struct session *ss, int *count, struct error *err)
{
	enum status st = ST_OK;

	*count = 0;
	for (size_t i = 0; st == ST_OK && i < contract_services_n; i++) {
		const struct contract_service *s = contract_services[i];

		for (size_t j = 0; st == ST_OK && j < s->n_consumers; j++) {
			const struct contract_consumer *c = &s->consumers[j];

			st = consumer_put(ss, c->stream, c->durable, c->filter, err);
			(*count)++;
		}
		if (st == ST_OK && s->telemetry) {
			st = telemetry_consumer(ss, s, err);
			(*count)++;
		}
	}
	return st;
}

enum status command_streams(int argc, char **argv, const struct options *o, struct error *err)
{
	struct session ss = { .replicas = o->replicas };
	char dir[PATH_MAX];
	int streams = 0, consumers = 0;
	enum status st = secrets_open(argv[0], dir, err);

	if (st != ST_OK)
		return st;
	st = session_open(&ss, dir, argc > 1 ? argv[1] : NULL, err);
	if (st == ST_OK)
		st = make_streams(&ss, o->wipe, &streams, err);
	if (st == ST_OK)
		st = make_consumers(&ss, &consumers, err);
	session_close(&ss);
	if (st == ST_OK)
		printf("streams: %d streams, %d consumers\n", streams, consumers);
	return st;
}
