/* What a webhook is told of a change, and how the telling is signed. Read next: notice.c,
 * deliver.c. */
#ifndef OBSERVABILITY_NOTICE_H
#define OBSERVABILITY_NOTICE_H

#include "alert.h"

#define NOTICE_ID_HEADER        "Pulsepoint-Notice-Id"
#define NOTICE_SIGNATURE_HEADER "X-Pulsepoint-Signature"
#define NOTICE_BODY_MAX         8192
/* "whsec_" and 32 random bytes as base64url: the whole text is the key of the signature, so that a
 * receiver needs to decode nothing. */
#define NOTICE_SECRET_MAX 64

/* {"notice_id","change":"fired"|"resolved","tenant_id","occurred_at","alert":{as in the API}} in
 * the arena. */
enum status notice_body(struct arena *a, const char *tenant_id, const struct alert_change *c,
			const char **ret, struct error *err) MUST_USE;
/* "t=<unix>,v1=<hex HMAC-SHA256(secret, "<t>.<body>")>" in the arena. */
const char *notice_signature(struct arena *a, const char *secret, int64_t unix_s, const char *body);
/* A new secret. */
void notice_secret(char out[NOTICE_SECRET_MAX]);

#endif
