/*
 * Telemetry's ring and its sender. A row is packed by who tells it, so the sender only strings
 * bytes together. What a page says about the process (rows emitted and dropped) is always such that
 * emitted - dropped is the number of rows in all pages up to this one: whoever stores them knows
 * from any later page what was lost between. Read next: telemetry.h,
 * proto/pulsepoint/telemetry.proto.
 */
#include "svc/telemetry.h"

#include "core/log.h"
#include "core/magic.h"
#include "core/text.h"
#include "core/timeutil.h"
#include "svc/svc_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TELEMETRY_MAGIC    0x54454c45u
#define RING_BYTES         ((size_t)TELEMETRY_RING_ROWS * 256)
#define PAGES_MAX          16 /* messages sent together */
#define HEAD_MAX           256
#define PAGE_BYTES         (TELEMETRY_PAGE_ROWS * (TELEMETRY_ROW_MAX + 3) + HEAD_MAX)
#define ROWS_TAG           0x32 /* field 6, bytes: Telemetry.rows */
#define PUBLISH_MS         2000
#define SEND_LIMIT_US      (10 * US_PER_SECOND)
#define SEND_LIMIT_STOP_US US_PER_SECOND
#define AGAIN_FIRST_MS     50
#define AGAIN_LAST_MS      1000

_Static_assert(PAGE_BYTES <= BUS_EVENT_MAX, "a page is a message");

struct page {
	uint8_t data[PAGE_BYTES];
	size_t len, rows;
	char id[UUID_TEXT + 24];
};

struct telemetry {
	unsigned magic;
	struct svc *svc;
	char subject[SVC_SUBJECT_MAX];
	pthread_t thread;
	pthread_cond_t cond;

	pthread_mutex_t lock; /* of all down to the next blank line */
	uint8_t *ring;        /* records: two bytes of length, the packed row */
	size_t head, used;    /* where the oldest record begins; bytes of all records */
	uint64_t rows, emitted, dropped;
	int64_t stop_us; /* 0: no; else when the last flush has to be over */

	/* The sender's own. */
	struct page *pages;
	uint64_t page_no, taken;             /* pages made, rows in them */
	uint64_t told_emitted, told_dropped; /* by the latest page that arrived */
	int64_t flushed_us;                  /* when a page that was not full was last made */
	bool waiting;                        /* an outage has been logged */
	_Atomic uint64_t sent, unsent;
};

/* ---- the ring ---- */

static void ring_write(struct telemetry *t, const void *data, size_t len)
{
	size_t at = (t->head + t->used) % RING_BYTES;
	size_t first = len < RING_BYTES - at ? len : RING_BYTES - at;

	memcpy(t->ring + at, data, first);
	memcpy(t->ring, (const uint8_t *)data + first, len - first);
	t->used += len;
}

static void ring_read(struct telemetry *t, void *data, size_t len)
{
	size_t first = len < RING_BYTES - t->head ? len : RING_BYTES - t->head;

	memcpy(data, t->ring + t->head, first);
	memcpy((uint8_t *)data + first, t->ring, len - first);
	t->used -= len;
	/* An empty ring begins at its beginning again, so a quiet process touches little of it. */
	t->head = t->used ? (t->head + len) % RING_BYTES : 0;
}

void svc_telemetry_request(struct svc *svc, const Pulsepoint__RequestRow *row)
{
	struct telemetry *t = svc->telemetry;
	uint8_t packed[TELEMETRY_ROW_MAX];
	uint16_t len = 0;
	size_t need;
	bool wake;

	if (!t)
		return;
	CHECK_MAGIC(t, TELEMETRY_MAGIC);
	need = pulsepoint__request_row__get_packed_size(row);
	if (need <= sizeof(packed))
		len = (uint16_t)pulsepoint__request_row__pack(row, packed);
	pthread_mutex_lock(&t->lock);
	t->emitted++;
	if (len == 0 || t->stop_us || t->rows >= TELEMETRY_RING_ROWS ||
	    t->used + sizeof(len) + len > RING_BYTES) {
		t->dropped++;
		wake = false;
	} else {
		ring_write(t, &len, sizeof(len));
		ring_write(t, packed, len);
		wake = ++t->rows == TELEMETRY_PAGE_ROWS;
	}
	pthread_mutex_unlock(&t->lock);
	if (wake)
		pthread_cond_signal(&t->cond);
}

