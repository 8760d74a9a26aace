/* Questions, answers, evidence, judgements. Read next: store.h. */
#include "store.h"

#include <stdlib.h>
#include <string.h>

/* Tokens and cost come from the calls: a sum that is kept twice is wrong once. */
#define ROW                                                                                       \
	"SELECT q.question_id, q.brand_id, q.user_id, q.question, q.state, q.asked_at,"           \
	" q.answered_at, a.answer, a.model, a.fallback_reason, a.attempts, f.rating, f.comment,"  \
	" f.was_actionable, f.given_at, c.input, c.cache_read, c.write_5m, c.write_1h, c.output," \
	" coalesce(c.cost, 0), coalesce(c.known, true)"                                           \
	" FROM questions q LEFT JOIN answers a USING (question_id)"                               \
	" LEFT JOIN feedback f ON f.question_id = q.question_id AND f.user_id = $1"               \
	" LEFT JOIN LATERAL (SELECT sum(input_tokens) AS input,"                                  \
	" sum(cache_read_tokens) AS cache_read, sum(cache_write_5m_tokens) AS write_5m,"          \
	" sum(cache_write_1h_tokens) AS write_1h, sum(output_tokens) AS output,"                  \
	" sum(cost_nano_usd) AS cost, bool_and(state = 'settled' AND NOT unpriced) AS known"      \
	" FROM model_calls m WHERE m.question_id = q.question_id) c ON true"

const struct db_stmt question_statements[] = {
	{ "today", "SELECT (clock_timestamp() AT TIME ZONE $1)::date" },
	{ "question_add",
	  "INSERT INTO questions (tenant_id, question_id, brand_id, user_id, question, overdue_at)"
	  " VALUES ($1::uuid, $2::uuid, $3::uuid, $4, $5, $6::timestamptz)" },
	{ "question_answered",
	  "UPDATE questions SET state = 'answered', answered_at = clock_timestamp(),"
	  " version = version + 1 WHERE question_id = $1::uuid" },
	{ "question_failed", "UPDATE questions SET state = 'failed', version = version + 1"
			     " WHERE question_id = $1::uuid AND state = 'asked'" },
	{ "answer_add",
	  "INSERT INTO answers (tenant_id, question_id, brand_id, answer, model, fallback_reason,"
	  " attempts) VALUES ($1::uuid, $2::uuid, $3::uuid, $4, $5, $6, $7::int)" },
	{ "answer_lines_add",
	  "INSERT INTO answer_lines (tenant_id, question_id, brand_id, kind, position, line)"
	  " SELECT $1::uuid, $2::uuid, $3::uuid, $4, t.position, t.line"
	  " FROM unnest($5::text[]) WITH ORDINALITY AS t(line, position)" },
	{ "evidence_add",
	  "INSERT INTO evidence (tenant_id, question_id, brand_id, position, evidence_id, tool,"
	  " arguments, metric, value, unit) SELECT $1::uuid, $2::uuid, $3::uuid, t.position, t.id,"
	  " t.tool, t.arguments, t.metric, t.value, t.unit FROM unnest($4::text[], $5::text[],"
	  " $6::text[], $7::text[], $8::text[], $9::text[]) WITH ORDINALITY"
	  " AS t(id, tool, arguments, metric, value, unit, position)" },
	{ "questions", ROW " WHERE ($2 = '' OR q.brand_id = $2::uuid)"
			   " AND ($3 = '' OR q.question_id < $3::uuid)"
			   " ORDER BY q.question_id DESC LIMIT $4::int" },
	{ "question", ROW " WHERE q.question_id = $2::uuid" },
	{ "lines",
	  "SELECT question_id, kind, line FROM answer_lines"
	  " WHERE question_id = ANY ($1::uuid[]) ORDER BY question_id DESC, kind, position" },
	{ "proofs", "SELECT question_id, evidence_id, tool, arguments, metric, value, unit"
		    " FROM evidence WHERE question_id = ANY ($1::uuid[])"
		    " ORDER BY question_id DESC, position" },
	{ "question_brand", "SELECT brand_id FROM questions WHERE question_id = $1::uuid" },
	{ "judge",
	  "INSERT INTO feedback AS f (tenant_id, question_id, brand_id, user_id, rating, comment,"
	  " was_actionable) VALUES ($1::uuid, $2::uuid, $3::uuid, $4, $5::smallint, $6,"
	  " $7::boolean) ON CONFLICT (question_id, user_id) DO UPDATE SET"
	  " rating = excluded.rating, comment = excluded.comment,"
	  " was_actionable = excluded.was_actionable, version = f.version + 1,"
	  " given_at = clock_timestamp() RETURNING version, given_at" },
	{ NULL, NULL },
};

