/*
 * Sends a message: as a stream in the provider's order of events, or whole. Output is counted while
 * it is written, and max_tokens cuts it off wherever that is. Read next: anthropic.c.
 */
#include "anthropic.h"

#include "core/timeutil.h"

#include <stdio.h>
#include <string.h>

#define PIECE_BYTES  24 /* of a delta */
#define FIRST_OUTPUT 1  /* what message_start tells of the output */
#define EVENT_MAX    ((size_t)1024 * 1024)

struct speaker {
	struct exchange *ex;
	const struct anth_speech *s;
	struct anth_billed *entry;
	struct buf b;      /* the event under way */
	struct buf blocks; /* content so far, for a whole message */
	int64_t units;     /* written */
	size_t pieces;
	size_t spoil_at; /* the piece that a stream does not send any more; 0: all are sent */
	bool gone, cut, spoilt;
	int64_t pause_us;
};

static int64_t output_of(const struct speaker *p)
{
	int64_t n = anth_tokens(p->s->r->model, p->units);

	return n > FIRST_OUTPUT ? n : FIRST_OUTPUT;
}

/* ---- events ---- */

static void begin_event(struct speaker *p, const char *type)
{
	buf_reset(&p->b);
	buf_printf(&p->b, "event: %s\ndata: {\"type\":\"%s\"", type, type);
}

static void end_event(struct speaker *p)
{
	buf_puts(&p->b, "}\n\n");
	if (!p->s->r->stream || p->gone)
		return;
	if (mg_send_chunk(p->ex->conn, p->b.data, (unsigned)p->b.len) < 0)
		p->gone = true;
}

static void put_usage(struct buf *b, const struct anth_usage *u, int64_t output)
{
	buf_printf(b,
		   "\"usage\":{\"input_tokens\":%lld,\"cache_creation_input_tokens\":%lld,"
		   "\"cache_read_input_tokens\":%lld,\"cache_creation\":{"
		   "\"ephemeral_5m_input_tokens\":%lld,\"ephemeral_1h_input_tokens\":%lld},"
		   "\"output_tokens\":%lld,\"service_tier\":\"standard\"}",
		   (long long)u->input, (long long)(u->write_5m + u->write_1h),
		   (long long)u->cache_read, (long long)u->write_5m, (long long)u->write_1h,
		   (long long)output);
}

static void put_message_head(struct buf *b, const struct anth_speech *s)
{
	/* The id of the message and of the request have nothing to do with each other. */
	buf_printf(
		b,
		"\"model\":\"%s\",\"id\":\"msg_01%s\",\"type\":\"message\",\"role\":\"assistant\"",
		s->r->model->id, s->request_id + strlen("req_01"));
}

static void start_message(struct speaker *p)
{
	begin_event(p, "message_start");
	buf_puts(&p->b, ",\"message\":{");
	put_message_head(&p->b, p->s);
	buf_puts(&p->b, ",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,");
	put_usage(&p->b, &p->s->usage, FIRST_OUTPUT);
	buf_putc(&p->b, '}');
	end_event(p);
	begin_event(p, "ping");
	end_event(p);
}

static void put_details(struct buf *b, const char *stop)
{
	if (strcmp(stop, "refusal") == 0)
		buf_puts(b, ",\"stop_details\":{\"type\":\"refusal\",\"category\":\"cyber\","
			    "\"explanation\":null}");
}

static void end_message(struct speaker *p, const char *stop)
{
	begin_event(p, "message_delta");
	buf_printf(&p->b, ",\"delta\":{\"stop_reason\":\"%s\",\"stop_sequence\":null", stop);
	put_details(&p->b, stop);
	buf_puts(&p->b, "},");
	put_usage(&p->b, &p->s->usage, output_of(p));
	end_event(p);
	begin_event(p, "message_stop");
	end_event(p);
}

/* ---- content ---- */

