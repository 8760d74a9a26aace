/* The steps of the main job, in the order of main.c. A step that was done before is found done. */
#include "core/text.h"
#include "core/timeutil.h"
#include "demo.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX    65536
#define POLL_US     (200 * 1000)
#define SYNC_MAX_US (60 * US_PER_MINUTE)
#define BAR_CELLS   28

static const char *const platforms[DEMO_PLATFORMS] = { "shopify", "meta", "google", "tiktok" };

/* ---- small things ---- */

static void copy(char *dst, size_t cap, const char *src, const char *what)
{
	if (text_copy(dst, cap, src) != ST_OK)
		give_up("%s is too long", what);
}

char *print_and_free(cJSON *o)
{
	char *text = cJSON_PrintUnformatted(o);

	cJSON_Delete(o);
	if (!text)
		give_up("out of memory");
	return text;
}

static bool read_file(const char *path, char *out, size_t cap)
{
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(out, 1, cap - 1, f) : 0;

	out[n] = '\0';
	if (f)
		fclose(f);
	return n > 0;
}

/* Only its owner may read it; replaced whole or not at all. */
static void write_private(const char *path, const char *text)
{
	char tmp[DEMO_TEXT * 2];
	int fd;

	snprintf(tmp, sizeof(tmp), "%s.new", path);
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || fchmod(fd, 0600) != 0 ||
	    write(fd, text, strlen(text)) != (ssize_t)strlen(text) || close(fd) != 0 ||
	    rename(tmp, path) != 0)
		give_up("%s cannot be written: %s", path, strerror(errno));
}

void read_dataset(struct demo *d)
{
	char path[DEMO_TEXT * 2], text[FILE_MAX];
	cJSON *o;

	snprintf(path, sizeof(path), "%s/dataset/dataset.json", d->run_dir);
	o = read_file(path, text, sizeof(text)) ? cJSON_Parse(text) : NULL;
	if (!o)
		give_up("%s cannot be read", path);
	copy(d->dataset, sizeof(d->dataset), text_of(o, "name"), "the dataset's name");
	copy(d->shop_domain, sizeof(d->shop_domain), text_of(o, "shop_domain"),
	     "the shop's domain");
	copy(d->currency, sizeof(d->currency), text_of(o, "currency"), "the currency");
	copy(d->timezone, sizeof(d->timezone), text_of(o, "iana_timezone"), "the time zone");
	cJSON_Delete(o);
}

/* ---- tenant, user, brand ---- */

static bool log_in(struct demo *d)
{
	cJSON *in = cJSON_CreateObject(), *out = NULL;
	char *body;
	int code;

	cJSON_AddStringToObject(in, "email", d->email);
	cJSON_AddStringToObject(in, "password", d->password);
	cJSON_AddStringToObject(in, "tenant_id", d->tenant_id);
	body = print_and_free(in);
	d->token[0] = '\0';
	code = api_try(d, "POST", "/api/auth/login", body, &out);
	free(body);
	if (code == 200)
		copy(d->token, sizeof(d->token), text_of(out, "access_token"), "the access token");
	cJSON_Delete(out);
	return code == 200;
}

static void create_tenant(struct demo *d)
{
	cJSON *in = cJSON_CreateObject(), *admin = cJSON_AddObjectToObject(in, "admin"), *out;
	char *body;

	random_hex(d->password, 16);
	snprintf(d->email, sizeof(d->email), "admin-%.8s@demo.example", d->password + 24);
	random_hex(d->password, 16);
	cJSON_AddStringToObject(in, "name", *d->dataset ? d->dataset : "Demo");
	/* The report polls; a demo is no place to meet one's limits. */
	cJSON_AddStringToObject(in, "tier", "unlimited");
	cJSON_AddStringToObject(admin, "email", d->email);
	cJSON_AddStringToObject(admin, "password", d->password);
	body = print_and_free(in);
	out = api_operator(d, "POST", "/api/admin/tenants", body, 201);
	free(body);
	copy(d->tenant_id, sizeof(d->tenant_id), text_of(out, "tenant_id"), "the tenant's id");
	cJSON_Delete(out);
}

static void create_brand(struct demo *d)
{
	cJSON *in = cJSON_CreateObject(), *out;
	char *body;

	cJSON_AddStringToObject(in, "name", *d->dataset ? d->dataset : "Demo");
	cJSON_AddStringToObject(in, "domain", d->shop_domain);
	cJSON_AddStringToObject(in, "currency", d->currency);
	cJSON_AddStringToObject(in, "timezone", d->timezone);
	body = print_and_free(in);
	out = api(d, "POST", "/api/brands", body, 201);
	free(body);
	copy(d->brand_id, sizeof(d->brand_id), text_of(out, "brand_id"), "the brand's id");
	cJSON_Delete(out);
}

