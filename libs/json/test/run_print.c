/*
 * Printing, and what the contract of today has no example of: bytes, proto2 presence, members of a
 * oneof, floating-point fields. Messages of descriptor.proto and one made by hand stand in.
 */
#include "core/test/rows.h"

#include "json/test/trip.h"

#include "attribution/v1/attribution.pb-c.h"
#include "auth/v1/auth.pb-c.h"
#include "google/protobuf/descriptor.pb-c.h"

static const ProtobufCMessageDescriptor *const OPTION =
	&google__protobuf__uninterpreted_option__descriptor;

static void expect(const ProtobufCMessage *m, enum status st, const char *text)
{
	struct buf out;

	buf_init(&out, 10000);
	buf_puts(&out, "before:");
	assert_int_equal(message_to_json(m, &out), st);
	assert_int_equal(strncmp(buf_str(&out), "before:", 7), 0);
	assert_string_equal(buf_str(&out) + 7, text);
	assert_int_equal(out.len, 7 + strlen(text));
	buf_done(&out);
}

static void test_every_field_is_printed(void **state)
{
	Auth__V1__Tenant m = AUTH__V1__TENANT__INIT;
	Pulsepoint__Timestamp at = PULSEPOINT__TIMESTAMP__INIT;

	(void)state;
	expect(&m.base, ST_OK,
	       "{\"tenant_id\":\"\",\"name\":\"\",\"tier\":null,\"state\":null,\"created_at\":null,"
	       "\"admin_user_id\":\"\"}");
	m.name = NULL;
	m.tier = AUTH__V1__TIER__TIER_GROWTH;
	m.created_at = &at;
	expect(&m.base, ST_OK,
	       "{\"tenant_id\":\"\",\"name\":\"\",\"tier\":\"growth\",\"state\":null,"
	       "\"created_at\":\"1970-01-01T00:00:00Z\",\"admin_user_id\":\"\"}");
}

/* What JSON cannot say is our own fault, and leaves nothing behind. */
static void test_what_cannot_be_said(void **state)
{
	Auth__V1__Tenant m = AUTH__V1__TENANT__INIT;
	Pulsepoint__Timestamp at = PULSEPOINT__TIMESTAMP__INIT;
	Pulsepoint__Decimal decimal = PULSEPOINT__DECIMAL__INIT;
	Pulsepoint__Money money = PULSEPOINT__MONEY__INIT;
	Pulsepoint__Date day = PULSEPOINT__DATE__INIT;
	Pulsepoint__Money *none[1] = { NULL };
	Attribution__V1__Summary summary = ATTRIBUTION__V1__SUMMARY__INIT;

	(void)state;
	m.name = (char *)"\xC3";
	expect(&m.base, ST_INTERNAL, "");
	m.name = (char *)"";
	m.tier = (Auth__V1__Tier)77;
	expect(&m.base, ST_INTERNAL, "");
	m.tier = AUTH__V1__TIER__TIER_UNSPECIFIED;
	m.created_at = &at;
	at.micros = INT64_MIN;
	expect(&m.base, ST_INTERNAL, "");
	decimal.scale = 10;
	expect(&decimal.base, ST_INTERNAL, "");
	money.currency = (char *)"\xFF";
	expect(&money.base, ST_INTERNAL, "");
	day.days = INT32_MAX;
	expect(&day.base, ST_INTERNAL, "");
	summary.ad_spend = none;
	summary.n_ad_spend = 1;
	expect(&summary.base, ST_INTERNAL, "");
}

static void test_full_buffer(void **state)
{
	static const char whole[] =
		"{\"user_id\":\"u\",\"role\":\"viewer\",\"brand_ids\":[],\"version\":\"1\"}";
	Auth__V1__UserChanged m = AUTH__V1__USER_CHANGED__INIT;

	(void)state;
	m.user_id = (char *)"u";
	m.role = AUTH__V1__USER_ROLE__USER_ROLE_VIEWER;
	m.version = 1;
	for (size_t max = 0; max < sizeof(whole) + 5; max++) {
		bool fits = max >= sizeof(whole) - 1;
		struct buf out;

		buf_init(&out, max);
		assert_int_equal(message_to_json(&m.base, &out), fits ? ST_OK : ST_TOO_LARGE);
		assert_string_equal(buf_str(&out), fits ? whole : "");
		buf_done(&out);
	}
}

