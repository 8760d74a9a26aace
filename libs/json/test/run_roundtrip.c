/*
 * Every message type of the contract, filled at random within its rules: it passes the check,
 * prints, parses back to the same bytes, and prints the same again. The seed is fixed.
 */
#include "core/test/rows.h"

#include "core/money.h"
#include "core/timeutil.h"
#include "json/message_priv.h"

#include "pulsepoint/types.pb-c.h"

#include <stdio.h>
#include <string.h>

#define ROUNDS    60
#define ARENA_MAX ((size_t)32 << 20)
#define ITEMS_MAX 3

struct filler {
	struct arena *a;
	uint64_t seed;
};

static void fill(struct filler *f, ProtobufCMessage *m);

static uint64_t below(struct filler *f, uint64_t n)
{
	return next_random(&f->seed) % n;
}

static const char *pick(struct filler *f, const char *const *from, size_t n)
{
	return from[below(f, n)];
}

#define PICK(f, list) pick(f, list, N_ROWS(list))

static char *random_uuid(struct filler *f)
{
	unsigned long long a = next_random(&f->seed), b = next_random(&f->seed);

	return arena_printf(f->a, "%08llx-%04llx-%04llx-%04llx-%012llx", a >> 32, a >> 16 & 0xFFFF,
			    a & 0xFFFF, b >> 48, b & 0xFFFFFFFFFFFF);
}

/* Any characters but NUL, the awkward ones often; between min and max bytes. */
static char *random_text(struct filler *f, size_t min, size_t max)
{
	static const char *const characters[] = {
		"a",
		"Z",
		" ",
		"\"",
		"\\",
		"\n",
		"\x01",
		"\x7f",
		"/",
		"\xC3\xA9",
		"\xE2\x80\xA8",
		"\xF4\x8F\xBF\xBF",
		"\xEF\xBF\xBF",
	};
	size_t goal = min + below(f, (max < 40 ? max : 40) - min + 1), len = 0;
	char *text = arena_alloc(f->a, goal + 4);

	while (len < goal) {
		const char *c = PICK(f, characters);

		if (len + strlen(c) > goal)
			c = "x";
		memcpy(text + len, c, strlen(c));
		len += strlen(c);
	}
	return text;
}

static char *random_string(struct filler *f, const struct field_rule *rule)
{
	static const char *const emails[] = { "a@b.c", "first.last+x@mail.example.com" };
	static const char *const zones[] = { "UTC", "Europe/London", "America/Port-au-Prince" };
	static const char *const currencies[] = { "GBP", "JPY", "KWD", "CLF", "USD" };
	static const char *const hosts[] = { "a.example", "shop.myshopify.com" };

	switch (rule->format) {
	case FORMAT_NONE:
		return random_text(f, rule->min_len > 1 ? rule->min_len : 1,
				   rule_max_len(rule, KIND_STRING));
	case FORMAT_UUID:
		return random_uuid(f);
	case FORMAT_EMAIL:
		return arena_strdup(f->a, PICK(f, emails));
	case FORMAT_TIMEZONE:
		return arena_strdup(f->a, PICK(f, zones));
	case FORMAT_CURRENCY:
		return arena_strdup(f->a, PICK(f, currencies));
	case FORMAT_TOKEN:
		return arena_printf(f->a, "token-%d", (int)below(f, 1000));
	case FORMAT_HOSTNAME:
		return arena_strdup(f->a, PICK(f, hosts));
	case FORMAT_COUNTRY:
		return arena_strdup(f->a, "GB");
	case FORMAT_WINDOW:
		return arena_printf(f->a, "%dd", 1 + (int)below(f, 90));
	case FORMAT_URL:
		return arena_printf(f->a, "https://a.example/%d?x=y", (int)below(f, 1000));
	}
	fail_msg("a format without examples");
	return NULL;
}

static json_wide random_number(struct filler *f, enum field_kind kind,
			       const struct field_rule *rule)
{
	uint64_t bits = next_random(&f->seed) >> below(f, 64);

	if (rule->has_range)
		return rule->min + (json_wide)below(f, (uint64_t)(rule->max - rule->min) + 1);
	switch (below(f, 8)) {
	case 0:
		bits = UINT64_MAX;
		break;
	case 1:
		bits = UINT64_C(1) << 63 | UINT64_C(1) << 31;
		break;
	case 2:
		bits = 0;
		break;
	default:
		break;
	}
	return kind == KIND_I32   ? (json_wide)(int32_t)bits
	       : kind == KIND_U32 ? (json_wide)(uint32_t)bits
	       : kind == KIND_I64 ? (json_wide)(int64_t)bits
				  : (json_wide)bits;
}

