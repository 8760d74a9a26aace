/* What the files of the control port share. Read next: control.c. */
#ifndef SIM_CONTROL_H
#define SIM_CONTROL_H

#include "sim.h"

#include <cjson/cJSON.h>

#define HOOKS_MAX       20000
#define HOOKS_BYTES_MAX (256 * 1024 * 1024)
#define HOOKS_LIST_MAX  1000 /* of one answer */

void control_refuse(struct exchange *ex, int status, const char *why);
/* A whole number of the body in [0, max], `fallback` when it is absent; false with a 400 that names
 * it. */
bool control_number(struct exchange *ex, const cJSON *body, const char *key, int64_t fallback,
		    int64_t max, int64_t *ret);
/* POST stores what arrives under `name`; GET lists it from ?offset=; DELETE forgets it. */
void hooks_handle(struct exchange *ex, const char *name);

#endif
