/* Where things are: the checkout, the programs built, this program's temporary files; and how the
 * kit gives up. */
#include "testkit_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Below the range from which the kernel takes ports for outgoing connections. */
#define PORT_FIRST 20000
#define PORT_COUNT 12000
#define PORT_TRIES 1000

_Noreturn void tk__die(const char *fmt, ...)
{
	va_list ap;

	fputs("testkit: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

void tk__print(char *out, size_t cap, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(out, cap, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= cap)
		tk__die("a text of %d bytes does not fit", n);
}

/* The directory of this program. */
static void program_dir(char out[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - 1);

	if (n <= 0)
		tk__die("cannot find myself");
	out[n] = '\0';
	dirname(out);
}

const char *tk_root(void)
{
	static char root[TK_TEXT];
	char dir[PATH_MAX], probe[PATH_MAX + 32];

	if (*root)
		return root;
	program_dir(dir);
	for (;;) {
		snprintf(probe, sizeof(probe), "%s/deploy/local/stack.sh", dir);
		if (access(probe, R_OK) == 0)
			break;
		if (strcmp(dir, "/") == 0)
			tk__die("the program does not lie in a checkout");
		dirname(dir);
	}
	tk__print(root, sizeof(root), "%s", dir);
	return root;
}

const char *tk_bin(const char *name)
{
	static char path[TK_TEXT];
	char dir[PATH_MAX];

	program_dir(dir);
	tk__print(path, sizeof(path), "%s/../bin/%s", dir, name);
	return path;
}

static const char *temp_base(void)
{
	const char *dir = getenv("PP_TEST_DIR");

	if (!dir || !*dir)
		dir = getenv("TMPDIR");
	return dir && *dir ? dir : "/tmp";
}

const char *tk_dir(void)
{
	static char dir[TK_TEXT];

	if (*dir)
		return dir;
	tk__print(dir, sizeof(dir), "%s/pp-XXXXXX", temp_base());
	if (!mkdtemp(dir))
		tk__die("cannot make %s: %s", dir, strerror(errno));
	tk__guard_directory(dir);
	/* Closed to others at birth, but the postgres user has to pass. */
	if (chmod(dir, 0755) != 0)
		tk__die("cannot open %s to others", dir);
	return dir;
}

const char *tk_write_file(const char *name, const char *text)
{
	static char path[TK_TEXT];
	FILE *f;

	tk__print(path, sizeof(path), "%s/%s", tk_dir(), name);
	f = fopen(path, "we");
	if (!f || fputs(text, f) < 0 || fclose(f) != 0)
		tk__die("cannot write %s: %s", path, strerror(errno));
	return path;
}

bool tk_read_file(const char *path, char *out, size_t cap)
{
	FILE *f = fopen(path, "re");
	size_t n;

	if (!f)
		return false;
	n = fread(out, 1, cap - 1, f);
	out[n] = '\0';
	fclose(f);
	return true;
}

static bool port_is_free(int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	bool ok;

	if (fd < 0)
		return false;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	ok = bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(fd, 1) == 0;
	close(fd);
	return ok;
}

int tk_free_port(void)
{
	uint32_t draw = 0;

	for (int i = 0; i < PORT_TRIES; i++) {
		if (getrandom(&draw, sizeof(draw), 0) != sizeof(draw))
			tk__die("no random numbers");
		if (port_is_free(PORT_FIRST + (int)(draw % PORT_COUNT)))
			return PORT_FIRST + (int)(draw % PORT_COUNT);
	}
	tk__die("found no free port");
}
