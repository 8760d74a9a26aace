/* Names: protobuf's, protobuf-c's, ours. */
#ifndef GEN_NAMES_H
#define GEN_NAMES_H

#include <stdbool.h>

/* "ListBrands" to "list_brands", by protobuf-c's rule. */
char *name_snake(const char *camel);
/* "auth.v1.LoginRequest" to "Auth__V1__LoginRequest": protobuf-c's struct. */
char *name_c_type(const char *full);
/* "auth.v1.LoginRequest" to "auth__v1__login_request": protobuf-c's prefix of functions and
 * descriptors. */
char *name_c_lower(const char *full);
/* "ingest-shopify" to "ingest_shopify". */
char *name_ident(const char *token);
/* "ingest_shopify" to "INGEST_SHOPIFY". */
char *name_upper(const char *s);
/* "auth/v1/auth.proto" to "auth/v1/auth.pb-c.h". */
char *name_pbc_header(const char *proto);
/* A subject token: [a-z0-9_-], 1 to SUBJECT_TOKEN_MAX of core/text.h. */
bool name_is_token(const char *s);
/* "ROLE_ADMIN" of enum Role ("ROLE_") to "admin": the word in JSON. NULL when the prefix is
 * missing. */
char *name_enum_word(const char *value, const char *prefix);

#endif
