/* Messages that came over the bus: the contract's rules, defaults, packing and unpacking. */
#include "core/test/rows.h"

#include "json/test/trip.h"

#include "attribution/v1/attribution.pb-c.h"
#include "auth/v1/auth.pb-c.h"
#include "google/protobuf/descriptor.pb-c.h"
#include "shopify/v1/shopify.pb-c.h"

#include <stdlib.h>

static void expect(const ProtobufCMessage *m, const char *field, const char *reason)
{
	struct error err = { 0 };
	enum status st = message_check(m, &err);

	if (strcmp(err.field, field) != 0 || strcmp(err.detail, reason) != 0)
		fail_msg("\"%s\" \"%s\", not \"%s\" \"%s\"", err.field, err.detail, field, reason);
	assert_int_equal(st, reason[0] == '\0' ? ST_OK : ST_INVALID);
}

static void test_strings(void **state)
{
	static char exact[201], longer[202];
	Auth__V1__NewAdmin admin = AUTH__V1__NEW_ADMIN__INIT;
	Auth__V1__CreateTenantRequest m = AUTH__V1__CREATE_TENANT_REQUEST__INIT;

	(void)state;
	memset(exact, 'x', sizeof(exact) - 1);
	memset(longer, 'x', sizeof(longer) - 1);
	expect(&m.base, "name", "is required");
	m.name = exact;
	expect(&m.base, "admin", "is required");
	m.admin = &admin;
	expect(&m.base, "admin.email", "is required");
	admin.email = (char *)"a@b.c";
	admin.password = (char *)"0123456789a";
	expect(&m.base, "admin.password", "is shorter than 12 bytes");
	admin.password = (char *)"0123456789ab";
	expect(&m.base, "", "");
	m.name = longer;
	expect(&m.base, "name", "is longer than 200 bytes");
	m.name = (char *)"\xC3\x28";
	expect(&m.base, "name", "is not valid UTF-8");
	m.name = NULL; /* a handler's mistake is not a crash */
	expect(&m.base, "name", "is required");
}

static void test_enums_and_lists(void **state)
{
	char *brands[65];
	Auth__V1__CreateUserRequest m = AUTH__V1__CREATE_USER_REQUEST__INIT;

	(void)state;
	m.email = (char *)"a@b.c";
	m.password = (char *)"0123456789ab";
	expect(&m.base, "role", "is required");
	m.role = (Auth__V1__UserRole)77;
	expect(&m.base, "role", "must be one of viewer, analyst, admin");
	m.role = AUTH__V1__USER_ROLE__USER_ROLE_VIEWER;
	expect(&m.base, "", "");
	for (size_t i = 0; i < N_ROWS(brands); i++)
		brands[i] = (char *)BRAND;
	m.brand_ids = brands;
	m.n_brand_ids = 65;
	expect(&m.base, "brand_ids", "has more than 64 items");
	m.n_brand_ids = 64;
	expect(&m.base, "", "");
	brands[3] = (char *)"";
	expect(&m.base, "brand_ids[3]", "must be a UUID");
}

static void test_numbers(void **state)
{
	Auth__V1__ListBrandsRequest m = AUTH__V1__LIST_BRANDS_REQUEST__INIT;

	(void)state;
	expect(&m.base, "", ""); /* 0 is absent over the bus */
	m.page_size = 200;
	expect(&m.base, "", "");
	m.page_size = 201;
	expect(&m.base, "page_size", "must be between 1 and 200");
	m.page_size = UINT32_MAX;
	expect(&m.base, "page_size", "must be between 1 and 200");
}

static void test_specials(void **state)
{
	Pulsepoint__Money money = PULSEPOINT__MONEY__INIT, *moneys[2] = { &money, NULL };
	Pulsepoint__Decimal decimal = PULSEPOINT__DECIMAL__INIT;
	Pulsepoint__Timestamp time = PULSEPOINT__TIMESTAMP__INIT;
	Pulsepoint__Date day = PULSEPOINT__DATE__INIT;
	Attribution__V1__Summary m = ATTRIBUTION__V1__SUMMARY__INIT;
	Attribution__V1__Freshness fresh = ATTRIBUTION__V1__FRESHNESS__INIT, *freshness = &fresh;

	(void)state;
	expect(&m.base, "", "");
	m.ad_spend = moneys;
	m.n_ad_spend = 1;
	expect(&m.base, "ad_spend[0].currency", "must be an ISO 4217 currency code");
	money.currency = (char *)"GBP";
	expect(&m.base, "", "");
	m.n_ad_spend = 2;
	expect(&m.base, "ad_spend[1]", "is required");
	m.n_ad_spend = 1;
	m.roas = &decimal;
	decimal.scale = 9;
	expect(&m.base, "", "");
	decimal.scale = 10;
	expect(&m.base, "roas", "has more than 9 digits after the point");
	decimal.scale = 0;
	m.first_day = &day;
	day.days = 2932896;
	expect(&m.base, "", "");
	day.days = 2932897;
	expect(&m.base, "first_day", "is outside the years 0001 to 9999");
	day.days = 0;
	m.freshness = &freshness;
	m.n_freshness = 1;
	fresh.data_through = &time;
	time.micros = INT64_MAX;
	expect(&m.base, "freshness[0].data_through", "is outside the years 0001 to 9999");
}

