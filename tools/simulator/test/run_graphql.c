/* GraphQL: what parses, what is refused and in which words, what a query costs. */
#include "test/fixture.h"

#include "gql_schema.h"

#define ARENA_MAX (8 * 1024 * 1024)

struct checked {
	bool parsed, bound;
	struct gql_error err;
	struct gquery query;
	struct arena *arena;
};

static struct checked check(const char *text, const char *variables)
{
	struct checked c = { .arena = arena_new(ARENA_MAX) };
	cJSON *vars = variables != NULL ? cJSON_Parse(variables) : NULL;
	struct gql_doc doc;

	c.parsed = gql_parse(c.arena, text, strlen(text), &doc, &c.err);
	if (c.parsed)
		c.bound = gql_bind(c.arena, &doc, NULL, vars, &c.query, &c.err);
	cJSON_Delete(vars);
	return c;
}

static const char *const good[][2] = {
	{ "{shop{name}}", NULL },
	{ "query{shop{name}}", NULL },
	{ "query Q{shop{name}}", NULL },
	{ "# a comment\nquery Q { shop { a: name, b: name } } # end", NULL },

	{ "query($n:Int!=5){orders(first:$n){nodes{id}}}", NULL },
	{ "query($n:Int!){orders(first:$n){nodes{id}}}", "{\"n\":3}" },
	{ "query($n:Int){orders(first:$n){nodes{id}}}", "{\"n\":250,\"other\":1}" },
	{ "query($q:String){orders(first:1,query:$q){nodes{id}}}", "{\"q\":null}" },
	{ "query($k:OrderSortKeys){orders(first:1,sortKey:$k){nodes{id}}}",
	  "{\"k\":\"UPDATED_AT\"}" },
	{ "query($i:[ID!]!){nodes(ids:$i){id}}", "{\"i\":[\"gid://shopify/Order/1\"]}" },
	{ "{orders(first:1,query:\"\"\"\n  updated_at:>2025\n  \"\"\"){nodes{id}}}", NULL },
	{ "{orders(first:1,query:\"a\\u0041\\ud83d\\ude00\\n\"){nodes{id}}}", NULL },
	{ "{orders(first:1){nodes{...F}}} fragment F on Order{id ...G} fragment G on Order{name}",
	  NULL },
	{ "{orders(first:1){nodes{... on Order{id} ... {name} ... on Node{id}}}}", NULL },
	{ "{node(id:\"x\"){__typename ... on Order{name} ... on Product{name:title}}}", NULL },
	{ "{orders(first:1){nodes{customerJourneySummary{moments(first:9){nodes{__typename "
	  "occurredAt "
	  "... on CustomerVisit{source utmParameters{medium}}}}}}}}",
	  NULL },
	{ "{orders(first:1){edges{cursor node{id}} nodes{id} pageInfo{endCursor}}}", NULL },
	{ "{orders(first:1){... on OrderConnection{nodes{id}}}}", NULL },
	{ "{a:orders(first:1){nodes{id}} b:orders(last:2){nodes{id}}}", NULL },
	{ "{shop{name} shop{id}}", NULL },
	{ "{product(id:5){id}}", NULL },
};

static void accepts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct checked c = check(good[i][0], good[i][1]);

		if (!c.bound)
			print_error("%s\n  %s\n", good[i][0], c.err.message);
		assert_true(c.bound);
		assert_false(c.err.set);
		arena_free(c.arena);
	}
}

/* text, variables, code ("" for none), what the message holds, line, column */
struct bad {
	const char *text, *variables, *code, *message;
	int line, col;
};

