/* get_summary and get_attribution: attribution's reports as figures. Read next: handlers_tools.h.
 */
#include "handlers_tools.h"

#include "json/message.h"

#include <stdlib.h>
#include <string.h>

#define BOTH_CURRENCIES "Orders have several currencies; they are not added up."

/* ---- get_summary ---- */

static void write_currencies(struct tool_work *work, const Attribution__V1__Summary *s)
{
	struct tool_writer *w = &work->w;

	tool_write_open(w, "by_currency", '[');
	for (size_t i = 0; i < s->n_by_currency; i++) {
		const Attribution__V1__CurrencyFigures *f = s->by_currency[i];
		const char *currency = tool_tidy(work->call.arena, f->currency);

		w->row = (struct tool_row){ (int)i,
					    arena_printf(work->call.arena,
							 "by_currency[currency=%s]", currency),
					    "", "currency" };
		tool_write_open(w, NULL, '{');
		tool_write_text(w, "currency", currency);
		tool_write_decimal(w, "orders", f->orders, 0, "orders");
		tool_write_amount(w, "gross", f->gross);
		tool_write_amount(w, "refunds", f->refunds);
		tool_write_amount(w, "net", f->net);
		tool_write_row_end(w);
	}
	tool_write_close(w, ']');
}

static void write_platforms(struct tool_work *work, const Attribution__V1__Summary *s)
{
	struct tool_writer *w = &work->w;

	tool_write_open(w, "spend_by_platform", '[');
	for (size_t i = 0; i < s->n_spend_by_platform; i++) {
		const Attribution__V1__PlatformSpend *p = s->spend_by_platform[i];
		const char *platform = tool_tidy(w->ev->arena, p->platform);

		tool_write_row(w, (int)i,
			       arena_printf(work->call.arena,
					    "spend_by_platform[platform=%s, currency=%s]", platform,
					    p->spend ? p->spend->currency : ""),
			       platform, "platform");
		tool_write_text(w, "platform", platform);
		tool_write_amount(w, "spend", p->spend);
		tool_write_row_end(w);
	}
	tool_write_close(w, ']');
}

static void write_summary(struct tool_work *work, const Attribution__V1__Summary *s)
{
	struct tool_writer *w = &work->w;

	tool_write_period(work, s->first_day, s->last_day);
	tool_write_decimal(w, "orders", s->orders, 0, "orders");
	tool_write_amount(w, "gross", s->gross);
	tool_write_amount(w, "refunds", s->refunds);
	tool_write_amount(w, "net", s->net);
	tool_write_amounts(w, "ad_spend", s->ad_spend, s->n_ad_spend);
	tool_write_ratio(w, "roas", s->roas, "");
	write_currencies(work, s);
	write_platforms(work, s);
	tool_write_freshness(work, s->freshness, s->n_freshness);
	tool_write_open(w, "notes", '[');
	if (s->n_by_currency > 1)
		tool_write_text(w, NULL, BOTH_CURRENCIES);
	tool_write_close(w, ']');
}

enum status tool_summary(struct tool_work *work)
{
	const ProtobufCMessage *request;
	Attribution__V1__Summary *summary;
	enum status st = tool_request(work, &request);

	if (st == ST_OK)
		st = attribution_get_summary(
			&work->call, (const Attribution__V1__SummaryRequest *)request, &summary);
	if (st == ST_OK)
		write_summary(work, summary);
	return st;
}

/* ---- get_attribution ---- */

typedef Attribution__V1__AttributionRow report_row;

static int64_t largest(Pulsepoint__Money *const *amounts, size_t n)
{
	int64_t most = INT64_MIN;

	for (size_t i = 0; i < n; i++)
		if (amounts[i]->micros > most)
			most = amounts[i]->micros;
	return most;
}

/* Micros of several currencies have no common measure; the largest amount stands for the row. */
static int64_t revenue_of(const report_row *r)
{
	return r->revenue ? r->revenue->micros
			  : largest(r->revenue_by_currency, r->n_revenue_by_currency);
}

static int64_t spend_of(const report_row *r)
{
	return r->spend ? r->spend->micros : largest(r->spend_by_currency, r->n_spend_by_currency);
}

static int by_text(const report_row *a, const report_row *b)
{
	int order = a->channel < b->channel ? -1 : a->channel > b->channel;

	if (order == 0)
		order = strcmp(a->platform, b->platform);
	if (order == 0)
		order = strcmp(a->campaign_id, b->campaign_id);
	return order != 0 ? order : strcmp(a->campaign, b->campaign);
}

static int by_revenue(const void *a, const void *b)
{
	const report_row *x = *(const report_row *const *)a, *y = *(const report_row *const *)b;

	if (revenue_of(x) != revenue_of(y))
		return revenue_of(x) < revenue_of(y) ? 1 : -1;
	return by_text(x, y);
}

static int by_spend(const void *a, const void *b)
{
	const report_row *x = *(const report_row *const *)a, *y = *(const report_row *const *)b;

	if (spend_of(x) != spend_of(y))
		return spend_of(x) < spend_of(y) ? 1 : -1;
	return by_revenue(a, b);
}

/*
 * The rows that are shown, by revenue. Beyond TOOL_ROWS_MAX half the places go to those that earned
 * most and half to those that cost most, so that neither a success nor a waste of money is cut.
 */
