/* See running.h. */
#include "running.h"

void running_enter(struct insights *app, const struct svc *svc, struct running *r)
{
	pthread_mutex_lock(&app->running_lock);
	atomic_init(&r->cancel, svc_stopping(svc));
	r->next = app->running;
	r->link = &app->running;
	if (r->next)
		r->next->link = &r->next;
	app->running = r;
	pthread_mutex_unlock(&app->running_lock);
}

void running_leave(struct insights *app, struct running *r)
{
	pthread_mutex_lock(&app->running_lock);
	*r->link = r->next;
	if (r->next)
		r->next->link = r->link;
	pthread_mutex_unlock(&app->running_lock);
}

void running_cancel_all(struct insights *app)
{
	pthread_mutex_lock(&app->running_lock);
	for (struct running *r = app->running; r; r = r->next)
		atomic_store(&r->cancel, true);
	pthread_mutex_unlock(&app->running_lock);
}
