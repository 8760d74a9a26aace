/* JSON into messages of the real contract: what is taken, and how each fault is named. long: its
 * functions are tables. */
#include "core/test/rows.h"

#include "core/text.h"
#include "json/test/trip.h"

#include "attribution/v1/attribution.pb-c.h"
#include "auth/v1/auth.pb-c.h"
#include "google/protobuf/descriptor.pb-c.h"
#include "pulsepoint/sync.pb-c.h"
#include "shopify/v1/shopify.pb-c.h"

#include <stdio.h>
#include <stdlib.h>

#define ADMIN "\"admin\":{\"email\":\"a@b.c\",\"password\":\"0123456789ab\"}"

static const ProtobufCMessageDescriptor *const TENANT =
	&auth__v1__create_tenant_request__descriptor;
static const ProtobufCMessageDescriptor *const USER = &auth__v1__create_user_request__descriptor;
static const ProtobufCMessageDescriptor *const NEW_BRAND =
	&auth__v1__create_brand_request__descriptor;
static const ProtobufCMessageDescriptor *const BRANDS = &auth__v1__list_brands_request__descriptor;
static const ProtobufCMessageDescriptor *const UPDATE = &auth__v1__update_brand_request__descriptor;
static const ProtobufCMessageDescriptor *const VISIT = &attribution__v1__visit__descriptor;
static const ProtobufCMessageDescriptor *const REPORT =
	&attribution__v1__attribution_request__descriptor;
static const ProtobufCMessageDescriptor *const SUMMARY =
	&attribution__v1__summary_request__descriptor;
static const ProtobufCMessageDescriptor *const IMPORT =
	&attribution__v1__import_touchpoints_request__descriptor;
static const ProtobufCMessageDescriptor *const LINE = &shopify__v1__order_line__descriptor;
static const ProtobufCMessageDescriptor *const ROW = &attribution__v1__attribution_row__descriptor;
static const ProtobufCMessageDescriptor *const STATE = &auth__v1__access_state_reply__descriptor;
static const ProtobufCMessageDescriptor *const SYNC = &pulsepoint__sync_request__descriptor;

