/* SPDX-License-Identifier: Apache-2.0 */
/* Loads, attaches and feeds the door; owns its maps and its companion. */
#include "user/guard/door/door_impl.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "kern/door/door.skel.h"
#include "lib/base/cleanup.h"
#include "lutra/abi.h"
#include "user/sys/clock.h"
#include "user/sys/process/process_start.h"

#define FIRST_PID_NS 0xeffffffcu /* PROC_PID_INIT_INO of linux/proc_ns.h */

struct door {
	struct door_parts parts;
	struct door_bpf *skel;
	struct lutra_door_control *control; /* mapped */
	struct ring_buffer *events;
	struct door_companion companion;
	pid_t companion_pid; /* 0: none runs */
	int companion_fd;    /* its pidfd, or -1 */
};
DEFINE_FREEP(struct door, door_free);
DEFINE_FREEP(struct door_bpf, door_bpf__destroy);

static int on_event(void *ctx, void *data, size_t size)
{
	const struct door *d = ctx;

	if (size >= sizeof(struct lutra_door_stop))
		d->parts.on_stop(d->parts.ctx, data);
	return 0;
}

static int on_wake(void *ctx, void *data, size_t size)
{
	(void)ctx;
	(void)data;
	(void)size;
	return 0;
}

/* ---- its parts ---- */

/* Writes the path of the pin. Returns 0 or -ENAMETOOLONG. */
static int stopped_path(const char *pin_dir, char path[static PATH_MAX])
{
	int n = snprintf(path, PATH_MAX, "%s/maps-%d/door_stopped", pin_dir, LUTRA_ABI_VERSION);

	return n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/*
 * Has what is stopped outlive this process and its companion, among the maps of the guard (guard_pin.c),
 * which makes the directory. Returns 0 or -errno.
 */
static int pin_stopped(struct door_bpf *skel, const char *pin_dir)
{
	char path[PATH_MAX];
	int r;

	if (!pin_dir)
		return 0;
	r = stopped_path(pin_dir, path);
	return r < 0 ? r : bpf_map__set_pin_path(skel->maps.door_stopped, path);
}

void door_release_left(const char *pin_dir)
{
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];

	if (stopped_path(pin_dir, path) == 0)
		fd = bpf_obj_get(path);
	if (fd >= 0)
		door_continue_all(fd);
}

static int load_door(struct door *d, struct err *err)
{
	_cleanup_(door_bpf__destroyp) struct door_bpf *skel = door_bpf__open();
	int r = skel ? pin_stopped(skel, d->parts.pin_dir) : -errno;

	if (r == 0) {
		skel->rodata->lutra_door_below = d->parts.below;
		r = door_bpf__load(skel);
	}
	if (r < 0)
		return err_set(err, -EOPNOTSUPP,
			       "the kernel cannot load the programs of the door: %s", strerror(-r));
	d->skel = TAKE_PTR(skel);
	return 0;
}

static int map_parts(struct door *d, struct err *err)
{
	const size_t size = (size_t)sysconf(_SC_PAGESIZE);
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
		       bpf_map__fd(d->skel->maps.door_control), 0);

	if (p == MAP_FAILED)
		return err_set(err, -errno, "cannot map the state of the door: %s",
			       strerror(errno));
	d->control = p;
	d->events = ring_buffer__new(bpf_map__fd(d->skel->maps.door_events), on_event, d, NULL);
	d->companion = (struct door_companion){
		.control = d->control,
		.wakes = ring_buffer__new(bpf_map__fd(d->skel->maps.door_wakes), on_wake, d, NULL),
		.wakes_map_fd = bpf_map__fd(d->skel->maps.door_wakes),
		.stopped_fd = bpf_map__fd(d->skel->maps.door_stopped),
		.parent_fd = (int)syscall(SYS_pidfd_open, getpid(), 0)};
	if (!d->events || !d->companion.wakes || d->companion.parent_fd < 0)
		return err_set(err, -errno, "cannot open the rings of the door: %s",
			       strerror(errno));
	d->companion.wakes_fd = ring_buffer__epoll_fd(d->companion.wakes);
	return 0;
}

static int attach_door(struct door *d, struct err *err)
{
	int r = door_bpf__attach(d->skel);

	return r < 0 ? err_set(err, -EOPNOTSUPP,
			       "the kernel cannot attach the programs of the door: %s",
			       strerror(-r))
		     : 0;
}

