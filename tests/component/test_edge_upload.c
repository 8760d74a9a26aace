/*
 * Uploads: JSON lines of any length through the gateway in chunks. The test plays attribution, so
 * that what arrives can be compared byte for byte. Read next: services/api-edge/upload.c.
 */
#include "component/edge_fixture.h"

#include "attribution/v1/attribution.pb-c.h"
#include "core/buf.h"
#include "core/text.h"
#include "core/timeutil.h"
#include "json/message.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#define BRAND      "01890000-0000-7000-8000-0000000000b1"
#define PATH       "/api/brands/" BRAND "/touchpoints:import"
#define LINE_MAX_  16384
#define CHUNK_MAX  500
#define BODY_BYTES ((size_t)10 * 1024 * 1024)
#define KEPT_MAX   ((size_t)32 * 1024 * 1024)
#define GROWTH_KB  20480

static struct world w;
static struct gate_proc edge;
static const char *token;

/* ---- attribution ---- */

struct owner {
	pthread_mutex_t lock;
	struct bus *bus;
	struct arena *arena;
	struct buf kept; /* the lines as they came, each with its end */
	uint64_t next;   /* line that is due with a key */
	int chunks, lasts, largest;
	size_t largest_bytes;
	char key[300];
	uint64_t fail_at; /* the line that is refused; 0: none */
};
static struct owner owner = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void keep(struct owner *o, const Attribution__V1__ImportTouchpointsRequest *in)
{
	size_t bytes = 0;

	for (size_t i = 0; i < in->n_lines; i++) {
		bytes += strlen(in->lines[i]);
		if (in->first_line + i < o->next)
			continue;
		buf_puts(&o->kept, in->lines[i]);
		buf_putc(&o->kept, '\n');
	}
	o->chunks++;
	o->lasts += in->last;
	if ((int)in->n_lines > o->largest)
		o->largest = (int)in->n_lines;
	if (bytes > o->largest_bytes)
		o->largest_bytes = bytes;
	if (in->first_line + in->n_lines > o->next)
		o->next = in->first_line + in->n_lines;
	snprintf(o->key, sizeof(o->key), "%s", in->import_key);
}

static void import(void *arg, struct bus_msg *m)
{
	struct owner *o = arg;
	Attribution__V1__ImportTouchpointsReply out =
		ATTRIBUTION__V1__IMPORT_TOUCHPOINTS_REPLY__INIT;
	const Attribution__V1__ImportTouchpointsRequest *in;
	struct bus_header ok = { "Pp-Status", "ok" };
	struct bus_header bad[] = { { "Pp-Status", "invalid" },
				    { "Pp-Field", "lines[x].position" },
				    { "Pp-Detail", "must be at least 1" } };
	ProtobufCMessage *got;
	const void *data;
	uint8_t *packed;
	size_t len;

	pthread_mutex_lock(&o->lock);
	data = bus_msg_data(m, &len);
	if (message_unpack(o->arena, &attribution__v1__import_touchpoints_request__descriptor, data,
			   len, BUS_PAYLOAD_MAX, &got) != ST_OK)
		abort();
	in = (const void *)got;
	if (o->fail_at > 0 && in->first_line + in->n_lines >= o->fail_at) {
		(void)!bus_reply(o->bus, m, bad, 3, NULL, 0);
	} else {
		keep(o, in);
		out.lines = o->next;
		out.imported = in->n_lines;
		if (message_pack(o->arena, &out.base, &packed, &len) != ST_OK)
			abort();
		(void)!bus_reply(o->bus, m, &ok, 1, packed, len);
	}
	arena_reset(o->arena);
	pthread_mutex_unlock(&o->lock);
}

/* What the owner has of all that was answered; the answer says that it is there, but over the
 * gateway, which ThreadSanitizer does not see. */
static struct owner *seen(void)
{
	pthread_mutex_lock(&owner.lock);
	pthread_mutex_unlock(&owner.lock);
	return &owner;
}

/* The line that is refused from now on; 0: none. */
static void fail_from(uint64_t line)
{
	pthread_mutex_lock(&owner.lock);
	owner.fail_at = line;
	pthread_mutex_unlock(&owner.lock);
}

static int fresh(void **state)
{
	(void)state;
	world_fresh(&w);
	pthread_mutex_lock(&owner.lock);
	buf_reset(&owner.kept);
	owner.next = owner.fail_at = 0;
	owner.chunks = owner.lasts = owner.largest = 0;
	owner.largest_bytes = 0;
	pthread_mutex_unlock(&owner.lock);
	return 0;
}

/* ---- bodies ---- */

