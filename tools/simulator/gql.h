/*
 * GraphQL documents: text to tree. All memory is the request's arena; every limit is a constant
 * here. One error is reported, in the shape Shopify gives. Read next: gql_lex.c, gql_parse.c,
 * gql_bind.c, gql_exec.c.
 */
#ifndef SIM_GQL_H
#define SIM_GQL_H

#include "core/arena.h"
#include "core/buf.h"
#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GQL_TEXT_MAX   50000 /* characters of a query (Shopify's own limit is of this order) */
#define GQL_TOKENS_MAX 8000
#define GQL_DEPTH_MAX  24
#define GQL_EXT_MAX    6

struct gql_loc {
	int line, col;
};

/* One error: message, where in the text, where in the answer, and its `extensions`. */
struct gql_error {
	bool set;
	const char *message;
	struct gql_loc loc; /* line 0: none */
	const char *const *path;
	size_t npath;
	struct {
		const char *key, *value;
	} ext[GQL_EXT_MAX];
	size_t next;
};

/* Notes the first error (later ones are ignored) and returns false. The message is formatted into
 * `a`. */
bool gql_fail(struct gql_error *e, struct arena *a, struct gql_loc loc, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
/* Adds an extension to the error noted last; both strings must outlive it. */
void gql_fail_ext(struct gql_error *e, const char *key, const char *value);
/* Writes {"message":...,"locations":...,"path":...,"extensions":...}. */
void gql_error_write(const struct gql_error *e, struct buf *out);

enum gql_token {
	TOK_END,
	TOK_NAME,
	TOK_INT,
	TOK_FLOAT,
	TOK_STRING,
	TOK_SPREAD,
	TOK_PUNCT, /* one of ! $ & ( ) : = @ [ ] { | } */
	TOK_BAD
};

struct gql_lexer {
	struct arena *arena;
	struct gql_error *err;
	const char *pos, *end, *line_start;
	int line;
	unsigned count;
	/* the current token */
	enum gql_token tok;
	char punct;
	const char *text; /* name, number, or the string's value */
	struct gql_loc loc;
};

void gql_lex_init(struct gql_lexer *lx, struct arena *a, const char *text, size_t len,
		  struct gql_error *err);
/* Moves to the next token; false (and the error set) for text that is no token. */
bool gql_lex_next(struct gql_lexer *lx);

enum gql_kind {
	GV_VAR,
	GV_INT,
	GV_FLOAT,
	GV_STRING,
	GV_BOOL,
	GV_NULL,
	GV_ENUM,
	GV_LIST,
	GV_OBJECT
};

struct gql_value {
	enum gql_kind kind;
	const char *text;               /* name, digits, string, "true"/"false" */
	struct gql_value *items, *next; /* of a list or object */
	const char *key;                /* in an object */
	struct gql_loc loc;
};

struct gql_arg {
	const char *name;
	struct gql_value *value;
	struct gql_loc loc;
	struct gql_arg *next;
};

enum gql_sel_kind { SEL_FIELD, SEL_SPREAD, SEL_INLINE };

struct gql_sel {
	enum gql_sel_kind kind;
	const char *alias; /* the key in the answer */
	const char *name;  /* field or fragment; type of an inline fragment, or NULL */
	struct gql_arg *args;
	struct gql_sel *sels, *next;
	struct gql_loc loc;
};

struct gql_type_ref {
	const char *name; /* NULL for a list */
	struct gql_type_ref *of;
	bool nonnull;
};

struct gql_var {
	const char *name;
	struct gql_type_ref *type;
	struct gql_value *fallback;
	bool used;
	struct gql_loc loc;
	struct gql_var *next;
};

struct gql_op {
	const char *type; /* "query", "mutation", "subscription" */
	const char *name; /* NULL when anonymous */
	struct gql_var *vars;
	struct gql_sel *sels;
	struct gql_loc loc;
	struct gql_op *next;
};

struct gql_frag {
	const char *name, *type;
	struct gql_sel *sels;
	bool used, open; /* open: being expanded, so meeting it again is a loop */
	struct gql_loc loc;
	struct gql_frag *next;
};

struct gql_doc {
	struct gql_op *ops;
	struct gql_frag *frags;
};

/* Parses a document; false with `err` set. The text need not be NUL-terminated. */
bool gql_parse(struct arena *a, const char *text, size_t len, struct gql_doc *ret,
	       struct gql_error *err);
/* "[ID!]!" for messages. */
const char *gql_type_text(struct arena *a, const struct gql_type_ref *t);
/* A value as GraphQL text, for messages. */
const char *gql_value_text(struct arena *a, const struct gql_value *v);

#endif
