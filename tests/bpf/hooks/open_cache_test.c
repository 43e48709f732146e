/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The open cache, behind whichever hook or fallback this kernel has. Each file is opened under its
 * known name first, until the open is cached, and then as something that the policy does not know.
 */
#include "tests/support/bpf/caches/open_cache.h"

#include <stdio.h>
#include <unistd.h>

#include "tests/support/bpf/kernel_policy.h"
#include "tests/support/bpf/test_program.h"
#include "user/guard/guard_impl.h"

static const struct worker workers[] = {{"opener", opener_work}};

/* ---- what is cached ---- */

static void open_cache_judges_a_known_open_once(void **state)
{
	struct box *b = *state;
	struct opener opener = opener_enroll_file(b);

	assert_becomes_cached(b, &opener, OPENER_FILE);
	assert_opens(b, &opener, OPENER_FILE, O_RDONLY, (struct opens){.times = 1000});
	opener_end(&opener);
}

static void open_cache_judges_a_novel_open_each_time(void **state)
{
	struct box *b = *state;
	struct opener opener;

	make_file(OPENER_FILE);
	opener = opener_enroll(b, kernel_policy_of_opens());
	assert_opens(b, &opener, OPENER_FILE, O_RDONLY, (struct opens){.times = 50, .novel = 50});
	assert_true(box_counter(b, LUTRA_COUNTER_REPEATED) >= 49);
	opener_end(&opener);
}

/* ---- the same file under another path ---- */

static void open_cache_judges_anew_after_a_rename(void **state)
{
	struct box *b = *state;
	struct opener opener = opener_enroll_file(b);

	assert_becomes_cached(b, &opener, OPENER_FILE);
	for (int i = 0; i < 3; i++) {
		move_file(OPENER_FILE, OPENER_DIR "/other");
		assert_is_novel(b, &opener, OPENER_DIR "/other", O_RDONLY);
		move_file(OPENER_DIR "/other", OPENER_FILE);
		assert_is_cached(b, &opener, OPENER_FILE);
	}
	opener_end(&opener);
}

/* Renames a directory that the file is in, or one above that. */
static void assert_rename_above_is_seen(struct box *b, const char *from, const char *to,
					const char *file_then)
{
	static const char path[] = OPENER_DIR "/one/two/three/file";
	struct opener opener;

	make_dir(OPENER_DIR "/one");
	make_dir(OPENER_DIR "/one/two");
	make_dir(OPENER_DIR "/one/two/three");
	make_file(path);
	opener = opener_enroll(b, kernel_policy_of_path(path));
	assert_becomes_cached(b, &opener, path);
	move_file(from, to);
	assert_is_novel(b, &opener, file_then, O_RDONLY);
	move_file(to, from);
	assert_is_cached(b, &opener, path);
	opener_end(&opener);
}

static void open_cache_judges_anew_after_a_rename_of_the_directory(void **state)
{
	assert_rename_above_is_seen(*state, OPENER_DIR "/one/two/three", OPENER_DIR "/one/two/four",
				    OPENER_DIR "/one/two/four/file");
}

static void open_cache_judges_anew_after_a_rename_two_above(void **state)
{
	assert_rename_above_is_seen(*state, OPENER_DIR "/one", OPENER_DIR "/uno",
				    OPENER_DIR "/uno/two/three/file");
}

static void open_cache_judges_anew_after_a_move_of_the_directory(void **state)
{
	assert_rename_above_is_seen(*state, OPENER_DIR "/one/two/three", OPENER_DIR "/three",
				    OPENER_DIR "/three/file");
}

static void open_cache_judges_a_hard_link_by_its_own_name(void **state)
{
	struct box *b = *state;
	struct opener opener = opener_enroll_file(b);

	assert_becomes_cached(b, &opener, OPENER_FILE);
	assert_int_equal(link(OPENER_FILE, OPENER_DIR "/link"), 0);
	assert_is_novel(b, &opener, OPENER_DIR "/link", O_RDONLY);
	assert_is_cached(b, &opener, OPENER_FILE);
	opener_end(&opener);
}

/* ---- the same path, opened as something else ---- */

static void open_cache_misses_a_write_when_reads_are_known(void **state)
{
	struct box *b = *state;
	struct opener opener = opener_enroll_file(b);

	assert_becomes_cached(b, &opener, OPENER_FILE);
	assert_is_novel(b, &opener, OPENER_FILE, O_WRONLY);
	assert_is_novel(b, &opener, OPENER_FILE, O_RDWR);
	assert_is_novel(b, &opener, OPENER_FILE, O_RDONLY | O_APPEND);
	assert_is_novel(b, &opener, OPENER_FILE, O_RDONLY | O_CREAT);
	assert_is_cached(b, &opener, OPENER_FILE);
	opener_end(&opener);
}

