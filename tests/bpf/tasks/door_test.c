/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The door: which programs it stops before their first instruction, and who continues them. A child
 * plays a runtime: the test moves it into a cgroup, and it executes this program again, which then exits
 * with FINE. All doors hold below the test's own cgroup only.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/base/cleanup.h"
#include "lutra/abi.h"
#include "user/guard/door/door.h"
#include "user/sys/clock.h"
#include "user/sys/process/cgroup.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define NAMED "docker-" ID ".scope"
#define FINE 7 /* exit code of the program that a container runs */
#define CONTAINER "--container"
#define PATH_BYTES 512
#define BEAT_NS 100000000L

struct fixture {
	char *top;	  /* the cgroup of the test */
	char pin_dir[64]; /* on a BPF file system; "": none */
	struct door *door;
	pthread_t beater;
	bool beats;		     /* the beater runs; atomic */
	struct lutra_door_stop stop; /* the last one that was reported */
	unsigned n_stops;
};

/* ---- cgroups ---- */

static int make_top(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char name[64];
	struct err err;

	if (!f)
		return -1;
	snprintf(name, sizeof(name), "lutra-door-test.%d", (int)getpid());
	cgroup_sweep("lutra-door-test");
	if (cgroup_create(name, &f->top, &err) < 0)
		return -1;
	*state = f;
	return 0;
}

/* Removes the pin of a test, also of one that failed. */
static void remove_pins(const struct fixture *f)
{
	_cleanup_free_ char *maps = NULL, *pin = NULL;

	if (!*f->pin_dir || asprintf(&maps, "%s/maps-%d", f->pin_dir, LUTRA_ABI_VERSION) < 0 ||
	    asprintf(&pin, "%s/door_stopped", maps) < 0)
		return;
	door_release_left(f->pin_dir);
	unlink(pin);
	rmdir(maps);
	rmdir(f->pin_dir);
}

static int remove_top(void **state)
{
	struct fixture *f = *state;

	remove_pins(f);

	cgroup_destroy(f->top);
	free(f->top);
	free(f);
	return 0;
}

/* Makes the directories of a path below the test's cgroup. Writes the path of the last one. */
static void make_cgroup(const struct fixture *f, const char *below, char path[static PATH_BYTES])
{
	size_t at = strlen(f->top) + 1;

	snprintf(path, PATH_BYTES, "%s/%s", f->top, below);
	for (char *slash = strchr(path + at, '/');; slash = strchr(slash + 1, '/')) {
		if (slash)
			*slash = '\0';
		if (mkdir(path, 0755) < 0)
			assert_int_equal(errno, EEXIST);
		if (!slash)
			break;
		*slash = '/';
	}
}

/* ---- the door ---- */

static void on_stop(void *ctx, const struct lutra_door_stop *stop)
{
	struct fixture *f = ctx;

	f->stop = *stop;
	f->n_stops++;
}

static struct door *open_door(struct fixture *f)
{
	struct door_parts parts = {
		.on_stop = on_stop, .ctx = f, .pin_dir = *f->pin_dir ? f->pin_dir : NULL};
	struct door *d = NULL;
	struct err err;

	assert_int_equal(cgroup_id(f->top, &parts.below, &err), 0);
	if (door_new(&d, &parts, &err) < 0)
		fail_msg("%s", err.msg);
	return d;
}

/* Beats until it is told to end: however slow the machine is, what should be stopped is stopped. */
static void *keep_beating(void *ctx)
{
	const struct timespec pause = {.tv_nsec = BEAT_NS};
	struct fixture *f = ctx;

	while (__atomic_load_n(&f->beats, __ATOMIC_SEQ_CST)) {
		door_beat(f->door);
		nanosleep(&pause, NULL);
	}
	return NULL;
}

static int begin_beats(struct fixture *f)
{
	int r = door_beat(f->door);

	f->beats = r == 0;
	if (r == 0 && pthread_create(&f->beater, NULL, keep_beating, f) != 0)
		f->beats = false;
	return f->beats ? 0 : -1;
}

static void end_beats(struct fixture *f)
{
	if (!f->beats)
		return;
	__atomic_store_n(&f->beats, false, __ATOMIC_SEQ_CST);
	pthread_join(f->beater, NULL);
}

