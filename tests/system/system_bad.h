/*
 * What the tests of wrong requests share: a tenant with data, a stranger, and a judge of answers.
 * Read next: test_bad_input.c, test_bad_requests.c.
 */
#ifndef SYSTEM_BAD_H
#define SYSTEM_BAD_H

#include "system/system_raw.h"
#include "system/system_requests.h"

struct bad_world {
	struct suite suite;
	struct person admin, stranger;
	struct objects objects; /* the admin's */
	char stranger_brand[UUID_TEXT];
	unsigned tried, faults;
};
extern struct bad_world bad;

/* Fixtures of a cmocka group. */
int bad_set_up(void **state);
int bad_tear_down(void **state);

/* The credential that suffices for the method. */
const char *bad_token(const struct contract_method *m);
/* True for a method with a JSON body. */
bool has_body(const struct contract_method *m);
/* True when the field stands in the method's path. */
bool in_path(const struct contract_method *m, const char *field);
/* Calls act for every method with a route. */
void each_route(void (*act)(const struct contract_method *));

/*
 * The answer must be a problem document (RFC 9457) with that status, given in time. `field`: it
 * must name this field, or something in it, and a reason; NULL: it need not.
 */
void judge(const char *what, const struct raw_answer *a, int code, const char *field,
	   int64_t deadline_ms);
/* Counts and prints a fault. */
void complain(const char *what, const struct raw_answer *a, const char *why);
/* Remembers all rows; then says whether they are still the same. */
void note_rows(void);
void rows_are_the_same(const char *what);
/* A test: no service has ended or was started again since the set-up. */
void nobody_died(void **state);

#endif
