-- Connections, products, orders and journeys of Shopify. Every table belongs to a tenant and a brand.

-- What a brand gave us to speak for it, sealed (libs/svc/seal.h), never in a log. A brand has one shop.
CREATE TABLE connections (
	connection_id uuid NOT NULL UNIQUE,
	tenant_id uuid NOT NULL,
	brand_id uuid PRIMARY KEY,
	shop_domain text NOT NULL,
	name text NOT NULL,
	currency text NOT NULL,
	-- IANA; the shop's days are cut in it, so a zone that PostgreSQL does not know is refused here.
	timezone text NOT NULL CHECK ((timestamptz 'epoch' AT TIME ZONE timezone) IS NOT NULL),
	access_sealed text NOT NULL,
	refresh_sealed text NOT NULL, -- rotates with each refresh, always together with the access token
	access_expires_at timestamptz NOT NULL, -- by the provider's clock
	state text NOT NULL DEFAULT 'connected' CHECK (state IN ('connected', 'reconnect')),
	connected_at timestamptz NOT NULL DEFAULT now(),
	synced_at timestamptz, -- our clock when the reports held the last good run
	orders_since timestamptz -- the provider's clock when the last good run began; NULL: never
);
CREATE INDEX connections_tenant ON connections (tenant_id);

CREATE TABLE products (
	tenant_id uuid NOT NULL,
	brand_id uuid NOT NULL,
	variant_id text NOT NULL, -- opaque, as all ids of the provider
	product_id text NOT NULL,
	sku text NOT NULL,
	title text NOT NULL,
	product_type text NOT NULL,
	currency text NOT NULL,
	price_micros bigint NOT NULL,
	cost_currency text NOT NULL,
	cost_micros bigint, -- NULL: the shop does not know it
	inventory_quantity int NOT NULL, -- may be negative: oversold
	updated_at timestamptz NOT NULL,
	content_hash text NOT NULL, -- of everything but the stock
	version bigint NOT NULL DEFAULT 1,
	content_version bigint NOT NULL DEFAULT 1, -- version in which something but the stock changed
	stock_version bigint NOT NULL DEFAULT 1,   -- version in which the stock changed
	row_no bigint GENERATED ALWAYS AS IDENTITY,
	PRIMARY KEY (brand_id, variant_id)
);
-- Titles may be longer than an index row: lists are sorted by their beginning.
CREATE INDEX products_brand_title ON products (brand_id, left(title, 60), row_no);
CREATE INDEX products_title ON products (tenant_id, left(title, 60), row_no);

CREATE TABLE orders (
	tenant_id uuid NOT NULL,
	brand_id uuid NOT NULL,
	order_id text NOT NULL,
	name text NOT NULL,
	created_at timestamptz NOT NULL,
	processed_at timestamptz NOT NULL,
	updated_at timestamptz NOT NULL,
	day date NOT NULL, -- of processed_at in the shop's zone
	financial_status text NOT NULL,
	cancelled_at timestamptz,
	test boolean NOT NULL,
	counts boolean NOT NULL, -- false: cancelled, test or voided; in no figure
	customer_id text NOT NULL,
	country text NOT NULL,
	currency text NOT NULL,
	gross_micros bigint NOT NULL,  -- sum of the lines' totals
	refunds_micros bigint NOT NULL, -- sum of the refunds
	content_hash text NOT NULL,    -- of the order, its lines and refunds
	journey_hash text NOT NULL,    -- of its touches
	journey_ready boolean NOT NULL, -- false: Shopify still builds the journey; asked again in later runs
	journey_tries int NOT NULL DEFAULT 0,
	version bigint NOT NULL DEFAULT 1,
	row_no bigint GENERATED ALWAYS AS IDENTITY UNIQUE, -- short enough for a page token
	PRIMARY KEY (brand_id, order_id)
);
CREATE INDEX orders_newest ON orders (brand_id, processed_at DESC, order_id DESC);
CREATE INDEX orders_unready ON orders (brand_id, order_id) WHERE NOT journey_ready;

-- Children are replaced as a whole with their order, in its transaction; so there is no foreign key to pay for on each line.
CREATE TABLE order_lines (
	tenant_id uuid NOT NULL,
	brand_id uuid NOT NULL,
	order_id text NOT NULL,
	position int NOT NULL,
	line_id text NOT NULL,
	variant_id text NOT NULL, -- empty: of no variant, or of one that is gone
	sku text NOT NULL,
	title text NOT NULL,
	quantity int NOT NULL,
	unit_price_micros bigint NOT NULL,
	discount_micros bigint NOT NULL,
	total_micros bigint NOT NULL,
	PRIMARY KEY (brand_id, order_id, position)
);
CREATE TABLE refunds (
	tenant_id uuid NOT NULL,
	brand_id uuid NOT NULL,
	order_id text NOT NULL,
	refund_id text NOT NULL,
	created_at timestamptz NOT NULL,
	amount_micros bigint NOT NULL,
	PRIMARY KEY (brand_id, order_id, refund_id)
);
CREATE TABLE touches (
	tenant_id uuid NOT NULL,
	brand_id uuid NOT NULL,
	order_id text NOT NULL,
	position int NOT NULL, -- 1 is the first
	occurred_at timestamptz NOT NULL,
	source text NOT NULL,
	source_type text NOT NULL,
	medium text NOT NULL,
	campaign text NOT NULL,
	content text NOT NULL,
	term text NOT NULL,
	landing_page text NOT NULL,
	referrer text NOT NULL,
	PRIMARY KEY (brand_id, order_id, position)
);

DO $$
DECLARE
	t text;
	app text := current_schema() || '_app';
	rule text := 'tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::uuid'
		' AND (coalesce(current_setting(''app.brand_ids'', true), '''') = '''''
		' OR brand_id = ANY (string_to_array(current_setting(''app.brand_ids'', true), '','')::uuid[]))';
BEGIN
	FOREACH t IN ARRAY ARRAY['connections', 'products', 'orders', 'order_lines', 'refunds', 'touches'] LOOP
		EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
		EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
		EXECUTE format('CREATE POLICY app_own ON %I TO %I USING (%s) WITH CHECK (%s)', t, app, rule, rule);
		EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO %I', t, app);
	END LOOP;
END $$;
