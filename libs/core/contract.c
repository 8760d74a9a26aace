/*
 * Finders over the generated tables. In a file of its own: only programs that call them need
 * build/gen's arrays. Read next: tools/protoc-gen-pulsepoint, which writes the tables.
 */
#include "core/contract.h"

#include <protobuf-c/protobuf-c.h>
#include <string.h>

const struct contract_service *contract_service_find(const char *name)
{
	for (size_t i = 0; name != NULL && i < contract_services_n; i++) {
		if (strcmp(contract_services[i]->name, name) == 0)
			return contract_services[i];
	}
	return NULL;
}

const struct contract_method *contract_method_find(const struct contract_service *s,
						   const char *subject)
{
	for (size_t i = 0; s != NULL && subject != NULL && i < s->n_methods; i++) {
		if (strcmp(s->methods[i].subject, subject) == 0)
			return &s->methods[i];
	}
	return NULL;
}

const struct message_rule *
contract_message_find(const struct ProtobufCMessageDescriptor *descriptor)
{
	size_t low = 0, high = contract_messages_n;

	while (descriptor != NULL && low < high) {
		size_t mid = low + (high - low) / 2;
		const struct message_rule *rule = &contract_messages[mid];
		int order = strcmp(descriptor->name, rule->descriptor->name);

		if (order == 0)
			return rule->descriptor == descriptor ? rule : NULL;
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}
