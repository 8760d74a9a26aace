/*
 * Requests by libcurl's easy interface. Handles are pooled, because a handle keeps its connections
 * alive, and a handle belongs to one request at a time. Read next: answer.c, fault.c.
 */
#include "core/magic.h"
#include "core/timeutil.h"
#include "http/http_priv.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define CLIENT_MAGIC   0x48545043u
#define USER_AGENT_MAX 128
#define HOST_SHOWN_MAX 100

struct http_client {
	uint32_t magic;
	char user_agent[USER_AGENT_MAX];
	pthread_mutex_t lock; /* guards idle */
	CURL *idle[HTTP_IDLE_HANDLES];
	size_t n_idle;
};

static pthread_once_t global_once = PTHREAD_ONCE_INIT;

static void global_init(void)
{
	INVARIANT(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
}

struct http_client *http_client_new(const char *user_agent)
{
	struct http_client *c = calloc(1, sizeof(*c)); /* allowed: a long-lived object */

	if (c == NULL)
		return NULL;
	pthread_once(&global_once, global_init);
	c->magic = CLIENT_MAGIC;
	snprintf(c->user_agent, sizeof(c->user_agent), "%s", user_agent);
	INVARIANT(pthread_mutex_init(&c->lock, NULL) == 0);
	return c;
}

void http_client_free(struct http_client *c)
{
	if (c == NULL)
		return;
	CHECK_MAGIC(c, CLIENT_MAGIC);
	for (size_t i = 0; i < c->n_idle; i++)
		curl_easy_cleanup(c->idle[i]);
	pthread_mutex_destroy(&c->lock);
	c->magic = 0;
	free(c);
}

static CURL *handle_take(struct http_client *c)
{
	CURL *h = NULL;

	pthread_mutex_lock(&c->lock);
	if (c->n_idle > 0)
		h = c->idle[--c->n_idle];
	pthread_mutex_unlock(&c->lock);
	return h != NULL ? h : curl_easy_init();
}

static void handle_put(struct http_client *c, CURL *h)
{
	if (h == NULL)
		return;
	curl_easy_reset(h); /* forgets pointers of this request, keeps connections */
	pthread_mutex_lock(&c->lock);
	if (c->n_idle < HTTP_IDLE_HANDLES) {
		c->idle[c->n_idle++] = h;
		h = NULL;
	}
	pthread_mutex_unlock(&c->lock);
	curl_easy_cleanup(h);
}

/* ---- checking what is to be sent ---- */

/* A token of RFC 9110 section 5.6.2. */
static bool header_name_good(const char *s)
{
	size_t n = strspn(
		s, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

	return n > 0 && s[n] == '\0';
}

/* No control characters: a line break would begin another header. */
static bool header_value_good(const char *s)
{
	for (; *s != '\0'; s++) {
		if (((unsigned char)*s < ' ' && *s != '\t') || *s == 0x7f)
			return false;
	}
	return true;
}

static bool url_good(const char *url)
{
	size_t len = strnlen(url, HTTP_URL_MAX);
	const char *host;

	if (len >= HTTP_URL_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)url[i] <= ' ' || (unsigned char)url[i] >= 0x7f)
			return false;
	}
	if (strncasecmp(url, "https://", 8) == 0)
		host = url + 8;
	else if (strncasecmp(url, "http://", 7) == 0)
		host = url + 7;
	else
		return false;
	len = strcspn(host, "/?#");
	return len > 0 && memchr(host, '@', len) == NULL;
}

static bool method_good(const char *m)
{
	static const char *const methods[] = { "GET", "POST", "PUT", "PATCH", "DELETE" };

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (strcmp(m, methods[i]) == 0)
			return true;
	}
	return false;
}

