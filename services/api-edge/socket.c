/*
 * Sockets that civetweb does not hand out: it knows no way to stop listening while it serves, none
 * to let a client that still sends hear its answer, and its time-out starts anew with each byte.
 * They are found among the process's own files when, rarely, they are needed. Read next: edge.h.
 */
#include "core/log.h"
#include "core/timeutil.h"
#include "edge.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINGER_BYTES ((size_t)4 * 1024 * 1024)
#define LINGER_US    (2 * US_PER_SECOND)
#define ENDING_US    (1 * US_PER_SECOND)

/* ---- finding ---- */

typedef bool wanted_fn(int fd, const void *arg);

/* The first open file that is wanted, from `from` on; -1: none. */
static int find_file(wanted_fn *wanted, const void *arg, int from)
{
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *d;
	int found = -1;

	while (dir && (d = readdir(dir)) != NULL) {
		int fd = (int)strtol(d->d_name, NULL, 10);

		if (d->d_name[0] != '.' && fd >= from && (found < 0 || fd < found) &&
		    wanted(fd, arg))
			found = fd;
	}
	if (dir)
		closedir(dir);
	return found;
}

static bool listens(int fd, const void *arg)
{
	int yes = 0;
	socklen_t len = sizeof(yes);

	(void)arg;
	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &len) == 0 && yes;
}

static int port_of(const struct sockaddr_storage *a)
{
	return ntohs(a->ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)a)->sin6_port
					      : ((const struct sockaddr_in *)a)->sin_port);
}

static bool is_connection(int fd, const void *arg)
{
	const struct mg_request_info *info = arg;
	struct sockaddr_storage peer, own;
	socklen_t peer_len = sizeof(peer), own_len = sizeof(own);
	char text[INET6_ADDRSTRLEN] = "";
	const void *address;

	if (getpeername(fd, (struct sockaddr *)&peer, &peer_len) != 0 ||
	    getsockname(fd, (struct sockaddr *)&own, &own_len) != 0 ||
	    (peer.ss_family != AF_INET && peer.ss_family != AF_INET6))
		return false;
	address = peer.ss_family == AF_INET6
			  ? (const void *)&((const struct sockaddr_in6 *)&peer)->sin6_addr
			  : (const void *)&((const struct sockaddr_in *)&peer)->sin_addr;
	return port_of(&peer) == info->remote_port && port_of(&own) == info->server_port &&
	       inet_ntop(peer.ss_family, address, text, sizeof(text)) &&
	       strcmp(text, info->remote_addr) == 0;
}

/* ---- the end of listening ---- */

void edge_stop_listening(void)
{
	int idle = eventfd(0, EFD_CLOEXEC);
	int fd = -1;

	while (idle >= 0 && (fd = find_file(listens, NULL, fd + 1)) >= 0) {
		/* Whoever connects from here on is told so by the kernel. civetweb's own loop goes
		 * on with a file that never has anything for it. */
		(void)shutdown(fd, SHUT_RD);
		if (dup2(idle, fd) < 0)
			log_event(LOG_WARN, "http.listening", "a socket could not be put away");
	}
	if (idle >= 0)
		close(idle);
}

/* ---- a client that went away ---- */

int edge_socket(const struct exchange *x)
{
	return find_file(is_connection, x->info, 0);
}

bool edge_client_gone(int socket)
{
	struct pollfd p = { .fd = socket, .events = POLLRDHUP };

	return socket < 0 ||
	       (poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)));
}

/* ---- a refused body ---- */

/*
 * Closing a socket that still has bytes to read resets the connection, and the answer may be lost
 * with it (RFC 9112, 9.6). So our side ends, and what comes is thrown away for a while.
 */
void edge_linger(const struct exchange *x)
{
	int fd = edge_socket(x);
	int64_t until = time_mono_us() + LINGER_US;
	size_t total = 0;
	char block[16384];

	if (fd < 0 || shutdown(fd, SHUT_WR) != 0)
		return;
	while (total < LINGER_BYTES && time_mono_us() < until) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int ms = (int)((until - time_mono_us()) / 1000);
		ssize_t got;

		if (poll(&p, 1, ms > 0 ? ms : 0) <= 0)
			return;
		got = recv(fd, block, sizeof(block), MSG_DONTWAIT);
		if (got <= 0)
			return;
		total += (size_t)got;
	}
}

/* ---- clients that send or read too slowly ---- */

void edge_watch(struct exchange *x, int64_t for_us)
{
	struct edge *e = x->edge;

	pthread_mutex_lock(&e->watch_lock);
	x->watch.since_us = time_mono_us();
	x->watch.until_us = x->watch.since_us + for_us;
	if (!x->watch.on) {
		x->watch.on = true;
		x->watch.next = e->watched;
		x->watch.prev = NULL;
		if (e->watched)
			e->watched->watch.prev = x;
		e->watched = x;
	}
	pthread_mutex_unlock(&e->watch_lock);
}

bool edge_unwatch(struct exchange *x)
{
	struct edge *e = x->edge;

	pthread_mutex_lock(&e->watch_lock);
	if (x->watch.on) {
		if (x->watch.prev)
			x->watch.prev->watch.next = x->watch.next;
		else
			e->watched = x->watch.next;
		if (x->watch.next)
			x->watch.next->watch.prev = x->watch.prev;
		x->watch.on = false;
	}
	pthread_mutex_unlock(&e->watch_lock);
	return x->watch.late;
}

/* A stream's client that takes nothing would hold up the end of the process. */
static bool is_late(const struct watch *w, int64_t now, bool ending)
{
	return now >= w->until_us || (ending && w->stream && now >= w->since_us + ENDING_US);
}

/* The lock keeps the connection its thread's: while it is watched its number is not given anew. */
void edge_end_late(struct edge *e)
{
	bool ending = atomic_load(&e->draining);
	int64_t now = time_mono_us();

	pthread_mutex_lock(&e->watch_lock);
	for (struct exchange *x = e->watched; x; x = x->watch.next) {
		int fd;

		if (x->watch.late || !is_late(&x->watch, now, ending))
			continue;
		x->watch.late = true;
		fd = edge_socket(x);
		if (fd >= 0)
			(void)shutdown(fd, x->watch.writes ? SHUT_RDWR : SHUT_RD);
	}
	pthread_mutex_unlock(&e->watch_lock);
}
