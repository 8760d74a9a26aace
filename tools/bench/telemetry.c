/*
 * Request telemetry as fast as a process can tell it: rows of api-edge, through the real ring,
 * sender and stream. `paced` waits while the ring is full, so that nothing is dropped; `flood`
 * never waits, and stops itself (SIGSTOP) before the first row and after the last, for a test to
 * stop the server meanwhile. With WATCH_DB it waits until observability has stored all that
 * arrived. Read next:
 * libs/svc/telemetry.c, services/observability/ingest.c.
 */
#include "bench.h"

#include "core/id.h"
#include "core/timeutil.h"
#include "svc/telemetry.h"

#include <math.h>
#include <postgresql/libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUTES        20
#define USERS         50
#define RING_ROOM     1024 /* paced: rows that stay free */
#define STORED_MS     120000
#define LOOK_US       2000
#define TELL_ERROR    200 /* one in so many failed */
#define DURATION_MEAN 7.0 /* of the logarithm of microseconds: 1.1 ms */

struct teller {
	struct svc *svc;
	char *tenant;
	int64_t rows;
	bool paced;
	char users[USERS][UUID_TEXT], routes[ROUTES][32];
};

/* Log-normal, as latencies are: the sum of twelve uniform numbers is nearly a normal one. */
static uint32_t duration(unsigned short seed[3])
{
	double z = -6.0;

	for (int i = 0; i < 12; i++)
		z += erand48(seed);
	return (uint32_t)exp(DURATION_MEAN + z);
}

static void tell(struct teller *t, int64_t i, unsigned short seed[3])
{
	Pulsepoint__RequestRow row = PULSEPOINT__REQUEST_ROW__INIT;
	char traceparent[TRACEPARENT_TEXT], id[REQUEST_ID_MAX];
	struct telemetry_ids ids;
	bool error = i % TELL_ERROR == TELL_ERROR - 1;

	snprintf(traceparent, sizeof(traceparent), "00-%016llx%016llx-%016llx-01",
		 (unsigned long long)nrand48(seed), (unsigned long long)i + 1,
		 (unsigned long long)(((uint64_t)nrand48(seed) << 32) | (uint64_t)i) + 1);
	snprintf(id, sizeof(id), "bench-%lld", (long long)i);
	row.started_at = time_now_us();
	row.duration_us = duration(seed);
	row.database_us = row.duration_us / 2;
	row.tenant_id = t->tenant;
	row.user_id = t->users[i % USERS];
	row.method = t->routes[i % ROUTES];
	row.status = (char *)(error ? "unavailable" : "ok");
	row.http_status = error ? 503 : 200;
	row.request_bytes = 120;
	row.response_bytes = 4000;
	row.request_id = id;
	svc_telemetry_trace(&row, &ids, traceparent, NULL);
	svc_telemetry_request(t->svc, &row);
}

static void wait_for_room(struct teller *t)
{
	struct telemetry_counts c;

	for (;;) {
		svc_telemetry_counts(t->svc, &c);
		if (c.waiting < TELEMETRY_RING_ROWS - RING_ROOM)
			return;
		time_sleep_us(time_mono_us() + 200);
	}
}

/* What observability has stored of this service so far; -1 when it cannot be asked. */
static int64_t stored(PGconn *watch)
{
	PGresult *r = PQexec(watch, "SELECT coalesce(sum(stored), 0)"
				    " FROM observability.telemetry_sources"
				    " WHERE service = 'api-edge'");
	int64_t n =
		PQresultStatus(r) == PGRES_TUPLES_OK ? strtoll(PQgetvalue(r, 0, 0), NULL, 10) : -1;

	PQclear(r);
	return n;
}

/* Microseconds until that many are stored; 0 when they never were. */
static int64_t wait_stored(PGconn *watch, int64_t want, int64_t start)
{
	while (time_mono_us() - start < STORED_MS * INT64_C(1000)) {
		if (stored(watch) >= want)
			return time_mono_us() - start;
		time_sleep_us(time_mono_us() + LOOK_US);
	}
	return 0;
}

static void stand_still(void)
{
	fflush(stdout);
	raise(SIGSTOP);
}

static bool tell_all(struct svc *svc, void *arg)
{
	struct teller *t = arg;
	unsigned short seed[3] = { 1, 2, 3 };
	PGconn *watch = getenv("WATCH_DB") ? PQconnectdb(getenv("WATCH_DB")) : NULL;
	int64_t before = watch ? stored(watch) : 0, start, told, done = 0;
	struct telemetry_counts c;
	bool good;

	t->svc = svc;
	if (!t->paced)
		stand_still();
	start = time_mono_us();
	for (int64_t i = 0; i < t->rows; i++) {
		if (t->paced && i % RING_ROOM == 0)
			wait_for_room(t);
		tell(t, i, seed);
	}
	told = time_mono_us() - start;
	svc_telemetry_counts(t->svc, &c);
	if (watch)
		done = wait_stored(watch, before + t->rows - (int64_t)c.dropped, start);
	good = !watch || (before >= 0 && done > 0);
	/* Rows, dropped, microseconds until all were told and until all were stored. */
	printf("RESULT %lld %llu %lld %lld\n", (long long)t->rows, (unsigned long long)c.dropped,
	       (long long)told, (long long)done);
	if (!t->paced)
		stand_still();
	PQfinish(watch);
	return good;
}

int bench_telemetry(int argc, char **argv)
{
	static struct teller t;

	(void)argc;
	t.tenant = argv[1];
	t.rows = bench_number("ROWS", argv[2], 1, 100000000);
	t.paced = strcmp(argv[3], "paced") == 0;
	if (!uuid_valid(t.tenant) || (!t.paced && strcmp(argv[3], "flood") != 0)) {
		fprintf(stderr, "bench: a tenant's id, rows, and paced or flood\n");
		return 2;
	}
	for (int i = 0; i < USERS; i++)
		uuid_v7(t.users[i]);
	for (int i = 0; i < ROUTES; i++)
		snprintf(t.routes[i], sizeof(t.routes[i]), "GET /api/bench/%02d", i);
	return bench_as_service("api-edge", "tells requests that never were", tell_all, &t);
}
