/* The writers: each turns the model into one kind of output. They never fail; the stream's error is
 * checked in main.c. */
#ifndef GEN_EMIT_H
#define GEN_EMIT_H

#include "model.h"

#include <stdio.h>

/* contract/tables.c: all tables of core/contract.h, and the thunks. */
void emit_tables(FILE *out, const struct model *m);
/* contract/<service>.h: handlers, the contract's name, callers. */
void emit_service_header(FILE *out, const struct service *s);
/* contract/<service>_events.h: emitters and consumer slots. */
void emit_events_header(FILE *out, const struct service *s);
/* contract/listing.txt: one sorted line per name that callers may rely on. */
void emit_listing(FILE *out, const struct model *m);
/* openapi.json. */
void emit_openapi(FILE *out, const struct model *m);
/* contract/openapi.c: the same bytes as C. */
void emit_openapi_c(FILE *out, const char *json, size_t len);
/* contract/openapi.h: declares it. */
void emit_openapi_h(FILE *out);

/* "text" as a C string literal. */
void emit_c_string(FILE *out, const char *text);
/* As emit_c_string; NULL for an empty text. */
void emit_c_string_or_null(FILE *out, const char *text);

#endif
