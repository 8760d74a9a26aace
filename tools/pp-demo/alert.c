/*
 * An alert on AI cost whose webhook arrives at the simulator's receiver: made before the question
 * is asked, shown after it, with the delay from the cause to the delivery. Read next: ask.c.
 */
#include "core/text.h"
#include "core/timeutil.h"
#include "demo.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RULE_NAME     "demo: a question has cost something"
#define CHANNEL_NAME  "demo"
#define RECEIVER      "/control/webhook/demo-alerts"
#define WAIT_US       (20 * US_PER_SECOND)
#define POLL_US       (100 * 1000)
#define SIGNATURE_MAX 128
#define MAC_BYTES     32

/* ---- making ---- */

/* The secret of a channel is told once; so each demo makes its own in place of the last one's. */
static void make_channel(struct demo *d)
{
	char url[DEMO_TEXT * 2], path[DEMO_TEXT], *body;
	cJSON *list = api(d, "GET", "/api/admin/alert-channels", NULL, 200), *in, *out;
	const cJSON *c;

	cJSON_ArrayForEach(c, cJSON_GetObjectItemCaseSensitive(list, "channels"))
	{
		if (strcmp(text_of(c, "name"), CHANNEL_NAME) != 0)
			continue;
		snprintf(path, sizeof(path), "/api/admin/alert-channels/%.36s",
			 text_of(c, "channel_id"));
		cJSON_Delete(api(d, "DELETE", path, NULL, 204));
	}
	cJSON_Delete(list);
	snprintf(url, sizeof(url), "%s" RECEIVER, d->simulator_url);
	cJSON_Delete(api(d, "DELETE", url, NULL, 200));
	snprintf(url, sizeof(url), "%s" RECEIVER, d->receiver_url);
	in = cJSON_CreateObject();
	cJSON_AddStringToObject(in, "name", CHANNEL_NAME);
	cJSON_AddStringToObject(in, "url", url);
	body = print_and_free(in);
	out = api(d, "POST", "/api/admin/alert-channels", body, 201);
	free(body);
	if (text_copy(d->channel_secret, sizeof(d->channel_secret), text_of(out, "secret")) !=
	    ST_OK)
		give_up("the channel's secret is too long");
	cJSON_Delete(out);
}

static bool find_rule(struct demo *d, char *condition, size_t cap)
{
	cJSON *list = api(d, "GET", "/api/admin/alert-rules", NULL, 200);
	const cJSON *r;
	bool found = false;

	cJSON_ArrayForEach(r, cJSON_GetObjectItemCaseSensitive(list, "rules"))
	{
		if (strcmp(text_of(r, "name"), RULE_NAME) != 0)
			continue;
		found = text_copy(d->rule_id, sizeof(d->rule_id), text_of(r, "rule_id")) == ST_OK &&
			text_copy(condition, cap, text_of(r, "condition")) == ST_OK;
	}
	cJSON_Delete(list);
	return found;
}

static void make_rule(struct demo *d)
{
	cJSON *in = cJSON_CreateObject();
	char *body;

	cJSON_AddStringToObject(in, "name", RULE_NAME);
	cJSON_AddStringToObject(in, "metric", "ai_cost");
	cJSON_AddStringToObject(in, "comparison", "above");
	cJSON_AddStringToObject(in, "threshold", "0");
	cJSON_AddNumberToObject(in, "window_seconds", 10);
	cJSON_AddStringToObject(in, "severity", "info");
	body = print_and_free(in);
	cJSON_Delete(api(d, "POST", "/api/admin/alert-rules", body, 201));
	free(body);
}

void arm_alert(struct demo *d)
{
	int64_t until = time_mono_us() + WAIT_US;
	char condition[64] = "";

	make_channel(d);
	if (!find_rule(d, condition, sizeof(condition))) {
		make_rule(d);
		if (!find_rule(d, condition, sizeof(condition)))
			give_up("the alert rule that was just made is not listed");
	}
	/* An alert of the last demo's question must have ended, or this one's would be no change.
	 */
	while (strcmp(condition, "firing") == 0 || strcmp(condition, "pending") == 0) {
		if (time_mono_us() > until)
			give_up("the alert of an earlier question does not end");
		time_sleep_us(time_mono_us() + POLL_US);
		(void)find_rule(d, condition, sizeof(condition));
	}
}

