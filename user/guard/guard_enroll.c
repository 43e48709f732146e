/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolment of cgroups: slots, policies, modes. */
#include "user/guard/guard_impl.h"
#include "user/guard/inner_map.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <time.h>

#include "kern/lutra.skel.h"
#include "lib/abi/names.h"

#define NSEC_PER_SEC 1000000000ull
#define SEEN_DAY_NS (86400 * NSEC_PER_SEC)
#define IDLE_NS (5 * NSEC_PER_SEC) /* to detach takes the kernel a second or more */

static uint64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

/* ---- policies ---- */

/* A new inner map in an outer map; the kernel swaps it in at once. */
static int swap_inner(struct guard *g, const struct bpf_map *outer, uint32_t at, const char *type,
		      const void *value, size_t size)
{
	_cleanup_close_ int fd = inner_map_new(g->skel->obj, type, size);
	uint32_t zero = 0;

	if (fd < 0)
		return fd;
	if (value && bpf_map_update_elem(fd, &zero, value, BPF_ANY) < 0)
		return -errno;
	return inner_map_put(bpf_map__fd(outer), at, fd);
}

/* Empty seen bits for a slot's policy of that version. */
static int reset_seen(struct guard *g, uint32_t slot, uint32_t version)
{
	int r = swap_inner(g, g->skel->maps.seen, lutra_seen_slot(slot, version), "lutra_seen",
			   NULL, sizeof(struct lutra_seen));

	if (r == 0)
		g->seen_since_ns[slot] = clock_ns(CLOCK_MONOTONIC);
	return r;
}

/* Never 0, and other seen bits than those of the version that the slot has. */
static uint32_t next_version(struct guard *g, uint32_t slot)
{
	do {
		g->version++;
	} while (g->version == 0 || !((g->version ^ g->slots[slot].version) & 1));
	g->slots[0].generation = g->version;
	return g->version;
}

/* Whether exec sessions are in mode audit is the policy's to say. */
static void audit_sessions(struct lutra_slot *s, const struct policy *policy)
{
	if (policy->audit_sessions)
		__atomic_or_fetch(&s->flags, LUTRA_SLOT_AUDIT_SESSIONS, __ATOMIC_SEQ_CST);
	else
		__atomic_and_fetch(&s->flags, ~(__u32)LUTRA_SLOT_AUDIT_SESSIONS, __ATOMIC_SEQ_CST);
}

int guard_bind(struct guard *g, uint32_t slot, const struct policy *policy, struct err *err)
{
	_cleanup_free_ struct lutra_policy *image = malloc(sizeof(*image));
	struct utsname uts;
	uint32_t version;
	int r;

	if (!image)
		return err_set(err, -ENOMEM, "out of memory");
	if (uname(&uts) == 0 && strcmp(policy->arch, uts.machine) != 0)
		return err_set(err, -ENOEXEC,
			       "the policy is for %s, this is %s: train one on this machine",
			       policy->arch, uts.machine);
	version = next_version(g, slot);
	r = policy_image(policy, version, image, err);
	if (r == 0 && !g->calls)
		r = policy_image_without_calls(policy, image, err);
	if (r < 0)
		return r;
	policy_image_fall_back(policy, image);
	r = reset_seen(g, slot, version);
	if (r == 0)
		r = swap_inner(g, g->skel->maps.policies, slot, "lutra_policy", image,
			       sizeof(*image));
	if (r == 0) {
		g->slots[slot].version = version;
		audit_sessions(&g->slots[slot], policy);
	}
	__atomic_add_fetch(&g->slots[slot].generation, 1, __ATOMIC_SEQ_CST);
	if (r < 0)
		return err_set(err, r, "cannot give the kernel the policy: %s", strerror(-r));
	return 0;
}

