/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inner maps of a map-in-map. The kernel's update and delete commands return only when no program
 * uses the old inner map any more, so a detached thread runs them.
 */
#include "user/guard/guard_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <time.h>

#include "user/sys/thread.h"

#define POLL_NS 20000

int inner_map_new(const struct bpf_object *obj, const char *type, size_t size)
{
	const struct btf *btf = bpf_object__btf(obj);
	int key_id = btf__find_by_name_kind(btf, "unsigned int", BTF_KIND_INT);
	int value_id = btf__find_by_name_kind(btf, type, BTF_KIND_STRUCT);
	LIBBPF_OPTS(bpf_map_create_opts, opts, .btf_fd = (__u32)btf__fd(btf),
		    .btf_key_type_id = (__u32)key_id, .btf_value_type_id = (__u32)value_id);
	int fd;

	if (key_id < 0 || value_id < 0)
		return -ENOENT;
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, type, sizeof(__u32), (__u32)size, 1, &opts);
	return fd < 0 ? -errno : fd;
}

/* ---- changes that end in a thread ---- */

/* Shared by the thread and the caller; the last holder frees it. */
struct change {
	int outer, inner;
	uint32_t key;
	int r;
	atomic_bool done; /* r is set */
	atomic_int holders;
};

static void change_drop(struct change *c)
{
	if (atomic_fetch_sub(&c->holders, 1) > 1)
		return;
	closep(&c->outer);
	closep(&c->inner);
	free(c);
}

static void *apply_change(void *arg)
{
	struct change *c = arg;
	int r = c->inner >= 0 ? bpf_map_update_elem(c->outer, &c->key, &c->inner, BPF_ANY)
			      : bpf_map_delete_elem(c->outer, &c->key);

	c->r = r < 0 && !(c->inner < 0 && errno == ENOENT) ? -errno : 0;
	atomic_store(&c->done, true);
	change_drop(c);
	return NULL;
}

/* Returns true if programs find the inner map of that id at the key; 0: no map. */
static bool has_inner_map(int outer, uint32_t key, uint32_t id)
{
	uint32_t now = 0;

	if (bpf_map_lookup_elem(outer, &key, &now) < 0)
		now = 0;
	return now == id;
}

static int read_map_id(int fd, uint32_t *ret)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return -errno;
	*ret = info.id;
	return 0;
}

static struct change *change_new(int outer, uint32_t key, int inner)
{
	struct change *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->outer = fcntl(outer, F_DUPFD_CLOEXEC, 3);
	c->inner = inner < 0 ? -1 : fcntl(inner, F_DUPFD_CLOEXEC, 3);
	c->key = key;
	atomic_init(&c->holders, 1);
	if (c->outer >= 0 && (inner < 0 || c->inner >= 0))
		return c;
	change_drop(c);
	return NULL;
}

int inner_map_put(int outer, uint32_t key, int inner)
{
	const struct timespec pause = {.tv_nsec = POLL_NS};
	uint32_t id = 0;
	struct change *c;
	pthread_t thread;
	bool done = false;
	int r = inner < 0 ? 0 : read_map_id(inner, &id);

	if (r < 0 || (inner < 0 && has_inner_map(outer, key, 0)))
		return r;
	c = change_new(outer, key, inner);
	if (!c)
		return -ENOMEM;
	atomic_fetch_add(&c->holders, 1);
	if (thread_start(&thread, "inner map", apply_change, c) == 0)
		pthread_detach(thread);
	else
		apply_change(c);
	while (!done && !has_inner_map(outer, key, id)) {
		done = atomic_load(&c->done);
		if (!done)
			nanosleep(&pause, NULL);
	}
	r = atomic_load(&c->done) ? c->r : 0;
	change_drop(c);
	return r;
}
