/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel side at full speed, on all CPUs: every call is counted, a policy that is swapped under
 * way is whole for every call, and evidence that finds no room is counted while verdicts go on.
 *
 * Workers share a page with the test: they begin and end by what is in it, so that between two
 * looks at the counters they make the calls that they count and no others.
 */
#include "tests/support/bpf/kernel_policy.h"
#include "tests/support/bpf/test_program.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>

#include "user/guard/guard_impl.h"

#define PAGE_FD 900 /* of the page, in every worker */
#define NOVEL SYS_getpgid
#define THREADS 2
#define WORKERS_MAX 8
#define CALLS_ALL 1000000u
#define SWAPS_MIN 6
#define FLOOD 6000 /* signals; the ring holds fewer than 4000 */

struct page {
	volatile uint32_t ready, go, done, quit;
	volatile uint32_t calls;  /* of each thread, at least */
	volatile uint32_t stop;	  /* no more than that */
	volatile uint64_t made;	  /* calls of all threads, when done */
	volatile uint64_t novel;  /* of them */
	volatile uint32_t serial; /* seeds */
};

/* Calls that do nothing, with -1 for all they are asked. Each has a token of its own. */
static const unsigned harmless[] = {SYS_getppid,
				    SYS_getpid,
				    SYS_getuid,
				    SYS_getgid,
				    SYS_geteuid,
				    SYS_getegid,
				    SYS_gettid,
				    SYS_sched_yield,
				    SYS_getpgrp,
				    SYS_close,
				    SYS_dup,
				    SYS_lseek,
				    SYS_fsync,
				    SYS_fdatasync,
				    SYS_fchdir,
				    SYS_flock,
				    SYS_getdents64,
				    SYS_fstat,
				    SYS_shutdown,
				    SYS_listen,
				    SYS_getsockname,
				    SYS_fchmod,
				    SYS_fchown,
				    SYS_ftruncate,
				    SYS_fcntl,
				    SYS_ioctl,
				    SYS_readv,
				    SYS_writev,
				    SYS_read,
				    SYS_write,
				    SYS_pread64,
				    SYS_pwrite64,
				    SYS_epoll_ctl,
				    SYS_getpeername,
				    SYS_timerfd_gettime,
				    SYS_getsockopt,
				    SYS_sendto,
				    SYS_recvfrom,
				    SYS_getdents,
				    SYS_fstatfs,
				    SYS_sync_file_range};
#define HARMLESS (sizeof(harmless) / sizeof(harmless[0]))

static uint32_t calls_all(void)
{
	const char *n = getenv("LUTRA_TEST_CALLS"); /* emulated machines are slow */

	return n ? (uint32_t)strtoul(n, NULL, 10) : CALLS_ALL;
}

static struct page *page_map(int fd)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* ---- workers ---- */

static int new_socket(void)
{
	return socket(AF_INET, SOCK_DGRAM, 0);
}

/* To an address that training never saw: host n of 127.0.0.0/8. */
static long connect_somewhere(int fd, uint32_t n)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(4714)};

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK + n);
	return syscall(SYS_connect, fd, &a, sizeof(a));
}

/* One in three calls is NOVEL, many of the others connect. */
static void *calls_in_thread(void *arg)
{
	struct page *p = arg;
	int fd = new_socket();
	uint32_t x = __atomic_add_fetch(&p->serial, 1, __ATOMIC_SEQ_CST) * 2654435761u;
	uint64_t novel = 0;
	uint32_t made;

	__atomic_add_fetch(&p->ready, 1, __ATOMIC_SEQ_CST);
	while (!p->go)
		;
	for (made = 0; made < p->calls || !p->stop; made++) {
		x = x * 1664525 + 1013904223;
		if ((x >> 16) % 3 == 0) {
			syscall(NOVEL, -1);
			novel++;
		} else if ((x >> 16) % 8 == 1) {
			connect_somewhere(fd, 0);
		} else {
			syscall(harmless[(x >> 8) % HARMLESS], -1, -1, -1, -1, -1, -1);
		}
	}
	__atomic_add_fetch(&p->made, made, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&p->novel, novel, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&p->done, 1, __ATOMIC_SEQ_CST);
	while (!p->quit)
		;
	return NULL;
}

