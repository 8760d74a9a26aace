/* See faults.h. Read next: sim.c (sim_begin), where the rules are applied. */
#include "faults.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct faults {
	pthread_mutex_t lock;
	struct fault rules[FAULTS_MAX];
	size_t n;
};

static const char *const words[] = {
#define X(name, word) [FAULT_##name] = word,
	FAULT_LIST(X)
#undef X
};

struct faults *faults_new(void)
{
	struct faults *f = calloc(1, sizeof(*f));

	if (f != NULL)
		pthread_mutex_init(&f->lock, NULL);
	return f;
}

void faults_free(struct faults *f)
{
	if (f == NULL)
		return;
	pthread_mutex_destroy(&f->lock);
	free(f);
}

enum fault_kind fault_kind_parse(const char *word)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i], word) == 0)
			return (enum fault_kind)i;
	return FAULT_NONE;
}

bool faults_add(struct faults *f, const struct fault *rule)
{
	bool ok;

	pthread_mutex_lock(&f->lock);
	ok = f->n < FAULTS_MAX;
	if (ok)
		f->rules[f->n++] = *rule;
	pthread_mutex_unlock(&f->lock);
	return ok;
}

void faults_clear(struct faults *f)
{
	pthread_mutex_lock(&f->lock);
	f->n = 0;
	pthread_mutex_unlock(&f->lock);
}

struct fault faults_take(struct faults *f, const char *provider, const char *endpoint)
{
	struct fault taken = { .kind = FAULT_NONE };

	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < f->n; i++) {
		struct fault *r = &f->rules[i];

		if (strcmp(r->provider, provider) != 0 ||
		    (r->endpoint[0] != '\0' && strcmp(r->endpoint, endpoint) != 0))
			continue;
		if (r->after > 0) {
			r->after--;
			continue;
		}
		taken = *r;
		if (--r->count <= 0) {
			memmove(r, r + 1, (f->n - i - 1) * sizeof(*r));
			f->n--;
		}
		break;
	}
	pthread_mutex_unlock(&f->lock);
	return taken;
}

void faults_write(struct faults *f, struct buf *out)
{
	pthread_mutex_lock(&f->lock);
	buf_putc(out, '[');
	for (size_t i = 0; i < f->n; i++) {
		const struct fault *r = &f->rules[i];

		buf_puts(out, i > 0 ? ",{\"provider\":" : "{\"provider\":");
		buf_put_json(out, r->provider, strlen(r->provider));
		buf_puts(out, ",\"endpoint\":");
		buf_put_json(out, r->endpoint, strlen(r->endpoint));
		buf_printf(out,
			   ",\"kind\":\"%s\",\"count\":%lld,\"after\":%lld,\"delay_ms\":%lld,"
			   "\"retry_after\":%lld}",
			   words[r->kind], (long long)r->count, (long long)r->after,
			   (long long)r->delay_ms, (long long)r->retry_after);
	}
	buf_putc(out, ']');
	pthread_mutex_unlock(&f->lock);
}
