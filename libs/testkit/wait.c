/* Waiting for conditions, never for a time. */
#include "core/timeutil.h"
#include "testkit_priv.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOOK_FIRST_US 2000
#define LOOK_LAST_US  50000

bool tk_wait_until(bool (*cond)(void *arg), void *arg, int timeout_ms)
{
	int64_t deadline = time_mono_us() + (int64_t)timeout_ms * 1000;
	int64_t pause = LOOK_FIRST_US;

	while (!cond(arg)) {
		int64_t now = time_mono_us();

		if (now >= deadline)
			return false;
		time_sleep_us(now + pause < deadline ? now + pause : deadline);
		pause = pause * 2 < LOOK_LAST_US ? pause * 2 : LOOK_LAST_US;
	}
	return true;
}

static bool port_accepts(void *arg)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t) * (const int *)arg),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok = fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

bool tk_wait_port(int port, int timeout_ms)
{
	return tk_wait_until(port_accepts, &port, timeout_ms);
}