static void close_door(struct fixture *f)
{
	end_beats(f);
	door_free(TAKE_PTR(f->door));
}

static int door_setup(void **state)
{
	struct fixture *f;

	if (make_top(state) < 0)
		return -1;
	f = *state;
	f->door = open_door(f);
	return begin_beats(f);
}

static int door_teardown(void **state)
{
	struct fixture *f = *state;

	close_door(f);
	return remove_top(state);
}

/* ---- a container ---- */

/* How a child begins. */
struct start {
	bool same_namespace; /* it stays in the mount namespace of the test */
	bool born;	     /* it is born in the cgroup, by CLONE_INTO_CGROUP; else moved */
};

__attribute__((noreturn)) static void run_child(int go, bool same_namespace)
{
	char byte;

	if (read(go, &byte, 1) == 1 && (same_namespace || unshare(CLONE_NEWNS) == 0))
		execl("/proc/self/exe", "program", CONTAINER, NULL);
	_exit(1);
}

static pid_t fork_into(const char *cgroup)
{
	_cleanup_close_ int fd = open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct clone_args args = {
		.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (__u64)fd};

	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

/* Starts a program in a cgroup and returns its process. */
static pid_t start_in(const char *cgroup, struct start how)
{
	_cleanup_close_ int go = -1, in = -1;
	char pid_text[16];
	pid_t pid;
	int p[2];

	assert_int_equal(pipe(p), 0);
	in = p[0];
	go = p[1];
	pid = how.born ? fork_into(cgroup) : fork();
	assert_true(pid >= 0);
	if (pid == 0)
		run_child(in, how.same_namespace);
	snprintf(pid_text, sizeof(pid_text), "%d", (int)pid);
	if (!how.born)
		assert_int_equal(cgroup_write(cgroup, "cgroup.procs", pid_text), 0);
	assert_int_equal(write(go, "", 1), 1);
	return pid;
}

/* Returns the next status of a child: that it is stopped, or that it has ended. */
static int next_status(pid_t pid)
{
	int status = 0;

	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	return status;
}

static void assert_stops(pid_t pid)
{
	int status = next_status(pid);

	assert_true(WIFSTOPPED(status));
	assert_int_equal(WSTOPSIG(status), SIGSTOP);
}

static void assert_ends(pid_t pid)
{
	int status = next_status(pid);

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), FINE);
}

/* ---- what is stopped ---- */

static void door_stops_first_program_of_unknown_container(void **state)
{
	struct fixture *f = *state;
	char path[PATH_BYTES];
	uint64_t id;
	pid_t pid;

	make_cgroup(f, NAMED, path);
	assert_int_equal(cgroup_id(path, &id, NULL), 0);
	pid = start_in(path, (struct start){});
	assert_stops(pid);
	door_drain(f->door);
	assert_int_equal(f->n_stops, 1);
	assert_int_equal(f->stop.tgid, pid);
	assert_true(f->stop.cgroup_id == id);
	assert_true(door_holds(f->door, &f->stop));
	assert_true(door_continue(f->door, &f->stop));
	assert_ends(pid);
	assert_false(door_continue(f->door, &f->stop));
}

static void door_stops_task_born_in_container(void **state)
{
	struct fixture *f = *state;
	char path[PATH_BYTES];
	pid_t pid;

	make_cgroup(f, NAMED, path);
	pid = start_in(path, (struct start){.born = true});
	assert_stops(pid);
	door_drain(f->door);
	assert_true(door_continue(f->door, &f->stop));
	assert_ends(pid);
}

/* A runtime executes itself, too, before it enters the namespaces of the container. */
static void door_passes_runtime_in_its_own_namespace(void **state)
{
	struct fixture *f = *state;
	char path[PATH_BYTES];

	make_cgroup(f, NAMED, path);
	assert_ends(start_in(path, (struct start){.same_namespace = true}));
}

static void door_passes_known_container(void **state)
{
	struct fixture *f = *state;
	char path[PATH_BYTES];
	uint64_t id;

	make_cgroup(f, NAMED, path);
	assert_int_equal(cgroup_id(path, &id, NULL), 0);
	assert_false(door_is_known(f->door, id));
	door_note_known(f->door, id);
	assert_true(door_is_known(f->door, id));
	assert_ends(start_in(path, (struct start){}));
}