static enum status memory(const struct place *p)
{
	return arena_failed(p->arena) ? error_set(p->err, ST_TOO_LARGE, NULL,
						  "the answer is too large; ask for less")
				      : ST_OK;
}

/* ---- writing ---- */

void store_question_add(const struct place *p, struct db_tx *tx, const struct question *q)
{
	struct db_args args;

	store_args(p, &args);
	db_arg_text(&args, q->question_id);
	db_arg_text(&args, q->brand_id);
	db_arg_text(&args, q->user_id);
	db_arg_text(&args, q->text);
	db_arg_time(&args, q->overdue_at);
	db_add(tx, "question_add", &args);
}

static void answer_args(const struct place *p, const struct answer *a, struct db_args *args)
{
	store_args(p, args);
	db_arg_text(args, a->question_id);
	db_arg_text(args, a->brand_id);
}

static void add_lines(const struct place *p, struct db_tx *tx, const struct answer *a,
		      const char *kind, const char **lines, size_t n)
{
	struct db_args args;

	if (n == 0)
		return;
	answer_args(p, a, &args);
	db_arg_text(&args, kind);
	db_arg_text_array(&args, lines, n);
	db_add(tx, "answer_lines_add", &args);
}

/* One column of the evidence as an array. */
static void arg_column(const struct place *p, struct db_args *args, const struct answer *a,
		       size_t offset)
{
	const char **v = arena_array(p->arena, a->n_evidence, sizeof(*v));

	for (size_t i = 0; v && i < a->n_evidence; i++)
		memcpy(&v[i], (const char *)&a->evidence[i] + offset, sizeof(v[i]));
	db_arg_text_array(args, v, v ? a->n_evidence : 0);
}

static void add_evidence(const struct place *p, struct db_tx *tx, const struct answer *a)
{
	struct db_args args;

	if (a->n_evidence == 0)
		return;
	answer_args(p, a, &args);
	arg_column(p, &args, a, offsetof(struct proof, id));
	arg_column(p, &args, a, offsetof(struct proof, tool));
	arg_column(p, &args, a, offsetof(struct proof, arguments));
	arg_column(p, &args, a, offsetof(struct proof, metric));
	arg_column(p, &args, a, offsetof(struct proof, value));
	arg_column(p, &args, a, offsetof(struct proof, unit));
	db_add(tx, "evidence_add", &args);
}

void store_answer_add(const struct place *p, struct db_tx *tx, const struct answer *a)
{
	struct db_args args;

	answer_args(p, a, &args);
	db_arg_text(&args, a->text);
	db_arg_text(&args, a->model);
	db_arg_text(&args, a->fallback_reason);
	db_arg_i64(&args, a->attempts);
	db_add(tx, "answer_add", &args);
	add_lines(p, tx, a, "finding", a->findings, a->n_findings);
	add_lines(p, tx, a, "recommendation", a->recommendations, a->n_recommendations);
	add_lines(p, tx, a, "untraced", a->untraced, a->n_untraced);
	add_evidence(p, tx, a);
	db_args_init(&args, p->arena);
	db_arg_text(&args, a->question_id);
	db_add(tx, "question_answered", &args);
}

enum status store_question_fail(const struct place *p, const char *question_id)
{
	AUTO_TX *tx = store_tx(p);
	struct db_args args;

	db_args_init(&args, p->arena);
	db_arg_text(&args, question_id);
	return store_run(p, tx, "question_failed", &args);
}

enum status store_today(const struct place *p, const char *zone, int32_t *ret)
{
	AUTO_TX *tx = store_tx(p);
	struct db_args args;
	enum status st;

	db_args_init(&args, p->arena);
	db_arg_text(&args, zone);
	st = store_run(p, tx, "today", &args);
	if (st == ST_OK)
		*ret = db_date(tx, 0, 0, 0);
	return st;
}

/* ---- reading ---- */

