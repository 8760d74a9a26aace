/* Checks of one part each; check.c calls them in order. */
#ifndef GEN_CHECK_PARTS_H
#define GEN_CHECK_PARTS_H

#include "model.h"

void check_enum(struct model *m, const struct enumeration *e);
/* Fields, their rules, and that the message does not contain itself. */
void check_message(struct model *m, struct message *msg);
/* That nothing sensitive can be reached from the event; `path` is how `msg` was reached. */
void check_event_is_clean(struct model *m, const struct message *event, const struct message *msg,
			  const char *path);
void check_method(struct model *m, const struct method *method);
/* One route, one subject: no two methods have the same. */
void check_methods_differ(struct model *m);

/* The value of "{name}" starting at `p` (which points to '{'); NULL when malformed. `end` gets what
 * follows. */
char *path_brace(const char *p, const char **end);
bool field_is_text(const struct field *f);   /* string */
bool field_is_number(const struct field *f); /* an integer */

#endif
