/*
 * Who answers which method and hears which event, and all statements. One line each, so that a
 * missing one is seen. Read next: the file that a line names.
 */
#include "service.h"

#include "alert.h"
#include "event.h"
#include "partitions.h"
#include "store_alerts.h"
#include "store_channels.h"
#include "store_deliveries.h"
#include "store_samples.h"

const struct observability_handlers observability_handlers = {
	.list_events = NULL,
	.get_latency = NULL,
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
	.auth_tenant_changed = NULL,
};

const struct db_stmt *const observability_statements[] = {
	sample_statements,  sample_app_statements, rule_statements,  alert_statements,
	channel_statements, delivery_statements,   event_statements, NULL,
};
const struct db_stmt *const observability_worker_statements[] = {
	partition_statements,
	sample_statements,
	sample_worker_statements,
	rule_worker_statements,
	alert_worker_statements,
	delivery_worker_statements,
	NULL,
};
