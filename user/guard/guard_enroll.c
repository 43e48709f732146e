/* SPDX-License-Identifier: Apache-2.0 */
/* Enrols cgroups: slots, policies, modes. Owns the slots and the tasks' first entries. */
#include "user/guard/guard_impl.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>

#include "kern/lutra.skel.h"
#include "lib/abi/names.h"
#include "user/sys/clock.h"
#include "user/sys/process/cgroup.h"

#define SEEN_MAX_NS (86400 * NSEC_PER_SEC) /* of seen pairs, before they are renewed */
#define SEEN_RETRY_NS (60 * NSEC_PER_SEC)
#define SEEN_AT_ONCE 16 /* containers whose seen pairs are renewed in one call: a ms or two */
#define IDLE_NS (5 * NSEC_PER_SEC) /* detaching takes the kernel a second or more */

/* ---- policies ---- */

/* Puts a new inner map into an outer map; programs see it at once. value NULL: all zero. */
static int swap_inner_map(struct guard *g, const struct bpf_map *outer, uint32_t at,
			  const char *type, const void *value, size_t size)
{
	_cleanup_close_ int fd = inner_map_new(g->skel->obj, type, size);
	uint32_t zero = 0;

	if (fd < 0)
		return fd;
	if (value && bpf_map_update_elem(fd, &zero, value, BPF_ANY) < 0)
		return -errno;
	return inner_map_put(bpf_map__fd(outer), at, fd);
}

/* Gives a slot empty seen pairs for its policy of that version. The caller notes the time. */
static int reset_seen_pairs(struct guard *g, uint32_t slot, uint32_t version)
{
	return swap_inner_map(g, g->skel->maps.seen, lutra_seen_slot(slot, version), "lutra_seen",
			      NULL, sizeof(struct lutra_seen));
}

/*
 * Returns a new version: never 0, and with another lowest bit than the slot's present version, whose
 * seen pairs stay in use until the swap.
 */
static uint32_t take_version(struct guard *g, uint32_t slot)
{
	do {
		g->version++;
	} while (g->version == 0 || !((g->version ^ g->slots[slot].version) & 1));
	g->slots[0].generation = g->version;
	return g->version;
}

static void set_slot_flags(struct lutra_slot *s, uint32_t flags, bool on)
{
	if (on)
		__atomic_or_fetch(&s->flags, flags, __ATOMIC_SEQ_CST);
	else
		__atomic_and_fetch(&s->flags, ~flags, __ATOMIC_SEQ_CST);
}

/* Gives a slot a policy and empty seen pairs. */
static int bind_policy(struct guard *g, uint32_t slot, const struct policy *policy, struct err *err)
{
	_cleanup_free_ struct lutra_policy *image = malloc(sizeof(*image));
	struct utsname uts;
	uint32_t version;
	int r;

	if (!image)
		return err_oom(err);
	if (uname(&uts) == 0 && strcmp(policy->arch, uts.machine) != 0)
		return err_set(err, -ENOEXEC,
			       "the policy is for %s, this is %s: train one on this machine",
			       policy->arch, uts.machine);
	version = take_version(g, slot);
	r = policy_to_kernel(policy, version, image, err);
	if (r == 0 && !g->syscalls)
		r = policy_to_kernel_without_syscalls(policy, image, err);
	if (r < 0)
		return r;
	policy_to_kernel_fall_back(policy, image);
	r = reset_seen_pairs(g, slot, version);
	if (r == 0)
		r = swap_inner_map(g, g->skel->maps.policies, slot, "lutra_policy", image,
				   sizeof(*image));
	if (r == 0) {
		g->slots[slot].version = version;
		g->slots[slot].seen_since_ns = clock_now_ns();
		set_slot_flags(&g->slots[slot], LUTRA_SLOT_AUDIT_EXEC_SESSIONS,
			       policy->audit_sessions);
	}
	__atomic_add_fetch(&g->slots[slot].generation, 1, __ATOMIC_SEQ_CST);
	if (r < 0)
		return err_set(err, r, "cannot load the policy into the kernel: %s", strerror(-r));
	return 0;
}

static void unbind_policy(struct guard *g, uint32_t slot)
{
	inner_map_put(bpf_map__fd(g->skel->maps.policies), slot, -1);
	for (uint32_t i = 0; i < 2; i++)
		inner_map_put(bpf_map__fd(g->skel->maps.seen), lutra_seen_slot(slot, i), -1);
	g->slots[slot].seen_since_ns = 0;
}

int guard_renew_seen(struct guard *g, uint64_t now_ns)
{
	unsigned n = 0;
	int failed = 0;

	for (uint32_t i = 1; g->n_enrolled && i < LUTRA_SLOTS && n < SEEN_AT_ONCE; i++) {
		struct lutra_slot *s = &g->slots[i];
		int r;

		if (!s->seen_since_ns || now_ns < s->seen_since_ns + SEEN_MAX_NS)
			continue;
		n++;
		r = reset_seen_pairs(g, i, s->version);
		s->seen_since_ns = r < 0 ? s->seen_since_ns + SEEN_RETRY_NS : now_ns;
		failed = r < 0 ? r : failed;
	}
	return failed;
}

