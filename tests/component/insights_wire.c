/* What the provider writes: the Messages API's stream, event by event. See insights_turn.h. */
#include "component/insights_turn.h"

#include "core/buf.h"
#include "core/magic.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECE        11 /* bytes of a delta */
#define OUTPUT_FIRST 3  /* output tokens that message_start tells */

void turn_put(struct turn *t, const char *s)
{
	(void)!mg_write(t->c, s, strlen(s));
}

void turn_event(struct turn *t, const char *name, const char *fmt, ...)
{
	static const size_t room = 8192;
	char *data = malloc(room);
	struct buf b;
	va_list ap;

	INVARIANT(data != NULL);
	va_start(ap, fmt);
	INVARIANT(vsnprintf(data, room, fmt, ap) < (int)room);
	va_end(ap);
	buf_init(&b, 2 * room);
	buf_printf(&b, "event: %s\ndata: %s\n\n", name, data);
	turn_put(t, buf_str(&b));
	buf_done(&b);
	free(data);
}

void turn_fail(struct turn *t, int code, const char *type)
{
	char head[512];

	snprintf(head, sizeof(head),
		 "HTTP/1.1 %d Error\r\nContent-Type: application/json\r\nrequest-id: req_f%llu\r\n"
		 "retry-after: 0\r\nConnection: close\r\n\r\n"
		 "{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":\"as told\"}}",
		 code, (unsigned long long)t->number, type);
	turn_put(t, head);
}

void turn_begin(struct turn *t)
{
	char head[256];
	const struct ip_tokens *u = &t->used;
	const char *sign = t->mode == IP_BAD_USAGE ? "-" : "";

	snprintf(head, sizeof(head),
		 "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nrequest-id: req_%llu\r\n"
		 "Connection: close\r\n\r\n",
		 (unsigned long long)t->number);
	turn_put(t, head);
	turn_event(
		t, "message_start",
		"{\"type\":\"message_start\",\"message\":{\"id\":\"msg_%llu\",\"type\":\"message\","
		"\"role\":\"assistant\",\"model\":\"claude-sonnet-5\",\"content\":[],"
		"\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":%s%llu,"
		"\"cache_creation_input_tokens\":%llu,\"cache_read_input_tokens\":%llu,"
		"\"cache_creation\":{\"ephemeral_5m_input_tokens\":%llu,"
		"\"ephemeral_1h_input_tokens\":0},\"output_tokens\":%d}}}",
		(unsigned long long)t->number, sign, (unsigned long long)u->input,
		(unsigned long long)u->write_5m, (unsigned long long)u->cache_read,
		(unsigned long long)u->write_5m, OUTPUT_FIRST);
	turn_event(t, "ping", "{\"type\":\"ping\"}");
	t->output = OUTPUT_FIRST;
}

void turn_bill(struct turn *t)
{
	struct ip_provider *p = t->p;

	if (t->billed)
		return;
	t->billed = true;
	pthread_mutex_lock(&p->lock);
	p->billed.calls++;
	p->billed.input += t->used.input;
	p->billed.cache_read += t->used.cache_read;
	p->billed.write_5m += t->used.write_5m;
	p->billed.output += t->output;
	pthread_mutex_unlock(&p->lock);
}

void turn_end(struct turn *t, const char *stop)
{
	t->output += t->number % 97 + 40;
	turn_bill(t);
	turn_event(t, "message_delta",
		   "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"%s\","
		   "\"stop_sequence\":null},\"usage\":{\"output_tokens\":%llu}}",
		   stop, (unsigned long long)t->output);
	turn_event(t, "message_stop", "{\"type\":\"message_stop\"}");
}

void turn_text(struct turn *t, int index, const char *text, size_t len)
{
	turn_event(t, "content_block_start",
		   "{\"type\":\"content_block_start\",\"index\":%d,\"content_block\":{\"type\":"
		   "\"text\","
		   "\"text\":\"\"}}",
		   index);
	for (size_t i = 0; i < len; i += PIECE) {
		struct buf b;

		buf_init(&b, TURN_TEXT_MAX);
		buf_put_json(&b, text + i, len - i < PIECE ? len - i : PIECE);
		turn_event(t, "content_block_delta",
			   "{\"type\":\"content_block_delta\",\"index\":%d,\"delta\":{\"type\":"
			   "\"text_delta\",\"text\":%s}}",
			   index, buf_str(&b));
		buf_done(&b);
	}
	turn_event(t, "content_block_stop", "{\"type\":\"content_block_stop\",\"index\":%d}",
		   index);
}

void turn_tool(struct turn *t, int index, const char *name, const char *input)
{
	struct buf b;
	size_t half = strlen(input) / 2;

	turn_event(t, "content_block_start",
		   "{\"type\":\"content_block_start\",\"index\":%d,\"content_block\":{\"type\":"
		   "\"tool_use\",\"id\":\"toolu_%llu_%d\",\"name\":\"%s\",\"input\":{}}}",
		   index, (unsigned long long)t->number, index, name);
	for (int i = 0; i < 2; i++) {
		buf_init(&b, TURN_TEXT_MAX);
		buf_put_json(&b, i == 0 ? input : input + half,
			     i == 0 ? half : strlen(input) - half);
		turn_event(t, "content_block_delta",
			   "{\"type\":\"content_block_delta\",\"index\":%d,\"delta\":{\"type\":"
			   "\"input_json_delta\",\"partial_json\":%s}}",
			   index, buf_str(&b));
		buf_done(&b);
	}
	turn_event(t, "content_block_stop", "{\"type\":\"content_block_stop\",\"index\":%d}",
		   index);
}
