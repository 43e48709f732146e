/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The open cache, behind whichever hook or fallback this kernel has. Each file is opened under its
 * known name first, until the open is cached, and then as something that the policy does not know.
 */
#include "tests/support/bpf/open_cache.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/support/bpf/kernel_policy.h"
#include "tests/support/bpf/test_program.h"
#include "user/guard/guard_impl.h"

#define DIR "/tmp/lutra-test-known" /* the table of depths counts its letters */
#define FILE_ DIR "/file"

static const struct worker workers[] = {{"opener", opener_work}};

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	return remove(path);
}

static int setup_dir(void **state)
{
	nftw(DIR, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	if (mkdir(DIR, 0755) < 0)
		return -1;
	/* The tracepoint of a single system call may be skipped: the test needs none. */
	return box_setup_flags(state, box_usual_flags() | GUARD_BRIEF);
}

static int teardown_dir(void **state)
{
	int r = box_teardown(state);

	nftw(DIR, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return r;
}

/* Enrols in mode audit by a policy, which is freed, and starts an opener. */
static struct opener enroll_opener(struct box *b, struct policy *p)
{
	box_enroll(b, p, LUTRA_MODE_AUDIT, false);
	policy_free(p);
	return opener_start(b, b->cgroup);
}

/* Makes FILE_, and starts an opener under a policy that knows it. */
static struct opener enroll_file_opener(struct box *b)
{
	make_file(FILE_);
	return enroll_opener(b, kernel_policy_of_path(FILE_));
}

/* ---- what is cached ---- */

static void open_cache_judges_a_known_open_once(void **state)
{
	struct box *b = *state;
	struct opener opener = enroll_file_opener(b);

	assert_becomes_cached(b, &opener, FILE_);
	assert_opens(b, &opener, FILE_, O_RDONLY, (struct opens){.times = 1000});
	opener_end(&opener);
}

static void open_cache_reports_a_novel_open_each_time(void **state)
{
	struct box *b = *state;
	struct opener opener;

	make_file(FILE_);
	opener = enroll_opener(b, kernel_policy_of_opens());
	assert_opens(b, &opener, FILE_, O_RDONLY, (struct opens){.times = 50, .novel = 50});
	guard_drain(b->guard);
	assert_true(b->n_evidence >= 50);
	opener_end(&opener);
}

/* ---- the same file under another path ---- */

static void open_cache_judges_anew_after_a_rename(void **state)
{
	struct box *b = *state;
	struct opener opener = enroll_file_opener(b);

	assert_becomes_cached(b, &opener, FILE_);
	for (int i = 0; i < 3; i++) {
		move_file(FILE_, DIR "/other");
		assert_is_novel(b, &opener, DIR "/other", O_RDONLY);
		move_file(DIR "/other", FILE_);
		assert_is_cached(b, &opener, FILE_);
	}
	opener_end(&opener);
}

/* Renames a directory that the file is in, or one above that. */
static void assert_rename_above_is_seen(struct box *b, const char *from, const char *to,
					const char *file_then)
{
	static const char path[] = DIR "/one/two/three/file";
	struct opener opener;

	make_dir(DIR "/one");
	make_dir(DIR "/one/two");
	make_dir(DIR "/one/two/three");
	make_file(path);
	opener = enroll_opener(b, kernel_policy_of_path(path));
	assert_becomes_cached(b, &opener, path);
	move_file(from, to);
	assert_is_novel(b, &opener, file_then, O_RDONLY);
	move_file(to, from);
	assert_is_cached(b, &opener, path);
	opener_end(&opener);
}

static void open_cache_judges_anew_after_a_rename_of_the_directory(void **state)
{
	assert_rename_above_is_seen(*state, DIR "/one/two/three", DIR "/one/two/four",
				    DIR "/one/two/four/file");
}

static void open_cache_judges_anew_after_a_rename_two_above(void **state)
{
	assert_rename_above_is_seen(*state, DIR "/one", DIR "/uno", DIR "/uno/two/three/file");
}

static void open_cache_judges_anew_after_a_move_of_the_directory(void **state)
{
	assert_rename_above_is_seen(*state, DIR "/one/two/three", DIR "/three", DIR "/three/file");
}

static void open_cache_judges_a_hard_link_by_its_own_name(void **state)
{
	struct box *b = *state;
	struct opener opener = enroll_file_opener(b);

	assert_becomes_cached(b, &opener, FILE_);
	assert_int_equal(link(FILE_, DIR "/link"), 0);
	assert_is_novel(b, &opener, DIR "/link", O_RDONLY);
	assert_is_cached(b, &opener, FILE_);
	opener_end(&opener);
}

/* ---- the same path, opened as something else ---- */

static void open_cache_misses_a_write_when_reads_are_known(void **state)
{
	struct box *b = *state;
	struct opener opener = enroll_file_opener(b);

	assert_becomes_cached(b, &opener, FILE_);
	assert_is_novel(b, &opener, FILE_, O_WRONLY);
	assert_is_novel(b, &opener, FILE_, O_RDWR);
	assert_is_novel(b, &opener, FILE_, O_RDONLY | O_APPEND);
	assert_is_novel(b, &opener, FILE_, O_RDONLY | O_CREAT);
	assert_is_cached(b, &opener, FILE_);
	opener_end(&opener);
}

static void open_cache_misses_a_read_when_writes_are_known(void **state)
{
	struct box *b = *state;
	struct policy *p = kernel_policy_of_opens();
	struct opener opener;

	kernel_policy_know(p, FILE_, LUTRA_OBJ_WRITE, S_IFREG, ANY_ROLE);
	make_file(FILE_);
	opener = enroll_opener(b, p);
	assert_opens(b, &opener, FILE_, O_WRONLY,
		     (struct opens){.times = EVICT_AFTER + 2, .writes = 1});
	assert_is_novel(b, &opener, FILE_, O_RDONLY);
	assert_opens(b, &opener, FILE_, O_WRONLY, (struct opens){.times = 4});
	opener_end(&opener);
}

static void open_cache_misses_a_known_name_of_another_type(void **state)
{
	struct box *b = *state;
	struct opener opener = enroll_file_opener(b);

	assert_becomes_cached(b, &opener, FILE_);
	assert_int_equal(unlink(FILE_), 0);
	assert_int_equal(mkfifo(FILE_, 0600), 0);
	assert_is_novel(b, &opener, FILE_, O_RDONLY | O_NONBLOCK);
	assert_int_equal(unlink(FILE_), 0);
	make_dir(FILE_);
	assert_is_novel(b, &opener, FILE_, O_RDONLY | O_DIRECTORY);
	assert_int_equal(rmdir(FILE_), 0);
	make_file(FILE_);
	/* The new file has a new dentry, or the old one. */
	opener_ask(&opener, &(struct opener_request){.task = OPENER_OPEN,
						     .times = EVICT_AFTER,
						     .nr = SYS_openat,
						     .path = {FILE_}});
	assert_is_cached(b, &opener, FILE_);
	opener_end(&opener);
}

static void open_cache_misses_in_another_role(void **state)
{
	struct box *b = *state;
	struct policy *p = kernel_policy_of_opens();
	struct opener opener;

	kernel_policy_know(p, FILE_, 0, S_IFREG, LUTRA_ROLE_STARTUP);
	make_file(FILE_);
	opener = enroll_opener(b, p);
	assert_becomes_cached(b, &opener, FILE_);
	opener_do(&opener, OPENER_ACCEPT);
	assert_is_novel(b, &opener, FILE_, O_RDONLY);
	guard_drain(b->guard);
	assert_non_null(box_find_evidence(b, LUTRA_RULE_OPEN_READ_NEW_ROLE));
	opener_end(&opener);
	/* A task that starts now is in the role that may open the file. */
	opener = opener_start(b, b->cgroup);
	assert_is_cached(b, &opener, FILE_);
	opener_end(&opener);
}

/* ---- policies and containers ---- */

static void open_cache_is_void_after_a_policy_swap(void **state)
{
	struct box *b = *state;
	struct opener opener = enroll_file_opener(b);

	for (int i = 0; i < 3; i++) {
		assert_becomes_cached(b, &opener, FILE_);
		box_swap_policy(b, kernel_policy_of_opens());
		assert_is_novel(b, &opener, FILE_, O_RDONLY);
		box_swap_policy(b, kernel_policy_of_path(FILE_));
	}
	opener_end(&opener);
}

static void open_cache_misses_in_another_container(void **state)
{
	struct box *b = *state, other = *b;
	struct guard_enrolment e = {.mode = LUTRA_MODE_AUDIT, .next_exec = true};
	struct opener opener = enroll_file_opener(b), second;
	struct policy *p = kernel_policy_of_opens();
	struct err err = {};

	assert_becomes_cached(b, &opener, FILE_);
	snprintf(other.cgroup, sizeof(other.cgroup), "%.300s-2", b->cgroup);
	assert_int_equal(mkdir(other.cgroup, 0755), 0);
	e.cgroup = other.cgroup;
	e.policy = p;
	if (guard_enroll(b->guard, &e, &other.slot, &err) < 0)
		fail_msg("guard_enroll: %s", err.msg);
	policy_free(p);
	second = opener_start(b, other.cgroup);
	assert_is_novel(&other, &second, FILE_, O_RDONLY);
	assert_is_cached(b, &opener, FILE_);
	box_swap_policy(&other, kernel_policy_of_path(FILE_));
	assert_becomes_cached(&other, &second, FILE_);
	assert_is_cached(b, &opener, FILE_);
	opener_end(&second);
	opener_end(&opener);
	box_cgroup_remove(other.cgroup);
}

static void open_cache_is_void_in_a_slot_enrolled_anew(void **state)
{
	struct box *b = *state;
	struct opener opener = enroll_file_opener(b);
	uint32_t slot = b->slot;

	assert_becomes_cached(b, &opener, FILE_);
	opener_end(&opener);
	assert_int_equal(guard_release(b->guard, b->slot), 0);
	/* The next enrolment has the same slot. */
	b->guard->last_slot = slot - 1;
	opener = enroll_opener(b, kernel_policy_of_opens());
	assert_int_equal(b->slot, slot);
	assert_is_novel(b, &opener, FILE_, O_RDONLY);
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
	struct opener opener = enroll_file_opener(b);
	struct err err = {};

	assert_becomes_cached(b, &opener, FILE_);
	assert_int_equal(guard_set_record(b->guard, b->slot, true), 0);
	assert_opens(b, &opener, FILE_, O_RDONLY, (struct opens){.times = 10});
	guard_drain(b->guard);
	assert_int_equal(count_path_records(b, FILE_), 10);
	assert_int_equal(guard_set_mode(b->guard, b->slot, LUTRA_MODE_LEARN, &err), 0);
	opener_ask(&opener,
		   &(struct opener_request){
			   .task = OPENER_OPEN, .times = 10, .nr = SYS_openat, .path = {FILE_}});
	guard_drain(b->guard);
	assert_int_equal(count_path_records(b, FILE_), 20);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_RECORDS_LOST), 0);
	opener_end(&opener);
}