void guard_unbind(struct guard *g, uint32_t slot)
{
	inner_map_put(bpf_map__fd(g->skel->maps.policies), slot, -1);
	for (uint32_t i = 0; i < 2; i++)
		inner_map_put(bpf_map__fd(g->skel->maps.seen), lutra_seen_slot(slot, i), -1);
	g->seen_since_ns[slot] = 0;
}

void guard_refresh_seen(struct guard *g)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC);

	for (uint32_t i = 1; g->n_enrolled && i < LUTRA_SLOTS; i++)
		if (g->seen_since_ns[i] && now - g->seen_since_ns[i] > SEEN_DAY_NS)
			reset_seen(g, i, g->slots[i].version);
}

/* ---- cgroups ---- */

static int cgroup_id(const char *path, uint64_t *ret, struct err *err)
{
	_cleanup_close_ int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct {
		struct file_handle head;
		uint64_t id;
	} handle = {.head.handle_bytes = sizeof(uint64_t)};
	struct statfs fs;
	struct stat st;
	int mount;

	if (fd < 0)
		return err_set(err, -errno, "cannot open cgroup %s: %s", path, strerror(errno));
	if (fstatfs(fd, &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC)
		return err_set(err, -ENOTSUP,
			       "%s is not a cgroup v2 directory: name one below the cgroup2 mount",
			       path);
	if (name_to_handle_at(fd, "", &handle.head, &mount, AT_EMPTY_PATH) == 0) {
		*ret = handle.id;
		return 0;
	}
	if (fstat(fd, &st) < 0)
		return err_set(err, -errno, "cannot look at cgroup %s: %s", path, strerror(errno));
	*ret = st.st_ino;
	return 0;
}

/* The kernel itself knows which cgroups this process is in or below. */
static int check_foreign(struct guard *g, uint64_t id, const char *path, struct err *err)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &id, .ctx_size_in = sizeof(id));
	int r = bpf_prog_test_run_opts(bpf_program__fd(g->skel->progs.lutra_is_own), &opts);

	if (r < 0)
		return err_set(err, r, "cannot tell whether %s may be enrolled: %s", path,
			       strerror(-r));
	if (opts.retval)
		return err_set(err, -EINVAL,
			       "%s holds this process itself: enrol the container's own cgroup",
			       path);
	return 0;
}

int guard_check_mode(const struct guard *g, uint32_t mode, bool has_policy, struct err *err)
{
	if (mode >= LUTRA_MODE_COUNT)
		return err_set(err, -EINVAL, "no such mode: %u", mode);
	if (!g->lsm && mode == LUTRA_MODE_DENY)
		return err_set(err, -EOPNOTSUPP,
			       "mode deny needs BPF LSM, which this host does not run: use audit, "
			       "kill, kill-container or freeze");
	if (!has_policy && mode != LUTRA_MODE_LEARN && mode != LUTRA_MODE_AUDIT)
		return err_set(err, -EINVAL, "mode %s needs a policy", mode_name(mode));
	return 0;
}

/* ---- slots ---- */

static int find_slot(struct guard *g, uint64_t id, const char *path, uint32_t *ret, struct err *err)
{
	uint32_t found = 0;

	for (uint32_t i = 1; i < LUTRA_SLOTS; i++) {
		if (g->slots[i].cgroup_id == id)
			return err_set(err, -EEXIST, "%s is enrolled already, as slot %u", path, i);
	}
	for (uint32_t i = 1; i < LUTRA_SLOTS && !found; i++) {
		uint32_t slot = (g->last_slot + i) % LUTRA_SLOTS;

		if (slot && g->slots[slot].cgroup_id == 0)
			found = slot;
	}
	if (!found)
		return err_set(err, -ENOSPC, "%d containers are enrolled, which is all that fit",
			       LUTRA_SLOTS - 1);
	*ret = found;
	return 0;
}