static int work_full_speed(void)
{
	struct page *p = page_map(PAGE_FD);
	pthread_t t[THREADS - 1];

	if (!p)
		return 1;
	for (int i = 0; i < THREADS - 1; i++)
		if (pthread_create(&t[i], NULL, calls_in_thread, p))
			return 1;
	/* Itself too: to wait for the others would be calls that nobody counts. */
	calls_in_thread(p);
	for (int i = 0; i < THREADS - 1; i++)
		pthread_join(t[i], NULL);
	return 0;
}

/* More signals than the evidence ring holds, each about another address: one alone is reported once. */
static int work_flood(void)
{
	struct page *p = page_map(PAGE_FD);
	int fd = new_socket();

	for (uint32_t i = 0; p && i < p->calls; i++)
		if (connect_somewhere(fd, i) < 0)
			return 1;
	return !p;
}

static int work_novel(void)
{
	syscall(SYS_getppid);
	syscall(NOVEL, -1);
	return 0;
}

static const struct worker workers[] = {
	{"full-speed", work_full_speed}, {"flood", work_flood}, {"novel", work_novel}};

/* ---- policies that can be told apart ---- */

struct look {
	uint8_t weight[3]; /* of every pair, by level */
	uint8_t mix;
	int32_t threshold;
	bool hookable; /* NOVEL is a TH signal */
	uint8_t group;
	uint8_t action, verdict; /* of all */
};

static const struct look looks[2] = {
	{{100, 40, 20},
	 3,
	 LEVEL_NEVER,
	 false,
	 LUTRA_RULE_NEW_SYSCALL,
	 LUTRA_ACTION_LOG,
	 LUTRA_VERDICT_ALLOW},
	{{50, 30, 10},
	 5,
	 LEVEL_NEVER + 1,
	 true,
	 LUTRA_RULE_NEW_HOOKABLE,
	 LUTRA_ACTION_ALERT,
	 LUTRA_VERDICT_ALERT},
};

static void fill_table(uint16_t *t, uint32_t n, uint8_t weight, uint32_t mix)
{
	for (uint32_t a = 0; a < n; a++)
		for (uint32_t b = 0; b < n; b++)
			t[a * n + b] = (uint16_t)(weight << 8 | ((a * mix + b) & (LUTRA_K - 1)));
}

static struct policy *look_policy(const struct look *l)
{
	struct policy *p = kernel_policy_new();

	p->v = LUTRA_TOKEN0 + HARMLESS;
	free(p->t0);
	p->t0 = calloc(p->v * p->v, sizeof(*p->t0));
	assert_non_null(p->t0);
	for (size_t i = 0; i < HARMLESS; i++)
		for (int role = 0; role < LUTRA_ROLES; role++)
			p->token[role][harmless[i]] = (uint8_t)(LUTRA_TOKEN0 + i);
	kernel_policy_forget(p, NOVEL, l->hookable);
	fill_table(p->t0, p->v, l->weight[0], l->mix);
	fill_table(p->t1, LUTRA_K, l->weight[1], l->mix);
	fill_table(p->t2, LUTRA_K, l->weight[2], l->mix);
	p->threshold = l->threshold;
	p->ops = 1u << LUTRA_OP_CONNECT;
	memset(p->action, l->action, sizeof(p->action));
	return p;
}

/* ---- looking at evidence as it comes ---- */

static struct {
	uint32_t version;		     /* of looks[0], the first time */
	uint8_t token[LUTRA_HISTORY_NR + 1]; /* of calls, by either policy */
	uint64_t seen, wrong[2], of[2];
	char why[160];
} watch;

static bool weight_fits(const struct look *l, uint32_t w)
{
	for (unsigned set = 0; set < 8; set++) {
		uint32_t sum = 0;

		for (unsigned i = 0; i < 3; i++)
			sum += set >> i & 1 ? l->weight[i] : 0u;
		if (sum == w)
			return true;
	}
	return false;
}

/* Returns the token of an event in either policy. */
static uint8_t history_token(const struct lutra_history *h)
{
	return h->nr_role & LUTRA_HISTORY_NOVEL ? LUTRA_UNK
						: watch.token[h->nr_role & LUTRA_HISTORY_NR];
}

/* Returns true if event i is left out, because its token equals those of the two events before. */
static bool is_left_out(const struct lutra_history *h, int from, int i)
{
	uint8_t token = history_token(&h[i]);

	return i - from >= 2 && token == history_token(&h[i - 1]) &&
	       token == history_token(&h[i - 2]);
}

