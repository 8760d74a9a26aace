/* See connect.h. */
#include "testkit/connect.h"

#define CONNECT_TRIES 4

natsStatus tk_nats_connect(natsConnection **ret, natsOptions *opts)
{
	natsStatus s = NATS_CONNECTION_AUTH_FAILED;

	for (int i = 0; i < CONNECT_TRIES && s == NATS_CONNECTION_AUTH_FAILED; i++)
		s = natsConnection_Connect(ret, opts);
	return s;
}
