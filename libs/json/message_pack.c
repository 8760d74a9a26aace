/*
 * Messages and their bytes. protobuf-c is given the arena as its allocator, so that a message dies
 * with its request and a hostile one cannot grow past the arena's ceiling.
 */
#include "core/magic.h"
#include "message_priv.h"

#include <string.h>

static void *pack_alloc(void *arena, size_t size)
{
	return arena_alloc(arena, size);
}

/* The arena is emptied as a whole. */
static void pack_free(void *arena, void *memory)
{
	(void)arena;
	(void)memory;
}

static void forget_unknown(ProtobufCMessage *m, int depth);

static void forget_in_field(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f, int depth)
{
	bool list = f->label == PROTOBUF_C_LABEL_REPEATED;
	size_t n = list ? field_count(m, f) : field_present(m, f);

	for (size_t i = 0; i < n; i++)
		forget_unknown(slot_message(list ? field_item(m, f, i) : field_slot(m, f)), depth);
}

/*
 * Drops fields that this contract does not know. protobuf-c keeps them for packing, so a relay
 * would pass on what nobody has checked; and it keeps field number 0, which it then cannot read
 * itself.
 */
static void forget_unknown(ProtobufCMessage *m, int depth)
{
	const ProtobufCMessageDescriptor *d = m->descriptor;

	m->n_unknown_fields = 0;
	m->unknown_fields = NULL;
	for (unsigned i = 0; i < d->n_fields && depth < JSON_DEPTH_MAX; i++) {
		if (d->fields[i].type == PROTOBUF_C_TYPE_MESSAGE)
			forget_in_field(m, &d->fields[i], depth + 1);
	}
}

enum status message_unpack(struct arena *a, const ProtobufCMessageDescriptor *d, const void *data,
			   size_t len, size_t max, ProtobufCMessage **ret)
{
	ProtobufCAllocator allocator = { pack_alloc, pack_free, a };
	ProtobufCMessage *m;

	if (len > max)
		return ST_INVALID;
	m = protobuf_c_message_unpack(d, &allocator, len, data);
	if (m == NULL)
		return arena_failed(a) ? ST_TOO_LARGE : ST_INVALID;
	forget_unknown(m, 0);
	*ret = m;
	return ST_OK;
}

enum status message_pack(struct arena *a, const ProtobufCMessage *m, uint8_t **ret, size_t *ret_len)
{
	size_t len = protobuf_c_message_get_packed_size(m);
	uint8_t *bytes = arena_alloc(a, len);

	if (bytes == NULL)
		return ST_TOO_LARGE;
	INVARIANT(protobuf_c_message_pack(m, bytes) == len);
	*ret = bytes;
	*ret_len = len;
	return ST_OK;
}

ProtobufCMessage *message_new(struct arena *a, const ProtobufCMessageDescriptor *d)
{
	ProtobufCMessage *m = arena_alloc(a, d->sizeof_message);

	if (m != NULL)
		protobuf_c_message_init(d, m);
	return m;
}

const char *message_string_field(const ProtobufCMessage *m, const char *name)
{
	const ProtobufCFieldDescriptor *f =
		protobuf_c_message_descriptor_get_field_by_name(m->descriptor, name);

	if (f == NULL || f->type != PROTOBUF_C_TYPE_STRING ||
	    f->label == PROTOBUF_C_LABEL_REPEATED || !field_present(m, f))
		return NULL;
	return slot_string(field_slot(m, f));
}
