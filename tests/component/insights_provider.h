/*
 * A provider of a model for the tests of ai-insights: it speaks the Messages API's stream and does
 * as it is told, turn by turn. Its honest answers are made of the figures in the tools' results.
 * Read next: insights_fixture.h.
 */
#ifndef COMPONENT_INSIGHTS_PROVIDER_H
#define COMPONENT_INSIGHTS_PROVIDER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum ip_mode {
	IP_HONEST,         /* asks two tools at once, then answers from their results */
	IP_INVENT,         /* one number of the first draft is made up */
	IP_INVENT_PERSIST, /* of the second, too */
	IP_INVENT_LATE,    /* looks something up for the second draft, then is honest */
	IP_PREAMBLE,       /* says something with figures before it asks another tool */
	IP_REFUSE,         /* stop_reason refusal */
	IP_REFUSE_LATE,    /* in the middle of the answer */
	IP_MAX_TOKENS,
	IP_CONTEXT,
	IP_PAUSE,      /* pause_turn in the middle of the answer, then goes on */
	IP_LOOP,       /* asks a tool, always */
	IP_MANY_TOOLS, /* asks ten at once until it may no more, then answers */
	IP_UNKNOWN_TOOL,
	IP_BAD_INPUT,   /* the input of a tool is no JSON */
	IP_WRONG_INPUT, /* ... or names a tenant */
	IP_EMPTY,       /* an answer without text */
	IP_OVERLOADED,  /* 529 */
	IP_RATE,        /* 429 */
	IP_SERVER_ERROR,
	IP_BAD_KEY,     /* 401 */
	IP_BAD_REQUEST, /* 400 */
	IP_BREAK_EARLY, /* the stream ends before any text, once; then honest */
	IP_BREAK_TEXT,  /* ... in the middle of the answer, always */
	IP_ERROR_IN_STREAM,
	IP_BAD_USAGE,   /* its counts cannot be read; whatever else it says is good */
	IP_SILENT_TEXT, /* stops writing in the middle, until ip_release */
};

struct ip_tokens {
	uint64_t calls, input, cache_read, write_5m, write_1h, output;
};

struct ip_seen {
	uint64_t requests, invented, most_parallel_results;
	unsigned held;
	bool prefix_changed;
	char prefix[17], last_invented[64];
};

struct ip_provider {
	struct mg_context *server;
	int port;
	pthread_mutex_t lock;
	pthread_cond_t released;
	enum ip_mode mode;
	uint64_t requests, broken; /* since ip_mode */
	bool hold;
	unsigned held;           /* requests that wait for ip_release */
	struct ip_tokens billed; /* since ip_fresh */
	uint64_t invented;
	char last_invented[64]; /* as written */
	bool prefix_changed;    /* tools and system were not the same bytes in all requests */
	char prefix[17];        /* a hash of them */
	uint64_t most_parallel_results; /* tool results in one message */
};

void ip_start(struct ip_provider *p);
void ip_stop(struct ip_provider *p);
void ip_fresh(struct ip_provider *p);
void ip_set(struct ip_provider *p, enum ip_mode mode);
/* Lets those go on that IP_SILENT_TEXT holds. */
void ip_release(struct ip_provider *p);
struct ip_tokens ip_billed(struct ip_provider *p);
/* What it has seen so far, read under its lock. */
struct ip_seen ip_seen(struct ip_provider *p);

#endif
