/* See system_requests.h. */
#include "system/system_requests.h"

#include "core/buf.h"
#include "core/text.h"
#include "json/message.h"

#include <protobuf-c/protobuf-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_MAX  128
#define BODY_MAX (1024 * 1024)

/* Values of fields by name; NULL stands for "is left out". */
typedef cJSON *value_fn(struct objects *o);

#define VALUE(name, expression)               \
	static cJSON *name(struct objects *o) \
	{                                     \
		(void)o;                      \
		return expression;            \
	}
VALUE(leave_out, NULL)
VALUE(own_tenant, cJSON_CreateString(o->owner->tenant_id))
VALUE(spare_tenant, cJSON_CreateString(o->spare_tenant_id))
VALUE(own_brand, cJSON_CreateString(o->brand_id))
VALUE(own_order, cJSON_CreateString(o->order_id))
VALUE(shopify_run, cJSON_CreateString(o->run_ids[0]))
VALUE(meta_run, cJSON_CreateString(o->run_ids[1]))
VALUE(own_email, cJSON_CreateString(o->owner->email))
VALUE(good_password, cJSON_CreateString(WORLD_PASSWORD))
VALUE(operator_key, cJSON_CreateString(o->suite->operator_key))
VALUE(word_of_name, cJSON_CreateString(o->query))
VALUE(some_name, cJSON_CreateString("Made by a test"))
VALUE(some_role, cJSON_CreateString("viewer"))
VALUE(some_tier, cJSON_CreateString("unlimited"))
VALUE(some_domain, cJSON_CreateString("made-by-a-test.example"))
VALUE(shop_domain, cJSON_CreateString(o->credentials.shop_domain))
VALUE(some_currency, cJSON_CreateString("KWD"))
VALUE(some_timezone, cJSON_CreateString("Europe/London"))
VALUE(platform, cJSON_CreateString("meta"))
VALUE(meta_token, cJSON_CreateString(o->credentials.secret[1]))
VALUE(small_page, cJSON_CreateNumber(10))
VALUE(last_touch, cJSON_CreateString("last_touch"))
VALUE(by_campaign, cJSON_CreateString("campaign"))
VALUE(net, cJSON_CreateString("net"))
VALUE(four_weeks, cJSON_CreateString("28d"))
VALUE(early_day, cJSON_CreateString("2001-01-01"))
VALUE(late_day, cJSON_CreateString("2039-12-31"))
VALUE(a_service, cJSON_CreateString("attribution"))
VALUE(a_reason, cJSON_CreateString("a test asks"))
VALUE(some_question, cJSON_CreateString("Which campaigns should I spend more on?"))
VALUE(own_question, cJSON_CreateString(o->question_id))
VALUE(own_rule, cJSON_CreateString(o->rule_id))
VALUE(own_reservation, cJSON_CreateString(o->reservation_id))
VALUE(full_marks, cJSON_CreateNumber(5))
VALUE(ai_model, cJSON_CreateString("claude-sonnet-5"))
VALUE(by_day, cJSON_CreateString("day"))
VALUE(a_day, cJSON_CreateString("day"))
VALUE(ai_cost, cJSON_CreateString("ai_cost"))
VALUE(above, cJSON_CreateString("above"))
VALUE(much, cJSON_CreateString("1000"))
VALUE(a_url, cJSON_CreateString("https://hooks.example/pulsepoint"))

static void channel_new(struct objects *o, char channel_id[UUID_TEXT])
{
	cJSON *made = suite_json(o->suite, "POST", "/api/admin/alert-channels", o->owner->token,
				 "{\"name\":\"Made by a test\",\"url\":"
				 "\"https://hooks.example/pulsepoint\"}",
				 201);

	snprintf(channel_id, UUID_TEXT, "%s", json_text(made, "channel_id"));
	cJSON_Delete(made);
}

void objects_new_channel(struct objects *o)
{
	channel_new(o, o->channel_id);
}

/* Whoever may delete a channel needs another one each time. */
static cJSON *own_channel(struct objects *o)
{
	char channel_id[UUID_TEXT];

	if (!o->spends)
		return cJSON_CreateString(o->channel_id);
	channel_new(o, channel_id);
	return cJSON_CreateString(channel_id);
}

