-- Who may touch which rows. Handlers run as auth_app in a tenant's scope; an operator's scope is the nil UUID.
-- FORCE binds the owner too, so the functions of 0003, which run as auth_owner, see what the owner_* policies here show them: whole
-- tables, for reading, on four tables. Nobody logs in as auth_owner but the migration.
-- Not granted to auth_app at all, because they have no tenant to be kept apart by (functions only): users, operators,
-- signing_keys, login_failures, access_version.
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
ALTER TABLE memberships ENABLE ROW LEVEL SECURITY;
ALTER TABLE memberships FORCE ROW LEVEL SECURITY;
ALTER TABLE brands ENABLE ROW LEVEL SECURITY;
ALTER TABLE brands FORCE ROW LEVEL SECURITY;
ALTER TABLE sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE sessions FORCE ROW LEVEL SECURITY;
ALTER TABLE refresh_tokens ENABLE ROW LEVEL SECURITY;
ALTER TABLE refresh_tokens FORCE ROW LEVEL SECURITY;
ALTER TABLE audit_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_log FORCE ROW LEVEL SECURITY;

-- tenants: a tenant sees itself and is made in its own scope; operators list all and change the state.
CREATE POLICY app_own ON tenants FOR SELECT TO auth_app
	USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
CREATE POLICY app_make ON tenants FOR INSERT TO auth_app
	WITH CHECK (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
CREATE POLICY app_operator ON tenants FOR SELECT TO auth_app
	USING (current_setting('app.tenant_id', true) = '00000000-0000-0000-0000-000000000000');
CREATE POLICY app_operator_change ON tenants FOR UPDATE TO auth_app
	USING (current_setting('app.tenant_id', true) = '00000000-0000-0000-0000-000000000000')
	WITH CHECK (current_setting('app.tenant_id', true) = '00000000-0000-0000-0000-000000000000');
CREATE POLICY owner_lookup ON tenants FOR SELECT TO auth_owner
	USING (true);
GRANT SELECT, INSERT ON tenants TO auth_app;
GRANT UPDATE (state, suspended_at, version) ON tenants TO auth_app;

CREATE POLICY app_own ON memberships TO auth_app
	USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
	WITH CHECK (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
CREATE POLICY owner_lookup ON memberships FOR SELECT TO auth_owner
	USING (true);
GRANT SELECT, INSERT ON memberships TO auth_app;

CREATE POLICY app_own ON brands TO auth_app
	USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid
		AND (coalesce(current_setting('app.brand_ids', true), '') = ''
			OR brand_id = ANY (string_to_array(current_setting('app.brand_ids', true), ',')::uuid[])))
	WITH CHECK (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid
		AND (coalesce(current_setting('app.brand_ids', true), '') = ''
			OR brand_id = ANY (string_to_array(current_setting('app.brand_ids', true), ',')::uuid[])));
GRANT SELECT, INSERT ON brands TO auth_app;
GRANT UPDATE (name, domain, currency, timezone, version, updated_at) ON brands TO auth_app;

CREATE POLICY app_own ON sessions TO auth_app
	USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
	WITH CHECK (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
CREATE POLICY owner_lookup ON sessions FOR SELECT TO auth_owner
	USING (true);
CREATE POLICY worker_keep ON sessions TO auth_worker USING (true);
GRANT SELECT, INSERT ON sessions TO auth_app;
GRANT UPDATE (generation, rotated_at, repeat_used, good_until, ended_at, end_reason) ON sessions TO auth_app;
GRANT SELECT (session_id, good_until, ended_at), DELETE ON sessions TO auth_worker;

CREATE POLICY app_own ON refresh_tokens FOR INSERT TO auth_app
	WITH CHECK (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
CREATE POLICY owner_lookup ON refresh_tokens FOR SELECT TO auth_owner
	USING (true);
GRANT INSERT ON refresh_tokens TO auth_app;

-- An operator's act is recorded with the tenant it touched.
CREATE POLICY app_own ON audit_log FOR INSERT TO auth_app
	WITH CHECK (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid
		OR current_setting('app.tenant_id', true) = '00000000-0000-0000-0000-000000000000');
-- A failed login belongs to no tenant: nobody has signed in.
CREATE POLICY owner_stranger ON audit_log FOR INSERT TO auth_owner
	WITH CHECK (tenant_id = '00000000-0000-0000-0000-000000000000');
GRANT INSERT ON audit_log TO auth_app;

GRANT SELECT (key, last_at), DELETE ON login_failures TO auth_worker;
