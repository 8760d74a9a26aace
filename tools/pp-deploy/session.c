/* See session.h. */
#include "session.h"

#include "bus/connect.h"
#include "core/timeutil.h"
#include "deploy.h"
#include "nkey.h"

#include <sodium.h>
#include <stdio.h>

#define CONNECT_MS 15000 /* a server that has just been started */
#define RETRY_MS   100
#define WAIT_MS    5000 /* one request to JetStream */

enum status session_fail(struct error *err, const char *what, natsStatus s, jsErrCode code)
{
	return error_set(err, ST_UNAVAILABLE, what, "%s (JetStream code %d)", natsStatus_GetText(s),
			 (int)code);
}

/* A server that has just started may not listen yet, or its JetStream may not answer yet. */
bool session_again(const struct session *ss, natsStatus s, jsErrCode code)
{
	bool starting = s == NATS_NO_SERVER || s == NATS_NO_RESPONDERS || s == NATS_TIMEOUT ||
			code == JSNotEnabledErr || code == JSClusterNotAvailErr ||
			code == JSClusterNoPeersErr;

	if (!starting || time_mono_us() >= ss->deadline_us)
		return false;
	nats_Sleep(RETRY_MS);
	return true;
}

static natsStatus set_user(natsOptions *opts, const char *dir, const char *url, struct error *err,
			   enum status *st)
{
	char seed[SECRET_CAP], public[NKEY_PUBLIC_TEXT], path[PATH_MAX];
	bool known;
	natsStatus s = natsOptions_SetURL(opts, url);

	*st = secrets_get(dir, "nats", DEPLOY_NAME ".seed", seed, err);
	if (*st == ST_OK)
		*st = secrets_path(dir, "nats", DEPLOY_NAME ".seed", path, err);
	if (*st != ST_OK)
		return s;
	known = nkey_public_of(seed, public);
	sodium_memzero(seed, sizeof(seed));
	if (!known) {
		*st = error_set(err, ST_INVALID, path, "is not the seed of a NATS user");
		return s;
	}
	if (s == NATS_OK)
		s = natsOptions_SetNKeyFromSeed(opts, public, path);
	if (s == NATS_OK)
		s = natsOptions_SetCustomInboxPrefix(opts, "_INBOX_" DEPLOY_NAME);
	return s;
}

static enum status connect(struct session *ss, const char *dir, const char *url, struct error *err)
{
	natsOptions *opts = NULL;
	enum status st = ST_OK;
	jsOptions jo;
	natsStatus s;

	ss->deadline_us = time_mono_us() + CONNECT_MS * 1000LL;
	s = natsOptions_Create(&opts);
	if (s == NATS_OK)
		s = set_user(opts, dir, url, err, &st);
	if (st == ST_OK && s == NATS_OK) {
		do
			s = bus_connect_signed(&ss->conn, opts);
		while (s != NATS_OK && session_again(ss, s, (jsErrCode)0));
	}
	natsOptions_Destroy(opts);
	if (st == ST_OK && s == NATS_OK) {
		jsOptions_Init(&jo);
		jo.Wait = WAIT_MS;
		s = natsConnection_JetStream(&ss->js, ss->conn, &jo);
	}
	if (st == ST_OK && s != NATS_OK)
		st = error_set(err, ST_UNAVAILABLE, "NATS_URL", "%s: %s", url,
			       natsStatus_GetText(s));
	return st;
}

enum status session_open(struct session *ss, const char *dir, const char *url, struct error *err)
{
	char own[VALUE_CAP];
	enum status st = ST_OK;

	if (url == NULL) {
		st = setting_get(dir, "nats.env", "NATS_URL", NULL, own, err);
		url = own;
	}
	return st == ST_OK ? connect(ss, dir, url, err) : st;
}

void session_close(struct session *ss)
{
	jsCtx_Destroy(ss->js);
	natsConnection_Destroy(ss->conn);
	nats_Close();
}
