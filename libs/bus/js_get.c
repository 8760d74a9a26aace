/*
 * One stored message of a stream, for the relay that wants to know whether the broker still has
 * what it acknowledged.
 */
#include "bus/bus_priv.h"
#include "core/text.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#define GET_TIMEOUT_MS  5000
#define GET_HEADERS_MAX 8192  /* decoded header block of one message */
#define ERR_NO_MESSAGE  10037 /* JSNoMessageFoundErr */
#define ERR_NO_SEQUENCE 10043 /* JSSequenceNotFoundErr */
#define JS_ID_LINE      "\r\nNats-Msg-Id:"

/* The server's base64 has the alphabet of RFC 4648 section 4 and padding; core decodes section 5.
 */
static char *decode_headers(struct arena *arena, const char *base64)
{
	size_t n = strlen(base64), len;
	char *url = arena_strdup(arena, base64), *text;
	uint8_t *raw;

	while (n > 0 && url[n - 1] == '=')
		n--;
	for (size_t i = 0; i < n; i++) {
		if (url[i] == '+')
			url[i] = '-';
		else if (url[i] == '/')
			url[i] = '_';
	}
	url[n] = '\0';
	raw = base64url_decode(arena, url, &len);
	text = raw ? arena_strndup(arena, (const char *)raw, len) : NULL;
	return arena_failed(arena) ? NULL : text;
}

static enum status id_from_headers(const char *base64, char *id, size_t cap)
{
	struct arena *arena = arena_new(GET_HEADERS_MAX * 4);
	enum status st = ST_NOT_FOUND;
	char *text = arena ? decode_headers(arena, base64) : NULL;
	char *line = text ? strstr(text, JS_ID_LINE) : NULL;
	char *end = line ? strstr(line + 2, "\r\n") : NULL;

	if (end) {
		line += sizeof(JS_ID_LINE) - 1;
		while (*line == ' ')
			line++;
		*end = '\0';
		st = text_copy(id, cap, line);
	}
	arena_free(arena);
	return st;
}

static enum status read_answer(const cJSON *root, char *id, size_t cap)
{
	const cJSON *error = cJSON_GetObjectItemCaseSensitive(root, "error");
	const cJSON *code = cJSON_GetObjectItemCaseSensitive(error, "err_code");
	const cJSON *message = cJSON_GetObjectItemCaseSensitive(root, "message");
	const cJSON *hdrs = cJSON_GetObjectItemCaseSensitive(message, "hdrs");

	if (error)
		return cJSON_IsNumber(code) && (code->valueint == ERR_NO_MESSAGE ||
						code->valueint == ERR_NO_SEQUENCE)
			       ? ST_NOT_FOUND
			       : ST_UNAVAILABLE;
	if (!message)
		return ST_UNAVAILABLE;
	return cJSON_IsString(hdrs) ? id_from_headers(hdrs->valuestring, id, cap) : ST_NOT_FOUND;
}

enum status bus_js_msg_id(struct bus *bus, const char *stream, uint64_t seq, char *id, size_t cap)
{
	char subject[BUS_SUBJECT_MAX], body[48];
	struct bus_msg *m;
	enum status st;
	const void *data;
	size_t len;
	cJSON *root;

	if (!token_valid(stream))
		return ST_INVALID;
	if (seq == 0)
		return ST_NOT_FOUND;
	snprintf(subject, sizeof(subject), "$JS.API.STREAM.MSG.GET.%s", stream);
	snprintf(body, sizeof(body), "{\"seq\":%llu}", (unsigned long long)seq);
	st = bus_request(bus, subject, NULL, 0, body, strlen(body), GET_TIMEOUT_MS, &m);
	if (st != ST_OK)
		return st == ST_TIMEOUT ? ST_UNAVAILABLE : st;
	data = bus_msg_data(m, &len);
	root = cJSON_ParseWithLength(data, len);
	st = root ? read_answer(root, id, cap) : ST_UNAVAILABLE;
	cJSON_Delete(root);
	bus_msg_free(m);
	return st;
}