static bool request_good(const struct http_request *q)
{
	if (!url_good(q->url) || !method_good(q->method) || q->n_headers > HTTP_HEADERS_MAX ||
	    q->max_body > HTTP_BODY_MAX || (q->body != NULL && strcmp(q->method, "GET") == 0))
		return false;
	for (size_t i = 0; i < q->n_headers; i++) {
		if (!header_name_good(q->headers[i].name) ||
		    !header_value_good(q->headers[i].value))
			return false;
	}
	return true;
}

/* ---- sending ---- */

static bool add_line(struct curl_slist **list, struct arena *a, const char *name, const char *value)
{
	/* curl's spelling of a header without value ends in a semicolon. */
	const char *line = *value == '\0' ? arena_printf(a, "%s;", name)
					  : arena_printf(a, "%s: %s", name, value);
	struct curl_slist *longer = arena_failed(a) ? NULL : curl_slist_append(*list, line);

	if (longer == NULL)
		return false;
	*list = longer;
	return true;
}

/* The caller's headers, and nothing of curl's own that nobody asked for. NULL when memory is out.
 */
static struct curl_slist *header_list(const struct http_request *q, struct arena *a)
{
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");
	bool typed = false, good = list != NULL;

	for (size_t i = 0; good && i < q->n_headers; i++) {
		good = add_line(&list, a, q->headers[i].name, q->headers[i].value);
		typed = typed || strcasecmp(q->headers[i].name, "Content-Type") == 0;
	}
	if (good && !typed) {
		struct curl_slist *longer = curl_slist_append(list, "Content-Type:");

		good = longer != NULL;
		list = good ? longer : list;
	}
	if (!good) {
		curl_slist_free_all(list);
		return NULL;
	}
	return list;
}

/* curl calls this about once a second while it waits, more often while bytes flow. */
static int on_progress(void *arg, curl_off_t dl_total, curl_off_t dl, curl_off_t ul_total,
		       curl_off_t ul)
{
	struct http__answer *ans = arg;

	(void)dl_total;
	(void)dl;
	(void)ul_total;
	(void)ul;
	return (ans->cancel != NULL && atomic_load(ans->cancel)) || http__answer_silent(ans);
}

/* curl calls this with each address it is about to connect to. */
static curl_socket_t on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct http__answer *ans = arg;

	(void)purpose;
	if (ans->address_allowed(&a->addr))
		return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
	ans->address_refused = true;
	return CURL_SOCKET_BAD;
}

/* Milliseconds for the whole request; 0 when the deadline has passed. */
static long total_ms(const struct http_request *q)
{
	int64_t ms = q->total_ms > 0 ? q->total_ms : HTTP_TOTAL_MS;

	if (q->deadline_mono_us != 0) {
		int64_t left = (q->deadline_mono_us - time_mono_us()) / 1000;

		if (left < ms)
			ms = left;
	}
	return ms > 0 ? (long)ms : 0;
}

static void set_method(CURL *h, const struct http_request *q)
{
	if (q->body != NULL || strcmp(q->method, "POST") == 0) {
		curl_easy_setopt(h, CURLOPT_POST, 1L);
		curl_easy_setopt(h, CURLOPT_POSTFIELDS, q->body != NULL ? q->body : "");
		curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE,
				 (curl_off_t)(q->body != NULL ? q->body_len : 0));
	}
	if (strcmp(q->method, "GET") != 0)
		curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, q->method);
}

static void set_limits(CURL *h, const struct http_request *q, const struct http__answer *ans,
		       long ms)
{
	curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(h, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	curl_easy_setopt(h, CURLOPT_PROXY, ""); /* not the environment's */
	curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS,
			 (long)(q->connect_ms > 0 ? q->connect_ms : HTTP_CONNECT_MS));
	curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, ms);
	if (ans->sink == NULL) {
		curl_easy_setopt(h, CURLOPT_LOW_SPEED_LIMIT, (long)HTTP_STALL_BYTES);
		curl_easy_setopt(h, CURLOPT_LOW_SPEED_TIME, (long)HTTP_STALL_S);
	}
	curl_easy_setopt(h, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)ans->body.max);
}

