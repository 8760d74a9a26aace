/* The inside of the test kit. Read next: guard.c. */
#ifndef TESTKIT_TESTKIT_PRIV_H
#define TESTKIT_TESTKIT_PRIV_H

#include "testkit/testkit.h"

#define TK_SCRIPT_LIMIT_MS 240000 /* stack.sh has limits of its own below this */

/* Prints why and ends the program; the guardian cleans up. */
_Noreturn void tk__die(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* snprintf that ends the program when the text does not fit. */
void tk__print(char *out, size_t cap, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* ---- guard.c: what is to be ended or removed when this program has ended ---- */
void tk__guard_process(pid_t pid);
void tk__guard_forget_process(pid_t pid);
void tk__guard_stack(const char *dir);
void tk__guard_database(const char *conninfo, const char *name);
void tk__guard_directory(const char *dir);

/* ---- stack.c: deploy/local/stack.sh ---- */
/* Runs one of its commands; ends the program when that fails. `config` may be NULL. */
void tk__stack(const char *command, const char *dir, const char *config);
/* The value of a line NAME=value of dir/file. */
void tk__stack_setting(const char *dir, const char *file, const char *name, char *out, size_t cap);
/* kill -9 of the process whose number is in the file, and wait until it is gone. */
void tk__kill_pid_file(const char *path);
/* A new directory for a stack in tk_dir. */
void tk__stack_dir(const char *kind, char out[TK_TEXT]);

#endif
