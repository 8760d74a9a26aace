/* The tools, and the JSON Schema of each. Nothing here depends on the asker or the day: it is the
 * head of the model's cached prompt. Read next: tools_list.h. */
#include "tools_list.h"

#include "calculate.h"

#include "core/buf.h"
#include "json/message.h"

#include <string.h>

#define SCHEMA_MAX (16 * 1024)

static const char *const product_orders[] = { "title", "stock_asc", "stock_desc", "price_desc",
					      NULL };

#define FROM_TO                                                                                   \
	{ .name = "from",                                                                         \
	  .doc = "First day, in the shop's time zone; without it from the first day there is." }, \
	{                                                                                         \
		.name = "to", .doc = "Last day, included; without it to the last day there is."   \
	}

const struct tool_def tool_defs[TOOLS_N] = {
	{
		.name = "calculate",
		.id = TOOL_CALCULATE,
		.description = "Works out a new figure from figures you already have, exactly. Use "
			       "it for every "
			       "number that no tool gave as it stands; never add, divide or "
			       "compare in your head. "
			       "sum and average take any number of figures, difference (the first "
			       "less the second), "
			       "ratio (the first divided by the second) and share (the first as a "
			       "percentage of the "
			       "second) take two. A sum, difference, share or average needs "
			       "figures of one unit; "
			       "amounts in different currencies cannot be put together. The result "
			       "has an id of its "
			       "own, to be cited like any other.",
		.fields = { { .name = "op",
			      .kind = TOOL_WORD,
			      .doc = "What to work out.",
			      .words = calculate_ops,
			      .required = true },
			    { .name = "of",
			      .kind = TOOL_IDS,
			      .doc = "Ids of figures, such as e12, in the order that the operation "
				     "says.",
			      .required = true } },
	},
	{
		.name = "get_attribution",
		.id = TOOL_ATTRIBUTION,
		.service = "attribution",
		.subject = "pp.rpc.attribution.get_attribution",
		.description = "What each campaign or each channel earned and cost. Use it for any "
			       "question about "
			       "campaigns, ads, channels or where to spend. Per row: orders "
			       "(attributed orders; "
			       "fractions when a model shares an order between touches), revenue "
			       "(of those orders, in "
			       "the measure asked for), spend (what the ad platform charged), roas "
			       "(revenue divided by "
			       "spend: what one unit of spend came back as; null without spend or "
			       "across currencies). "
			       "The rows, unattributed included, add up to the summary. "
			       "Attribution says which touch "
			       "an order followed; it does not say that the order would not have "
			       "come without it.",
		.fields = { { .name = "by", .doc = "Rows for each channel or each campaign." },
			    { .name = "model",
			      .doc = "last_touch gives an order to its last touch, linear shares "
				     "it between "
				     "all its touches." },
			    { .name = "measure",
			      .doc = "net is revenue less refunds, gross is before refunds." },
			    { .name = "window",
			      .doc = "Days before an order in which a touch counts, from 1d to "
				     "90d." },
			    FROM_TO },
	},
	{
		.name = "get_summary",
		.id = TOOL_SUMMARY,
		.service = "attribution",
		.subject = "pp.rpc.attribution.get_summary",
		.description = "The brand's figures for a period: orders (those that count: not "
			       "cancelled, test or "
			       "voided), gross (revenue before refunds), refunds, net (gross less "
			       "refunds), ad_spend, "
			       "roas (net divided by ad spend), spend by platform, and how fresh "
			       "the data is. Use it "
			       "for questions about the business as a whole and as the yardstick "
			       "for campaigns. With "
			       "several currencies the figures stand in by_currency and there is "
			       "no total.",
		.fields = { FROM_TO },
	},
	{
		.name = "list_orders",
		.id = TOOL_ORDERS,
		.service = "ingest-shopify",
		.subject = "pp.rpc.ingest-shopify.list_orders",
		.description = "The newest orders with day, status, gross, refunds and net. Use it "
			       "only for questions "
			       "about single recent orders; for totals use get_summary.",
		.fields = { { .name = "limit",
			      .kind = TOOL_NUMBER,
			      .doc = "Orders shown, from 1 to 100.",
			      .min = 1,
			      .max = TOOL_LIST_MAX,
			      .otherwise = "20" } },
	},
	{
		.name = "list_products",
		.id = TOOL_PRODUCTS,
		.service = "ingest-shopify",
		.subject = "pp.rpc.ingest-shopify.list_products",
		.description =
			"The shop's product variants with price, unit cost and stock (negative: "
			"oversold), and "
			"how many variants there are and are out of stock. Use it for questions "
			"about products, "
			"prices or inventory. It says nothing about how much a product sold.",
		.fields = { { .name = "order",
			      .kind = TOOL_WORD,
			      .doc = "Which variants are shown first.",
			      .words = product_orders,
			      .otherwise = "title" },
			    { .name = "limit",
			      .kind = TOOL_NUMBER,
			      .doc = "Variants shown, from 1 to 100.",
			      .min = 1,
			      .max = TOOL_LIST_MAX,
			      .otherwise = "20" } },
	},
};

