/*
 * Members of a JSON tree that somebody else wrote: one that is absent, or in no object at all, is
 * no error here; who needs it says so. Read next: anthropic_check.c, who checks all of them.
 */
#ifndef SIM_MEMBER_H
#define SIM_MEMBER_H

#include <cjson/cJSON.h>

/* NULL when there is none. */
static inline const cJSON *member_of(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

/* Its text, or "" when it is none. */
static inline const char *text_of(const cJSON *object, const char *key)
{
	const char *s = cJSON_GetStringValue(member_of(object, key));

	return s != NULL ? s : "";
}

#endif
