/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alerts about objects are reported once in a container and counted from then on, behind whichever hook
 * or fallback this kernel has.
 */
#include "tests/support/bpf/opener.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/bpf/kernel_policy.h"
#include "tests/support/bpf/test_program.h"
#include "user/sys/clock.h"

#define OTHER_FILE OPENER_DIR "/other"
#define EVIDENCE_FLOOD 4000 /* more pieces than the ring has room for */

/* ---- workers ---- */

static int connect_loopback_port(uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return connect(fd, (struct sockaddr *)&a, sizeof(a));
}

static int work_ports(void)
{
	static const uint16_t ports[] = {9, 9, 10, 40000, 50000, 9, 10};

	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		connect_loopback_port(ports[i]);
	return 0;
}

/* Two repeated matches, and one of another class within the same second. */
static int work_repeat_then_novel(void)
{
	for (int i = 0; i < 3; i++)
		connect_loopback_port(9);
	syscall(NOVEL, 0);
	return 0;
}

/* The first connection has room in the flood, as the first alert of its kind. */
static int work_flood_then_connect(void)
{
	for (int i = 0; i < EVIDENCE_FLOOD; i++)
		syscall(NOVEL, 0);
	connect_loopback_port(10);
	return connect_loopback_port(9);
}

static int work_connect(void)
{
	return connect_loopback_port(9);
}

static const struct worker workers[] = {
	{"opener", opener_work},
	{"ports", work_ports},
	{"repeat-then-novel", work_repeat_then_novel},
	{"flood-then-connect", work_flood_then_connect},
	{"connect", work_connect},
};

/* A policy that knows no connection. */
static struct policy *policy_of_connections(uint8_t action)
{
	struct policy *p = kernel_policy_new();

	p->ops = 1u << LUTRA_OP_CONNECT;
	p->action[LUTRA_RULE_CONNECT] = action;
	return p;
}

/* ---- what is reported ---- */

static void open_path_times(const struct opener *o, const char *path, int flags, uint32_t times)
{
	struct opener_request q = {
		.task = OPENER_OPEN, .times = times, .flags = flags, .nr = SYS_openat};

	snprintf(q.path[0], sizeof(q.path[0]), "%s", path);
	assert_int_equal(opener_ask(o, &q).opened, times);
}

/* Returns how many pieces of evidence name the path, of all containers. */
static size_t count_reported_of_path(struct box *b, const char *path)
{
	size_t n = 0;

	guard_drain(b->guard);
	for (size_t i = 0; i < b->n_evidence; i++)
		n += strcmp(b->evidence[i].str, path) == 0;
	return n;
}

/* Returns what the kernel remembers of a path, or of a port if path is NULL; rule NONE: nothing. */
static struct lutra_reported find_reported_thing(const struct box *b, const char *path,
						 uint16_t port)
{
	struct lutra_reported all[LUTRA_REPORTED], none = {.rule = LUTRA_RULE_NONE};
	int n = guard_reported(b->guard, b->slot, all);

	for (int i = 0; i < n; i++)
		if (path ? all[i].text_len == strlen(path) &&
				    memcmp(all[i].text, path, all[i].text_len) == 0
			 : all[i].object.port == port)
			return all[i];
	return none;
}

static struct opener enroll_opener_of_files(struct box *b)
{
	make_file(OPENER_FILE);
	make_file(OTHER_FILE);
	return opener_enroll(b, kernel_policy_of_opens());
}

static void reported_alert_is_evidence_once_and_counted_then(void **state)
{
	struct box *b = *state;
	struct opener o = enroll_opener_of_files(b);
	uint64_t before = box_counter(b, LUTRA_COUNTER_REPEATED), start_ns = clock_now_ns();
	struct lutra_reported t;

	open_path_times(&o, OPENER_FILE, O_RDONLY, 38);
	assert_int_equal(count_reported_of_path(b, OPENER_FILE), 1);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_REPEATED) - before, 37);
	t = find_reported_thing(b, OPENER_FILE, 0);
	assert_int_equal(t.rule, LUTRA_RULE_OPEN_READ_ELSEWHERE);
	assert_int_equal(t.role, LUTRA_ROLE_STARTUP);
	assert_int_equal(t.repeated, 37);
	assert_true(t.last_ns > start_ns && t.last_ns < clock_now_ns());
	opener_end(&o);
}

