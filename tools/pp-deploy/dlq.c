/*
 * `pp-deploy dlq`: dead letters are listed, handed to their consumer again, or dropped. Read next:
 * letter.c; docs/internals/svc.md tells why a replay reaches one consumer and is applied once.
 */
#include "deploy.h"
#include "letter.h"
#include "session.h"

#include "svc/headers.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define REPLAY_ID_CAP 1024
#define FILTER_CAP    (NAME_CAP + 16)

struct dlq {
	struct session ss;
	const struct options *o;
	char filter[FILTER_CAP];
	int n; /* done so far */
};

static enum status check_service(const struct options *o, char filter[FILTER_CAP],
				 struct error *err)
{
	snprintf(filter, FILTER_CAP, "pp.dlq.>");
	if (o->service == NULL)
		return ST_OK;
	if (contract_service_find(o->service) == NULL)
		return error_set(err, ST_INVALID, o->service, "is no service");
	snprintf(filter, FILTER_CAP, "pp.dlq.%s.>", o->service);
	return ST_OK;
}

/* The first letter at `from` or after it; ST_NOT_FOUND when there is none. */
static enum status next_letter(struct dlq *q, uint64_t from, struct letter *l, struct error *err)
{
	jsDirectGetMsgOptions opts;
	natsMsg *msg = NULL;
	natsStatus s;

	jsDirectGetMsgOptions_Init(&opts);
	opts.Sequence = from;
	opts.NextBySubject = q->filter;
	do
		s = js_DirectGetMsg(&msg, q->ss.js, DLQ_STREAM, NULL, &opts);
	while (s != NATS_OK && session_again(&q->ss, s, (jsErrCode)0));
	if (s == NATS_NOT_FOUND)
		return error_set(err, ST_NOT_FOUND, NULL, "there is no further dead letter");
	if (s != NATS_OK)
		return session_fail(err, DLQ_STREAM, s, (jsErrCode)0);
	if (letter_read(l, msg))
		return ST_OK;
	letter_done(l);
	return error_set(err, ST_INTERNAL, DLQ_STREAM, "holds a message that is no dead letter");
}

static enum status the_letter(struct dlq *q, struct letter *l, struct error *err)
{
	enum status st = next_letter(q, q->o->seq, l, err);

	if (st == ST_OK && l->seq == q->o->seq)
		return ST_OK;
	if (st == ST_OK)
		letter_done(l);
	if (st != ST_OK && st != ST_NOT_FOUND)
		return st;
	return error_set(err, ST_NOT_FOUND, "--seq", "there is no dead letter %" PRIu64 "%s%s",
			 q->o->seq, q->o->service ? " of " : "",
			 q->o->service ? q->o->service : "");
}

/* The payload is a tenant's: it is overwritten, not only unlinked. */
static enum status erase(struct dlq *q, uint64_t seq, struct error *err)
{
	jsErrCode code = (jsErrCode)0;
	natsStatus s = js_EraseMsg(q->ss.js, DLQ_STREAM, seq, NULL, &code);

	return s == NATS_OK ? ST_OK : session_fail(err, DLQ_STREAM, s, code);
}

/* ---- list ---- */

static enum status list(struct dlq *q, struct error *err)
{
	uint64_t from = 1;
	enum status st = ST_OK;

	while (q->n < q->o->limit) {
		struct letter l;

		st = next_letter(q, from, &l, err);
		if (st != ST_OK)
			return st == ST_NOT_FOUND ? ST_OK : st;
		letter_print(&l, stdout);
		from = l.seq + 1;
		q->n++;
		letter_done(&l);
	}
	fprintf(stderr, "pp-deploy: there may be more than %d dead letters (--limit)\n", q->n);
	return ST_OK;
}

/* ---- replay ---- */

/*
 * Published first, erased then: a run that dies in between leaves the letter, and a second replay
 * is dropped by the stream (within two minutes) or by the consumer's inbox.
 */
static enum status replay_letter(struct dlq *q, const struct letter *l, struct error *err)
{
	const struct contract_consumer *c = NULL;
	jsErrCode code = (jsErrCode)0;
	char id[REPLAY_ID_CAP];
	natsMsg *event = NULL;
	jsPubOptions opts;
	natsStatus s;
	enum status st = letter_event(l, &event, &c, err);

