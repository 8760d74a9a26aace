/*
 * Who may do what: every route and every bus method of the contract, tried with every kind of wrong
 * credential. Before a refusal counts, the same request must have succeeded with the right one. A
 * method that is added to proto/ is tried here without a change, or the program ends with its name.
 * Read next: system_requests.c, docs/internals/testing.md.
 */
#include "system/system_faces.h"
#include "system/system_tokens.h"

#include "core/buf.h"
#include "core/timeutil.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SILENCE_MS 300 /* a request that must not be answered */

enum cell {
	CELL_OTHER_TENANT,
	CELL_OTHER_BRAND,
	CELL_LOWER_ROLE,
	CELL_NO_TOKEN,
	CELL_FORGED, /* and as many more as there are forgeries */
	CELL_N = CELL_FORGED + FORGERY_N
};

static struct suite suite;
static struct forger *forger;
static struct person a_admin, b_admin, b_analyst, b_viewer, b_limited, operator_person;
static char brand[UUID_TEXT], other_brand[UUID_TEXT];
static struct objects objects;
static char tenant_canary[64], brand_canary[64];
static char **tenant_secrets, **brand_secrets;
static unsigned routes, methods, cells, positives, told, leaks, faults;
static char *baseline; /* tenant B's rows before the refusals */

/* ---- noting what is wrong: all of it in one run ---- */

static void fault(const struct contract_method *m, const char *face, const char *what,
		  const struct outcome *v, const char *wanted)
{
	faults++;
	printf("MATRIX %s.%s over %s, %s: answered %d, wanted %s: %.200s\n", m->service, m->name,
	       face, what, v->http, wanted, v->body != NULL ? v->body : "");
}

static const char *secret_in(const struct outcome *v, char *const *secrets)
{
	for (; *secrets != NULL; secrets++)
		if (memmem(v->body, v->len, *secrets, strlen(*secrets)) != NULL)
			return *secrets;
	return NULL;
}

/* Of the whole tenant, or (for its own users) of the brand they may not see. */
static const char *any_secret_in(const struct outcome *v, bool tenant)
{
	char *const of_brand[] = { brand_canary, NULL };
	char *const of_tenant[] = { tenant_canary,  b_admin.email,   b_analyst.email,
				    b_viewer.email, b_limited.email, NULL };
	const char *found = secret_in(v, of_brand);

	if (found == NULL)
		found = secret_in(v, brand_secrets);
	if (found == NULL && tenant)
		found = secret_in(v, of_tenant);
	return found != NULL || !tenant ? found : secret_in(v, tenant_secrets);
}

static void look_for_secrets(const struct contract_method *m, const char *face, const char *what,
			     const struct outcome *v, bool tenant)
{
	const char *found = any_secret_in(v, tenant);

	if (found == NULL)
		return;
	leaks++;
	faults++;
	printf("LEAK %s.%s over %s, %s: the answer holds \"%s\"\n", m->service, m->name, face, what,
	       found);
}

/* Whoever was refused has changed nothing of tenant B. */
static void look_for_changes(const struct contract_method *m, const char *face, const char *what)
{
	char *now = suite_rows_of(&suite, b_admin.tenant_id);

	if (strcmp(baseline, now) != 0) {
		faults++;
		printf("WRITTEN %s.%s over %s, %s: %s\n", m->service, m->name, face, what,
		       rows_difference(baseline, now));
	}
	free(baseline);
	baseline = now;
}

static void new_baseline(void)
{
	suite_settle(&suite, b_admin.tenant_id);
	free(baseline);
	baseline = suite_rows_of(&suite, b_admin.tenant_id);
}

/* ---- who ---- */

/* The least that suffices, of tenant B. */
static const char *right_token(const struct contract_method *m)
{
	switch (m->role) {
	case ROLE_VIEWER:
		return b_viewer.token;
	case ROLE_ANALYST:
		return b_analyst.token;
	case ROLE_ADMIN:
		return b_admin.token;
	case ROLE_OPERATOR:
		return operator_person.token;
	case ROLE_PUBLIC:
	case ROLE_SERVICE:
		return "";
	case ROLE_NONE:
		break;
	}
	suite_fail("%s.%s has no role", m->service, m->name);
}

