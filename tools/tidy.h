/*
 * Read before every source by tools/tidy.sh, and by nothing else: tells the analyzer, which sees
 * one file at a time, that error_set returns the status it is given. Without this it follows paths
 * on which a failure reads as success.
 */
#include "core/status.h"

#define error_set(err, st, ...) ((void)!error_set((err), (st), __VA_ARGS__), (st))