static void test_numbers(void **state)
{
	Attribution__V1__Summary m = ATTRIBUTION__V1__SUMMARY__INIT;
	Pulsepoint__Money money = PULSEPOINT__MONEY__INIT;
	Pulsepoint__Decimal decimal = PULSEPOINT__DECIMAL__INIT;

	(void)state;
	money.micros = INT64_MIN;
	money.currency = (char *)"GBP";
	decimal.units = INT64_MIN;
	decimal.scale = 9;
	m.orders = UINT32_MAX;
	m.gross = &money;
	m.roas = &decimal;
	expect(&m.base, ST_OK,
	       "{\"orders\":4294967295,\"gross\":{\"amount\":\"-9223372036854.775808\","
	       "\"currency\":\"GBP\"},\"refunds\":null,\"net\":null,\"ad_spend\":[],"
	       "\"roas\":\"-9223372036.854775808\",\"freshness\":[],\"by_currency\":[],"
	       "\"spend_by_platform\":[],\"first_day\":null,\"last_day\":null}");
}

/* proto2: what is not given is null; what is given is printed even when it is 0. */
static void test_presence_and_bytes(void **state)
{
	static const struct {
		const char *in, *out, *field, *reason; /* out NULL: refused */
	} rows[] = {
		{ "{}",
		  "{\"name\":[],\"identifier_value\":null,\"positive_int_value\":null,"
		  "\"negative_int_value\":null,\"double_value\":null,\"string_value\":null,"
		  "\"aggregate_value\":null}",
		  "", "" },
		{ "{\"positive_int_value\":0,\"negative_int_value\":\"-9223372036854775808\","
		  "\"string_value\":\"AP8_\",\"aggregate_value\":\"\",\"double_value\":null,"
		  "\"name\":[{\"name_part\":\"n\",\"is_extension\":false}]}",
		  "{\"name\":[{\"name_part\":\"n\",\"is_extension\":false}],"
		  "\"identifier_value\":null,\"positive_int_value\":\"0\","
		  "\"negative_int_value\":\"-9223372036854775808\",\"double_value\":null,"
		  "\"string_value\":\"AP8_\",\"aggregate_value\":\"\"}",
		  "", "" },
		{ "{\"string_value\":\"\"}",
		  "{\"name\":[],\"identifier_value\":null,\"positive_int_value\":null,"
		  "\"negative_int_value\":null,\"double_value\":null,\"string_value\":\"\","
		  "\"aggregate_value\":null}",
		  "", "" },
		{ "{\"string_value\":\"AP8/\"}", NULL, "string_value",
		  "must be base64url without padding" },
		{ "{\"string_value\":\"AP8=\"}", NULL, "string_value",
		  "must be base64url without padding" },
		{ "{\"string_value\":5}", NULL, "string_value", "must be a string" },
		{ "{\"negative_int_value\":\"9223372036854775808\"}", NULL, "negative_int_value",
		  "must not be more than 9223372036854775807" },
		{ "{\"negative_int_value\":\"-9223372036854775809\"}", NULL, "negative_int_value",
		  "must not be less than -9223372036854775808" },
		{ "{\"double_value\":\"1\"}", NULL, "double_value",
		  "is a floating-point field, which has no exact form" },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct error err = { 0 };
		struct buf out;

		buf_init(&out, 10000);
		round_trip(OPTION, rows[i].in, NULL, 0, &out, &err);
		if (strcmp(err.field, rows[i].field) != 0 ||
		    strcmp(err.detail, rows[i].reason) != 0)
			fail_msg("%s: \"%s\" \"%s\"", rows[i].in, err.field, err.detail);
		assert_string_equal(buf_str(&out), rows[i].out != NULL ? rows[i].out : "");
		buf_done(&out);
	}
}

static void test_floating_point_is_not_printed(void **state)
{
	Google__Protobuf__UninterpretedOption m = GOOGLE__PROTOBUF__UNINTERPRETED_OPTION__INIT;

	(void)state;
	m.has_double_value = 1;
	m.double_value = 0.5;
	expect(&m.base, ST_INTERNAL, "");
}

/* message Choice { oneof how { string name = 1; uint32 count = 2; } } as protoc-c would write it.
 */
struct choice {
	ProtobufCMessage base;
	int how_case;
	union {
		char *name;
		uint32_t count;
	} how;
};