/* One rule and one folded name, but two files; and one file, but another access, or another role. */
static void reported_alert_about_another_object_access_or_role_is_evidence(void **state)
{
	struct box *b = *state;
	struct opener o = enroll_opener_of_files(b);

	make_file(OPENER_DIR "/file1");
	make_file(OPENER_DIR "/file2");
	open_path_times(&o, OPENER_DIR "/file1", O_RDONLY, 2);
	open_path_times(&o, OPENER_DIR "/file2", O_RDONLY, 2);
	assert_int_equal(count_reported_of_path(b, OPENER_DIR "/file1"), 1);
	assert_int_equal(count_reported_of_path(b, OPENER_DIR "/file2"), 1);
	open_path_times(&o, OPENER_FILE, O_RDONLY, 2);
	open_path_times(&o, OPENER_FILE, O_WRONLY, 2);
	assert_int_equal(count_reported_of_path(b, OPENER_FILE), 2);
	opener_do(&o, OPENER_ACCEPT);
	open_path_times(&o, OPENER_FILE, O_RDONLY, 2);
	assert_int_equal(count_reported_of_path(b, OPENER_FILE), 3);
	assert_int_equal(b->evidence[b->n_evidence - 1].ev.role, LUTRA_ROLE_STEADY);
	unlink(OPENER_DIR "/file1");
	unlink(OPENER_DIR "/file2");
	opener_end(&o);
}

/* The policy knows no exact ports: from 32768 on all are one. */
static void reported_connection_goes_by_address_and_port(void **state)
{
	struct box *b = *state;

	box_enroll(b, policy_of_connections(LUTRA_ACTION_ALERT), LUTRA_MODE_AUDIT, false);
	assert_exited(box_run(b, "ports", NULL), 0);
	assert_int_equal(b->n_evidence, 3);
	assert_int_equal(b->evidence[0].ev.object.port, 9);
	assert_int_equal(b->evidence[1].ev.object.port, 10);
	assert_int_equal(b->evidence[2].ev.object.port, 40000);
	assert_int_equal(find_reported_thing(b, NULL, 9).repeated, 2);
	assert_int_equal(find_reported_thing(b, NULL, 40000).repeated, 1);
}

/*
 * In mode audit what would be refused is reported once, too. A refusal is reported each time. Without hooks
 * the mode is freeze, which a guard without them takes; with them a frozen task is refused silently.
 */
static void reported_refusal_is_evidence_each_time(void **state)
{
	struct box *b = *state;
	struct policy *p = kernel_policy_of_opens();
	unsigned mode = guard_has_lsm(b->guard) ? LUTRA_MODE_DENY : LUTRA_MODE_FREEZE;
	struct opener o;

	make_file(OPENER_FILE);
	p->action[LUTRA_RULE_OPEN_READ_ELSEWHERE] = LUTRA_ACTION_DENY;
	o = opener_enroll(b, p);
	open_path_times(&o, OPENER_FILE, O_RDONLY, 5);
	assert_int_equal(count_reported_of_path(b, OPENER_FILE), 1);
	assert_int_equal(guard_set_mode(b->guard, b->slot, mode, NULL), 0);
	opener_ask(&o,
		   &(struct opener_request){.times = 5, .nr = SYS_openat, .path = {OPENER_FILE}});
	assert_int_equal(count_reported_of_path(b, OPENER_FILE), 6);
	assert_int_equal(b->evidence[b->n_evidence - 1].ev.verdict, LUTRA_VERDICT_DENY);
	opener_end(&o);
}

