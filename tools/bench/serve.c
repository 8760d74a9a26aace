/*
 * Auth's contract on the real runtime (libs/svc), with the list of brands answered from memory:
 * what the bus, the dispatch, the token, the rules and protobuf cost without a database. It signs
 * the one token that its callers use. Read next: typed.c.
 */
#include "bench.h"

#include "access/access.h"
#include "contract/auth.h"
#include "core/timeutil.h"
#include "svc/svc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define PEM_MAX 512
#define KID     "bench"
#define BRANDS  20

struct bench_auth {
	const char *token_file;
	char private_pem[PEM_MAX], public_pem[PEM_MAX];
	Auth__V1__Brand brands[BRANDS];
	Auth__V1__Brand *list[BRANDS];
	Pulsepoint__Timestamp made;
	char names[BRANDS][64], ids[BRANDS][UUID_TEXT];
};

/* protobuf-c's structs have plain char pointers; nothing is written through them. */
static char *text(const char *s)
{
	return (char *)(uintptr_t)s;
}

static void make_brands(struct bench_auth *app)
{
	pulsepoint__timestamp__init(&app->made);
	app->made.micros = time_now_us();
	for (int i = 0; i < BRANDS; i++) {
		Auth__V1__Brand *b = app->list[i] = &app->brands[i];

		auth__v1__brand__init(b);
		uuid_v7(app->ids[i]);
		snprintf(app->names[i], sizeof(app->names[i]), "Bench brand %02d", i);
		b->brand_id = app->ids[i];
		b->name = app->names[i];
		b->domain = text("bench.example.com");
		b->currency = text("GBP");
		b->timezone = text("Europe/London");
		b->created_at = b->updated_at = &app->made;
	}
}

static enum status list_brands(struct call *call, const Auth__V1__ListBrandsRequest *in,
			       Auth__V1__ListBrandsReply *out)
{
	struct bench_auth *app = call->app;

	(void)in;
	out->brands = app->list;
	out->n_brands = BRANDS;
	return ST_OK;
}

static enum status access_state(struct call *call, const Pulsepoint__Empty *in,
				Auth__V1__AccessStateReply *out)
{
	struct bench_auth *app = call->app;
	Auth__V1__SigningKey *key = arena_alloc(call->arena, sizeof(*key));

	(void)in;
	out->keys = arena_array(call->arena, 1, sizeof(*out->keys));
	if (!key || !out->keys)
		return ST_UNAVAILABLE;
	auth__v1__signing_key__init(key);
	key->kid = text(KID);
	key->public_pem = app->public_pem;
	out->version = 1;
	out->keys[0] = key;
	out->n_keys = 1;
	return ST_OK;
}

static const struct auth_handlers handlers = {
	.list_brands = list_brands,
	.access_state = access_state,
};

static enum status own_state(struct svc *svc, void *arg, struct arena *arena,
			     struct access_state *ret, struct error *err)
{
	struct bench_auth *app = arg;
	struct access_key *key = arena_alloc(arena, sizeof(*key));

	(void)svc;
	if (!key)
		return error_set(err, ST_UNAVAILABLE, NULL, "out of memory");
	*key = (struct access_key){ KID, app->public_pem };
	*ret = (struct access_state){ .version = 1, .keys = key, .n_keys = 1 };
	return ST_OK;
}

/* Replaced whole, so that whoever waits for the file reads all of it. */
static enum status write_token(const struct bench_auth *app, const char *token, struct error *err)
{
	char tmp[4096];
	FILE *f;
	bool good;

	if (snprintf(tmp, sizeof(tmp), "%s.new", app->token_file) >= (int)sizeof(tmp))
		return error_set(err, ST_INVALID, "TOKEN_FILE", "is too long");
	f = fopen(tmp, "we");
	if (!f)
		return error_set(err, ST_UNAVAILABLE, tmp, "%s", strerror(errno));
	good = fchmod(fileno(f), 0600) == 0 && fprintf(f, "%s\n", token) > 0;
	good = fclose(f) == 0 && good && rename(tmp, app->token_file) == 0;
	return good ? ST_OK : error_set(err, ST_UNAVAILABLE, tmp, "%s", strerror(errno));
}

/* A viewer's token, as auth signs them. */
static enum status start(struct svc *svc, void *arg, struct error *err)
{
	struct access_claims who = { .role = ROLE_VIEWER, .tier = "unlimited" };
	struct bench_auth *app = arg;
	char token[ACCESS_TOKEN_MAX];
	int64_t now_s = time_now_us() / US_PER_SECOND;
	enum status st;

	(void)svc;
	uuid_v7(who.user_id);
	uuid_v7(who.tenant_id);
	uuid_v7(who.session_id);
	who.expires_at = now_s + ACCESS_TOKEN_LIFE_S;
	st = access_sign(&who, KID, app->private_pem, now_s, token, err);
	return st == ST_OK ? write_token(app, token, err) : st;
}

static const struct svc_spec spec = {
	.contract = &auth_contract,
	.summary = "auth's contract without a database",
	.handlers = &handlers,
	.start = start,
	.access_state = own_state,
};

int bench_serve(int argc, char **argv)
{
	static struct bench_auth app;

	(void)argc;
	app.token_file = argv[1];
	if (access_new_key(app.private_pem, app.public_pem, PEM_MAX) != ST_OK) {
		fprintf(stderr, "bench: a signing key cannot be made\n");
		return 1;
	}
	make_brands(&app);
	return svc_main(&spec, &app, 1, argv);
}
