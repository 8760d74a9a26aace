/* What attribution answers. Here: what the handlers share. Read next: handlers_summary.c,
 * handlers_report.c, handlers_import.c. */
#include "handlers.h"

#include "core/timeutil.h"
#include "json/message.h"

#include <stdlib.h>

/* The numbers of the rules are those of the contract, so that neither needs a table of the other.
 */
#define SAME(ours, theirs) _Static_assert((int)(ours) == (int)(ATTRIBUTION__V1__##theirs), #ours)
SAME(CHANNEL_META_ADS, CHANNEL__CHANNEL_META_ADS);
SAME(CHANNEL_GOOGLE_ADS, CHANNEL__CHANNEL_GOOGLE_ADS);
SAME(CHANNEL_TIKTOK_ADS, CHANNEL__CHANNEL_TIKTOK_ADS);
SAME(CHANNEL_PAID_OTHER, CHANNEL__CHANNEL_PAID_OTHER);
SAME(CHANNEL_ORGANIC_SEARCH, CHANNEL__CHANNEL_ORGANIC_SEARCH);
SAME(CHANNEL_ORGANIC_SOCIAL, CHANNEL__CHANNEL_ORGANIC_SOCIAL);
SAME(CHANNEL_EMAIL, CHANNEL__CHANNEL_EMAIL);
SAME(CHANNEL_SMS, CHANNEL__CHANNEL_SMS);
SAME(CHANNEL_AFFILIATE, CHANNEL__CHANNEL_AFFILIATE);
SAME(CHANNEL_REFERRAL, CHANNEL__CHANNEL_REFERRAL);
SAME(CHANNEL_DIRECT, CHANNEL__CHANNEL_DIRECT);
SAME(CHANNEL_OTHER, CHANNEL__CHANNEL_OTHER);
SAME(CHANNEL_UNATTRIBUTED, CHANNEL__CHANNEL_UNATTRIBUTED);
SAME(CREDIT_LAST_TOUCH, MODEL__MODEL_LAST_TOUCH);
SAME(CREDIT_LINEAR, MODEL__MODEL_LINEAR);

/* ---- a brand ---- */

static enum status no_brand(struct call *call)
{
	return error_set(call->err, ST_NOT_FOUND, "brand_id", "there is no such brand");
}

/* True when it is worth asking again. */
static bool wait_for_brand(struct call *call, int64_t until)
{
	struct attribution *app = call->app;
	int64_t again = time_mono_us() + BRAND_RETRY_US;
	bool room;

	if (again > until || again > call->deadline_us)
		return false;
	room = atomic_fetch_add(&app->waiting, 1) < BRAND_WAITERS_MAX;
	if (room)
		time_sleep_us(again);
	atomic_fetch_sub(&app->waiting, 1);
	return room;
}

/* One attempt; `*known` tells whether the brand was there. */
static enum status ask_once(struct call *call, struct brand_tx *b, questions_fn *ask, void *arg,
			    const char **currency, bool *known)
{
	enum status st;
	int brand;

	b->tx = call_tx(call);
	if (!b->tx)
		return error_set(call->err, ST_UNAVAILABLE, NULL, "the service is out of memory");
	brand = store_ask_brand(b);
	if (ask)
		ask(b, arg);
	st = call_run(call, b->tx);
	*known = st == ST_OK && store_read_brand(b, brand, currency);
	if (!*known) {
		db_tx_free(b->tx);
		b->tx = NULL;
	}
	return st;
}

enum status ask_brand(struct call *call, const char *brand_id, questions_fn *ask, void *arg,
		      struct brand_tx *ret, const char **currency)
{
	const int64_t until = time_mono_us() + BRAND_WAIT_US;
	struct brand_tx b = { NULL, call->arena, call->err, brand_id };
	bool known = false;

	for (;;) {
		enum status st = ask_once(call, &b, ask, arg, currency, &known);

		if (st != ST_OK)
			return st;
		if (known)
			break;
		if (!wait_for_brand(call, until))
			return no_brand(call);
	}
	*ret = b;
	return ST_OK;
}

/* ---- values ---- */

static const char *day_text(struct arena *a, const Pulsepoint__Date *day, const char *otherwise)
{
	char text[TIME_TEXT_MAX];

	if (!day)
		return otherwise;
	date_format(day->days, text);
	return arena_strdup(a, text);
}

enum status read_days(struct call *call, const Pulsepoint__Date *from, const Pulsepoint__Date *to,
		      struct day_range *ret)
{
	if (from && to && from->days > to->days)
		return error_set(call->err, ST_INVALID, "from", "is after `to`");
	*ret = (struct day_range){ day_text(call->arena, from, "-infinity"),
				   day_text(call->arena, to, "infinity") };
	return ST_OK;
}

Pulsepoint__Money *make_money(struct arena *a, int64_t micros, const char *currency)
{
	Pulsepoint__Money *m = (Pulsepoint__Money *)message_new(a, &pulsepoint__money__descriptor);

	if (m) {
		m->micros = micros;
		m->currency = arena_strdup(a, currency);
	}
	return m;
}

Pulsepoint__Money **make_moneys(struct arena *a, const struct amount *amounts, size_t n)
{
	Pulsepoint__Money **list = arena_array(a, n ? n : 1, sizeof(*list));

	for (size_t i = 0; list && i < n; i++)
		list[i] = make_money(a, amounts[i].micros, amounts[i].currency);
	return list;
}

Pulsepoint__Decimal *make_decimal(struct arena *a, int64_t units, uint32_t scale)
{
	Pulsepoint__Decimal *d =
		(Pulsepoint__Decimal *)message_new(a, &pulsepoint__decimal__descriptor);

	if (d) {
		d->units = units;
		d->scale = scale;
	}
	return d;
}

Pulsepoint__Date *make_date(struct arena *a, int32_t days)
{
	Pulsepoint__Date *d = (Pulsepoint__Date *)message_new(a, &pulsepoint__date__descriptor);

	if (d)
		d->days = days;
	return d;
}

Pulsepoint__Timestamp *make_time(struct arena *a, int64_t us)
{
	Pulsepoint__Timestamp *t = NULL;

	if (us != 0)
		t = (Pulsepoint__Timestamp *)message_new(a, &pulsepoint__timestamp__descriptor);
	if (t)
		t->micros = us;
	return t;
}

Attribution__V1__Freshness **make_freshness(struct arena *a, const struct freshness_row *rows,
					    size_t n)
{
	Attribution__V1__Freshness **list = arena_array(a, n ? n : 1, sizeof(*list));

	for (size_t i = 0; rows && list && i < n; i++) {
		Attribution__V1__Freshness *f = (Attribution__V1__Freshness *)message_new(
			a, &attribution__v1__freshness__descriptor);

		list[i] = f;
		if (!f)
			break;
		f->source = arena_strdup(a, rows[i].source);
		f->synced_at = make_time(a, rows[i].synced_at);
		f->data_through = make_time(a, rows[i].data_through);
		f->syncing = rows[i].syncing;
	}
	return list;
}

enum status reply_status(struct call *call)
{
	if (arena_failed(call->arena))
		return error_set(call->err, ST_TOO_LARGE, NULL, "the answer is too large");
	return ST_OK;
}

const struct attribution_handlers attribution_handlers = {
	.import_touchpoints = handle_import,
	.get_summary = handle_summary,
	.get_attribution = handle_report,
	.order_credits = handle_order,
};
