-- Credentials, accounts and daily results of Meta, TikTok and Google Ads. Every table belongs to a tenant and a brand.

-- What a brand gave us to speak for it: sealed (libs/svc/seal.h), never in a log.
CREATE TABLE credentials (
	tenant_id uuid NOT NULL,
	brand_id uuid NOT NULL,
	platform text NOT NULL CHECK (platform IN ('meta', 'tiktok', 'google')),
	sealed text NOT NULL,
	all_accounts boolean NOT NULL, -- connected without naming one: new accounts join at the next run
	state text NOT NULL DEFAULT 'connected' CHECK (state IN ('connected', 'reconnect')),
	connected_at timestamptz NOT NULL DEFAULT now(),
	synced_at timestamptz,
	PRIMARY KEY (brand_id, platform)
);

CREATE TABLE accounts (
	connection_id uuid PRIMARY KEY,
	tenant_id uuid NOT NULL,
	brand_id uuid NOT NULL,
	platform text NOT NULL,
	account_id text NOT NULL, -- opaque
	name text NOT NULL,
	currency text NOT NULL,
	timezone text NOT NULL, -- IANA; the account's days are cut in it
	connected_at timestamptz NOT NULL DEFAULT now(),
	synced_through date, -- the last day of the last good run, in the account's zone
	UNIQUE (brand_id, platform, account_id),
	FOREIGN KEY (brand_id, platform) REFERENCES credentials (brand_id, platform) ON DELETE CASCADE
);
CREATE INDEX accounts_tenant ON accounts (tenant_id, platform);

CREATE TABLE results (
	tenant_id uuid NOT NULL,
	brand_id uuid NOT NULL,
	platform text NOT NULL,
	account_id text NOT NULL,
	campaign_id text NOT NULL,
	adset_id text NOT NULL,
	ad_id text NOT NULL,
	day date NOT NULL,
	currency text NOT NULL,
	spend_micros bigint NOT NULL,
	impressions bigint NOT NULL,
	clicks bigint NOT NULL,
	conversions_micros bigint NOT NULL,
	value_micros bigint NOT NULL,
	version bigint NOT NULL DEFAULT 1, -- grows when a provider restates a day
	PRIMARY KEY (brand_id, platform, account_id, campaign_id, adset_id, ad_id, day)
);

CREATE TABLE ads (
	tenant_id uuid NOT NULL,
	brand_id uuid NOT NULL,
	platform text NOT NULL,
	account_id text NOT NULL,
	campaign_id text NOT NULL,
	adset_id text NOT NULL,
	ad_id text NOT NULL,
	adset_name text NOT NULL,
	ad_name text NOT NULL,
	PRIMARY KEY (brand_id, platform, account_id, campaign_id, adset_id, ad_id)
);

-- A campaign's names and the last day each was seen: links carry the name of their day, so past ones stay.
CREATE TABLE campaign_names (
	tenant_id uuid NOT NULL,
	brand_id uuid NOT NULL,
	platform text NOT NULL,
	account_id text NOT NULL,
	campaign_id text NOT NULL,
	name text NOT NULL,
	last_day date NOT NULL,
	PRIMARY KEY (brand_id, platform, account_id, campaign_id, name)
);
CREATE TABLE campaigns (
	tenant_id uuid NOT NULL,
	brand_id uuid NOT NULL,
	platform text NOT NULL,
	account_id text NOT NULL,
	campaign_id text NOT NULL,
	name text NOT NULL, -- the latest
	names text[] NOT NULL, -- all, latest first
	version bigint NOT NULL DEFAULT 1,
	PRIMARY KEY (brand_id, platform, account_id, campaign_id)
);

DO $$
DECLARE
	t text;
	app text := current_schema() || '_app';
	rule text := 'tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::uuid'
		' AND (coalesce(current_setting(''app.brand_ids'', true), '''') = '''''
		' OR brand_id = ANY (string_to_array(current_setting(''app.brand_ids'', true), '','')::uuid[]))';
BEGIN
	FOREACH t IN ARRAY ARRAY['credentials', 'accounts', 'results', 'ads', 'campaign_names', 'campaigns'] LOOP
		EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
		EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
		EXECUTE format('CREATE POLICY app_own ON %I TO %I USING (%s) WITH CHECK (%s)', t, app, rule, rule);
		EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO %I', t, app);
	END LOOP;
END $$;
