/* See connect.h. */
#include "bus/connect.h"

#define REFUSALS_MAX 4

natsStatus bus_connect_signed(natsConnection **ret, natsOptions *opts)
{
	natsStatus s = NATS_CONNECTION_AUTH_FAILED;

	for (int i = 0; i < REFUSALS_MAX && s == NATS_CONNECTION_AUTH_FAILED; i++)
		s = natsConnection_Connect(ret, opts);
	return s;
}
