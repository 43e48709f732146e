/* SPDX-License-Identifier: Apache-2.0 */
/* Runs an operation in a loop, in each state from unguarded to recorded. Needs root. */
#include "bench/kernel/states.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/kernel/empty.skel.h"
#include "lib/base/cleanup.h"
#include "lutra/score_m.h"
#include "user/guard/guard_impl.h"
#include "user/sys/process/cgroup.h"
#include "user/sys/process/child.h"

#define ROUNDS_QUICK 5
#define BATCHES 200
#define BATCHES_WARM 5
#define OTHERS_MUCH 0.05 /* with this share of other programs, the figures are too high */

const char *const bench_state_name[BENCH_STATES] = {"off",  "empty",  "places",
						    "idle", "scored", "recorded"};

struct bench_run {
	struct guard *guard;
	struct policy *policy;
	char *cgroup; /* of the loop */
	char *other;  /* an empty cgroup, enrolled so that lutra's programs are attached */
	char self[PATH_MAX];
	uint64_t n_records, lost;
	double busy; /* processor time of other programs until the start, s */
	double all;  /* all processor time until the start, s */
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

/*
 * Reads the processor time since boot in s: of others than this process and its children, and all.
 */
static void read_processor_time(double *ret_others, double *ret_all)
{
	unsigned long long user = 0, nice = 0, system = 0, idle = 0, wait = 0;
	double hz = (double)sysconf(_SC_CLK_TCK);
	struct rusage own, children;
	FILE *f = fopen("/proc/stat", "re");
	int n = f ? fscanf(f, "cpu %llu %llu %llu %llu %llu", &user, &nice, &system, &idle, &wait)
		  : 0;

	if (f)
		fclose(f);
	if (n < 5)
		user = nice = system = idle = wait = 0;
	getrusage(RUSAGE_SELF, &own);
	getrusage(RUSAGE_CHILDREN, &children);
	*ret_all = (double)(user + nice + system + idle + wait) / hz;
	*ret_others = (double)(user + nice + system) / hz;
	for (const struct rusage *r = &own; r; r = r == &own ? &children : NULL)
		*ret_others -= (double)(r->ru_utime.tv_sec + r->ru_stime.tv_sec) +
			       (double)(r->ru_utime.tv_usec + r->ru_stime.tv_usec) / 1e6;
}

/* Returns the share of the processors that other programs had during the run. */
static double others_share(const struct bench_run *run)
{
	double busy, all;

	read_processor_time(&busy, &all);
	all -= run->all;
	busy -= run->busy;
	return all > 0 && busy > 0 ? busy / all : 0;
}

static int compare_ns(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

double bench_median(double *v, unsigned n)
{
	qsort(v, n, sizeof(*v), compare_ns);
	return v[n / 2];
}

/* Runs in the child in the cgroup: prints the median of its batches in ns an operation. */
static int run_loop(const struct bench *b, unsigned kind, unsigned n, const char *arg)
{
	double ns[BATCHES];

	for (int i = -BATCHES_WARM; i < BATCHES; i++) {
		uint64_t start = now_ns();

		if (b->operate(kind, arg, n) != 0)
			return 1;
		if (i >= 0)
			ns[i] = (double)(now_ns() - start) / n;
	}
	printf("%f\n", bench_median(ns, BATCHES));
	return fflush(stdout) == 0 ? 0 : 1;
}

static void count_record(void *ctx, uint32_t slot, const struct lutra_record *rec, const char *str,
			 size_t str_len)
{
	struct bench *b = ctx;

	(void)slot, (void)rec, (void)str, (void)str_len;
	b->run->n_records++;
}

int bench_policy(struct policy **ret)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	int r = policy_new(&p);

	if (r < 0)
		return r;
	p->v = BENCH_OBJECT + 1;
	for (int role = 0; role < LUTRA_ROLES; role++)
		for (int nr = 0; nr < LUTRA_NR; nr++)
			p->token[role][nr] = (uint8_t)(nr & 1 ? BENCH_ODD : BENCH_EVEN);
	p->t0 = calloc((size_t)p->v * p->v, sizeof(*p->t0));
	p->t1 = calloc(LUTRA_K * LUTRA_K, sizeof(*p->t1));
	p->t2 = calloc(LUTRA_K * LUTRA_K, sizeof(*p->t2));
	p->successors = calloc(p->v, POLICY_SUCCESSORS);
	p->nodes = calloc(LUTRA_NODES, sizeof(*p->nodes));
	p->objects = calloc(POLICY_OBJECTS_MAX, sizeof(*p->objects));
	p->keys = calloc(POLICY_OBJECT_KEYS_MAX, sizeof(*p->keys));
	p->n_nodes = 1;
	if (!p->t0 || !p->t1 || !p->t2 || !p->successors || !p->nodes || !p->objects || !p->keys)
		return -ENOMEM;
	p->threshold = INT32_MAX - 1; /* level M is scored, and never passes it */
	p->level_shift = LUTRA_M_SHIFT;
	p->level_counts = LUTRA_M_COUNTS;
	p->novelty_threshold = INT32_MAX - 1; /* as level M */
	p->novelty_shift = LUTRA_M_SHIFT;
	p->novelty_counts = LUTRA_M_COUNTS;
	*ret = TAKE_PTR(p);
	return 0;
}

/* Starts the child that runs the loop, with its output in a pipe. */
static int start_loop(struct bench *b, unsigned kind, pid_t *ret_pid, int *ret_fd, struct err *err)
{
	char option[] = "--loop", which[16], n[16], arg[PATH_MAX];
	char *const argv[] = {b->run->self, option, which, n, arg, NULL};
	_cleanup_close_ int in = -1, out = -1, kept = -1;
	int fds[2], r;
	sigset_t none;

	sigemptyset(&none);
	snprintf(which, sizeof(which), "%u", kind);
	snprintf(n, sizeof(n), "%u", b->batch);
	snprintf(arg, sizeof(arg), "%s", b->argument(kind));
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_set(err, -errno, "pipe: %s", strerror(errno));
	in = fds[0];
	out = fds[1];
	kept = dup(STDOUT_FILENO);
	if (kept < 0 || dup2(out, STDOUT_FILENO) < 0)
		return err_set(err, -errno, "dup: %s", strerror(errno));
	r = child_start(argv, b->run->cgroup, &none, ret_pid, err);
	dup2(kept, STDOUT_FILENO);
	if (r == 0)
		*ret_fd = TAKE_FD(in);
	return r;
}

/* Measures each kind in the state that is set up, and drains the rings meanwhile. */
static int measure_state(struct bench *b, enum bench_state state, unsigned round, struct err *err)
{
	for (unsigned kind = 0; kind < b->n_kinds; kind++) {
		_cleanup_close_ int fd = -1;
		char text[32] = "";
		int status;
		pid_t pid = -1;
		int r = start_loop(b, kind, &pid, &fd, err);
		struct pollfd p[] = {{.fd = fd, .events = POLLIN}, {.fd = -1, .events = POLLIN}};

		if (r < 0)
			return r;
		if (state >= BENCH_IDLE)
			p[1].fd = guard_epoll_fd(b->run->guard);
		while (poll(p, 2, state < BENCH_IDLE ? -1 : 5) >= 0 && !p[0].revents)
			guard_drain(b->run->guard);
		r = read(fd, text, sizeof(text) - 1) > 0 ? 0 : -EIO;
		waitpid(pid, &status, 0);
		if (r < 0 || status != 0)
			return err_set(err, -EIO, "the measuring program failed");
		b->ns[kind][state][round] = strtod(text, NULL);
	}
	return 0;
}

/* Measures with empty programs attached as the state says. */
static int measure_empty(struct bench *b, enum bench_state state, unsigned round, struct err *err)
{
	struct empty_bpf *e = empty_bpf__open_and_load();
	struct bpf_link *exit = NULL;
	int r = -errno;

	if (e) {
		e->links.empty_enter = bpf_program__attach(e->progs.empty_enter);
		r = e->links.empty_enter ? 0 : -errno;
	}
	if (r == 0 && state == BENCH_PLACES && !guard_has_lsm(b->run->guard))
		r = syscall_events_attach_one(e->progs.empty_exit, SYS_openat, &exit);
	if (r < 0)
		err_set(err, r, "the empty program does not load: %s", strerror(-r));
	else
		r = measure_state(b, state, round, err);
	bpf_link__destroy(exit);
	empty_bpf__destroy(e);
	return r;
}

/* Checks that everything was scored and that the policy knew it. */
static int check_scored(const struct bench *b, const struct lutra_counters *c, struct err *err)
{
	uint64_t made = (uint64_t)b->batch * BATCHES * b->n_kinds;
	uint64_t opened = (uint64_t)b->batch * BATCHES * b->n_opens;

	if (c->n[LUTRA_COUNTER_SYSCALLS] < made)
		return err_set(err, -EIO, "only %llu of %llu system calls were scored",
			       (unsigned long long)c->n[LUTRA_COUNTER_SYSCALLS],
			       (unsigned long long)made);
	if (c->n[LUTRA_COUNTER_OBJECTS] < opened)
		return err_set(err, -EIO, "only %llu of %llu objects were judged",
			       (unsigned long long)c->n[LUTRA_COUNTER_OBJECTS],
			       (unsigned long long)opened);
	if (c->n[LUTRA_COUNTER_NOVEL_OBJECTS] * 100 > made)
		return err_set(err, -EIO, "the policy does not know %llu of the objects",
			       (unsigned long long)c->n[LUTRA_COUNTER_NOVEL_OBJECTS]);
	return 0;
}

/* Measures with lutra attached; the loop's cgroup is enrolled except in state idle. */
static int measure_guarded(struct bench *b, enum bench_state state, unsigned round, struct err *err)
{
	struct bench_run *run = b->run;
	struct guard_enrolment e = {.cgroup = run->cgroup,
				    .policy = state == BENCH_SCORED ? run->policy : NULL,
				    .mode = state == BENCH_SCORED ? LUTRA_MODE_AUDIT
								  : LUTRA_MODE_LEARN,
				    .record = state == BENCH_RECORDED,
				    .next_exec = true};
	struct lutra_counters c = {};
	uint32_t slot = 0;
	int r;

	if (state == BENCH_IDLE)
		return measure_state(b, state, round, err);
	r = guard_enroll(run->guard, &e, &slot, err);
	if (r < 0)
		return r;
	r = measure_state(b, state, round, err);
	guard_drain(run->guard);
	guard_counters(run->guard, slot, &c);
	guard_release(run->guard, slot);
	run->lost += c.n[LUTRA_COUNTER_RECORDS_LOST];
	return r == 0 && state == BENCH_SCORED ? check_scored(b, &c, err) : r;
}

static int measure_round(struct bench *b, unsigned round, struct err *err)
{
	struct guard_enrolment other = {
		.cgroup = b->run->other, .policy = b->run->policy, .mode = LUTRA_MODE_AUDIT};
	uint32_t slot = 0;
	int r = measure_state(b, BENCH_OFF, round, err);

	for (enum bench_state s = BENCH_EMPTY; r == 0 && s < BENCH_IDLE; s++)
		r = measure_empty(b, s, round, err);
	if (r == 0)
		r = guard_enroll(b->run->guard, &other, &slot, err);
	if (r < 0)
		return r;
	for (enum bench_state s = BENCH_IDLE; r == 0 && s < BENCH_STATES; s++)
		r = measure_guarded(b, s, round, err);
	guard_release(b->run->guard, slot);
	return r;
}

int bench_call_in_turn(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		syscall(i & 1 ? SYS_getpid : SYS_getppid);
	return 0;
}

void bench_figure(const struct bench *b, unsigned kind, enum bench_state state,
		  struct bench_figure *ret)
{
	const double *ns = b->ns[kind][state], *empty = b->ns[kind][BENCH_EMPTY];
	double v[BENCH_ROUNDS_MAX], ratio[BENCH_ROUNDS_MAX], above[BENCH_ROUNDS_MAX];