static int clear_counters(struct guard *g, uint32_t slot)
{
	int cpus = libbpf_num_possible_cpus();
	_cleanup_free_ struct lutra_counters *zero = NULL;

	if (cpus < 0)
		return cpus;
	zero = calloc((size_t)cpus, sizeof(*zero));
	if (!zero)
		return -ENOMEM;
	if (bpf_map_update_elem(bpf_map__fd(g->skel->maps.counters), &slot, zero, BPF_ANY) < 0)
		return -errno;
	return 0;
}

static void fill_slot(struct guard *g, uint32_t slot, uint64_t id, const struct guard_enrolment *e)
{
	struct lutra_slot *s = &g->slots[slot];

	s->start_realtime_ns = clock_ns(CLOCK_REALTIME);
	s->mode = e->mode;
	__atomic_add_fetch(&s->generation, 1, __ATOMIC_SEQ_CST);
	/* What the policy says is there already. */
	s->flags &= LUTRA_SLOT_AUDIT_SESSIONS;
	s->flags |=
		(e->record ? LUTRA_SLOT_RECORD : 0u) | (e->next_exec ? LUTRA_SLOT_NEXT_EXEC : 0u) |
		(e->starting ? LUTRA_SLOT_STARTING : 0u) | (e->sessions ? LUTRA_SLOT_SESSIONS : 0u);
	__atomic_add_fetch(&s->epoch, 1, __ATOMIC_SEQ_CST);
	s->instance = g->instance;
	__atomic_store_n(&s->cgroup_id, id, __ATOMIC_SEQ_CST);
}

/* Make every entry of the slot void, and forget its cgroup. */
static void empty_slot(struct guard *g, uint32_t slot)
{
	struct lutra_slot *s = &g->slots[slot];
	uint64_t id = s->cgroup_id;

	bpf_map_delete_elem(bpf_map__fd(g->skel->maps.cgroups), &id);
	__atomic_add_fetch(&s->epoch, 1, __ATOMIC_SEQ_CST);
	__atomic_store_n(&s->cgroup_id, 0, __ATOMIC_SEQ_CST);
	s->mode = LUTRA_MODE_LEARN;
	s->flags = 0;
	guard_unbind(g, slot);
}

/* Give entries to the tasks that are in the cgroup already. */
static int adopt(struct guard *g, uint32_t slot)
{
	_cleanup_close_ int fd = -1;
	struct bpf_link *link;
	char buf[64];
	ssize_t n;

	g->skel->bss->lutra_adopt_slot = slot;
	link = bpf_program__attach_iter(g->skel->progs.lutra_adopt, NULL);
	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	bpf_link__destroy(link);
	if (fd < 0)
		return -errno;
	do {
		n = read(fd, buf, sizeof(buf));
	} while (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)));
	return n < 0 ? -errno : 0;
}

/* From here on tasks get entries. A second pass finds who was forked behind the first one's back.
 */
static int open_slot(struct guard *g, uint32_t slot, uint64_t id, struct err *err)
{
	int r = 0;

	if (bpf_map_update_elem(bpf_map__fd(g->skel->maps.cgroups), &id, &slot, BPF_ANY) < 0)
		return err_set(err, -errno, "cannot enrol: %s", strerror(errno));
	for (int i = 0; i < 2 && r == 0; i++)
		r = adopt(g, slot);
	if (r < 0)
		return err_set(err, r, "cannot look for the container's tasks: %s", strerror(-r));
	return 0;
}

/* Make a map of array type all zero. */
static int clear_array(const struct bpf_map *m)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t size = ((size_t)bpf_map__value_size(m) + 7) / 8 * 8 * bpf_map__max_entries(m);
	void *p;

	size = (size + page - 1) / page * page;
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(m), 0);
	if (p == MAP_FAILED)
		return -errno;
	memset(p, 0, size);
	munmap(p, size);
	return 0;
}

/* Nothing has an entry: every stack may be somebody else's again, and every place is free. */
static int clear_tasks(struct guard *g)
{
	int r = clear_array(g->skel->maps.stacks);

	return r < 0 ? r : clear_array(g->skel->maps.hot);
}