static void move_level(int32_t *level, uint32_t weight)
{
	*level += ((int32_t)(weight << LUTRA_M_FRACTION) - *level) >> KERNEL_POLICY_SHIFT;
}

/* The level is that of the last events, all weighed by this policy since the task met it. */
static bool level_fits(const struct look *l, const struct lutra_evidence *ev)
{
	const int32_t most = (l->weight[0] + l->weight[1] + l->weight[2]) << LUTRA_M_FRACTION;
	const struct lutra_history *h = ev->history;
	int32_t low, high;

	for (int from = LUTRA_HISTORY - 1; from >= 0; from--) {
		low = 0;
		high = from ? 0 : most;
		if (!weight_fits(l, h[from].weight))
			return false;
		for (int i = from; i < LUTRA_HISTORY; i++) {
			if (is_left_out(h, from, i))
				continue;
			move_level(&low, h[i].weight);
			/* What was before the history may have been equal. */
			if (from || i >= 2 || h[i].weight)
				move_level(&high, h[i].weight);
		}
		if (ev->level >= low && ev->level <= high)
			return true;
	}
	return false;
}

static void watch_evidence(const struct lutra_evidence *ev)
{
	unsigned which = (ev->policy_version - watch.version) & 1;
	const struct look *l = &looks[which];
	bool fits = ev->verdict == l->verdict && ev->threshold == l->threshold;

	if (ev->rule != LUTRA_RULE_CONNECT)
		fits &= ev->rule == l->group && level_fits(l, ev);

	for (int i = 0; i < 3; i++)
		fits &= ev->weight[i] == 0 || ev->weight[i] == l->weight[i];
	watch.seen++;
	watch.of[which]++;
	if (fits)
		return;
	watch.wrong[which]++;
	snprintf(watch.why, sizeof(watch.why),
		 "policy %u: group %u verdict %u weights %u %u %u level %d of %d", which, ev->rule,
		 ev->verdict, ev->weight[0], ev->weight[1], ev->weight[2], ev->level,
		 ev->threshold);
}

/* ---- helpers ---- */

static struct page *page_new(void)
{
	int fd = memfd_create("page", 0);
	struct page *p;

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 4096), 0);
	assert_int_equal(dup2(fd, PAGE_FD), PAGE_FD);
	close(fd);
	p = page_map(PAGE_FD);
	assert_non_null(p);
	return p;
}

static void page_end(struct page *p)
{
	p->go = p->stop = p->quit = 1;
	munmap(p, 4096);
	close(PAGE_FD);
}

/* Threads on every CPU, enrolled, that wait for the word. Returns how many. */
static uint32_t start_all(struct box *b, struct page *p)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	uint32_t n = cpus > WORKERS_MAX ? WORKERS_MAX : (uint32_t)cpus;

	p->calls = calls_all() / (n * THREADS);
	for (uint32_t i = 0; i < n; i++) {
		struct child *c = box_fork(b, "full-speed", NULL);

		assert_int_equal(box_cgroup_join(b->cgroup, c->pid), 0);
		box_child_go(c);
	}
	while (p->ready < n * THREADS)
		sched_yield();
	return n * THREADS;
}

static void end_all(struct box *b, struct page *p)
{
	p->quit = 1;
	for (size_t i = 0; i < b->n_children; i++)
		assert_exited(box_child_wait(&b->children[i]), 0);
}

static void sleep_briefly(void)
{
	const struct timespec t = {.tv_nsec = 200000};

	nanosleep(&t, NULL);
}

/* ---- tests ---- */

static void speed_calls_scored_are_calls_made(void **state)
{
	struct box *b = *state;
	struct policy *policy = look_policy(&looks[0]);
	struct page *p = page_new();
	uint64_t calls, novel;
	uint32_t threads;

	test_program_need_counts();
	box_enroll(b, policy, LUTRA_MODE_AUDIT, false);
	policy_free(policy);
	threads = start_all(b, p);
	calls = box_counter(b, LUTRA_COUNTER_SYSCALLS);
	novel = box_counter(b, LUTRA_COUNTER_NOVEL_TOKENS);
	p->stop = p->go = 1;
	while (p->done < threads)
		sleep_briefly();
	assert_int_equal(p->made, (uint64_t)threads * p->calls);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_SYSCALLS) - calls, p->made);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_NOVEL_TOKENS) - novel, p->novel);
	end_all(b, p);
	page_end(p);
}

