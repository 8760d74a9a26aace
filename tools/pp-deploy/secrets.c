/*
 * The directory that holds what a deployment keeps to itself: nkey seeds, database passwords,
 * sealing keys, addresses. Read next: keys.c.
 */
#include "deploy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_MAX_LEN 1024

enum status secrets_open(const char *dir, char out[PATH_MAX], struct error *err)
{
	struct stat st;

	if (realpath(dir, out) == NULL || stat(out, &st) != 0)
		return error_set(err, ST_INVALID, dir, "cannot be opened: %s", strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return error_set(err, ST_INVALID, dir, "is not a directory");
	return ST_OK;
}

enum status secrets_path(const char *dir, const char *sub, const char *name, char out[PATH_MAX],
			 struct error *err)
{
	int n = snprintf(out, PATH_MAX, "%s/%s/%s", dir, sub, name);

	if (n < 0 || n >= PATH_MAX)
		return error_set(err, ST_INVALID, name, "its path is too long");
	return ST_OK;
}

/* The whole text on disk under `path`, synced; `path` must not exist. */
static enum status write_file(const char *path, const char *text, struct error *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	size_t len = strlen(text);
	bool ok;

	if (fd < 0)
		return error_set(err, ST_INTERNAL, path, "cannot be made: %s", strerror(errno));
	/* Secrets are far below the size at which a regular file takes a part only. */
	ok = write(fd, text, len) == (ssize_t)len && write(fd, "\n", 1) == 1 && fsync(fd) == 0;
	ok = close(fd) == 0 && ok;
	return ok ? ST_OK : error_set(err, ST_INTERNAL, path, "cannot be written");
}

enum status secrets_put_once(const char *dir, const char *sub, const char *name, const char *text,
			     bool *made, struct error *err)
{
	char path[PATH_MAX], half[PATH_MAX];
	enum status st = secrets_path(dir, sub, name, path, err);

	if (st == ST_OK)
		st = secrets_path(dir, sub, ".half", half, err);
	if (st != ST_OK)
		return st;
	*strrchr(half, '/') = '\0';
	if (mkdir(half, 0700) != 0 && errno != EEXIST)
		return error_set(err, ST_INTERNAL, half, "cannot be made: %s", strerror(errno));
	half[strlen(half)] = '/';
	*made = false;
	if (access(path, F_OK) == 0)
		return ST_OK;
	if (unlink(half) != 0 && errno != ENOENT)
		return error_set(err, ST_INTERNAL, half, "cannot be removed: %s", strerror(errno));
	st = write_file(half, text, err);
	if (st != ST_OK)
		return st;
	/* link, not rename: it never replaces what another run has just made. */
	*made = link(half, path) == 0;
	if (!*made && errno != EEXIST)
		st = error_set(err, ST_INTERNAL, path, "cannot be made: %s", strerror(errno));
	if (unlink(half) != 0 && st == ST_OK)
		st = error_set(err, ST_INTERNAL, half, "cannot be removed: %s", strerror(errno));
	return st;
}

enum status secrets_get(const char *dir, const char *sub, const char *name, char out[SECRET_CAP],
			struct error *err)
{
	char path[PATH_MAX];
	enum status st = secrets_path(dir, sub, name, path, err);
	struct stat info;
	FILE *f;

	if (st != ST_OK)
		return st;
	f = fopen(path, "re");
	if (f == NULL)
		return error_set(err, ST_NOT_FOUND, path,
				 "cannot be read: %s (run: pp-deploy keys)", strerror(errno));
	if (fstat(fileno(f), &info) != 0 || (info.st_mode & 077) != 0)
		st = error_set(err, ST_DENIED, path,
			       "is open to group or others; its mode must be 0600");
	else if (fgets(out, SECRET_CAP, f) == NULL || strchr(out, '\n') == NULL)
		st = error_set(err, ST_INVALID, path, "does not hold one line of at most %d bytes",
			       SECRET_CAP - 2);
	fclose(f);
	if (st == ST_OK)
		*strchr(out, '\n') = '\0';
	return st;
}

/* True when `line` is "key=value"; the value goes to `out`. */
static bool take_value(char *line, const char *key, char out[VALUE_CAP])
{
	size_t n = strlen(key);

	line[strcspn(line, "\r\n")] = '\0';
	if (strncmp(line, key, n) != 0 || line[n] != '=' || strlen(line + n + 1) >= VALUE_CAP)
		return false;
	memcpy(out, line + n + 1, strlen(line + n + 1) + 1);
	return true;
}

enum status setting_get(const char *dir, const char *file, const char *key, const char *fallback,
			char out[VALUE_CAP], struct error *err)
{
	char path[PATH_MAX], line[LINE_MAX_LEN];
	bool found = false;
	FILE *f;

	if (snprintf(path, sizeof(path), "%s/%s", dir, file) >= (int)sizeof(path))
		return error_set(err, ST_INVALID, file, "its path is too long");
	f = fopen(path, "re");
	while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL)
		found = take_value(line, key, out);
	if (f != NULL)
		fclose(f);
	if (found)
		return ST_OK;
	if (fallback == NULL || strlen(fallback) >= VALUE_CAP)
		return error_set(err, ST_INVALID, key, "is not in %s", path);
	memcpy(out, fallback, strlen(fallback) + 1);
	return ST_OK;
}
