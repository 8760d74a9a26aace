/* What the files of the control port share. Read next: control.c. */
#ifndef SIM_CONTROL_H
#define SIM_CONTROL_H

#include "sim.h"

#include <cjson/cJSON.h>

#define HOOKS_MAX       20000
#define HOOKS_BYTES_MAX (256 * 1024 * 1024)
#define HOOKS_LIST_MAX  1000 /* of one answer */

void control_refuse(struct exchange *ex, int status, const char *why);
/* POST stores what arrives under `name`; GET lists it from ?offset=; DELETE forgets it. */
void hooks_handle(struct exchange *ex, const char *name);

#endif