/* One step below; operators stand apart, so they are below a viewer and above nobody. */
static const char *lower_token(const struct contract_method *m)
{
	if (m->role == ROLE_VIEWER)
		return operator_person.token;
	if (m->role == ROLE_ANALYST)
		return b_viewer.token;
	return m->role == ROLE_ADMIN ? b_analyst.token : b_admin.token;
}

static const char *cell_name(enum cell c)
{
	static const char *const names[] = { "other tenant", "other brand", "lower role",
					     "no token" };

	return c < CELL_FORGED ? names[c] : forgery_name((enum forgery)(c - CELL_FORGED));
}

static void cell_token(const struct contract_method *m, enum cell c, char out[ACCESS_TOKEN_MAX])
{
	const char *token = "";

	if (c >= CELL_FORGED) {
		forger_forge(forger, (enum forgery)(c - CELL_FORGED), right_token(m), out);
		return;
	}
	if (c == CELL_OTHER_TENANT)
		token = a_admin.token;
	else if (c == CELL_OTHER_BRAND)
		token = b_limited.token;
	else if (c == CELL_LOWER_ROLE)
		token = lower_token(m);
	snprintf(out, ACCESS_TOKEN_MAX, "%s", token);
}

/* ---- the cells ---- */

static bool is_guarded(const struct contract_method *m)
{
	return m->role != ROLE_PUBLIC && m->role != ROLE_SERVICE;
}

static bool writes(const struct contract_method *m)
{
	return m->http_method == NULL || strcmp(m->http_method, "GET") != 0;
}

/* True when the answer is one that the cell allows; says in `wanted` which those are. */
static bool right_refusal(const struct contract_method *m, enum cell c, bool filtered, int http,
			  const char **wanted)
{
	bool operators = m->role == ROLE_OPERATOR;

	if (c == CELL_NO_TOKEN || c >= CELL_FORGED) {
		*wanted = "401";
		return http == 401;
	}
	if (c == CELL_LOWER_ROLE || operators) {
		*wanted = "403";
		return http == 403;
	}
	if (request_names_object(m) && !(c == CELL_OTHER_BRAND && request_names_tenants(m))) {
		*wanted = "403 or 404";
		return http == 403 || http == 404;
	}
	/* Without an object of B's the caller may act for himself. */
	*wanted = filtered ? "403, 404 or an answer without a word of tenant B" : "its own answer";
	return http == 403 || http == 404 || (http >= 200 && http < 300);
}

static void try_cell(const struct face *face, const struct contract_method *m, enum cell c,
		     bool without_filter)
{
	char token[ACCESS_TOKEN_MAX], what[64];
	cJSON *request = request_new(&objects, m);
	const char *wanted;
	struct outcome v;

	if (without_filter)
		(void)request_without_filter(request, m);
	cell_token(m, c, token);
	snprintf(what, sizeof(what), "%s%s", cell_name(c), without_filter ? ", no filter" : "");
	v = face->call(m, request, token);
	cells++;
	if (!right_refusal(m, c, !without_filter, v.http, &wanted))
		fault(m, face->name, what, &v, wanted);
	look_for_secrets(m, face->name, what, &v, c != CELL_OTHER_BRAND);
	if (!writes(m))
		return;
	/* A limited user who was let do something of his own has changed his tenant. */
	if (v.http < 300 && c == CELL_OTHER_BRAND)
		new_baseline();
	else
		look_for_changes(m, face->name, what);
}

static bool has_filter(const struct contract_method *m)
{
	cJSON *request = request_new(&objects, m);
	bool any = request_without_filter(request, m);

	cJSON_Delete(request);
	return any;
}

static void try_cells(const struct face *face, const struct contract_method *m)
{
	for (enum cell c = 0; c < CELL_N; c++) {
		try_cell(face, m, c, false);
		if ((c == CELL_OTHER_TENANT || c == CELL_OTHER_BRAND) && has_filter(m))
			try_cell(face, m, c, true);
	}
}

