-- Holds, counters and the ledger. All run as token_billing_owner, in the scope of the transaction, with the search_path pinned.

CREATE FUNCTION scope_tenant() RETURNS uuid
LANGUAGE sql STABLE AS $$ SELECT nullif(current_setting('app.tenant_id', true), '')::uuid $$;

-- Adds to what days hold and have used, each with its month, for a brand and its tenant; rows in the order of their key.
CREATE FUNCTION spend_move(p_brands uuid[], p_days date[], p_held bigint[], p_used bigint[]) RETURNS void
LANGUAGE plpgsql SET search_path = token_billing, pg_temp AS $$
DECLARE
	nobody constant uuid := '00000000-0000-0000-0000-000000000000';
	tenant constant uuid := scope_tenant();
	t record;
BEGIN
	FOR t IN
		SELECT k.brand, k.period, k.start, sum(m.held)::bigint AS held, sum(m.used)::bigint AS used
		FROM unnest(p_brands, p_days, p_held, p_used) AS m (brand, day, held, used)
		CROSS JOIN LATERAL (VALUES (nobody, 'day', m.day), (nobody, 'month', date_trunc('month', m.day)::date),
			(m.brand, 'day', m.day), (m.brand, 'month', date_trunc('month', m.day)::date)) AS k (brand, period, start)
		GROUP BY k.brand, k.period, k.start
		HAVING sum(m.held) <> 0 OR sum(m.used) <> 0
		ORDER BY k.brand, k.period, k.start
	LOOP
		UPDATE spend AS s SET held_nano = s.held_nano + t.held, used_nano = s.used_nano + t.used
		WHERE s.tenant_id = tenant AND s.brand_id = t.brand AND s.period = t.period AND s.period_start = t.start;
		IF NOT FOUND THEN
			INSERT INTO spend AS s (tenant_id, brand_id, period, period_start, used_nano, held_nano)
			VALUES (tenant, t.brand, t.period, t.start, t.used, t.held)
			ON CONFLICT (tenant_id, brand_id, period, period_start) DO UPDATE
			SET held_nano = s.held_nano + excluded.held_nano, used_nano = s.used_nano + excluded.used_nano;
		END IF;
	END LOOP;
END $$;

-- Notes the limits that what is used in the periods of p_day has reached, each once. True when one is new. Holds do not count: most of
-- a hold is given back, and who is told that a limit was reached, once, must be able to believe it.
CREATE FUNCTION crossings_note(p_brand uuid, p_day date) RETURNS boolean
LANGUAGE plpgsql SET search_path = token_billing, pg_temp AS $$
DECLARE
	tenant constant uuid := scope_tenant();
BEGIN
	INSERT INTO crossings (tenant_id, brand_id, period, period_start, level, limit_nano, used_nano, version)
	SELECT tenant, b.brand_id, b.period, s.period_start, l.level, l.limit_nano, s.used_nano, b.version
	FROM budgets AS b
	JOIN spend AS s ON s.tenant_id = tenant AND s.brand_id = b.brand_id AND s.period = b.period
		AND s.period_start = CASE b.period WHEN 'day' THEN p_day ELSE date_trunc('month', p_day)::date END
	CROSS JOIN LATERAL (VALUES ('soft', b.soft_nano), ('hard', b.hard_nano)) AS l (level, limit_nano)
	WHERE b.tenant_id = tenant AND b.brand_id IN ('00000000-0000-0000-0000-000000000000', p_brand)
		AND s.used_nano >= l.limit_nano
	ON CONFLICT DO NOTHING;
	RETURN FOUND;
END $$;