static const struct bad bad[] = {
	{ "", NULL, "", "unexpected end of file", 1, 1 },
	{ "{", NULL, "", "unexpected end of file", 1, 2 },
	{ "{}", NULL, "", "Parse error on \"}\"", 1, 2 },
	{ "{shop{name}", NULL, "", "unexpected end of file", 1, 12 },
	{ "{shop{name}}}", NULL, "", "Parse error on \"}\"", 1, 13 },
	{ "{\n  shop { %name }\n}", NULL, "", "an unexpected character", 2, 10 },
	{ "{shop(a:\"x){name}}", NULL, "", "a string that is not closed", 1, 9 },
	{ "{shop(a:\"\\q\"){name}}", NULL, "", "an escape in a string", 1, 9 },
	{ "{shop(a:\"\\ud800\"){name}}", NULL, "", "a Unicode escape", 1, 9 },
	{ "{shop(a:01){name}}", NULL, "", "a leading zero", 1, 9 },
	{ "{shop(a:1x){name}}", NULL, "", "a number", 1, 9 },
	{ "{shop(){name}}", NULL, "", "Parse error on \")\"", 1, 7 },
	{ "{shop{name @include(if:true)}}", NULL, "", "Directives", 1, 12 },
	{ "mutation{shop{name}}", NULL, "", "not configured for mutations", 1, 1 },
	{ "query A{shop{name}} query B{shop{id}}", NULL, "", "An operation name is required", 0,
	  0 },
	{ "{nope}", NULL, "undefinedField", "Field 'nope' doesn't exist on type 'QueryRoot'", 1,
	  2 },
	{ "{orders(first:1){nodes{nope}}}", NULL, "undefinedField",
	  "Field 'nope' doesn't exist on type 'Order'", 1, 24 },
	{ "{orders(first:1){nope}}", NULL, "undefinedField", "type 'OrderConnection'", 1, 18 },
	{ "{orders(first:1){edges{nope}}}", NULL, "undefinedField", "type 'OrderEdge'", 1, 24 },
	{ "{orders(first:1){nodes{customerJourneySummary{moments(first:1){nodes{source}}}}}}", NULL,
	  "undefinedField", "type 'CustomerMoment'", 1, 70 },
	{ "{shop}", NULL, "selectionMismatch",
	  "Field must have selections (field 'shop' returns Shop", 1, 2 },
	{ "{shop{name{x}}}", NULL, "selectionMismatch", "Selections can't be made on scalars", 1,
	  7 },
	{ "{shop(x:1){name}}", NULL, "argumentNotAccepted",
	  "Field 'shop' doesn't accept argument 'x'", 1, 7 },
	{ "{orders(first:1,first:2){nodes{id}}}", NULL, "argumentNotUnique", "only one argument", 1,
	  17 },
	{ "{orders(first:\"1\"){nodes{id}}}", NULL, "argumentLiteralsIncompatible",
	  "Argument 'first' on Field 'orders' has an invalid value (\"1\"). Expected type 'Int'.",
	  1, 2 },
	{ "{orders(first:1,sortKey:\"ID\"){nodes{id}}}", NULL, "argumentLiteralsIncompatible",
	  "Expected type 'OrderSortKeys'", 1, 2 },
	{ "{orders(first:99999999999){nodes{id}}}", NULL, "argumentLiteralsIncompatible",
	  "Expected type 'Int'", 1, 2 },
	{ "{order{id}}", NULL, "missingRequiredArguments",
	  "Field 'order' is missing required arguments: id", 1, 2 },
	{ "{orders{nodes{id}}}", NULL, "BAD_REQUEST", "you must provide one of first or last", 1,
	  2 },
	{ "{orders(first:1,last:1){nodes{id}}}", NULL, "BAD_REQUEST", "both first and last", 1, 2 },
	{ "{orders(first:0){nodes{id}}}", NULL, "BAD_REQUEST", "between 1 and 250", 1, 2 },
	{ "{orders(first:251){nodes{id}}}", NULL, "BAD_REQUEST", "between 1 and 250", 1, 2 },
	{ "{orders(last:251){nodes{id}}}", NULL, "BAD_REQUEST", "last must be", 1, 2 },
	{ "{orders(first:$n){nodes{id}}}", NULL, "variableNotDefined", "Variable $n is used by", 1,
	  2 },
	{ "query Q($n:Int){shop{name}}", NULL, "variableNotUsed",
	  "Variable $n is declared by Q but not used", 1, 9 },
	{ "query($n:String){orders(first:$n){nodes{id}}}", NULL, "variableMismatch",
	  "Type mismatch on variable $n and argument first (String / Int)", 1, 18 },
	{ "query($i:ID){order(id:$i){id}}", NULL, "variableMismatch",
	  "Nullability mismatch on variable $i and argument id (ID / ID!)", 1, 14 },
	{ "query($i:ID!){nodes(ids:$i){id}}", "{\"i\":\"x\"}", "variableMismatch", "Type mismatch",
	  1, 15 },
	{ "query($n:Nope){orders(first:$n){nodes{id}}}", NULL, "variableRequiresValidType",
	  "Nope isn't a defined input type (on $n)", 1, 7 },
	{ "query($n:Int!){orders(first:$n){nodes{id}}}", "{}", "INVALID_VARIABLE",
	  "Variable $n of type Int! was provided invalid value", 1, 7 },
	{ "query($n:Int!){orders(first:$n){nodes{id}}}", "{\"n\":1.5}", "INVALID_VARIABLE",
	  "was provided invalid value", 1, 7 },
	{ "query($n:Int!){orders(first:$n){nodes{id}}}", "{\"n\":\"1\"}", "INVALID_VARIABLE",
	  "was provided invalid value", 1, 7 },
	{ "{shop{...F}}", NULL, "useAndDefineFragment", "Fragment F was used, but not defined", 1,
	  7 },
	{ "{shop{name}} fragment F on Shop{id}", NULL, "useAndDefineFragment",
	  "Fragment F was defined, but not used", 1, 14 },
	{ "{shop{...F}} fragment F on Shop{id ...F}", NULL, "infiniteLoop",
	  "Fragment F contains an infinite loop", 1, 36 },
	{ "{shop{... on Nope{id}}}", NULL, "undefinedType", "No such type Nope", 1, 7 },
	{ "{shop{... on Order{id}}}", NULL, "cannotSpreadFragment",
	  "Fragment on Order can't be spread inside Shop", 1, 7 },
	{ "{shop{a:name a:id}}", NULL, "fieldConflict", "Field 'a' has a field conflict", 1, 14 },
	{ "{a:orders(first:1){nodes{id}} a:orders(first:2){nodes{id}}}", NULL, "fieldConflict",
	  "conflict", 1, 31 },
};

