/* See stats.h. Read next: control.c. */
#include "stats.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_SLOTS 65536 /* of the hash table; more than twice STATS_PAGES_MAX */

struct endpoint {
	char provider[24], name[40];
	uint64_t counts[STAT_COUNT];
};

struct page {
	char *key; /* "provider endpoint cursor" */
	uint32_t fetched;
};

struct stats {
	pthread_mutex_t lock;
	struct endpoint endpoints[STATS_ENDPOINTS_MAX];
	size_t nendpoints;
	struct page pages[PAGE_SLOTS];
	size_t npages;
	uint64_t fetched_again, not_kept;
};

struct stats *stats_new(void)
{
	struct stats *s = calloc(1, sizeof(*s));

	if (s != NULL)
		pthread_mutex_init(&s->lock, NULL);
	return s;
}

void stats_free(struct stats *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < PAGE_SLOTS; i++)
		free(s->pages[i].key);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* Call with the lock held. Beyond the limit everything is counted in the last entry. */
static struct endpoint *find(struct stats *s, const char *provider, const char *name)
{
	struct endpoint *e;

	for (size_t i = 0; i < s->nendpoints; i++)
		if (strcmp(s->endpoints[i].provider, provider) == 0 &&
		    strcmp(s->endpoints[i].name, name) == 0)
			return &s->endpoints[i];
	if (s->nendpoints == STATS_ENDPOINTS_MAX)
		return &s->endpoints[STATS_ENDPOINTS_MAX - 1];
	e = &s->endpoints[s->nendpoints++];
	snprintf(e->provider, sizeof(e->provider), "%s", provider);
	snprintf(e->name, sizeof(e->name), "%s", name);
	return e;
}

void stats_add(struct stats *s, const char *provider, const char *endpoint, enum stat what)
{
	pthread_mutex_lock(&s->lock);
	find(s, provider, endpoint)->counts[what]++;
	pthread_mutex_unlock(&s->lock);
}

static uint64_t hash(const char *key)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (; *key != '\0'; key++)
		h = (h ^ (unsigned char)*key) * UINT64_C(1099511628211);
	return h;
}

void stats_page(struct stats *s, const char *provider, const char *endpoint, const char *cursor)
{
	char key[STATS_KEY_MAX];
	size_t i;

	snprintf(key, sizeof(key), "%s %s %s", provider, endpoint, cursor);
	pthread_mutex_lock(&s->lock);
	find(s, provider, endpoint)->counts[STAT_PAGES]++;
	i = hash(key) % PAGE_SLOTS;
	while (s->pages[i].key != NULL && strcmp(s->pages[i].key, key) != 0)
		i = (i + 1) % PAGE_SLOTS;
	if (s->pages[i].key != NULL) {
		s->pages[i].fetched++;
		s->fetched_again++;
	} else if (s->npages < STATS_PAGES_MAX && (s->pages[i].key = strdup(key)) != NULL) {
		s->pages[i].fetched = 1;
		s->npages++;
	} else {
		s->not_kept++;
	}
	pthread_mutex_unlock(&s->lock);
}

static void write_pages(const struct stats *s, struct buf *out)
{
	bool first = true;

	buf_puts(out, ",\"pages\":[");
	for (size_t i = 0; i < PAGE_SLOTS; i++) {
		if (s->pages[i].key == NULL)
			continue;
		buf_puts(out, first ? "{\"page\":" : ",{\"page\":");
		first = false;
		buf_put_json(out, s->pages[i].key, strlen(s->pages[i].key));
		buf_printf(out, ",\"fetched\":%u}", s->pages[i].fetched);
	}
	buf_putc(out, ']');
}

void stats_write(struct stats *s, struct buf *out, bool pages)
{
	pthread_mutex_lock(&s->lock);
	buf_puts(out, "{\"endpoints\":[");
	for (size_t i = 0; i < s->nendpoints; i++) {
		const struct endpoint *e = &s->endpoints[i];

		buf_puts(out, i > 0 ? ",{\"provider\":" : "{\"provider\":");
		buf_put_json(out, e->provider, strlen(e->provider));
		buf_puts(out, ",\"endpoint\":");
		buf_put_json(out, e->name, strlen(e->name));
		buf_printf(out,
			   ",\"requests\":%llu,\"pages\":%llu,\"throttled\":%llu,\"faults\":%llu}",
			   (unsigned long long)e->counts[STAT_REQUESTS],
			   (unsigned long long)e->counts[STAT_PAGES],
			   (unsigned long long)e->counts[STAT_THROTTLED],
			   (unsigned long long)e->counts[STAT_FAULTS]);
	}
	buf_printf(out,
		   "],\"distinct_pages\":%zu,\"pages_fetched_again\":%llu,\"pages_not_kept\":%llu",
		   s->npages, (unsigned long long)s->fetched_again,
		   (unsigned long long)s->not_kept);
	if (pages)
		write_pages(s, out);
	buf_putc(out, '}');
	pthread_mutex_unlock(&s->lock);
}
