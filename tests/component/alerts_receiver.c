/* A receiver of webhooks that can be told to fail, to hang and to ask for patience. See
 * alerts_fixture.h. */
#include "component/alerts_fixture.h"

#include "core/magic.h"
#include "core/timeutil.h"

#include <civetweb.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define PLANS_MAX 32
#define LOOK_US   5000

static struct mg_context *server;
static char base[64];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct hook *hooks; /* HOOKS_MAX; under the lock */
static int n_hooks;
static struct plan {
	char path[64];
	int code, times, delay_ms, retry_after_s;
} plans[PLANS_MAX];
static int n_plans;
static pthread_cond_t freed = PTHREAD_COND_INITIALIZER;
static char held[64]; /* the path whose requests wait; "": none */

static void copy(char *to, size_t cap, const char *from)
{
	snprintf(to, cap, "%s", from ? from : "");
}

/* Keeps the request; what it is to be answered. */
static struct plan keep(struct mg_connection *c, const char *body)
{
	const struct mg_request_info *ri = mg_get_request_info(c);
	struct plan ret = { .code = 200 };
	struct hook *h;

	pthread_mutex_lock(&lock);
	INVARIANT(n_hooks < HOOKS_MAX);
	h = &hooks[n_hooks];
	copy(h->path, sizeof(h->path), ri->local_uri);
	copy(h->notice_id, sizeof(h->notice_id), mg_get_header(c, "Pulsepoint-Notice-Id"));
	copy(h->signature, sizeof(h->signature), mg_get_header(c, "X-Pulsepoint-Signature"));
	copy(h->body, sizeof(h->body), body);
	h->at_us = time_now_us();
	n_hooks++;
	for (int i = 0; i < n_plans; i++)
		if (strcmp(plans[i].path, h->path) == 0 && plans[i].times != 0) {
			plans[i].times -= plans[i].times > 0;
			ret = plans[i];
		}
	pthread_mutex_unlock(&lock);
	return ret;
}

/* Ends by itself when the test has failed long since. */
static void wait_while_held(const char *path)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WORLD_LIMIT_MS / 1000;
	pthread_mutex_lock(&lock);
	while (strcmp(held, path) == 0)
		if (pthread_cond_timedwait(&freed, &lock, &until) != 0)
			break;
	pthread_mutex_unlock(&lock);
}

static int serve(struct mg_connection *c, void *arg)
{
	char body[HOOK_BODY_MAX], head[256], after[64] = "";
	int n = 0, got;
	struct plan p;

	(void)arg;
	while (n < (int)sizeof(body) - 1 &&
	       (got = mg_read(c, body + n, sizeof(body) - 1 - (size_t)n)) > 0)
		n += got;
	body[n] = '\0';
	p = keep(c, body);
	wait_while_held(mg_get_request_info(c)->local_uri);
	if (p.delay_ms > 0)
		time_sleep_us(time_mono_us() + p.delay_ms * INT64_C(1000));
	if (p.retry_after_s > 0)
		snprintf(after, sizeof(after), "Retry-After: %d\r\n", p.retry_after_s);
	if (p.code >= 300 && p.code < 400)
		snprintf(after, sizeof(after), "Location: /elsewhere\r\n");
	snprintf(head, sizeof(head), "HTTP/1.1 %d Answer\r\nContent-Length: 2\r\n%s\r\nok", p.code,
		 after);
	mg_write(c, head, strlen(head));
	return p.code;
}

void hooks_start(void)
{
	char port[32];
	const char *options[] = { "listening_ports",
				  port,
				  "num_threads",
				  "40",
				  "enable_keep_alive",
				  "yes",
				  "keep_alive_timeout_ms",
				  "2000",
				  "request_timeout_ms",
				  "20000",
				  NULL };

	hooks = calloc(HOOKS_MAX, sizeof(*hooks));
	INVARIANT(hooks != NULL);
	snprintf(port, sizeof(port), "127.0.0.1:%d", tk_free_port());
	snprintf(base, sizeof(base), "http://%s", port);
	server = mg_start(NULL, NULL, options);
	INVARIANT(server != NULL);
	mg_set_request_handler(server, "/**", serve, NULL);
}

