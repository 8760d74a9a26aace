-- What every service gets: outbox, inbox, idempotency keys. The search_path is the service's schema.
-- An operator's scope is the nil UUID: the runtime gives it to operator tokens only.
CREATE TABLE outbox (
	position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	event_id text NOT NULL UNIQUE,
	tenant_id uuid NOT NULL,
	subject text NOT NULL,
	headers text NOT NULL, -- "Name: value" lines
	payload bytea NOT NULL,
	created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	sent_at timestamptz,
	stream_seq bigint
);
-- The relay claims unsent rows in order, never "id > last seen": rows that commit late would be lost.
CREATE INDEX outbox_unsent ON outbox (position) WHERE sent_at IS NULL;
CREATE INDEX outbox_sent ON outbox (stream_seq DESC) WHERE sent_at IS NOT NULL;
CREATE INDEX outbox_created ON outbox (created_at);

CREATE TABLE inbox (
	consumer text NOT NULL,
	event_id text NOT NULL,
	tenant_id uuid NOT NULL,
	received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (consumer, event_id)
);
CREATE INDEX inbox_received ON inbox (received_at);

CREATE TABLE idempotency (
	tenant_id uuid NOT NULL, -- the nil UUID: an operator's call
	caller text NOT NULL, -- user id: one user's keys never answer another's
	method text NOT NULL,
	key text NOT NULL,
	request_hash bytea NOT NULL,
	reply bytea NOT NULL,
	created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	CONSTRAINT idempotency_pkey PRIMARY KEY (tenant_id, caller, method, key)
);
CREATE INDEX idempotency_created ON idempotency (created_at);

ALTER TABLE outbox ENABLE ROW LEVEL SECURITY;
ALTER TABLE outbox FORCE ROW LEVEL SECURITY;
ALTER TABLE inbox ENABLE ROW LEVEL SECURITY;
ALTER TABLE inbox FORCE ROW LEVEL SECURITY;
ALTER TABLE idempotency ENABLE ROW LEVEL SECURITY;
ALTER TABLE idempotency FORCE ROW LEVEL SECURITY;

-- The roles are named after the schema: <service>_app and <service>_worker.
DO $$
DECLARE
	app text := current_schema() || '_app';
	worker text := current_schema() || '_worker';
BEGIN
	EXECUTE format('CREATE POLICY app_own ON outbox TO %I USING (tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::uuid) WITH CHECK (tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::uuid)', app);
	-- An operator's change (a tenant is made or suspended) tells of a tenant that is not the caller's.
	EXECUTE format('CREATE POLICY app_operator ON outbox FOR INSERT TO %I WITH CHECK (current_setting(''app.tenant_id'', true) = ''00000000-0000-0000-0000-000000000000'')', app);
	EXECUTE format('CREATE POLICY app_own ON inbox TO %I USING (tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::uuid) WITH CHECK (tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::uuid)', app);
	EXECUTE format('CREATE POLICY app_read ON idempotency FOR SELECT TO %I USING (tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::uuid)', app);
	-- A record of an operator's call is written in the scope of the tenant it touched.
	EXECUTE format('CREATE POLICY app_write ON idempotency FOR INSERT TO %I WITH CHECK (tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::uuid OR tenant_id = ''00000000-0000-0000-0000-000000000000'')', app);
	-- The relay and the retention job see every tenant's envelopes and nothing else.
	EXECUTE format('CREATE POLICY worker_all ON outbox TO %I USING (true) WITH CHECK (true)', worker);
	EXECUTE format('CREATE POLICY worker_all ON inbox TO %I USING (true)', worker);
	EXECUTE format('CREATE POLICY worker_all ON idempotency TO %I USING (true)', worker);
	EXECUTE format('GRANT INSERT ON outbox TO %I', app);
	EXECUTE format('GRANT SELECT, INSERT ON inbox, idempotency TO %I', app);
	EXECUTE format('GRANT SELECT, UPDATE, DELETE ON outbox TO %I', worker);
	EXECUTE format('GRANT SELECT, DELETE ON inbox, idempotency TO %I', worker);
	EXECUTE format('GRANT SELECT ON schema_migrations TO %I, %I', app, worker);
END $$;
