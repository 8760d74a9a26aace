/*
 * The end of messages. cnats 3.4.1 frees each on a thread of its own, woken for it each time: with
 * many small ones that was a quarter of a service's thread switches (docs/internals/bus.md). So we
 * hand them over by the dozen.
 */
#include "bus/bus_priv.h"

#define DISCARD_MAX       32
#define DISCARD_BYTES_MAX (64 * 1024) /* kept at most; a larger message goes at once */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* over both */
static natsMsg *kept[DISCARD_MAX];
static size_t n_kept, kept_bytes;

/* Needs the lock. */
static size_t take_all(natsMsg *out[DISCARD_MAX])
{
	size_t n = n_kept;

	for (size_t i = 0; i < n; i++)
		out[i] = kept[i];
	n_kept = kept_bytes = 0;
	return n;
}

static void destroy(natsMsg *const *m, size_t n)
{
	for (size_t i = 0; i < n; i++)
		natsMsg_Destroy(m[i]);
}

void nats_discard(natsMsg *nm)
{
	size_t len = (size_t)natsMsg_GetDataLength(nm), n = 0;
	natsMsg *all[DISCARD_MAX];

	if (len > DISCARD_BYTES_MAX) {
		natsMsg_Destroy(nm);
		return;
	}
	pthread_mutex_lock(&lock);
	if (n_kept == DISCARD_MAX || kept_bytes + len > DISCARD_BYTES_MAX)
		n = take_all(all);
	kept[n_kept++] = nm;
	kept_bytes += len;
	pthread_mutex_unlock(&lock);
	destroy(all, n);
}

void nats_discard_all(void)
{
	natsMsg *all[DISCARD_MAX];
	size_t n;

	pthread_mutex_lock(&lock);
	n = take_all(all);
	pthread_mutex_unlock(&lock);
	destroy(all, n);
}