static void fill_special(struct filler *f, enum special special, ProtobufCMessage *m)
{
	static const char *const currencies[] = { "GBP", "JPY", "KWD", "CLF", "XAU" };
	int64_t days = 2932896 + INT64_C(719162);

	if (special == SPECIAL_MONEY) {
		((Pulsepoint__Money *)m)->micros = random_i64(&f->seed);
		((Pulsepoint__Money *)m)->currency = arena_strdup(f->a, PICK(f, currencies));
	} else if (special == SPECIAL_DECIMAL) {
		((Pulsepoint__Decimal *)m)->units = random_i64(&f->seed);
		((Pulsepoint__Decimal *)m)->scale = (uint32_t)below(f, 10);
	} else if (special == SPECIAL_TIMESTAMP) {
		((Pulsepoint__Timestamp *)m)->micros =
			(int64_t)below(f, (uint64_t)(days * US_PER_DAY)) - 719162 * US_PER_DAY;
	} else {
		((Pulsepoint__Date *)m)->days = (int32_t)below(f, (uint64_t)days) - 719162;
	}
}

static void fill_bytes(struct filler *f, const struct field_rule *rule, void *slot)
{
	ProtobufCBinaryData b = { .len = below(f, rule_max_len(rule, KIND_BYTES) + 1) };

	b.data = arena_alloc(f->a, b.len + 1);
	assert_non_null(b.data);
	for (size_t i = 0; i < b.len; i++)
		b.data[i] = (uint8_t)below(f, 256);
	memcpy(slot, &b, sizeof(b));
}

static void fill_slot(struct filler *f, const ProtobufCFieldDescriptor *d,
		      const struct field_rule *rule, void *slot)
{
	enum field_kind kind = field_kind(d);
	struct take t = { .a = f->a, .field = d, .rule = rule };
	const ProtobufCEnumDescriptor *e = d->descriptor;
	protobuf_c_boolean on = (protobuf_c_boolean)below(f, 2);
	ProtobufCMessage *m;
	char *s;

	switch (kind) {
	case KIND_BOOL:
		memcpy(slot, &on, sizeof(on));
		return;
	case KIND_ENUM:
		memcpy(slot, &e->values[1 + below(f, e->n_values - 1)].value, sizeof(int));
		return;
	case KIND_STRING:
		s = random_string(f, rule);
		memcpy(slot, &s, sizeof(s));
		return;
	case KIND_MESSAGE:
		m = message_new(f->a, d->descriptor);
		fill(f, m);
		memcpy(slot, &m, sizeof(m));
		return;
	case KIND_I32:
	case KIND_U32:
	case KIND_I64:
	case KIND_U64:
		assert_int_equal(take_number(&t, NULL, random_number(f, kind, rule), slot), ST_OK);
		return;
	case KIND_BYTES:
		fill_bytes(f, rule, slot);
		return;
	case KIND_FLOATING:
		break;
	}
	fail_msg("%s: the contract has grown a type that this test does not fill", d->name);
}

static void fill_list(struct filler *f, const ProtobufCFieldDescriptor *d,
		      const struct field_rule *rule, ProtobufCMessage *m)
{
	struct take t = { .a = f->a, .field = d, .rule = rule };
	size_t n = below(f, ITEMS_MAX) + rule->required;
	void *items;

	if (n == 0)
		return;
	assert_int_equal(take_items(&t, NULL, n, m, &items), ST_OK);
	for (size_t i = 0; i < n; i++)
		fill_slot(f, d, rule, (char *)items + i * field_size(d));
}

static void fill(struct filler *f, ProtobufCMessage *m)
{
	const ProtobufCMessageDescriptor *d = m->descriptor;
	const struct message_rule *rules = contract_message_find(d);
	enum special special = special_of(d);

	if (special != SPECIAL_NONE) {
		fill_special(f, special, m);
		return;
	}
	for (unsigned i = 0; i < d->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &d->fields[i];
		const struct field_rule *rule = rule_of(rules, d, field);
		/* Empty, a default would fill it; and a 0 that is given must be in range. */
		bool needed = rule->required || rule->default_value != NULL || rule->has_range;

		if (rule->in_header)
			continue;
		if (field->label == PROTOBUF_C_LABEL_REPEATED)
			fill_list(f, field, rule, m);
		else if (needed || below(f, 4) != 0)
			fill_slot(f, field, rule, (char *)m + field->offset);
	}
}

