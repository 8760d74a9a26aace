-- Look-ups before a tenant is known, and the only ways to the tables that have none. Each answers one narrow question; all run
-- as auth_owner with the search_path pinned; 0002_access.sql says which tables that role may read.

-- Everything a login needs, in one look: one row for a stranger, one per membership for a user.
CREATE FUNCTION login_lookup(p_email text, p_key bytea)
RETURNS TABLE (user_id uuid, password_hash text, locked_s int, tenant_id uuid, role text, brand_ids text, tier text, suspended boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = auth, pg_temp AS $$
	SELECT u.user_id, u.password_hash,
		coalesce((SELECT greatest(0, ceil(extract(epoch FROM f.locked_until - clock_timestamp())))::int
			FROM login_failures AS f WHERE f.key = p_key), 0),
		m.tenant_id, m.role, array_to_string(m.brand_ids, ','), t.tier, t.state = 'suspended'
	FROM (SELECT 1) AS always
	LEFT JOIN users AS u ON u.email = p_email
	LEFT JOIN memberships AS m ON m.user_id = u.user_id
	LEFT JOIN tenants AS t ON t.tenant_id = m.tenant_id
	ORDER BY m.tenant_id LIMIT 1000
$$;

-- Counts a wrong password and answers the seconds to wait: from the fifth on 1, 2, 4 ... 900. A day without one forgets.
-- Writes the same for a stranger as for a user, so that neither rows nor time tell them apart.
CREATE FUNCTION login_failed(p_key bytea, p_user text, p_request text) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = auth, pg_temp AS $$
DECLARE
	n int;
	wait_s int := 0;
BEGIN
	INSERT INTO login_failures AS f (key, failures, last_at) VALUES (p_key, 1, clock_timestamp())
	ON CONFLICT (key) DO UPDATE SET
		failures = CASE WHEN f.last_at < clock_timestamp() - interval '1 day' THEN 1 ELSE f.failures + 1 END,
		last_at = clock_timestamp()
	RETURNING failures INTO n;
	IF n >= 5 THEN
		wait_s := least(900, power(2, least(n - 5, 10)))::int;
		UPDATE login_failures SET locked_until = clock_timestamp() + wait_s * interval '1 second' WHERE key = p_key;
	END IF;
	INSERT INTO audit_log (tenant_id, actor, act, target, request_id, at)
	VALUES ('00000000-0000-0000-0000-000000000000', '', 'login.failed', p_user, p_request, clock_timestamp());
	RETURN wait_s;
END $$;

-- The right password from this address: its earlier failures are forgotten, those from other addresses are not.
CREATE FUNCTION login_passed(p_key bytea) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = auth, pg_temp AS $$
	DELETE FROM login_failures WHERE key = p_key
$$;

-- The user with this address: made with the id and hash given, or found, keeping the password.
CREATE FUNCTION user_put(p_user uuid, p_email text, p_hash text) RETURNS uuid
LANGUAGE sql SECURITY DEFINER SET search_path = auth, pg_temp AS $$
	INSERT INTO users (user_id, email, password_hash) VALUES (p_user, p_email, p_hash)
	ON CONFLICT (email) DO UPDATE SET email = excluded.email
	RETURNING user_id
$$;

-- Users of the tenant in scope, and of no other, by address.
CREATE FUNCTION tenant_users(p_after text, p_limit int)
RETURNS TABLE (user_id uuid, email text, role text, brand_ids text, created_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = auth, pg_temp AS $$
	SELECT u.user_id, u.email, m.role, array_to_string(m.brand_ids, ','), m.created_at
	FROM memberships AS m JOIN users AS u ON u.user_id = m.user_id
	WHERE m.tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid AND u.email > p_after
	ORDER BY u.email LIMIT p_limit
$$;

-- Whose refresh token this is, and what that user may do now.
CREATE FUNCTION refresh_lookup(p_hash bytea)
RETURNS TABLE (tenant_id uuid, session_id uuid, user_id uuid, generation bigint, role text, brand_ids text, tier text, suspended boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = auth, pg_temp AS $$
	SELECT r.tenant_id, r.session_id, s.user_id, r.generation, m.role, array_to_string(m.brand_ids, ','),
		t.tier, t.state = 'suspended'
	FROM refresh_tokens AS r
	JOIN sessions AS s ON s.session_id = r.session_id
	JOIN memberships AS m ON m.tenant_id = s.tenant_id AND m.user_id = s.user_id
	JOIN tenants AS t ON t.tenant_id = s.tenant_id
	WHERE r.token_hash = p_hash
$$;

CREATE FUNCTION operator_lookup(p_hash bytea) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = auth, pg_temp AS $$
	SELECT operator_id FROM operators WHERE key_hash = p_hash AND retired_at IS NULL
$$;

-- Makes an operator: the first, or with p_more another. False when there is one already.
CREATE FUNCTION operator_add(p_operator uuid, p_hash bytea, p_more boolean) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = auth, pg_temp AS $$
BEGIN
	LOCK TABLE operators IN EXCLUSIVE MODE;
	IF NOT p_more AND EXISTS (SELECT FROM operators WHERE retired_at IS NULL) THEN
		RETURN false;
	END IF;
	INSERT INTO operators (operator_id, key_hash) VALUES (p_operator, p_hash);
	INSERT INTO audit_log (tenant_id, actor, act, target, request_id, at)
	VALUES ('00000000-0000-0000-0000-000000000000', '', 'operator.created', p_operator, '', clock_timestamp());
	RETURN true;
END $$;

-- What changes for those who hold the state: the version, once per transaction and last, because its row is everybody's.
CREATE FUNCTION access_bump() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = auth, pg_temp AS $$
	UPDATE access_version SET version = version + 1
$$;

-- The key that signs.
CREATE FUNCTION signing_key() RETURNS TABLE (kid text, private_sealed text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = auth, pg_temp AS $$
	SELECT kid, private_sealed FROM signing_keys WHERE retired_at IS NULL
$$;

-- Makes this the signing key, unless the present one is younger than p_age_s seconds. A retired key stays published for twice
-- the 900 s of an access token: a copy of auth that has not heard yet may still sign with it.
CREATE FUNCTION signing_key_rotate(p_kid text, p_public text, p_sealed text, p_age_s bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = auth, pg_temp AS $$
BEGIN
	LOCK TABLE signing_keys IN EXCLUSIVE MODE;
	IF EXISTS (SELECT FROM signing_keys WHERE retired_at IS NULL
			AND created_at > clock_timestamp() - p_age_s * interval '1 second') THEN
		RETURN false;
	END IF;
	DELETE FROM signing_keys WHERE retired_at < clock_timestamp() - interval '1800 seconds';
	UPDATE signing_keys SET retired_at = clock_timestamp() WHERE retired_at IS NULL;
	INSERT INTO signing_keys (kid, public_pem, private_sealed) VALUES (p_kid, p_public, p_sealed);
	UPDATE access_version SET version = version + 1;
	INSERT INTO audit_log (tenant_id, actor, act, target, request_id, at)
	VALUES ('00000000-0000-0000-0000-000000000000', 'auth', 'signing_key.rotated', p_kid, '', clock_timestamp());
	RETURN true;
END $$;

-- The access state, from one snapshot: version; published keys; suspended tenants; sessions that ended while their access tokens
-- could still live (900 s, and a minute for clocks that disagree). The newest come first: where a limit cuts, the oldest tokens are nearly dead.
CREATE FUNCTION access_state(p_suspended_max int, p_ended_max int) RETURNS TABLE (kind text, id text, pem text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = auth, pg_temp AS $$
	SELECT 'version', version::text, NULL FROM access_version
	UNION ALL
	SELECT 'key', kid, public_pem FROM signing_keys
	WHERE retired_at IS NULL OR retired_at > clock_timestamp() - interval '1800 seconds'
	UNION ALL
	(SELECT 'suspended', tenant_id::text, NULL FROM tenants
	WHERE suspended_at IS NOT NULL ORDER BY suspended_at DESC LIMIT p_suspended_max)
	UNION ALL
	(SELECT 'ended', session_id::text, NULL FROM sessions
	WHERE ended_at > clock_timestamp() - interval '960 seconds' ORDER BY ended_at DESC LIMIT p_ended_max)
$$;

REVOKE ALL ON FUNCTION login_lookup, login_failed, login_passed, user_put, tenant_users, refresh_lookup, operator_lookup,
	operator_add, access_bump, signing_key, signing_key_rotate, access_state FROM PUBLIC;
GRANT EXECUTE ON FUNCTION login_lookup, login_failed, login_passed, user_put, tenant_users, refresh_lookup, operator_lookup,
	access_bump, signing_key, access_state TO auth_app;
GRANT EXECUTE ON FUNCTION operator_add, signing_key_rotate TO auth_worker;