	for (unsigned i = 0; i < b->rounds; i++) {
		v[i] = ns[i];
		ratio[i] = ns[i] / empty[i];
		above[i] = ns[i] - empty[i];
	}
	ret->median = bench_median(v, b->rounds);
	ret->min = v[0];
	ret->ratio = bench_median(ratio, b->rounds);
	ret->above = bench_median(above, b->rounds);
}

static int report_run(struct bench *b)
{
	char file[PATH_MAX + 64], dir[PATH_MAX];
	json_auto_t *j = NULL;
	double others = others_share(b->run);
	struct utsname uts;
	int r;

	uname(&uts);
	snprintf(dir, sizeof(dir), "%s", b->run->self);
	snprintf(file, sizeof(file), "%s/%s.json", dirname(dir), b->name);
	j = json_pack("{s:s, s:i, s:i, s:I, s:f}", "kernel", uts.release, "rounds", (int)b->rounds,
		      "operations", (int)(b->batch * BATCHES), "records_lost",
		      (json_int_t)b->run->lost, "others", others);
	r = j ? b->report(b, j) : -ENOMEM;
	printf("%s, %u rounds of %u batches of %u; %llu events recorded, %llu lost\n%s\n",
	       uts.release, b->rounds, BATCHES, b->batch, (unsigned long long)b->run->n_records,
	       (unsigned long long)b->run->lost, file);
	if (others >= OTHERS_MUCH)
		printf("other programs used %.0f %% of the processors: the figures are lower on a "
		       "quiet host\n",
		       100 * others);
	if (r == 0 && json_dump_file(j, file, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) < 0)
		r = -EIO;
	return r;
}

static int prepare_run(struct bench *b, struct err *err)
{
	const struct guard_handler handler = {.record = count_record, .ctx = b};
	struct bench_run *run = b->run;
	char name[64];
	int r = b->policy(&run->policy);

	for (unsigned k = 0; k < b->n_kinds; k++)
		for (int s = 0; s < BENCH_STATES; s++) {
			b->ns[k][s] = calloc(b->rounds, sizeof(double));
			r = b->ns[k][s] ? r : -ENOMEM;
		}
	if (r < 0)
		return err_set(err, r, "%s", strerror(-r));
	snprintf(name, sizeof(name), "lutra-bench.%d", getpid());
	r = cgroup_create(name, &run->cgroup, err);
	if (r < 0)
		return r;
	snprintf(name, sizeof(name), "lutra-bench-other.%d", getpid());
	r = cgroup_create(name, &run->other, err);
	return r < 0 ? r : guard_new(&run->guard, &handler, 0, NULL, err);
}

static volatile sig_atomic_t stopped;

static void stop_run(int signo)
{
	stopped = signo;
}

static int run_rounds(struct bench *b, struct err *err)
{
	int r = prepare_run(b, err);

	for (unsigned i = 0; r == 0 && i < b->rounds && !stopped; i++) {
		if (isatty(STDERR_FILENO))
			fprintf(stderr, "\rround %u of %u ", i + 1, b->rounds);
		r = measure_round(b, i, err);
	}
	if (isatty(STDERR_FILENO))
		fputc('\r', stderr);
	if (r < 0 || stopped)
		return r;
	r = report_run(b);
	return r < 0 ? err_set(err, r, "%s.json cannot be written", b->name) : 0;
}

static void bench_run_done(struct bench *b)
{
	struct bench_run *run = b->run;

	guard_free(run->guard);
	if (run->cgroup)
		cgroup_destroy(run->cgroup);
	if (run->other)
		cgroup_destroy(run->other);
	free(run->cgroup);
	free(run->other);
	policy_free(run->policy);
	for (unsigned k = 0; k < b->n_kinds; k++)
		for (int s = 0; s < BENCH_STATES; s++)
			free(b->ns[k][s]);
}

int bench_main(struct bench *b, int argc, char **argv)
{
	struct bench_run run = {};
	struct err err = {""};
	ssize_t n;
	int r;

	if (argc == 5 && strcmp(argv[1], "--loop") == 0)
		return run_loop(b, (unsigned)strtoul(argv[2], NULL, 10),
				(unsigned)strtoul(argv[3], NULL, 10), argv[4]);
	if (argc > 2 || (argc == 2 && strcmp(argv[1], "--quick") != 0)) {
		fprintf(stderr, "usage: %s [--quick]\n", b->name);
		return 2;
	}
	b->rounds = argc == 2 ? ROUNDS_QUICK : BENCH_ROUNDS_MAX;
	b->batch = argc == 2 ? b->batch_quick : b->batch;
	b->run = &run;
	read_processor_time(&run.busy, &run.all);
	n = readlink("/proc/self/exe", run.self, sizeof(run.self) - 1);
	if (n < 0 || geteuid() != 0) {
		fprintf(stderr, "%s: needs root, to load BPF programs and make cgroups\n", b->name);
		return 1;
	}
	signal(SIGINT, stop_run);
	signal(SIGTERM, stop_run);
	r = run_rounds(b, &err);
	if (r < 0)
		fprintf(stderr, "%s: %s\n", b->name, err.msg);
	bench_run_done(b);
	return r < 0 ? 1 : stopped ? 128 + stopped : 0;
}
