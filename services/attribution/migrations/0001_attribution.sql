-- What attribution keeps. Everything but visits and imports is a projection of other services' events: newer versions win, and a
-- rebuild is a replay. Amounts are micros of the row's currency.

CREATE TABLE brands (
	tenant_id uuid NOT NULL,
	brand_id uuid NOT NULL,
	version bigint NOT NULL,
	currency text NOT NULL, -- of figures that have no other
	PRIMARY KEY (tenant_id, brand_id)
);

-- Distinct links. What a link means (channel, campaign) is kept once per link, not per touch: when a campaign arrives or is
-- renamed, a few rows change here and no credit moves.
CREATE TABLE touch_kinds (
	kind_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	tenant_id uuid NOT NULL,
	brand_id uuid NOT NULL,
	source text NOT NULL,
	source_type text NOT NULL,
	medium text NOT NULL,
	campaign text NOT NULL,
	channel smallint NOT NULL, -- attribution.v1.Channel
	platform text NOT NULL, -- meta, google, tiktok; these three are empty when the campaign is no ad platform's
	account_id text NOT NULL,
	campaign_id text NOT NULL,
	UNIQUE (tenant_id, brand_id, source, source_type, medium, campaign)
);
CREATE INDEX touch_kinds_text ON touch_kinds (tenant_id, brand_id, campaign);
CREATE INDEX touch_kinds_campaign ON touch_kinds (tenant_id, brand_id, campaign_id) WHERE platform <> '';

-- An order is one row with its touches, so that a page of orders is one statement and a window other than the usual one reads a
-- million orders as a million rows. Times are microseconds since 1970, as the rules count them.
CREATE TABLE orders (
	tenant_id uuid NOT NULL,
	brand_id uuid NOT NULL,
	order_id text NOT NULL,
	version bigint NOT NULL,
	processed_us bigint NOT NULL,
	day date NOT NULL, -- in the shop's zone, as its owner cut it
	counts boolean NOT NULL, -- false: cancelled, test or void; in no figure
	currency text NOT NULL,
	gross bigint NOT NULL,
	refunds bigint NOT NULL,
	touch_times bigint[] NOT NULL, -- sorted by time, then position; the three arrays are parallel
	touch_positions int[] NOT NULL,
	touch_kinds bigint[] NOT NULL,
	PRIMARY KEY (tenant_id, brand_id, order_id),
	CONSTRAINT orders_touches_parallel CHECK (cardinality(touch_times) = cardinality(touch_positions)
		AND cardinality(touch_times) = cardinality(touch_kinds))
);
CREATE INDEX orders_day ON orders (tenant_id, brand_id, day);

-- The credits of the 28-day window, summed per day. They change by the difference between an order's old credits and its new ones,
-- in the transaction that changes the order.
CREATE TABLE credit_days (
	tenant_id uuid NOT NULL,
	brand_id uuid NOT NULL,
	model smallint NOT NULL, -- attribution.v1.Model
	day date NOT NULL, -- the order's
	kind_id bigint NOT NULL, -- 0: unattributed
	currency text NOT NULL,
	micro_orders bigint NOT NULL,
	net bigint NOT NULL,
	gross bigint NOT NULL,
	PRIMARY KEY (tenant_id, brand_id, model, day, kind_id, currency)
) WITH (fillfactor = 70); -- room for updates in place

CREATE TABLE campaigns (
	tenant_id uuid NOT NULL,
	brand_id uuid NOT NULL,
	platform text NOT NULL,
	account_id text NOT NULL,
	campaign_id text NOT NULL,
	version bigint NOT NULL,
	name text NOT NULL, -- the latest
	PRIMARY KEY (tenant_id, brand_id, platform, account_id, campaign_id)
);
-- Every name a campaign has had, cut as links' campaigns are. A campaign has at least the row of its latest name.
CREATE TABLE campaign_names (
	tenant_id uuid NOT NULL,
	brand_id uuid NOT NULL,
	name text NOT NULL,
	platform text NOT NULL,
	account_id text NOT NULL,
	campaign_id text NOT NULL,
	latest boolean NOT NULL,
	PRIMARY KEY (tenant_id, brand_id, name, platform, account_id, campaign_id)
);
CREATE INDEX campaign_names_id ON campaign_names (tenant_id, brand_id, campaign_id);

