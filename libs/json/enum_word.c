/*
 * Enum values as JSON says them: CHANNEL_META_ADS of enum Channel is "meta_ads". The *_UNSPECIFIED
 * value has no word: it stands for absence.
 */
#include "message_priv.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* The value's name after its enum's name in UPPER_SNAKE and "_"; the whole name when it does not
 * begin so. */
static const char *upper_word(const ProtobufCEnumDescriptor *e, const char *name)
{
	const char *at = name;
	bool was_upper = true;

	for (const char *s = e->short_name; *s != '\0'; s++) {
		bool upper = isupper((unsigned char)*s) != 0;

		if (upper && !was_upper && *at++ != '_')
			return name;
		if (*at++ != toupper((unsigned char)*s))
			return name;
		was_upper = upper;
	}
	return at[0] == '_' && at[1] != '\0' ? at + 1 : name;
}

/* The word of a value's name; false for *_UNSPECIFIED and names too long for the buffer. */
static bool word_of(const ProtobufCEnumDescriptor *e, const char *name, char out[ENUM_WORD_MAX])
{
	const char *upper = upper_word(e, name);
	size_t len = strlen(upper);

	if (len >= ENUM_WORD_MAX || strcmp(upper, "UNSPECIFIED") == 0)
		return false;
	for (size_t i = 0; i <= len; i++)
		out[i] = (char)tolower((unsigned char)upper[i]);
	return true;
}

bool enum_word_put(const ProtobufCEnumDescriptor *e, int value, char out[ENUM_WORD_MAX])
{
	const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(e, value);

	return v != NULL && word_of(e, v->name, out);
}

const char *enum_word(struct arena *a, const ProtobufCEnumDescriptor *e, int value)
{
	char word[ENUM_WORD_MAX];

	return enum_word_put(e, value, word) ? arena_strdup(a, word) : NULL;
}

bool enum_from_word(const ProtobufCEnumDescriptor *e, const char *word, int *ret)
{
	char have[ENUM_WORD_MAX];

	for (unsigned i = 0; i < e->n_values; i++) {
		if (word_of(e, e->values[i].name, have) && strcmp(have, word) == 0) {
			*ret = e->values[i].value;
			return true;
		}
	}
	return false;
}

enum status fault_not_a_word(struct error *err, const struct where *at,
			     const ProtobufCEnumDescriptor *e)
{
	char words[ERROR_DETAIL_MAX] = "", word[ENUM_WORD_MAX];
	size_t len = 0;

	for (unsigned i = 0; i < e->n_values && len < sizeof(words); i++) {
		if (word_of(e, e->values[i].name, word))
			len += (size_t)snprintf(words + len, sizeof(words) - len, "%s%s",
						len > 0 ? ", " : "", word);
	}
	return fault_at(err, at, "must be one of %s", words);
}