static void test_taken(void **state)
{
	const struct {
		const ProtobufCMessageDescriptor *d;
		const char *in, *out, *why;
	} rows[] = {
		{ TENANT, "{\"name\":\"x\"," ADMIN "}",
		  "{\"name\":\"x\",\"tier\":\"standard\"," ADMIN "}", "a default word" },
		{ TENANT, "{\"name\":\"x\",\"tier\":null," ADMIN "}",
		  "{\"name\":\"x\",\"tier\":\"standard\"," ADMIN "}", "null is absent" },
		{ TENANT, "{\"name\":\"\\u00e9\\n\\\"\",\"tier\":\"unlimited\"," ADMIN "}",
		  "{\"name\":\"\xC3\xA9\\n\\\"\",\"tier\":\"unlimited\"," ADMIN "}", "escapes" },
		{ BRANDS, NULL, "{\"q\":\"\",\"page_size\":50,\"page_token\":\"\"}", "no body" },
		{ BRANDS, "", "{\"q\":\"\",\"page_size\":50,\"page_token\":\"\"}", "empty body" },
		{ BRANDS, "{}", "{\"q\":\"\",\"page_size\":50,\"page_token\":\"\"}",
		  "empty object" },
		{ BRANDS, "{\"page_size\":200}",
		  "{\"q\":\"\",\"page_size\":200,\"page_token\":\"\"}", "the largest" },
		{ NEW_BRAND, "{\"name\":\"b\",\"currency\":\"\"}",
		  "{\"name\":\"b\",\"domain\":\"\",\"currency\":\"USD\",\"timezone\":\"UTC\"}",
		  "empty is absent" },
		{ UPDATE, "{\"brand_id\":\"0190A3F0-1234-7ABC-8DEF-0123456789AB\"}",
		  "{\"brand_id\":\"" BRAND
		  "\",\"name\":\"\",\"domain\":\"\",\"currency\":\"\",\"timezone\":\"\"}",
		  "UUIDs in lower case" },
		{ USER,
		  "{\"email\":\"a@b.c\",\"password\":\"0123456789ab\",\"role\":\"admin\","
		  "\"brand_ids\":[\"0190A3F0-1234-7ABC-8DEF-0123456789AB\",\"" BRAND "\"]}",
		  "{\"email\":\"a@b.c\",\"password\":\"0123456789ab\",\"role\":\"admin\","
		  "\"brand_ids\":[\"" BRAND "\",\"" BRAND "\"]}",
		  "a list of UUIDs" },
		{ SYNC, "{\"brand_id\":\"" BRAND "\",\"full\":true}",
		  "{\"brand_id\":\"" BRAND "\",\"full\":true}", "a bool" },
		{ SUMMARY, "{\"brand_id\":\"" BRAND "\",\"from\":\"2026-02-28\",\"to\":null}",
		  "{\"brand_id\":\"" BRAND "\",\"from\":\"2026-02-28\",\"to\":null}", "dates" },
		{ VISIT, "{\"visitor_id\":\"v\",\"occurred_at\":\"2026-11-21T10:30:00.5+01:00\"}",
		  "{\"visitor_id\":\"v\",\"position\":0,\"occurred_at\":\"2026-11-21T09:30:00."
		  "500Z\","
		  "\"source\":\"\",\"source_type\":\"\",\"medium\":\"\",\"campaign\":\"\","
		  "\"content\":\"\","
		  "\"term\":\"\",\"landing_page\":\"\",\"referrer\":\"\"}",
		  "a time of another zone; an optional number with a range" },
		{ LINE,
		  "{\"quantity\":-2,\"unit_price\":{\"currency\":\"GBP\",\"amount\":\"1.5\"},"
		  "\"discount\":null}",
		  "{\"line_id\":\"\",\"variant_id\":\"\",\"sku\":\"\",\"title\":\"\",\"quantity\":-"
		  "2,"
		  "\"unit_price\":{\"amount\":\"1.50\",\"currency\":\"GBP\"},\"discount\":null,"
		  "\"total\":null}",
		  "money" },
		{ ROW, "{\"channel\":\"meta_ads\",\"orders\":\"1.230000\",\"roas\":\"-0.5\"}",
		  "{\"channel\":\"meta_ads\",\"platform\":\"\",\"campaign_id\":\"\",\"campaign\":"
		  "\"\","
		  "\"orders\":\"1.230000\",\"revenue\":null,\"spend\":null,\"roas\":\"-0.5\","
		  "\"revenue_by_currency\":[],\"spend_by_currency\":[]}",
		  "decimals keep their digits" },
		{ STATE, "{\"version\":\"18446744073709551615\"}",
		  "{\"version\":\"18446744073709551615\",\"keys\":[],\"suspended_tenants\":[],"
		  "\"ended_sessions\":[]}",
		  "64 bits in a string" },
		{ STATE, "{\"version\":9007199254740992,\"keys\":[{\"kid\":\"k\"},{}]}",
		  "{\"version\":\"9007199254740992\",\"keys\":[{\"kid\":\"k\",\"public_pem\":\"\"},"
		  "{\"kid\":\"\",\"public_pem\":\"\"}],\"suspended_tenants\":[],\"ended_sessions\":"
		  "[]}",
		  "64 bits as a number; a list of messages" },
		{ STATE, "{\"version\":-0}",
		  "{\"version\":\"0\",\"keys\":[],\"suspended_tenants\":[],\"ended_sessions\":[]}",
		  "minus zero" },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct error err = { 0 };
		struct buf out;

		buf_init(&out, 10000);
		if (round_trip(rows[i].d, rows[i].in, NULL, 0, &out, &err) != ST_OK ||
		    strcmp(buf_str(&out), rows[i].out) != 0)
			fail_msg("%s: %s %s %s", rows[i].why, err.field, err.detail, buf_str(&out));
		buf_done(&out);
	}
}

