/* See letter.h. */
#include "letter.h"

#include "core/id.h"
#include "core/text.h"
#include "core/timeutil.h"
#include "svc/headers.h"

#include <inttypes.h>
#include <string.h>

#define PREFIX    "pp.dlq."
#define NS_PER_US 1000

bool letter_read(struct letter *l, natsMsg *msg)
{
	const char *p = natsMsg_GetSubject(msg);
	size_t n;

	*l = (struct letter){ .msg = msg, .seq = natsMsg_GetSequence(msg) };
	if (p == NULL || strncmp(p, PREFIX, strlen(PREFIX)) != 0)
		return false;
	p += strlen(PREFIX);
	n = strcspn(p, ".");
	if (n >= sizeof(l->service) || p[n] != '.')
		return false;
	memcpy(l->service, p, n);
	return text_copy(l->durable, sizeof(l->durable), p + n + 1) == ST_OK;
}

void letter_done(struct letter *l)
{
	natsMsg_Destroy(l->msg);
	l->msg = NULL;
}

const char *letter_header(const struct letter *l, const char *name)
{
	const char *value = NULL;

	return natsMsgHeader_Get(l->msg, name, &value) == NATS_OK && value != NULL ? value : "";
}

static void put_word(FILE *out, const char *text)
{
	if (*text == '\0')
		fputc('-', out);
	for (; *text != '\0'; text++)
		fputc((unsigned char)*text < 0x20 || *text == 0x7f ? ' ' : *text, out);
}

void letter_print(const struct letter *l, FILE *out)
{
	char when[TIME_TEXT_MAX];

	time_format(natsMsg_GetTime(l->msg) / NS_PER_US, when);
	fprintf(out, "%" PRIu64 "\t%s\t", l->seq, when);
	put_word(out, l->service);
	fputc('\t', out);
	put_word(out, l->durable);
	fputc('\t', out);
	put_word(out, letter_header(l, HDR_TENANT));
	fputc('\t', out);
	put_word(out, letter_header(l, HDR_EVENT_ID));
	fprintf(out, "\t%d\t", natsMsg_GetDataLength(l->msg));
	put_word(out, letter_header(l, HDR_REASON));
	fputc('\n', out);
}

/* ---- the event again ---- */

bool subject_fits(const char *subject, const char *filter)
{
	for (;;) {
		size_t s = strcspn(subject, "."), f = strcspn(filter, ".");
		char tenant[UUID_TEXT];

		if (f == 1 && *filter == '*') {
			if (s >= sizeof(tenant))
				return false;
			memcpy(tenant, subject, s);
			tenant[s] = '\0';
			if (!uuid_valid(tenant))
				return false;
		} else if (s != f || strncmp(subject, filter, s) != 0) {
			return false;
		}
		if (subject[s] != filter[f])
			return false;
		if (subject[s] == '\0')
			return true;
		subject += s + 1;
		filter += f + 1;
	}
}

static const struct contract_consumer *find_consumer(const struct letter *l)
{
	const struct contract_service *s = contract_service_find(l->service);

	for (size_t i = 0; s != NULL && i < s->n_consumers; i++)
		if (strcmp(s->consumers[i].durable, l->durable) == 0)
			return &s->consumers[i];
	return NULL;
}

static natsStatus set_headers(const struct letter *l, natsMsg *event)
{
	static const char *const envelope[HDR_ENVELOPE_N] = HDR_ENVELOPE;
	natsStatus s = natsMsgHeader_Set(event, HDR_EVENT_ID, letter_header(l, HDR_EVENT_ID));

	if (s == NATS_OK)
		s = natsMsgHeader_Set(event, HDR_CONSUMER, l->durable);
	for (int i = 0; s == NATS_OK && i < HDR_ENVELOPE_N; i++) {
		const char *value = letter_header(l, envelope[i]);

		/* cnats 3.4.1 reads the next line as the value of an empty one. */
		if (*value != '\0')
			s = natsMsgHeader_Set(event, envelope[i], value);
	}
	return s;
}

enum status letter_event(const struct letter *l, natsMsg **ret,
			 const struct contract_consumer **ret_consumer, struct error *err)
{
	const struct contract_consumer *c = find_consumer(l);
	const char *subject = letter_header(l, HDR_SUBJECT);
	natsMsg *event = NULL;
	natsStatus s;

	if (c == NULL)
		return error_set(err, ST_INVALID, l->durable, "is no consumer of %s", l->service);
	if (!subject_fits(subject, c->filter))
		return error_set(err, ST_INVALID, HDR_SUBJECT, "is none that %s hears", c->durable);
	if (*letter_header(l, HDR_EVENT_ID) == '\0')
		return error_set(err, ST_INVALID, HDR_EVENT_ID, "is missing");
	s = natsMsg_Create(&event, subject, NULL, natsMsg_GetData(l->msg),
			   natsMsg_GetDataLength(l->msg));
	if (s == NATS_OK)
		s = set_headers(l, event);
	if (s != NATS_OK) {
		natsMsg_Destroy(event);
		return error_set(err, ST_UNAVAILABLE, NULL, "%s", natsStatus_GetText(s));
	}
	*ret = event;
	*ret_consumer = c;
	return ST_OK;
}