static cJSON *new_email(struct objects *o)
{
	char email[PERSON_TEXT];

	(void)o;
	fresh_email("made", email);
	return cJSON_CreateString(email);
}

/* A session is spent by each use. */
static cJSON *new_session(struct objects *o)
{
	struct person again = *o->owner;

	sign_in(o->suite, &again);
	return cJSON_CreateString(again.refresh_token);
}

/* A code works once. */
static cJSON *new_code(struct objects *o)
{
	fresh_credentials(o->suite, &o->credentials);
	return cJSON_CreateString(o->credentials.secret[0]);
}

static cJSON *visit_lines(struct objects *o)
{
	static const char visit[] = "{\"visitor_id\":\"made-by-a-test\",\"position\":1,"
				    "\"occurred_at\":\"2025-04-01T00:00:00Z\"}";
	const char *lines[] = { visit };

	(void)o;
	return cJSON_CreateStringArray(lines, 1);
}

static const struct {
	const char *method; /* "auth.Login"; NULL: any */
	const char *field;
	value_fn *value;
} values[] = {
	{ "token-billing.Reserve", "model", ai_model },
	{ "token-billing.Settle", "model", leave_out },
	{ "token-billing.Reserve", "user_id", leave_out },
	{ "token-billing.GetUsage", "by", by_day },
	{ "token-billing.PutBudget", "period", a_day },
	{ "observability.ListEvents", "from", leave_out },
	{ "observability.ListEvents", "to", leave_out },
	{ "observability.GetLatency", "from", leave_out },
	{ "observability.GetLatency", "to", leave_out },
	{ "auth.Login", "email", own_email },
	{ "auth.SuspendTenant", "tenant_id", spare_tenant },
	{ "auth.ResumeTenant", "tenant_id", spare_tenant },
	{ "auth.Refresh", "refresh_token", new_session },
	{ "auth.Logout", "refresh_token", new_session },
	{ "ingest-shopify.GetSync", "run_id", shopify_run },
	{ "ingest-ads.GetSync", "run_id", meta_run },
	{ NULL, "access_token", meta_token },
	{ NULL, "account_id", leave_out },
	{ NULL, "api_key", operator_key },
	{ NULL, "brand_id", own_brand },
	{ NULL, "brand_ids", leave_out },
	{ NULL, "by", by_campaign },
	{ NULL, "channel_id", own_channel },
	{ NULL, "code", new_code },
	{ NULL, "comparison", above },
	{ NULL, "currency", some_currency },
	{ NULL, "domain", some_domain },
	{ NULL, "email", new_email },
	{ NULL, "from", early_day },
	{ NULL, "full", leave_out },
	{ NULL, "lines", visit_lines },
	{ NULL, "login_customer_id", leave_out },
	{ NULL, "measure", net },
	{ NULL, "metric", ai_cost },
	{ NULL, "model", last_touch },
	{ NULL, "name", some_name },
	{ NULL, "order_id", own_order },
	{ NULL, "page_size", small_page },
	{ NULL, "page_token", leave_out },
	{ NULL, "password", good_password },
	{ NULL, "platform", platform },
	{ NULL, "q", word_of_name },
	{ NULL, "question", some_question },
	{ NULL, "question_id", own_question },
	{ NULL, "rating", full_marks },
	{ NULL, "reason", a_reason },
	{ NULL, "refresh_token", leave_out },
	{ NULL, "reservation_id", own_reservation },
	{ NULL, "role", some_role },
	{ NULL, "rule_id", own_rule },
	{ NULL, "service", a_service },
	{ NULL, "shop_domain", shop_domain },
	{ NULL, "tenant_id", own_tenant },
	{ NULL, "threshold", much },
	{ NULL, "tier", some_tier },
	{ NULL, "timezone", some_timezone },
	{ NULL, "to", late_day },
	{ NULL, "url", a_url },
	{ NULL, "window", four_weeks },
};

static value_fn *value_of(const struct contract_method *m, const char *field)
{
	char method[KEY_MAX];

	snprintf(method, sizeof(method), "%s.%s", m->service, m->name);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		if ((values[i].method == NULL || strcmp(values[i].method, method) == 0) &&
		    strcmp(values[i].field, field) == 0)
			return values[i].value;
	}
	return NULL;
}