int guard_enroll(struct guard *g, const struct guard_enrolment *e, uint32_t *ret_slot,
		 struct err *err)
{
	uint32_t slot = 0;
	uint64_t id = 0;
	int r;

	r = guard_check_mode(g, e->mode, e->policy != NULL, err);
	if (r == 0)
		r = cgroup_id(e->cgroup, &id, err);
	if (r == 0)
		r = check_foreign(g, id, e->cgroup, err);
	if (r == 0)
		r = find_slot(g, id, e->cgroup, &slot, err);
	if (r < 0)
		return r;
	if (clear_counters(g, slot) < 0 || (g->n_enrolled == 0 && clear_tasks(g) < 0))
		return err_set(err, -ENOMEM, "out of memory");
	r = e->policy ? guard_bind(g, slot, e->policy, err) : 0;
	if (r == 0 && g->n_enrolled == 0)
		r = guard_attach(g, err);
	if (r < 0) {
		guard_unbind(g, slot);
		return r;
	}
	fill_slot(g, slot, id, e);
	g->n_enrolled++;
	g->last_slot = slot;
	r = open_slot(g, slot, id, err);
	if (r < 0) {
		guard_release(g, slot);
		return r;
	}
	*ret_slot = slot;
	return 0;
}

static bool is_enrolled(const struct guard *g, uint32_t slot)
{
	return slot && slot < LUTRA_SLOTS && g->slots[slot].cgroup_id;
}

int guard_release(struct guard *g, uint32_t slot)
{
	if (!is_enrolled(g, slot))
		return -ENOENT;
	empty_slot(g, slot);
	if (--g->n_enrolled)
		return 0;
	g->idle_since_ns = clock_ns(CLOCK_MONOTONIC);
	guard_unpin_links(g);
	if (!g->linger)
		guard_detach(g);
	return 0;
}

void guard_idle(struct guard *g)
{
	if (g->detaching || (!g->n_enrolled && g->n_links &&
			     clock_ns(CLOCK_MONOTONIC) - g->idle_since_ns > IDLE_NS))
		guard_detach_aside(g);
}

int guard_set_mode(struct guard *g, uint32_t slot, uint32_t mode, struct err *err)
{
	struct lutra_slot *s;
	int r;

	if (!is_enrolled(g, slot))
		return err_set(err, -ENOENT, "slot %u holds no container", slot);
	r = guard_check_mode(g, mode, g->seen_since_ns[slot] != 0, err);
	if (r < 0)
		return r;
	s = &g->slots[slot];
	__atomic_store_n(&s->mode, mode, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&s->generation, 1, __ATOMIC_SEQ_CST);
	__atomic_and_fetch(&s->flags, ~(__u32)(LUTRA_SLOT_CONDEMNED | LUTRA_SLOT_FROZEN),
			   __ATOMIC_SEQ_CST);
	return 0;
}

int guard_set_record(struct guard *g, uint32_t slot, bool record)
{
	struct lutra_slot *s;

	if (!is_enrolled(g, slot))
		return -ENOENT;
	s = &g->slots[slot];
	if (record)
		__atomic_or_fetch(&s->flags, (__u32)LUTRA_SLOT_RECORD, __ATOMIC_SEQ_CST);
	else
		__atomic_and_fetch(&s->flags, ~(__u32)LUTRA_SLOT_RECORD, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&s->generation, 1, __ATOMIC_SEQ_CST);
	return 0;
}

int guard_set_policy(struct guard *g, uint32_t slot, const struct policy *policy, struct err *err)
{
	if (!is_enrolled(g, slot))
		return err_set(err, -ENOENT, "slot %u holds no container", slot);
	return guard_bind(g, slot, policy, err);
}

int guard_slot(const struct guard *g, uint32_t slot, struct lutra_slot *ret)
{
	if (!is_enrolled(g, slot))
		return -ENOENT;
	*ret = g->slots[slot];
	return 0;
}
