/*
 * Services with streamed methods, played by the test: ai-insights.Ask and
 * observability.WatchAlerts. Each stream that the gateway opens is handed to the test, which sends
 * its parts one by one. Read next: edge_player.c, test_edge_stream.c.
 */
#ifndef COMPONENT_EDGE_PLAYER_H
#define COMPONENT_EDGE_PLAYER_H

#include "component/edge_fixture.h"

#include "contract/ai_insights.h"
#include "contract/observability.h"

#define ASK      "POST /api/brands/0190a000-0000-7000-8000-000000000001/ask"
#define WATCH    "GET /api/alerts/stream"
#define QUESTION "{\"question\":\"How much?\"}"
#define SSE      "Accept: text/event-stream\r\n"

/* What becomes of a request that the gateway sends. */
enum playing {
	PLAY_HAND,   /* the test opened it with player_next and goes on by hand */
	PLAY_REFUSE, /* a plain reply: not_found, field "brand_id" */
	PLAY_FAIL,   /* a stream that ends without a part: conflict */
	PLAY_ANSWER, /* started, text, answer, end */
	PLAY_SILENT, /* text, end: never an answer */
};
void players_start(struct world *w);
void players_stop(void);
void players_play(enum playing how);

/* One stream under way, opened by PLAY_HAND. */
struct played;
/* The next one that the gateway opened; fails the test at the deadline. */
struct played *player_next(void);
/* Header of the request that opened it (""), and its last_event_id as a watcher's. */
const char *played_header(const struct played *p, const char *name);
const char *played_last_event(const struct played *p);
/* Sends a part; false when the gateway cancelled. */
bool played_ask(struct played *p, const Insights__V1__AskPart *part);
bool played_alert(struct played *p, const Observability__V1__AlertPart *part);
bool played_text(struct played *p, const char *delta);
/* Ends it with that outcome; `detail` for what is no success. Forgets it. */
void played_end(struct played *p, enum status st, const char *detail);
/* Waits until the gateway has cancelled it, then forgets it; fails at the deadline. */
void played_cancelled(struct played *p);

/* ---- the client of a stream ---- */

/* Sends a request ("POST /path") with a token, further headers and a body (NULL: none). */
void stream_send(struct world *w, struct wire *c, int port, const char *token, const char *what,
		 const char *headers, const char *body);
/* The same, and reads the head, which must be 200 text/event-stream. */
void stream_open(struct world *w, struct wire *c, int port, const char *token, const char *what,
		 const char *headers, const char *body);
/* The next chunk must be exactly this. */
void stream_expect(struct world *w, struct wire *c, const char *event);
/* The next chunk must be an `error` event with a problem of this status; its text. */
const char *stream_expect_error(struct world *w, struct wire *c, int status);
/* `event: end`, the last chunk. */
void stream_expect_end(struct world *w, struct wire *c);
/* A line of GET /metrics; -1 when it is not there. */
int64_t stream_metric(struct world *w, int port, const char *name);

#endif
