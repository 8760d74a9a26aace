/* Who may say and hear what on the bus. */
#ifndef DEPLOY_PERMISSIONS_H
#define DEPLOY_PERMISSIONS_H

/* Takes one subject, printf style. */
typedef void permission_fn(void *arg, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Calls `put` for each subject that the user (a service, api-edge, deploy, observer) may publish or
 * subscribe to. */
void permissions_publish(const char *user, permission_fn *put, void *arg);
void permissions_subscribe(const char *user, permission_fn *put, void *arg);

#endif
