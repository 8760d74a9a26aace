/*
 * JSON-lines bodies of any length: lines are gathered into chunks, each chunk is one call, so that
 * neither side ever holds the whole body. What the owner kept stays kept: the same Idempotency-Key
 * resumes.
 */
#include "core/text.h"
#include "core/timeutil.h"
#include "edge.h"
#include "json/message.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define READ_BLOCK    65536
#define TEXT_OF(n)    #n
#define TEXT(n)       TEXT_OF(n)
#define LINE_MAX_TEXT TEXT(EDGE_LINE_MAX)

struct upload {
	struct exchange *x;
	const struct json_param *params;
	size_t n_params;
	struct buf line; /* the line being read */
	const char *lines[EDGE_CHUNK_LINES];
	size_t n_lines, bytes;
	uint64_t first_line;     /* lines before this chunk */
	uint64_t settled;        /* as the owner said last */
	ProtobufCMessage *total; /* the sums to answer with */
	struct arena *chunk;
	const char *key;
};

/* ---- fields by name: the edge knows no message type ---- */

static void *member(ProtobufCMessage *m, const char *name, ProtobufCType type)
{
	const ProtobufCFieldDescriptor *f =
		protobuf_c_message_descriptor_get_field_by_name(m->descriptor, name);

	return f && f->type == type ? (char *)m + f->offset : NULL;
}

static void set_u64(ProtobufCMessage *m, const char *name, uint64_t v)
{
	uint64_t *p = member(m, name, PROTOBUF_C_TYPE_UINT64);

	if (p)
		*p = v;
}

static void set_text(ProtobufCMessage *m, const char *name, const char *v)
{
	char **p = member(m, name, PROTOBUF_C_TYPE_STRING);

	if (p)
		*p = (char *)(uintptr_t)v;
}

static void set_lines(struct upload *u, ProtobufCMessage *m)
{
	const char *name = u->x->route->method->upload_field;
	const ProtobufCFieldDescriptor *f =
		protobuf_c_message_descriptor_get_field_by_name(m->descriptor, name);

	*(size_t *)((char *)m + f->quantifier_offset) = u->n_lines;
	*(const char ***)((char *)m + f->offset) = u->lines;
}

/* Counters of the answers add up, but for `lines`, which counts the body as a whole. */
static void add_up(struct upload *u, const ProtobufCMessage *part)
{
	for (unsigned i = 0; i < part->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &part->descriptor->fields[i];
		uint64_t v;

		if (f->type != PROTOBUF_C_TYPE_UINT64 || f->label == PROTOBUF_C_LABEL_REPEATED)
			continue;
		v = *(const uint64_t *)((const char *)part + f->offset);
		if (strcmp(f->name, "lines") == 0) {
			u->settled = v;
			set_u64(u->total, f->name, v);
		} else {
			*(uint64_t *)((char *)u->total + f->offset) += v;
		}
	}
}

static enum status send_chunk(struct upload *u, bool last)
{
	const struct contract_method *m = u->x->route->method;
	ProtobufCMessage *in = NULL, *out = NULL;
	protobuf_c_boolean *is_last;
	enum status st;

	st = message_from_json(u->chunk, m->input, NULL, 0, u->params, u->n_params, &in,
			       &u->x->err);
	if (st != ST_OK)
		return st;
	set_lines(u, in);
	set_text(in, "import_key", u->key);
	set_u64(in, "first_line", u->first_line);
	is_last = member(in, "last", PROTOBUF_C_TYPE_BOOL);
	if (is_last)
		*is_last = last;
	u->x->call.arena = u->chunk;
	u->x->call.deadline_us = time_mono_us() + (int64_t)m->deadline_ms * 1000;
	st = svc_call(&u->x->call, m, in, &out);
	u->x->call.arena = u->x->arena;
	if (st == ST_OK)
		add_up(u, out);
	u->first_line += u->n_lines;
	u->n_lines = u->bytes = 0;
	arena_reset(u->chunk);
	return st;
}

static enum status bad_line(struct upload *u, const char *why)
{
	char where[48];

	snprintf(where, sizeof(where), "lines[%llu]",
		 (unsigned long long)(u->first_line + u->n_lines + 1));
	return error_set(&u->x->err, ST_INVALID, where, "%s", why);
}

static enum status take_line(struct upload *u)
{
	size_t len = u->line.len;
	const char *s = buf_str(&u->line);