static void try_positive(const struct face *face, const struct contract_method *m)
{
	int want = face == &http_face ? m->http_status : 200;
	struct outcome v;

	objects.spends = true;
	v = face->call(m, request_new(&objects, m), right_token(m));
	objects.spends = false;

	positives++;
	routes += face == &http_face;
	methods += face == &bus_face;
	told += is_guarded(m) && any_secret_in(&v, true) != NULL;
	if (v.http != want)
		fault(m, face->name, "right token", &v, "success");
}

static void try_guarded(const struct face *face, const struct contract_method *m)
{
	if (is_guarded(m))
		try_cells(face, m);
}

/* ---- the world ---- */

static void make_operator(void)
{
	char body[256];
	cJSON *o;

	snprintf(body, sizeof(body), "{\"api_key\":\"%s\"}", suite.operator_key);
	o = suite_json(&suite, "POST", "/api/auth/token", "", body, 200);
	snprintf(operator_person.token, sizeof(operator_person.token), "%s",
		 json_text(o, "access_token"));
	cJSON_Delete(o);
}

static void make_people(void)
{
	char random[9], name[128], a_brand[UUID_TEXT];

	random_hex(random, 4);
	snprintf(tenant_canary, sizeof(tenant_canary), "Canarytenant%s", random);
	snprintf(brand_canary, sizeof(brand_canary), "Canarybrand%s", random);
	make_operator();
	make_tenant(&suite, "Tenant A", &a_admin);
	make_brand(&suite, &a_admin, "Brand of A", a_brand);
	make_tenant(&suite, tenant_canary, &b_admin);
	snprintf(name, sizeof(name), "%s one", brand_canary);
	make_brand(&suite, &b_admin, name, brand);
	make_brand(&suite, &b_admin, "The other brand of B", other_brand);
	make_user(&suite, &b_admin, "analyst", NULL, &b_analyst);
	make_user(&suite, &b_admin, "viewer", NULL, &b_viewer);
	make_user(&suite, &b_admin, "admin", other_brand, &b_limited);
}

static int set_up(void **state)
{
	struct person spare;
	char run_ids[WORLD_PLATFORMS][UUID_TEXT];

	(void)state;
	suite_up(&suite, "data/nasty.tar.gz");
	forger = forger_new(&suite);
	make_people();
	connect_brand(&suite, &b_admin, brand);
	sync_brand(&suite, &b_admin, brand, run_ids);
	import_visits(&suite, &b_admin, brand);
	objects_find(&suite, &b_admin, brand, run_ids, &objects);
	make_tenant(&suite, "To be suspended", &spare);
	memcpy(objects.spare_tenant_id, spare.tenant_id, UUID_TEXT);
	snprintf(objects.query, sizeof(objects.query), "%s", brand_canary);
	faces_open(&suite);
	tenant_secrets = suite_secrets(&suite, "tenant_id", b_admin.tenant_id);
	brand_secrets = suite_secrets(&suite, "brand_id", brand);
	assert_non_null(tenant_secrets[0]);
	assert_non_null(brand_secrets[0]);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	faces_done();
	sql_free(tenant_secrets);
	sql_free(brand_secrets);
	free(baseline);
	suite_down(&suite);
	return 0;
}

/* ---- tests ---- */

static void the_right_token_succeeds(void **state)
{
	(void)state;
	each_method(try_positive, &http_face);
	each_method(try_positive, &bus_face);
	assert_int_equal(faults, 0);
	assert_true(routes > 0 && methods > routes);
	/* The search finds what is there: half of the guarded methods tell something. */
	assert_true(told > routes / 2);
}

static void wrong_tokens_are_refused_over_http(void **state)
{
	(void)state;
	new_baseline();
	each_method(try_guarded, &http_face);
	assert_int_equal(faults, 0);
}

static void wrong_tokens_are_refused_on_the_bus(void **state)
{
	(void)state;
	objects_new_channel(&objects);
	new_baseline();
	each_method(try_guarded, &bus_face);
	assert_int_equal(faults, 0);
}