/* The policy knows FILE_ for writing, and neither the call NOVEL nor open(2). */
static struct opener enroll_deny_opener(struct box *b)
{
	struct policy *p = kernel_policy_of_path(FILE_);
	struct opener opener;
	struct err err = {};

	kernel_policy_know(p, FILE_, LUTRA_OBJ_WRITE, S_IFREG, ANY_ROLE);
	kernel_policy_forget(p, NOVEL, false);
	kernel_policy_forget(p, SYS_open, true);
	p->threshold_a = KERNEL_POLICY_WEIGHT << 8;
	p->action[LUTRA_RULE_NEW_HOOKABLE] = LUTRA_ACTION_DENY;
	make_file(FILE_);
	opener = enroll_opener(b, p);
	assert_int_equal(guard_set_mode(b->guard, b->slot, LUTRA_MODE_DENY, &err), 0);
	assert_opens(b, &opener, FILE_, O_WRONLY,
		     (struct opens){.times = EVICT_AFTER + 2, .writes = 1});
	return opener;
}

static void assert_open_refused(const struct opener *opener, unsigned nr)
{
	const struct opener_request q = {
		.task = OPENER_OPEN, .times = 1, .flags = O_WRONLY, .nr = nr, .path = {FILE_}};

	assert_int_equal(opener_ask(opener, &q).error, EPERM);
}