void svc_telemetry_trace(Pulsepoint__RequestRow *row, struct telemetry_ids *ids,
			 const char *traceparent, const char *parent)
{
	/* 00-<32 hex>-<16 hex>-<2 hex>: traceparent_child made it. */
	if (strlen(traceparent) < TRACEPARENT_TEXT - 1 ||
	    !hex_decode(traceparent + 3, 32, ids->trace) ||
	    !hex_decode(traceparent + 36, 16, ids->span))
		return;
	row->trace_id = (ProtobufCBinaryData){ sizeof(ids->trace), ids->trace };
	row->span_id = (ProtobufCBinaryData){ sizeof(ids->span), ids->span };
	/* A parent that was not well formed has given its trace id to nobody. */
	if (parent && strlen(parent) >= TRACEPARENT_TEXT - 1 &&
	    strncmp(parent + 3, traceparent + 3, 32) == 0 &&
	    hex_decode(parent + 36, 16, ids->parent))
		row->parent_span_id = (ProtobufCBinaryData){ sizeof(ids->parent), ids->parent };
}

void svc_telemetry_counts(const struct svc *svc, struct telemetry_counts *out)
{
	struct telemetry *t = svc->telemetry;

	*out = (struct telemetry_counts){ 0 };
	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	out->emitted = t->emitted;
	out->dropped = t->dropped;
	out->waiting = t->rows;
	pthread_mutex_unlock(&t->lock);
	out->pages = atomic_load(&t->sent);
	out->unsent = atomic_load(&t->unsent);
}

/* ---- pages ---- */

static void put_row(struct telemetry *t, struct page *p)
{
	uint16_t len;

	ring_read(t, &len, sizeof(len));
	p->data[p->len++] = ROWS_TAG;
	if (len >= 0x80)
		p->data[p->len++] = (uint8_t)(len | 0x80);
	p->data[p->len++] = (uint8_t)(len >= 0x80 ? len >> 7 : len);
	ring_read(t, p->data + p->len, len);
	p->len += len;
	p->rows++;
	t->rows--;
	t->taken++;
}

/* Behind the rows, since a protobuf message is the sum of its pieces in any order. */
static void put_head(struct telemetry *t, struct page *p, uint64_t dropped)
{
	Pulsepoint__Telemetry head = PULSEPOINT__TELEMETRY__INIT;

	head.service = (char *)t->svc->name;
	head.instance = t->svc->instance;
	head.page = ++t->page_no;
	head.emitted = t->taken + dropped;
	head.dropped = dropped;
	INVARIANT(p->len + pulsepoint__telemetry__get_packed_size(&head) <= sizeof(p->data));
	p->len += pulsepoint__telemetry__pack(&head, p->data + p->len);
	snprintf(p->id, sizeof(p->id), "%s:%llu", t->svc->instance, (unsigned long long)head.page);
	t->told_emitted = head.emitted;
	t->told_dropped = dropped;
}

/*
 * Makes pages of what waits; one that is not full only when its time has come. A page without rows
 * tells of drops, or of pages that never arrived, when no row follows that could.
 */
static size_t take_pages(struct telemetry *t)
{
	int64_t now = time_mono_us();
	bool flush = now - t->flushed_us >= TELEMETRY_FLUSH_MS * 1000;
	size_t n = 0;

	pthread_mutex_lock(&t->lock);
	flush = flush || t->stop_us;
	while (n < PAGES_MAX && (t->rows >= TELEMETRY_PAGE_ROWS || (flush && t->rows > 0))) {
		struct page *p = &t->pages[n++];

		p->len = p->rows = 0;
		while (t->rows > 0 && p->rows < TELEMETRY_PAGE_ROWS)
			put_row(t, p);
		put_head(t, p, t->dropped);
	}
	if (n == 0 && flush &&
	    (t->told_emitted != t->taken + t->dropped || t->told_dropped != t->dropped)) {
		struct page *p = &t->pages[n++];

		p->len = p->rows = 0;
		put_head(t, p, t->dropped);
	}
	pthread_mutex_unlock(&t->lock);
	if (flush)
		t->flushed_us = now;
	return n;
}

/* ---- the sender ---- */

static int64_t send_deadline(struct telemetry *t, int64_t start)
{
	int64_t stop;

	pthread_mutex_lock(&t->lock);
	stop = t->stop_us;
	pthread_mutex_unlock(&t->lock);
	return stop && stop < start + SEND_LIMIT_US ? stop : start + SEND_LIMIT_US;
}

/* Waits until the time given or a stop. */
static void pause_ms(struct telemetry *t, int ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&t->lock);
	if (!t->stop_us)
		pthread_cond_timedwait(&t->cond, &t->lock, &until);
	pthread_mutex_unlock(&t->lock);
}

/* One try; the pages that were not acknowledged move to the front. How many are left. */
static size_t publish_once(struct telemetry *t, const struct page **pages, size_t n, int ms)
{
	struct bus_event events[PAGES_MAX];
	uint64_t seq[PAGES_MAX] = { 0 };
	size_t left = 0;

	for (size_t i = 0; i < n; i++)
		events[i] = (struct bus_event){ t->subject, pages[i]->id,   NULL,
						0,          pages[i]->data, pages[i]->len };
	/* Which of them arrived stands in seq. */
	(void)!bus_js_publish(t->svc->bus, events, n, ms, seq);
	for (size_t i = 0; i < n; i++) {
		if (seq[i] == 0)
			pages[left++] = pages[i];
		else
			atomic_fetch_add(&t->sent, 1);
	}
	return left;
}