static CURLcode perform(struct http_client *c, CURL *h, const struct http_request *q,
			struct http__answer *ans, struct curl_slist *headers, long ms)
{
	set_method(h, q);
	set_limits(h, q, ans, ms);
	curl_easy_setopt(h, CURLOPT_URL, q->url);
	curl_easy_setopt(h, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(h, CURLOPT_USERAGENT, c->user_agent);
	curl_easy_setopt(h, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(h, CURLOPT_ACCEPT_ENCODING, ""); /* all that this libcurl can unpack */
	curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, http__answer_body);
	curl_easy_setopt(h, CURLOPT_WRITEDATA, ans);
	curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, http__answer_header);
	curl_easy_setopt(h, CURLOPT_HEADERDATA, ans);
	curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(h, CURLOPT_XFERINFODATA, ans);
	curl_easy_setopt(h, CURLOPT_NOPROGRESS, 0L);
	if (q->address_allowed != NULL) {
		ans->address_allowed = q->address_allowed;
		curl_easy_setopt(h, CURLOPT_OPENSOCKETFUNCTION, on_socket);
		curl_easy_setopt(h, CURLOPT_OPENSOCKETDATA, ans);
	}
	return curl_easy_perform(h);
}

/* ---- naming what went wrong ---- */

static const struct {
	CURLcode code;
	enum http_fault fault;
} fault_codes[] = {
	{ CURLE_OK, HTTP_FAULT_NONE },
	{ CURLE_URL_MALFORMAT, HTTP_FAULT_REQUEST },
	{ CURLE_LOGIN_DENIED, HTTP_FAULT_REQUEST },
	{ CURLE_COULDNT_RESOLVE_HOST, HTTP_FAULT_RESOLVE },
	{ CURLE_COULDNT_CONNECT, HTTP_FAULT_CONNECT },
	{ CURLE_INTERFACE_FAILED, HTTP_FAULT_CONNECT },
	{ CURLE_OPERATION_TIMEDOUT, HTTP_FAULT_TIMEOUT },
	{ CURLE_SSL_CONNECT_ERROR, HTTP_FAULT_TLS },
	{ CURLE_PEER_FAILED_VERIFICATION, HTTP_FAULT_TLS },
	{ CURLE_SSL_CERTPROBLEM, HTTP_FAULT_TLS },
	{ CURLE_SSL_CIPHER, HTTP_FAULT_TLS },
	{ CURLE_SSL_CACERT_BADFILE, HTTP_FAULT_TLS },
	{ CURLE_SSL_ISSUER_ERROR, HTTP_FAULT_TLS },
	{ CURLE_SSL_INVALIDCERTSTATUS, HTTP_FAULT_TLS },
	{ CURLE_SSL_ENGINE_NOTFOUND, HTTP_FAULT_TLS },
	{ CURLE_SSL_ENGINE_SETFAILED, HTTP_FAULT_TLS },
	{ CURLE_PARTIAL_FILE, HTTP_FAULT_TRUNCATED },
	{ CURLE_RECV_ERROR, HTTP_FAULT_TRUNCATED },
	{ CURLE_SEND_ERROR, HTTP_FAULT_TRUNCATED },
	{ CURLE_GOT_NOTHING, HTTP_FAULT_TRUNCATED },
	{ CURLE_HTTP2, HTTP_FAULT_TRUNCATED },
	{ CURLE_HTTP2_STREAM, HTTP_FAULT_TRUNCATED },
	{ CURLE_FILESIZE_EXCEEDED, HTTP_FAULT_TOO_LARGE },
	{ CURLE_ABORTED_BY_CALLBACK, HTTP_FAULT_CANCELLED },
	{ CURLE_OUT_OF_MEMORY, HTTP_FAULT_MEMORY },
};

