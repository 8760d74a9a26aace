/* The rules a contract keeps; what breaks one is refused by file, name and reason. */
#ifndef GEN_CHECK_H
#define GEN_CHECK_H

#include "model.h"

/* Resolves `calls` and `consumes`, then checks everything; refusals are in the model. */
void check_model(struct model *m);

#endif
