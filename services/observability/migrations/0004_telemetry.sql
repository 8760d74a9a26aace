-- What request telemetry leaves beside its events: latency, and the account of what came and what did not.

-- A histogram of each minute, service and method (histogram.h). A process writes its own row (`writer`), whole each time, so it neither
-- reads nor adds, and what several wrote is summed by who reads it.
CREATE TABLE latency (
	tenant_id uuid NOT NULL,
	minute timestamptz NOT NULL,
	service text NOT NULL,
	method text NOT NULL,
	writer bigint NOT NULL,
	requests bigint NOT NULL,
	errors bigint NOT NULL, -- answered with 500 or more
	max_us bigint NOT NULL,
	buckets smallint[] NOT NULL, -- parallel to counts
	counts bigint[] NOT NULL,
	PRIMARY KEY (tenant_id, minute, service, method, writer),
	CONSTRAINT latency_parallel CHECK (cardinality(buckets) = cardinality(counts))
) WITH (fillfactor = 50); -- room for a minute's updates in place
CREATE INDEX latency_minute ON latency USING brin (minute);

ALTER TABLE latency ENABLE ROW LEVEL SECURITY;
ALTER TABLE latency FORCE ROW LEVEL SECURITY;
CREATE POLICY app_own ON latency FOR SELECT TO observability_app
	USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
CREATE POLICY worker_all ON latency TO observability_worker USING (true) WITH CHECK (true);
GRANT SELECT ON latency TO observability_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON latency TO observability_worker;

-- Pages that were taken in, so that none is twice. Kept longer than the stream keeps them (a day).
CREATE TABLE telemetry_pages (
	service text NOT NULL,
	instance uuid NOT NULL,
	page bigint NOT NULL,
	received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (service, instance, page)
);
CREATE INDEX telemetry_pages_received ON telemetry_pages USING brin (received_at);

-- The account of each process: what it says it offered and dropped, and what is stored. The rest was lost on the way.
CREATE TABLE telemetry_sources (
	service text NOT NULL,
	instance uuid NOT NULL,
	emitted bigint NOT NULL,
	dropped bigint NOT NULL,
	stored bigint NOT NULL,
	told_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (service, instance)
) WITH (fillfactor = 50);

-- Neither names a tenant: they are of processes.
GRANT SELECT, INSERT, DELETE ON telemetry_pages TO observability_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON telemetry_sources TO observability_worker;
GRANT SELECT ON telemetry_sources TO observability_app;
