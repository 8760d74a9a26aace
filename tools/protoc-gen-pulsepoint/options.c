/* Unpacks our options. protobuf-c keeps an unknown length-delimited field with its length prefix.
 * Read next: model.c. */
#include "options.h"

#include "mem.h"

#include <stdint.h>
#include <string.h>

#define VARINT_MAX 10

/* Bytes of the varint at the front of `data`; 0 when it does not end. */
static size_t varint_len(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len && i < VARINT_MAX; i++)
		if ((data[i] & 0x80) == 0)
			return i + 1;
	return 0;
}

static void *keep_alloc(void *ctx, size_t size)
{
	(void)ctx;
	return mem_alloc(size);
}

static void keep_free(void *ctx, void *p)
{
	(void)ctx;
	(void)p;
}

static ProtobufCAllocator keeper = { keep_alloc, keep_free, NULL };

const void *option_unpack(const ProtobufCMessage *options, enum option_number number,
			  const ProtobufCMessageDescriptor *type, bool *bad)
{
	uint8_t *joined;
	size_t len = 0;
	bool found = false;
	void *msg;

	if (options == NULL)
		return NULL;
	for (unsigned i = 0; i < options->n_unknown_fields; i++)
		len += options->unknown_fields[i].len;
	joined = mem_alloc(len + 1);
	len = 0;
	/* `option (x).a = 1; option (x).b = 2;` gives two pieces; protobuf merges by concatenation.
	 */
	for (unsigned i = 0; i < options->n_unknown_fields; i++) {
		const ProtobufCMessageUnknownField *f = &options->unknown_fields[i];
		size_t skip;

		if (f->tag != (uint32_t)number)
			continue;
		skip = varint_len(f->data, f->len);
		if (f->wire_type != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED || skip == 0) {
			*bad = true;
			return NULL;
		}
		memcpy(joined + len, f->data + skip, f->len - skip);
		len += f->len - skip;
		found = true;
	}
	if (!found)
		return NULL;
	msg = protobuf_c_message_unpack(type, &keeper, len, joined);
	if (msg == NULL)
		*bad = true;
	return msg;
}