/* ---- whose ---- */

/* A question that was answered, a rule, a channel, a name for a reservation. */
static void find_answering_half(struct objects *o)
{
	char path[512];
	cJSON *made;

	snprintf(path, sizeof(path), "/api/brands/%s/ask", o->brand_id);
	made = suite_json(o->suite, "POST", path, o->owner->token,
			  "{\"question\":\"Which campaigns should I spend more on?\"}", 200);
	snprintf(o->question_id, sizeof(o->question_id), "%s", json_text(made, "question_id"));
	cJSON_Delete(made);
	made = suite_json(o->suite, "POST", "/api/admin/alert-rules", o->owner->token,
			  "{\"name\":\"Made by a test\",\"metric\":\"ai_cost\",\"comparison\":"
			  "\"above\",\"threshold\":\"1000\"}",
			  201);
	snprintf(o->rule_id, sizeof(o->rule_id), "%s", json_text(made, "rule_id"));
	cJSON_Delete(made);
	objects_new_channel(o);
	uuid_v7(o->reservation_id);
}

void objects_find(struct suite *s, struct person *owner, const char *brand_id,
		  char run_ids[WORLD_PLATFORMS][UUID_TEXT], struct objects *ret)
{
	char path[512];
	cJSON *o;

	*ret = (struct objects){ .suite = s, .owner = owner };
	memcpy(ret->brand_id, brand_id, UUID_TEXT);
	memcpy(ret->run_ids, run_ids, sizeof(ret->run_ids));
	snprintf(path, sizeof(path), "/api/brands/%s/orders?page_size=1", brand_id);
	o = suite_json(s, "GET", path, owner->token, NULL, 200);
	snprintf(ret->order_id, sizeof(ret->order_id), "%s",
		 json_text(cJSON_GetArrayItem(cJSON_GetObjectItem(o, "orders"), 0), "order_id"));
	cJSON_Delete(o);
	if (ret->order_id[0] == '\0')
		suite_fail("the brand has no order");
	fresh_credentials(s, &ret->credentials);
	find_answering_half(ret);
}

/* ---- one request ---- */

static bool is_plain_message(const ProtobufCFieldDescriptor *f)
{
	const ProtobufCMessageDescriptor *d =
		f->type == PROTOBUF_C_TYPE_MESSAGE ? f->descriptor : NULL;

	return d != NULL && strcmp(d->package_name, "pulsepoint") != 0;
}

static cJSON *object_new(struct objects *o, const struct contract_method *m,
			 const ProtobufCMessageDescriptor *d)
{
	const struct message_rule *rules = contract_message_find(d);
	cJSON *out = cJSON_CreateObject();

	for (unsigned i = 0; i < d->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &d->fields[i];
		const struct field_rule *rule = rules != NULL ? &rules->fields[i] : NULL;
		value_fn *make = value_of(m, f->name);
		cJSON *v = NULL;

		if (rule != NULL && rule->in_header)
			continue;
		if (make != NULL)
			v = make(o);
		else if (is_plain_message(f) && f->label != PROTOBUF_C_LABEL_REPEATED)
			v = object_new(o, m, f->descriptor);
		if (v != NULL)
			cJSON_AddItemToObject(out, f->name, v);
		else if (rule != NULL && rule->required)
			suite_fail("%s.%s requires the field %s: add its name to the table in "
				   "system_requests.c",
				   m->service, m->name, f->name);
	}
	return out;
}

cJSON *request_new(struct objects *o, const struct contract_method *m)
{
	return object_new(o, m, m->input);
}

/* Fields that name something with an owner. */
static bool names_object(const char *field)
{
	size_t n = strlen(field);

	return n > 3 && strcmp(field + n - 3, "_id") == 0;
}

bool request_names_object(const struct contract_method *m)
{
	const struct message_rule *rules = contract_message_find(m->input);

	for (unsigned i = 0; rules != NULL && i < m->input->n_fields; i++)
		if (names_object(m->input->fields[i].name) && rules->fields[i].required)
			return true;
	return false;
}