static const ProtobufCFieldDescriptor choice_fields[] = {
	{ .name = "name",
	  .id = 1,
	  .label = PROTOBUF_C_LABEL_NONE,
	  .type = PROTOBUF_C_TYPE_STRING,
	  .quantifier_offset = offsetof(struct choice, how_case),
	  .offset = offsetof(struct choice, how),
	  .flags = PROTOBUF_C_FIELD_FLAG_ONEOF },
	{ .name = "count",
	  .id = 2,
	  .label = PROTOBUF_C_LABEL_NONE,
	  .type = PROTOBUF_C_TYPE_UINT32,
	  .quantifier_offset = offsetof(struct choice, how_case),
	  .offset = offsetof(struct choice, how),
	  .flags = PROTOBUF_C_FIELD_FLAG_ONEOF },
};
static const unsigned choice_by_name[] = { 1, 0 };
static const ProtobufCIntRange choice_ranges[] = { { 1, 0 }, { 0, 2 } };

static const ProtobufCMessageDescriptor CHOICE;

static void choice_init(ProtobufCMessage *m)
{
	*(struct choice *)m = (struct choice){ .base = PROTOBUF_C_MESSAGE_INIT(&CHOICE) };
}

static const ProtobufCMessageDescriptor CHOICE = {
	.magic = PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC,
	.name = "test.Choice",
	.short_name = "Choice",
	.c_name = "Choice",
	.package_name = "test",
	.sizeof_message = sizeof(struct choice),
	.n_fields = 2,
	.fields = choice_fields,
	.fields_sorted_by_name = choice_by_name,
	.n_field_ranges = 1,
	.field_ranges = choice_ranges,
	.message_init = choice_init,
};

static void test_oneof(void **state)
{
	static const struct {
		const char *in, *out, *field, *reason; /* out NULL: refused */
	} rows[] = {
		{ "{}", "{\"name\":null,\"count\":null}", "", "" },
		{ "{\"name\":null,\"count\":null}", "{\"name\":null,\"count\":null}", "", "" },
		{ "{\"count\":0}", "{\"name\":null,\"count\":0}", "", "" },
		{ "{\"name\":\"\"}", "{\"name\":\"\",\"count\":null}", "", "" },
		{ "{\"name\":\"x\",\"count\":null}", "{\"name\":\"x\",\"count\":null}", "", "" },
		{ "{\"name\":\"x\",\"count\":3}", NULL, "count",
		  "cannot be given together with name" },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct error err = { 0 };
		struct buf out;

		buf_init(&out, 1000);
		round_trip(&CHOICE, rows[i].in, NULL, 0, &out, &err);
		if (strcmp(err.field, rows[i].field) != 0 ||
		    strcmp(err.detail, rows[i].reason) != 0)
			fail_msg("%s: \"%s\" \"%s\"", rows[i].in, err.field, err.detail);
		assert_string_equal(buf_str(&out), rows[i].out != NULL ? rows[i].out : "");
		buf_done(&out);
	}
}

static void test_enum_words(void **state)
{
	const ProtobufCEnumDescriptor *e = &attribution__v1__channel__descriptor;
	struct arena *a = arena_new(1000);
	int value = 42;

	(void)state;
	assert_string_equal(enum_word(a, e, ATTRIBUTION__V1__CHANNEL__CHANNEL_META_ADS),
			    "meta_ads");
	assert_string_equal(enum_word(a, &auth__v1__tenant_state__descriptor,
				      AUTH__V1__TENANT_STATE__TENANT_STATE_ACTIVE),
			    "active");
	/* An enum that does not follow our rule keeps its names whole. */
	assert_string_equal(enum_word(a, &google__protobuf__field_options__ctype__descriptor, 0),
			    "string");
	assert_null(enum_word(a, e, 0));
	assert_null(enum_word(a, e, 99));
	assert_null(enum_word(a, e, -1));
	for (unsigned i = 1; i < e->n_values; i++) {
		assert_true(enum_from_word(e, enum_word(a, e, e->values[i].value), &value));
		assert_int_equal(value, e->values[i].value);
	}
	value = 42;
	assert_false(enum_from_word(e, "unspecified", &value));
	assert_false(enum_from_word(e, "META_ADS", &value));
	assert_false(enum_from_word(e, "channel_meta_ads", &value));
	assert_false(enum_from_word(e, "", &value));
	assert_int_equal(value, 42);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_field_is_printed),
		cmocka_unit_test(test_what_cannot_be_said),
		cmocka_unit_test(test_full_buffer),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_presence_and_bytes),
		cmocka_unit_test(test_floating_point_is_not_printed),
		cmocka_unit_test(test_oneof),
		cmocka_unit_test(test_enum_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