static size_t choose_rows(struct arena *a, report_row *const *all, size_t n,
			  const report_row ***ret)
{
	const report_row **earned = arena_array(a, n + 1, sizeof(*earned));
	const report_row **cost = arena_array(a, n + 1, sizeof(*cost));
	size_t kept = 0;

	if (!earned || !cost)
		return 0;
	for (size_t i = 0; i < n; i++)
		earned[i] = cost[i] = all[i];
	qsort(earned, n, sizeof(*earned), by_revenue);
	qsort(cost, n, sizeof(*cost), by_spend);
	*ret = earned;
	if (n <= TOOL_ROWS_MAX)
		return n;
	kept = TOOL_ROWS_MAX / 2;
	for (size_t i = 0; i < n && kept < TOOL_ROWS_MAX; i++) {
		size_t at = 0;

		while (at < kept && earned[at] != cost[i])
			at++;
		if (at == kept)
			earned[kept++] = cost[i];
	}
	qsort(earned, kept, sizeof(*earned), by_revenue);
	return kept;
}

/* What a row is called: its campaign, else the campaign's id, else its channel. */
static void write_row(struct tool_work *work, int number, const report_row *r, bool by_campaign)
{
	struct tool_writer *w = &work->w;
	struct arena *a = work->call.arena;
	const char *channel = enum_word(a, &attribution__v1__channel__descriptor, (int)r->channel);
	const char *campaign = tool_tidy(w->ev->arena, r->campaign);
	const char *id = tool_tidy(a, r->campaign_id), *platform = tool_tidy(a, r->platform);
	const char *name = campaign[0] != '\0' ? campaign : id[0] != '\0' ? id : channel;
	const char *metric;

	channel = channel ? channel : "unknown";
	name = name ? name : channel;
	if (by_campaign)
		metric = arena_printf(a,
				      "rows[channel=%s, platform=%s, campaign_id=%s, campaign=%s]",
				      channel, platform, id, campaign);
	else
		metric = arena_printf(a, "rows[channel=%s]", channel);
	tool_write_row(w, number, metric, name, name == channel ? "channel" : "campaign");
	tool_write_text(w, "channel", channel);
	if (by_campaign) {
		tool_write_text(w, "platform", platform);
		tool_write_text(w, "campaign", campaign);
	}
	tool_write_ratio(w, "orders", r->orders, "orders");
	tool_write_amount(w, "revenue", r->revenue);
	tool_write_amount(w, "spend", r->spend);
	tool_write_ratio(w, "roas", r->roas, "");
	if (!r->revenue)
		tool_write_amounts(w, "revenue_by_currency", r->revenue_by_currency,
				   r->n_revenue_by_currency);
	if (!r->spend)
		tool_write_amounts(w, "spend_by_currency", r->spend_by_currency,
				   r->n_spend_by_currency);
	tool_write_row_end(w);
}

static void write_head(struct tool_work *work, const Attribution__V1__AttributionReport *report)
{
	struct tool_writer *w = &work->w;
	const char *window = tool_input_value(&work->in, "window");

	tool_write_know(w, EVIDENCE_WINDOW, window);
	tool_write_text(w, "by", tool_input_value(&work->in, "by"));
	tool_write_text(w, "model", tool_input_value(&work->in, "model"));
	tool_write_text(w, "measure", tool_input_value(&work->in, "measure"));
	window = report->window[0] != '\0' ? tool_tidy(w->ev->arena, report->window) : window;
	tool_write_text(w, "window", window);
	tool_write_know(w, EVIDENCE_WINDOW, window);
	tool_write_decimal(w, "window_days", strtol(window, NULL, 10), 0, "days");
	tool_write_period(work, NULL, NULL);
}

static size_t count_campaigns(report_row *const *rows, size_t n)
{
	size_t campaigns = 0;

	for (size_t i = 0; i < n; i++)
		campaigns += rows[i]->campaign_id[0] != '\0' && rows[i]->platform[0] != '\0';
	return campaigns;
}

static void write_report(struct tool_work *work, const Attribution__V1__AttributionReport *report)
{
	struct tool_writer *w = &work->w;
	bool by_campaign = report->by == ATTRIBUTION__V1__GROUPING__GROUPING_CAMPAIGN;
	const report_row **rows = NULL;
	size_t shown = choose_rows(work->call.arena, report->rows, report->n_rows, &rows);

	write_head(work, report);
	tool_write_count(w, "rows_total", (int64_t)report->n_rows,
			 by_campaign ? "rows" : "channels");
	tool_write_count(w, "rows_shown", (int64_t)shown, by_campaign ? "rows" : "channels");
	if (by_campaign)
		tool_write_count(w, "campaigns_total",
				 (int64_t)count_campaigns(report->rows, report->n_rows),
				 "campaigns");
	else
		tool_write_null(w, "campaigns_total");
	tool_write_open(w, "rows", '[');
	for (size_t i = 0; i < shown; i++)
		write_row(work, (int)i, rows[i], by_campaign);
	tool_write_close(w, ']');
	tool_write_freshness(work, report->freshness, report->n_freshness);
	tool_write_open(w, "notes", '[');
	if (shown < report->n_rows)
		tool_write_text(w, NULL,
				"Only rows_shown of rows_total rows are here: those with the most "
				"revenue and those with the most spend.");
	tool_write_close(w, ']');
	if (arena_failed(work->call.arena) && w->status == ST_OK)
		w->status = ST_TOO_LARGE;
}

enum status tool_attribution(struct tool_work *work)
{
	const ProtobufCMessage *request;
	Attribution__V1__AttributionReport *report;
	enum status st = tool_request(work, &request);

	if (st == ST_OK)
		st = attribution_get_attribution(
			&work->call, (const Attribution__V1__AttributionRequest *)request, &report);
	if (st == ST_OK)
		write_report(work, report);
	return st;
}