static const char *code_of(const struct gql_error *err)
{
	for (size_t i = 0; i < err->next; i++)
		if (strcmp(err->ext[i].key, "code") == 0)
			return err->ext[i].value;
	return "";
}

static void refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct checked c = check(bad[i].text, bad[i].variables);

		if (!c.err.set || strstr(c.err.message, bad[i].message) == NULL ||
		    c.err.loc.col != bad[i].col)
			print_error("%s\n  %s at %d,%d\n", bad[i].text,
				    c.err.set ? c.err.message : "accepted", c.err.loc.line,
				    c.err.loc.col);
		assert_false(c.bound);
		assert_true(c.err.set);
		assert_string_equal(code_of(&c.err), bad[i].code);
		assert_non_null(strstr(c.err.message, bad[i].message));
		assert_int_equal(c.err.loc.line, bad[i].line);
		assert_int_equal(c.err.loc.col, bad[i].col);
		arena_free(c.arena);
	}
}

static void an_error_has_shopifys_shape(void **state)
{
	struct checked c =
		check("query Q{orders(first:1){nodes{...F}}} fragment F on Order{x}", NULL);
	struct buf out;

	(void)state;
	buf_init(&out, 4096);
	gql_error_write(&c.err, &out);
	assert_string_equal(
		buf_str(&out),
		"{\"message\":\"Field 'x' doesn't exist on type 'Order'\",\"locations\":"
		"[{\"line\":1,\"column\":59}],\"path\":[\"fragment F\",\"x\"],\"extensions\":"
		"{\"code\":\"undefinedField\",\"typeName\":\"Order\",\"fieldName\":\"x\"}}");
	buf_done(&out);
	arena_free(c.arena);
}

static void block_strings_lose_their_indent(void **state)
{
	static const char text[] = "{order(id:\"\"\"\n    a\n      b\n\n    c\n  \"\"\"){id}}";
	struct checked c = check(text, NULL);

	(void)state;
	assert_true(c.bound);
	assert_string_equal(c.query.root->args[0].text, "a\n  b\n\nc");
	arena_free(c.arena);
}

