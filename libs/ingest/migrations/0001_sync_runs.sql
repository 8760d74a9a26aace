-- Runs that pull from providers: one row each, claimed and driven by libs/ingest. The search_path is the service's schema.
CREATE TABLE sync_runs (
	run_id uuid PRIMARY KEY,
	tenant_id uuid NOT NULL,
	brand_id uuid NOT NULL,
	platform text NOT NULL CHECK (platform ~ '^[a-z0-9_-]{1,15}$'),
	state text NOT NULL DEFAULT 'queued'
		CHECK (state IN ('queued', 'running', 'projecting', 'done', 'failed')),
	is_full boolean NOT NULL,
	actor text NOT NULL, -- who started it; the events of the run carry it
	traceparent text NOT NULL,
	checkpoint bytea, -- the service's own words for where to go on
	rows bigint NOT NULL DEFAULT 0,
	pages bigint NOT NULL DEFAULT 0,
	events bigint NOT NULL DEFAULT 0,
	retries bigint NOT NULL DEFAULT 0,
	progress bigint NOT NULL DEFAULT 0,
	expected bigint NOT NULL DEFAULT 0, -- in the unit of progress; 0: unknown
	note text NOT NULL DEFAULT '',
	error text NOT NULL DEFAULT '',
	owner bigint, -- key of the advisory lock that the driving process holds; NULL: nobody drives it
	claim bigint NOT NULL DEFAULT 0, -- grows with each claim; a write that names an older one finds no row
	step bigint NOT NULL DEFAULT 0, -- pages committed; a page is stored once even when its COMMIT went unanswered
	stalled int NOT NULL DEFAULT 0, -- take-overs from dead processes since the last page
	lease_until timestamptz,
	created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	started_at timestamptz,
	fetched_at timestamptz, -- since when it is projecting
	finished_at timestamptz,
	CONSTRAINT sync_runs_owner CHECK (owner IS NULL OR state = 'running')
);
-- A brand and platform are fetched by one run at a time: two would share a cursor.
CREATE UNIQUE INDEX sync_runs_one ON sync_runs (tenant_id, brand_id, platform)
	WHERE state IN ('queued', 'running');
CREATE INDEX sync_runs_brand ON sync_runs (tenant_id, brand_id, platform, created_at DESC);
CREATE INDEX sync_runs_claimable ON sync_runs (created_at) WHERE state IN ('queued', 'running');
CREATE INDEX sync_runs_ended ON sync_runs (finished_at) WHERE state IN ('done', 'failed');

ALTER TABLE sync_runs ENABLE ROW LEVEL SECURITY;
ALTER TABLE sync_runs FORCE ROW LEVEL SECURITY;

-- The roles are named after the schema: <service>_app and <service>_worker.
DO $$
DECLARE
	app text := current_schema() || '_app';
	worker text := current_schema() || '_worker';
	own text := '(tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::uuid'
		' AND (coalesce(current_setting(''app.brand_ids'', true), '''') = '''''
		' OR brand_id = ANY (string_to_array(current_setting(''app.brand_ids'', true), '','')::uuid[])))';
BEGIN
	EXECUTE format('CREATE POLICY app_own ON sync_runs TO %I USING %s WITH CHECK %s', app, own, own);
	-- Claiming, leases and retention know no tenant yet.
	EXECUTE format('CREATE POLICY worker_all ON sync_runs TO %I USING (true) WITH CHECK (true)', worker);
	EXECUTE format('GRANT SELECT, INSERT, UPDATE ON sync_runs TO %I', app);
	EXECUTE format('GRANT SELECT, UPDATE, DELETE ON sync_runs TO %I', worker);
END $$;