static enum question_state state_of(const char *word)
{
	if (strcmp(word, "answered") == 0)
		return QUESTION_ANSWERED;
	return strcmp(word, "failed") == 0 ? QUESTION_FAILED : QUESTION_ASKED;
}

static void read_row(const struct db_tx *tx, struct arena *a, int r, int row,
		     struct question_row *ret)
{
	const char *id = arena_strdup(a, db_str(tx, r, row, 0));
	const char *brand = arena_strdup(a, db_str(tx, r, row, 1));

	*ret = (struct question_row){
		.question = { .question_id = id,
			      .brand_id = brand,
			      .user_id = arena_strdup(a, db_str(tx, r, row, 2)),
			      .text = arena_strdup(a, db_str(tx, r, row, 3)) },
		.state = state_of(db_str(tx, r, row, 4)),
		.asked_at = db_time(tx, r, row, 5),
		.answered_at = db_time(tx, r, row, 6),
		.answer = { .question_id = id,
			    .brand_id = brand,
			    .text = arena_strdup(a, db_str(tx, r, row, 7)),
			    .model = arena_strdup(a, db_str(tx, r, row, 8)),
			    .fallback_reason = arena_strdup(a, db_str(tx, r, row, 9)),
			    .attempts = (int)db_int(tx, r, row, 10),
			    .tokens = { db_int(tx, r, row, 15), db_int(tx, r, row, 16),
					db_int(tx, r, row, 17), db_int(tx, r, row, 18),
					db_int(tx, r, row, 19) },
			    .cost_nano = db_int(tx, r, row, 20),
			    .cost_known = db_bool(tx, r, row, 21) },
		.judgement = { .given = !db_null(tx, r, row, 11),
			       .rating = (int)db_int(tx, r, row, 11),
			       .comment = arena_strdup(a, db_str(tx, r, row, 12)),
			       .was_actionable = db_bool(tx, r, row, 13),
			       .given_at = db_time(tx, r, row, 14) },
	};
}

/* Lines and evidence come in the order of the questions, so one walk hands them out. */
struct walk {
	const struct db_tx *tx;
	int result, at;
};

/* The number of rows of that question (and kind, when given) from where the walk stands. */
static size_t run_of(const struct walk *w, const char *question_id, const char *kind)
{
	int end = w->at;

	while (end < db_rows(w->tx, w->result) &&
	       strcmp(db_str(w->tx, w->result, end, 0), question_id) == 0 &&
	       (!kind || strcmp(db_str(w->tx, w->result, end, 1), kind) == 0))
		end++;
	return (size_t)(end - w->at);
}

static void take_lines(struct walk *w, struct arena *a, const struct answer *to, const char *kind,
		       const char ***ret, size_t *ret_n)
{
	size_t n = run_of(w, to->question_id, kind);
	const char **lines = arena_array(a, n + 1, sizeof(*lines));

	for (size_t i = 0; lines && i < n; i++)
		lines[i] = arena_strdup(a, db_str(w->tx, w->result, w->at + (int)i, 2));
	w->at += (int)n;
	*ret = lines;
	*ret_n = lines ? n : 0;
}

static void take_evidence(struct walk *w, struct arena *a, struct answer *to)
{
	size_t n = run_of(w, to->question_id, NULL);

	to->evidence = arena_array(a, n + 1, sizeof(*to->evidence));
	for (size_t i = 0; to->evidence && i < n; i++, w->at++)
		to->evidence[to->n_evidence++] = (struct proof){
			arena_strdup(a, db_str(w->tx, w->result, w->at, 1)),
			arena_strdup(a, db_str(w->tx, w->result, w->at, 2)),
			arena_strdup(a, db_str(w->tx, w->result, w->at, 3)),
			arena_strdup(a, db_str(w->tx, w->result, w->at, 4)),
			arena_strdup(a, db_str(w->tx, w->result, w->at, 5)),
			arena_strdup(a, db_str(w->tx, w->result, w->at, 6)),
		};
}

/* What belongs to the answers of the rows, in one more round trip. */
static enum status read_parts(const struct place *p, struct question_row *rows, size_t n)
{
	const char **ids = arena_array(p->arena, n + 1, sizeof(*ids));
	AUTO_TX *tx = NULL;
	struct walk lines, proofs;
	struct db_args args;
	enum status st;