	if (len > 0 && s[len - 1] == '\r')
		len--;
	if (!utf8_valid(s, len))
		return bad_line(u, "is not valid UTF-8");
	if (memchr(s, '\0', len))
		return bad_line(u, "holds a NUL byte");
	u->lines[u->n_lines++] = arena_strndup(u->chunk, s, len);
	u->bytes += len;
	buf_reset(&u->line);
	if (u->n_lines == EDGE_CHUNK_LINES || u->bytes >= EDGE_CHUNK_BYTES)
		return send_chunk(u, false);
	return ST_OK;
}

static enum status take_block(struct upload *u, const char *data, size_t len)
{
	enum status st = ST_OK;

	while (len > 0 && st == ST_OK) {
		const char *nl = memchr(data, '\n', len);
		size_t n = nl ? (size_t)(nl - data) : len;

		buf_put(&u->line, data, n);
		/* At once: a line may be as long as the body. */
		if (u->line.failed)
			return bad_line(u, "is longer than " LINE_MAX_TEXT " bytes");
		if (nl)
			st = take_line(u);
		data += n + (nl ? 1 : 0);
		len -= n + (nl ? 1 : 0);
	}
	return st;
}

static enum status too_large(struct exchange *x)
{
	return error_set(&x->err, ST_TOO_LARGE, "body",
			 "is larger than a single import takes; split it");
}

static enum status read_blocks(struct upload *u, char *block)
{
	struct exchange *x = u->x;
	int64_t declared = x->chunked ? -1 : x->info->content_length, total = 0;
	enum status st = ST_OK;
	int got = 1;

	while (st == ST_OK && x->unread) {
		edge_watch(x, x->edge->cfg.body_ms * 1000);
		got = mg_read(x->conn, block, READ_BLOCK);
		if (edge_unwatch(x) || got < 0 || (got == 0 && total < declared))
			return edge_body_broken(x);
		total += got;
		x->bytes_in = total;
		x->unread = x->chunked ? got > 0 : total < declared;
		st = total > EDGE_UPLOAD_MAX ? too_large(x) : take_block(u, block, (size_t)got);
	}
	return st;
}

static enum status read_all(struct upload *u)
{
	char *block = arena_alloc(u->x->arena, READ_BLOCK);
	enum status st;

	if (!block)
		return error_set(&u->x->err, ST_UNAVAILABLE, NULL, "the edge is out of memory");
	if (u->x->info->content_length > EDGE_UPLOAD_MAX)
		return too_large(u->x);
	edge_ask_body(u->x);
	st = read_blocks(u, block);
	if (st == ST_OK && u->line.len > 0)
		st = take_line(u);
	return st == ST_OK ? send_chunk(u, true) : st;
}

static enum status check_query(struct exchange *x)
{
	const char *q = x->info->query_string;

	return q && *q ? error_set(&x->err, ST_INVALID, "query", "is not taken by this method")
		       : ST_OK;
}

static enum status check_type(struct exchange *x)
{
	static const char *const types[] = { "application/x-ndjson", "application/jsonl",
					     "application/x-jsonlines", "text/plain",
					     "application/octet-stream" };
	const char *type = mg_get_header(x->conn, "Content-Type");
	size_t n = type ? strcspn(type, "; ") : 0;

	for (size_t i = 0; type && i < sizeof(types) / sizeof(types[0]); i++)
		if (strlen(types[i]) == n && strncasecmp(type, types[i], n) == 0)
			return ST_OK;
	return type ? error_set(&x->err, ST_UNSUPPORTED, "Content-Type",
				"must be application/x-ndjson")
		    : ST_OK;
}

void edge_upload(struct exchange *x, const struct json_param *params, size_t n)
{
	struct upload u = { .x = x, .params = params, .n_params = n };
	struct buf body;
	enum status st = check_type(x);

	u.chunk = arena_new(EDGE_ARENA_MAX);
	u.total = message_new(x->arena, x->route->method->output);
	u.key = x->call.idempotency_key ? x->call.idempotency_key : "";
	x->call.idempotency_key = NULL; /* the owner keeps the key by line, not by request */
	buf_init(&u.line, EDGE_LINE_MAX);
	buf_init(&body, 65536);
	if (st == ST_OK)
		st = check_query(x);
	if (!u.chunk || !u.total)
		st = error_set(&x->err, ST_UNAVAILABLE, NULL, "the edge is out of memory");
	if (st == ST_OK)
		st = read_all(&u);
	if (st == ST_OK)
		st = message_to_json(u.total, &body);
	if (st == ST_OK) {
		answer_json(x, x->route->method->http_status, body.data, body.len);
	} else {
		x->close = x->close || x->unread;
		answer_problem_with(x, st, "lines_settled", u.settled);
	}
	buf_done(&body);
	buf_done(&u.line);
	arena_free(u.chunk);
}