/* Nothing that was refused had an effect later on either. */
static void refusals_leave_nothing_behind(void **state)
{
	char *before = suite_rows_of(&suite, b_admin.tenant_id);

	(void)state;
	new_baseline();
	if (strcmp(before, baseline) != 0)
		fail_msg("%s", rows_difference(before, baseline));
	free(before);
}

/* ---- NATS users ---- */

struct denial {
	struct bus *bus;
	uint64_t before;
};

static bool was_denied(void *arg)
{
	struct denial *d = arg;
	struct bus_stats st;

	bus_stats(d->bus, &st);
	return st.denials > d->before;
}

static void try_stranger(const struct contract_method *m, const char *user)
{
	struct bus *bus = face_bus(user);
	struct denial d = { .bus = bus };
	struct bus_msg *reply = NULL;
	struct bus_stats st;
	enum status got;

	bus_stats(bus, &st);
	d.before = st.denials;
	/* No answer may come; for services' own methods that is waited for. */
	if (m->role == ROLE_SERVICE) {
		got = bus_request(bus, m->subject, NULL, 0, "", 0, SILENCE_MS, &reply);
		if (got == ST_OK || reply != NULL)
			fail_msg("%s.%s answers the user of %s", m->service, m->name, user);
	} else {
		assert_int_equal(bus_publish(bus, m->subject, NULL, 0, "", 0), ST_OK);
		assert_int_equal(bus_flush(bus, FACE_CALL_MS), ST_OK);
	}
	cells++;
	if (!tk_wait_until(was_denied, &d, SUITE_WAIT_MS))
		fail_msg("nats-server lets %s call %s.%s", user, m->service, m->name);
	bus_stats(bus, &st);
	assert_string_equal(st.last_denied, m->subject);
}

static void try_users(const struct face *face, const struct contract_method *m)
{
	(void)face;
	if (!may_call(m, EDGE_SERVICE))
		try_stranger(m, EDGE_SERVICE);
	for (size_t i = 0; i < contract_services_n; i++) {
		const char *user = contract_services[i]->name;

		if (strcmp(user, m->service) != 0 && !may_call(m, user))
			try_stranger(m, user);
	}
}

static void nats_refuses_who_is_not_named(void **state)
{
	(void)state;
	each_method(try_users, &bus_face);
}

/* ---- public methods: nobody needs a token, and none helps ---- */

