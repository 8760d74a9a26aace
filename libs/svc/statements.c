/* All SQL of the runtime. Tables: libs/svc/migrations. */
#include "svc/svc_priv.h"

const struct db_stmt svc_app_statements[] = {
	{ "svc_outbox_add", "INSERT INTO outbox (event_id, tenant_id, subject, headers, payload)"
			    " VALUES ($1, $2::uuid, $3, $4, $5)" },
	/* RETURNING tells which events are new; a duplicate has an inbox row already. */
	{ "svc_inbox_add", "INSERT INTO inbox (consumer, event_id, tenant_id)"
			   " SELECT $1, e, $3::uuid FROM unnest($2::text[]) AS e ORDER BY e"
			   " ON CONFLICT DO NOTHING RETURNING event_id" },
	{ "svc_idempotency_find", "SELECT request_hash, reply FROM idempotency"
				  " WHERE tenant_id = $1::uuid AND caller = $2 AND method = $3"
				  " AND key = $4" },
	{ "svc_idempotency_add",
	  "INSERT INTO idempotency (tenant_id, caller, method, key, request_hash, reply)"
	  " VALUES ($1::uuid, $2, $3, $4, $5, $6)" },
	{ NULL, NULL },
};

const struct db_stmt svc_worker_statements[] = {
	{ "svc_relay_lock",
	  "SELECT pg_try_advisory_xact_lock(hashtextextended('relay:' || current_schema(), 0))" },
	/* At most $1 rows and about $2 bytes, oldest first. */
	{ "svc_relay_claim",
	  "SELECT position, event_id, subject, headers, payload FROM ("
	  " SELECT *, sum(length(payload)) OVER (ORDER BY position) - length(payload) AS before"
	  " FROM (SELECT position, event_id, subject, headers, payload FROM outbox"
	  "  WHERE sent_at IS NULL ORDER BY position LIMIT $1) AS head"
	  ") AS sized WHERE before < $2 ORDER BY position" },
	{ "svc_relay_sent", "UPDATE outbox AS o SET sent_at = clock_timestamp(), stream_seq = s.seq"
			    " FROM unnest($1::bigint[], $2::bigint[]) AS s (position, seq)"
			    " WHERE o.position = s.position" },
	{ "svc_relay_last", "SELECT event_id, stream_seq FROM outbox WHERE sent_at IS NOT NULL"
			    " AND created_at > now() - interval '6 days'"
			    " ORDER BY stream_seq DESC LIMIT 1" },
	{ "svc_relay_resend", "UPDATE outbox SET sent_at = NULL, stream_seq = NULL"
			      " WHERE sent_at IS NOT NULL" },
	{ "svc_keep_outbox", "DELETE FROM outbox WHERE position IN (SELECT position FROM outbox"
			     " WHERE created_at < now() - $1 * interval '1 day'"
			     " AND sent_at IS NOT NULL LIMIT 5000)" },
	/* Longer than any outbox keeps an event. */
	{ "svc_keep_inbox", "DELETE FROM inbox WHERE ctid IN (SELECT ctid FROM inbox"
			    " WHERE received_at < now() - 2 * $1 * interval '1 day' LIMIT 5000)" },
	{ "svc_keep_idempotency",
	  "DELETE FROM idempotency WHERE ctid IN (SELECT ctid FROM idempotency"
	  " WHERE created_at < now() - $1 * interval '1 day' LIMIT 5000)" },
	{ NULL, NULL },
};