static void test_refused(void **state)
{
	const struct {
		const ProtobufCMessageDescriptor *d;
		const char *in, *field, *reason;
	} rows[] = {
		{ TENANT, "{}", "name", "is required" },
		{ TENANT, NULL, "name", "is required" },
		{ &pulsepoint__money__descriptor, "{\"amount\":\"1\",\"currency\":\"GBP\"}", "body",
		  "cannot be a Money alone" },
		{ &pulsepoint__date__descriptor, "{}", "body", "cannot be a Date alone" },
		{ TENANT, "[]", "body", "must be an object" },
		{ TENANT, "null", "body", "must be an object" },
		{ TENANT, "{\"name\":\"x\"}", "admin", "is required" },
		{ TENANT, "{\"name\":\"x\",\"admin\":null}", "admin", "is required" },
		{ TENANT, "{\"name\":\"x\",\"admin\":{}}", "admin.email", "is required" },
		{ TENANT, "{\"name\":\"\"," ADMIN "}", "name", "is required" },
		{ TENANT, "{\"name\":null," ADMIN "}", "name", "must be a string" },
		{ TENANT, "{\"name\":5," ADMIN "}", "name", "must be a string" },
		{ TENANT, "{\"name\":[\"x\"]," ADMIN "}", "name", "must be a string" },
		{ TENANT, "{\"name\":\"x\",\"admin\":[]}", "admin", "must be an object" },
		{ TENANT, "{\"name\":\"x\",\"admin\":\"a@b.c\"}", "admin", "must be an object" },
		{ TENANT, "{\"name\":\"x\",\"tier\":\"big\"," ADMIN "}", "tier",
		  "must be one of standard, growth, unlimited" },
		{ TENANT, "{\"name\":\"x\",\"tier\":\"unspecified\"," ADMIN "}", "tier",
		  "must be one of standard, growth, unlimited" },
		{ TENANT, "{\"name\":\"x\",\"tier\":\"STANDARD\"," ADMIN "}", "tier",
		  "must be one of standard, growth, unlimited" },
		{ TENANT, "{\"name\":\"x\",\"tier\":1," ADMIN "}", "tier",
		  "must be one of standard, growth, unlimited" },
		{ TENANT, "{\"nmae\":\"x\"}", "nmae", "is not a field of CreateTenantRequest" },
		{ TENANT, "{\"Name\":\"x\"}", "Name", "is not a field of CreateTenantRequest" },
		{ TENANT, "{\"admin\":{\"mail\":\"x\"}}", "admin.mail",
		  "is not a field of NewAdmin" },
		{ TENANT, "{\"name\":\"x\",\"name\":\"x\"}", "name", "appears twice" },
		{ TENANT, "{\"name\":\"x\\u0000\"}", "name", "holds \\u0000" },
		{ TENANT, "{\"name\":\"\xC3\"}", "name", "is not valid UTF-8" },
		{ TENANT, "{\"name\":1.5}", "name",
		  "holds a number that is not a whole number within 2^53" },
		{ TENANT,
		  "{\"name\":\"x\",\"admin\":{\"email\":\"a\",\"password\":\"0123456789ab\"}}",
		  "admin.email", "must be an e-mail address" },
		{ TENANT, "{\"name\":\"x\",\"admin\":{\"email\":\"a@b.c\",\"password\":\"short\"}}",
		  "admin.password", "is shorter than 12 bytes" },
		{ BRANDS, "{\"page_size\":0}", "page_size", "must be between 1 and 200" },
		{ BRANDS, "{\"page_size\":201}", "page_size", "must be between 1 and 200" },
		{ BRANDS, "{\"page_size\":-1}", "page_size", "must be between 1 and 200" },
		{ BRANDS, "{\"page_size\":\"50\"}", "page_size", "must be a whole number" },
		{ BRANDS, "{\"page_size\":true}", "page_size", "must be a whole number" },
		{ BRANDS, "{\"page_size\":null}", "page_size", "must be a whole number" },
		{ BRANDS, "{\"page_size\":5e1}", "page_size",
		  "holds a number that is not a whole number within 2^53" },
		{ NEW_BRAND, "{\"name\":\"b\",\"currency\":\"usd\"}", "currency",
		  "must be an ISO 4217 currency code" },
		{ NEW_BRAND, "{\"name\":\"b\",\"timezone\":\"Mars/Base\"}", "timezone",
		  "must be an IANA time zone such as Europe/London" },
		{ NEW_BRAND, "{\"name\":\"b\",\"domain\":\"a b\"}", "domain",
		  "must be a host name" },
		{ USER, "{\"email\":\"a@b.c\",\"password\":\"0123456789ab\"}", "role",
		  "is required" },
		{ USER, "{\"role\":\"admin\",\"brand_ids\":\"" BRAND "\"}", "brand_ids",
		  "must be an array" },
		{ USER, "{\"role\":\"admin\",\"brand_ids\":null}", "brand_ids",
		  "must be an array" },
		{ USER, "{\"role\":\"admin\",\"brand_ids\":[\"" BRAND "\",7]}", "brand_ids[1]",
		  "must be a string" },
		{ USER, "{\"role\":\"admin\",\"brand_ids\":[null]}", "brand_ids[0]",
		  "must be a string" },
		{ USER,
		  "{\"email\":\"a@b.c\",\"password\":\"0123456789ab\",\"role\":\"admin\","
		  "\"brand_ids\":[\"" BRAND "\",\"x\"]}",
		  "brand_ids[1]", "must be a UUID" },
		{ USER,
		  "{\"email\":\"a@b.c\",\"password\":\"0123456789ab\",\"role\":\"admin\","
		  "\"brand_ids\":[\"\"]}",
		  "brand_ids[0]", "must be a UUID" },
		{ SYNC, "{\"brand_id\":\"" BRAND "\",\"full\":\"true\"}", "full",
		  "must be true or false" },
		{ SYNC, "{\"brand_id\":\"" BRAND "\",\"full\":1}", "full",
		  "must be true or false" },
		{ SUMMARY, "{\"from\":\"2026-02-29\"}", "from",
		  "must be a date such as 2026-11-21" },
		{ SUMMARY, "{\"from\":20260228}", "from", "must be a string" },
		{ SUMMARY, "{\"from\":{\"days\":3}}", "from", "must be a string" },
		{ VISIT, "{\"visitor_id\":\"v\"}", "occurred_at", "is required" },
		{ VISIT, "{\"visitor_id\":\"v\",\"occurred_at\":\"2026-11-21\"}", "occurred_at",
		  "must be a time such as 2026-11-21T09:30:00Z" },
		{ VISIT, "{\"position\":1000001}", "position", "must be between 1 and 1000000" },
		{ LINE, "{\"quantity\":2147483648}", "quantity",
		  "must not be more than 2147483647" },
		{ LINE, "{\"quantity\":-2147483649}", "quantity",
		  "must not be less than -2147483648" },
		{ LINE, "{\"total\":\"1.00 GBP\"}", "total", "must be an object" },
		{ LINE, "{\"total\":{\"amount\":\"1\"}}", "total.currency", "is required" },
		{ LINE, "{\"total\":{\"currency\":\"GBP\"}}", "total.amount", "is required" },
		{ LINE, "{\"total\":{\"amount\":1,\"currency\":\"GBP\"}}", "total.amount",
		  "must be a string" },
		{ LINE, "{\"total\":{\"amount\":\"1.0000001\",\"currency\":\"GBP\"}}",
		  "total.amount",
		  "must be a decimal such as 12.50 with at most 6 digits after the point, 12 "
		  "before it" },
		{ LINE, "{\"total\":{\"amount\":\"1e3\",\"currency\":\"GBP\"}}", "total.amount",
		  "must be a decimal such as 12.50 with at most 6 digits after the point, 12 "
		  "before it" },
		{ LINE, "{\"total\":{\"amount\":\"1\",\"currency\":\"gbp\"}}", "total.currency",
		  "must be an ISO 4217 currency code" },
		{ LINE, "{\"total\":{\"amount\":\"1\",\"currency\":null}}", "total.currency",
		  "must be a string" },
		{ LINE, "{\"total\":{\"micros\":1,\"currency\":\"GBP\"}}", "total.micros",
		  "is not a field of Money" },
		{ ROW, "{\"orders\":1}", "orders", "must be a string" },
		{ ROW, "{\"orders\":\"1.0000000000\"}", "orders",
		  "must be a decimal such as 12.50 with at most 9 digits after the point, 18 in "
		  "all" },
		{ ROW, "{\"spend_by_currency\":[{\"amount\":\"1\",\"currency\":\"GBP\"},null]}",
		  "spend_by_currency[1]", "must be an object" },
		{ STATE, "{\"version\":\"18446744073709551616\"}", "version",
		  "must not be more than 18446744073709551615" },
		{ STATE, "{\"version\":\"-1\"}", "version", "must not be less than 0" },
		{ STATE, "{\"version\":-1}", "version", "must not be less than 0" },
		{ STATE, "{\"version\":\"1.0\"}", "version", "must be a whole number" },
		{ STATE, "{\"version\":\"\"}", "version", "must be a whole number" },
		{ STATE, "{\"version\":\"123456789012345678901\"}", "version",
		  "must be a whole number" },
		{ REPORT, "{\"brand_id\":\"" BRAND "\",\"model\":\"first\"}", "model",
		  "must be one of last_touch, linear" },
		{ REPORT, "{\"brand_id\":\"" BRAND "\",\"window\":\"28\"}", "window",
		  "must be a number of days such as 28d" },
		{ REPORT, "{\"brand_id\":\"" BRAND "\",\"window\":\"000000028d\"}", "window",
		  "is longer than 8 bytes" },
		{ IMPORT, "{\"brand_id\":\"" BRAND "\",\"import_key\":\"k\"}", "import_key",
		  "cannot be given in the body" },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct error err = { 0 };
		struct buf out;

		buf_init(&out, 10000);
		if (round_trip(rows[i].d, rows[i].in, NULL, 0, &out, &err) != ST_INVALID ||
		    err.status != ST_INVALID || strcmp(err.field, rows[i].field) != 0 ||
		    strcmp(err.detail, rows[i].reason) != 0)
			fail_msg("%s: \"%s\" \"%s\"", rows[i].in, err.field, err.detail);
		buf_done(&out);
	}
}

