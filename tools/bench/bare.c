/*
 * The yardstick: the same subject, server and users on cnats alone. The responder answers on its
 * delivery thread with bytes of the right number; the callers use natsConnection_Request.
 */
#include "bench.h"

#include "bus/connect.h"
#include "contract/auth.h"

#include <nats/nats.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALL_MS    5000
#define ANSWER_MAX (512 * 1024)
#define REQUEST    "\x10\x32" /* ListBrandsRequest { page_size: 50 } */

static bool check(natsStatus s, const char *what)
{
	if (s != NATS_OK)
		fprintf(stderr, "bench: %s: %s\n", what, natsStatus_GetText(s));
	return s == NATS_OK;
}

/* With the settings that suite.sh gives to a service. */
static natsConnection *open_connection(const char *name)
{
	const char *url = getenv("PP_NATS_URL"), *user = getenv("PP_NATS_USER"),
		   *seed = getenv("PP_NATS_SEED_FILE");
	natsConnection *nc = NULL;
	natsOptions *o = NULL;
	char inbox[128];
	natsStatus s = natsOptions_Create(&o);

	snprintf(inbox, sizeof(inbox), "_INBOX_%s", name);
	if (s == NATS_OK)
		s = natsOptions_SetURL(o, url);
	if (s == NATS_OK)
		s = natsOptions_SetNKeyFromSeed(o, user, seed);
	if (s == NATS_OK)
		s = natsOptions_SetCustomInboxPrefix(o, inbox);
	if (s == NATS_OK)
		s = natsOptions_SetSendAsap(o, true);
	if (s == NATS_OK)
		s = bus_connect_signed(&nc, o);
	natsOptions_Destroy(o);
	return check(s, "connecting") ? nc : NULL;
}

/* ---- the responder ---- */

struct answer {
	char *data;
	int len;
};

static void answer_once(natsConnection *nc, natsSubscription *sub, natsMsg *m, void *arg)
{
	const struct answer *a = arg;

	(void)sub;
	(void)!check(natsConnection_Publish(nc, natsMsg_GetReply(m), a->data, a->len), "answering");
	natsMsg_Destroy(m);
}

int bench_echo(int argc, char **argv)
{
	struct answer a = { .len = (int)bench_number("BYTES", argv[1], 1, ANSWER_MAX) };
	natsConnection *nc = NULL;
	natsSubscription *sub = NULL;
	sigset_t set;
	int sig;
	bool good;

	(void)argc;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	a.data = calloc(1, (size_t)a.len);
	nc = a.data ? open_connection("auth") : NULL;
	good = nc &&
	       check(natsConnection_Subscribe(&sub, nc, auth_methods[AUTH_LIST_BRANDS].subject,
					      answer_once, &a),
		     "subscribing");
	if (good && check(natsConnection_FlushTimeout(nc, CALL_MS), "flushing")) {
		printf("READY\n");
		(void)sigwait(&set, &sig);
	}
	natsSubscription_Destroy(sub);
	natsConnection_Destroy(nc);
	nats_Close();
	free(a.data);
	return good ? 0 : 1;
}

/* ---- the callers ---- */

static bool ask_once(void *arg, int caller)
{
	natsMsg *answer = NULL;
	natsStatus s = natsConnection_Request(&answer, arg, auth_methods[AUTH_LIST_BRANDS].subject,
					      REQUEST, (int)strlen(REQUEST), CALL_MS);

	(void)caller;
	natsMsg_Destroy(answer);
	return check(s, "asking");
}

int bench_bare(int argc, char **argv)
{
	struct load l = { .callers = (int)bench_number("CALLERS", argv[1], 1, BENCH_CALLERS_MAX),
			  .seconds = (int)bench_number("SECONDS", argv[2], 1, 600),
			  .once = ask_once };
	natsConnection *nc = open_connection("api-edge");
	struct load_result r = { 0 };
	bool good;

	(void)argc;
	l.arg = nc;
	good = nc && load_run(&l, &r);
	if (good)
		load_print(&r);
	natsConnection_Destroy(nc);
	nats_Close();
	return good && r.errors == 0 ? 0 : 1;
}
