/*
 * Bytes from the bus. The first byte picks a message type of the contract, the rest is the message.
 * What unpacks is filled with defaults and checked; what passes the check must print, and packed
 * and unpacked again it must print the same. Read next: libs/json/message_pack.c.
 */
#include "core/magic.h"
#include "core/text.h"
#include "json/message.h"

#include <string.h>

#define ARENA_MAX   ((size_t)16 << 20)
#define MESSAGE_MAX ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_same_after_packing(struct arena *a, const ProtobufCMessage *m,
				     const struct buf *text)
{
	ProtobufCMessage *back = NULL;
	struct buf again;
	uint8_t *bytes;
	size_t len;

	if (message_pack(a, m, &bytes, &len) != ST_OK ||
	    message_unpack(a, m->descriptor, bytes, len, len, &back) != ST_OK) {
		INVARIANT(arena_failed(a));
		return;
	}
	buf_init(&again, SIZE_MAX);
	INVARIANT(message_to_json(back, &again) == ST_OK);
	INVARIANT(strcmp(text->data, again.data) == 0);
	buf_done(&again);
}

/* Printing must survive what the check refuses, and then either work or leave nothing behind. */
static void check_printing(struct arena *a, const ProtobufCMessage *m)
{
	struct error err = { 0 };
	enum status checked = message_check(m, &err), printed;
	struct buf text;

	if (checked != ST_OK) {
		INVARIANT(checked == ST_INVALID && err.field[0] != '\0' && err.detail[0] != '\0');
		INVARIANT(utf8_valid(err.field, strlen(err.field)));
	}
	buf_init(&text, SIZE_MAX);
	printed = message_to_json(m, &text);
	INVARIANT(printed == ST_OK || (printed == ST_INTERNAL && text.len == 0));
	INVARIANT(checked != ST_OK || printed == ST_OK);
	if (printed == ST_OK) {
		INVARIANT(utf8_valid(text.data, text.len));
		check_same_after_packing(a, m, &text);
	}
	buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct message_rule *rule;
	ProtobufCMessage *m = NULL;
	struct arena *a;
	enum status st;

	if (size < 1)
		return 0;
	rule = &contract_messages[data[0] % contract_messages_n];
	a = arena_new(ARENA_MAX);
	INVARIANT(a != NULL);
	st = message_unpack(a, rule->descriptor, data + 1, size - 1, MESSAGE_MAX, &m);
	INVARIANT((m != NULL) == (st == ST_OK));
	INVARIANT(st == ST_OK || st == ST_INVALID || st == ST_TOO_LARGE);
	if (st == ST_OK) {
		check_printing(a, m);
		message_apply_defaults(a, m);
		if (!arena_failed(a))
			check_printing(a, m);
	}
	arena_free(a);
	return 0;
}
