-- What AI calls may cost and did cost. Amounts are nano-dollars (billionths of a US dollar) in bigint. Days and months are UTC's.
-- token_billing_app changes nothing by itself but budgets and brands: holds, counters and the ledger are written by the functions at
-- the end, which run as token_billing_owner and are bound to the tenant (and brands) in scope by row-level security like everybody.

-- Prices belong to no tenant: they are the model makers' published ones, the same for all, and hold nothing of anybody.
-- A version is never changed; a newer one holds from its effective_from on.
CREATE TABLE prices (
	price_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	provider text NOT NULL,
	model text NOT NULL CHECK (model <> ''),
	kind text NOT NULL CHECK (kind IN ('input', 'cache_read', 'cache_write_5m', 'cache_write_1h', 'output')),
	effective_from timestamptz NOT NULL,
	nano_usd_per_mtok bigint CHECK (nano_usd_per_mtok >= 0), -- per million tokens; NULL: from then on nobody knows
	source text NOT NULL,
	loaded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	CONSTRAINT prices_version UNIQUE (model, kind, effective_from)
);

-- Brands that auth has confirmed once; brands are never deleted.
CREATE TABLE brands (
	brand_id uuid PRIMARY KEY,
	tenant_id uuid NOT NULL
);

-- The nil UUID in brand_id stands for the whole tenant, here and in spend and crossings.
CREATE TABLE budgets (
	tenant_id uuid NOT NULL,
	brand_id uuid NOT NULL,
	period text NOT NULL CHECK (period IN ('day', 'month')),
	soft_nano bigint CHECK (soft_nano >= 0),
	hard_nano bigint CHECK (hard_nano >= soft_nano AND hard_nano >= 0),
	version bigint NOT NULL DEFAULT 1,
	updated_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (tenant_id, brand_id, period)
);

-- What a period has used and holds, for every tenant and brand with a call, whether it has a budget or not. Its rows are what calls
-- queue for; everybody locks them in the order of the key, so nobody waits in a circle. Room on the page keeps updates in place.
CREATE TABLE spend (
	tenant_id uuid NOT NULL,
	brand_id uuid NOT NULL,
	period text NOT NULL CHECK (period IN ('day', 'month')),
	period_start date NOT NULL,
	used_nano bigint NOT NULL DEFAULT 0 CHECK (used_nano >= 0), -- the sum of the ledger's costs
	held_nano bigint NOT NULL DEFAULT 0 CHECK (held_nano >= 0), -- the sum of the reservations that are held
	PRIMARY KEY (tenant_id, brand_id, period, period_start)
) WITH (fillfactor = 50);

-- A limit that was reached: once for each budget, period and level. The keeper tells of it.
CREATE TABLE crossings (
	tenant_id uuid NOT NULL,
	brand_id uuid NOT NULL,
	period text NOT NULL,
	period_start date NOT NULL,
	level text NOT NULL CHECK (level IN ('soft', 'hard')),
	limit_nano bigint NOT NULL,
	used_nano bigint NOT NULL, -- what was used; of a call that was refused, with what it could have cost
	version bigint NOT NULL, -- the budget's
	crossed_at timestamptz NOT NULL DEFAULT now(),
	told_at timestamptz,
	PRIMARY KEY (tenant_id, brand_id, period, period_start, level)
);
CREATE INDEX crossings_untold ON crossings (tenant_id) WHERE told_at IS NULL;

CREATE TABLE reservations (
	tenant_id uuid NOT NULL,
	reservation_id uuid NOT NULL,
	brand_id uuid NOT NULL,
	user_id text NOT NULL,
	question_id uuid,
	model text NOT NULL,
	tokens bigint[] NOT NULL CHECK (cardinality(tokens) = 5), -- the estimate: input, cache read, write 5 m, write 1 h, output
	held_nano bigint, -- NULL: unpriced
	reserved_at timestamptz NOT NULL DEFAULT now(),
	day date NOT NULL, -- whose spend holds it
	expires_at timestamptz NOT NULL,
	state text NOT NULL DEFAULT 'held' CHECK (state IN ('held', 'settled', 'released', 'expired')),
	PRIMARY KEY (tenant_id, reservation_id)
);
CREATE INDEX reservations_held ON reservations (expires_at) WHERE state = 'held';
CREATE INDEX reservations_held_of ON reservations (tenant_id) WHERE state = 'held';
CREATE INDEX reservations_expired_of ON reservations (tenant_id, reserved_at) WHERE state = 'expired';

-- Written, never changed: see the trigger. UNIQUE is what makes a second settlement impossible.
CREATE TABLE ledger (
	usage_id uuid PRIMARY KEY,
	tenant_id uuid NOT NULL,
	reservation_id uuid NOT NULL,
	brand_id uuid NOT NULL,
	user_id text NOT NULL,
	question_id uuid,
	model text NOT NULL, -- the one that answered
	tokens bigint[] NOT NULL CHECK (cardinality(tokens) = 5),
	price_ids bigint[] NOT NULL CHECK (cardinality(price_ids) = 5), -- the versions that made the cost; NULL: no token of the kind, or no rate
	cost_nano bigint CHECK (cost_nano >= 0), -- NULL: unpriced
	provider_request_id text NOT NULL,
	used_at timestamptz NOT NULL,
	recorded_at timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT ledger_once UNIQUE (tenant_id, reservation_id)
);
CREATE INDEX ledger_used ON ledger (tenant_id, used_at);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION '% is append only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON prices FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Who sees what. The owner's functions must hold a brand's call against the tenant's budget even for a caller who is limited to that
-- brand, so budgets, spend and crossings are bound to the tenant only there; the service itself sees a tenant's row in an unlimited scope only.
DO $$
DECLARE
	t text;
	tenant text := 'tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::uuid';
	brand text := '(coalesce(current_setting(''app.brand_ids'', true), '''') = '''' OR brand_id = ANY (string_to_array(current_setting(''app.brand_ids'', true), '','')::uuid[]))';
BEGIN
	FOREACH t IN ARRAY ARRAY['brands', 'budgets', 'spend', 'crossings', 'reservations', 'ledger'] LOOP
		EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
		EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
		EXECUTE format('CREATE POLICY app_own ON %I TO token_billing_app USING (%s AND %s) WITH CHECK (%s AND %s)', t, tenant, brand, tenant, brand);
		IF t IN ('budgets', 'spend', 'crossings') THEN
			EXECUTE format('CREATE POLICY owner_own ON %I TO token_billing_owner USING (%s) WITH CHECK (%s)', t, tenant, tenant);
		ELSE
			EXECUTE format('CREATE POLICY owner_own ON %I TO token_billing_owner USING (%s AND %s) WITH CHECK (%s AND %s)', t, tenant, brand, tenant, brand);
		END IF;
	END LOOP;
	-- The keeper only has to know whose turn it is.
	CREATE POLICY worker_due ON crossings FOR SELECT TO token_billing_worker USING (true);
	CREATE POLICY worker_due ON reservations FOR SELECT TO token_billing_worker USING (true);
END $$;
GRANT SELECT ON prices, spend, reservations, ledger TO token_billing_app;
GRANT SELECT, INSERT ON brands TO token_billing_app;
GRANT SELECT, INSERT, UPDATE ON budgets TO token_billing_app;
GRANT SELECT, INSERT ON prices TO token_billing_worker;
GRANT SELECT (tenant_id, told_at) ON crossings TO token_billing_worker;
GRANT SELECT (tenant_id, state, expires_at) ON reservations TO token_billing_worker;
