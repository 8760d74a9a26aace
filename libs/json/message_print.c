/*
 * From messages to JSON, straight into a buffer. Every field is printed, in the order of its
 * number, so that a reader sees the whole shape. Read next: message_priv.h.
 */
#include "core/money.h"
#include "core/text.h"
#include "core/timeutil.h"
#include "message_priv.h"

#include "pulsepoint/types.pb-c.h"

#include <stdio.h>
#include <string.h>

#define NUMBER_TEXT       24
#define DECIMAL_SCALE_MAX 9

static enum status print_object(const ProtobufCMessage *m, struct buf *out, int depth);

static enum status print_string(const char *s, struct buf *out)
{
	size_t len = strlen(s);

	if (!utf8_valid(s, len))
		return ST_INTERNAL;
	buf_put_json(out, s, len);
	return ST_OK;
}

static enum status print_bytes(const ProtobufCBinaryData *bytes, struct buf *out)
{
	struct arena *a = arena_new(bytes->len * 2 + NUMBER_TEXT * sizeof(max_align_t));

	if (a == NULL)
		return ST_UNAVAILABLE;
	buf_putc(out, '"');
	buf_puts(out, base64url_encode(a, bytes->data, bytes->len));
	buf_putc(out, '"');
	arena_free(a);
	return ST_OK;
}

static enum status print_money(const Pulsepoint__Money *m, struct buf *out)
{
	char amount[DECIMAL_TEXT];
	const char *currency = m->currency != NULL ? m->currency : "";

	money_format(m->micros, currency, amount);
	buf_puts(out, "{\"amount\":\"");
	buf_puts(out, amount);
	buf_puts(out, "\",\"currency\":");
	if (print_string(currency, out) != ST_OK)
		return ST_INTERNAL;
	buf_putc(out, '}');
	return ST_OK;
}

/* Text that needs no escapes; "" is what the formatters give for a value they cannot say. */
static enum status print_quoted(const char *text, struct buf *out)
{
	if (text[0] == '\0')
		return ST_INTERNAL;
	buf_putc(out, '"');
	buf_puts(out, text);
	buf_putc(out, '"');
	return ST_OK;
}

static enum status print_special(enum special special, const ProtobufCMessage *m, struct buf *out)
{
	const Pulsepoint__Decimal *decimal = (const Pulsepoint__Decimal *)m;
	char text[TIME_TEXT_MAX > DECIMAL_TEXT ? TIME_TEXT_MAX : DECIMAL_TEXT] = "";

	switch (special) {
	case SPECIAL_MONEY:
		return print_money((const Pulsepoint__Money *)m, out);
	case SPECIAL_DECIMAL:
		if (decimal->scale <= DECIMAL_SCALE_MAX)
			decimal_format(decimal->units, (int)decimal->scale, text);
		break;
	case SPECIAL_TIMESTAMP:
		time_format(((const Pulsepoint__Timestamp *)m)->micros, text);
		break;
	case SPECIAL_DATE:
		date_format(((const Pulsepoint__Date *)m)->days, text);
		break;
	case SPECIAL_NONE:
		break;
	}
	return print_quoted(text, out);
}

static enum status print_number(enum field_kind kind, const void *slot, struct buf *out)
{
	json_wide value = slot_number(kind, slot);
	bool quoted = kind == KIND_I64 || kind == KIND_U64;
	char text[NUMBER_TEXT];

	if (value < 0)
		snprintf(text, sizeof(text), "%lld", (long long)value);
	else
		snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	if (quoted)
		return print_quoted(text, out);
	buf_puts(out, text);
	return ST_OK;
}

static enum status print_enum(const ProtobufCEnumDescriptor *e, int value, bool single,
			      struct buf *out)
{
	char word[ENUM_WORD_MAX];

	if (enum_word_put(e, value, word))
		return print_quoted(word, out);
	if (value != 0 || !single)
		return ST_INTERNAL;
	buf_puts(out, "null");
	return ST_OK;
}

static enum status print_value(const ProtobufCFieldDescriptor *f, const void *slot, struct buf *out,
			       int depth)
{
	bool single = f->label != PROTOBUF_C_LABEL_REPEATED;
	enum field_kind kind = field_kind(f);

	switch (kind) {
	case KIND_I32:
	case KIND_U32:
	case KIND_I64:
	case KIND_U64:
		return print_number(kind, slot, out);
	case KIND_BOOL:
		buf_puts(out, slot_number(kind, slot) != 0 ? "true" : "false");
		return ST_OK;
	case KIND_ENUM:
		return print_enum(f->descriptor, (int)slot_number(kind, slot), single, out);
	case KIND_STRING:
		return print_string(slot_string(slot), out);
	case KIND_BYTES:
		return print_bytes(slot, out);
	case KIND_MESSAGE:
		if (slot_message(slot) == NULL)
			return ST_INTERNAL;
		return print_object(slot_message(slot), out, depth + 1);
	case KIND_FLOATING:
		break;
	}
	return ST_INTERNAL;
}

static enum status print_items(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f,
			       struct buf *out, int depth)
{
	size_t n = field_count(m, f);
	enum status st = ST_OK;

	buf_putc(out, '[');
	for (size_t i = 0; i < n && st == ST_OK && !out->failed; i++) {
		if (i > 0)
			buf_putc(out, ',');
		st = print_value(f, field_item(m, f, i), out, depth);
	}
	buf_putc(out, ']');
	return st;
}

enum status print_field(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f,
			struct buf *out, int depth)
{
	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		return print_items(m, f, out, depth);
	if (field_present(m, f))
		return print_value(f, field_slot(m, f), out, depth);
	buf_puts(out, "null");
	return ST_OK;
}

static enum status print_object(const ProtobufCMessage *m, struct buf *out, int depth)
{
	const ProtobufCMessageDescriptor *d = m->descriptor;
	enum special special = special_of(d);
	enum status st = ST_OK;

	if (special != SPECIAL_NONE)
		return print_special(special, m, out);
	if (depth >= JSON_DEPTH_MAX)
		return ST_INTERNAL;
	buf_putc(out, '{');
	for (unsigned i = 0; i < d->n_fields && st == ST_OK && !out->failed; i++) {
		buf_puts(out, i > 0 ? ",\"" : "\"");
		buf_puts(out, d->fields[i].name);
		buf_puts(out, "\":");
		st = print_field(m, &d->fields[i], out, depth);
	}
	buf_putc(out, '}');
	return st;
}

enum status message_to_json(const ProtobufCMessage *m, struct buf *out)
{
	size_t before = out->len;
	enum status st = print_object(m, out, 0);

	if (st == ST_OK)
		st = buf_status(out);
	/* Half a document is worse than none. */
	if (st != ST_OK && out->data != NULL) {
		out->len = before;
		out->data[before] = '\0';
	}
	return st;
}
