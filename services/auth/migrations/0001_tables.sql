-- Who somebody is and what they may see. Policies and grants: 0002_access.sql. Functions: 0003_functions.sql.
CREATE TABLE tenants (
	tenant_id uuid PRIMARY KEY,
	name text NOT NULL,
	tier text NOT NULL CHECK (tier IN ('standard', 'growth', 'unlimited')),
	state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'suspended')),
	suspended_at timestamptz, -- NULL: active
	version bigint NOT NULL DEFAULT 1,
	created_at timestamptz NOT NULL,
	CHECK ((state = 'suspended') = (suspended_at IS NOT NULL))
);
CREATE INDEX tenants_newest ON tenants (created_at DESC, tenant_id DESC);
CREATE INDEX tenants_suspended ON tenants (suspended_at) WHERE suspended_at IS NOT NULL;

-- One identity per address; what it may do in a tenant is a membership. No tenant: one person may work for several.
CREATE TABLE users (
	user_id uuid PRIMARY KEY,
	email text NOT NULL UNIQUE CHECK (email !~ '[A-Z]'),
	password_hash text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE memberships (
	tenant_id uuid NOT NULL REFERENCES tenants,
	user_id uuid NOT NULL REFERENCES users,
	role text NOT NULL CHECK (role IN ('viewer', 'analyst', 'admin')),
	brand_ids uuid[] NOT NULL DEFAULT '{}', -- empty: all brands of the tenant
	version bigint NOT NULL DEFAULT 1,
	created_at timestamptz NOT NULL,
	CONSTRAINT memberships_pkey PRIMARY KEY (tenant_id, user_id)
);
CREATE INDEX memberships_user ON memberships (user_id);

CREATE TABLE brands (
	brand_id uuid PRIMARY KEY,
	tenant_id uuid NOT NULL REFERENCES tenants,
	name text NOT NULL CHECK (name <> ''),
	domain text NOT NULL,
	currency text NOT NULL,
	timezone text NOT NULL,
	version bigint NOT NULL DEFAULT 1,
	created_at timestamptz NOT NULL,
	updated_at timestamptz NOT NULL,
	-- The parser takes "shop.acme-co.com" as one word; people search for its parts. The query is cut the same way.
	words tsvector NOT NULL GENERATED ALWAYS AS (
		to_tsvector('simple', translate(name || ' ' || domain, '.-_/:@', '      '))) STORED
);
-- The list in its order. Full-text search has no index: @@ is not leakproof, so under row-level security none would be
-- used; it filters the tenant's own brands, which are few.
CREATE INDEX brands_by_name ON brands (tenant_id, name, brand_id);

-- A login is a session; its refresh tokens are generations of one family.
CREATE TABLE sessions (
	session_id uuid PRIMARY KEY,
	tenant_id uuid NOT NULL,
	user_id uuid NOT NULL,
	generation bigint NOT NULL DEFAULT 1, -- of the newest refresh tokens
	rotated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	repeat_used boolean NOT NULL DEFAULT false, -- the one repeat of the generation before was taken
	created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	expires_at timestamptz NOT NULL, -- however busy
	good_until timestamptz NOT NULL, -- when idle; at most expires_at
	ended_at timestamptz,
	end_reason text CHECK (end_reason IN ('logout', 'reuse')),
	FOREIGN KEY (tenant_id, user_id) REFERENCES memberships
);
CREATE INDEX sessions_ended ON sessions (ended_at DESC) WHERE ended_at IS NOT NULL;
CREATE INDEX sessions_good_until ON sessions (good_until);

-- Every token a family ever had: an old one must be recognised, however old.
CREATE TABLE refresh_tokens (
	token_hash bytea PRIMARY KEY CHECK (octet_length(token_hash) = 32), -- SHA-256
	tenant_id uuid NOT NULL,
	session_id uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
	generation bigint NOT NULL
);
CREATE INDEX refresh_tokens_session ON refresh_tokens (session_id);

-- Written, never changed. The nil UUID stands for the platform: acts that belong to no tenant.
CREATE TABLE audit_log (
	position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	tenant_id uuid NOT NULL,
	actor text NOT NULL, -- user, operator or service; empty: a stranger
	act text NOT NULL,
	target text NOT NULL, -- an id or a service, never an address
	note text NOT NULL DEFAULT '', -- the reason given for a grant
	request_id text NOT NULL,
	at timestamptz NOT NULL
);
CREATE INDEX audit_log_tenant ON audit_log (tenant_id, at);

CREATE TABLE operators (
	operator_id uuid PRIMARY KEY,
	key_hash bytea NOT NULL UNIQUE CHECK (octet_length(key_hash) = 32), -- SHA-256 of 256 random bits
	created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	retired_at timestamptz -- a retired key opens nothing
);

-- One key signs; retired ones are published until no token of theirs can live.
CREATE TABLE signing_keys (
	kid text PRIMARY KEY,
	public_pem text NOT NULL,
	private_sealed text NOT NULL, -- libs/svc/seal.h, purpose "signing-key"
	created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	retired_at timestamptz
);
CREATE UNIQUE INDEX signing_keys_one_active ON signing_keys ((true)) WHERE retired_at IS NULL;

-- Wrong passwords by account and client address: SHA-256 of both, so that no address of a stranger is kept.
CREATE TABLE login_failures (
	key bytea PRIMARY KEY CHECK (octet_length(key) = 32),
	failures int NOT NULL,
	last_at timestamptz NOT NULL,
	locked_until timestamptz
);
CREATE INDEX login_failures_last ON login_failures (last_at);

-- Grows with every change of what AccessState tells. A row, not a sequence: its lock makes the order of versions the order of commits.
CREATE TABLE access_version (
	only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
	version bigint NOT NULL
);
INSERT INTO access_version (version) VALUES (1);