/* A piece ends before a character that would not fit whole. */
static size_t piece_len(const char *text)
{
	size_t n = strlen(text);

	if (n <= PIECE_BYTES)
		return n;
	for (n = PIECE_BYTES; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80;)
		n--;
	return n;
}

/* Writes `text` in deltas; `kind` and `member` name them. False when nothing more is to be written.
 */
static bool speak(struct speaker *p, size_t index, const char *kind, const char *member,
		  const char *text, struct buf *kept)
{
	while (*text != '\0') {
		size_t n = piece_len(text);
		int64_t units = p->units + anth_units(text, n);

		if (anth_tokens(p->s->r->model, units) > p->s->r->max_tokens) {
			p->cut = true;
			return false;
		}
		if (p->spoil_at > 0 && p->pieces >= p->spoil_at) {
			p->spoilt = true;
			return false;
		}
		p->units = units;
		p->pieces++;
		begin_event(p, "content_block_delta");
		buf_printf(&p->b, ",\"index\":%zu,\"delta\":{\"type\":\"%s\",\"%s\":", index, kind,
			   member);
		buf_put_json(&p->b, text, n);
		buf_putc(&p->b, '}');
		end_event(p);
		buf_put(kept, text, n);
		text += n;
		if (p->gone)
			return false;
		if (p->pause_us > 0)
			time_sleep_us(time_mono_us() + p->pause_us);
	}
	return true;
}

/* A block that is broken off has no end. */
static void stop_block(struct speaker *p, size_t index)
{
	if (p->spoilt)
		return;
	begin_event(p, "content_block_stop");
	buf_printf(&p->b, ",\"index\":%zu", index);
	end_event(p);
}

static bool text_block(struct speaker *p, size_t index, const char *text)
{
	struct buf kept;
	bool all;

	buf_init(&kept, EVENT_MAX);
	begin_event(p, "content_block_start");
	buf_printf(&p->b, ",\"index\":%zu,\"content_block\":{\"type\":\"text\",\"text\":\"\"}",
		   index);
	end_event(p);
	all = speak(p, index, "text_delta", "text", text, &kept);
	stop_block(p, index);
	buf_printf(&p->blocks, "%s{\"type\":\"text\",\"text\":", index > 0 ? "," : "");
	buf_put_json(&p->blocks, buf_str(&kept), kept.len);
	buf_putc(&p->blocks, '}');
	buf_done(&kept);
	return all;
}

static bool call_block(struct speaker *p, size_t index, const struct model_call *c)
{
	struct buf kept;
	bool all;

	buf_init(&kept, EVENT_MAX);
	begin_event(p, "content_block_start");
	buf_printf(&p->b,
		   ",\"index\":%zu,\"content_block\":{\"type\":\"tool_use\",\"id\":\"%s\","
		   "\"name\":\"%s\",\"input\":{}}",
		   index, c->id, c->name);
	end_event(p);
	begin_event(p, "content_block_delta");
	buf_printf(&p->b,
		   ",\"index\":%zu,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"\"}",
		   index);
	end_event(p);
	p->units += anth_units(c->name, strlen(c->name));
	all = speak(p, index, "input_json_delta", "partial_json", c->input, &kept);
	stop_block(p, index);
	buf_printf(&p->blocks,
		   "%s{\"type\":\"tool_use\",\"id\":\"%s\",\"name\":\"%s\",\"input\":%s}",
		   index > 0 ? "," : "", c->id, c->name, all ? buf_str(&kept) : "{}");
	buf_done(&kept);
	return all;
}

static void say_blocks(struct speaker *p)
{
	const struct model_reply *r = p->s->reply;
	size_t index = 0;
	bool on = true;

	if (r->text[0] != '\0')
		on = text_block(p, index++, r->text);
	for (size_t i = 0; on && i < r->n_calls; i++)
		on = call_block(p, index++, &r->calls[i]);
}

/* ---- the whole ---- */