static void open_cache_hit_is_refused_in_an_alert_window(void **state)
{
	struct box *b = *state;
	struct opener opener;

	if (!guard_has_lsm(b->guard))
		skip();
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
		skip();
	opener = enroll_deny_opener(b);
	assert_open_refused(&opener, SYS_open);
	opener_end(&opener);
}

/* ---- names ---- */

/* Makes a name of len letters without z. No two names begin alike. */
static void make_name(char *ret, size_t len)
{
	for (size_t i = 0; i < len; i++)
		ret[i] = (char)('a' + (len * 7 + i * 3) % 25);
	ret[len] = '\0';
}

struct names {
	struct box *b;
	const struct opener *opener;
	char at[PATH_BYTES]; /* where the file is */
};

static void rename_file(struct names *n, const char *name)
{
	char to[PATH_BYTES];

	snprintf(to, sizeof(to), DIR "/%s", name);
	move_file(n->at, to);
	memcpy(n->at, to, sizeof(to));
}

static void assert_name_is_novel(struct names *n, const char *name)
{
	rename_file(n, name);
	assert_opens(n->b, n->opener, n->at, O_RDONLY, (struct opens){.times = 2, .novel = 2});
}

/* Gives the file a known name of len bytes, then others that differ in one entry. */
static void assert_length_is_judged(struct names *n, size_t len)
{
	char known[LUTRA_NAME + 8], name[LUTRA_NAME + 8];

	make_name(known, len);
	rename_file(n, known);
	assert_opens(n->b, n->opener, n->at, O_RDONLY, (struct opens){.times = 3, .writes = 1});
	make_name(name, len);
	name[len - 1] = 'z';
	assert_name_is_novel(n, name);
	make_name(name, len);
	name[0] = 'z';
	assert_name_is_novel(n, name);
	make_name(name, len);
	memcpy(name + len, "z", 2);
	assert_name_is_novel(n, name);
	make_name(name, len);
	name[len - 1] = '\0';
	if (len > 1)
		assert_name_is_novel(n, name);
	rename_file(n, known);
	assert_opens(n->b, n->opener, n->at, O_RDONLY, (struct opens){.times = 2});
}

