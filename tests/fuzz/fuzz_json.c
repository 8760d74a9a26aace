/*
 * JSON from outside. The first byte picks a message type of the contract, the rest is the body.
 * What is refused must say why; what is taken must keep the contract's rules, and printed and
 * parsed again it must be the same. Read next: libs/json/guard.c.
 */
#include "core/magic.h"
#include "core/text.h"
#include "json/guard.h"
#include "json/message.h"

#include <string.h>

#define ARENA_MAX   ((size_t)16 << 20)
#define LENIENT_MAX 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A fault names a field and a reason, in text that can go into an answer. */
static void check_fault(enum status st, const struct error *err)
{
	INVARIANT(st == ST_INVALID && err->status == st);
	INVARIANT(err->field[0] != '\0' && err->detail[0] != '\0');
	INVARIANT(utf8_valid(err->field, strlen(err->field)));
	INVARIANT(utf8_valid(err->detail, strlen(err->detail)));
}

/* Providers' answers go the lenient way; whatever is strictly right is leniently right, too. */
static void try_guard(const char *text, size_t len)
{
	cJSON *strict = NULL, *lenient = NULL;
	struct error err = { 0 };
	enum status st = json_parse(text, len, JSON_DEPTH_MAX, 0, &strict, &err);
	enum status st_lenient;

	INVARIANT((strict != NULL) == (st == ST_OK));
	if (st != ST_OK)
		check_fault(st, &err);
	err = (struct error){ 0 };
	st_lenient = json_parse(text, len, LENIENT_MAX, 1, &lenient, &err);
	INVARIANT((lenient != NULL) == (st_lenient == ST_OK));
	INVARIANT(st != ST_OK || st_lenient == ST_OK);
	if (st_lenient != ST_OK)
		check_fault(st_lenient, &err);
	cJSON_Delete(strict);
	cJSON_Delete(lenient);
}

/* A number with a range prints as 0 when absent, which is no value to give. */
static bool holds_out_of_range_zero(const struct error *err)
{
	return strstr(err->detail, "must be between ") != NULL;
}

static bool fields_only_edge_sets(const struct error *err)
{
	return strcmp(err->detail, "cannot be given in the body") == 0;
}

static void check_round_trip(struct arena *a, const ProtobufCMessage *m)
{
	ProtobufCMessage *back = NULL;
	struct error err = { 0 };
	struct buf text, again;
	enum status st;

	buf_init(&text, SIZE_MAX);
	buf_init(&again, SIZE_MAX);
	INVARIANT(message_check(m, &err) == ST_OK);
	INVARIANT(message_to_json(m, &text) == ST_OK);
	st = message_from_json(a, m->descriptor, text.data, text.len, NULL, 0, &back, &err);
	if (st == ST_OK) {
		INVARIANT(message_to_json(back, &again) == ST_OK);
		INVARIANT(strcmp(text.data, again.data) == 0);
	} else {
		INVARIANT(st == ST_TOO_LARGE || fields_only_edge_sets(&err) ||
			  holds_out_of_range_zero(&err));
	}
	buf_done(&text);
	buf_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct message_rule *rule;
	const char *text = (const char *)data + 1;
	struct error err = { 0 };
	ProtobufCMessage *m = NULL;
	struct arena *a;
	enum status st;

	if (size < 2)
		return 0;
	rule = &contract_messages[data[0] % contract_messages_n];
	try_guard(text, size - 1);
	a = arena_new(ARENA_MAX);
	INVARIANT(a != NULL);
	st = message_from_json(a, rule->descriptor, text, size - 1, NULL, 0, &m, &err);
	INVARIANT((m != NULL) == (st == ST_OK));
	if (st == ST_OK)
		check_round_trip(a, m);
	else if (st != ST_TOO_LARGE)
		check_fault(st, &err);
	arena_free(a);
	return 0;
}