/* ---- showing ---- */

/* "t=<seconds>,v1=<hex>" over "<t>.<body>", as any receiver would check it. */
static bool signature_good(const struct demo *d, const char *header, const char *body)
{
	char stamp[32], wanted[MAC_BYTES * 2 + 1];
	const char *comma = strstr(header, ",v1=");
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned int len = 0;
	struct buf text;
	bool good;

	if (strncmp(header, "t=", 2) != 0 || !comma || (size_t)(comma - header) >= sizeof(stamp))
		return false;
	snprintf(stamp, sizeof(stamp), "%.*s", (int)(comma - header - 2), header + 2);
	buf_init(&text, 65536);
	buf_printf(&text, "%s.%s", stamp, body);
	if (!HMAC(EVP_sha256(), d->channel_secret, (int)strlen(d->channel_secret),
		  (const unsigned char *)text.data, text.len, mac, &len) ||
	    len != MAC_BYTES)
		give_up("OpenSSL cannot compute an HMAC");
	buf_done(&text);
	hex_encode(mac, len, wanted);
	good = strlen(comma + 4) == strlen(wanted) &&
	       CRYPTO_memcmp(comma + 4, wanted, strlen(wanted)) == 0;
	return good;
}

/* The time of the newest billing event: the cost that the rule looks at. */
static int64_t cause_of(struct demo *d)
{
	cJSON *list = api(d, "GET", "/api/admin/events?category=billing&page_size=50", NULL, 200);
	const cJSON *e;
	int64_t at = 0;

	/* Newest first; the first call of this question that was settled crossed the threshold. */
	cJSON_ArrayForEach(e, cJSON_GetObjectItemCaseSensitive(list, "events"))
	{
		int64_t t;

		if (strcmp(text_of(e, "action"), "usage.recorded") == 0 &&
		    time_parse(text_of(e, "at"), &t) && t >= d->asked_at_us)
			at = t;
	}
	cJSON_Delete(list);
	return at;
}

static const cJSON *fired(const cJSON *deliveries, cJSON **body)
{
	const cJSON *x;

	cJSON_ArrayForEach(x, cJSON_GetObjectItemCaseSensitive(deliveries, "received"))
	{
		*body = cJSON_Parse(text_of(x, "body"));
		if (*body && strcmp(text_of(*body, "change"), "fired") == 0)
			return x;
		cJSON_Delete(*body);
	}
	*body = NULL;
	return NULL;
}

static void print_delivery(struct demo *d, const cJSON *x, const cJSON *body)
{
	const cJSON *headers = cJSON_GetObjectItemCaseSensitive(x, "headers");
	const cJSON *alert = cJSON_GetObjectItemCaseSensitive(body, "alert");
	int64_t cause = cause_of(d), arrived = 0;

	printf("  rule      %s\n", RULE_NAME);
	printf("  alert     %s\n", text_of(alert, "text"));
	printf("  webhook   arrived %s, signature %s, notice %s\n", text_of(x, "received_at"),
	       signature_good(d, text_of(headers, "X-Pulsepoint-Signature"), text_of(x, "body"))
		       ? "good"
		       : "BAD",
	       text_of(body, "notice_id"));
	if (cause > 0 && parse_i64(text_of(x, "received_at_us"), 0, INT64_MAX, &arrived))
		printf("  delay     %lld ms from the cost being booked to its delivery\n",
		       (long long)(arrived - cause) / 1000);
}

void show_alert(struct demo *d)
{
	int64_t until = time_mono_us() + WAIT_US;
	char url[DEMO_TEXT * 2];
	const cJSON *x = NULL;
	cJSON *list = NULL, *body = NULL;

	printf("\n  who heard of it\n  %s\n", demo_rule);
	if (d->cost_free) {
		printf("  the answer cost nothing, so no alert is due\n");
		return;
	}
	snprintf(url, sizeof(url), "%s" RECEIVER, d->simulator_url);
	while (!x) {
		cJSON_Delete(list);
		if (time_mono_us() > until)
			give_up("no webhook of the alert arrived");
		time_sleep_us(time_mono_us() + POLL_US);
		list = api(d, "GET", url, NULL, 200);
		x = fired(list, &body);
	}
	print_delivery(d, x, body);
	cJSON_Delete(body);
	cJSON_Delete(list);
}