/* The pids of the kernel are those of the first pid namespace. */
static int check_pid_namespace(struct err *err)
{
	struct stat st;

	if (stat("/proc/self/ns/pid", &st) == 0 && st.st_ino == FIRST_PID_NS)
		return 0;
	return err_set(err, -EOPNOTSUPP,
		       "the door needs the host's pid namespace: run lutrad there (hostPID)");
}

/* ---- the companion ---- */

static bool is_companion_alive(const struct door *d)
{
	struct pollfd fd = {.fd = d->companion_fd, .events = POLLIN};

	return d->companion_pid && poll(&fd, 1, 0) == 0;
}

static void end_companion(struct door *d)
{
	if (!d->companion_pid)
		return;
	kill(d->companion_pid, SIGKILL);
	waitpid(d->companion_pid, NULL, 0);
	close(TAKE_FD(d->companion_fd));
	d->companion_pid = 0;
}

int door_beat(struct door *d)
{
	int r = 0;

	if (!is_companion_alive(d)) {
		__atomic_store_n(&d->control->alive_ns, 0, __ATOMIC_SEQ_CST);
		end_companion(d);
		r = door_companion_start(&d->companion, &d->companion_pid, &d->companion_fd);
	}
	if (r == 0)
		__atomic_store_n(&d->control->alive_ns, clock_now_ns(), __ATOMIC_SEQ_CST);
	return r;
}

/* ---- */

int door_new(struct door **ret, const struct door_parts *parts, struct err *err)
{
	_cleanup_(door_freep) struct door *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return err_oom(err);
	d->parts = *parts;
	d->companion_fd = d->companion.parent_fd = -1;
	r = check_pid_namespace(err);
	if (r == 0)
		r = load_door(d, err);
	if (r < 0)
		return r;
	/* What an earlier process has left stopped, if it was killed with its companion. */
	door_continue_all(bpf_map__fd(d->skel->maps.door_stopped));
	r = map_parts(d, err);
	if (r == 0)
		r = attach_door(d, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(d);
	return 0;
}

void door_free(struct door *d)
{
	if (!d)
		return;
	if (d->skel)
		door_bpf__detach(d->skel);
	if (d->control)
		door_give_up(&d->companion);
	end_companion(d);
	ring_buffer__free(d->events);
	ring_buffer__free(d->companion.wakes);
	closep(&d->companion.parent_fd);
	if (d->control)
		munmap(d->control, (size_t)sysconf(_SC_PAGESIZE));
	door_bpf__destroy(d->skel);
	free(d);
}

int door_epoll_fd(const struct door *d)
{
	return ring_buffer__epoll_fd(d->events);
}

void door_drain(struct door *d)
{
	ring_buffer__consume(d->events);
}

bool door_is_known(const struct door *d, uint64_t cgroup_id)
{
	uint8_t known;

	return bpf_map_lookup_elem(bpf_map__fd(d->skel->maps.door_known), &cgroup_id, &known) == 0;
}

void door_note_known(struct door *d, uint64_t cgroup_id)
{
	uint8_t known = 1;

	bpf_map_update_elem(bpf_map__fd(d->skel->maps.door_known), &cgroup_id, &known, BPF_ANY);
}

bool door_holds(const struct door *d, const struct lutra_door_stop *stop)
{
	struct lutra_door_stop now;

	return bpf_map_lookup_elem(bpf_map__fd(d->skel->maps.door_stopped), &stop->tgid, &now) ==
		       0 &&
	       now.stopped_ns == stop->stopped_ns;
}

/*
 * The signal comes before the removal: if this process ends between the two, the companion continues
 * the process once more.
 */
bool door_continue(struct door *d, const struct lutra_door_stop *stop)
{
	if (!door_holds(d, stop))
		return false;
	process_start_signal((pid_t)stop->tgid, stop->start_ns, SIGCONT);
	bpf_map_delete_elem(bpf_map__fd(d->skel->maps.door_stopped), &stop->tgid);
	return true;
}

void door_counts(const struct door *d, struct door_counts *ret)
{
	ret->stopped = __atomic_load_n(&d->control->stopped, __ATOMIC_RELAXED);
	ret->missed = __atomic_load_n(&d->control->missed, __ATOMIC_RELAXED);
}
