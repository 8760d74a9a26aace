/*
 * token-billing: every AI token is reserved before and settled after it is spent. Read next:
 * README.md, handlers.c (reserve, settle), handlers_report.c, store.h, keeper.c.
 */
#ifndef BILLING_SERVICE_H
#define BILLING_SERVICE_H

#include "book.h"
#include "contract/token_billing.h"
#include "svc/svc.h"

#include <pthread.h>

struct billing {
	pthread_rwlock_t book_lock; /* over the pointer; holders of the lock may read the book */
	struct book *book;
	pthread_t keeper;
	bool keeper_on, locks_on;
};

extern const struct token_billing_handlers token_billing_handlers;

/* Reads the prices again; the old book stays when that fails. */
enum status billing_reload(struct svc *svc, struct billing *b, struct error *err) MUST_USE;

/* handlers.c */
enum status on_reserve(struct call *call, const Billing__V1__ReserveRequest *in,
		       Billing__V1__Reservation *out);
enum status on_settle(struct call *call, const Billing__V1__SettleRequest *in,
		      Billing__V1__Settlement *out);
/* handlers_report.c */
enum status on_get_usage(struct call *call, const Billing__V1__UsageRequest *in,
			 Billing__V1__UsageReply *out);
enum status on_list_budgets(struct call *call, const Billing__V1__ListBudgetsRequest *in,
			    Billing__V1__ListBudgetsReply *out);
enum status on_put_budget(struct call *call, const Billing__V1__PutBudgetRequest *in,
			  Billing__V1__Budget *out);

/* keeper.c: gives back what was held too long and tells of limits that were reached. */
enum status billing_start(struct svc *svc, void *app, struct error *err);
void billing_stop(struct svc *svc, void *app);

/* emit_kept.c: of the rows of result `r` of the functions expire and crossings_take. */
enum status emit_expired(struct db_tx *tx, struct arena *a, const char *tenant_id, int r,
			 struct error *err) MUST_USE;
enum status emit_crossed(struct db_tx *tx, struct arena *a, const char *tenant_id, int r,
			 struct error *err) MUST_USE;

/* command.c: --load-prices FILE */
bool billing_command(struct svc *svc, void *app, int argc, char **argv, int *exit_code);

#endif
