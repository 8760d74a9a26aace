/*
 * The questions that a model is being asked, so that the end of the process need not wait for it to
 * finish writing: their turns are cancelled, and the analyst answers in the time that is left.
 */
#ifndef INSIGHTS_RUNNING_H
#define INSIGHTS_RUNNING_H

#include "service.h"

/* Between these two r->cancel may be set by another thread; it is set at once when the process is
 * ending. */
void running_enter(struct insights *app, const struct svc *svc, struct running *r);
void running_leave(struct insights *app, struct running *r);
void running_cancel_all(struct insights *app);

#endif
