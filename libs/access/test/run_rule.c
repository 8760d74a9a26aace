/* Every caller against every kind of method, and brands. */
#include "forge.h"

enum caller { NOBODY, VIEWER, ANALYST, ADMIN, OPERATOR, GRANT, CALLERS };

static struct access_claims claims_of(enum caller who)
{
	struct access_claims c = good_claims();

	switch (who) {
	case NOBODY:
	case VIEWER:
		c.role = ROLE_VIEWER;
		break;
	case ANALYST:
		c.role = ROLE_ANALYST;
		break;
	case ADMIN:
		c.role = ROLE_ADMIN;
		break;
	case OPERATOR:
		c.role = ROLE_OPERATOR;
		c.tenant_id[0] = '\0';
		break;
	case GRANT:
	case CALLERS:
		c.role = ROLE_ANALYST;
		c.session_id[0] = '\0';
		snprintf(c.user_id, sizeof(c.user_id), "ingest-ads");
		snprintf(c.service, sizeof(c.service), "auth");
		break;
	}
	return c;
}

#define OK ST_OK
#define NO ST_DENIED
#define TK ST_UNAUTHENTICATED
static void test_matrix(void **state)
{
	static const struct {
		enum role role;
		enum status want[CALLERS]; /* nobody viewer analyst admin operator grant */
	} rows[] = {
		{ ROLE_NONE, { NO, NO, NO, NO, NO, NO } },
		{ ROLE_PUBLIC, { OK, OK, OK, OK, OK, OK } },
		{ ROLE_VIEWER, { TK, OK, OK, OK, NO, OK } },
		{ ROLE_ANALYST, { TK, NO, OK, OK, NO, OK } },
		{ ROLE_ADMIN, { TK, NO, NO, OK, NO, NO } },
		{ ROLE_OPERATOR, { TK, NO, NO, NO, OK, NO } },
		{ ROLE_SERVICE, { NO, NO, NO, NO, NO, NO } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (enum caller who = NOBODY; who < CALLERS; who++) {
			struct contract_method m = { .name = "M", .role = rows[i].role };
			struct access_claims c = claims_of(who);
			struct error err = { 0 };
			enum status st = access_allow(&m, who == NOBODY ? NULL : &c, NULL, &err);

			if (st != rows[i].want[who])
				fail_msg("method %s, caller %d: %s", role_name(rows[i].role),
					 (int)who, status_name(st));
			assert_int_equal(err.status, st);
			assert_int_equal(st == ST_OK, err.detail[0] == '\0');
		}
	}
}

/* Claims that no verified token has still pass nowhere. */
static void test_impossible_claims(void **state)
{
	static const enum role least[] = { ROLE_VIEWER, ROLE_ANALYST, ROLE_ADMIN, ROLE_OPERATOR };
	static const enum role held[] = { ROLE_NONE, ROLE_PUBLIC, ROLE_SERVICE, ROLE_OPERATOR };
	struct error err = { 0 };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		for (size_t j = 0; j < 4; j++) {
			struct contract_method m = { .role = least[i] };
			struct access_claims c =
				good_claims(); /* with a tenant, so no operator either */

			c.role = held[j];
			assert_int_equal(access_allow(&m, &c, NULL, &err), ST_DENIED);
		}
	}
}

static void test_brands(void **state)
{
	static const struct {
		const char *list, *brand;
		bool visible;
	} rows[] = {
		{ "", BRAND, true },
		{ BRAND, BRAND, true },
		{ BRAND, BRAND_2, false },
		{ BRAND "," BRAND_2, BRAND_2, true },
		{ BRAND "," BRAND_2, BRAND, true },
		{ BRAND "," BRAND_2, "0190d000-0000-7000-8000-000000000003", false },
		{ BRAND, "0190D000-0000-7000-8000-000000000001", true },
		{ BRAND, "0190d000", false },
		{ BRAND "," BRAND_2, BRAND "," BRAND_2, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct contract_method m = { .role = ROLE_VIEWER, .brand_field = "brand_id" };
		struct access_claims c = good_claims();
		struct error err = { 0 };

		snprintf(c.brand_ids, sizeof(c.brand_ids), "%s", rows[i].list);
		assert_int_equal(access_brand_visible(c.brand_ids, rows[i].brand), rows[i].visible);
		assert_int_equal(access_allow(&m, &c, rows[i].brand, &err),
				 rows[i].visible ? ST_OK : ST_NOT_FOUND);
		if (!rows[i].visible)
			assert_string_equal(err.detail, ACCESS_NO_BRAND);
		/* The role is looked at first: who may not call learns nothing of brands. */
		m.role = ROLE_ADMIN;
		assert_int_equal(access_allow(&m, &c, rows[i].brand, &err), ST_DENIED);
		/* No brand named: row-level security bounds the answer. */
		m.role = ROLE_VIEWER;
		assert_int_equal(access_allow(&m, &c, "", &err), ST_OK);
		assert_int_equal(access_allow(&m, &c, NULL, &err), ST_OK);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matrix),
		cmocka_unit_test(test_impossible_claims),
		cmocka_unit_test(test_brands),
	};

	return cmocka_run_group_tests_name("rule", tests, NULL, NULL);
}
