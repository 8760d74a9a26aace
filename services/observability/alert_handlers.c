/* Alerts and the log of their deliveries, newest first. Read next: store_alerts.h, watch.c. */
#include "alert.h"
#include "alert_message.h"
#include "core/id.h"
#include "core/text.h"
#include "store_alerts.h"
#include "store_deliveries.h"

#include <string.h>

static enum status no_memory(struct call *call)
{
	return error_set(call->err, ST_UNAVAILABLE, NULL, "the call is out of memory");
}

static enum status bad_token(struct call *call)
{
	return error_set(call->err, ST_INVALID, "page_token", "is not a token of this list");
}

/* ---- alerts: a page ends at the number of the change that fired its last one ---- */

static enum status read_seq(struct call *call, const char *token, int64_t *ret)
{
	const char *text = NULL;
	enum status st = call_page_open(call, token, &text);

	*ret = 0;
	if (st != ST_OK || !text)
		return st;
	return parse_i64(text, 1, INT64_MAX, ret) ? ST_OK : bad_token(call);
}

enum status handle_list_alerts(struct call *call, const Observability__V1__ListAlertsRequest *in,
			       Observability__V1__ListAlertsReply *out)
{
	struct alert *alerts = NULL;
	Observability__V1__Alert *answers;
	int64_t before;
	size_t n = 0;
	enum status st = read_seq(call, in->page_token, &before);

	if (st == ST_OK)
		st = store_alerts(call, (enum change)in->state, before, (int64_t)in->page_size + 1,
				  &alerts, &n);
	if (st != ST_OK)
		return st;
	out->n_alerts = n < in->page_size ? n : in->page_size;
	answers = arena_array(call->arena, n + 1, sizeof(*answers));
	out->alerts = arena_array(call->arena, n + 1, sizeof(*out->alerts));
	if (!answers || !out->alerts)
		return no_memory(call);
	for (size_t i = 0; i < out->n_alerts; i++) {
		observability__v1__alert__init(&answers[i]);
		message_alert(call->arena, &alerts[i], CHANGE_NONE, &answers[i]);
		out->alerts[i] = &answers[i];
	}
	if (n > in->page_size)
		out->next_page_token = (char *)call_page_seal(
			call, arena_printf(call->arena, "%lld",
					   (long long)alerts[in->page_size - 1].fired_seq));
	return ST_OK;
}

/* ---- deliveries: a page ends at "<channel id><number of the change>" ---- */

static enum status read_place(struct call *call, const char *token, struct delivery_filter *f)
{
	const char *text = NULL;
	enum status st = call_page_open(call, token, &text);

	if (st != ST_OK || !text)
		return st;
	if (strlen(text) < UUID_TEXT)
		return bad_token(call);
	f->before_channel = arena_strndup(call->arena, text, UUID_TEXT - 1);
	return parse_i64(text + UUID_TEXT - 1, 1, INT64_MAX, &f->before_seq) ? ST_OK
									     : bad_token(call);
}

static void fill(struct arena *a, const struct delivery *d, Observability__V1__Delivery *out)
{
	out->notice_id = (char *)d->notice_id;
	out->channel_id = (char *)d->channel_id;
	out->alert_id = (char *)d->alert_id;
	out->change = (Observability__V1__AlertState)d->change;
	out->state = (Observability__V1__DeliveryState)d->state;
	out->attempts = (uint32_t)d->attempts;
	out->http_status = (uint32_t)d->http_status;
	out->reason = (char *)d->reason;
	out->changed_at = message_time(a, d->changed_us);
	out->attempted_at = message_time(a, d->attempted_us);
	out->delivered_at = message_time(a, d->delivered_us);
	out->next_attempt_at = message_time(a, d->next_attempt_us);
}

enum status handle_list_deliveries(struct call *call,
				   const Observability__V1__ListDeliveriesRequest *in,
				   Observability__V1__ListDeliveriesReply *out)
{
	struct delivery_filter f = { .alert_id = *in->alert_id ? in->alert_id : NULL,
				     .state = (int)in->state,
				     .limit = (int64_t)in->page_size + 1 };
	struct delivery *list = NULL;
	Observability__V1__Delivery *answers;
	size_t n = 0;
	enum status st = read_place(call, in->page_token, &f);

	if (st == ST_OK)
		st = store_deliveries(call, &f, &list, &n);
	if (st != ST_OK)
		return st;
	out->n_deliveries = n < in->page_size ? n : in->page_size;
	answers = arena_array(call->arena, n + 1, sizeof(*answers));
	out->deliveries = arena_array(call->arena, n + 1, sizeof(*out->deliveries));
	if (!answers || !out->deliveries)
		return no_memory(call);
	for (size_t i = 0; i < out->n_deliveries; i++) {
		observability__v1__delivery__init(&answers[i]);
		fill(call->arena, &list[i], &answers[i]);
		out->deliveries[i] = &answers[i];
	}
	if (n > in->page_size)
		out->next_page_token = (char *)call_page_seal(
			call,
			arena_printf(call->arena, "%s%lld", list[in->page_size - 1].channel_id,
				     (long long)list[in->page_size - 1].seq));
	return ST_OK;
}