/* ---- cgroups ---- */

/* Asks the kernel side whether this process is in the cgroup or below it. */
static int check_not_own(struct guard *g, uint64_t id, const char *path, struct err *err)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &id, .ctx_size_in = sizeof(id));
	int r = bpf_prog_test_run_opts(bpf_program__fd(g->skel->progs.lutra_is_own), &opts);

	if (r < 0)
		return err_set(err, r, "cannot check whether %s contains this process: %s", path,
			       strerror(-r));
	if (opts.retval)
		return err_set(err, -EINVAL,
			       "%s contains this process: enrol the container's own cgroup", path);
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

	for (uint32_t i = 1; i <= LUTRA_SLOTS; i++) {
		uint32_t slot = (g->last_slot + i) % LUTRA_SLOTS;

		if (slot && g->slots[slot].cgroup_id == id)
			return err_set(err, -EEXIST, "%s is already enrolled as slot %u", path,
				       slot);
		if (slot && !found && g->slots[slot].cgroup_id == 0)
			found = slot;
	}
	if (!found)
		return err_set(err, -ENOSPC,
			       "%d containers are enrolled, which is the maximum: release one",
			       LUTRA_CONTAINERS_MAX);
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

	s->start_realtime_ns = clock_realtime_ns();
	s->mode = e->mode;
	s->mnt_ns = 0;
	s->condemned = 0;
	__atomic_add_fetch(&s->generation, 1, __ATOMIC_SEQ_CST);
	/* bind_policy() has set this flag. */
	s->flags &= LUTRA_SLOT_AUDIT_EXEC_SESSIONS;
	s->flags |= (e->record ? LUTRA_SLOT_RECORD : 0u) |
		    (e->next_exec ? LUTRA_SLOT_NEXT_EXEC : 0u) |
		    (e->starting ? LUTRA_SLOT_STARTING : 0u) |
		    (e->sessions ? LUTRA_SLOT_EXEC_SESSIONS : 0u);
	__atomic_add_fetch(&s->epoch, 1, __ATOMIC_SEQ_CST);
	s->instance = g->instance;
	__atomic_store_n(&s->cgroup_id, id, __ATOMIC_SEQ_CST);
}

/* Voids every task entry of the slot and removes its cgroup. */
static void empty_slot(struct guard *g, uint32_t slot)
{
	struct lutra_slot *s = &g->slots[slot];
	uint64_t id = s->cgroup_id;

	bpf_map_delete_elem(bpf_map__fd(g->skel->maps.cgroups), &id);
	__atomic_add_fetch(&s->epoch, 1, __ATOMIC_SEQ_CST);
	__atomic_store_n(&s->cgroup_id, 0, __ATOMIC_SEQ_CST);
	s->mode = LUTRA_MODE_LEARN;
	s->flags = 0;
	unbind_policy(g, slot);
}

int guard_walk_tasks(struct bpf_program *p)
{
	_cleanup_close_ int fd = -1;
	struct bpf_link *link = bpf_program__attach_iter(p, NULL);
	char buf[64];
	ssize_t n;

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

/* Starts giving entries to tasks. The second pass finds tasks that were forked during the first. */
static int open_slot(struct guard *g, uint32_t slot, uint64_t id, struct err *err)
{
	int r = 0;

	if (bpf_map_update_elem(bpf_map__fd(g->skel->maps.cgroups), &id, &slot, BPF_ANY) < 0)
		return err_set(err, -errno, "cannot enrol: %s", strerror(errno));
	/* Gives entries to the tasks that are in the cgroup already. */
	g->skel->bss->lutra_enter_slot = slot;
	for (int i = 0; i < 2 && r == 0; i++)
		r = guard_walk_tasks(g->skel->progs.lutra_enter_running);
	if (r < 0)
		return err_set(err, r, "cannot enrol the container's running tasks: %s",
			       strerror(-r));
	return 0;
}

/* Sets a mapped array to zero. */
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

/* Removes all elements of a hash map. */
static void clear_hash(const struct bpf_map *m)
{
	uint64_t key;

	while (bpf_map_get_next_key(bpf_map__fd(m), NULL, &key) == 0 &&
	       bpf_map_delete_elem(bpf_map__fd(m), &key) == 0)
		;
}

/*
 * Frees stacks, cached entries and the reserve, while no task has an entry. Returns 0 or -errno as
 * mmap(2).
 */
static int clear_entries(const struct guard *g)
{
	const struct bpf_map *const arrays[] = {g->skel->maps.stacks, g->skel->maps.task_cache,
						g->skel->maps.shortage};
	int r = 0;

	clear_hash(g->skel->maps.reserve);
	clear_hash(g->skel->maps.ipc_makers);
	for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]) && r == 0; i++)
		r = clear_array(arrays[i]);
	return r < 0 ? r : guard_note_skipping(g);
}

