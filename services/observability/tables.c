/*
 * Who answers which method and hears which event, and all statements. One line each, so that a
 * missing one is seen. Read next: the file that a line names.
 */
#include "service.h"

#include "partitions.h"

const struct observability_handlers observability_handlers = {
	.list_events = NULL,
	.get_latency = NULL,
	.list_alert_rules = NULL,
	.create_alert_rule = NULL,
	.update_alert_rule = NULL,
	.list_alerts = NULL,
	.watch_alerts = NULL,
	.list_alert_channels = NULL,
	.create_alert_channel = NULL,
	.delete_alert_channel = NULL,
	.list_deliveries = NULL,
};

const struct observability_consumers observability_consumers = {
	.auth_tenant_changed = NULL,
};

const struct db_stmt *const observability_statements[] = { NULL };
const struct db_stmt *const observability_worker_statements[] = { partition_statements, NULL };
