/* Our options, which reach a protobuf-c program as unknown fields of google's option messages. */
#ifndef GEN_OPTIONS_H
#define GEN_OPTIONS_H

#include <protobuf-c/protobuf-c.h>

#include <stdbool.h>

/* Numbers of the extensions at the end of proto/pulsepoint/options.proto. */
enum option_number {
	OPTION_METHOD = 51001,
	OPTION_FIELD = 51002,
	OPTION_EVENT = 51003,
	OPTION_SERVICE = 51004,
};

/*
 * The option `number` inside `options` (may be NULL), unpacked as `type`; NULL when it is not
 * there. `bad` becomes true when it is there and cannot be unpacked. Lives until the process ends.
 */
const void *option_unpack(const ProtobufCMessage *options, enum option_number number,
			  const ProtobufCMessageDescriptor *type, bool *bad);

#endif
