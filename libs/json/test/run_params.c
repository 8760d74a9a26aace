/* Fields given outside the body: path, query and headers. long: its functions are tables. */
#include "core/test/rows.h"

#include "json/test/trip.h"

#include "attribution/v1/attribution.pb-c.h"
#include "auth/v1/auth.pb-c.h"
#include "pulsepoint/sync.pb-c.h"
#include "shopify/v1/shopify.pb-c.h"

static const ProtobufCMessageDescriptor *const TENANT =
	&auth__v1__create_tenant_request__descriptor;
static const ProtobufCMessageDescriptor *const USER = &auth__v1__create_user_request__descriptor;
static const ProtobufCMessageDescriptor *const BRANDS = &auth__v1__list_brands_request__descriptor;
static const ProtobufCMessageDescriptor *const REPORT =
	&attribution__v1__attribution_request__descriptor;
static const ProtobufCMessageDescriptor *const SUMMARY =
	&attribution__v1__summary_request__descriptor;
static const ProtobufCMessageDescriptor *const IMPORT =
	&attribution__v1__import_touchpoints_request__descriptor;
static const ProtobufCMessageDescriptor *const LINE = &shopify__v1__order_line__descriptor;
static const ProtobufCMessageDescriptor *const SYNC = &pulsepoint__sync_request__descriptor;