/* {"name":"xxx"} with a name of `len` bytes. */
static char *named(size_t len)
{
	char *text = malloc(len + 32), *at = text;

	assert_non_null(text);
	at += snprintf(at, 16, "{\"name\":\"");
	memset(at, 'x', len);
	snprintf(at + len, 16, "\"}");
	return text;
}

/* {"<list>":[<item>,<item>,...]} with n items. */
static char *listed(const char *list, const char *item, size_t n)
{
	struct buf text;

	buf_init(&text, SIZE_MAX);
	buf_printf(&text, "{\"%s\":[", list);
	for (size_t i = 0; i < n; i++)
		buf_printf(&text, "%s%s", i > 0 ? "," : "", item);
	buf_puts(&text, "]}");
	assert_int_equal(buf_status(&text), ST_OK);
	return text.data;
}

/* {"string_value":"..."} with `len` bytes as base64url. */
static char *bytes(size_t len)
{
	struct arena *a = arena_new(TRIP_ARENA_MAX);
	struct buf text;

	buf_init(&text, SIZE_MAX);
	buf_printf(&text, "{\"string_value\":\"%s\"}",
		   base64url_encode(a, arena_alloc(a, len), len));
	arena_free(a);
	assert_int_equal(buf_status(&text), ST_OK);
	return text.data;
}