bool request_names_tenants(const struct contract_method *m)
{
	static const char *const fields[] = { "rule_id", "channel_id" };

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (protobuf_c_message_descriptor_get_field_by_name(m->input, fields[i]) != NULL)
			return true;
	return false;
}

bool request_without_filter(cJSON *request, const struct contract_method *m)
{
	const struct message_rule *rules = contract_message_find(m->input);
	bool any = false;

	for (unsigned i = 0; i < m->input->n_fields; i++) {
		const char *name = m->input->fields[i].name;

		if (!names_object(name) || (rules != NULL && rules->fields[i].required) ||
		    !cJSON_HasObjectItem(request, name))
			continue;
		cJSON_DeleteItemFromObjectCaseSensitive(request, name);
		any = true;
	}
	return any;
}

/* ---- as HTTP ---- */

/* A value as text outside JSON: path parts and query parameters. */
static void put_text(struct buf *b, struct arena *a, const cJSON *v)
{
	char *printed = cJSON_IsString(v) ? NULL : cJSON_PrintUnformatted(v);

	buf_puts(b, percent_encode(a, printed != NULL ? printed : v->valuestring));
	cJSON_free(printed);
}

static void put_path(struct buf *b, struct arena *a, const char *path, cJSON *request)
{
	while (*path != '\0') {
		size_t n = strcspn(path, "{"), len;
		char name[KEY_MAX];
		cJSON *v;

		buf_put(b, path, n);
		path += n;
		if (*path == '\0')
			return;
		len = strcspn(path, "}") - 1;
		snprintf(name, sizeof(name), "%.*s", (int)len, path + 1);
		v = cJSON_DetachItemFromObjectCaseSensitive(request, name);
		if (v == NULL)
			suite_fail("the path wants %s, which the request has not", name);
		put_text(b, a, v);
		cJSON_Delete(v);
		path += len + 2;
	}
}

static void put_query(struct buf *b, struct arena *a, const cJSON *request)
{
	char mark = '?';

	for (const cJSON *v = request->child; v != NULL; v = v->next) {
		buf_printf(b, "%c%s=", mark, v->string);
		put_text(b, a, v);
		mark = '&';
	}
}

static char *lines_of(const cJSON *list)
{
	struct buf b;

	buf_init(&b, BODY_MAX);
	for (const cJSON *v = list != NULL ? list->child : NULL; v != NULL; v = v->next)
		buf_printf(&b, "%s\n", v->valuestring);
	return b.data;
}

void request_shape(cJSON *request, const struct contract_method *m, struct shape *ret)
{
	struct arena *a = arena_new(BODY_MAX);
	struct buf path;

	*ret = (struct shape){ .type = NULL };
	buf_init(&path, sizeof(ret->path) - 1);
	put_path(&path, a, m->http_path, request);
	if (m->upload_field != NULL) {
		ret->body = lines_of(cJSON_GetObjectItem(request, m->upload_field));
		ret->type = "application/x-ndjson";
	} else if (strcmp(m->http_method, "GET") == 0 || strcmp(m->http_method, "DELETE") == 0) {
		put_query(&path, a, request);
	} else {
		ret->body = cJSON_PrintUnformatted(request);
		ret->type = "application/json";
	}
	if (a == NULL || buf_status(&path) != ST_OK)
		suite_fail("the path of %s is too long", m->name);
	snprintf(ret->path, sizeof(ret->path), "%s", buf_str(&path));
	buf_done(&path);
	arena_free(a);
	cJSON_Delete(request);
}

void shape_done(struct shape *sh)
{
	free(sh->body);
	sh->body = NULL;
}

/* ---- as the bus has it ---- */

void request_pack(const cJSON *request, const struct contract_method *m, struct arena *a,
		  uint8_t **data, size_t *len)
{
	char *text = cJSON_PrintUnformatted(request);
	struct error err = { 0 };
	ProtobufCMessage *in;

	if (message_from_json(a, m->input, text, strlen(text), NULL, 0, &in, &err) != ST_OK ||
	    message_pack(a, in, data, len) != ST_OK)
		suite_fail("the request of %s.%s is not valid: %s %s", m->service, m->name,
			   err.field, err.detail);
	cJSON_free(text);
}