static void open_cache_misses_a_read_when_writes_are_known(void **state)
{
	struct box *b = *state;
	struct policy *p = kernel_policy_of_opens();
	struct opener opener;

	kernel_policy_know(p, OPENER_FILE, LUTRA_OBJ_WRITE, S_IFREG, ANY_ROLE);
	make_file(OPENER_FILE);
	opener = opener_enroll(b, p);
	assert_opens(b, &opener, OPENER_FILE, O_WRONLY,
		     (struct opens){.times = EVICT_AFTER + 2, .writes = 1});
	assert_is_novel(b, &opener, OPENER_FILE, O_RDONLY);
	assert_opens(b, &opener, OPENER_FILE, O_WRONLY, (struct opens){.times = 4});
	opener_end(&opener);
}

static void open_cache_misses_a_known_name_of_another_type(void **state)
{
	struct box *b = *state;
	struct opener opener = opener_enroll_file(b);

	assert_becomes_cached(b, &opener, OPENER_FILE);
	assert_int_equal(unlink(OPENER_FILE), 0);
	assert_int_equal(mkfifo(OPENER_FILE, 0600), 0);
	assert_is_novel(b, &opener, OPENER_FILE, O_RDONLY | O_NONBLOCK);
	assert_int_equal(unlink(OPENER_FILE), 0);
	make_dir(OPENER_FILE);
	assert_is_novel(b, &opener, OPENER_FILE, O_RDONLY | O_DIRECTORY);
	assert_int_equal(rmdir(OPENER_FILE), 0);
	make_file(OPENER_FILE);
	/* The new file has a new dentry, or the old one. */
	opener_ask(&opener, &(struct opener_request){.task = OPENER_OPEN,
						     .times = EVICT_AFTER,
						     .nr = SYS_openat,
						     .path = {OPENER_FILE}});
	assert_is_cached(b, &opener, OPENER_FILE);
	opener_end(&opener);
}

static void open_cache_misses_in_another_role(void **state)
{
	struct box *b = *state;
	struct policy *p = kernel_policy_of_opens();
	struct opener opener;

	kernel_policy_know(p, OPENER_FILE, 0, S_IFREG, LUTRA_ROLE_STARTUP);
	make_file(OPENER_FILE);
	opener = opener_enroll(b, p);
	assert_becomes_cached(b, &opener, OPENER_FILE);
	opener_do(&opener, OPENER_ACCEPT);
	assert_is_novel(b, &opener, OPENER_FILE, O_RDONLY);
	guard_drain(b->guard);
	assert_non_null(box_find_evidence(b, LUTRA_RULE_OPEN_READ_NEW_ROLE));
	opener_end(&opener);
	/* A task that starts now is in the role that may open the file. */
	opener = opener_start(b, b->cgroup);
	assert_is_cached(b, &opener, OPENER_FILE);
	opener_end(&opener);
}

/* ---- policies and containers ---- */

static void open_cache_is_void_after_a_policy_swap(void **state)
{
	struct box *b = *state;
	struct opener opener = opener_enroll_file(b);

	for (int i = 0; i < 3; i++) {
		assert_becomes_cached(b, &opener, OPENER_FILE);
		box_swap_policy(b, kernel_policy_of_opens());
		assert_is_novel(b, &opener, OPENER_FILE, O_RDONLY);
		box_swap_policy(b, kernel_policy_of_path(OPENER_FILE));
	}
	opener_end(&opener);
}

static void open_cache_misses_in_another_container(void **state)
{
	struct box *b = *state, other = *b;
	struct guard_enrolment e = {.mode = LUTRA_MODE_AUDIT, .next_exec = true};
	struct opener opener = opener_enroll_file(b), second;
	struct policy *p = kernel_policy_of_opens();
	struct err err = {};

	assert_becomes_cached(b, &opener, OPENER_FILE);
	snprintf(other.cgroup, sizeof(other.cgroup), "%.300s-2", b->cgroup);
	assert_int_equal(mkdir(other.cgroup, 0755), 0);
	e.cgroup = other.cgroup;
	e.policy = p;
	if (guard_enroll(b->guard, &e, &other.slot, &err) < 0)
		fail_msg("guard_enroll: %s", err.msg);
	policy_free(p);
	second = opener_start(b, other.cgroup);
	assert_is_novel(&other, &second, OPENER_FILE, O_RDONLY);
	assert_is_cached(b, &opener, OPENER_FILE);
	box_swap_policy(&other, kernel_policy_of_path(OPENER_FILE));
	assert_becomes_cached(&other, &second, OPENER_FILE);
	assert_is_cached(b, &opener, OPENER_FILE);
	opener_end(&second);
	opener_end(&opener);
	box_cgroup_remove(other.cgroup);
}

static void open_cache_is_void_in_a_slot_enrolled_anew(void **state)
{
	struct box *b = *state;
	struct opener opener = opener_enroll_file(b);
	uint32_t slot = b->slot;

	assert_becomes_cached(b, &opener, OPENER_FILE);
	opener_end(&opener);
	assert_int_equal(guard_release(b->guard, b->slot), 0);
	/* The next enrolment has the same slot. */
	b->guard->last_slot = slot - 1;
	opener = opener_enroll(b, kernel_policy_of_opens());
	assert_int_equal(b->slot, slot);
	assert_is_novel(b, &opener, OPENER_FILE, O_RDONLY);
	opener_end(&opener);
}