static const char *head(const char *more)
{
	return arena_printf(
		w.arena, "POST " PATH " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n%s\r\n",
		token, more);
}

static struct answer upload(const char *more, const char *body, size_t len)
{
	struct answer r;
	struct wire c;

	wire_open(&c, edge.port);
	wire_puts(&c, head(arena_printf(w.arena, "%sContent-Length: %zu\r\n", more, len)));
	wire_send(&c, body, len);
	r = wire_answer(&c, w.arena, false);
	wire_close(&c);
	return r;
}

/* In chunks of `step` bytes. */
static struct answer upload_chunked(const char *more, const char *body, size_t len, size_t step)
{
	struct answer r;
	struct wire c;

	wire_open(&c, edge.port);
	wire_puts(&c, head(arena_printf(w.arena, "%sTransfer-Encoding: chunked\r\n", more)));
	for (size_t at = 0; at < len; at += step) {
		size_t n = len - at < step ? len - at : step;
		char size[32];

		snprintf(size, sizeof(size), "%zx\r\n", n);
		wire_puts(&c, size);
		wire_send(&c, body + at, n);
		wire_puts(&c, "\r\n");
	}
	wire_puts(&c, "0\r\n\r\n");
	r = wire_answer(&c, w.arena, false);
	wire_close(&c);
	return r;
}

static char *lines(size_t n, struct buf *b)
{
	buf_init(b, KEPT_MAX);
	for (size_t i = 0; i < n; i++)
		buf_printf(b, "{\"visitor_id\":\"v%zu\",\"source\":\"caf\xc3\xa9 %zu\"}\n", i,
			   i * i);
	assert_false(b->failed);
	return b->data;
}

static void assert_kept(const char *want, size_t len)
{
	assert_int_equal(seen()->kept.len, len);
	assert_memory_equal(buf_str(&seen()->kept), want, len);
}

static void assert_lines(const struct answer *r, const char *name, const char *n)
{
	if (r->status != 200)
		fail_msg("%d %s", r->status, r->body);
	assert_string_equal(answer_text_of(&w, r, name), n);
}

/* ---- tests ---- */

static void every_line_arrives_once_in_order(void **state)
{
	static const size_t steps[] = { 1000, 7, 65536, 1 };
	struct answer r;
	struct buf b;

	(void)state;
	lines(1234, &b);
	r = upload("Content-Type: application/x-ndjson\r\n", b.data, b.len);
	assert_lines(&r, "lines", "1234");
	assert_lines(&r, "imported", "1234");
	assert_kept(b.data, b.len);
	assert_int_equal(seen()->lasts, 1);
	assert_int_equal(seen()->chunks, 3);
	assert_int_equal(seen()->largest, CHUNK_MAX);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		fresh(NULL);
		r = upload_chunked("", b.data, b.len, steps[i]);
		assert_lines(&r, "lines", "1234");
		assert_kept(b.data, b.len);
		assert_int_equal(seen()->lasts, 1);
	}
	buf_done(&b);
}