int guard_note_skipping(const struct guard *g)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct {
		uint64_t used, lost;
	} * shortage;

	if (!g->preempts || !g->lsm)
		return 0;
	shortage = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED,
			bpf_map__fd(g->skel->maps.shortage), 0);
	if (shortage == MAP_FAILED)
		return -errno;
	__atomic_fetch_or(&shortage->lost, LUTRA_LOST_SKIPPED, __ATOMIC_SEQ_CST);
	munmap(shortage, page);
	return 0;
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
		r = check_not_own(g, id, e->cgroup, err);
	if (r == 0)
		r = find_slot(g, id, e->cgroup, &slot, err);
	if (r < 0)
		return r;
	if (clear_counters(g, slot) < 0 || (g->n_enrolled == 0 && clear_entries(g) < 0))
		return err_oom(err);
	r = e->policy ? bind_policy(g, slot, e->policy, err) : 0;
	if (r == 0 && g->n_enrolled == 0)
		r = guard_attach(g, err);
	if (r == 0) {
		r = guard_follow_mode(g, e->mode);
		if (r < 0)
			err_set(err, r, "cannot attach what refuses: %s", strerror(-r));
	}
	if (r < 0) {
		unbind_policy(g, slot);
		return r;
	}
	fill_slot(g, slot, id, e);
	g->n_enrolled++;
	g->last_slot = slot;
	g->skel->bss->lutra_enter_at_door = (uint32_t)e->at_door;
	r = open_slot(g, slot, id, err);
	g->skel->bss->lutra_enter_at_door = 0;
	if (r == 0) {
		r = guard_follow_filters(g);
		if (r < 0)
			err_set(err, r, "cannot attach sys_enter: %s", strerror(-r));
	}
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

int guard_enroll_stopped(struct guard *g, uint32_t slot, pid_t pid)
{
	int r;

	if (!is_enrolled(g, slot))
		return -ENOENT;
	g->skel->bss->lutra_enter_at_door = (uint32_t)pid;
	g->skel->bss->lutra_enter_slot = slot;
	r = guard_walk_tasks(g->skel->progs.lutra_enter_running);
	g->skel->bss->lutra_enter_at_door = 0;
	return r < 0 ? r : guard_follow_filters(g);
}

void guard_enter_missed(struct guard *g)
{
	uint64_t missed = g->n_enrolled ? guard_missed_tasks(g) : g->missed_tasks;

	if (missed == g->missed_tasks)
		return;
	g->skel->bss->lutra_enter_slot = 0;
	/* The second walk finds what was forked during the first. */
	for (int i = 0; i < 2; i++)
		if (guard_walk_tasks(g->skel->progs.lutra_enter_running) < 0)
			return;
	g->missed_tasks = missed;
}

int guard_release(struct guard *g, uint32_t slot)
{
	if (!is_enrolled(g, slot))
		return -ENOENT;
	empty_slot(g, slot);
	if (--g->n_enrolled)
		return 0;
	g->idle_since_ns = clock_now_ns();
	guard_unpin_links(g);
	if (!g->linger)
		guard_detach(g);
	return 0;
}

void guard_detach_idle(struct guard *g)
{
	if (g->detaching ||
	    (!g->n_enrolled && g->n_links && clock_now_ns() - g->idle_since_ns > IDLE_NS))
		guard_detach_aside(g);
}

int guard_set_mode(struct guard *g, uint32_t slot, uint32_t mode, struct err *err)
{
	struct lutra_slot *s;
	int r;

	if (!is_enrolled(g, slot))
		return err_set(err, -ENOENT, "slot %u holds no container", slot);
	r = guard_check_mode(g, mode, g->slots[slot].seen_since_ns != 0, err);
	if (r < 0)
		return r;
	r = guard_follow_mode(g, mode);
	if (r < 0)
		return err_set(err, r, "cannot attach what refuses: %s", strerror(-r));
	s = &g->slots[slot];
	__atomic_store_n(&s->mode, mode, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&s->generation, 1, __ATOMIC_SEQ_CST);
	set_slot_flags(s, LUTRA_SLOT_KILLING | LUTRA_SLOT_FROZEN, false);
	return 0;
}

int guard_set_record(struct guard *g, uint32_t slot, bool record)
{
	if (!is_enrolled(g, slot))
		return -ENOENT;
	set_slot_flags(&g->slots[slot], LUTRA_SLOT_RECORD, record);
	__atomic_add_fetch(&g->slots[slot].generation, 1, __ATOMIC_SEQ_CST);
	return 0;
}

int guard_note_emptied(struct guard *g, uint32_t slot)
{
	if (!is_enrolled(g, slot))
		return -ENOENT;
	set_slot_flags(&g->slots[slot], LUTRA_SLOT_STARTED, false);
	return 0;
}

int guard_set_policy(struct guard *g, uint32_t slot, const struct policy *policy, struct err *err)
{
	if (!is_enrolled(g, slot))
		return err_set(err, -ENOENT, "slot %u holds no container", slot);
	return bind_policy(g, slot, policy, err);
}

int guard_slot(const struct guard *g, uint32_t slot, struct lutra_slot *ret)
{
	if (!is_enrolled(g, slot))
		return -ENOENT;
	*ret = g->slots[slot];
	return 0;
}