/* Defaults go into what is empty, at any depth, and into nothing else. */
static void test_defaults(void **state)
{
	Attribution__V1__AttributionRequest m = ATTRIBUTION__V1__ATTRIBUTION_REQUEST__INIT;
	Auth__V1__ListUsersRequest page = AUTH__V1__LIST_USERS_REQUEST__INIT;
	Auth__V1__Brand brand = AUTH__V1__BRAND__INIT;
	struct arena *a = arena_new(1000);

	(void)state;
	m.by = ATTRIBUTION__V1__GROUPING__GROUPING_CAMPAIGN;
	message_apply_defaults(a, &m.base);
	assert_int_equal(m.model, ATTRIBUTION__V1__MODEL__MODEL_LAST_TOUCH);
	assert_int_equal(m.by, ATTRIBUTION__V1__GROUPING__GROUPING_CAMPAIGN);
	assert_int_equal(m.measure, ATTRIBUTION__V1__MEASURE__MEASURE_NET);
	assert_string_equal(m.window, "28d");
	assert_string_equal(m.brand_id, "");
	assert_null(m.from);
	message_apply_defaults(a, &page.base);
	assert_int_equal(page.page_size, 50);
	page.page_size = 7;
	message_apply_defaults(a, &page.base);
	assert_int_equal(page.page_size, 7);
	message_apply_defaults(a, &brand.base);
	assert_string_equal(brand.currency, "");
	assert_false(arena_failed(a));
	arena_free(a);
}

/* An order of three lines, packed by malloc so that its end is seen by ASan. */
static uint8_t *packed_order(size_t *ret_len)
{
	Shopify__V1__OrderLine lines[3], *list[3];
	Pulsepoint__Money money = PULSEPOINT__MONEY__INIT;
	Shopify__V1__Order m = SHOPIFY__V1__ORDER__INIT;
	struct arena *a = arena_new(1 << 16);
	uint8_t *bytes, *copy;

	money.micros = -5;
	money.currency = (char *)"GBP";
	for (int i = 0; i < 3; i++) {
		shopify__v1__order_line__init(&lines[i]);
		lines[i].sku = (char *)"sku \xE2\x82\xAC";
		lines[i].quantity = -i;
		lines[i].total = &money;
		list[i] = &lines[i];
	}
	m.lines = list;
	m.n_lines = 3;
	assert_int_equal(message_pack(a, &m.base, &bytes, ret_len), ST_OK);
	copy = malloc(*ret_len);
	assert_non_null(copy);
	memcpy(copy, bytes, *ret_len);
	arena_free(a);
	return copy;
}

static void test_unpack(void **state)
{
	const ProtobufCMessageDescriptor *d = &shopify__v1__order__descriptor;
	struct arena *a = arena_new(1 << 20);
	ProtobufCMessage *back = NULL;
	uint8_t *again;
	size_t len, again_len;
	uint8_t *bytes = packed_order(&len);

	(void)state;
	assert_int_equal(message_unpack(a, d, bytes, len, len - 1, &back), ST_INVALID);
	assert_null(back);
	assert_int_equal(message_unpack(a, d, bytes, len, len, &back), ST_OK);
	assert_int_equal(((Shopify__V1__Order *)back)->n_lines, 3);
	assert_int_equal(((Shopify__V1__Order *)back)->lines[2]->quantity, -2);
	assert_string_equal(((Shopify__V1__Order *)back)->lines[2]->sku, "sku \xE2\x82\xAC");
	assert_int_equal(message_pack(a, back, &again, &again_len), ST_OK);
	assert_int_equal(again_len, len);
	assert_memory_equal(again, bytes, len);
	free(bytes);
	arena_free(a);
}

/* Every prefix and every flipped bit either unpacks, and then can be checked and printed, or is
 * refused. */