/* A document of `n` levels of the same selection. */
static void nested(char *out, size_t n)
{
	size_t at = 0;

	for (size_t i = 0; i < n; i++)
		memcpy(out + at, "{a", 2), at += 2;
	for (size_t i = 0; i < n; i++)
		out[at++] = '}';
	out[at] = '\0';
}

static void limits_hold(void **state)
{
	static char text[GQL_TEXT_MAX * 2];
	struct checked c;
	size_t at = 0;

	(void)state;
	nested(text, GQL_DEPTH_MAX + 1);
	c = check(text, NULL);
	assert_false(c.parsed);
	assert_non_null(strstr(c.err.message, "depth"));
	arena_free(c.arena);
	/* Too many tokens, then too many characters. */
	memcpy(text, "{shop{", 6);
	for (at = 6; at < 6 + 2 * GQL_TOKENS_MAX; at += 2)
		memcpy(text + at, "a ", 3);
	c = check(text, NULL);
	assert_non_null(strstr(c.err.message, "tokens"));
	arena_free(c.arena);
	memset(text, ' ', GQL_TEXT_MAX + 1);
	text[GQL_TEXT_MAX + 1] = '\0';
	c = check(text, NULL);
	assert_non_null(strstr(c.err.message, "too large"));
	arena_free(c.arena);
}

static void fragments_cannot_explode(void **state)
{
	/* Each fragment spreads the next one twice under other names: 2^20 fields if nothing
	 * stopped it. */
	static char text[20000];
	size_t at = (size_t)snprintf(text, sizeof(text), "{node(id:\"x\"){...F0}}");
	struct checked c;

	(void)state;
	for (int i = 0; i < 20; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at,
				       "fragment F%d on Product{...F%d ...F%d}", i, i + 1, i + 1);
	snprintf(text + at, sizeof(text) - at, "fragment F20 on Product{id}");
	c = check(text, NULL);
	assert_false(c.bound);
	assert_non_null(strstr(c.err.message, "too large"));
	arena_free(c.arena);
}

static void weights_are_as_stated(void **state)
{
	static const unsigned table[][2] = { { 0, 0 }, { 1, 1 },  { 2, 2 },   { 5, 2 },
					     { 6, 3 }, { 50, 5 }, { 100, 7 }, { 250, 10 } };

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_int_equal(gql_weight(table[i][0]), table[i][1]);
}

static const struct {
	const char *text;
	unsigned cost;
} costs[] = {
	{ "{shop{name}}", 1 },
	{ "{shop{name plan{displayName}}}", 1 },
	{ "{orders(first:250){nodes{id name totalPriceSet{shopMoney{amount}}}}}", 10 },
	{ "{orders(first:250){edges{cursor node{id}} pageInfo{endCursor}}}", 10 },
	{ "{orders(first:250){nodes{customer{id}}}}", 20 },
	{ "{productVariants(first:250){nodes{inventoryItem{unitCost{amount}}}}}", 20 },
	{ "{orders(first:50){nodes{id lineItems(first:100){nodes{id variant{id} discountedTotalSet"
	  "{shopMoney{amount}}}} refunds(first:20){id} customer{id} customerJourneySummary{ready "
	  "moments(first:50){nodes{... on CustomerVisit{source utmParameters{medium}}}}}}}}",
	  130 },
	{ "{node(id:\"1\"){... on Order{customer{id}} ... on Product{id}}}", 2 },
};

static void costs_are_as_stated(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(costs) / sizeof(costs[0]); i++) {
		struct checked c = check(costs[i].text, NULL);

		assert_true(c.bound);
		assert_int_equal(c.query.cost, costs[i].cost);
		arena_free(c.arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts),
		cmocka_unit_test(refuses),
		cmocka_unit_test(an_error_has_shopifys_shape),
		cmocka_unit_test(block_strings_lose_their_indent),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(fragments_cannot_explode),
		cmocka_unit_test(weights_are_as_stated),
		cmocka_unit_test(costs_are_as_stated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
