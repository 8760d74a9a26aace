-- What ai-insights keeps: who asked what, what was answered, where each number came from, what each call of the model used.

CREATE TABLE questions (
	question_id uuid PRIMARY KEY, -- grows with time: newest first is a walk of this key
	tenant_id uuid NOT NULL,
	brand_id uuid NOT NULL,
	user_id text NOT NULL,
	question text NOT NULL,
	state text NOT NULL DEFAULT 'asked' CHECK (state IN ('asked', 'answered', 'failed')),
	version bigint NOT NULL DEFAULT 1,
	asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	overdue_at timestamptz NOT NULL, -- without an answer until then it has failed: its process died
	answered_at timestamptz
);
CREATE INDEX questions_newest ON questions (tenant_id, question_id DESC);
CREATE INDEX questions_brand ON questions (tenant_id, brand_id, question_id DESC);
CREATE INDEX questions_overdue ON questions (overdue_at) WHERE state = 'asked';

CREATE TABLE answers (
	question_id uuid PRIMARY KEY REFERENCES questions,
	tenant_id uuid NOT NULL,
	brand_id uuid NOT NULL,
	answer text NOT NULL,
	model text NOT NULL, -- "analyst" when no model wrote it
	fallback_reason text NOT NULL DEFAULT '', -- empty: the model's own answer
	attempts int NOT NULL
);

-- The lists of an answer: findings, recommendations, numbers that stayed untraced.
CREATE TABLE answer_lines (
	question_id uuid NOT NULL REFERENCES answers,
	tenant_id uuid NOT NULL,
	brand_id uuid NOT NULL,
	kind text NOT NULL CHECK (kind IN ('finding', 'recommendation', 'untraced')),
	position int NOT NULL,
	line text NOT NULL,
	PRIMARY KEY (question_id, kind, position)
);

CREATE TABLE evidence (
	question_id uuid NOT NULL REFERENCES answers,
	tenant_id uuid NOT NULL,
	brand_id uuid NOT NULL,
	position int NOT NULL,
	evidence_id text NOT NULL, -- "e12", as the answer cites it
	tool text NOT NULL,
	arguments text NOT NULL, -- JSON
	metric text NOT NULL,
	value text NOT NULL, -- exact, a decimal number
	unit text NOT NULL,
	PRIMARY KEY (question_id, position)
);

CREATE TABLE feedback (
	question_id uuid NOT NULL REFERENCES questions,
	user_id text NOT NULL,
	tenant_id uuid NOT NULL,
	brand_id uuid NOT NULL,
	rating smallint NOT NULL CHECK (rating BETWEEN 1 AND 5),
	comment text NOT NULL,
	was_actionable boolean NOT NULL,
	version bigint NOT NULL DEFAULT 1,
	given_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (question_id, user_id)
);

-- One row for each call of the model, committed before the call. Its tokens are written as soon as the provider tells them, so
-- that whoever finds the row after a crash can settle it.
CREATE TABLE model_calls (
	reservation_id uuid PRIMARY KEY, -- of token-billing
	tenant_id uuid NOT NULL,
	brand_id uuid NOT NULL,
	question_id uuid NOT NULL REFERENCES questions,
	user_id text NOT NULL,
	model text NOT NULL,
	-- open: the provider may be at work. used: tokens known, not yet settled. unused: nothing was used, the hold is to be given
	-- back. settled: token-billing has it. unknown: the process died before the tokens were known; the hold expires.
	state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'used', 'unused', 'settled', 'unknown')),
	input_tokens bigint NOT NULL DEFAULT 0,
	cache_read_tokens bigint NOT NULL DEFAULT 0,
	cache_write_5m_tokens bigint NOT NULL DEFAULT 0,
	cache_write_1h_tokens bigint NOT NULL DEFAULT 0,
	output_tokens bigint NOT NULL DEFAULT 0,
	provider_request_id text NOT NULL DEFAULT '',
	used_at timestamptz, -- decides the price
	cost_nano_usd bigint, -- known with settled, unless unpriced
	unpriced boolean NOT NULL DEFAULT false,
	opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	overdue_at timestamptz NOT NULL, -- still open then: unknown
	next_try_at timestamptz, -- of the sweeper
	tries int NOT NULL DEFAULT 0
);
CREATE INDEX model_calls_question ON model_calls (question_id);
CREATE INDEX model_calls_unsettled ON model_calls (next_try_at) WHERE state IN ('used', 'unused');
CREATE INDEX model_calls_open ON model_calls (overdue_at) WHERE state = 'open';

DO $$
DECLARE
	scope text := '(tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::uuid AND (coalesce(current_setting(''app.brand_ids'', true), '''') = '''' OR brand_id = ANY (string_to_array(current_setting(''app.brand_ids'', true), '','')::uuid[])))';
	t text;
BEGIN
	FOREACH t IN ARRAY ARRAY['questions', 'answers', 'answer_lines', 'evidence', 'feedback', 'model_calls'] LOOP
		EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
		EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
		EXECUTE format('CREATE POLICY app_own ON %I TO ai_insights_app USING %s WITH CHECK %s', t, scope, scope);
		EXECUTE format('GRANT SELECT, INSERT ON %I TO ai_insights_app', t);
	END LOOP;
	EXECUTE 'GRANT UPDATE ON questions, feedback, model_calls TO ai_insights_app';
	-- The sweeper ends what a dead process left, whichever tenant's. Of questions it sees no text.
	FOREACH t IN ARRAY ARRAY['questions', 'model_calls'] LOOP
		EXECUTE format('CREATE POLICY worker_all ON %I TO ai_insights_worker USING (true) WITH CHECK (true)', t);
	END LOOP;
	EXECUTE 'GRANT SELECT (question_id, state, overdue_at, version) ON questions TO ai_insights_worker';
	EXECUTE 'GRANT UPDATE (state, version) ON questions TO ai_insights_worker';
	EXECUTE 'GRANT SELECT ON model_calls TO ai_insights_worker';
	EXECUTE 'GRANT UPDATE (state, cost_nano_usd, unpriced, next_try_at, tries) ON model_calls TO ai_insights_worker';
END $$;