static void test_unpack_damage(void **state)
{
	const ProtobufCMessageDescriptor *d = &shopify__v1__order__descriptor;
	size_t len, refused = 0, taken = 0;
	uint8_t *bytes = packed_order(&len);
	struct arena *a = arena_new(1 << 20);

	(void)state;
	for (size_t i = 0; i < 9 * len; i++) {
		size_t bit = i % (8 * len), cut = i < 8 * len ? len : i - 8 * len;
		ProtobufCMessage *m = NULL;
		uint8_t *copy = malloc(cut > 0 ? cut : 1);
		struct error err = { 0 };
		struct buf out;

		assert_non_null(copy);
		memcpy(copy, bytes, cut);
		if (cut == len)
			copy[bit / 8] ^= (uint8_t)(1U << bit % 8);
		buf_init(&out, 100000);
		if (message_unpack(a, d, copy, cut, len, &m) == ST_OK) {
			taken++;
			/* What passes the check has a JSON form. */
			if (message_check(m, &err) == ST_OK)
				assert_int_equal(message_to_json(m, &out), ST_OK);
		} else {
			refused++;
		}
		buf_done(&out);
		free(copy);
		arena_reset(a);
	}
	assert_true(taken > len);
	assert_true(refused > len);
	free(bytes);
	arena_free(a);
}

/* A small message that asks for much memory ends at the arena's ceiling. */
static void test_unpack_into_small_arena(void **state)
{
	const ProtobufCMessageDescriptor *d = &auth__v1__list_brands_reply__descriptor;
	uint8_t bytes[20000];
	ProtobufCMessage *m = NULL;
	struct arena *a = arena_new(100000);

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i += 2) {
		bytes[i] = 0x0A; /* field 1, an empty brand */
		bytes[i + 1] = 0;
	}
	assert_int_equal(message_unpack(a, d, bytes, sizeof(bytes), sizeof(bytes), &m),
			 ST_TOO_LARGE);
	assert_null(m);
	arena_free(a);
	a = arena_new((size_t)8 << 20);
	assert_int_equal(message_unpack(a, d, bytes, sizeof(bytes), sizeof(bytes), &m), ST_OK);
	assert_int_equal(((Auth__V1__ListBrandsReply *)m)->n_brands, sizeof(bytes) / 2);
	arena_free(a);
}

/* What the contract does not know is not passed on: an unknown field, and number 0 which is none.
 */
static void test_unknown_fields_are_dropped(void **state)
{
	static const uint8_t bytes[] = {
		0x0A, 0x07,            /* brands[0]: */
		0x0A, 0x01, 'b',       /* brand_id "b" */
		0xA2, 0x06, 0x01, 'x', /* field 100, "x" */
		0x80, 0x00, 0x0E,      /* field 0, 14 */
		0x12, 0x01, 't',       /* next_page_token "t" */
	};
	static const uint8_t known[] = { 0x0A, 0x03, 0x0A, 0x01, 'b', 0x12, 0x01, 't' };
	const ProtobufCMessageDescriptor *d = &auth__v1__list_brands_reply__descriptor;
	struct arena *a = arena_new(10000);
	ProtobufCMessage *m = NULL;
	uint8_t *out;
	size_t len;

	(void)state;
	assert_int_equal(message_unpack(a, d, bytes, sizeof(bytes), sizeof(bytes), &m), ST_OK);
	assert_int_equal(message_pack(a, m, &out, &len), ST_OK);
	assert_int_equal(len, sizeof(known));
	assert_memory_equal(out, known, len);
	arena_free(a);
}

static void test_pack_into_small_arena(void **state)
{
	Auth__V1__Brand m = AUTH__V1__BRAND__INIT;
	struct arena *a = arena_new(16);
	uint8_t *bytes = NULL;
	size_t len = 42;

	(void)state;
	assert_int_equal(message_pack(a, &m.base, &bytes, &len), ST_OK);
	assert_int_equal(len, 0);
	m.name = (char *)"longer than what the arena holds";
	assert_int_equal(message_pack(a, &m.base, &bytes, &len), ST_TOO_LARGE);
	assert_int_equal(len, 0);
	assert_null(message_new(a, m.base.descriptor));
	arena_free(a);
}

static void test_string_field(void **state)
{
	Auth__V1__UserChanged m = AUTH__V1__USER_CHANGED__INIT;
	Google__Protobuf__FieldDescriptorProto old = GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__INIT;

	(void)state;
	m.user_id = (char *)"u";
	assert_string_equal(message_string_field(&m.base, "user_id"), "u");
	m.user_id = NULL;
	assert_string_equal(message_string_field(&m.base, "user_id"), "");
	assert_null(message_string_field(&m.base, "role"));
	assert_null(message_string_field(&m.base, "brand_ids"));
	assert_null(message_string_field(&m.base, "no_such_field"));
	assert_null(message_string_field(&old.base, "name")); /* proto2: absent, not empty */
	old.name = (char *)"";
	assert_string_equal(message_string_field(&old.base, "name"), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_enums_and_lists),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_specials),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_unpack),
		cmocka_unit_test(test_unpack_damage),
		cmocka_unit_test(test_unknown_fields_are_dropped),
		cmocka_unit_test(test_unpack_into_small_arena),
		cmocka_unit_test(test_pack_into_small_arena),
		cmocka_unit_test(test_string_field),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
