-- What alert rules look at: sums of samples in slots of time. See samples.h.
CREATE TABLE sample_slots (
	tenant_id uuid NOT NULL,
	kind smallint NOT NULL, -- 1 requests, 2 latency, 3 AI cost
	tier smallint NOT NULL, -- 0: slots of 10 s, 1: of 5 minutes, 2: of an hour
	slot bigint NOT NULL, -- its beginning, seconds since 1970
	bucket int NOT NULL, -- of a latency, else 0
	n bigint NOT NULL,
	amount bigint NOT NULL, -- requests that failed; nano-dollars
	PRIMARY KEY (tenant_id, kind, tier, slot, bucket)
) WITH (fillfactor = 70); -- room for updates in place
CREATE INDEX sample_slots_age ON sample_slots (tier, slot);

-- An answer's verdict may come before the answer: then it is a row without a time.
CREATE TABLE sample_answers (
	tenant_id uuid NOT NULL,
	question_id uuid NOT NULL,
	at timestamptz,
	traced boolean, -- every number of it
	against bigint NOT NULL DEFAULT 0, -- judges who rated it 1 or 2
	made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (tenant_id, question_id)
);
CREATE INDEX sample_answers_at ON sample_answers (tenant_id, at) WHERE at IS NOT NULL;
CREATE INDEX sample_answers_age ON sample_answers (made_at);
CREATE TABLE sample_verdicts (
	tenant_id uuid NOT NULL,
	question_id uuid NOT NULL,
	judge text NOT NULL,
	good boolean NOT NULL,
	was boolean, -- what the judge said before
	version bigint NOT NULL,
	PRIMARY KEY (tenant_id, question_id, judge)
);

-- Tenants with new samples, written with them: whoever evaluates the rules takes the rows away in the transaction of what follows.
CREATE TABLE sample_news (
	tenant_id uuid NOT NULL,
	kind smallint NOT NULL, -- as above; 4: answers
	at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX sample_news_tenant ON sample_news (tenant_id);
CREATE INDEX sample_news_at ON sample_news (at);

DO $$
DECLARE
	app text := current_schema() || '_app';
	worker text := current_schema() || '_worker';
	scope text := '(tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::uuid)';
	t text;
BEGIN
	FOREACH t IN ARRAY ARRAY['sample_slots', 'sample_answers', 'sample_verdicts', 'sample_news'] LOOP
		EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
		EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
		EXECUTE format('CREATE POLICY app_own ON %I TO %I USING %s WITH CHECK %s', t, app, scope, scope);
		-- A page of telemetry is of many tenants: the worker takes it in, and forgets what is old.
		EXECUTE format('CREATE POLICY worker_all ON %I TO %I USING (true) WITH CHECK (true)', t, worker);
		EXECUTE format('GRANT SELECT, INSERT, UPDATE ON %I TO %I', t, app);
		EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO %I', t, worker);
	END LOOP;
	EXECUTE format('GRANT DELETE ON sample_news TO %I', app);
END $$;