static void log_outage(struct telemetry *t, bool out)
{
	if (out && !t->waiting)
		log_event(LOG_WARN, "telemetry.waiting", "the stream does not take our pages");
	if (!out && t->waiting)
		log_event(LOG_INFO, "telemetry.sent", "the stream takes our pages again");
	t->waiting = out;
}

static void send_pages(struct telemetry *t, size_t n)
{
	const struct page *pages[PAGES_MAX];
	int64_t start = time_mono_us(), left_us;
	int wait_ms = AGAIN_FIRST_MS;

	for (size_t i = 0; i < n; i++)
		pages[i] = &t->pages[i];
	for (;;) {
		left_us = send_deadline(t, start) - time_mono_us();
		if (left_us <= 0)
			break;
		n = publish_once(t, pages, n,
				 left_us < PUBLISH_MS * 1000 ? (int)(left_us / 1000) + 1
							     : PUBLISH_MS);
		log_outage(t, n > 0);
		if (n == 0)
			return;
		pause_ms(t, wait_ms);
		wait_ms = wait_ms * 2 < AGAIN_LAST_MS ? wait_ms * 2 : AGAIN_LAST_MS;
	}
	for (size_t i = 0; i < n; i++)
		atomic_fetch_add(&t->unsent, pages[i]->rows);
	/* The next page tells it, even if no row comes. */
	t->told_emitted = UINT64_MAX;
}

/* Waits for a full page, the time of one that is not, or a stop. False after the last flush. */
static bool wait_for_rows(struct telemetry *t)
{
	struct timespec until;
	bool go;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)TELEMETRY_FLUSH_MS * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&t->lock);
	while (t->rows < TELEMETRY_PAGE_ROWS && !t->stop_us)
		if (pthread_cond_timedwait(&t->cond, &t->lock, &until) != 0)
			break;
	go = !t->stop_us || time_mono_us() < t->stop_us;
	pthread_mutex_unlock(&t->lock);
	return go;
}

static bool stopping(struct telemetry *t)
{
	bool stop;

	pthread_mutex_lock(&t->lock);
	stop = t->stop_us != 0;
	pthread_mutex_unlock(&t->lock);
	return stop;
}

static void *sender(void *arg)
{
	struct telemetry *t = arg;
	size_t n;

	CHECK_MAGIC(t, TELEMETRY_MAGIC);
	while (wait_for_rows(t)) {
		bool last = stopping(t);

		n = take_pages(t);
		if (n > 0)
			send_pages(t, n);
		else if (last)
			break;
	}
	return NULL;
}

/* ---- start and stop ---- */

static void free_telemetry(struct telemetry *t)
{
	pthread_cond_destroy(&t->cond);
	pthread_mutex_destroy(&t->lock);
	free(t->ring);
	free(t->pages);
	free(t);
}

enum status svc__telemetry_start(struct svc *svc, struct error *err)
{
	struct telemetry *t = calloc(1, sizeof(*t)); /* allowed: lives as long as the process */
	pthread_condattr_t attr;

	if (!t)
		return error_set(err, ST_UNAVAILABLE, NULL, "the service is out of memory");
	t->magic = TELEMETRY_MAGIC;
	t->svc = svc;
	snprintf(t->subject, sizeof(t->subject), "pp.obs.%s", svc->name);
	pthread_mutex_init(&t->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&t->cond, &attr);
	pthread_condattr_destroy(&attr);
	/* allowed: both live as long as the process */
	t->ring = malloc(RING_BYTES);
	t->pages = malloc(PAGES_MAX * sizeof(*t->pages));
	if (!t->ring || !t->pages || pthread_create(&t->thread, NULL, sender, t) != 0) {
		free_telemetry(t);
		return error_set(err, ST_UNAVAILABLE, NULL, "telemetry cannot start");
	}
	svc->telemetry = t;
	return ST_OK;
}

void svc__telemetry_stop(struct svc *svc)
{
	struct telemetry *t = svc->telemetry;

	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	t->stop_us = time_mono_us() + SEND_LIMIT_STOP_US;
	pthread_cond_signal(&t->cond);
	pthread_mutex_unlock(&t->lock);
	pthread_join(t->thread, NULL);
}

void svc__telemetry_free(struct svc *svc)
{
	if (svc->telemetry)
		free_telemetry(svc->telemetry);
	svc->telemetry = NULL;
}
