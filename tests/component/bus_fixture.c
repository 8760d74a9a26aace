/*
 * The broker of the tests of libs/bus, nkey users, and small things to wait with.
 */
#include "component/bus_fixture.h"
#include "core/magic.h"
#include "testkit/testkit.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool wait_for(condition_fn *cond, void *arg)
{
	return tk_wait_until(cond, arg, FIXTURE_WAIT_MS);
}

/* ---- gates ---- */
void gate_init(struct gate *g)
{
	pthread_mutex_init(&g->mu, NULL);
	pthread_cond_init(&g->cond, NULL);
	g->open = false;
}

void gate_open(struct gate *g)
{
	pthread_mutex_lock(&g->mu);
	g->open = true;
	pthread_cond_broadcast(&g->cond);
	pthread_mutex_unlock(&g->mu);
}

void gate_pass(struct gate *g)
{
	struct timespec ts;
	int rc = 0;

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_sec += FIXTURE_WAIT_MS / 1000;
	pthread_mutex_lock(&g->mu);
	while (!g->open && rc == 0)
		rc = pthread_cond_timedwait(&g->cond, &g->mu, &ts);
	INVARIANT(g->open);
	pthread_mutex_unlock(&g->mu);
}

/* ---- the server ---- */
/* `extra` replaces the kit's default configuration, which only says this. */
static void full_config(const struct broker *b, char out[BROKER_CONFIG_MAX])
{
	snprintf(out, BROKER_CONFIG_MAX, "max_payload: 1MB\n%s", b->extra);
}

void broker_start(struct broker *b, const char *extra)
{
	char config[BROKER_CONFIG_MAX];

	snprintf(b->extra, sizeof(b->extra), "%s", extra ? extra : "");
	full_config(b, config);
	b->nats = tk_nats_open(config, NULL);
	snprintf(b->url, sizeof(b->url), "%s", tk_nats_url(b->nats));
}

void broker_kill(struct broker *b)
{
	tk_nats_kill(b->nats);
}

void broker_again(struct broker *b)
{
	char config[BROKER_CONFIG_MAX];

	full_config(b, config);
	tk_nats_configure(b->nats, config, NULL);
	tk_nats_start(b->nats);
}

void broker_stop(struct broker *b)
{
	tk_nats_stop(b->nats);
}

/* ---- users: https://docs.nats.io, "NKeys": base32 of prefix, key and CRC-16 ---- */
static uint16_t crc16(const uint8_t *p, size_t n)
{
	uint16_t crc = 0;

	for (size_t i = 0; i < n; i++) {
		crc ^= (uint16_t)(p[i] << 8);
		for (int bit = 0; bit < 8; bit++)
			crc = (uint16_t)(crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1);
	}
	return crc;
}

/* `raw` has room for two more bytes. */
static void encode_key(uint8_t *raw, size_t n, char *out)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	uint16_t crc = crc16(raw, n);
	uint32_t bits = 0;
	int have = 0;

	raw[n] = (uint8_t)crc;
	raw[n + 1] = (uint8_t)(crc >> 8);
	for (size_t i = 0; i < n + 2; i++) {
		bits = bits << 8 | raw[i];
		for (have += 8; have >= 5; have -= 5)
			*out++ = alphabet[bits >> (have - 5) & 31];
	}
	if (have > 0)
		*out++ = alphabet[bits << (5 - have) & 31];
	*out = '\0';
}

void nkey_make(struct nkey_user *u, const char *name)
{
	uint8_t raw[36], seed[32], public[32], secret[64];
	char text[72];
	int fd;

	INVARIANT(sodium_init() >= 0);
	randombytes_buf(seed, sizeof(seed));
	crypto_sign_seed_keypair(public, secret, seed);
	raw[0] = 20 << 3;
	memcpy(raw + 1, public, sizeof(public));
	encode_key(raw, 33, u->id);
	raw[0] = 18 << 3 | (20 << 3) >> 5;
	raw[1] = (uint8_t)((20 << 3 & 31) << 3);
	memcpy(raw + 2, seed, sizeof(seed));
	encode_key(raw, 34, text);
	snprintf(u->seed_file, sizeof(u->seed_file), "%s/%s.seed", tk_dir(), name);
	fd = open(u->seed_file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	INVARIANT(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

/* ---- clients ---- */
struct bus *fixture_bus(const struct broker *b, const char *name)
{
	struct bus_config cfg = { .url = b->url, .name = name };
	struct error err = { 0 };
	struct bus *bus = NULL;

	INVARIANT(bus_open(&bus, &cfg, &err) == ST_OK);
	return bus;
}

void fixture_js(struct bus *bus, const char *api, const char *body)
{
	char subject[128];
	struct bus_msg *m;
	const char *data;
	size_t len;

	snprintf(subject, sizeof(subject), "$JS.API.%s", api);
	INVARIANT(bus_request(bus, subject, NULL, 0, body, strlen(body), FIXTURE_WAIT_MS, &m) ==
		  ST_OK);
	data = bus_msg_data(m, &len);
	INVARIANT(memmem(data, len, "\"error\"", 7) == NULL);
	bus_msg_free(m);
}

void fixture_stream(struct bus *bus, const char *stream, const char *subjects)
{
	char api[96], body[512];

	snprintf(api, sizeof(api), "STREAM.CREATE.%s", stream);
	snprintf(body, sizeof(body),
		 "{\"name\":\"%s\",\"subjects\":[\"%s\"],\"retention\":\"limits\",\"storage\":"
		 "\"file\","
		 "\"max_consumers\":-1,\"max_msgs\":-1,\"max_bytes\":-1,\"num_replicas\":1,"
		 "\"duplicate_window\":120000000000}",
		 stream, subjects);
	fixture_js(bus, api, body);
}

void fixture_consumer(struct bus *bus, const char *stream, const char *durable, const char *more)
{
	char api[128], body[512];

	snprintf(api, sizeof(api), "CONSUMER.DURABLE.CREATE.%s.%s", stream, durable);
	snprintf(body, sizeof(body),
		 "{\"stream_name\":\"%s\",\"config\":{\"durable_name\":\"%s\","
		 "\"ack_policy\":\"explicit\",\"deliver_policy\":\"all\"%s}}",
		 stream, durable, more);
	fixture_js(bus, api, body);
}

/* ---- events ---- */
void batch_make(struct batch *b, const char *subject, const char *name, size_t n, size_t len)
{
	b->n = n;
	b->events = calloc(n, sizeof(*b->events));
	b->seq = calloc(n, sizeof(*b->seq));
	b->ids = calloc(n, BATCH_ID_TEXT);
	b->body = calloc(1, len + 1);
	INVARIANT(b->body && b->events && b->seq && b->ids);
	memset(b->body, 'x', len);
	for (size_t i = 0; i < n; i++) {
		snprintf(b->ids[i], BATCH_ID_TEXT, "%s:%zu", name, i);
		b->events[i] = (struct bus_event){
			.subject = subject, .id = b->ids[i], .data = b->body, .len = len
		};
	}
}

void batch_free(struct batch *b)
{
	free(b->events);
	free(b->seq);
	free(b->ids);
	free(b->body);
}
