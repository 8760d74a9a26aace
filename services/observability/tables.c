/*
 * Who answers which method and hears which event, and all statements. One line each, so that a
 * missing one is seen. Read next: the file that a line names.
 */
#include "service.h"

#include "alert.h"
#include "consumers.h"
#include "event.h"
#include "handlers.h"
#include "latency.h"
#include "partitions.h"
#include "store_alerts.h"
#include "store_channels.h"
#include "store_deliveries.h"
#include "store_samples.h"
#include "store_telemetry.h"

const struct observability_handlers observability_handlers = {
	.list_events = handle_list_events,
	.get_latency = handle_get_latency,
	.list_alert_rules = handle_list_alert_rules,
	.create_alert_rule = handle_create_alert_rule,
	.update_alert_rule = handle_update_alert_rule,
	.list_alerts = handle_list_alerts,
	.watch_alerts = handle_watch_alerts,
	.list_alert_channels = handle_list_alert_channels,
	.create_alert_channel = handle_create_alert_channel,
	.delete_alert_channel = handle_delete_alert_channel,
	.list_deliveries = handle_list_deliveries,
};

const struct observability_consumers observability_consumers = {
	.auth_tenant_changed = consume_tenant,
	.auth_audit_recorded = consume_audit,
	.ingest_shopify_sync_finished = consume_shopify_sync,
	.ingest_ads_sync_finished = consume_ads_sync,
	.ai_insights_question_asked = consume_question,
	.ai_insights_answer_generated = consume_answer,
	.ai_insights_feedback_given = consume_feedback,
	.token_billing_usage_recorded = consume_usage,
	.token_billing_usage_unpriced = consume_unpriced,
	.token_billing_budget_crossed = consume_budget,
	.token_billing_reservation_expired = consume_expired,
};

const struct db_stmt *const observability_statements[] = {
	sample_statements,    sample_app_statements,
	rule_statements,      alert_statements,
	channel_statements,   delivery_statements,
	event_statements,     latency_statements,
	telemetry_statements, NULL,
};
const struct db_stmt *const observability_worker_statements[] = {
	partition_statements,       event_worker_statements,
	latency_worker_statements,  telemetry_worker_statements,
	sample_statements,          sample_worker_statements,
	rule_worker_statements,     alert_worker_statements,
	delivery_worker_statements, NULL,
};
