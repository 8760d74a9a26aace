/*
 * Asking: publish, request with one reply, reply.
 */
#include "bus/bus_priv.h"
#include "core/magic.h"

enum status bus_publish(struct bus *bus, const char *subject, const struct bus_header *h,
			int n_headers, const void *data, size_t len)
{
	return bus_send(bus, subject, NULL, h, n_headers, data, len);
}

enum status bus_request(struct bus *bus, const char *subject, const struct bus_header *h,
			int n_headers, const void *data, size_t len, int timeout_ms,
			struct bus_msg **ret)
{
	int64_t began = time_mono_us();
	natsMsg *nm, *answer = NULL;
	struct bus_msg *m;
	enum status st;

	if (timeout_ms <= 0)
		return ST_TIMEOUT;
	/* cnats would keep the request for after the reconnect; the caller is better served by
	 * knowing now. */
	if (!bus_connected(bus))
		return ST_UNAVAILABLE;
	st = bus_msg_build(subject, NULL, h, n_headers, data, len, &nm);
	if (st != ST_OK)
		return st;
	st = bus_status_of(natsConnection_RequestMsg(&answer, bus->nc, nm, timeout_ms));
	nats_discard(nm);
	if (st == ST_TIMEOUT && bus_was_denied(bus, subject, began))
		return ST_DENIED;
	if (st != ST_OK)
		return st;
	m = bus_msg_wrap(bus, answer);
	if (!m)
		return ST_INTERNAL;
	*ret = m;
	return ST_OK;
}

enum status bus_reply(struct bus *bus, const struct bus_msg *m, const struct bus_header *h,
		      int n_headers, const void *data, size_t len)
{
	const char *reply = bus_msg_reply(m);

	if (!reply)
		return ST_INVALID;
	return bus_send(bus, reply, NULL, h, n_headers, data, len);
}