static void check_limit(const ProtobufCMessageDescriptor *d, char *text, const char *field,
			const char *reason)
{
	struct error err = { 0 };
	struct buf out;
	enum status st;

	buf_init(&out, SIZE_MAX);
	st = round_trip(d, text, NULL, 0, &out, &err);
	assert_int_equal(st, reason[0] == '\0' ? ST_OK : ST_INVALID);
	assert_string_equal(err.field, field);
	assert_string_equal(err.detail, reason);
	buf_done(&out);
	free(text);
}

/* Limits too long to write down in a row. */
static void test_limits(void **state)
{
	(void)state;
	check_limit(NEW_BRAND, named(200), "", "");
	check_limit(NEW_BRAND, named(201), "name", "is longer than 200 bytes");
	check_limit(&auth__v1__brand__descriptor, named(1024), "", "");
	check_limit(&auth__v1__brand__descriptor, named(1025), "name", "is longer than 1024 bytes");
	check_limit(&attribution__v1__summary__descriptor, listed("freshness", "{}", 1000), "", "");
	check_limit(&attribution__v1__summary__descriptor, listed("freshness", "{}", 1001),
		    "freshness", "has more than 1000 items");
	check_limit(&shopify__v1__order__descriptor, listed("lines", "{}", 1001), "", "");
	check_limit(USER, listed("brand_ids", "\"" BRAND "\"", 65), "brand_ids",
		    "has more than 64 items");
	/* Messages without rules have limits all the same. */
	check_limit(&google__protobuf__field_descriptor_proto__descriptor, named(1024), "", "");
	check_limit(&google__protobuf__field_descriptor_proto__descriptor, named(1025), "name",
		    "is longer than 1024 bytes");
	check_limit(&google__protobuf__file_descriptor_proto__descriptor,
		    listed("dependency", "\"\"", 1001), "dependency", "has more than 1000 items");
	check_limit(&google__protobuf__uninterpreted_option__descriptor, bytes(65536), "", "");
	check_limit(&google__protobuf__uninterpreted_option__descriptor, bytes(65537),
		    "string_value", "is longer than 65536 bytes");
}

/* An arena of any size either holds the message or says that it is too small; nothing else. */
static void test_small_arenas(void **state)
{
	static const char text[] = "{\"name\":\"a name of some length\"," ADMIN "}";
	const struct json_param path = { .name = "name",
					 .value = "a name of some length",
					 .from_path = true };
	size_t fits = 0;

	(void)state;
	for (size_t max = 0; max < 1000; max += 8) {
		struct arena *a = arena_new(max);
		ProtobufCMessage *m = NULL;
		struct error err = { 0 };
		enum status st =
			message_from_json(a, TENANT, text, strlen(text), &path, 1, &m, &err);

		assert_true(st == ST_OK || st == ST_TOO_LARGE);
		assert_true((m != NULL) == (st == ST_OK));
		assert_true(fits == 0 || st == ST_OK);
		if (st == ST_OK)
			fits++;
		else
			assert_string_equal(err.field, "body");
		arena_free(a);
	}
	assert_true(fits > 10 && fits < 120);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_small_arenas),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