CREATE TABLE ad_spend (
	tenant_id uuid NOT NULL,
	brand_id uuid NOT NULL,
	platform text NOT NULL,
	account_id text NOT NULL,
	campaign_id text NOT NULL,
	adset_id text NOT NULL,
	ad_id text NOT NULL,
	day date NOT NULL, -- the account's own
	version bigint NOT NULL,
	currency text NOT NULL,
	spend bigint NOT NULL,
	PRIMARY KEY (tenant_id, brand_id, platform, account_id, campaign_id, adset_id, ad_id, day)
);

-- How much of a sync run has been applied. The pages and the word that they were the last may come in any order.
CREATE TABLE run_progress (
	tenant_id uuid NOT NULL,
	brand_id uuid NOT NULL,
	source text NOT NULL, -- shopify, meta, google, tiktok
	run_id text NOT NULL,
	pages_seen bigint NOT NULL DEFAULT 0,
	pages_total bigint, -- known with sync.finished
	data_through timestamptz,
	updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	done_at timestamptz,
	PRIMARY KEY (tenant_id, brand_id, source, run_id)
);
CREATE INDEX run_progress_open ON run_progress (tenant_id, brand_id) WHERE done_at IS NULL;

CREATE TABLE freshness (
	tenant_id uuid NOT NULL,
	brand_id uuid NOT NULL,
	source text NOT NULL, -- also touchpoints
	synced_at timestamptz NOT NULL,
	data_through timestamptz,
	PRIMARY KEY (tenant_id, brand_id, source)
);

-- Visits that did not convert, from the import. The key is the identity of a visit, led by time.
CREATE TABLE visits (
	tenant_id uuid NOT NULL,
	brand_id uuid NOT NULL,
	occurred_at timestamptz NOT NULL,
	visitor_id text NOT NULL,
	position int NOT NULL,
	source text NOT NULL,
	source_type text NOT NULL,
	medium text NOT NULL,
	campaign text NOT NULL,
	content text NOT NULL,
	term text NOT NULL,
	landing_page text NOT NULL,
	referrer text NOT NULL,
	PRIMARY KEY (tenant_id, brand_id, occurred_at, visitor_id, position)
);
CREATE TABLE imports (
	tenant_id uuid NOT NULL,
	brand_id uuid NOT NULL,
	import_key text NOT NULL,
	next_line bigint NOT NULL, -- lines of the body that are settled
	first_line_hash bytea NOT NULL, -- tells another body under the same key
	updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (tenant_id, brand_id, import_key)
);

DO $$
DECLARE
	app text := current_schema() || '_app';
	scope text := '(tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::uuid AND (coalesce(current_setting(''app.brand_ids'', true), '''') = '''' OR brand_id = ANY (string_to_array(current_setting(''app.brand_ids'', true), '','')::uuid[])))';
	t text;
BEGIN
	FOREACH t IN ARRAY ARRAY['brands', 'touch_kinds', 'orders', 'credit_days', 'campaigns', 'campaign_names', 'ad_spend',
		'run_progress', 'freshness', 'visits', 'imports'] LOOP
		EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
		EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
		EXECUTE format('CREATE POLICY app_own ON %I TO %I USING %s WITH CHECK %s', t, app, scope, scope);
		EXECUTE format('GRANT SELECT, INSERT, UPDATE ON %I TO %I', t, app);
	END LOOP;
	EXECUTE format('GRANT DELETE ON campaign_names, run_progress, imports TO %I', app);
END $$;
