-- Rules, alerts and their notices. Whatever changes a tenant's rules or alerts holds the lock of the tenant's row in alert_tenants to
-- the end of its transaction: so one copy at a time evaluates a tenant, and its changes are numbered in the order of their commits.
CREATE TABLE alert_tenants (
	tenant_id uuid PRIMARY KEY,
	change_seq bigint NOT NULL DEFAULT 0, -- of the latest change of an alert
	defaults_at timestamptz -- when the default rules were made
);

-- Figures are units of the metric's scale (rule.h).
CREATE TABLE alert_rules (
	rule_id uuid PRIMARY KEY,
	tenant_id uuid NOT NULL REFERENCES alert_tenants,
	name text NOT NULL,
	metric smallint NOT NULL, -- observability.v1.Metric, and so on
	kind smallint NOT NULL, -- of the samples it looks at
	comparison smallint NOT NULL,
	threshold bigint NOT NULL,
	recovery bigint NOT NULL,
	window_s bigint NOT NULL,
	for_s bigint NOT NULL,
	min_samples bigint NOT NULL,
	severity smallint NOT NULL,
	enabled boolean NOT NULL,
	condition smallint NOT NULL,
	pending_since timestamptz,
	value bigint, -- at the last look that was written: at a change, and when time made us look
	evaluated_at timestamptz,
	due_at timestamptz, -- look by then although no sample came
	alert_id uuid, -- that stands
	version bigint NOT NULL DEFAULT 1,
	created_at timestamptz NOT NULL,
	updated_at timestamptz NOT NULL,
	CHECK ((alert_id IS NOT NULL) = (condition = 4))
) WITH (fillfactor = 70);
CREATE INDEX alert_rules_tenant ON alert_rules (tenant_id, name, rule_id);
CREATE INDEX alert_rules_due ON alert_rules (due_at) WHERE due_at IS NOT NULL AND enabled;

-- An alert stands from the change that fired it to the one that resolved it. Name, metric, severity and threshold are those of that time.
CREATE TABLE alerts (
	alert_id uuid PRIMARY KEY,
	tenant_id uuid NOT NULL,
	rule_id uuid NOT NULL REFERENCES alert_rules,
	rule text NOT NULL,
	metric smallint NOT NULL,
	severity smallint NOT NULL,
	value bigint NOT NULL,
	threshold bigint NOT NULL,
	text text NOT NULL,
	fired_seq bigint NOT NULL,
	fired_at timestamptz NOT NULL,
	resolved_at timestamptz, -- NULL: it stands
	resolved_value bigint,
	resolved_text text
);
CREATE INDEX alerts_newest ON alerts (tenant_id, fired_seq DESC);
CREATE UNIQUE INDEX alerts_standing ON alerts (tenant_id, rule_id) WHERE resolved_at IS NULL; -- one at a time
CREATE INDEX alerts_age ON alerts (resolved_at) WHERE resolved_at IS NOT NULL;

-- Each change has one notice, made with it.
CREATE TABLE alert_changes (
	tenant_id uuid NOT NULL,
	seq bigint NOT NULL,
	notice_id uuid NOT NULL UNIQUE,
	alert_id uuid NOT NULL REFERENCES alerts ON DELETE CASCADE,
	change smallint NOT NULL, -- 1 fired, 2 resolved
	PRIMARY KEY (tenant_id, seq),
	UNIQUE (alert_id, change)
);

CREATE TABLE alert_channels (
	channel_id uuid PRIMARY KEY,
	tenant_id uuid NOT NULL,
	name text NOT NULL,
	url text NOT NULL,
	secret text NOT NULL, -- sealed, purpose "webhook-secret"
	min_severity smallint NOT NULL,
	created_at timestamptz NOT NULL,
	deleted_at timestamptz,
	-- What the senders know of it.
	next_due_at timestamptz, -- of its waiting deliveries; NULL: none waits
	rest_until timestamptz NOT NULL DEFAULT '-infinity', -- after failures
	failures int NOT NULL DEFAULT 0, -- in a row
	leased_until timestamptz NOT NULL DEFAULT '-infinity',
	lease uuid
);
CREATE INDEX alert_channels_tenant ON alert_channels (tenant_id, name, channel_id) WHERE deleted_at IS NULL;
CREATE INDEX alert_channels_due ON alert_channels (next_due_at) WHERE next_due_at IS NOT NULL;

CREATE TABLE alert_deliveries (
	notice_id uuid NOT NULL,
	channel_id uuid NOT NULL REFERENCES alert_channels,
	tenant_id uuid NOT NULL,
	seq bigint NOT NULL, -- of the change
	alert_id uuid NOT NULL,
	rule_id uuid NOT NULL, -- a channel hears the changes of a rule in their order
	change smallint NOT NULL,
	body text NOT NULL, -- the same in every attempt
	state smallint NOT NULL DEFAULT 1, -- 1 waiting, 2 delivered, 3 failed
	attempts int NOT NULL DEFAULT 0,
	http_status int NOT NULL DEFAULT 0,
	reason text NOT NULL DEFAULT '',
	changed_at timestamptz NOT NULL,
	attempted_at timestamptz,
	delivered_at timestamptz,
	next_attempt_at timestamptz,
	CONSTRAINT alert_deliveries_once UNIQUE (notice_id, channel_id),
	CHECK ((state = 1) = (next_attempt_at IS NOT NULL)),
	CHECK ((state = 2) = (delivered_at IS NOT NULL))
) WITH (fillfactor = 80);
CREATE INDEX alert_deliveries_newest ON alert_deliveries (tenant_id, seq DESC, channel_id);
CREATE INDEX alert_deliveries_alert ON alert_deliveries (alert_id);
CREATE INDEX alert_deliveries_order ON alert_deliveries (channel_id, rule_id, seq) WHERE state = 1;
CREATE INDEX alert_deliveries_waiting ON alert_deliveries (channel_id, seq) WHERE state = 1;
CREATE INDEX alert_deliveries_age ON alert_deliveries (changed_at);

DO $$
DECLARE
	app text := current_schema() || '_app';
	worker text := current_schema() || '_worker';
	scope text := '(tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::uuid)';
	t text;
BEGIN
	FOREACH t IN ARRAY ARRAY['alert_tenants', 'alert_rules', 'alerts', 'alert_changes', 'alert_channels', 'alert_deliveries'] LOOP
		EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
		EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
		EXECUTE format('CREATE POLICY app_own ON %I TO %I USING %s WITH CHECK %s', t, app, scope, scope);
		EXECUTE format('CREATE POLICY worker_all ON %I TO %I USING (true) WITH CHECK (true)', t, worker);
		EXECUTE format('GRANT SELECT, INSERT, UPDATE ON %I TO %I', t, app);
	END LOOP;
	-- The worker sees who has work, takes leases, and forgets what is old; no secret and no notice's text.
	EXECUTE format('GRANT SELECT (tenant_id, change_seq) ON alert_tenants TO %I', worker);
	EXECUTE format('GRANT SELECT (tenant_id, enabled, due_at) ON alert_rules TO %I', worker);
	EXECUTE format('GRANT SELECT (channel_id, tenant_id, next_due_at, rest_until, failures, leased_until, deleted_at), UPDATE (leased_until, lease) ON alert_channels TO %I', worker);
	EXECUTE format('GRANT SELECT (tenant_id, alert_id, resolved_at), DELETE ON alerts TO %I', worker);
	EXECUTE format('GRANT SELECT (notice_id, channel_id, state, changed_at), DELETE ON alert_deliveries TO %I', worker);
END $$;