/* ---- recordings and verdicts ---- */

/* Returns how many object records name a path. */
static size_t count_path_records(const struct box *b, const char *path)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n_records; i++)
		n += b->records[i].rec.type == LUTRA_RECORD_OBJECT &&
		     !strcmp(b->records[i].str, path);
	return n;
}

static void open_cache_hits_are_all_recorded(void **state)
{
	struct box *b = *state;
	struct opener opener = opener_enroll_file(b);
	struct err err = {};

	assert_becomes_cached(b, &opener, OPENER_FILE);
	assert_int_equal(guard_set_record(b->guard, b->slot, true), 0);
	assert_opens(b, &opener, OPENER_FILE, O_RDONLY, (struct opens){.times = 10});
	guard_drain(b->guard);
	assert_int_equal(count_path_records(b, OPENER_FILE), 10);
	assert_int_equal(guard_set_mode(b->guard, b->slot, LUTRA_MODE_LEARN, &err), 0);
	opener_ask(&opener, &(struct opener_request){.task = OPENER_OPEN,
						     .times = 10,
						     .nr = SYS_openat,
						     .path = {OPENER_FILE}});
	guard_drain(b->guard);
	assert_int_equal(count_path_records(b, OPENER_FILE), 20);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_RECORDS_LOST), 0);
	opener_end(&opener);
}

/* The policy knows OPENER_FILE for writing, and neither the call NOVEL nor open(2). */
static struct opener enroll_deny_opener(struct box *b)
{
	struct policy *p = kernel_policy_of_path(OPENER_FILE);
	struct opener opener;
	struct err err = {};

	kernel_policy_know(p, OPENER_FILE, LUTRA_OBJ_WRITE, S_IFREG, ANY_ROLE);
	kernel_policy_forget(p, NOVEL, false);
	kernel_policy_forget(p, SYS_open, true);
	p->threshold = KERNEL_POLICY_WEIGHT << 8;
	p->action[LUTRA_RULE_NEW_HOOKABLE] = LUTRA_ACTION_DENY;
	p->action[LUTRA_RULE_LEVEL] = LUTRA_ACTION_DENY;
	make_file(OPENER_FILE);
	opener = opener_enroll(b, p);
	assert_int_equal(guard_set_mode(b->guard, b->slot, LUTRA_MODE_DENY, &err), 0);
	assert_opens(b, &opener, OPENER_FILE, O_WRONLY,
		     (struct opens){.times = EVICT_AFTER + 2, .writes = 1});
	return opener;
}

static void assert_open_refused(const struct opener *opener, unsigned nr)
{
	const struct opener_request q = {.task = OPENER_OPEN,
					 .times = 1,
					 .flags = O_WRONLY,
					 .nr = nr,
					 .path = {OPENER_FILE}};

	assert_int_equal(opener_ask(opener, &q).error, EPERM);
}

static void open_cache_hit_is_refused_in_an_alert_window(void **state)
{
	struct box *b = *state;
	struct opener opener;

	if (!guard_has_lsm(b->guard))
		test_program_skip("this kernel does not run BPF LSM programs");
	opener = enroll_deny_opener(b);
	opener_do(&opener, OPENER_CALL_NOVEL);
	assert_open_refused(&opener, SYS_openat);
	opener_end(&opener);
}

static void open_cache_hit_is_refused_in_a_denied_syscall(void **state)
{
	struct box *b = *state;
	struct opener opener;

	if (!guard_has_lsm(b->guard))
		test_program_skip("this kernel does not run BPF LSM programs");
	opener = enroll_deny_opener(b);
	assert_open_refused(&opener, SYS_open);
	opener_end(&opener);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, opener_setup, opener_teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(open_cache_judges_a_known_open_once),
		TEST(open_cache_judges_a_novel_open_each_time),
		TEST(open_cache_judges_anew_after_a_rename),
		TEST(open_cache_judges_anew_after_a_rename_of_the_directory),
		TEST(open_cache_judges_anew_after_a_rename_two_above),
		TEST(open_cache_judges_anew_after_a_move_of_the_directory),
		TEST(open_cache_judges_a_hard_link_by_its_own_name),
		TEST(open_cache_misses_a_write_when_reads_are_known),
		TEST(open_cache_misses_a_read_when_writes_are_known),
		TEST(open_cache_misses_a_known_name_of_another_type),
		TEST(open_cache_misses_in_another_role),
		TEST(open_cache_is_void_after_a_policy_swap),
		TEST(open_cache_misses_in_another_container),
		TEST(open_cache_is_void_in_a_slot_enrolled_anew),
		TEST(open_cache_hits_are_all_recorded),
		TEST(open_cache_hit_is_refused_in_an_alert_window),
		TEST(open_cache_hit_is_refused_in_a_denied_syscall),
	};

	opener_fds = argc > 3 ? argv[3] : NULL;
	return TEST_PROGRAM(argc, argv, test_program_why_not);
}
