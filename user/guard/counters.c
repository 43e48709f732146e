/* SPDX-License-Identifier: Apache-2.0 */
/* What can be read of the kernel side: counters, programs, tasks, operations. Nothing is changed. */
#include "user/guard/guard_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kern/lutra.skel.h"
#include "lib/abi/op_set.h"
#include "user/sys/process/cgroup.h"

int guard_counters(const struct guard *g, uint32_t slot, struct lutra_counters *ret)
{
	int cpus = libbpf_num_possible_cpus();
	_cleanup_free_ struct lutra_counters *per_cpu = NULL;
	struct lutra_counters sum = {};

	if (slot >= LUTRA_SLOTS)
		return -ENOENT;
	if (cpus < 0)
		return cpus;
	per_cpu = calloc((size_t)cpus, sizeof(*per_cpu));
	if (!per_cpu)
		return -ENOMEM;
	if (bpf_map_lookup_elem(bpf_map__fd(g->skel->maps.counters), &slot, per_cpu) < 0)
		return -errno;
	for (int c = 0; c < cpus; c++)
		for (int i = 0; i < LUTRA_COUNTER_COUNT; i++)
			sum.n[i] += per_cpu[c].n[i];
	*ret = sum;
	return 0;
}

size_t guard_programs(const struct guard *g, struct guard_program ret[static GUARD_PROGRAMS])
{
	struct bpf_program *p;
	size_t n = 0;

	bpf_object__for_each_program (p, g->skel->obj) {
		struct bpf_prog_info info = {};
		__u32 len = sizeof(info);

		if (n == GUARD_PROGRAMS || bpf_program__fd(p) < 0 ||
		    bpf_obj_get_info_by_fd(bpf_program__fd(p), &info, &len) < 0)
			continue;
		snprintf(ret[n].name, sizeof(ret[n].name), "%.31s", bpf_program__name(p));
		ret[n].runs = info.run_cnt;
		ret[n].run_ns = info.run_time_ns;
		ret[n].missed = info.recursion_misses;
		n++;
	}
	return n;
}

/* Returns true if some entries are not in the map tasks: kern/state/reserve.bpf.h. */
static bool has_shortage(const struct guard *g)
{
	uint64_t used_lost[2] = {};
	uint32_t zero = 0;

	return bpf_map_lookup_elem(bpf_map__fd(g->skel->maps.shortage), &zero, used_lost) < 0 ||
	       used_lost[0] || used_lost[1];
}

/* Returns true if a cgroup, or one above it, is enrolled. path is changed. */
static bool is_cgroup_enrolled(const struct guard *g, char *path)
{
	struct err err = {};
	char *slash;

	while ((slash = strrchr(path, '/'))) {
		uint64_t id;
		uint32_t slot;

		if (cgroup_id(path, &id, &err) == 0 &&
		    bpf_map_lookup_elem(bpf_map__fd(g->skel->maps.cgroups), &id, &slot) == 0)
			return true;
		*slash = '\0';
	}
	return false;
}

/* Returns the process of a pidfd; -1: it is gone. */
static pid_t pidfd_process(int pidfd)
{
	_cleanup_fclose_ FILE *f = NULL;
	char line[128], path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "Pid:", 4) == 0)
			return (pid_t)strtol(line + 4, NULL, 10);
	return -1;
}

/* Returns true if the cgroup of the process of a pidfd is enrolled, or is not known. */
static bool is_in_enrolled_cgroup(const struct guard *g, int pidfd)
{
	_cleanup_free_ char *path = NULL;
	struct err err = {};
	pid_t pid = pidfd_process(pidfd);

	if (pid <= 0)
		return true;
	return cgroup_of_pid(pid, &path, &err) < 0 || is_cgroup_enrolled(g, path);
}

static uint64_t sum_missed(const struct bpf_program *const programs[], size_t n)
{
	uint64_t missed = 0;

	for (size_t i = 0; i < n; i++) {
		struct bpf_prog_info info = {};
		__u32 len = sizeof(info);

		if (bpf_program__fd(programs[i]) >= 0 &&
		    bpf_obj_get_info_by_fd(bpf_program__fd(programs[i]), &info, &len) == 0)
			missed += info.recursion_misses;
	}
	return missed;
}

uint64_t guard_missed_tasks(const struct guard *g)
{
	const struct bpf_program *const programs[] = {
		g->skel->progs.lutra_fork, g->skel->progs.lutra_attach, g->skel->progs.lutra_exec};

	return sum_missed(programs, sizeof(programs) / sizeof(programs[0]));
}

uint64_t guard_missed(const struct guard *g)
{
	const struct bpf_program *const programs[] = {
		g->skel->progs.lutra_sys_enter,	    g->skel->progs.lutra_filter_exit,
		g->skel->progs.lutra_filter_return, g->skel->progs.lutra_fork,
		g->skel->progs.lutra_attach,	    g->skel->progs.lutra_exec,
		g->skel->progs.lutra_exit,	    g->skel->progs.lutra_task_free,
	};

	return sum_missed(programs, sizeof(programs) / sizeof(programs[0]));
}

bool guard_has_task(const struct guard *g, int pidfd)
{
	const struct bpf_map *tasks = g->skel->maps.tasks;
	_cleanup_free_ void *entry = malloc(bpf_map__value_size(tasks));

	return !entry || bpf_map_lookup_elem(bpf_map__fd(tasks), &pidfd, entry) == 0 ||
	       (has_shortage(g) && is_in_enrolled_cgroup(g, pidfd));
}

int guard_task_state(const struct guard *g, int pidfd, struct lutra_state *ret)
{
	const struct bpf_map *tasks = g->skel->maps.tasks, *hot = g->skel->maps.task_cache;
	size_t tasks_size = bpf_map__value_size(tasks), hot_size = bpf_map__value_size(hot);
	_cleanup_free_ char *value = malloc(tasks_size > hot_size ? tasks_size : hot_size);
	struct lutra_entry entry;

	if (!value)
		return -ENOMEM;
	if (bpf_map_lookup_elem(bpf_map__fd(tasks), &pidfd, value) < 0)
		return -ENOENT;
	memcpy(&entry, value, sizeof(entry));
	if (entry.cache_index) {
		entry.cache_index--;
		if (bpf_map_lookup_elem(bpf_map__fd(hot), &entry.cache_index, value) < 0)
			return -ENOENT;
		/* A cached entry lies behind its task's address: kern/state/task.bpf.h. */
		memcpy(&entry, value + sizeof(uint64_t), sizeof(entry));
	}
	*ret = entry.state;
	return 0;
}

uint32_t guard_ops(const struct guard *g)
{
	return LUTRA_OPS_ALL & ~(1u << LUTRA_OP_CHDIR) & ~(g->lsm ? 0 : OPS_OF_HOOKS);
}
