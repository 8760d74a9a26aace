-- Events: what happened in a tenant, requests and business events alike. A partition for each UTC day, so that old days go whole.

CREATE TABLE events (
	tenant_id uuid NOT NULL, -- the nil UUID: a request of nobody known, or of an operator
	at timestamptz NOT NULL, -- when it began
	-- Its span: eight random bytes, so it tells events of the same microsecond apart, and no row needs another id.
	span_id bigint NOT NULL,
	parent_span_id bigint, -- NULL: the first of its trace
	trace_id uuid,
	brand_id uuid, -- NULL: of no single brand
	duration_us int NOT NULL DEFAULT 0,
	database_us int NOT NULL DEFAULT 0,
	request_bytes int NOT NULL DEFAULT 0,
	response_bytes int NOT NULL DEFAULT 0,
	category smallint NOT NULL, -- observability.v1.Category
	http_status smallint NOT NULL DEFAULT 0,
	service text NOT NULL,
	action text NOT NULL,
	status text NOT NULL DEFAULT '',
	user_id text NOT NULL DEFAULT '',
	request_id text NOT NULL DEFAULT '',
	subject text NOT NULL DEFAULT '',
	detail text NOT NULL DEFAULT ''
) PARTITION BY RANGE (at);
-- Keys grow with time within a tenant, so an insert touches few pages. What is no request is rare and is looked for across months.
CREATE INDEX events_time ON events (tenant_id, at);
CREATE INDEX events_user ON events (tenant_id, user_id, at);
CREATE INDEX events_trace ON events (trace_id);
CREATE INDEX events_business ON events (tenant_id, category, at) WHERE category <> 1;

ALTER TABLE events ENABLE ROW LEVEL SECURITY;
ALTER TABLE events FORCE ROW LEVEL SECURITY;
-- A caller who is limited to brands sees their rows and those of no brand.
CREATE POLICY app_own ON events TO observability_app
	USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid
		AND (brand_id IS NULL OR coalesce(current_setting('app.brand_ids', true), '') = ''
			OR brand_id = ANY (string_to_array(current_setting('app.brand_ids', true), ',')::uuid[])));
-- Telemetry is of all tenants, many in a transaction: the worker writes it and cannot read it.
CREATE POLICY worker_write ON events FOR INSERT TO observability_worker WITH CHECK (true);
GRANT SELECT, INSERT ON events TO observability_app;
GRANT INSERT ON events TO observability_worker;

-- The day's partition, made when it is not there. Nobody is granted anything on it: rows go and come through `events` and its policies.
-- Attached, not made in place: that takes a lock on `events` which readers and writers do not notice.
CREATE FUNCTION events_make_day(p_day date) RETURNS boolean
LANGUAGE plpgsql SET search_path = observability, pg_temp AS $$
DECLARE
	name text := 'events_' || to_char(p_day, 'YYYYMMDD');
BEGIN
	IF to_regclass('observability.' || name) IS NOT NULL THEN
		RETURN false;
	END IF;
	EXECUTE format('CREATE TABLE %I (LIKE events INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name);
	EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
	EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
	EXECUTE format('ALTER TABLE events ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name,
		to_char(p_day, 'YYYY-MM-DD') || ' 00:00:00+00', to_char(p_day + 1, 'YYYY-MM-DD') || ' 00:00:00+00');
	RETURN true;
END $$;

-- Makes the days from p_first to p_last; those beyond what is kept or the day after tomorrow are left out. How many were made.
CREATE FUNCTION events_make_days(p_first date, p_last date) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = observability, pg_temp AS $$
DECLARE
	today date := (now() AT TIME ZONE 'UTC')::date;
	day date;
	made int := 0;
BEGIN
	PERFORM pg_advisory_xact_lock(hashtextextended('observability.partitions', 0));
	FOR day IN SELECT generate_series(greatest(p_first, today - 90), least(p_last, today + 2), interval '1 day')::date LOOP
		IF events_make_day(day) THEN
			made := made + 1;
		END IF;
	END LOOP;
	RETURN made;
END $$;

-- Drops the days that are over for more than 90 days, whole. How many were dropped. A reader who holds the table for long is not
-- waited for: the next round does it.
CREATE FUNCTION events_drop_days() RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = observability, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
	today date := (now() AT TIME ZONE 'UTC')::date;
	part text;
	dropped int := 0;
BEGIN
	PERFORM pg_advisory_xact_lock(hashtextextended('observability.partitions', 0));
	FOR part IN SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
			WHERE i.inhparent = 'events'::regclass AND c.relname < 'events_' || to_char(today - 90, 'YYYYMMDD')
			ORDER BY c.relname LOOP
		EXECUTE format('DROP TABLE %I', part);
		dropped := dropped + 1;
	END LOOP;
	RETURN dropped;
END $$;

REVOKE ALL ON FUNCTION events_make_day, events_make_days, events_drop_days FROM PUBLIC;
GRANT EXECUTE ON FUNCTION events_make_days, events_drop_days TO observability_worker;
