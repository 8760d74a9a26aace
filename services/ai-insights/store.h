/*
 * What ai-insights keeps, one function for each question. SQL stands at the top of store_*.c;
 * protobuf does not come here. Texts of results live in the arena that is given. Functions that
 * take a transaction add to it, the others run their own. Read next: migrations/0001_insights.sql.
 */
#ifndef INSIGHTS_STORE_H
#define INSIGHTS_STORE_H

#include "db/db.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ANALYST_MODEL "analyst" /* the model's name when none was asked */

/* settled_statements are the asker's process's and the sweeper's both. */
extern const struct db_stmt question_statements[], call_statements[], settled_statements[],
	sweep_statements[];

/* Where a store works: the scope's tenant is in every row that it writes. */
struct place {
	struct db *db;
	struct db_scope scope;
	struct arena *arena;
	int64_t deadline_us; /* monotonic */
	struct error *err;
};
/* A queued transaction there; NULL (err filled) when memory is out. */
struct db_tx *store_tx(const struct place *p);
/* Arguments that begin with the tenant. */
void store_args(const struct place *p, struct db_args *args);
/* Adds the last or only statement to a transaction of store_tx (NULL: ST_UNAVAILABLE) and runs it.
 */
enum status store_run(const struct place *p, struct db_tx *tx, const char *stmt,
		      const struct db_args *args) MUST_USE;

/* ---- questions: store_questions.c ---- */

enum question_state { QUESTION_ASKED, QUESTION_ANSWERED, QUESTION_FAILED };

struct question {
	const char *question_id, *brand_id, *user_id, *text;
	int64_t overdue_at; /* of a new one: failed when there is no answer until then */
};

/* Tokens of one call of the model or of all calls of a question. No token is in two kinds. */
struct tokens {
	int64_t input, cache_read, cache_write_5m, cache_write_1h, output;
};

struct proof {
	const char *id, *tool, *arguments, *metric, *value, *unit;
};

/* An answer; cost and tokens are sums over the question's calls, so they are only read. */
struct answer {
	const char *question_id, *brand_id;
	const char *text, *model;
	const char *fallback_reason; /* "": none */
	int attempts;
	const char **findings, **recommendations, **untraced;
	size_t n_findings, n_recommendations, n_untraced;
	struct proof *evidence;
	size_t n_evidence;
	struct tokens tokens;
	int64_t cost_nano;
	bool cost_known; /* false: a call is unpriced, not settled yet, or its use is unknown */
};

/* Adds the question to the transaction, state asked. */
void store_question_add(const struct place *p, struct db_tx *tx, const struct question *q);
/* Adds the answer with its lists and evidence; the question is answered. */
void store_answer_add(const struct place *p, struct db_tx *tx, const struct answer *a);
/* The asker left or the answer failed: the question stands, without an answer. */
enum status store_question_fail(const struct place *p, const char *question_id) MUST_USE;
/* Today in a zone of the zone database; ST_INVALID when the database does not know it. */
enum status store_today(const struct place *p, const char *zone, int32_t *ret) MUST_USE;

struct judgement {
	bool given;
	int rating;
	const char *comment;
	bool was_actionable;
	int64_t given_at;
};
struct question_row {
	struct question question;
	enum question_state state;
	int64_t asked_at, answered_at;
	struct answer answer;       /* of an answered one */
	struct judgement judgement; /* of the user who asks for the row */
};
/*
 * The newest questions: of the brand ("": all that the scope shows) before `before` ("": from the
 * newest), at most `max`, complete with answers and the user's own judgement.
 */
enum status store_questions(const struct place *p, const char *brand_id, const char *before,
			    int max, const char *user_id, struct question_row **ret,
			    size_t *n) MUST_USE;
/* One; ST_NOT_FOUND on "question_id". */
enum status store_question(const struct place *p, const char *question_id, const char *user_id,
			   struct question_row *ret) MUST_USE;

/* Adds the judgement, or replaces the user's former one, in an open transaction. */
enum status store_judge(const struct place *p, struct db_tx *tx, const char *question_id,
			const char *brand_id, const char *user_id, const struct judgement *j,
			int64_t *version, int64_t *given_at) MUST_USE;
/* The brand of a question that is to be judged; ST_NOT_FOUND on "question_id". */
enum status store_question_brand(const struct place *p, struct db_tx *tx, const char *question_id,
				 const char **ret) MUST_USE;

/* ---- calls of the model: store_calls.c ---- */

struct model_call {
	const char *reservation_id, *brand_id, *question_id, *user_id, *model;
	int64_t overdue_at;
	bool used; /* false: nothing was used */
	struct tokens tokens;
	const char *request_id; /* the provider's */
	int64_t used_at;
};
/* Before the call. */
enum status store_call_open(const struct place *p, const struct model_call *c) MUST_USE;
/* What it used, as soon as that is known; the sweeper settles it unless that is noted soon. */
enum status store_call_used(const struct place *p, const struct model_call *c) MUST_USE;
/* Nobody can say what it used: an open call becomes unknown, as the sweeper makes overdue ones. */
enum status store_call_unknown(const struct place *p, const struct model_call *c) MUST_USE;
/* What it cost; the sweeper says so as the worker. */
enum status store_call_settled(const struct place *p, const char *reservation_id, int64_t cost_nano,
			       bool unpriced) MUST_USE;

/* ---- what a dead process left, as the worker, of all tenants: store_sweep.c ---- */

struct unsettled {
	const char *tenant_id;
	struct model_call call;
	int tries;
};
/* Claims calls to settle, each for one sweeper at a time: those it does not settle come up again
 * later and later. */
enum status store_sweep_claim(const struct place *p, int max, struct unsettled **ret,
			      size_t *n) MUST_USE;
/* Questions without an answer and calls without an end, past their time. */
enum status store_sweep_overdue(const struct place *p, int64_t *questions, int64_t *calls) MUST_USE;

#endif
