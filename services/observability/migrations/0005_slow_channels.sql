-- A receiver that answers only after more than a sender's turn is among those that get some of the senders, like one that fails.
ALTER TABLE alert_channels ADD COLUMN slow boolean NOT NULL DEFAULT false; -- at the last attempt

DO $$
BEGIN
	EXECUTE format('GRANT SELECT (slow) ON alert_channels TO %I', current_schema() || '_worker');
END $$;