static void open_cache_distinguishes_names_of_every_length(void **state)
{
	struct box *b = *state;
	struct policy *p = kernel_policy_of_opens();
	struct names n = {.b = b, .at = DIR "/z"};
	char path[PATH_BYTES], name[LUTRA_NAME];
	struct opener opener;

	for (size_t len = 1; len < LUTRA_NAME; len++) {
		make_name(name, len);
		snprintf(path, sizeof(path), DIR "/%s", name);
		kernel_policy_know(p, path, 0, S_IFREG, ANY_ROLE);
	}
	make_file(n.at);
	opener = enroll_opener(b, p);
	n.opener = &opener;
	for (size_t len = 1; len < LUTRA_NAME; len++)
		assert_length_is_judged(&n, len);
	opener_end(&opener);
}

static void open_cache_distinguishes_ends_of_components(void **state)
{
	static const char *const paths[] = {
		DIR "/abcdefghij",   DIR "/abcdefgh/ij", DIR "/abcdefg/hij",
		DIR "/abcdefghi/j",  DIR "/ab/cdefghij", DIR "/ij/abcdefgh",
		DIR "/abcdefgh/i/j", DIR "/abcdefgh_ij", DIR DIR "/abcdefghij"};
	const size_t n = sizeof(paths) / sizeof(paths[0]);
	struct box *b = *state;
	const char *at = FILE_;
	struct opener opener = enroll_file_opener(b);

	make_dir(DIR "/abcdefgh");
	make_dir(DIR "/abcdefgh/i");
	make_dir(DIR "/abcdefg");
	make_dir(DIR "/abcdefghi");
	make_dir(DIR "/ab");
	make_dir(DIR "/ij");
	make_dir(DIR "/tmp");
	make_dir(DIR DIR);
	for (size_t i = 0; i < n; i++) {
		box_swap_policy(b, kernel_policy_of_path(paths[i]));
		move_file(at, paths[i]);
		at = paths[i];
		assert_becomes_cached(b, &opener, at);
		for (size_t j = 0; j < n; j++) {
			if (j == i)
				continue;
			move_file(at, paths[j]);
			at = paths[j];
			assert_opens(b, &opener, at, O_RDONLY,
				     (struct opens){.times = 2, .novel = 2});
		}
		move_file(at, paths[i]);
		at = paths[i];
		assert_is_cached(b, &opener, at);
	}
	opener_end(&opener);
}

