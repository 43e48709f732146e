/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens that were judged known and are remembered: by whichever hook or stand-in this kernel has.
 * Each file is opened under its known name first, until it is remembered, and then met again as
 * something that the policy does not know.
 */
#include "tests/bpf/known.h"

#include <ftw.h>

#define FILE_ DIR "/file"

static const struct worker workers[] = {{"servant", work_servant}};

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	return remove(path);
}

static int setup(void **state)
{
	nftw(DIR, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	if (mkdir(DIR, 0755) < 0)
		return -1;
	/* A call's own tracepoint may be passed over, which is no matter here. */
	return box_setup_flags(state, usual_flags() | GUARD_BRIEF);
}

static int teardown(void **state)
{
	int r = box_teardown(state);

	nftw(DIR, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return r;
}

/* Enrolled in mode audit by a policy, which is freed. */
static struct servant serve(struct box *b, struct policy *p)
{
	box_enroll(b, p, LUTRA_MODE_AUDIT, false);
	policy_free(p);
	return servant_new(b, b->cgroup);
}

/* The container's policy knows FILE_, which is there. */
static struct servant serve_file(struct box *b)
{
	make_file(FILE_);
	return serve(b, policy_of(FILE_));
}

/* ---- what is remembered ---- */

static void known_open_is_judged_once(void **state)
{
	struct box *b = *state;
	struct servant sv = serve_file(b);

	assert_known(b, &sv, FILE_);
	assert_opens_as(b, &sv, FILE_, O_RDONLY, (struct opens){.times = 1000});
	servant_end(&sv);
}

static void known_novel_open_is_told_each_time(void **state)
{
	struct box *b = *state;
	struct servant sv;

	make_file(FILE_);
	sv = serve(b, open_policy());
	assert_opens_as(b, &sv, FILE_, O_RDONLY, (struct opens){.times = 50, .novel = 50});
	guard_drain(b->guard);
	assert_true(b->n_evidence >= 50);
	servant_end(&sv);
}

/* ---- the same file under another path ---- */

static void known_file_renamed_is_judged_anew(void **state)
{
	struct box *b = *state;
	struct servant sv = serve_file(b);

	assert_known(b, &sv, FILE_);
	for (int i = 0; i < 3; i++) {
		move(FILE_, DIR "/other");
		assert_novel(b, &sv, DIR "/other", O_RDONLY);
		move(DIR "/other", FILE_);
		assert_remembered(b, &sv, FILE_);
	}
	servant_end(&sv);
}

/* A directory that the file is in, or one above that. */
static void assert_rename_above_is_seen(struct box *b, const char *from, const char *to,
					const char *file_then)
{
	static const char path[] = DIR "/one/two/three/file";
	struct servant sv;

	make_dir(DIR "/one");
	make_dir(DIR "/one/two");
	make_dir(DIR "/one/two/three");
	make_file(path);
	sv = serve(b, policy_of(path));
	assert_known(b, &sv, path);
	move(from, to);
	assert_novel(b, &sv, file_then, O_RDONLY);
	move(to, from);
	assert_remembered(b, &sv, path);
	servant_end(&sv);
}

static void known_directory_renamed_is_judged_anew(void **state)
{
	assert_rename_above_is_seen(*state, DIR "/one/two/three", DIR "/one/two/four",
				    DIR "/one/two/four/file");
}

static void known_directory_two_above_renamed_is_judged_anew(void **state)
{
	assert_rename_above_is_seen(*state, DIR "/one", DIR "/uno", DIR "/uno/two/three/file");
}

static void known_directory_moved_up_is_judged_anew(void **state)
{
	assert_rename_above_is_seen(*state, DIR "/one/two/three", DIR "/three", DIR "/three/file");
}

static void known_hard_link_is_judged_by_its_own_name(void **state)
{
	struct box *b = *state;
	struct servant sv = serve_file(b);

	assert_known(b, &sv, FILE_);
	assert_int_equal(link(FILE_, DIR "/link"), 0);
	assert_novel(b, &sv, DIR "/link", O_RDONLY);
	assert_remembered(b, &sv, FILE_);
	servant_end(&sv);
}

/* ---- the same path, opened as something else ---- */

static void known_for_reading_is_novel_for_writing(void **state)
{
	struct box *b = *state;
	struct servant sv = serve_file(b);

	assert_known(b, &sv, FILE_);
	assert_novel(b, &sv, FILE_, O_WRONLY);
	assert_novel(b, &sv, FILE_, O_RDWR);
	assert_novel(b, &sv, FILE_, O_RDONLY | O_APPEND);
	assert_novel(b, &sv, FILE_, O_RDONLY | O_CREAT);
	assert_remembered(b, &sv, FILE_);
	servant_end(&sv);
}

static void known_for_writing_is_novel_for_reading(void **state)
{
	struct box *b = *state;
	struct policy *p = open_policy();
	struct servant sv;

	know(p, FILE_, LUTRA_OBJ_WRITE, S_IFREG, ANY_ROLE);
	make_file(FILE_);
	sv = serve(b, p);
	assert_opens_as(b, &sv, FILE_, O_WRONLY, (struct opens){.times = PATIENCE + 2, .kept = 1});
	assert_novel(b, &sv, FILE_, O_RDONLY);
	assert_opens_as(b, &sv, FILE_, O_WRONLY, (struct opens){.times = 4});
	servant_end(&sv);
}

static void known_name_of_another_type_is_novel(void **state)
{
	struct box *b = *state;
	struct servant sv = serve_file(b);

	assert_known(b, &sv, FILE_);
	assert_int_equal(unlink(FILE_), 0);
	assert_int_equal(mkfifo(FILE_, 0600), 0);
	assert_novel(b, &sv, FILE_, O_RDONLY | O_NONBLOCK);
	assert_int_equal(unlink(FILE_), 0);
	make_dir(FILE_);
	assert_novel(b, &sv, FILE_, O_RDONLY | O_DIRECTORY);
	assert_int_equal(rmdir(FILE_), 0);
	make_file(FILE_);
	/* Of a dentry of its own or the one of before. */
	servant_ask(&sv,
		    &(struct request){
			    .task = OPEN, .times = PATIENCE, .nr = SYS_openat, .path = {FILE_}});
	assert_remembered(b, &sv, FILE_);
	servant_end(&sv);
}

static void known_in_one_role_is_novel_in_another(void **state)
{
	struct box *b = *state;
	struct policy *p = open_policy();
	struct servant sv;

	know(p, FILE_, 0, S_IFREG, LUTRA_ROLE_STARTUP);
	make_file(FILE_);
	sv = serve(b, p);
	assert_known(b, &sv, FILE_);
	servant_do(&sv, ACCEPT);
	assert_novel(b, &sv, FILE_, O_RDONLY);
	guard_drain(b->guard);
	assert_non_null(find_evidence(b, LUTRA_RULE_OPEN_READ_NEW_ROLE));
	servant_end(&sv);
	/* Who starts now may, and is remembered to. */
	sv = servant_new(b, b->cgroup);
	assert_remembered(b, &sv, FILE_);
	servant_end(&sv);
}

/* ---- policies and containers ---- */

static void known_is_forgotten_with_its_policy(void **state)
{
	struct box *b = *state;
	struct servant sv = serve_file(b);

	for (int i = 0; i < 3; i++) {
		assert_known(b, &sv, FILE_);
		swap_policy(b, open_policy());
		assert_novel(b, &sv, FILE_, O_RDONLY);
		swap_policy(b, policy_of(FILE_));
	}
	servant_end(&sv);
}

static void known_to_one_container_is_novel_to_another(void **state)
{
	struct box *b = *state, other = *b;
	struct guard_enrolment e = {.mode = LUTRA_MODE_AUDIT, .next_exec = true};
	struct servant sv = serve_file(b), second;
	struct policy *p = open_policy();
	struct err err = {};

	assert_known(b, &sv, FILE_);
	snprintf(other.cgroup, sizeof(other.cgroup), "%.300s-2", b->cgroup);
	assert_int_equal(mkdir(other.cgroup, 0755), 0);
	e.cgroup = other.cgroup;
	e.policy = p;
	if (guard_enroll(b->guard, &e, &other.slot, &err) < 0)
		fail_msg("guard_enroll: %s", err.msg);
	policy_free(p);
	second = servant_new(b, other.cgroup);
	assert_novel(&other, &second, FILE_, O_RDONLY);
	assert_remembered(b, &sv, FILE_);
	swap_policy(&other, policy_of(FILE_));
	assert_known(&other, &second, FILE_);
	assert_remembered(b, &sv, FILE_);
	servant_end(&second);
	servant_end(&sv);
	cgroup_remove(other.cgroup);
}

static void known_in_a_slot_enrolled_anew_is_forgotten(void **state)
{
	struct box *b = *state;
	struct servant sv = serve_file(b);
	uint32_t slot = b->slot;

	assert_known(b, &sv, FILE_);
	servant_end(&sv);
	assert_int_equal(guard_release(b->guard, b->slot), 0);
	/* The next enrolment has the same slot. */
	b->guard->last_slot = slot - 1;
	sv = serve(b, open_policy());
	assert_int_equal(b->slot, slot);
	assert_novel(b, &sv, FILE_, O_RDONLY);
	servant_end(&sv);
}

/* ---- recordings and verdicts ---- */

static void known_opens_are_all_recorded(void **state)
{
	struct box *b = *state;
	struct servant sv = serve_file(b);
	struct err err = {};

	assert_known(b, &sv, FILE_);
	assert_int_equal(guard_set_record(b->guard, b->slot, true), 0);
	assert_opens_as(b, &sv, FILE_, O_RDONLY, (struct opens){.times = 10});
	guard_drain(b->guard);
	assert_int_equal(recorded(b, FILE_), 10);
	assert_int_equal(guard_set_mode(b->guard, b->slot, LUTRA_MODE_LEARN, &err), 0);
	servant_ask(&sv, &(struct request){
				 .task = OPEN, .times = 10, .nr = SYS_openat, .path = {FILE_}});
	guard_drain(b->guard);
	assert_int_equal(recorded(b, FILE_), 20);
	assert_int_equal(counter(b, LUTRA_COUNTER_RECORDS_LOST), 0);
	servant_end(&sv);
}

/* The policy knows FILE_ for writing, and neither the call NOVEL nor open(2). */
static struct servant serve_deny(struct box *b)
{
	struct policy *p = policy_of(FILE_);
	struct servant sv;
	struct err err = {};

	know(p, FILE_, LUTRA_OBJ_WRITE, S_IFREG, ANY_ROLE);
	sample_forget(p, NOVEL, false);
	sample_forget(p, SYS_open, true);
	p->threshold_a = SAMPLE_WEIGHT << 8;
	p->action[LUTRA_RULE_NEW_HOOKABLE] = LUTRA_ACTION_DENY;
	make_file(FILE_);
	sv = serve(b, p);
	assert_int_equal(guard_set_mode(b->guard, b->slot, LUTRA_MODE_DENY, &err), 0);
	assert_opens_as(b, &sv, FILE_, O_WRONLY, (struct opens){.times = PATIENCE + 2, .kept = 1});
	return sv;
}

static void assert_open_refused(const struct servant *sv, unsigned nr)
{
	const struct request q = {
		.task = OPEN, .times = 1, .flags = O_WRONLY, .nr = nr, .path = {FILE_}};

	assert_int_equal(servant_ask(sv, &q).error, EPERM);
}

static void known_open_is_refused_under_a_levels_alert(void **state)
{
	struct box *b = *state;
	struct servant sv;

	if (!guard_has_lsm(b->guard))
		skip();
	sv = serve_deny(b);
	servant_do(&sv, CALL_NOVEL);
	assert_open_refused(&sv, SYS_openat);
	servant_end(&sv);
}

static void known_open_is_refused_in_a_denied_call(void **state)
{
	struct box *b = *state;
	struct servant sv;

	if (!guard_has_lsm(b->guard))
		skip();
	sv = serve_deny(b);
	assert_open_refused(&sv, SYS_open);
	servant_end(&sv);
}

/* ---- names ---- */

static void known_names_of_every_length_are_told_apart(void **state)
{
	struct box *b = *state;
	struct policy *p = open_policy();
	struct names n = {.b = b, .at = DIR "/z"};
	char path[PATH_BYTES], name[LUTRA_NAME];
	struct servant sv;

	for (size_t len = 1; len < LUTRA_NAME; len++) {
		name_of(name, len);
		snprintf(path, sizeof(path), DIR "/%s", name);
		know(p, path, 0, S_IFREG, ANY_ROLE);
	}
	make_file(n.at);
	sv = serve(b, p);
	n.sv = &sv;
	for (size_t len = 1; len < LUTRA_NAME; len++)
		assert_length(&n, len);
	servant_end(&sv);
}

static void known_components_end_where_they_end(void **state)
{
	static const char *const paths[] = {
		DIR "/abcdefghij",   DIR "/abcdefgh/ij", DIR "/abcdefg/hij",
		DIR "/abcdefghi/j",  DIR "/ab/cdefghij", DIR "/ij/abcdefgh",
		DIR "/abcdefgh/i/j", DIR "/abcdefgh_ij", DIR DIR "/abcdefghij"};
	const size_t n = sizeof(paths) / sizeof(paths[0]);
	struct box *b = *state;
	const char *at = FILE_;
	struct servant sv = serve_file(b);

	make_dir(DIR "/abcdefgh");
	make_dir(DIR "/abcdefgh/i");
	make_dir(DIR "/abcdefg");
	make_dir(DIR "/abcdefghi");
	make_dir(DIR "/ab");
	make_dir(DIR "/ij");
	make_dir(DIR "/tmp");
	make_dir(DIR DIR);
	for (size_t i = 0; i < n; i++) {
		swap_policy(b, policy_of(paths[i]));
		move(at, paths[i]);
		at = paths[i];
		assert_known(b, &sv, at);
		for (size_t j = 0; j < n; j++) {
			if (j == i)
				continue;
			move(at, paths[j]);
			at = paths[j];
			assert_opens_as(b, &sv, at, O_RDONLY,
					(struct opens){.times = 2, .novel = 2});
		}
		move(at, paths[i]);
		at = paths[i];
		assert_remembered(b, &sv, at);
	}
	servant_end(&sv);
}

/* ---- depths ---- */

struct depth {
	const char *what;
	unsigned lens[16];
	size_t n;
	bool known, kept; /* in the policy; remembered: else it is judged anew each time */
};

static const struct depth depths[] = {
	{"3 components", {4}, 1, true, true},
	{"15 components", {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, 13, true, true},
	{"16 components", {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, 14, true, true},
	{"17 components", {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, 15, false, false},
	/* "tmp" is a word, DIR's own name three. */
	{"28 words", {63, 63, 55, 7}, 4, true, true},
	{"29 words", {63, 63, 55, 8}, 4, true, false},
	{"28 words, long last", {7, 55, 63, 63}, 4, true, true},
	{"29 words, long last", {8, 55, 63, 63}, 4, true, false},
	{"46 words", {17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17}, 14, true, false},
};

/* The same file, with another letter at a byte of its path, up to that component's end. */
static void assert_depth_counts(struct box *b, const struct servant *sv, const char *path,
				size_t byte)
{
	const size_t end = byte + strcspn(path + byte, "/");
	char from[PATH_BYTES], to[PATH_BYTES], other[PATH_BYTES];

	snprintf(other, sizeof(other), "%s", path);
	other[byte] = 'z';
	snprintf(from, sizeof(from), "%.*s", (int)end, path);
	snprintf(to, sizeof(to), "%.*s", (int)end, other);
	move(from, to);
	assert_opens_as(b, sv, other, O_RDONLY, (struct opens){2, 2, 0});
	move(to, from);
}

static void known_paths_of_every_depth_are_judged_right(void **state)
{
	struct box *b = *state;
	struct servant sv = serve_file(b);
	char path[PATH_BYTES];

	for (size_t i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
		const struct depth *d = &depths[i];
		const uint32_t all = PATIENCE + 2;
		const uint64_t novel = d->known ? 0 : 4;

		print_message("# %s\n", d->what);
		make_deep(path, d->lens, d->n);
		swap_policy(b, policy_of(path));
		assert_opens_as(b, &sv, path, O_RDONLY,
				(struct opens){all, d->known ? 0 : all, d->kept});
		assert_depth_counts(b, &sv, path, strlen(path) - 1);
		assert_opens_as(b, &sv, path, O_RDONLY, (struct opens){4, novel, 0});
		assert_depth_counts(b, &sv, path, strlen(DIR "/"));
		assert_opens_as(b, &sv, path, O_RDONLY, (struct opens){4, novel, 0});
		assert_int_equal(unlink(path), 0);
	}
	servant_end(&sv);
}

static void known_directories_of_depth_one_and_none(void **state)
{
	struct box *b = *state;
	struct policy *p = open_policy();
	struct servant sv;

	know(p, "/tmp", 0, S_IFDIR, ANY_ROLE);
	sv = serve(b, p);
	assert_opens_as(b, &sv, "/tmp", O_RDONLY, (struct opens){.times = PATIENCE + 2, .kept = 1});
	assert_opens_as(b, &sv, "/", O_RDONLY, (struct opens){.times = PATIENCE + 2, .kept = 1});
	swap_policy(b, open_policy());
	assert_novel(b, &sv, "/tmp", O_RDONLY);
	assert_opens_as(b, &sv, "/", O_RDONLY, (struct opens){.times = PATIENCE + 2, .kept = 1});
	servant_end(&sv);
}

/* ---- at once ---- */

/* Two of the three are known and push each other out; the third never has a known name. */
static void known_opens_at_once_are_each_judged_right(void **state)
{
	struct request one = {.task = OPEN, .times = turns(), .nr = SYS_openat}, two = one;
	struct box *b = *state;
	struct servant sv = serve(b, policy_of(DIR "/1")), other = servant_new(b, b->cgroup);
	uint64_t objects, novel, before;
	char files[3][PATH_BYTES];

	three_in_a_place(b, &sv, files);
	memcpy(one.path, files, sizeof(one.path));
	snprintf(two.path[0], sizeof(two.path[0]), DIR "/unknown");
	move(files[2], two.path[0]);
	pin(&sv, 0);
	pin(&other, 1);
	before = kept(b);
	objects = counter(b, LUTRA_COUNTER_OBJECTS);
	novel = counter(b, LUTRA_COUNTER_NOVEL_OBJECTS);
	servant_tell(&sv, &one);
	servant_tell(&other, &two);
	assert_int_equal(servant_hear(&sv).opened, one.times);
	assert_int_equal(servant_hear(&other).opened, two.times);
	assert_int_equal(counter(b, LUTRA_COUNTER_OBJECTS) - objects, one.times + two.times);
	assert_int_equal(counter(b, LUTRA_COUNTER_NOVEL_OBJECTS) - novel, two.times);
	if (remembers(b))
		assert_true(kept(b) - before > one.times / 100);
	servant_end(&other);
	servant_end(&sv);
}

/* Names change under the opens: each is counted, and none leaves behind what does not hold. */
static void known_opens_amid_renames_are_all_counted(void **state)
{
	static const char known[] = DIR "/1", unknown[] = DIR "/unknown";
	struct request q = {.task = OPEN, .times = turns(), .nr = SYS_openat};
	struct box *b = *state;
	struct servant sv, other;
	uint64_t objects, opened;

	make_file(known);
	sv = serve(b, policy_of(known));
	other = servant_new(b, b->cgroup);
	memcpy(q.path[0], known, sizeof(known));
	memcpy(q.path[1], unknown, sizeof(unknown));
	objects = counter(b, LUTRA_COUNTER_OBJECTS);
	servant_tell(&sv, &q);
	servant_tell(&other, &q);
	while (at_work(&sv) || at_work(&other)) {
		move(known, unknown);
		move(unknown, known);
	}
	opened = servant_hear(&sv).opened;
	opened += servant_hear(&other).opened;
	assert_true(opened > 0);
	assert_int_equal(counter(b, LUTRA_COUNTER_OBJECTS) - objects, opened);
	for (int i = 0; i < 3; i++) {
		move(known, unknown);
		assert_novel(b, &sv, unknown, O_RDONLY);
		move(unknown, known);
		assert_opens_as(b, &other, known, O_RDONLY, (struct opens){4, 0, ANY_KEPT});
	}
	servant_end(&other);
	servant_end(&sv);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(known_open_is_judged_once),
		TEST(known_novel_open_is_told_each_time),
		TEST(known_file_renamed_is_judged_anew),
		TEST(known_directory_renamed_is_judged_anew),
		TEST(known_directory_two_above_renamed_is_judged_anew),
		TEST(known_directory_moved_up_is_judged_anew),
		TEST(known_hard_link_is_judged_by_its_own_name),
		TEST(known_for_reading_is_novel_for_writing),
		TEST(known_for_writing_is_novel_for_reading),
		TEST(known_name_of_another_type_is_novel),
		TEST(known_in_one_role_is_novel_in_another),
		TEST(known_is_forgotten_with_its_policy),
		TEST(known_to_one_container_is_novel_to_another),
		TEST(known_in_a_slot_enrolled_anew_is_forgotten),
		TEST(known_opens_are_all_recorded),
		TEST(known_open_is_refused_under_a_levels_alert),
		TEST(known_open_is_refused_in_a_denied_call),
		TEST(known_names_of_every_length_are_told_apart),
		TEST(known_components_end_where_they_end),
		TEST(known_paths_of_every_depth_are_judged_right),
		TEST(known_directories_of_depth_one_and_none),
		TEST(known_opens_at_once_are_each_judged_right),
		TEST(known_opens_amid_renames_are_all_counted),
	};

	servant_fds = argc > 3 ? argv[3] : NULL;
	return TEST_PROGRAM(argc, argv, why_not);
}