static int post(const char *path, const char *fmt, ...)
{
	char body[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(body, sizeof(body), fmt, ap);
	va_end(ap);
	cells++;
	return suite_send(&suite, "POST", path, "", "application/json", body, strlen(body)).code;
}

static int log_in(const struct person *p, const char *password, const char *tenant_id)
{
	return post("/api/auth/login",
		    "{\"email\":\"%s\",\"password\":\"%s\",\"tenant_id\":\"%s\"}", p->email,
		    password, tenant_id);
}

static void public_methods_want_what_they_ask_for(void **state)
{
	(void)state;
	assert_int_equal(log_in(&a_admin, "Wrong-Password-1", a_admin.tenant_id), 401);
	assert_int_equal(log_in(&a_admin, WORLD_PASSWORD, b_admin.tenant_id), 403);
	assert_int_equal(post("/api/auth/token", "{\"api_key\":\"ppo_nobody-has-this-key\"}"), 401);
	assert_int_equal(post("/api/auth/token", "{\"api_key\":\"%s\"}", b_admin.refresh_token),
			 401);
	assert_int_equal(post("/api/auth/refresh", "{\"refresh_token\":\"ppr_nobody\"}"), 401);
	/* Nobody becomes somebody else by an access token in the place of another credential. */
	assert_int_equal(post("/api/auth/refresh", "{\"refresh_token\":\"%.200s\"}", b_admin.token),
			 401);
}

/* ---- suspension ---- */

struct watch {
	uint64_t version; /* of the access state that everybody must have */
	size_t service;
};

static bool has_version(void *arg)
{
	const struct watch *w = arg;
	const char *name = contract_services[w->service]->name, *at, *data;
	char subject[128];
	struct bus_msg *m;
	bool seen;
	size_t len;

	snprintf(subject, sizeof(subject), "$SRV.STATS.%s", name);
	if (bus_request(face_bus(EDGE_SERVICE), subject, NULL, 0, "", 0, FACE_CALL_MS, &m) != ST_OK)
		return false;
	data = bus_msg_data(m, &len);
	at = memmem(data, len, "\"access_version\":", 17);
	seen = at != NULL && strtoull(at + 17, NULL, 10) >= w->version;
	bus_msg_free(m);
	return seen;
}

static bool edge_refuses(void *arg)
{
	const int *want = arg;

	return suite_send(&suite, "GET", "/api/brands", b_viewer.token, NULL, NULL, 0).code ==
	       *want;
}

/* Changes the state of tenant B and waits until everybody knows; how long that took. */
static int64_t change_tenant(const char *verb, int edge_then)
{
	char path[256], version[32];
	struct watch w;
	int64_t from;

	snprintf(path, sizeof(path), "/api/admin/tenants/%s:%s", b_admin.tenant_id, verb);
	cJSON_Delete(suite_json(&suite, "POST", path, operator_person.token, "{}", 200));
	from = time_mono_us();
	suite_sql(&suite, "SELECT version FROM auth.access_version", NULL, version,
		  sizeof(version));
	w.version = strtoull(version, NULL, 10);
	for (w.service = 0; w.service < contract_services_n; w.service++)
		if (!tk_wait_until(has_version, &w, SUITE_WAIT_MS))
			fail_msg("%s does not hear of it", contract_services[w.service]->name);
	assert_true(tk_wait_until(edge_refuses, &edge_then, SUITE_WAIT_MS));
	return time_mono_us() - from;
}

static void try_suspended(const struct face *face, const struct contract_method *m)
{
	struct outcome v;

	if (!is_guarded(m) || m->role == ROLE_OPERATOR)
		return;
	v = face->call(m, request_new(&objects, m), right_token(m));
	cells++;
	if (v.http != 403)
		fault(m, face->name, "suspended tenant", &v, "403");
	look_for_secrets(m, face->name, "suspended tenant", &v, true);
	if (writes(m))
		look_for_changes(m, face->name, "suspended tenant");
}

static void a_suspended_tenant_is_refused(void **state)
{
	struct person session = b_admin;
	int64_t took;

	(void)state;
	sign_in(&suite, &session);
	took = change_tenant("suspend", 403);
	printf("# suspension: seen by every service after %lld ms (stated: 1,000)\n",
	       (long long)(took / 1000));
	new_baseline();
	/* Signing in is refused, too, and a session does not go on. */
	assert_int_equal(
		post("/api/auth/refresh", "{\"refresh_token\":\"%s\"}", session.refresh_token),
		403);
	assert_int_equal(log_in(&b_admin, WORLD_PASSWORD, b_admin.tenant_id), 403);
	new_baseline(); /* both attempts are in the audit log */
	objects.owner = &a_admin;
	each_method(try_suspended, &http_face);
	each_method(try_suspended, &bus_face);
	objects.owner = &b_admin;
	change_tenant("resume", 200);
	assert_int_equal(faults, 0);
}

static void the_right_token_still_succeeds(void **state)
{
	(void)state;
	cJSON_Delete(suite_json(&suite, "GET", "/api/brands", b_viewer.token, NULL, 200));
	printf("# matrix: %u routes, %u bus methods, %u cells, %u positive controls, %u leaks\n",
	       routes, methods, cells, positives, leaks);
	assert_int_equal(leaks, 0);
	assert_int_equal(faults, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_right_token_succeeds),
		cmocka_unit_test(wrong_tokens_are_refused_over_http),
		cmocka_unit_test(wrong_tokens_are_refused_on_the_bus),
		cmocka_unit_test(refusals_leave_nothing_behind),
		cmocka_unit_test(nats_refuses_who_is_not_named),
		cmocka_unit_test(public_methods_want_what_they_ask_for),
		cmocka_unit_test(a_suspended_tenant_is_refused),
		cmocka_unit_test(the_right_token_still_succeeds),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