/* ---- depths ---- */

/* Makes directories below DIR with names of those lengths, and a file in the last one. ret: its path. */
static void make_deep_file(char ret[PATH_BYTES], const unsigned *lens, size_t n)
{
	size_t at = (size_t)snprintf(ret, PATH_BYTES, DIR);

	for (size_t i = 0; i < n; i++) {
		if (i)
			mkdir(ret, 0755);
		ret[at++] = '/';
		memset(ret + at, 'a' + (int)i, lens[i]);
		at += lens[i];
		ret[at] = '\0';
	}
	make_file(ret);
}

struct depth {
	const char *what;
	unsigned lens[16];
	size_t n;
	bool known;  /* the policy has it */
	bool cached; /* else it is judged anew each time */
};

static const struct depth depths[] = {
	{"3 components", {4}, 1, true, true},
	{"15 components", {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, 13, true, true},
	{"16 components", {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, 14, true, true},
	{"17 components", {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, 15, false, false},
	/* A word is 8 bytes of a name: "tmp" is one, the name of DIR three. */
	{"28 words", {63, 63, 55, 7}, 4, true, true},
	{"29 words", {63, 63, 55, 8}, 4, true, false},
	{"28 words, long last", {7, 55, 63, 63}, 4, true, true},
	{"29 words, long last", {8, 55, 63, 63}, 4, true, false},
	{"46 words", {17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17}, 14, true, false},
};

/* Renames the component that has a byte of the path, so that it differs in that byte alone. */
static void assert_byte_is_judged(struct box *b, const struct opener *opener, const char *path,
				  size_t byte)
{
	const size_t end = byte + strcspn(path + byte, "/");
	char from[PATH_BYTES], to[PATH_BYTES], other[PATH_BYTES];

	snprintf(other, sizeof(other), "%s", path);
	other[byte] = 'z';
	snprintf(from, sizeof(from), "%.*s", (int)end, path);
	snprintf(to, sizeof(to), "%.*s", (int)end, other);
	move_file(from, to);
	assert_opens(b, opener, other, O_RDONLY, (struct opens){2, 2, 0});
	move_file(to, from);
}

static void open_cache_judges_paths_of_every_depth(void **state)
{
	struct box *b = *state;
	struct opener opener = enroll_file_opener(b);
	char path[PATH_BYTES];

	for (size_t i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
		const struct depth *d = &depths[i];
		const uint32_t all = EVICT_AFTER + 2;
		const uint64_t novel = d->known ? 0 : 4;

		print_message("# %s\n", d->what);
		make_deep_file(path, d->lens, d->n);
		box_swap_policy(b, kernel_policy_of_path(path));
		assert_opens(b, &opener, path, O_RDONLY,
			     (struct opens){all, d->known ? 0 : all, d->cached});
		assert_byte_is_judged(b, &opener, path, strlen(path) - 1);
		assert_opens(b, &opener, path, O_RDONLY, (struct opens){4, novel, 0});
		assert_byte_is_judged(b, &opener, path, strlen(DIR "/"));
		assert_opens(b, &opener, path, O_RDONLY, (struct opens){4, novel, 0});
		assert_int_equal(unlink(path), 0);
	}
	opener_end(&opener);
}

static void open_cache_judges_directories_of_depth_one_and_none(void **state)
{
	struct box *b = *state;
	struct policy *p = kernel_policy_of_opens();
	struct opener opener;

	kernel_policy_know(p, "/tmp", 0, S_IFDIR, ANY_ROLE);
	opener = enroll_opener(b, p);
	assert_opens(b, &opener, "/tmp", O_RDONLY,
		     (struct opens){.times = EVICT_AFTER + 2, .writes = 1});
	assert_opens(b, &opener, "/", O_RDONLY,
		     (struct opens){.times = EVICT_AFTER + 2, .writes = 1});
	box_swap_policy(b, kernel_policy_of_opens());
	assert_is_novel(b, &opener, "/tmp", O_RDONLY);
	assert_opens(b, &opener, "/", O_RDONLY,
		     (struct opens){.times = EVICT_AFTER + 2, .writes = 1});
	opener_end(&opener);
}

/* ---- at once ---- */

#define CROWD (2 * OPEN_CACHE_ENTRIES + 1) /* so many that three share an entry */

static uint32_t open_times(void)
{
	const char *n = getenv("LUTRA_TEST_CALLS"); /* emulated machines are slow */

	return n ? (uint32_t)strtoul(n, NULL, 10) / 10 : 100000;
}

static void crowd_path(char ret[PATH_BYTES], unsigned i)
{
	snprintf(ret, PATH_BYTES, DIR "/%u", i);
}

/* Returns the entry that the opens of a new path are written to. */
static size_t find_entry(const struct box *b, const struct opener *opener, const char *path)
{
	struct opener_request q = {.task = OPENER_OPEN, .times = EVICT_AFTER, .nr = SYS_openat};
	uint32_t before[OPEN_CACHE_ENTRIES], after[OPEN_CACHE_ENTRIES];
	size_t entry = OPEN_CACHE_ENTRIES;

	snprintf(q.path[0], sizeof(q.path[0]), "%s", path);
	open_cache_read(b, before);
	assert_int_equal(opener_ask(opener, &q).opened, q.times);
	open_cache_read(b, after);
	for (size_t i = 0; i < OPEN_CACHE_ENTRIES; i++) {
		if (before[i] == after[i])
			continue;
		assert_int_equal(entry, OPEN_CACHE_ENTRIES);
		entry = i;
	}
	return entry;
}

/* Finds three files of a crowd that share an entry; any three where nothing is cached. */
static void find_three_of_an_entry(const struct box *b, const struct opener *opener,
				   char ret[3][PATH_BYTES])
{
	static unsigned at[OPEN_CACHE_ENTRIES][3], n[OPEN_CACHE_ENTRIES];
	char path[PATH_BYTES];

	memset(n, 0, sizeof(n));
	for (unsigned i = 0; i < CROWD; i++) {
		size_t entry;

		crowd_path(path, i);
		make_file(path);
		entry = open_cache_works(b) ? find_entry(b, opener, path) : 0;
		assert_true(entry < OPEN_CACHE_ENTRIES);
		at[entry][n[entry]++] = i;
		if (n[entry] < 3)
			continue;
		for (size_t j = 0; j < 3; j++)
			crowd_path(ret[j], at[entry][j]);
		return;
	}
	fail_msg("no three of %d files share an entry", CROWD);
}

/* Two of the three are known and evict each other; the third never has a known name. */
static void open_cache_judges_opens_at_once(void **state)
{
	struct opener_request one = {.task = OPENER_OPEN, .times = open_times(), .nr = SYS_openat},
			      two = one;
	struct box *b = *state;
	struct opener opener = enroll_opener(b, kernel_policy_of_path(DIR "/1")),
		      other = opener_start(b, b->cgroup);
	uint64_t objects, novel, before;
	char files[3][PATH_BYTES];

	find_three_of_an_entry(b, &opener, files);
	memcpy(one.path, files, sizeof(one.path));
	snprintf(two.path[0], sizeof(two.path[0]), DIR "/unknown");
	move_file(files[2], two.path[0]);
	opener_pin(&opener, 0);
	opener_pin(&other, 1);
	before = open_cache_writes(b);
	objects = box_counter(b, LUTRA_COUNTER_OBJECTS);
	novel = box_counter(b, LUTRA_COUNTER_NOVEL_OBJECTS);
	opener_send(&opener, &one);
	opener_send(&other, &two);
	assert_int_equal(opener_receive(&opener).opened, one.times);
	assert_int_equal(opener_receive(&other).opened, two.times);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_OBJECTS) - objects, one.times + two.times);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_NOVEL_OBJECTS) - novel, two.times);
	if (open_cache_works(b))
		assert_true(open_cache_writes(b) - before > one.times / 100);
	opener_end(&other);
	opener_end(&opener);
}

