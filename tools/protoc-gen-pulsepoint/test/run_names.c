/* Names: the C forms are protobuf-c's own, and options that come in pieces are one. */
#include "mem.h"
#include "names.h"
#include "options.h"
#include "pulsepoint/options.pb-c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void c_names(void **state)
{
	static const struct {
		const char *full, *type, *lower;
	} rows[] = {
		{ "auth.v1.LoginRequest", "Auth__V1__LoginRequest", "auth__v1__login_request" },
		{ "pulsepoint.Empty", "Pulsepoint__Empty", "pulsepoint__empty" },
		{ "a.b_c.HTTPReply", "A__BC__HTTPReply", "a__b_c__httpreply" },
		{ "a.Outer.Inner", "A__Outer__Inner", "a__outer__inner" },
		{ "Alone", "Alone", "alone" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_string_equal(name_c_type(rows[i].full), rows[i].type);
		assert_string_equal(name_c_lower(rows[i].full), rows[i].lower);
	}
	assert_string_equal(name_snake("ListBrands"), "list_brands");
	assert_string_equal(name_snake("Jwks"), "jwks");
	assert_string_equal(name_ident("ingest-shopify"), "ingest_shopify");
	assert_string_equal(name_upper("ingest_shopify"), "INGEST_SHOPIFY");
	assert_string_equal(name_pbc_header("auth/v1/auth.proto"), "auth/v1/auth.pb-c.h");
}

static void tokens(void **state)
{
	char longest[66];

	(void)state;
	memset(longest, 'a', sizeof(longest) - 1);
	longest[64] = '\0';
	assert_true(name_is_token(longest));
	longest[64] = 'a';
	longest[65] = '\0';
	assert_false(name_is_token(longest));
	assert_true(name_is_token("ad_results-2"));
	assert_false(name_is_token(""));
	assert_false(name_is_token("Ads"));
	assert_false(name_is_token("a.b"));
	assert_false(name_is_token("a*"));
	assert_false(name_is_token("a b"));
}

static void enum_words(void **state)
{
	(void)state;
	assert_string_equal(name_enum_word("MODEL_LAST_TOUCH", "MODEL_"), "last_touch");
	assert_null(name_enum_word("LAST_TOUCH", "MODEL_"));
	assert_null(name_enum_word("MODEL_", "MODEL_"));
}

/* An unknown field as protobuf-c keeps it: with its length prefix. */
static void piece(ProtobufCMessageUnknownField *f, uint32_t tag, uint8_t *data, size_t len)
{
	f->tag = tag;
	f->wire_type = PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
	f->data = data;
	f->len = len;
}

static void options_in_pieces(void **state)
{
	uint8_t entity[] = { 8, 0x0a, 6, 'o', 'r', 'd', 'e', 'r', 's' };
	uint8_t action[] = { 6, 0x12, 4, 'm', 'a', 'd', 'e' };
	uint8_t other[] = { 2, 0x0a, 0 };
	ProtobufCMessageUnknownField fields[3];
	ProtobufCMessage options = { .n_unknown_fields = 3, .unknown_fields = fields };
	const Pulsepoint__EventRule *rule;
	bool bad = false;

	(void)state;
	piece(&fields[0], OPTION_EVENT, entity, sizeof(entity));
	piece(&fields[1], OPTION_METHOD, other, sizeof(other));
	piece(&fields[2], OPTION_EVENT, action, sizeof(action));
	rule = option_unpack(&options, OPTION_EVENT, &pulsepoint__event_rule__descriptor, &bad);
	assert_false(bad);
	assert_non_null(rule);
	assert_string_equal(rule->entity, "orders");
	assert_string_equal(rule->action, "made");
	assert_null(
		option_unpack(&options, OPTION_FIELD, &pulsepoint__field_rule__descriptor, &bad));
	assert_false(bad);
	assert_null(option_unpack(NULL, OPTION_EVENT, &pulsepoint__event_rule__descriptor, &bad));
	assert_false(bad);
}

static void options_malformed(void **state)
{
	uint8_t cut[] = { 3, 0x0a, 6, 'o' };
	uint8_t endless[] = { 0x80, 0x80 };
	ProtobufCMessageUnknownField field;
	ProtobufCMessage options = { .n_unknown_fields = 1, .unknown_fields = &field };
	bool bad = false;

	(void)state;
	piece(&field, OPTION_EVENT, cut, sizeof(cut));
	assert_null(
		option_unpack(&options, OPTION_EVENT, &pulsepoint__event_rule__descriptor, &bad));
	assert_true(bad);
	bad = false;
	piece(&field, OPTION_EVENT, endless, sizeof(endless));
	assert_null(
		option_unpack(&options, OPTION_EVENT, &pulsepoint__event_rule__descriptor, &bad));
	assert_true(bad);
	bad = false;
	piece(&field, OPTION_EVENT, cut, sizeof(cut));
	field.wire_type = PROTOBUF_C_WIRE_TYPE_VARINT;
	assert_null(
		option_unpack(&options, OPTION_EVENT, &pulsepoint__event_rule__descriptor, &bad));
	assert_true(bad);
}

static int forget(void **state)
{
	(void)state;
	mem_done();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c_names),           cmocka_unit_test(tokens),
		cmocka_unit_test(enum_words),        cmocka_unit_test(options_in_pieces),
		cmocka_unit_test(options_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, forget);
}
