/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ids and names of the BPF programs that the kernel holds, or with -l of those that a link holds
 * attached, whose names begin so. usage: progs [-l] PREFIX
 */
#include <bpf/bpf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"

static void print_program(__u32 id, const char *prefix)
{
	_cleanup_close_ int fd = bpf_prog_get_fd_by_id(id);
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);

	if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &len) == 0 &&
	    strncmp(info.name, prefix, strlen(prefix)) == 0)
		printf("%u %s\n", id, info.name);
}

static void print_attached(__u32 link_id, const char *prefix)
{
	_cleanup_close_ int fd = bpf_link_get_fd_by_id(link_id);
	struct bpf_link_info info = {};
	__u32 len = sizeof(info);

	if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &len) == 0)
		print_program(info.prog_id, prefix);
}

int main(int argc, char **argv)
{
	__u32 id = 0;

	if (argc == 3 && strcmp(argv[1], "-l") == 0) {
		while (bpf_link_get_next_id(id, &id) == 0)
			print_attached(id, argv[2]);
		return 0;
	}
	if (argc != 2)
		return 2;
	while (bpf_prog_get_next_id(id, &id) == 0)
		print_program(id, argv[1]);
	return 0;
}
