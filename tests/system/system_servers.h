/*
 * The programs of a suite, to be killed and started again: services, the simulator, PostgreSQL with
 * all its processes, nats-server. Read next: test_kill.c.
 */
#ifndef SYSTEM_SERVERS_H
#define SYSTEM_SERVERS_H

#include "system/system_fixture.h"

#define SERVER_POSTGRES "postgres"
#define SERVER_NATS     "nats-server"

/* The number of its (first) process; 0 when it does not run. */
pid_t server_pid(struct suite *s, const char *name);
/* kill -9 of all its processes at once; returns when they are gone. */
void server_kill(struct suite *s, const char *name);
/* Starts it again with what it had stored, and returns when it listens (PostgreSQL, nats-server) or
 * was started (services). */
void server_start(struct suite *s, const char *name);

#endif
