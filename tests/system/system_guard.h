/* The end of a suite whose program did not see to it. Read next: system_guard.c. */
#ifndef SYSTEM_GUARD_H
#define SYSTEM_GUARD_H

/* The build's output this program belongs to (build/gcc), for suite.sh's OUT. */
const char *guard_out(void);
/*
 * From now on the suite of that directory is ended and its servers' data removed when this program
 * ends, be it by exit, a failed assertion or kill -9.
 */
void guard_suite(const char *dir);

#endif