/* What an earlier demo made of the very same dataset is used again: its run is then a second sync.
 */
static void state_path(const struct demo *d, char *out, size_t cap)
{
	char dataset[DEMO_TEXT * 2], text[FILE_MAX], hex[33];
	uint8_t hash[16];

	snprintf(dataset, sizeof(dataset), "%s/dataset.sum", d->run_dir);
	if (!read_file(dataset, text, sizeof(text)))
		give_up("%s is missing", dataset);
	crypto_generichash(hash, sizeof(hash), (const uint8_t *)text, strlen(text), NULL, 0);
	hex_encode(hash, sizeof(hash), hex);
	snprintf(out, cap, "%s/demo-%s.json", d->run_dir, hex);
}

static bool remembered(struct demo *d, const char *path)
{
	char text[FILE_MAX];
	cJSON *o = read_file(path, text, sizeof(text)) ? cJSON_Parse(text) : NULL;

	if (!o)
		return false;
	copy(d->email, sizeof(d->email), text_of(o, "email"), "the e-mail");
	copy(d->password, sizeof(d->password), text_of(o, "password"), "the password");
	copy(d->tenant_id, sizeof(d->tenant_id), text_of(o, "tenant_id"), "the tenant's id");
	copy(d->brand_id, sizeof(d->brand_id), text_of(o, "brand_id"), "the brand's id");
	cJSON_Delete(o);
	return *d->brand_id && log_in(d);
}

static char *state_text(const struct demo *d, const char *postgres_url, const char *nats_url)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "base_url", d->base_url);
	cJSON_AddStringToObject(o, "email", d->email);
	cJSON_AddStringToObject(o, "password", d->password);
	cJSON_AddStringToObject(o, "tenant_id", d->tenant_id);
	cJSON_AddStringToObject(o, "brand_id", d->brand_id);
	cJSON_AddStringToObject(o, "simulator_url", d->simulator_url);
	cJSON_AddStringToObject(o, "nats_url", nats_url);
	cJSON_AddStringToObject(o, "postgres_url", postgres_url);
	return print_and_free(o);
}

void sign_in(struct demo *d)
{
	char path[DEMO_TEXT * 2], *text;

	state_path(d, path, sizeof(path));
	if (remembered(d, path)) {
		printf("  tenant and brand of the last demo are used again\n");
		return;
	}
	create_tenant(d);
	if (!log_in(d))
		give_up("the new admin cannot log in");
	create_brand(d);
	text = state_text(d, "", "");
	write_private(path, text);
	free(text);
	printf("  made tenant %s, its admin, and the brand \"%s\"\n", d->tenant_id, d->dataset);
}

/* ---- connections ---- */

static void connect_one(struct demo *d, const char *platform, const char *field, const char *value)
{
	cJSON *in = cJSON_CreateObject(), *out;
	char path[DEMO_TEXT], *body;

	cJSON_AddStringToObject(in, "brand_id", d->brand_id);
	if (strcmp(platform, "shopify") == 0)
		cJSON_AddStringToObject(in, "shop_domain", d->shop_domain);
	cJSON_AddStringToObject(in, field, value);
	body = print_and_free(in);
	snprintf(path, sizeof(path), "/api/integrations/%s", platform);
	out = api(d, "POST", path, body, 201);
	free(body);
	cJSON_Delete(out);
	printf("  connected %s\n", platform);
}

void connect_all(struct demo *d)
{
	char url[DEMO_TEXT * 2];
	cJSON *t;

	snprintf(url, sizeof(url), "%s/control/tokens", d->simulator_url);
	t = api(d, "POST", url, "{}", 200);
	connect_one(d, "shopify", "code", text_of(t, "shopify_code"));
	connect_one(d, "meta", "access_token", text_of(t, "meta_access_token"));
	connect_one(d, "google", "refresh_token", text_of(t, "google_refresh_token"));
	connect_one(d, "tiktok", "access_token", text_of(t, "tiktok_access_token"));
	cJSON_Delete(t);
}

/* ---- syncs, with a bar each ---- */

struct progress {
	char run_id[UUID_TEXT], state[32];
	int percent, rows, pages;
	bool ended;
	char last_line[DEMO_TEXT];
};

static void start_sync(struct demo *d, const char *platform, struct progress *p)
{
	cJSON *in = cJSON_CreateObject(), *out;
	char path[DEMO_TEXT], *body;

	cJSON_AddStringToObject(in, "brand_id", d->brand_id);
	body = print_and_free(in);
	snprintf(path, sizeof(path), "/api/sync/%s", platform);
	out = api(d, "POST", path, body, 202);
	free(body);
	copy(p->run_id, sizeof(p->run_id), text_of(out, "run_id"), "the run's id");
	cJSON_Delete(out);
}

