/*
 * Structured log: one JSON object a line on stderr. Libraries do not log, services do. Never pass
 * tokens, addresses, payloads or SQL parameters.
 */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include "core/status.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* Names the service in every line and sets the lowest level printed. Call once at start, before
 * threads. */
void log_init(const char *service, enum log_level lowest);
/*
 * `event` is a fixed name such as "sync.page_stored"; the rest is printf text for the "msg" field
 * (escaped, cut at 1,000 bytes). Request id and tenant of the current thread are added when
 * log_context set them.
 */
void log_event(enum log_level level, const char *event, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Sets request id and tenant id for this thread's lines; NULL clears. Copies. */
void log_context(const char *request_id, const char *tenant_id);

#endif
