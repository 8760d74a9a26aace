/*
 * Messages: wrapping what cnats delivers, building what we send.
 */
#include "bus/bus_priv.h"
#include "core/magic.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct bus_msg *bus_msg_wrap(struct bus *bus, natsMsg *nm)
{
	struct bus_msg *m = malloc(sizeof(*m));

	if (!m) {
		natsMsg_Destroy(nm);
		return NULL;
	}
	*m = (struct bus_msg){ .magic = BUS_MSG_MAGIC, .bus = bus, .nm = nm };
	return m;
}

void bus_msg_free(struct bus_msg *m)
{
	if (!m)
		return;
	CHECK_MAGIC(m, BUS_MSG_MAGIC);
	nats_discard(m->nm);
	m->magic = 0;
	free(m);
}

const char *bus_msg_subject(const struct bus_msg *m)
{
	CHECK_MAGIC(m, BUS_MSG_MAGIC);
	return natsMsg_GetSubject(m->nm);
}

const char *bus_msg_reply(const struct bus_msg *m)
{
	const char *reply;

	CHECK_MAGIC(m, BUS_MSG_MAGIC);
	reply = natsMsg_GetReply(m->nm);
	return reply && *reply ? reply : NULL;
}

const void *bus_msg_data(const struct bus_msg *m, size_t *len)
{
	CHECK_MAGIC(m, BUS_MSG_MAGIC);
	*len = (size_t)natsMsg_GetDataLength(m->nm);
	return natsMsg_GetData(m->nm);
}

const char *nats_header(natsMsg *nm, const char *name)
{
	const char *value = NULL;

	return natsMsgHeader_Get(nm, name, &value) == NATS_OK ? value : NULL;
}

const char *bus_msg_header(const struct bus_msg *m, const char *name)
{
	CHECK_MAGIC(m, BUS_MSG_MAGIC);
	return nats_header(m->nm, name);
}

static bool header_name_valid(const char *name)
{
	if (!name || !*name)
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && *name != '-' && *name != '_')
			return false;
	return true;
}

/*
 * An absent or empty value is not sent: cnats 3.4.1 reads the next line as the value of an empty
 * one. Line breaks in a value become blanks when cnats encodes it.
 */
static natsStatus set_headers(natsMsg *nm, const struct bus_header *h, int n)
{
	natsStatus s = NATS_OK;

	for (int i = 0; i < n && s == NATS_OK; i++) {
		if (!header_name_valid(h[i].name))
			s = NATS_INVALID_ARG;
		else if (h[i].value && *h[i].value)
			s = natsMsgHeader_Set(nm, h[i].name, h[i].value);
	}
	return s;
}

enum status bus_msg_build(const char *subject, const char *reply, const struct bus_header *h,
			  int n_headers, const void *data, size_t len, natsMsg **ret)
{
	natsMsg *nm;
	natsStatus s;

	if (!bus_subject_valid(subject, false) || (reply && !bus_subject_valid(reply, false)))
		return ST_INVALID;
	if (n_headers < 0 || n_headers > BUS_HEADERS_MAX)
		return ST_INVALID;
	if (len > BUS_PAYLOAD_MAX)
		return ST_TOO_LARGE;
	s = natsMsg_Create(&nm, subject, reply, len ? data : "", (int)len);
	if (s != NATS_OK)
		return bus_status_of(s);
	s = set_headers(nm, h, n_headers);
	if (s != NATS_OK) {
		natsMsg_Destroy(nm);
		return bus_status_of(s);
	}
	*ret = nm;
	return ST_OK;
}

enum status bus_send(struct bus *bus, const char *subject, const char *reply,
		     const struct bus_header *h, int n_headers, const void *data, size_t len)
{
	natsMsg *nm;
	enum status st = bus_msg_build(subject, reply, h, n_headers, data, len, &nm);

	if (st != ST_OK)
		return st;
	st = bus_status_of(natsConnection_PublishMsg(bus->nc, nm));
	nats_discard(nm);
	/* Here a timeout is a socket that takes nothing, not a missing answer. */
	return st == ST_TIMEOUT ? ST_UNAVAILABLE : st;
}
