/*
 * OrderCredits: what every model says about one order, for the service that owns it. An order that
 * counts in no figure, or that has not reached us yet, has no credits: that is an empty answer, not
 * an error, because its owner's answer must not wait for ours.
 */
#include "handlers.h"

#include "core/timeutil.h"
#include "json/message.h"

static Attribution__V1__Credit *make_credit(struct arena *a, enum credit_model model,
					    const struct credit *c, const struct kind_name *k,
					    const char *currency)
{
	Attribution__V1__Credit *m =
		(Attribution__V1__Credit *)message_new(a, &attribution__v1__credit__descriptor);

	if (!m)
		return NULL;
	m->model = (Attribution__V1__Model)model;
	m->position = (uint32_t)c->position;
	m->channel = (Attribution__V1__Channel)k->channel;
	m->platform = arena_strdup(a, k->platform);
	m->campaign_id = arena_strdup(a, k->campaign_id);
	m->campaign = arena_strdup(a, k->campaign);
	m->orders = make_decimal(a, c->micro_orders, 6);
	m->net = make_money(a, c->net, currency);
	m->gross = make_money(a, c->gross, currency);
	return m;
}

static enum status put_credits(struct arena *a, enum credit_model model,
			       const struct order_state *o, const struct kind_name *names,
			       size_t n_names, Attribution__V1__OrderCreditsReply *out)
{
	struct credit *credits = arena_array(a, o->n_touches + 1, sizeof(*credits));
	struct credit_order value;
	size_t n = 0;
	enum status st = credits ? order_value(o, &value) : ST_TOO_LARGE;

	if (st == ST_OK)
		st = credit_order(model, &value, CREDIT_WINDOW_DAYS * US_PER_DAY, credits, &n);
	for (size_t i = 0; st == ST_OK && i < n; i++) {
		const struct kind_name k = kind_name_find(names, n_names, credits[i].kind);

		out->credits[out->n_credits++] =
			make_credit(a, model, &credits[i], &k, o->currency);
	}
	return st;
}

static enum status answer(struct call *call, const struct brand_tx *b, int order, int kinds,
			  Attribution__V1__OrderCreditsReply *out)
{
	struct kind_name *names;
	struct order_state o;
	size_t n_names = 0;
	enum status st = ST_OK;

	if (!store_read_order(b, order, &o) || !o.counts)
		return ST_OK;
	names = store_read_kind_names(b, kinds, &n_names);
	out->credits =
		arena_array(call->arena, CREDIT_MODELS * (o.n_touches + 1), sizeof(*out->credits));
	if (!names || !out->credits)
		return reply_status(call);
	for (size_t m = 0; st == ST_OK && m < CREDIT_MODELS; m++)
		st = put_credits(call->arena, credit_models[m], &o, names, n_names, out);
	if (st != ST_OK)
		return error_set(call->err, st, NULL, "the credits of this order are too large");
	return reply_status(call);
}

struct order_questions {
	const char *order_id;
	int order, kinds; /* numbers of the results */
};

static void ask_order(const struct brand_tx *b, void *arg)
{
	struct order_questions *q = arg;

	q->order = store_ask_order(b, q->order_id);
	q->kinds = store_ask_order_kinds(b, q->order_id);
}

HANDLER(handle_order, OrderCreditsRequest, OrderCreditsReply)
{
	struct order_questions q = { .order_id = in->order_id };
	struct brand_tx b;
	const char *currency;
	enum status st = ask_brand(call, in->brand_id, ask_order, &q, &b, &currency);

	if (st != ST_OK)
		return st;
	st = answer(call, &b, q.order, q.kinds, out);
	db_tx_free(b.tx);
	return st;
}
