/*
 * Header names on the bus; one place, since edge, runtime, deploy step and tests must agree. Read
 * next: dispatch.c (requests), consumer.c (events and dead letters).
 */
#ifndef SVC_HEADERS_H
#define SVC_HEADERS_H

#define HDR_REQUEST_ID  "Pp-Request-Id"
#define HDR_TRACEPARENT "traceparent"
#define HDR_TIMEOUT_MS  "Pp-Timeout-Ms"
#define HDR_TOKEN       "Authorization"
#define HDR_IDEMPOTENCY "Idempotency-Key"
#define HDR_CLIENT_IP   "Pp-Client-Ip"
#define HDR_STATUS      "Pp-Status"
#define HDR_FIELD       "Pp-Field"
#define HDR_DETAIL      "Pp-Detail"
#define HDR_RETRY_AFTER "Pp-Retry-After"
#define HDR_SVC_ERROR   "Nats-Service-Error"
#define HDR_SVC_CODE    "Nats-Service-Error-Code"

/* An event's envelope. */
#define HDR_MSG_ID "Nats-Msg-Id"
#define HDR_TENANT "Pp-Tenant"
#define HDR_ACTOR  "Pp-Actor"
#define HDR_TIME   "Pp-Time"
#define HDR_SCHEMA "Pp-Schema"
/* What a dead letter keeps of it, in this order; the event id has a header of its own. */
#define HDR_ENVELOPE                                                         \
	{                                                                    \
		HDR_TENANT, HDR_ACTOR, HDR_TIME, HDR_SCHEMA, HDR_TRACEPARENT \
	}
#define HDR_ENVELOPE_N 5

/* A dead letter's own: why, and the event's subject. */
#define HDR_REASON  "Pp-Reason"
#define HDR_SUBJECT "Pp-Subject"
/*
 * The event's id in a dead letter and in a replay, where Nats-Msg-Id is another: the stream would
 * drop a replay under the id it has just seen. It wins over Nats-Msg-Id.
 */
#define HDR_EVENT_ID "Pp-Event-Id"
/* A replay is for this durable consumer alone; the others of the subject let it pass. */
#define HDR_CONSUMER "Pp-Consumer"

#endif