/* What is left is an answer that curl cannot make sense of. */
static enum http_fault fault_of(CURLcode rc, const struct http__answer *ans)
{
	if (rc != CURLE_OK && ans->silent && (ans->cancel == NULL || !atomic_load(ans->cancel)))
		return HTTP_FAULT_TIMEOUT;
	if (ans->stopped)
		return HTTP_FAULT_CANCELLED;
	if (ans->too_large)
		return HTTP_FAULT_TOO_LARGE;
	if (ans->address_refused && rc == CURLE_COULDNT_CONNECT)
		return HTTP_FAULT_ADDRESS;
	if (ans->no_memory)
		return HTTP_FAULT_MEMORY;
	for (size_t i = 0; i < sizeof(fault_codes) / sizeof(fault_codes[0]); i++) {
		if (fault_codes[i].code == rc)
			return fault_codes[i].fault;
	}
	return HTTP_FAULT_PROTOCOL;
}

/* The error names the host at most: paths hold ids and queries hold tokens. */
static enum status fail(const struct http_request *q, enum http_fault f, struct http_response *ret,
			struct error *err)
{
	const char *host = strstr(q->url, "://");
	size_t len = 0;

	*ret = (struct http_response){ .fault = f, .took_us = ret->took_us };
	if (host != NULL && f != HTTP_FAULT_REQUEST) {
		host += 3;
		len = strcspn(host, "/?#");
	}
	if (len == 0)
		return error_set(err, http_fault_status(f), NULL, "%s", http_fault_words(f));
	return error_set(err, http_fault_status(f), NULL, "%.*s: %s",
			 (int)(len < HOST_SHOWN_MAX ? len : HOST_SHOWN_MAX), host,
			 http_fault_words(f));
}

/* One exchange on a pooled handle: into the response, or through the sink. */
static enum status exchange(struct http_client *c, const struct http_request *q,
			    const struct http_sink *sink, struct arena *a,
			    struct http_response *ret, struct error *err)
{
	int64_t begun = time_mono_us();
	long code = 0, ms = total_ms(q);
	enum http_fault fault = HTTP_FAULT_MEMORY;
	struct curl_slist *headers;
	struct http__answer ans;
	CURL *h;

	CHECK_MAGIC(c, CLIENT_MAGIC);
	*ret = (struct http_response){ 0 };
	if (!request_good(q))
		return fail(q, HTTP_FAULT_REQUEST, ret, err);
	if (ms == 0)
		return fail(q, HTTP_FAULT_TIMEOUT, ret, err);
	http__answer_init(&ans, a, q->max_body > 0 ? q->max_body : HTTP_BODY_DEFAULT, q->cancel);
	ans.sink = sink;
	ans.heard_mono_us = begun;
	headers = header_list(q, a);
	h = handle_take(c);
	if (h != NULL && headers != NULL) {
		fault = fault_of(perform(c, h, q, &ans, headers, ms), &ans);
		curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &code);
		if (fault == HTTP_FAULT_NONE && !http__answer_finish(&ans, ret))
			fault = HTTP_FAULT_MEMORY;
	}
	handle_put(c, h);
	curl_slist_free_all(headers);
	http__answer_done(&ans);
	ret->took_us = time_mono_us() - begun;
	if (fault != HTTP_FAULT_NONE) {
		enum status st = fail(q, fault, ret, err);

		ret->code = ans.head_told ? ans.code : 0;
		return st;
	}
	ret->code = (int)code;
	return ST_OK;
}

enum status http_send(struct http_client *c, const struct http_request *q, struct arena *a,
		      struct http_response *ret, struct error *err)
{
	return exchange(c, q, NULL, a, ret, err);
}

enum status http_stream(struct http_client *c, const struct http_request *q,
			const struct http_sink *sink, struct arena *a, struct http_response *ret,
			struct error *err)
{
	return exchange(c, q, sink, a, ret, err);
}