static void reported_repeated_alert_is_counted_until_the_kill(void **state)
{
	struct box *b = *state;
	struct policy *p = policy_of_connections(LUTRA_ACTION_ALERT);

	kernel_policy_forget(p, NOVEL, true);
	p->action[LUTRA_RULE_NEW_HOOKABLE] = LUTRA_ACTION_DENY;
	p->kill_matches = 2;
	box_enroll(b, p, LUTRA_MODE_KILL, false);
	assert_killed(box_run(b, "repeat-then-novel", NULL));
	assert_int_equal(b->n_evidence, 2);
	assert_int_equal(b->evidence[0].ev.verdict, LUTRA_VERDICT_ALERT);
	assert_int_equal(b->evidence[1].ev.verdict, LUTRA_VERDICT_KILL);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_REPEATED), 2);
}

/* ---- whose memory, and how long ---- */

static void reported_alert_of_another_container_is_evidence(void **state)
{
	struct box *b = *state;
	struct policy *p = kernel_policy_of_opens();
	struct opener o = enroll_opener_of_files(b), other;
	char cgroup[sizeof(b->cgroup) + 8];
	const struct guard_enrolment e = {
		.cgroup = cgroup, .policy = p, .mode = LUTRA_MODE_AUDIT, .next_exec = true};
	uint32_t slot = 0;
	size_t n = 0;
	int r;

	open_path_times(&o, OPENER_FILE, O_RDONLY, 2);
	snprintf(cgroup, sizeof(cgroup), "%s-other", b->cgroup);
	assert_int_equal(mkdir(cgroup, 0755), 0);
	r = guard_enroll(b->guard, &e, &slot, NULL);
	if (r == 0) {
		other = opener_start(b, cgroup);
		open_path_times(&other, OPENER_FILE, O_RDONLY, 2);
		open_path_times(&o, OPENER_FILE, O_RDONLY, 2);
		n = count_reported_of_path(b, OPENER_FILE);
		opener_end(&other);
		guard_release(b->guard, slot);
	}
	box_cgroup_remove(cgroup);
	policy_free(p);
	assert_int_equal(r, 0);
	assert_int_equal(n, 2);
	opener_end(&o);
}

static void reported_alert_is_evidence_again_by_a_new_policy(void **state)
{
	struct box *b = *state;
	struct opener o = enroll_opener_of_files(b);

	open_path_times(&o, OPENER_FILE, O_RDONLY, 2);
	box_swap_policy(b, kernel_policy_of_opens());
	assert_int_equal(find_reported_thing(b, OPENER_FILE, 0).rule, LUTRA_RULE_NONE);
	open_path_times(&o, OPENER_FILE, O_RDONLY, 2);
	assert_int_equal(count_reported_of_path(b, OPENER_FILE), 2);
	opener_end(&o);
}

static void reported_alert_is_evidence_again_after_a_day(void **state)
{
	const uint64_t hour_ns = 3600000000000ull;
	struct box *b = *state;
	struct opener o = enroll_opener_of_files(b);

	open_path_times(&o, OPENER_FILE, O_RDONLY, 2);
	assert_int_equal(guard_renew_seen(b->guard, clock_now_ns() + 23 * hour_ns), 0);
	open_path_times(&o, OPENER_FILE, O_RDONLY, 2);
	assert_int_equal(count_reported_of_path(b, OPENER_FILE), 1);
	assert_int_equal(guard_renew_seen(b->guard, clock_now_ns() + 25 * hour_ns), 0);
	open_path_times(&o, OPENER_FILE, O_RDONLY, 2);
	assert_int_equal(count_reported_of_path(b, OPENER_FILE), 2);
	opener_end(&o);
}

static void reported_alert_is_evidence_again_after_the_daemon_lost_it(void **state)
{
	struct box *b = *state;
	struct opener o = enroll_opener_of_files(b);

	open_path_times(&o, OPENER_FILE, O_RDONLY, 2);
	assert_int_equal(guard_forget_reported(b->guard, b->slot), 0);
	open_path_times(&o, OPENER_FILE, O_RDONLY, 2);
	assert_int_equal(count_reported_of_path(b, OPENER_FILE), 2);
	assert_int_equal(guard_forget_reported(b->guard, LUTRA_SLOTS - 1), -ENOENT);
	opener_end(&o);
}

