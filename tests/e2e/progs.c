/* SPDX-License-Identifier: Apache-2.0 */
/* Ids and names of the BPF programs that the kernel holds, whose names begin so. usage: progs
 * PREFIX
 */
#include <bpf/bpf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"

int main(int argc, char **argv)
{
	__u32 id = 0;

	if (argc != 2)
		return 2;
	while (bpf_prog_get_next_id(id, &id) == 0) {
		_cleanup_close_ int fd = bpf_prog_get_fd_by_id(id);
		struct bpf_prog_info info = {};
		__u32 len = sizeof(info);

		if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &len) == 0 &&
		    strncmp(info.name, argv[1], strlen(argv[1])) == 0)
			printf("%u %s\n", id, info.name);
	}
	return 0;
}
