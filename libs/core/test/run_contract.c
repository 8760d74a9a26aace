/* The finders over the real contract, and that its tables are in the order the finders rely on. */
#include "core/test/rows.h"

#include "core/contract.h"

#include <protobuf-c/protobuf-c.h>
#include <string.h>

static void test_services(void **state)
{
	(void)state;
	assert_true(contract_services_n > 0);
	for (size_t i = 0; i < contract_services_n; i++) {
		const struct contract_service *s = contract_services[i];

		assert_ptr_equal(contract_service_find(s->name), s);
		if (i > 0)
			assert_true(strcmp(contract_services[i - 1]->name, s->name) < 0);
		for (size_t m = 0; m < s->n_methods; m++)
			assert_ptr_equal(contract_method_find(s, s->methods[m].subject),
					 &s->methods[m]);
	}
	assert_null(contract_service_find("no-such-service"));
	assert_null(contract_service_find(NULL));
}

static void test_methods(void **state)
{
	const struct contract_service *auth = contract_service_find("auth");
	const struct contract_method *login = contract_method_find(auth, "pp.rpc.auth.login");

	(void)state;
	assert_non_null(login);
	assert_string_equal(login->name, "Login");
	assert_int_equal(login->role, ROLE_PUBLIC);
	assert_null(contract_method_find(auth, "pp.rpc.auth.no_such_method"));
	assert_null(contract_method_find(auth, "Login"));
	assert_null(contract_method_find(auth, NULL));
	assert_null(contract_method_find(NULL, "pp.rpc.auth.login"));
}

static void test_messages(void **state)
{
	ProtobufCMessageDescriptor copy;

	(void)state;
	assert_true(contract_messages_n > 50);
	for (size_t i = 0; i < contract_messages_n; i++) {
		const struct message_rule *r = &contract_messages[i];

		assert_ptr_equal(contract_message_find(r->descriptor), r);
		if (i > 0)
			assert_true(strcmp(contract_messages[i - 1].descriptor->name,
					   r->descriptor->name) < 0);
	}
	/* A message of the same name that is not the same type has other fields: no rules for it.
	 */
	copy = *contract_messages[0].descriptor;
	assert_null(contract_message_find(&copy));
	copy.name = "zzz.Unknown";
	assert_null(contract_message_find(&copy));
	copy.name = "";
	assert_null(contract_message_find(&copy));
	assert_null(contract_message_find(NULL));
}

static void test_roles(void **state)
{
	(void)state;
	for (int r = ROLE_NONE; r <= ROLE_SERVICE; r++)
		assert_int_equal(role_from_name(role_name((enum role)r)), r);
	assert_string_equal(role_name(ROLE_VIEWER), "viewer");
	assert_string_equal(role_name((enum role)99), "none");
	assert_int_equal(role_from_name("Viewer"), ROLE_NONE);
	assert_int_equal(role_from_name(""), ROLE_NONE);
	assert_int_equal(role_from_name(NULL), ROLE_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_services),
		cmocka_unit_test(test_methods),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_roles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
