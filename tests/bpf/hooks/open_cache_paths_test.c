/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The open cache: which names, components and depths of paths it tells apart, also when opens and
 * renames run at once.
 */
#include "tests/support/bpf/caches/open_cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/support/bpf/kernel_policy.h"
#include "tests/support/bpf/test_program.h"

static const struct worker workers[] = {{"opener", opener_work}};

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

	snprintf(to, sizeof(to), OPENER_DIR "/%s", name);
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
	struct names n = {.b = b, .at = OPENER_DIR "/z"};
	char path[PATH_BYTES], name[LUTRA_NAME];
	struct opener opener;

	for (size_t len = 1; len < LUTRA_NAME; len++) {
		make_name(name, len);
		snprintf(path, sizeof(path), OPENER_DIR "/%s", name);
		kernel_policy_know(p, path, 0, S_IFREG, ANY_ROLE);
	}
	make_file(n.at);
	opener = opener_enroll(b, p);
	n.opener = &opener;
	for (size_t len = 1; len < LUTRA_NAME; len++)
		assert_length_is_judged(&n, len);
	opener_end(&opener);
}

static void open_cache_distinguishes_ends_of_components(void **state)
{
	static const char *const paths[] = {
		OPENER_DIR "/abcdefghij",	    OPENER_DIR "/abcdefgh/ij",
		OPENER_DIR "/abcdefg/hij",	    OPENER_DIR "/abcdefghi/j",
		OPENER_DIR "/ab/cdefghij",	    OPENER_DIR "/ij/abcdefgh",
		OPENER_DIR "/abcdefgh/i/j",	    OPENER_DIR "/abcdefgh_ij",
		OPENER_DIR OPENER_DIR "/abcdefghij"};
	const size_t n = sizeof(paths) / sizeof(paths[0]);
	struct box *b = *state;
	const char *at = OPENER_FILE;
	struct opener opener = opener_enroll_file(b);

	make_dir(OPENER_DIR "/abcdefgh");
	make_dir(OPENER_DIR "/abcdefgh/i");
	make_dir(OPENER_DIR "/abcdefg");
	make_dir(OPENER_DIR "/abcdefghi");
	make_dir(OPENER_DIR "/ab");
	make_dir(OPENER_DIR "/ij");
	make_dir(OPENER_DIR "/tmp");
	make_dir(OPENER_DIR OPENER_DIR);
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

/* Makes directories below OPENER_DIR with names of those lengths, and a file in the last one. ret: its path. */
static void make_deep_file(char ret[PATH_BYTES], const unsigned *lens, size_t n)
{
	size_t at = (size_t)snprintf(ret, PATH_BYTES, OPENER_DIR);

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
	/* A word is 8 bytes of a name: "tmp" is one, the name of OPENER_DIR three. */
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
	struct opener opener = opener_enroll_file(b);
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
		assert_byte_is_judged(b, &opener, path, strlen(OPENER_DIR "/"));
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
	opener = opener_enroll(b, p);
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
	snprintf(ret, PATH_BYTES, OPENER_DIR "/%u", i);
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
	struct opener opener = opener_enroll(b, kernel_policy_of_path(OPENER_DIR "/1")),
		      other = opener_start(b, b->cgroup);
	uint64_t objects, novel, before;
	char files[3][PATH_BYTES];

	find_three_of_an_entry(b, &opener, files);
	memcpy(one.path, files, sizeof(one.path));
	snprintf(two.path[0], sizeof(two.path[0]), OPENER_DIR "/unknown");
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
	static const char known[] = OPENER_DIR "/1", unknown[] = OPENER_DIR "/unknown";
	struct opener_request q = {.task = OPENER_OPEN, .times = open_times(), .nr = SYS_openat};
	struct box *b = *state;
	struct opener opener, other;
	uint64_t objects, opened;

	make_file(known);
	opener = opener_enroll(b, kernel_policy_of_path(known));
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

#define TEST(f) cmocka_unit_test_setup_teardown(f, opener_setup, opener_teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
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