static void door_passes_container_elsewhere(void **state)
{
	struct fixture *f = *state;
	struct door_parts parts = {.on_stop = on_stop, .ctx = f};
	char other[PATH_BYTES], path[PATH_BYTES];
	struct err err;

	close_door(f);
	make_cgroup(f, "other", other);
	assert_int_equal(cgroup_id(other, &parts.below, &err), 0);
	assert_int_equal(door_new(&f->door, &parts, &err), 0);
	assert_int_equal(begin_beats(f), 0);
	make_cgroup(f, NAMED, path);
	assert_ends(start_in(path, (struct start){}));
}

/* The names of user/identity/patterns.h. container: the part of the path that is the container's. */
static void door_knows_names_of_containers(void **state)
{
	static const struct {
		const char *path, *container;
	} cases[] = {
		{"docker-" ID ".scope", "docker-" ID ".scope"},
		{"libpod-" ID, "libpod-" ID},
		{"libpod-" ID ".scope/container", "libpod-" ID ".scope"},
		{"docker/" ID, "docker/" ID},
		{"docker/" ID "/docker/" ID, "docker/" ID},
		{"a.slice:cri-containerd:" ID, "a.slice:cri-containerd:" ID},
		{"libpod_parent/" ID "/libpod-" ID, "libpod_parent/" ID "/libpod-" ID},
		{"libpod_parent/" ID, NULL},
		{"libpod-conmon-" ID ".scope", NULL},
		{"crio-conmon-" ID ".scope", NULL},
		{"docker" ID, NULL},
		{"docker-g123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", NULL},
		{"docker-123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", NULL},
		{"system.slice", NULL},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char path[PATH_BYTES], container[PATH_BYTES];
		uint64_t id;
		pid_t pid;

		make_cgroup(f, cases[i].path, path);
		pid = start_in(path, (struct start){});
		if (!cases[i].container) {
			assert_ends(pid);
			continue;
		}
		assert_stops(pid);
		door_drain(f->door);
		snprintf(container, sizeof(container), "%s/%s", f->top, cases[i].container);
		assert_int_equal(cgroup_id(container, &id, NULL), 0);
		assert_true(f->stop.cgroup_id == id);
		assert_true(door_continue(f->door, &f->stop));
		assert_ends(pid);
	}
}

static void door_stops_nothing_before_first_beat(void **state)
{
	struct fixture *f = *state;
	struct door_counts n;
	char path[PATH_BYTES];

	close_door(f);
	f->door = open_door(f);
	make_cgroup(f, NAMED, path);
	assert_ends(start_in(path, (struct start){}));
	door_counts(f->door, &n);
	assert_int_equal(n.stopped, 0);
	assert_int_equal(n.missed, 1);
}

static void door_free_continues_what_is_stopped(void **state)
{
	struct fixture *f = *state;
	char path[PATH_BYTES];
	pid_t pid;

	make_cgroup(f, NAMED, path);
	pid = start_in(path, (struct start){});
	assert_stops(pid);
	close_door(f);
	assert_ends(pid);
}

/* ---- the companion ---- */

/* No beat comes any more. The companion waits for a second. */
static void companion_continues_when_its_parent_hangs(void **state)
{
	struct fixture *f = *state;
	char path[PATH_BYTES];
	pid_t pid;

	make_cgroup(f, NAMED, path);
	pid = start_in(path, (struct start){});
	assert_stops(pid);
	end_beats(f);
	assert_ends(pid);
	door_drain(f->door);
	assert_int_equal(f->stop.tgid, pid);
	assert_false(door_holds(f->door, &f->stop));
}

__attribute__((noreturn)) static void beat_forever(struct fixture *f, int ready)
{
	const struct timespec pause = {.tv_nsec = BEAT_NS};
	struct door *d = open_door(f);

	for (bool told = false; door_beat(d) == 0; told = true) {
		if (!told && write(ready, "", 1) != 1)
			break;
		nanosleep(&pause, NULL);
	}
	_exit(1);
}

