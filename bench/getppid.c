/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the guard costs a system call: getppid(2) in a loop, ns a call, in five states, one after
 * the other in every round; medians over the rounds, and their ratio to an empty program at
 * sys_enter. Writes getppid.json beside this program.
 *
 *   off       nothing attached          scored    enrolled, a policy that knows the call
 *   empty     an empty program          recorded  enrolled, every call goes into the ring
 *   idle      lutra, task not enrolled
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/empty.skel.h"
#include "lib/cleanup.h"
#include "lib/policy/policy.h"
#include "user/cgroup.h"
#include "user/child.h"
#include "user/guard/guard.h"

#define ROUNDS_FULL 41
#define ROUNDS_QUICK 7
#define CALLS_FULL 400000
#define CALLS_QUICK 100000
#define WARM_UP 20000

enum state { OFF, EMPTY, IDLE, SCORED, RECORDED, STATES };
static const char *const state_name[] = {"off", "empty", "idle", "scored", "recorded"};

struct bench {
	struct guard *guard;
	struct policy *policy;
	char *cgroup; /* of the loop */
	char *other;  /* enrolled so that the programs are attached, empty */
	char self[PATH_MAX];
	unsigned rounds, calls;
	uint64_t n_records, lost;
	double *ns[STATES]; /* a round */
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

/* The program in the cgroup: prints the time of its calls, in ns. */
static int loop(unsigned calls)
{
	uint64_t start;

	for (unsigned i = 0; i < WARM_UP; i++)
		syscall(SYS_getppid);
	start = now_ns();
	for (unsigned i = 0; i < calls; i++)
		syscall(SYS_getppid);
	printf("%llu\n", (unsigned long long)(now_ns() - start));
	return fflush(stdout) == 0 ? 0 : 1;
}

static void count_record(void *ctx, uint32_t slot, const struct lutra_record *rec, const char *str,
			 size_t str_len)
{
	struct bench *b = ctx;

	(void)slot, (void)rec, (void)str, (void)str_len;
	b->n_records++;
}

/* One token for every call, of which every pair is known: as after training. */
static int make_policy(struct policy **ret)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	int r = policy_new(&p);

	if (r < 0)
		return r;
	p->v = 3;
	memset(p->token, 2, sizeof(p->token));
	p->t0 = calloc(9, sizeof(*p->t0));
	p->t1 = calloc(LUTRA_K * LUTRA_K, sizeof(*p->t1));
	p->t2 = calloc(LUTRA_K * LUTRA_K, sizeof(*p->t2));
	p->successors = calloc(p->v, POLICY_SUCCESSORS);
	p->nodes = calloc(1, sizeof(*p->nodes));
	p->n_nodes = 1;
	if (!p->t0 || !p->t1 || !p->t2 || !p->successors || !p->nodes)
		return -ENOMEM;
	p->th_a = p->th_b = INT32_MAX;
	*ret = TAKE_PTR(p);
	return 0;
}

/* Start the loop with its output in a pipe. */
static int start_loop(struct bench *b, pid_t *ret_pid, int *ret_fd, struct err *err)
{
	char calls[16], option[] = "--loop";
	char *const argv[] = {b->self, option, calls, NULL};
	_cleanup_close_ int in = -1, out = -1, kept = -1;
	int fds[2], r;
	sigset_t none;

	sigemptyset(&none);
	snprintf(calls, sizeof(calls), "%u", b->calls);
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_set(err, -errno, "pipe: %s", strerror(errno));
	in = fds[0];
	out = fds[1];
	kept = dup(STDOUT_FILENO);
	if (kept < 0 || dup2(out, STDOUT_FILENO) < 0)
		return err_set(err, -errno, "dup: %s", strerror(errno));
	r = child_start(argv, b->cgroup, &none, ret_pid, err);
	dup2(kept, STDOUT_FILENO);
	if (r == 0)
		*ret_fd = TAKE_FD(in);
	return r;
}

/* Run the loop, taking records meanwhile. *ret: ns a call. */
static int measure(struct bench *b, double *ret, struct err *err)
{
	_cleanup_close_ int fd = -1;
	char text[32] = "";
	int status;
	pid_t pid = -1;
	int r = start_loop(b, &pid, &fd, err);
	struct pollfd p = {.fd = fd, .events = POLLIN};

	if (r < 0)
		return r;
	while (poll(&p, 1, b->guard ? 0 : -1) == 0)
		guard_poll(b->guard, 5);
	r = read(fd, text, sizeof(text) - 1) > 0 ? 0 : -EIO;
	waitpid(pid, &status, 0);
	if (r < 0 || status != 0)
		return err_set(err, -EIO, "the measuring program failed");
	*ret = strtod(text, NULL) / b->calls;
	return 0;
}

static int measure_empty(struct bench *b, double *ret, struct err *err)
{
	struct empty_bpf *e = empty_bpf__open_and_load();
	int r = e ? empty_bpf__attach(e) : -errno;

	if (r < 0)
		err_set(err, r, "the empty program does not load: %s", strerror(-r));
	else
		r = measure(b, ret, err);
	empty_bpf__destroy(e);
	return r;
}

/* Enrolled: the loop's cgroup if it is to be scored or recorded, else only the other one. */
static int measure_guarded(struct bench *b, enum state state, double *ret, struct err *err)
{
	struct guard_enrolment e = {.cgroup = state == IDLE ? b->other : b->cgroup,
				    .policy = state == RECORDED ? NULL : b->policy,
				    .mode = state == RECORDED ? LUTRA_MODE_LEARN : LUTRA_MODE_AUDIT,
				    .record = state == RECORDED,
				    .next_exec = true};
	struct lutra_counters n = {};
	uint32_t slot;
	int r = guard_enroll(b->guard, &e, &slot, err);

	if (r < 0)
		return r;
	r = measure(b, ret, err);
	guard_drain(b->guard);
	guard_counters(b->guard, slot, &n);
	guard_release(b->guard, slot);
	b->lost += n.n[LUTRA_C_RECORDS_LOST];
	if (r == 0 && state == SCORED && n.n[LUTRA_C_CALLS] < b->calls)
		return err_set(err, -EIO, "only %llu of %u calls were scored",
			       (unsigned long long)n.n[LUTRA_C_CALLS], b->calls);
	return r;
}