	if (st != ST_OK)
		return st;
	snprintf(id, sizeof(id), "replay:%" PRIu64 ":%s", l->seq, letter_header(l, HDR_EVENT_ID));
	jsPubOptions_Init(&opts);
	opts.MsgId = id;
	opts.ExpectStream = c->stream;
	s = js_PublishMsg(NULL, q->ss.js, event, &opts, &code);
	natsMsg_Destroy(event);
	if (s != NATS_OK)
		return session_fail(err, c->stream, s, code);
	st = erase(q, l->seq, err);
	if (st == ST_OK)
		q->n++;
	return st;
}

/* Those that were there at the start: what fails again comes back under a higher number. */
static enum status replay_all(struct dlq *q, struct error *err)
{
	jsStreamInfo *info = NULL;
	jsErrCode code = (jsErrCode)0;
	natsStatus s = js_GetStreamInfo(&info, q->ss.js, DLQ_STREAM, NULL, &code);
	uint64_t last, from = 1;
	enum status st = ST_OK;
	int refused = 0;

	if (s != NATS_OK)
		return session_fail(err, DLQ_STREAM, s, code);
	last = info->State.LastSeq;
	jsStreamInfo_Destroy(info);
	while (from <= last) {
		struct letter l;

		st = next_letter(q, from, &l, err);
		if (st != ST_OK)
			break;
		from = l.seq + 1;
		if (l.seq <= last)
			st = replay_letter(q, &l, err);
		if (st == ST_INVALID) {
			fprintf(stderr, "pp-deploy: dead letter %" PRIu64 " stays: %s %s\n", l.seq,
				err->field, err->detail);
			refused++;
			st = ST_OK;
		}
		letter_done(&l);
		if (st != ST_OK)
			break;
	}
	if (st == ST_NOT_FOUND)
		st = ST_OK;
	if (st == ST_OK && refused > 0)
		st = error_set(err, ST_INVALID, "--all", "%d dead letters were not replayed",
			       refused);
	return st;
}

static enum status replay_one(struct dlq *q, struct error *err)
{
	struct letter l;
	enum status st = the_letter(q, &l, err);

	if (st != ST_OK)
		return st;
	st = replay_letter(q, &l, err);
	letter_done(&l);
	return st;
}

static enum status replay(struct dlq *q, struct error *err)
{
	enum status st = q->o->all ? replay_all(q, err) : replay_one(q, err);

	if (st == ST_OK || q->n > 0)
		printf("dlq: %d replayed\n", q->n);
	return st;
}

/* ---- drop ---- */

static enum status drop(struct dlq *q, struct error *err)
{
	struct letter l;
	enum status st = the_letter(q, &l, err);

	if (st != ST_OK)
		return st;
	st = erase(q, l.seq, err);
	letter_done(&l);
	if (st == ST_OK)
		printf("dlq: 1 dropped\n");
	return st;
}

/* ---- the command ---- */

static const struct verb {
	const char *name;
	enum status (*run)(struct dlq *q, struct error *err);
	bool seq, all; /* takes these flags, and then needs one of them */
} verbs[] = {
	{ "list", list, false, false },
	{ "replay", replay, true, true },
	{ "drop", drop, true, false },
};

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

static enum status check_flags(const struct verb *v, const char *name, const struct options *o,
			       struct error *err)
{
	if (v == NULL)
		return error_set(err, ST_INVALID, name, "is not list, replay or drop");
	if (o->all && !v->all)
		return error_set(err, ST_INVALID, "--all", "goes with replay only");
	if (o->seq != 0 && !v->seq)
		return error_set(err, ST_INVALID, "--seq", "goes with replay and drop only");
	if (v->seq && (o->seq != 0) == o->all)
		return error_set(err, ST_INVALID, "--seq", "%s",
				 v->all ? "is needed, or --all instead" : "is needed");
	return ST_OK;
}

enum status command_dlq(int argc, char **argv, const struct options *o, struct error *err)
{
	const struct verb *v = find_verb(argv[0]);
	struct dlq q = { .o = o };
	char dir[PATH_MAX];
	enum status st = check_flags(v, argv[0], o, err);

	(void)argc;
	if (st == ST_OK)
		st = check_service(o, q.filter, err);
	if (st == ST_OK)
		st = secrets_open(argv[1], dir, err);
	if (st != ST_OK)
		return st;
	st = session_open(&q.ss, dir, NULL, err);
	if (st == ST_OK)
		st = v->run(&q, err);
	session_close(&q.ss);
	return st;
}
