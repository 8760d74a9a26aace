/* A connection of cnats' own, for a test that speaks past libs/bus. Needs the program to link
 * cnats. */
#ifndef TESTKIT_CONNECT_H
#define TESTKIT_CONNECT_H

#include <nats/nats.h>

/*
 * natsConnection_Connect for options with a seed that is right. One signature in 256 begins with a
 * zero byte, which cnats 3.4.1 sends as none, so what is refused is signed anew, at most four
 * times. On success *ret is the caller's to destroy.
 */
natsStatus tk_nats_connect(natsConnection **ret, natsOptions *opts);

#endif
