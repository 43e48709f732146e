/* SPDX-License-Identifier: Apache-2.0 */
/* Opens recordings and reads their lines. */
#include "user/import/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/file.h"

/* Files that are no text, by their first bytes, and how to read them. */
static const struct {
	const char *bytes;
	unsigned len;
	const char *what;
} kinds[] = {
	{"\x1f\x8b", 2, "is compressed by gzip: zcat it, and import -"},
	{"PK\x03\x04", 4, "is a zip archive: unzip -p it, and import -"},
	{"\x28\xb5\x2f\xfd", 4, "is compressed by zstd: zstdcat it, and import -"},
	{"\xfd"
	 "7zXZ",
	 5, "is compressed by xz: xzcat it, and import -"},
	{"BZh", 3, "is compressed by bzip2: bzcat it, and import -"},
	{"\n\r\r\n", 4, "is a capture of sysdig: sysdig -r it, and import - as lid-ds"},
	{"PERFILE2", 8, "is a recording of perf: perf trace -i it, and import - as perf"},
	{"LTR1", 4, "is a trace already"},
};

/* Opens a path for reading. A pipe has no place in it, and may wait for its writer. */
static int open_path(const char *path, struct err *err)
{
	struct stat st;
	int fd;

	if (strcmp(path, "-") == 0) {
		fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
		return fd < 0 ? err_set(err, -errno, "standard input: %s", strerror(errno)) : fd;
	}
	if (stat(path, &st) < 0 || !S_ISFIFO(st.st_mode))
		return file_open_read(AT_FDCWD, path, err);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? err_set(err, -errno, "%s: %s", path, strerror(errno)) : fd;
}

/* Reads the first bytes, and refuses what is no text. */
static int read_magic(struct input *in, const char *path, struct err *err)
{
	in->n_head = fread(in->head, 1, INPUT_HEAD, in->file);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (in->n_head >= kinds[i].len &&
		    memcmp(in->head, kinds[i].bytes, kinds[i].len) == 0)
			return err_set(err, -EINVAL, "%s: %s", path, kinds[i].what);
	if (in->n_head >= 3 && memcmp(in->head, "\xef\xbb\xbf", 3) == 0)
		in->next = 3; /* the mark that editors put before UTF-8 */
	return 0;
}

int input_open(struct input *in, const char *path, struct err *err)
{
	int fd = open_path(path, err);

	*in = (struct input){};
	if (fd < 0)
		return fd;
	in->file = fdopen(fd, "r");
	if (!in->file) {
		close(fd);
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	}
	return read_magic(in, path, err);
}

void input_close(struct input *in)
{
	if (in->file)
		fclose(in->file);
	in->file = NULL;
}

static int next_char(struct input *in)
{
	return in->next < in->n_head ? in->head[in->next++] : getc_unlocked(in->file);
}

int input_line(struct input *in, char buf[static INPUT_LINE_MAX + 1], struct err *err)
{
	bool binary = false;
	size_t len = 0;
	int c;

	in->line++;
	while ((c = next_char(in)) != EOF && c != '\n') {
		if (len <= INPUT_LINE_MAX)
			buf[len++] = (char)c;
		binary |= c == '\0';
	}
	if (c == EOF && ferror(in->file))
		return err_set(err, -errno, "%s", strerror(errno));
	if (len > INPUT_LINE_MAX)
		return err_set(err, -EFBIG, "line is longer than %u bytes", INPUT_LINE_MAX);
	if (binary)
		return err_set(err, -EBADMSG, "holds a NUL byte: not a text file");
	while (len && buf[len - 1] == '\r')
		len--;
	buf[len] = '\0';
	return c != EOF || len > 0;
}
