/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much evidence was taken from the ring and is settled, beside the ring: a map of userspace's own,
 * pinned with the others, so that a lutrad finds what one that was killed has left. No program uses it.
 */
#include "user/guard/guard_impl.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Returns the descriptor of the pinned map, or of a new one that is pinned. Else -errno. */
static int open_pinned(const char *path)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	int fd = bpf_obj_get(path);

	if (fd >= 0 || errno != ENOENT)
		return fd < 0 ? -errno : fd;
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "handled", sizeof(uint32_t),
			    sizeof(struct guard_handled), 1, &opts);
	if (fd < 0)
		return -errno;
	if (bpf_obj_pin(fd, path) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

int guard_open_handled(struct guard *g, struct err *err)
{
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];
	void *p;

	if (!g->pin_dir)
		return 0;
	guard_pin_path(g, "handled", path);
	fd = open_pinned(path);
	if (fd < 0)
		return err_set(err, fd, "%s: cannot be opened or made: %s", path, strerror(-fd));
	p = mmap(NULL, sizeof(*g->handled), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return err_set(err, -errno, "%s: cannot be mapped: %s", path, strerror(errno));
	g->handled = p;
	return 0;
}

void guard_close_handled(struct guard *g)
{
	if (g->handled)
		munmap(g->handled, sizeof(*g->handled));
	g->handled = NULL;
}

struct guard_handled *guard_handled(const struct guard *g)
{
	return g->handled;
}