/* Whatever is pushed out is reported again: no alert of a flood is silent. */
static void reported_flood_of_things_is_all_evidence(void **state)
{
	struct lutra_reported all[LUTRA_REPORTED];
	struct box *b = *state;
	struct opener o = enroll_opener_of_files(b);
	static const char flood[] = OPENER_DIR "/flood";
	const int files = 2 * LUTRA_REPORTED;
	char path[PATH_BYTES];
	int reported = 0;

	open_path_times(&o, OPENER_FILE, O_RDONLY, 2);
	for (int i = 0; i < files; i++) {
		snprintf(path, sizeof(path), "%s%d", flood, i);
		make_file(path);
		open_path_times(&o, path, O_RDONLY, 1);
		unlink(path);
		guard_drain(b->guard);
	}
	for (size_t i = 0; i < b->n_evidence; i++)
		reported += strncmp(b->evidence[i].str, flood, strlen(flood)) == 0;
	assert_int_equal(reported, files);
	assert_in_range(guard_reported(b->guard, b->slot, all), LUTRA_REPORTED / 2, LUTRA_REPORTED);
	opener_end(&o);
}

static size_t count_connections_to(const struct box *b, uint16_t port)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n_evidence; i++)
		n += b->evidence[i].ev.rule == LUTRA_RULE_CONNECT &&
		     b->evidence[i].ev.object.port == port;
	return n;
}

static void reported_alert_whose_evidence_is_lost_is_evidence_next_time(void **state)
{
	struct box *b = *state;
	struct policy *p = policy_of_connections(LUTRA_ACTION_ALERT);

	kernel_policy_forget(p, NOVEL, true);
	box_enroll(b, p, LUTRA_MODE_AUDIT, false);
	assert_exited(box_run(b, "flood-then-connect", NULL), 0);
	assert_true(box_counter(b, LUTRA_COUNTER_EVIDENCE_LOST) > 0);
	assert_int_equal(count_connections_to(b, 10), 1);
	assert_int_equal(count_connections_to(b, 9), 0);
	assert_exited(box_run(b, "connect", NULL), 0);
	assert_int_equal(count_connections_to(b, 9), 1);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_REPEATED), 0);
}

/* ---- paths that are no identity ---- */

static void reported_path_that_is_not_known_whole_is_evidence_each_time(void **state)
{
	struct box *b = *state;
	struct opener o = enroll_opener_of_files(b);
	char path[PATH_BYTES];
	size_t before;

	snprintf(path, sizeof(path), OPENER_DIR "/%064d", 1);
	make_file(path);
	guard_drain(b->guard);
	before = b->n_evidence;
	open_path_times(&o, path, O_RDONLY, 3);
	guard_drain(b->guard);
	assert_int_equal(b->n_evidence - before, 3);
	unlink(path);
	opener_end(&o);
}

#define BOX(f) cmocka_unit_test_setup_teardown(f, box_setup, box_teardown)
#define OPENER(f) cmocka_unit_test_setup_teardown(f, opener_setup, opener_teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		OPENER(reported_alert_is_evidence_once_and_counted_then),
		OPENER(reported_alert_about_another_object_access_or_role_is_evidence),
		BOX(reported_connection_goes_by_address_and_port),
		OPENER(reported_refusal_is_evidence_each_time),
		BOX(reported_repeated_alert_is_counted_until_the_kill),
		OPENER(reported_alert_of_another_container_is_evidence),
		OPENER(reported_alert_is_evidence_again_by_a_new_policy),
		OPENER(reported_alert_is_evidence_again_after_a_day),
		OPENER(reported_alert_is_evidence_again_after_the_daemon_lost_it),
		OPENER(reported_flood_of_things_is_all_evidence),
		BOX(reported_alert_whose_evidence_is_lost_is_evidence_next_time),
		OPENER(reported_path_that_is_not_known_whole_is_evidence_each_time),
	};

	if (argc > 3)
		opener_fds = argv[3];
	return TEST_PROGRAM(argc, argv, test_program_why_not);
}