static void look(struct demo *d, const char *platform, struct progress *p)
{
	char path[DEMO_TEXT];
	cJSON *o;

	snprintf(path, sizeof(path), "/api/sync/%s/%.36s", platform, p->run_id);
	o = api(d, "GET", path, NULL, 200);
	copy(p->state, sizeof(p->state), text_of(o, "state"), "a state");
	p->percent = number_of(o, "percent");
	p->rows = number_of(o, "rows");
	p->pages = number_of(o, "pages");
	if (strcmp(p->state, "failed") == 0)
		give_up("the sync of %s failed: %s", platform, text_of(o, "error"));
	p->ended = strcmp(p->state, "done") == 0;
	cJSON_Delete(o);
}

/* On a terminal a bar that moves; elsewhere a line when something changed by a tenth. */
static void show(struct demo *d, const char *platform, struct progress *p)
{
	char line[DEMO_TEXT];
	int full = p->percent * BAR_CELLS / 100;

	if (!d->terminal) {
		snprintf(line, sizeof(line), "%s %d", p->state, p->percent / 10);
		if (strcmp(line, p->last_line) != 0)
			printf("  %-8s %3d %%  %d rows in %d pages, %s\n", platform, p->percent,
			       p->rows, p->pages, p->state);
		copy(p->last_line, sizeof(p->last_line), line, "a line");
		return;
	}
	printf("\033[2K  %-8s ", platform);
	for (int i = 0; i < BAR_CELLS; i++)
		fputs(i < full ? "█" : "░", stdout);
	printf(" %3d %%  %d rows in %d pages, %s\n", p->percent, p->rows, p->pages, p->state);
}

void sync_all(struct demo *d)
{
	struct progress p[DEMO_PLATFORMS] = { 0 };
	int64_t until = time_mono_us() + SYNC_MAX_US;
	int ended = 0;

	for (int i = 0; i < DEMO_PLATFORMS; i++)
		start_sync(d, platforms[i], &p[i]);
	for (bool first = true; ended < DEMO_PLATFORMS; first = false) {
		ended = 0;
		for (int i = 0; i < DEMO_PLATFORMS; i++) {
			if (!p[i].ended)
				look(d, platforms[i], &p[i]);
			ended += p[i].ended;
		}
		if (d->terminal && !first)
			printf("\033[%dA", DEMO_PLATFORMS);
		for (int i = 0; i < DEMO_PLATFORMS; i++)
			show(d, platforms[i], &p[i]);
		fflush(stdout);
		if (time_mono_us() > until)
			give_up("the syncs did not end within an hour");
		if (ended < DEMO_PLATFORMS)
			time_sleep_us(time_mono_us() + POLL_US);
	}
}

/* ---- visits that did not convert: the shop's own pixel exports them ---- */

void import_visits(struct demo *d)
{
	char url[DEMO_TEXT * 2], path[DEMO_TEXT], key[UUID_TEXT + 32];
	struct http_response r;
	struct error err = { 0 };
	cJSON *out;

	arena_reset(d->arena);
	snprintf(url, sizeof(url), "%s/control/visits", d->simulator_url);
	if (http_send(d->http,
		      &(struct http_request){
			      .method = "GET", .url = url, .max_body = HTTP_BODY_MAX },
		      d->arena, &r, &err) != ST_OK ||
	    r.code != 200)
		give_up("the pixel's export cannot be read: %s", err.detail);
	snprintf(path, sizeof(path), "/api/brands/%s/touchpoints:import", d->brand_id);
	snprintf(key, sizeof(key), "demo-%s", d->brand_id);
	out = api_upload(d, path, key, r.body, r.body_len);
	printf("  touchpoints: %s lines settled, %s visits that did not convert are new\n",
	       text_of(out, "lines"), text_of(out, "imported"));
	cJSON_Delete(out);
}

/* ---- demo.json ---- */

void write_result(struct demo *d)
{
	char path[DEMO_TEXT * 2], pg[FILE_MAX], nats[FILE_MAX], *text;

	snprintf(path, sizeof(path), "%s/superview.url", d->run_dir);
	if (!read_file(path, pg, sizeof(pg)))
		pg[0] = '\0';
	pg[strcspn(pg, "\n")] = '\0';
	snprintf(path, sizeof(path), "%s/nats.url", d->run_dir);
	if (!read_file(path, nats, sizeof(nats)))
		nats[0] = '\0';
	nats[strcspn(nats, "\n")] = '\0';
	text = state_text(d, pg, nats);
	snprintf(path, sizeof(path), "%s/demo.json", d->run_dir);
	write_private(path, text);
	free(text);
}