/* The name of a field that only the edge may set, NULL when there is none. */
static const char *header_field(const struct message_rule *rules)
{
	for (unsigned i = 0; i < rules->descriptor->n_fields; i++) {
		if (rules->fields[i].in_header)
			return rules->descriptor->fields[i].name;
	}
	return NULL;
}

static void same_bytes(struct arena *a, const ProtobufCMessage *m, const ProtobufCMessage *other)
{
	uint8_t *bytes = NULL, *other_bytes = NULL;
	size_t len = 0, other_len = 0;

	assert_int_equal(message_pack(a, m, &bytes, &len), ST_OK);
	assert_int_equal(message_pack(a, other, &other_bytes, &other_len), ST_OK);
	assert_int_equal(len, other_len);
	assert_memory_equal(bytes, other_bytes, len);
}

static void go_round(struct arena *a, const struct message_rule *rules, const ProtobufCMessage *m)
{
	const ProtobufCMessageDescriptor *d = rules->descriptor;
	const char *header = header_field(rules);
	ProtobufCMessage *back = NULL;
	struct error err = { 0 };
	struct buf text, again;
	enum status st;

	buf_init(&text, SIZE_MAX);
	buf_init(&again, SIZE_MAX);
	assert_int_equal(message_to_json(m, &text), ST_OK);
	st = message_from_json(a, d, text.data, text.len, NULL, 0, &back, &err);
	if (header != NULL) {
		/* Such a message cannot be sent by a client as it was printed. */
		assert_int_equal(st, ST_INVALID);
		assert_string_equal(err.field, header);
	} else {
		if (st != ST_OK)
			fail_msg("%s: %s %s in %s", d->name, err.field, err.detail, text.data);
		same_bytes(a, m, back);
		assert_int_equal(message_to_json(back, &again), ST_OK);
		assert_string_equal(again.data, text.data);
	}
	buf_done(&text);
	buf_done(&again);
}

static void over_the_wire(struct arena *a, const ProtobufCMessage *m)
{
	ProtobufCMessage *back = NULL;
	struct error err = { 0 };
	uint8_t *bytes;
	size_t len;

	if (message_check(m, &err) != ST_OK)
		fail_msg("%s: %s %s", m->descriptor->name, err.field, err.detail);
	assert_int_equal(message_pack(a, m, &bytes, &len), ST_OK);
	assert_int_equal(message_unpack(a, m->descriptor, bytes, len, len, &back), ST_OK);
	assert_int_equal(message_check(back, &err), ST_OK);
	same_bytes(a, m, back);
}

static void test_every_message(void **state)
{
	struct filler f = { .a = arena_new(ARENA_MAX), .seed = 2026 };

	(void)state;
	assert_true(contract_messages_n > 50);
	for (size_t i = 0; i < contract_messages_n; i++) {
		const ProtobufCMessageDescriptor *d = contract_messages[i].descriptor;
		enum special special = special_of(d);

		for (int round = 0; round < ROUNDS; round++) {
			ProtobufCMessage *m;

			arena_reset(f.a);
			m = message_new(f.a, d);
			fill(&f, m);
			over_the_wire(f.a, m);
			/* Times and dates are no documents of their own. */
			if (special == SPECIAL_NONE)
				go_round(f.a, &contract_messages[i], m);
			assert_false(arena_failed(f.a));
		}
	}
	arena_free(f.a);
}

/* A freshly made message of every type prints, whatever its rules. */
static void test_every_empty_message(void **state)
{
	struct arena *a = arena_new(ARENA_MAX);

	(void)state;
	for (size_t i = 0; i < contract_messages_n; i++) {
		const ProtobufCMessageDescriptor *d = contract_messages[i].descriptor;
		struct buf text;

		buf_init(&text, SIZE_MAX);
		assert_int_equal(message_to_json(message_new(a, d), &text), ST_OK);
		for (unsigned k = 0; k < d->n_fields && special_of(d) == SPECIAL_NONE; k++) {
			char key[100];

			snprintf(key, sizeof(key), "\"%s\":", d->fields[k].name);
			assert_non_null(strstr(text.data, key));
		}
		buf_done(&text);
	}
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_message),
		cmocka_unit_test(test_every_empty_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