-- Holds p_held (NULL: unpriced) for ten minutes against the periods of now, all or none of them. Outcomes:
--   held      it is held, or was by the same request before
--   conflict  the id is another request's
--   stale     the caller's price book is not the newest: it must price again
--   no_brand  the brand was not confirmed yet
--   spent     what a hard budget has used leaves no room: whose ('tenant', 'brand'), its period, seconds until that ends
--   busy      it has room, but holds of others stand in the way: whose, its period, seconds until it is worth asking again
--   unpriced  nobody knows the cost, and a hard budget stands over it
CREATE FUNCTION reserve(p_book bigint, p_reservation uuid, p_brand uuid, p_user text, p_question uuid, p_model text,
	p_tokens bigint[], p_held bigint)
RETURNS TABLE (outcome text, held bigint, expires timestamptz, whose text, which text, wait_s bigint, noted boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = token_billing, pg_temp AS $$
DECLARE
	nobody constant uuid := '00000000-0000-0000-0000-000000000000';
	tenant constant uuid := scope_tenant();
	today constant date := (now() AT TIME ZONE 'UTC')::date;
	this_month constant date := date_trunc('month', today)::date;
	busy_wait_s constant bigint := 1;
	r reservations%ROWTYPE;
	s record;
	seen int;
	ends timestamptz;
	spent boolean;
	stopper record;
BEGIN
	noted := false;
	wait_s := 0;
	SELECT * INTO r FROM reservations AS x WHERE x.tenant_id = tenant AND x.reservation_id = p_reservation;
	IF NOT FOUND THEN
		IF p_book <> coalesce((SELECT max(price_id) FROM prices), 0) THEN
			outcome := 'stale';
			RETURN NEXT;
			RETURN;
		END IF;
		IF NOT EXISTS (SELECT FROM brands AS b WHERE b.brand_id = p_brand AND b.tenant_id = tenant) THEN
			outcome := 'no_brand';
			RETURN NEXT;
			RETURN;
		END IF;
		-- The second round finds what the first one made.
		FOR attempt IN 1..2 LOOP
			seen := 0;
			ends := NULL;
			FOR s IN
				SELECT x.brand_id, x.period, x.period_start, x.used_nano, x.held_nano, b.hard_nano, b.version,
					p_held IS NULL OR x.used_nano::numeric + p_held > b.hard_nano AS spent,
					(x.period_start + CASE x.period WHEN 'day' THEN interval '1 day' ELSE interval '1 month' END) AT TIME ZONE 'UTC' AS ends
				FROM (VALUES (nobody, 'day', today), (nobody, 'month', this_month), (p_brand, 'day', today),
					(p_brand, 'month', this_month)) AS k (brand, period, start)
				JOIN spend AS x ON x.tenant_id = tenant AND x.brand_id = k.brand AND x.period = k.period
					AND x.period_start = k.start
				LEFT JOIN budgets AS b ON b.tenant_id = tenant AND b.brand_id = k.brand AND b.period = k.period
				ORDER BY x.brand_id, x.period, x.period_start
				FOR UPDATE OF x
			LOOP
				seen := seen + 1;
				-- Of several that have no room, one that is spent; of those the one that stays so longest.
				IF s.hard_nano IS NOT NULL AND (s.spent OR s.used_nano::numeric + s.held_nano + p_held > s.hard_nano)
					AND (ends IS NULL OR (s.spent, s.ends) > (spent, ends)) THEN
					ends := s.ends;
					spent := s.spent;
					stopper := s;
				END IF;
			END LOOP;
			EXIT WHEN seen = 4;
			INSERT INTO spend (tenant_id, brand_id, period, period_start)
			SELECT tenant, k.brand, k.period, k.start
			FROM (VALUES (nobody, 'day', today), (nobody, 'month', this_month), (p_brand, 'day', today),
				(p_brand, 'month', this_month)) AS k (brand, period, start)
			ORDER BY k.brand, k.period, k.start
			ON CONFLICT DO NOTHING;
		END LOOP;
		IF ends IS NOT NULL THEN
			-- Not what it holds itself, where its twin was a moment faster.
			PERFORM FROM reservations AS x WHERE x.tenant_id = tenant AND x.reservation_id = p_reservation;
			IF NOT FOUND THEN
				IF p_held IS NOT NULL AND spent THEN
					INSERT INTO crossings (tenant_id, brand_id, period, period_start, level, limit_nano, used_nano, version)
					VALUES (tenant, stopper.brand_id, stopper.period, stopper.period_start, 'hard', stopper.hard_nano,
						stopper.used_nano, stopper.version)
					ON CONFLICT DO NOTHING;
					noted := FOUND;
				END IF;
				outcome := CASE WHEN p_held IS NULL THEN 'unpriced' WHEN spent THEN 'spent' ELSE 'busy' END;
				whose := CASE stopper.brand_id WHEN nobody THEN 'tenant' ELSE 'brand' END;
				which := stopper.period;
				wait_s := CASE WHEN spent THEN greatest(1, ceil(extract(epoch FROM ends - now())))::bigint ELSE busy_wait_s END;
				RETURN NEXT;
				RETURN;
			END IF;
		END IF;
		INSERT INTO reservations (tenant_id, reservation_id, brand_id, user_id, question_id, model, tokens, held_nano, day, expires_at)
		VALUES (tenant, p_reservation, p_brand, p_user, p_question, p_model, p_tokens, p_held, today, now() + interval '10 minutes')
		ON CONFLICT DO NOTHING
		RETURNING * INTO r;
		IF FOUND AND p_held > 0 THEN
			UPDATE spend AS x SET held_nano = x.held_nano + p_held
			FROM (VALUES (nobody, 'day', today), (nobody, 'month', this_month), (p_brand, 'day', today),
				(p_brand, 'month', this_month)) AS k (brand, period, start)
			WHERE x.tenant_id = tenant AND x.brand_id = k.brand AND x.period = k.period AND x.period_start = k.start;
		ELSIF r.reservation_id IS NULL THEN
			-- Its twin was a moment faster.
			SELECT * INTO r FROM reservations AS x WHERE x.tenant_id = tenant AND x.reservation_id = p_reservation;
		END IF;
	END IF;
	IF r.reservation_id IS NULL OR (r.brand_id, r.user_id, r.model, r.tokens, r.question_id)
		IS DISTINCT FROM (p_brand, p_user, p_model, p_tokens, p_question) THEN
		outcome := 'conflict';
	ELSE
		outcome := 'held';
		held := r.held_nano;
		expires := r.expires_at;
	END IF;
	RETURN NEXT;
END $$;

-- The ledger line in place of the hold. A second one breaks ledger_once, and the whole transaction with it. True when a limit was reached.
CREATE FUNCTION settle(p_usage uuid, p_reservation uuid, p_model text, p_tokens bigint[], p_prices bigint[], p_cost bigint,
	p_request text, p_used_at timestamptz)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = token_billing, pg_temp AS $$
DECLARE
	tenant constant uuid := scope_tenant();
	used_day constant date := (p_used_at AT TIME ZONE 'UTC')::date;
	r reservations%ROWTYPE;
BEGIN
	SELECT * INTO STRICT r FROM reservations AS x WHERE x.tenant_id = tenant AND x.reservation_id = p_reservation FOR UPDATE;
	INSERT INTO ledger (usage_id, tenant_id, reservation_id, brand_id, user_id, question_id, model, tokens, price_ids, cost_nano,
		provider_request_id, used_at)
	VALUES (p_usage, tenant, p_reservation, r.brand_id, r.user_id, r.question_id, p_model, p_tokens, p_prices, p_cost, p_request, p_used_at);
	UPDATE reservations AS x SET state = 'settled' WHERE x.tenant_id = tenant AND x.reservation_id = p_reservation;
	PERFORM spend_move(ARRAY[r.brand_id, r.brand_id], ARRAY[r.day, used_day],
		ARRAY[CASE r.state WHEN 'held' THEN -coalesce(r.held_nano, 0) ELSE 0 END, 0], ARRAY[0, coalesce(p_cost, 0)]);
	RETURN crossings_note(r.brand_id, used_day);
END $$;

-- Nothing was used: the hold is given back. Its ledger line, should there be one.
CREATE FUNCTION release(p_reservation uuid, p_brand uuid) RETURNS TABLE (usage_id uuid, cost_nano bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = token_billing, pg_temp AS $$
DECLARE
	tenant constant uuid := scope_tenant();
	r reservations%ROWTYPE;
BEGIN
	SELECT * INTO r FROM reservations AS x
	WHERE x.tenant_id = tenant AND x.reservation_id = p_reservation AND x.brand_id = p_brand FOR UPDATE;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	IF r.state IN ('held', 'expired') THEN
		UPDATE reservations AS x SET state = 'released' WHERE x.tenant_id = tenant AND x.reservation_id = p_reservation;
		IF r.state = 'held' THEN
			PERFORM spend_move(ARRAY[r.brand_id], ARRAY[r.day], ARRAY[-coalesce(r.held_nano, 0)], ARRAY[0::bigint]);
		END IF;
	END IF;
	RETURN QUERY SELECT l.usage_id, l.cost_nano FROM (SELECT 1) AS always
		LEFT JOIN ledger AS l ON l.tenant_id = tenant AND l.reservation_id = p_reservation;
END $$;

-- Gives back what was held too long, oldest first; a settlement that is under way is left alone.
CREATE FUNCTION expire(p_limit int) RETURNS TABLE (reservation_id uuid, brand_id uuid, model text, held_nano bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = token_billing, pg_temp AS $$
DECLARE
	tenant constant uuid := scope_tenant();
	ids uuid[];
	brands uuid[];
	days date[];
	held bigint[];
BEGIN
	SELECT array_agg(d.reservation_id), array_agg(d.brand_id), array_agg(d.day), array_agg(-coalesce(d.held_nano, 0))
	INTO ids, brands, days, held
	FROM (SELECT x.reservation_id, x.brand_id, x.day, x.held_nano FROM reservations AS x
		WHERE x.tenant_id = tenant AND x.state = 'held' AND x.expires_at <= now()
		ORDER BY x.expires_at LIMIT p_limit FOR UPDATE SKIP LOCKED) AS d;
	IF ids IS NULL THEN
		RETURN;
	END IF;
	PERFORM spend_move(brands, days, held, array_fill(0::bigint, ARRAY[cardinality(ids)]));
	RETURN QUERY UPDATE reservations AS x SET state = 'expired' WHERE x.tenant_id = tenant AND x.reservation_id = ANY (ids)
		RETURNING x.reservation_id, x.brand_id, x.model, coalesce(x.held_nano, 0);
END $$;

-- Crossings nobody was told of yet; in the caller's transaction they are.
CREATE FUNCTION crossings_take(p_limit int)
RETURNS TABLE (brand_id uuid, period text, level text, limit_nano bigint, used_nano bigint, version bigint)
LANGUAGE sql SECURITY DEFINER SET search_path = token_billing, pg_temp AS $$
	UPDATE crossings AS c SET told_at = now()
	FROM (SELECT x.brand_id, x.period, x.period_start, x.level FROM crossings AS x
		WHERE x.tenant_id = scope_tenant() AND x.told_at IS NULL
		ORDER BY x.crossed_at LIMIT p_limit FOR UPDATE SKIP LOCKED) AS d
	WHERE c.tenant_id = scope_tenant() AND (c.brand_id, c.period, c.period_start, c.level) = (d.brand_id, d.period, d.period_start, d.level)
	RETURNING c.brand_id, c.period, c.level, c.limit_nano, c.used_nano, c.version
$$;

REVOKE ALL ON FUNCTION spend_move, crossings_note, reserve, settle, release, expire, crossings_take FROM PUBLIC;
GRANT EXECUTE ON FUNCTION reserve, settle, release, expire, crossings_take TO token_billing_app;