	if (n == 0 || !ids)
		return memory(p);
	for (size_t i = 0; i < n; i++)
		ids[i] = rows[i].question.question_id;
	tx = store_tx(p);
	if (!tx)
		return ST_UNAVAILABLE;
	db_args_init(&args, p->arena);
	db_arg_text_array(&args, ids, n);
	lines = (struct walk){ tx, db_add(tx, "lines", &args), 0 };
	proofs = (struct walk){ tx, db_add(tx, "proofs", &args), 0 };
	st = db_run(tx, p->deadline_us, p->err);
	for (size_t i = 0; st == ST_OK && i < n; i++) {
		struct answer *a = &rows[i].answer;

		take_lines(&lines, p->arena, a, "finding", &a->findings, &a->n_findings);
		take_lines(&lines, p->arena, a, "recommendation", &a->recommendations,
			   &a->n_recommendations);
		take_lines(&lines, p->arena, a, "untraced", &a->untraced, &a->n_untraced);
		take_evidence(&proofs, p->arena, a);
	}
	return st == ST_OK ? memory(p) : st;
}

static enum status read_rows(const struct place *p, const struct db_tx *tx,
			     struct question_row **ret, size_t *ret_n)
{
	size_t n = (size_t)db_rows(tx, 0);
	struct question_row *rows = arena_array(p->arena, n + 1, sizeof(*rows));

	for (size_t i = 0; rows && i < n; i++)
		read_row(tx, p->arena, 0, (int)i, &rows[i]);
	*ret = rows;
	*ret_n = n;
	return memory(p);
}

enum status store_questions(const struct place *p, const char *brand_id, const char *before,
			    int max, const char *user_id, struct question_row **ret, size_t *n)
{
	AUTO_TX *tx = store_tx(p);
	struct db_args args;
	enum status st;

	db_args_init(&args, p->arena);
	db_arg_text(&args, user_id);
	db_arg_text(&args, brand_id);
	db_arg_text(&args, before);
	db_arg_i64(&args, max);
	st = store_run(p, tx, "questions", &args);
	if (st == ST_OK)
		st = read_rows(p, tx, ret, n);
	return st == ST_OK ? read_parts(p, *ret, *n) : st;
}

static enum status no_question(const struct place *p)
{
	return error_set(p->err, ST_NOT_FOUND, "question_id", "no such question");
}

enum status store_question(const struct place *p, const char *question_id, const char *user_id,
			   struct question_row *ret)
{
	AUTO_TX *tx = store_tx(p);
	struct question_row *rows;
	struct db_args args;
	enum status st;
	size_t n;

	db_args_init(&args, p->arena);
	db_arg_text(&args, user_id);
	db_arg_text(&args, question_id);
	st = store_run(p, tx, "question", &args);
	if (st == ST_OK)
		st = read_rows(p, tx, &rows, &n);
	if (st == ST_OK && n == 0)
		st = no_question(p);
	if (st == ST_OK)
		st = read_parts(p, rows, n);
	if (st == ST_OK)
		*ret = rows[0];
	return st;
}

/* ---- judgements ---- */

enum status store_question_brand(const struct place *p, struct db_tx *tx, const char *question_id,
				 const char **ret)
{
	struct db_args args;
	enum status st;
	int r = 0;

	db_args_init(&args, p->arena);
	db_arg_text(&args, question_id);
	st = db_exec(tx, "question_brand", &args, &r, p->err);
	if (st == ST_OK && db_rows(tx, r) == 0)
		st = no_question(p);
	if (st == ST_OK)
		*ret = arena_strdup(p->arena, db_str(tx, r, 0, 0));
	return st;
}

enum status store_judge(const struct place *p, struct db_tx *tx, const char *question_id,
			const char *brand_id, const char *user_id, const struct judgement *j,
			int64_t *version, int64_t *given_at)
{
	struct db_args args;
	enum status st;
	int r = 0;

	store_args(p, &args);
	db_arg_text(&args, question_id);
	db_arg_text(&args, brand_id);
	db_arg_text(&args, user_id);
	db_arg_i64(&args, j->rating);
	db_arg_text(&args, j->comment);
	db_arg_bool(&args, j->was_actionable);
	st = db_exec(tx, "judge", &args, &r, p->err);
	if (st == ST_OK) {
		*version = db_int(tx, r, 0, 0);
		*given_at = db_time(tx, r, 0, 1);
	}
	return st;
}
