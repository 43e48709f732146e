/* SPDX-License-Identifier: Apache-2.0 */
/* Tracepoints at the exits of single system calls. */
#include "user/guard/guard_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>

#include "lib/abi/syscalls.h"
#include "lutra/fallback.h"

static int open_tracefs(void)
{
	return guard_open_fs("tracefs");
}

/* Returns the id of a system call's exit tracepoint. -ENOENT: it has none. */
static int read_event_id(int tracefs, unsigned nr)
{
	_cleanup_close_ int fd = -1;
	char path[96], name[32], text[16] = "";

	snprintf(path, sizeof(path), "events/syscalls/sys_exit_%s/id",
		 syscall_name(NULL, nr, name, sizeof(name)));
	fd = openat(tracefs, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (read(fd, text, sizeof(text) - 1) <= 0)
		return -EIO;
	return (int)strtol(text, NULL, 10);
}

/* Returns true if the kernel may be too old to have the system call. */
static bool is_missing_new_syscall(unsigned nr, int r)
{
	return r == -ENOENT && nr > LUTRA_NR_OLDEST;
}

bool syscall_events_usable(void)
{
	_cleanup_close_ int tracefs = open_tracefs();

	for (unsigned nr = 0; nr < LUTRA_NR && tracefs >= 0; nr++) {
		int r = lutra_is_fallback_syscall(nr) ? read_event_id(tracefs, nr) : 0;

		if (r < 0 && !is_missing_new_syscall(nr, r))
			return false;
	}
	return tracefs >= 0;
}

static int attach_tracepoint(struct bpf_program *p, int id, struct bpf_link **ret)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr), .config = (__u64)id};
	_cleanup_close_ int fd =
		(int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	struct bpf_link *link;

	if (fd < 0)
		return -errno;
	/* A perf event of a tracepoint runs the program on every CPU for every task. */
	link = bpf_program__attach_perf_event(p, fd);
	if (!link)
		return -errno;
	TAKE_FD(fd);
	*ret = link;
	return 0;
}

int syscall_events_attach_one(struct bpf_program *p, unsigned nr, struct bpf_link **ret)
{
	_cleanup_close_ int tracefs = open_tracefs();
	int id = tracefs < 0 ? tracefs : read_event_id(tracefs, nr);

	return id < 0 ? id : attach_tracepoint(p, id, ret);
}

int syscall_events_attach(struct bpf_program *p, struct bpf_link **links, size_t *n, size_t max,
			  size_t *at)
{
	_cleanup_close_ int tracefs = open_tracefs();

	if (tracefs < 0)
		return tracefs;
	for (unsigned nr = 0; nr < LUTRA_NR; nr++) {
		int r = lutra_is_fallback_syscall(nr) ? read_event_id(tracefs, nr) : -ENOENT;

		if (!lutra_is_fallback_syscall(nr) || is_missing_new_syscall(nr, r) || (*at)++ < *n)
			continue;
		if (r >= 0)
			r = *n < max ? attach_tracepoint(p, r, &links[*n]) : -ENOSPC;
		if (r < 0)
			return r;
		++*n;
	}
	return 0;
}