static void open_stream(struct speaker *p)
{
	char date[HTTP_DATE_TEXT];
	struct buf head;

	clock_http_date(p->ex->now, date);
	buf_init(&head, 8192);
	buf_printf(&head,
		   "HTTP/1.1 200 OK\r\nDate: %s\r\nContent-Type: text/event-stream; "
		   "charset=utf-8\r\nCache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n"
		   "Connection: close\r\n",
		   date);
	buf_put(&head, p->ex->rep->headers.data, p->ex->rep->headers.len);
	buf_puts(&head, "\r\n");
	if (mg_write(p->ex->conn, head.data, head.len) < 0)
		p->gone = true;
	buf_done(&head);
	mg_disable_connection_keep_alive(p->ex->conn);
	p->ex->rep->sent = true;
}

/* How a stream ends before its time: with the provider's error, or with nothing at all. */
static void spoil(struct speaker *p)
{
	p->entry->broken_off = true;
	p->entry->stop_reason = NULL;
	/* The provider bills what it told: what message_start said. */
	p->entry->usage.output = FIRST_OUTPUT;
	if (p->s->mode.mode != MODE_ERROR_IN_STREAM)
		return;
	buf_reset(&p->b);
	buf_puts(&p->b, "event: error\ndata: ");
	anth_put_error(&p->b, "overloaded_error", "Overloaded", p->s->request_id);
	buf_puts(&p->b, "\n\n");
	if (!p->gone)
		(void)mg_send_chunk(p->ex->conn, p->b.data, (unsigned)p->b.len);
}

static void send_whole(struct speaker *p, const char *stop)
{
	struct buf *b = &p->ex->rep->body;

	web_json(p->ex->rep, 200, "{");
	put_message_head(b, p->s);
	buf_printf(b, ",\"content\":[%s],\"stop_reason\":\"%s\",\"stop_sequence\":null",
		   buf_str(&p->blocks), stop);
	put_details(b, stop);
	buf_putc(b, ',');
	put_usage(b, &p->s->usage, output_of(p));
	buf_putc(b, '}');
}

static size_t pieces_of(const struct model_reply *r)
{
	size_t bytes = strlen(r->text);

	for (size_t i = 0; i < r->n_calls; i++)
		bytes += strlen(r->calls[i].input);
	return bytes / PIECE_BYTES;
}

void anth_send(struct exchange *ex, const struct anth_speech *s, struct anth_billed *entry)
{
	struct speaker p = { .ex = ex, .s = s, .entry = entry };
	const char *stop = s->reply->stop_reason;

	buf_init(&p.b, EVENT_MAX);
	buf_init(&p.blocks, EVENT_MAX);
	if (s->mode.mode == MODE_ERROR_IN_STREAM || s->mode.mode == MODE_BREAK_OFF)
		p.spoil_at = 1 + pieces_of(s->reply) / 2;
	if (s->mode.mode == MODE_SLOW)
		p.pause_us = s->mode.delay_ms * 1000 / (int64_t)(1 + pieces_of(s->reply));
	entry->usage = s->usage;
	if (s->r->stream)
		open_stream(&p);
	start_message(&p);
	say_blocks(&p);
	/* Too short to end in its middle, a stream is still broken off before its end. */
	if (p.spoil_at > 0 && !p.gone)
		p.spoilt = true;
	if (p.cut)
		stop = "max_tokens";
	entry->usage.output = output_of(&p);
	entry->stop_reason = stop;
	if (p.spoilt) {
		spoil(&p);
	} else {
		end_message(&p, stop);
		entry->broken_off = p.gone;
	}
	if (!s->r->stream)
		send_whole(&p, stop);
	else if (!p.gone && !(p.spoilt && s->mode.mode == MODE_BREAK_OFF))
		(void)mg_send_chunk(ex->conn, "", 0);
	buf_done(&p.b);
	buf_done(&p.blocks);
}