static int round_of(struct bench *b, unsigned i, struct err *err)
{
	const struct guard_handler handler = {.record = count_record, .ctx = b};
	int r = measure(b, &b->ns[OFF][i], err);

	if (r == 0)
		r = measure_empty(b, &b->ns[EMPTY][i], err);
	if (r == 0)
		r = guard_new(&b->guard, &handler, GUARD_LINGER, err);
	for (enum state s = IDLE; r == 0 && s < STATES; s++)
		r = measure_guarded(b, s, &b->ns[s][i], err);
	guard_free(TAKE_PTR(b->guard));
	return r;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int report(const struct bench *b, const char *file)
{
	json_t *states = json_object();
	json_auto_t *j = NULL;
	struct utsname uts;
	double empty;

	for (int s = 0; s < STATES; s++)
		qsort(b->ns[s], b->rounds, sizeof(double), compare);
	empty = b->ns[EMPTY][b->rounds / 2];
	printf("%-9s %9s %9s %9s %8s\n", "state", "ns", "quartiles", "", "to empty");
	for (int s = 0; s < STATES; s++) {
		double median = b->ns[s][b->rounds / 2];

		printf("%-9s %9.1f %9.1f %9.1f %8.2f\n", state_name[s], median,
		       b->ns[s][b->rounds / 4], b->ns[s][b->rounds * 3 / 4], median / empty);
		json_object_set_new(states, state_name[s],
				    json_pack("{s:f, s:f}", "median_ns", median, "ratio_to_empty",
					      median / empty));
	}
	uname(&uts);
	printf("%s, %u rounds of %u calls; %llu calls recorded, %llu lost\n%s\n", uts.release,
	       b->rounds, b->calls, (unsigned long long)b->n_records, (unsigned long long)b->lost,
	       file);
	j = json_pack("{s:s, s:i, s:i, s:I, s:o}", "kernel", uts.release, "rounds", (int)b->rounds,
		      "calls", (int)b->calls, "records_lost", (json_int_t)b->lost, "states",
		      states);
	if (!j || json_dump_file(j, file, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) < 0)
		return -EIO;
	return 0;
}

static int cgroups_make(struct bench *b, struct err *err)
{
	char name[64];
	int r;

	snprintf(name, sizeof(name), "lutra-bench.%d", getpid());
	r = cgroup_create(name, &b->cgroup, err);
	if (r < 0)
		return r;
	snprintf(name, sizeof(name), "lutra-bench-other.%d", getpid());
	return cgroup_create(name, &b->other, err);
}

static volatile sig_atomic_t stopped;

static void stop(int signo)
{
	stopped = signo;
}

static int run(struct bench *b, struct err *err)
{
	char file[PATH_MAX + 16], dir[PATH_MAX];
	int r = make_policy(&b->policy);

	for (int s = 0; s < STATES; s++) {
		b->ns[s] = calloc(b->rounds, sizeof(double));
		r = b->ns[s] ? r : -ENOMEM;
	}
	if (r < 0)
		return err_set(err, r, "%s", strerror(-r));
	r = cgroups_make(b, err);
	for (unsigned i = 0; r == 0 && i < b->rounds && !stopped; i++) {
		if (isatty(STDERR_FILENO))
			fprintf(stderr, "\rround %u of %u ", i + 1, b->rounds);
		r = round_of(b, i, err);
	}
	if (isatty(STDERR_FILENO))
		fputc('\r', stderr);
	if (r < 0 || stopped)
		return r;
	snprintf(dir, sizeof(dir), "%s", b->self);
	snprintf(file, sizeof(file), "%s/getppid.json", dirname(dir));
	r = report(b, file);
	return r < 0 ? err_set(err, r, "%s: cannot be written", file) : 0;
}

static void bench_done(struct bench *b)
{
	if (b->cgroup)
		cgroup_destroy(b->cgroup);
	if (b->other)
		cgroup_destroy(b->other);
	free(b->cgroup);
	free(b->other);
	policy_free(b->policy);
	for (int s = 0; s < STATES; s++)
		free(b->ns[s]);
}

int main(int argc, char **argv)
{
	struct bench b = {.rounds = ROUNDS_FULL, .calls = CALLS_FULL};
	struct err err = {""};
	ssize_t n;
	int r;

	if (argc == 3 && strcmp(argv[1], "--loop") == 0)
		return loop((unsigned)strtoul(argv[2], NULL, 10));
	if (argc > 2 || (argc == 2 && strcmp(argv[1], "--quick") != 0)) {
		fputs("usage: getppid [--quick]\n", stderr);
		return 2;
	}
	if (argc == 2) {
		b.rounds = ROUNDS_QUICK;
		b.calls = CALLS_QUICK;
	}
	n = readlink("/proc/self/exe", b.self, sizeof(b.self) - 1);
	if (n < 0 || geteuid() != 0) {
		fputs("getppid: needs root, to load BPF programs and make cgroups\n", stderr);
		return 1;
	}
	signal(SIGINT, stop);
	signal(SIGTERM, stop);
	r = run(&b, &err);
	if (r < 0)
		fprintf(stderr, "getppid: %s\n", err.msg);
	bench_done(&b);
	return r < 0 ? 1 : stopped ? 128 + stopped : 0;
}