const struct tool_def *tool_find(const char *name)
{
	for (size_t i = 0; i < TOOLS_N; i++)
		if (strcmp(tool_defs[i].name, name) == 0)
			return &tool_defs[i];
	return NULL;
}

const struct contract_method *tool_method(const struct tool_def *def)
{
	const struct contract_service *s =
		def->service ? contract_service_find(def->service) : NULL;

	return s ? contract_method_find(s, def->subject) : NULL;
}

const ProtobufCFieldDescriptor *tool_descriptor(const struct contract_method *m, const char *field,
						const struct field_rule **rule)
{
	const struct message_rule *rules = contract_message_find(m->input);
	const ProtobufCFieldDescriptor *f =
		protobuf_c_message_descriptor_get_field_by_name(m->input, field);

	*rule = f && rules ? &rules->fields[f - m->input->fields] : NULL;
	return f;
}

/* ---- schemas ---- */

static void put_text(struct buf *b, const char *s)
{
	buf_put_json(b, s, strlen(s));
}

static void put_words(struct buf *b, const char *const *words)
{
	buf_puts(b, "\"type\":\"string\",\"enum\":[");
	for (size_t i = 0; words[i]; i++) {
		buf_puts(b, i > 0 ? "," : "");
		put_text(b, words[i]);
	}
	buf_putc(b, ']');
}

static void put_enum(struct buf *b, struct arena *a, const ProtobufCEnumDescriptor *e)
{
	bool first = true;

	buf_puts(b, "\"type\":\"string\",\"enum\":[");
	for (unsigned i = 0; i < e->n_values; i++) {
		const char *word = enum_word(a, e, e->values[i].value);

		if (!word)
			continue;
		buf_puts(b, first ? "" : ",");
		put_text(b, word);
		first = false;
	}
	buf_putc(b, ']');
}

/* Type, words and default of a request's field, from the contract. */
static void put_contract(struct buf *b, struct arena *a, const struct tool_def *def,
			 const struct tool_field *f)
{
	const struct field_rule *rule;
	const struct contract_method *m = tool_method(def);
	const ProtobufCFieldDescriptor *d = m ? tool_descriptor(m, f->name, &rule) : NULL;

	if (!d)
		return;
	if (d->type == PROTOBUF_C_TYPE_ENUM)
		put_enum(b, a, d->descriptor);
	else if (d->type == PROTOBUF_C_TYPE_MESSAGE)
		buf_puts(b, "\"type\":\"string\",\"format\":\"date\"");
	else
		buf_puts(b, "\"type\":\"string\"");
	buf_puts(b, ",\"description\":");
	if (rule && rule->default_value)
		put_text(b, arena_printf(a, "%s Otherwise %s.", f->doc, rule->default_value));
	else
		put_text(b, f->doc);
}

static void put_field(struct buf *b, struct arena *a, const struct tool_def *def,
		      const struct tool_field *f)
{
	buf_printf(b, "\"%s\":{", f->name);
	switch (f->kind) {
	case TOOL_FIELD:
		put_contract(b, a, def, f);
		buf_putc(b, '}');
		return;
	case TOOL_NUMBER:
		buf_puts(b, "\"type\":\"integer\"");
		break;
	case TOOL_WORD:
		put_words(b, f->words);
		break;
	case TOOL_IDS:
		buf_puts(b, "\"type\":\"array\",\"items\":{\"type\":\"string\"}");
		break;
	}
	buf_puts(b, ",\"description\":");
	put_text(b,
		 f->otherwise ? arena_printf(a, "%s Otherwise %s.", f->doc, f->otherwise) : f->doc);
	buf_putc(b, '}');
}

static const char *schema_of(struct arena *a, const struct tool_def *def)
{
	const char *between = "", *text;
	struct buf b;

	buf_init(&b, SCHEMA_MAX);
	buf_puts(&b, "{\"type\":\"object\",\"properties\":{");
	for (const struct tool_field *f = def->fields; f->name; f++) {
		buf_puts(&b, f == def->fields ? "" : ",");
		put_field(&b, a, def, f);
	}
	buf_puts(&b, "},\"required\":[");
	for (const struct tool_field *f = def->fields; f->name; f++)
		if (f->required) {
			buf_printf(&b, "%s\"%s\"", between, f->name);
			between = ",";
		}
	buf_puts(&b, "],\"additionalProperties\":false}");
	text = buf_status(&b) == ST_OK ? arena_strndup(a, buf_str(&b), b.len) : NULL;
	buf_done(&b);
	return text;
}

enum status tools_list(struct arena *a, const struct tool **ret, size_t *ret_n)
{
	struct tool *tools = arena_array(a, TOOLS_N, sizeof(*tools));

	for (size_t i = 0; tools && i < TOOLS_N; i++) {
		tools[i].name = tool_defs[i].name;
		tools[i].description = tool_defs[i].description;
		tools[i].input_schema = schema_of(a, &tool_defs[i]);
		if (!tools[i].input_schema)
			return ST_TOO_LARGE;
	}
	if (!tools || arena_failed(a))
		return ST_TOO_LARGE;
	*ret = tools;
	*ret_n = TOOLS_N;
	return ST_OK;
}
