/* SPDX-License-Identifier: Apache-2.0 */
#include "user/sys/database_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"

void database_file_make_private(const char *path)
{
	static const char *const endings[] = {"", "-wal", "-shm"};
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);

	if (fd >= 0)
		close(fd);
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		_cleanup_free_ char *one = NULL;
		struct stat st;

		if (asprintf(&one, "%s%s", path, endings[i]) >= 0 && lstat(one, &st) == 0 &&
		    S_ISREG(st.st_mode) && st.st_mode & 077)
			chmod(one, 0600);
	}
}