/* Starts another process that has the door, and never continues a program. */
static pid_t start_owner(struct fixture *f)
{
	pid_t owner;
	char byte;
	int p[2];

	assert_int_equal(pipe(p), 0);
	owner = fork();
	assert_true(owner >= 0);
	if (owner == 0)
		beat_forever(f, p[1]);
	close(p[1]);
	assert_int_equal(read(p[0], &byte, 1), 1);
	close(p[0]);
	return owner;
}

/* The companion is the only child of the process that has the door. */
static pid_t companion_of(pid_t owner)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[64], line[64] = "";

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", owner, owner);
	f = fopen(path, "re");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	return (pid_t)strtol(line, NULL, 10);
}

/* Both are killed: the companion first stops, so that it does not see its parent's end. */
static void door_release_left_continues_what_nobody_does(void **state)
{
	struct fixture *f = *state;
	char path[PATH_BYTES], maps[PATH_BYTES];
	pid_t owner, companion, pid;
	int status;

	if (access("/sys/fs/bpf", W_OK) < 0) {
		print_message("no BPF file system here\n");
		skip();
	}
	snprintf(f->pin_dir, sizeof(f->pin_dir), "/sys/fs/bpf/lutra-door-test-%d", (int)getpid());
	snprintf(maps, sizeof(maps), "%s/maps-%d", f->pin_dir, LUTRA_ABI_VERSION);
	assert_int_equal(mkdir(f->pin_dir, 0700), 0);
	assert_int_equal(mkdir(maps, 0700), 0);
	owner = start_owner(f);
	make_cgroup(f, NAMED, path);
	pid = start_in(path, (struct start){});
	assert_stops(pid);
	companion = companion_of(owner);
	assert_int_equal(kill(companion, SIGSTOP), 0);
	assert_int_equal(kill(owner, SIGKILL), 0);
	assert_int_equal(kill(companion, SIGKILL), 0);
	assert_int_equal(waitpid(owner, &status, 0), owner);
	door_release_left(f->pin_dir);
	assert_ends(pid);
	/* Nothing is pinned any more. */
	remove_pins(f);
	door_release_left(f->pin_dir);
}

/* Another process has the door. It is killed while a program waits. */
static void companion_continues_when_its_parent_is_killed(void **state)
{
	struct fixture *f = *state;
	char path[PATH_BYTES];
	pid_t owner, pid;
	int status;

	owner = start_owner(f);
	make_cgroup(f, NAMED, path);
	pid = start_in(path, (struct start){});
	assert_stops(pid);
	assert_int_equal(kill(owner, SIGKILL), 0);
	assert_int_equal(waitpid(owner, &status, 0), owner);
	assert_ends(pid);
	/* Its programs are gone with it. */
	assert_ends(start_in(path, (struct start){}));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(door_stops_first_program_of_unknown_container,
						door_setup, door_teardown),
		cmocka_unit_test_setup_teardown(door_stops_task_born_in_container, door_setup,
						door_teardown),
		cmocka_unit_test_setup_teardown(door_passes_runtime_in_its_own_namespace,
						door_setup, door_teardown),
		cmocka_unit_test_setup_teardown(door_passes_known_container, door_setup,
						door_teardown),
		cmocka_unit_test_setup_teardown(door_passes_container_elsewhere, door_setup,
						door_teardown),
		cmocka_unit_test_setup_teardown(door_knows_names_of_containers, door_setup,
						door_teardown),
		cmocka_unit_test_setup_teardown(door_stops_nothing_before_first_beat, door_setup,
						door_teardown),
		cmocka_unit_test_setup_teardown(door_free_continues_what_is_stopped, door_setup,
						door_teardown),
		cmocka_unit_test_setup_teardown(companion_continues_when_its_parent_hangs,
						door_setup, door_teardown),
		cmocka_unit_test_setup_teardown(companion_continues_when_its_parent_is_killed,
						make_top, remove_top),
		cmocka_unit_test_setup_teardown(door_release_left_continues_what_nobody_does,
						make_top, remove_top),
	};

	if (argc == 2 && strcmp(argv[1], CONTAINER) == 0)
		return FINE;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