void hooks_stop(void)
{
	mg_stop(server);
	free(hooks);
	hooks = NULL;
}

const char *hooks_url(void)
{
	return base;
}

void hooks_answer(const char *path, int code, int times, int delay_ms, int retry_after_s)
{
	int i = 0;

	pthread_mutex_lock(&lock);
	while (i < n_plans && strcmp(plans[i].path, path) != 0)
		i++;
	INVARIANT(i < PLANS_MAX);
	if (i == n_plans)
		n_plans++;
	plans[i] = (struct plan){
		.code = code, .times = times, .delay_ms = delay_ms, .retry_after_s = retry_after_s
	};
	copy(plans[i].path, sizeof(plans[i].path), path);
	pthread_mutex_unlock(&lock);
}

void hooks_hold(const char *path)
{
	pthread_mutex_lock(&lock);
	copy(held, sizeof(held), path);
	pthread_cond_broadcast(&freed);
	pthread_mutex_unlock(&lock);
}

static const struct hook *find(const char *path, int i, int *count)
{
	const struct hook *ret = NULL;

	*count = 0;
	pthread_mutex_lock(&lock);
	for (int k = 0; k < n_hooks; k++) {
		if (path && strcmp(hooks[k].path, path) != 0)
			continue;
		if ((*count)++ == i)
			ret = &hooks[k];
	}
	pthread_mutex_unlock(&lock);
	return ret;
}

int hooks_count(const char *path)
{
	int n;

	find(path, -1, &n);
	return n;
}

const struct hook *hooks_get(const char *path, int i)
{
	int n;
	const struct hook *h = find(path, i, &n);

	if (!h)
		fail_msg("%s: only %d requests came", path, n);
	return h;
}

void hooks_wait(const char *path, int n)
{
	const int64_t deadline = time_mono_us() + WORLD_LIMIT_MS * INT64_C(1000);

	while (hooks_count(path) < n) {
		if (time_mono_us() > deadline)
			fail_msg("%s: %d requests and never %d", path, hooks_count(path), n);
		time_sleep_us(time_mono_us() + LOOK_US);
	}
}

static int by_id(const void *a, const void *b)
{
	const struct hook *const *x = a, *const *y = b;

	return strcmp((*x)->notice_id, (*y)->notice_id);
}

int hooks_distinct(void)
{
	const struct hook **list;
	int n = 0;

	pthread_mutex_lock(&lock);
	list = calloc((size_t)n_hooks + 1, sizeof(struct hook *));
	INVARIANT(list != NULL);
	for (int i = 0; i < n_hooks; i++)
		list[i] = &hooks[i];
	qsort(list, (size_t)n_hooks, sizeof(struct hook *), by_id);
	for (int i = 0; i < n_hooks; i++)
		n += i == 0 || strcmp(list[i - 1]->notice_id, list[i]->notice_id) != 0;
	pthread_mutex_unlock(&lock);
	free(list);
	return n;
}

void hooks_forget(void)
{
	pthread_mutex_lock(&lock);
	n_hooks = 0;
	n_plans = 0;
	held[0] = '\0';
	pthread_cond_broadcast(&freed);
	pthread_mutex_unlock(&lock);
}

bool hook_signed(const struct hook *h, const char *secret)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	char text[HOOK_BODY_MAX + 64], want[160];
	const char *comma = strchr(h->signature, ',');
	unsigned len = 0;
	int n;

	if (strncmp(h->signature, "t=", 2) != 0 || !comma)
		return false;
	n = snprintf(text, sizeof(text), "%.*s.%s", (int)(comma - h->signature - 2),
		     h->signature + 2, h->body);
	if (!HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)text, (size_t)n,
		  mac, &len))
		return false;
	n = snprintf(want, sizeof(want), "%.*s,v1=", (int)(comma - h->signature), h->signature);
	for (unsigned i = 0; i < len; i++)
		n += snprintf(want + n, sizeof(want) - (size_t)n, "%02x", mac[i]);
	return strcmp(want, h->signature) == 0;
}