static void ends_of_lines_and_bodies(void **state)
{
	static const struct {
		const char *body, *kept, *n;
		int chunks;
	} rows[] = {
		{ "", "", "0", 1 },
		{ "{\"a\":1}", "{\"a\":1}\n", "1", 1 },
		{ "{\"a\":1}\n", "{\"a\":1}\n", "1", 1 },
		{ "{\"a\":1}\r\n{\"b\":2}\r\n", "{\"a\":1}\n{\"b\":2}\n", "2", 1 },
		{ "{\"a\":1}\r\n{\"b\":2}", "{\"a\":1}\n{\"b\":2}\n", "2", 1 },
		{ "{\"a\":1}\r\r\n", "{\"a\":1}\r\n", "1", 1 },
		/* Blank lines are lines: what they mean is the owner's to say. */
		{ "\n\n{\"a\":1}\n", "\n\n{\"a\":1}\n", "3", 1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct answer r;

		fresh(state);
		r = upload("", rows[i].body, strlen(rows[i].body));
		assert_lines(&r, "lines", rows[i].n);
		assert_kept(rows[i].kept, strlen(rows[i].kept));
		assert_int_equal(seen()->chunks, rows[i].chunks);
		assert_int_equal(seen()->lasts, 1);
		fresh(state);
		r = upload_chunked("", rows[i].body, strlen(rows[i].body), 3);
		assert_lines(&r, "lines", rows[i].n);
		assert_kept(rows[i].kept, strlen(rows[i].kept));
	}
}

static void bad_lines_are_named(void **state)
{
	static char body[LINE_MAX_ + 64];
	struct answer r;

	(void)state;
	r = upload("", "{}\n{\0}\n{}\n", 10);
	assert_problem(&r, 400, "lines[2]");
	assert_non_null(strstr(r.body, "NUL"));
	assert_non_null(strstr(r.body, "\"lines_settled\":0"));
	r = upload("", "{}\n{}\n\xff\xfe\n", 9);
	assert_problem(&r, 400, "lines[3]");
	assert_non_null(strstr(r.body, "UTF-8"));
	r = upload("", "{}\n\xc3", 4);
	assert_problem(&r, 400, "lines[2]");
	/* 16 KiB are a line, one byte more is none, with or without its end. */
	memset(body, 'x', sizeof(body));
	body[LINE_MAX_] = '\n';
	r = upload("", body, LINE_MAX_ + 1);
	assert_lines(&r, "lines", "1");
	assert_int_equal(seen()->kept.len, LINE_MAX_ + 1);
	body[LINE_MAX_] = 'x';
	r = upload("", body, LINE_MAX_ + 1);
	assert_problem(&r, 400, "lines[1]");
	body[LINE_MAX_ + 1] = '\n';
	r = upload("", body, LINE_MAX_ + 2);
	assert_problem(&r, 400, "lines[1]");
	assert_non_null(strstr(r.body, "16384"));
	r = upload_chunked("", body, LINE_MAX_ + 2, 5000);
	assert_problem(&r, 400, "lines[1]");
	assert_int_equal(seen()->lasts, 1);
}

/* A line without an end is refused when it is too long, not when its body is over. */
static void an_endless_line_is_not_read_to_its_end(void **state)
{
	char block[4096];
	struct answer r;
	struct wire c;

	(void)state;
	memset(block, 'x', sizeof(block));
	wire_open(&c, edge.port);
	wire_puts(&c, head("Content-Length: 1000000000\r\n"));
	for (int i = 0; i < 32; i++)
		wire_send(&c, block, sizeof(block));
	r = wire_answer(&c, w.arena, false);
	assert_problem(&r, 400, "lines[1]");
	assert_true(wire_ended(&c));
	wire_close(&c);
	assert_int_equal(seen()->chunks, 0);
	r = edge_raw(&w, edge.port, head("Content-Length: 1073741825\r\n"));
	assert_problem(&r, 413, "body");
}

static void what_is_no_upload_is_refused(void **state)
{
	struct answer r;

	(void)state;
	r = upload("Content-Type: image/png\r\n", "{}\n", 3);
	assert_problem(&r, 415, "Content-Type");
	r = edge_as(&w, edge.port, token, "POST " PATH "?last=true", NULL);
	assert_problem(&r, 400, "query");
	r = edge_as(&w, edge.port, token, "POST /api/brands/no-brand/touchpoints:import", NULL);
	assert_problem(&r, 400, "brand_id");
	r = edge_raw(&w, edge.port,
		     "POST " PATH " HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n{}\n");
	assert_problem(&r, 401, NULL);
	assert_int_equal(seen()->chunks, 0);
}

/* What breaks off is never taken for a whole: the last chunk is not sent. */
static void a_body_that_breaks_off_is_no_upload(void **state)
{
	static const char *const chunked[] = { "5\r\n{}\n{}\r\n", "5\r\n{}\n{}XX0\r\n\r\n",
					       "5\r\n{}\n", "0\r", "zz\r\n" };
	struct answer r;
	struct wire c;

	(void)state;
	wire_open(&c, edge.port);
	wire_puts(&c, head("Content-Length: 10\r\n"));
	wire_puts(&c, "{}\n{}\n{}\n");
	shutdown(c.fd, SHUT_WR);
	r = wire_answer(&c, w.arena, false);
	assert_problem(&r, 400, "body");
	assert_non_null(strstr(r.body, "\"lines_settled\":0"));
	wire_close(&c);
	for (size_t i = 0; i < sizeof(chunked) / sizeof(chunked[0]); i++) {
		wire_open(&c, edge.port);
		wire_puts(&c, head("Transfer-Encoding: chunked\r\n"));
		wire_puts(&c, chunked[i]);
		shutdown(c.fd, SHUT_WR);
		r = wire_answer(&c, w.arena, false);
		assert_problem(&r, 400, "body");
		wire_close(&c);
	}
	assert_int_equal(seen()->lasts, 0);
}

static void the_same_key_goes_on(void **state)
{
	static const char key[] = "Idempotency-Key: import 7\r\n";
	struct answer r;
	struct buf b;

	(void)state;
	lines(2600, &b);
	fail_from(1700);
	r = upload(key, b.data, b.len);
	assert_problem(&r, 400, "lines[x].position");
	assert_non_null(strstr(r.body, "\"lines_settled\":1500"));
	assert_string_equal(seen()->key, "import 7");
	assert_int_equal(seen()->lasts, 0);
	fail_from(0);
	r = upload(key, b.data, b.len);
	assert_lines(&r, "lines", "2600");
	assert_kept(b.data, b.len);
	assert_int_equal(seen()->lasts, 1);
	buf_done(&b);
}

static void a_client_that_waits_is_asked(void **state)
{
	struct answer r;
	struct wire c;

	(void)state;
	wire_open(&c, edge.port);
	wire_puts(&c, head("Expect: 100-continue\r\nContent-Length: 6\r\n"));
	r = wire_answer(&c, w.arena, false);
	assert_int_equal(r.status, 100);
	wire_puts(&c, "{}\n{}\n");
	r = wire_answer(&c, w.arena, false);
	assert_lines(&r, "lines", "2");
	/* Read to its end, the connection serves on. */
	wire_puts(&c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_int_equal(wire_answer(&c, w.arena, false).status, 200);
	wire_close(&c);
}

/* Long lines make chunks by their bytes, so that none outgrows what the bus carries. */
static void ten_megabytes_need_little_memory(void **state)
{
	struct answer r;
	long before, after;
	struct buf b;
	char n[32];
	size_t count = 0;

	(void)state;
	buf_init(&b, KEPT_MAX);
	while (b.len < BODY_BYTES) {
		size_t start = b.len, len = count % 3 == 0 ? 16000 : 150;

		buf_printf(&b, "{\"visitor_id\":\"v%zu\",\"campaign\":\"", count++);
		while (b.len - start < len)
			buf_puts(&b, "ten megabytes ");
		buf_puts(&b, "\"}\n");
	}
	assert_false(b.failed);
	before = edge_memory_kb(&edge, "VmHWM:");
	r = upload("", b.data, b.len);
	snprintf(n, sizeof(n), "%zu", count);
	assert_lines(&r, "lines", n);
	assert_kept(b.data, b.len);
	assert_in_range(seen()->largest_bytes, 100000, 384 * 1024 + LINE_MAX_);
	fresh(NULL);
	r = upload_chunked("", b.data, b.len, 30000);
	assert_lines(&r, "lines", n);
	assert_kept(b.data, b.len);
	after = edge_memory_kb(&edge, "VmHWM:");
	printf("# two uploads of 10 MB: the gateway's peak grew by %ld KiB to %ld\n",
	       after - before, after);
#ifndef __SANITIZE_ADDRESS__ /* whose freed memory waits in quarantine */
	assert_in_range(after - before, 0, GROWTH_KB);
#endif
	buf_done(&b);
}

static int begin(void **state)
{
	static const char *const settings[] = { "PP_HTTP_THREADS", "12", "PP_HTTP_STREAMS", "8",
						NULL };
	struct bus_server_config cfg = { .subject = "pp.rpc.attribution.>",
					 .queue = "attribution",
					 .workers = 2,
					 .queue_max = 64,
					 .serve = import,
					 .full = import,
					 .arg = &owner };
	static struct bus_server *server;

	world_start(&w);
	token = edge_open(&w, &edge, settings);
	owner.bus = world_bus_new(&w, "attribution");
	owner.arena = arena_new((size_t)8 * 1024 * 1024);
	buf_init(&owner.kept, KEPT_MAX);
	assert_int_equal(bus_serve(owner.bus, &cfg, &server), ST_OK);
	assert_int_equal(bus_flush(owner.bus, 5000), ST_OK);
	*state = server;
	return 0;
}

static int finish(void **state)
{
	int code = edge_end(&edge);

	bus_server_stop(*state, 1000);
	bus_close(owner.bus, 1000);
	arena_free(owner.arena);
	buf_done(&owner.kept);
	world_stop(&w);
	return code;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_line_arrives_once_in_order, fresh),
		cmocka_unit_test_setup(ends_of_lines_and_bodies, fresh),
		cmocka_unit_test_setup(bad_lines_are_named, fresh),
		cmocka_unit_test_setup(an_endless_line_is_not_read_to_its_end, fresh),
		cmocka_unit_test_setup(what_is_no_upload_is_refused, fresh),
		cmocka_unit_test_setup(a_body_that_breaks_off_is_no_upload, fresh),
		cmocka_unit_test_setup(the_same_key_goes_on, fresh),
		cmocka_unit_test_setup(a_client_that_waits_is_asked, fresh),
		cmocka_unit_test_setup(ten_megabytes_need_little_memory, fresh),
	};

	return cmocka_run_group_tests_name("edge_upload", tests, begin, finish);
}