/* Names change during the opens: each open is counted, and none leaves a wrong entry. */
static void open_cache_counts_opens_amid_renames(void **state)
{
	static const char known[] = DIR "/1", unknown[] = DIR "/unknown";
	struct opener_request q = {.task = OPENER_OPEN, .times = open_times(), .nr = SYS_openat};
	struct box *b = *state;
	struct opener opener, other;
	uint64_t objects, opened;

	make_file(known);
	opener = enroll_opener(b, kernel_policy_of_path(known));
	other = opener_start(b, b->cgroup);
	memcpy(q.path[0], known, sizeof(known));
	memcpy(q.path[1], unknown, sizeof(unknown));
	objects = box_counter(b, LUTRA_COUNTER_OBJECTS);
	opener_send(&opener, &q);
	opener_send(&other, &q);
	while (opener_is_busy(&opener) || opener_is_busy(&other)) {
		move_file(known, unknown);
		move_file(unknown, known);
	}
	opened = opener_receive(&opener).opened;
	opened += opener_receive(&other).opened;
	assert_true(opened > 0);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_OBJECTS) - objects, opened);
	for (int i = 0; i < 3; i++) {
		move_file(known, unknown);
		assert_is_novel(b, &opener, unknown, O_RDONLY);
		move_file(unknown, known);
		assert_opens(b, &other, known, O_RDONLY, (struct opens){4, 0, ANY_WRITES});
	}
	opener_end(&other);
	opener_end(&opener);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup_dir, teardown_dir)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(open_cache_judges_a_known_open_once),
		TEST(open_cache_reports_a_novel_open_each_time),
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
		TEST(open_cache_distinguishes_names_of_every_length),
		TEST(open_cache_distinguishes_ends_of_components),
		TEST(open_cache_judges_paths_of_every_depth),
		TEST(open_cache_judges_directories_of_depth_one_and_none),
		TEST(open_cache_judges_opens_at_once),
		TEST(open_cache_counts_opens_amid_renames),
	};

	opener_fds = argc > 3 ? argv[3] : NULL;
	return TEST_PROGRAM(argc, argv, test_program_why_not);
}
