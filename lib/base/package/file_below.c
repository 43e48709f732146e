/* SPDX-License-Identifier: Apache-2.0 */
/* Reads files below a directory whose content is hostile. */
#include "lib/base/package/file_below.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/file.h"

int file_open_below(int dir, const char *path, int flags)
{
	const struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC),
				     .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS |
						RESOLVE_NO_XDEV};
	long fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

int file_read_below(int dir, const char *path, size_t max, char **ret, size_t *ret_len)
{
	_cleanup_close_ int fd = file_open_below(dir, path, O_PATH);
	struct stat st;
	char self[32];

	if (fd < 0)
		return fd;
	/* What is no file is not opened: that could run a driver. */
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -EINVAL;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	return file_read(AT_FDCWD, self, max, ret, ret_len, NULL);
}