static void test_params(void **state)
{
	const struct {
		const ProtobufCMessageDescriptor *d;
		const char *body;
		struct json_param params[3];
		size_t n;
		const char *out, *field, *reason; /* out NULL: refused */
	} rows[] = {
		{ BRANDS,
		  NULL,
		  { { .name = "page_size", .value = "7" }, { .name = "q", .value = "a,b \"c\"" } },
		  2,
		  "{\"q\":\"a,b \\\"c\\\"\",\"page_size\":7,\"page_token\":\"\"}",
		  "",
		  "" },
		{ BRANDS,
		  NULL,
		  { { .name = "q", .value = "" } },
		  1,
		  "{\"q\":\"\",\"page_size\":50,\"page_token\":\"\"}",
		  "",
		  "" },
		{ BRANDS,
		  NULL,
		  { { .name = "page_size", .value = "0" } },
		  1,
		  NULL,
		  "page_size",
		  "must be between 1 and 200" },
		{ BRANDS,
		  NULL,
		  { { .name = "page_size", .value = "" } },
		  1,
		  NULL,
		  "page_size",
		  "must be a whole number" },
		{ BRANDS,
		  NULL,
		  { { .name = "page_size", .value = "1.5" } },
		  1,
		  NULL,
		  "page_size",
		  "must be a whole number" },
		{ BRANDS,
		  NULL,
		  { { .name = "page_size", .value = " 5" } },
		  1,
		  NULL,
		  "page_size",
		  "must be a whole number" },
		{ BRANDS,
		  NULL,
		  { { .name = "page_size", .value = "99999999999999999999" } },
		  1,
		  NULL,
		  "page_size",
		  "must be between 1 and 200" },
		{ BRANDS,
		  NULL,
		  { { .name = "size", .value = "5" } },
		  1,
		  NULL,
		  "size",
		  "is not a field of ListBrandsRequest" },
		{ BRANDS,
		  NULL,
		  { { .name = "\xFF", .value = "5" } },
		  1,
		  NULL,
		  "?",
		  "is not a field of ListBrandsRequest" },
		{ BRANDS,
		  NULL,
		  { { .name = "q", .value = "\xFF" } },
		  1,
		  NULL,
		  "q",
		  "is not valid UTF-8" },
		{ BRANDS,
		  NULL,
		  { { .name = "q", .value = "a" }, { .name = "q", .value = "a" } },
		  2,
		  NULL,
		  "q",
		  "appears twice" },
		{ BRANDS,
		  "{\"q\":\"a\"}",
		  { { .name = "q", .value = "a" } },
		  1,
		  NULL,
		  "q",
		  "appears twice: in the body and outside it" },
		{ SYNC,
		  "{\"full\":true}",
		  { { .name = "brand_id", .value = BRAND, .from_path = true } },
		  1,
		  "{\"brand_id\":\"" BRAND "\",\"full\":true}",
		  "",
		  "" },
		{ SYNC,
		  "{\"brand_id\":\"" BRAND "\"}",
		  { { .name = "brand_id", .value = BRAND, .from_path = true } },
		  1,
		  "{\"brand_id\":\"" BRAND "\",\"full\":false}",
		  "",
		  "" },
		{ SYNC,
		  "{\"brand_id\":\"" BRAND "\"}",
		  { { .name = "brand_id",
		      .value = "0190A3F0-1234-7ABC-8DEF-0123456789AB",
		      .from_path = true } },
		  1,
		  "{\"brand_id\":\"" BRAND "\",\"full\":false}",
		  "",
		  "" },
		{ SYNC,
		  "{\"brand_id\":\"0190a3f0-1234-7abc-8def-0123456789ac\"}",
		  { { .name = "brand_id", .value = BRAND, .from_path = true } },
		  1,
		  NULL,
		  "brand_id",
		  "differs between path and body" },
		{ SYNC,
		  NULL,
		  { { .name = "brand_id", .value = "x", .from_path = true } },
		  1,
		  NULL,
		  "brand_id",
		  "must be a UUID" },
		{ SYNC,
		  NULL,
		  { { .name = "brand_id", .value = "", .from_path = true } },
		  1,
		  NULL,
		  "brand_id",
		  "is required" },
		{ SYNC,
		  NULL,
		  { { .name = "brand_id", .value = BRAND }, { .name = "full", .value = "true" } },
		  2,
		  "{\"brand_id\":\"" BRAND "\",\"full\":true}",
		  "",
		  "" },
		{ SYNC,
		  NULL,
		  { { .name = "full", .value = "1" } },
		  1,
		  NULL,
		  "full",
		  "must be true or false" },
		{ SUMMARY,
		  NULL,
		  { { .name = "brand_id", .value = BRAND },
		    { .name = "to", .value = "2026-01-31" } },
		  2,
		  "{\"brand_id\":\"" BRAND "\",\"from\":null,\"to\":\"2026-01-31\"}",
		  "",
		  "" },
		{ SUMMARY,
		  NULL,
		  { { .name = "to", .value = "31.1.2026" } },
		  1,
		  NULL,
		  "to",
		  "must be a date such as 2026-11-21" },
		{ REPORT,
		  NULL,
		  { { .name = "brand_id", .value = BRAND },
		    { .name = "model", .value = "linear" },
		    { .name = "by", .value = "campaign" } },
		  3,
		  "{\"brand_id\":\"" BRAND
		  "\",\"model\":\"linear\",\"by\":\"campaign\",\"measure\":\"net\","
		  "\"window\":\"28d\",\"from\":null,\"to\":null}",
		  "",
		  "" },
		{ REPORT,
		  NULL,
		  { { .name = "model", .value = "" } },
		  1,
		  NULL,
		  "model",
		  "must be one of last_touch, linear" },
		{ &auth__v1__user_changed__descriptor,
		  NULL,
		  { { .name = "brand_ids", .value = "a,,b" } },
		  1,
		  "{\"user_id\":\"\",\"role\":null,\"brand_ids\":[\"a\",\"\",\"b\"],\"version\":"
		  "\"0\"}",
		  "",
		  "" },
		{ &auth__v1__user_changed__descriptor,
		  NULL,
		  { { .name = "brand_ids", .value = "" } },
		  1,
		  "{\"user_id\":\"\",\"role\":null,\"brand_ids\":[],\"version\":\"0\"}",
		  "",
		  "" },
		{ USER,
		  "{\"email\":\"a@b.c\",\"password\":\"0123456789ab\",\"role\":\"viewer\"}",
		  { { .name = "brand_ids", .value = BRAND ",x" } },
		  1,
		  NULL,
		  "brand_ids[1]",
		  "must be a UUID" },
		{ TENANT,
		  NULL,
		  { { .name = "admin", .value = "{}" } },
		  1,
		  NULL,
		  "admin",
		  "must be an object" },
		{ LINE,
		  NULL,
		  { { .name = "total", .value = "1.00" } },
		  1,
		  NULL,
		  "total",
		  "must be an object with amount and currency" },
		{ IMPORT,
		  NULL,
		  { { .name = "brand_id", .value = BRAND }, { .name = "last", .value = "true" } },
		  2,
		  NULL,
		  "last",
		  "cannot be given in path or query" },
		{ IMPORT,
		  NULL,
		  { { .name = "brand_id", .value = BRAND, .from_path = true },
		    { .name = "import_key", .value = "k", .from_header = true },
		    { .name = "first_line", .value = "12", .from_header = true } },
		  3,
		  "{\"brand_id\":\"" BRAND
		  "\",\"lines\":[],\"import_key\":\"k\",\"first_line\":\"12\","
		  "\"last\":false}",
		  "",
		  "" },
		{ IMPORT,
		  NULL,
		  { { .name = "first_line", .value = "-1", .from_header = true } },
		  1,
		  NULL,
		  "first_line",
		  "must not be less than 0" },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		const char *first = rows[i].params[0].name;
		struct error err = { 0 };
		struct buf out;
		enum status st;

		buf_init(&out, 10000);
		st = round_trip(rows[i].d, rows[i].body, rows[i].params, rows[i].n, &out, &err);
		if ((st == ST_OK) != (rows[i].out != NULL) ||
		    strcmp(err.field, rows[i].field) != 0 ||
		    strcmp(err.detail, rows[i].reason) != 0)
			fail_msg("row %zu (%s): \"%s\" \"%s\"", i, first, err.field, err.detail);
		if (st == ST_OK && strcmp(buf_str(&out), rows[i].out) != 0)
			fail_msg("row %zu (%s): %s", i, first, buf_str(&out));
		buf_done(&out);
	}
}

static void test_too_many_params(void **state)
{
	struct json_param params[65];
	struct error err = { 0 };
	struct buf out;

	(void)state;
	for (size_t i = 0; i < N_ROWS(params); i++)
		params[i] = (struct json_param){ .name = "q", .value = "a" };
	buf_init(&out, 1000);
	assert_int_equal(round_trip(BRANDS, NULL, params, 65, &out, &err), ST_INVALID);
	assert_string_equal(err.field, "query");
	assert_string_equal(err.detail, "has more than 64 parameters");
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_params),
		cmocka_unit_test(test_too_many_params),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