static void speed_no_call_is_scored_by_half_a_policy(void **state)
{
	struct box *b = *state;
	struct policy *policy[2] = {look_policy(&looks[0]), look_policy(&looks[1])};
	struct page *p = page_new();
	uint64_t calls, reported;
	uint32_t threads, swaps = 0;
	struct err err;

	test_program_need_counts();
	box_enroll(b, policy[0], LUTRA_MODE_AUDIT, false);
	watch.version = b->guard->version;
	memcpy(watch.token, policy[0]->token[0], sizeof(policy[0]->token[0]));
	box_evidence_watch = watch_evidence;
	threads = start_all(b, p);
	assert_int_equal(guard_set_policy(b->guard, b->slot, policy[1], &err), 0);
	calls = box_counter(b, LUTRA_COUNTER_SYSCALLS);
	p->go = 1;
	while (p->done < threads) {
		assert_int_equal(guard_set_policy(b->guard, b->slot, policy[swaps++ & 1], &err), 0);
		guard_drain(b->guard);
		p->stop = swaps >= SWAPS_MIN;
	}
	guard_drain(b->guard);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_SYSCALLS) - calls, p->made);
	reported = box_counter(b, LUTRA_COUNTER_ALLOW) + box_counter(b, LUTRA_COUNTER_ALERT);
	assert_int_equal(reported, watch.seen + box_counter(b, LUTRA_COUNTER_EVIDENCE_LOST));
	print_message(
		"# %u swaps under %llu calls; evidence by one policy %llu, by the other %llu\n",
		swaps, (unsigned long long)p->made, (unsigned long long)watch.of[0],
		(unsigned long long)watch.of[1]);
	if (watch.wrong[0] || watch.wrong[1])
		fail_msg("%llu and %llu events by half a policy; %s",
			 (unsigned long long)watch.wrong[0], (unsigned long long)watch.wrong[1],
			 watch.why);
	assert_true(watch.of[0] && watch.of[1]);
	end_all(b, p);
	page_end(p);
	policy_free(policy[0]);
	policy_free(policy[1]);
}

static void run_unread(struct box *b, const char *worker, int *ret_status)
{
	struct child *c = box_fork(b, worker, NULL);

	assert_int_equal(box_cgroup_join(b->cgroup, c->pid), 0);
	*ret_status = box_child_wait(c);
}

static void speed_evidence_without_a_reader_is_lost_not_the_verdict(void **state)
{
	struct box *b = *state;
	struct policy *policy = kernel_policy_new();
	struct page *p = page_new();
	uint64_t reported;
	struct err err;
	int status;

	policy->ops = 1u << LUTRA_OP_CONNECT;
	kernel_policy_forget(policy, NOVEL, true);
	policy->action[LUTRA_RULE_NEW_HOOKABLE] = LUTRA_ACTION_DENY;
	box_enroll(b, policy, LUTRA_MODE_AUDIT, false);
	policy_free(policy);
	p->calls = FLOOD;
	run_unread(b, "flood", &status);
	assert_exited(status, 0);
	assert_true(box_counter(b, LUTRA_COUNTER_EVIDENCE_LOST) > 0);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_ALERT), FLOOD);
	assert_int_equal(guard_set_mode(b->guard, b->slot, LUTRA_MODE_KILL, &err), 0);
	run_unread(b, "novel", &status);
	assert_killed(status);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_KILL), 1);
	guard_drain(b->guard);
	reported = box_counter(b, LUTRA_COUNTER_ALERT) + box_counter(b, LUTRA_COUNTER_KILL);
	assert_int_equal(reported, b->n_evidence + box_counter(b, LUTRA_COUNTER_EVIDENCE_LOST));
	page_end(p);
}

static int speed_teardown(void **state)
{
	box_evidence_watch = NULL;
	return box_teardown(state);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, box_setup, speed_teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(speed_calls_scored_are_calls_made),
		TEST(speed_no_call_is_scored_by_half_a_policy),
		TEST(speed_evidence_without_a_reader_is_lost_not_the_verdict),
	};

	return TEST_PROGRAM(argc, argv, test_program_why_not);
}
