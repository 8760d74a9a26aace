/* A connection of cnats' own, for who speaks to the server past bus.h. Such a program links cnats
 * itself. Read next: docs/internals/bus.md. */
#ifndef BUS_CONNECT_H
#define BUS_CONNECT_H

#include "core/status.h"

#include <nats/nats.h>

/*
 * natsConnection_Connect for options with a seed that is right. One signature in 256 begins with a
 * zero byte, which cnats 3.4.1 sends as none, so what is refused is signed anew: only the fourth
 * refusal is told. On success *ret is the caller's to destroy.
 */
natsStatus bus_connect_signed(natsConnection **ret, natsOptions *opts) MUST_USE;

#endif
