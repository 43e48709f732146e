/* SPDX-License-Identifier: Apache-2.0 */
/* The path tree: what becomes a wildcard, what never does, and the flags of nodes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "lib/abi/path_text.h"
#include "lutra/score.h"
#include "tests/support/trainer/made_tree.h"

/* One key read in one run and another in the next must not make all keys known. */
static void path_tree_keeps_secrets_apart(void **state)
{
	struct made_tree *f = *state;
	char path[48];

	for (int i = 0; i < 12; i++) {
		snprintf(path, sizeof(path), "/etc/ssl/private/%c.key", 'a' + i);
		add_path(f, path, (unsigned)i % 3, false);
	}
	collapse_tree(f);
	assert_false(is_wildcard(f, "/etc/ssl/private"));
	assert_true(node_of(f, "/etc/ssl/private/c.key", false) > 0);
}

static void path_tree_keeps_eight_children_and_merges_nine(void **state)
{
	struct made_tree *f = *state;
	char path[32];

	for (int i = 0; i < 8; i++) {
		snprintf(path, sizeof(path), "/srv/d/%c.txt", 'a' + i);
		put_in_runs(f, path, 2);
	}
	collapse_tree(f);
	assert_false(is_wildcard(f, "/srv/d"));
	assert_true(node_of(f, "/srv/d/c.txt", false) > 0);
	put_in_runs(f, "/srv/d/i.txt", 2);
	collapse_tree(f);
	assert_true(is_wildcard(f, "/srv/d"));
	assert_true(node_of(f, "/srv/d/*", false) > 0);
	assert_int_equal(node_of(f, "/srv/d/c.txt", false), -1);
	assert_int_equal(count_service_nodes(f), 4);
}

static void path_tree_merges_a_directory_of_two_runs_with_a_child_of_one(void **state)
{
	struct made_tree *f = *state;

	add_path(f, "/srv/once/x", 1, false);
	put_in_runs(f, "/srv/a/same", 3);
	add_path(f, "/srv/b/one", 1, false);
	add_path(f, "/srv/b/two", 2, false);
	collapse_tree(f);
	/* /srv itself was in more runs than its child "once". */
	assert_true(is_wildcard(f, "/srv"));
	assert_true(node_of(f, "/srv/*/*", false) > 0);
	assert_true(is_wildcard(f, "/srv/*"));
}

static void path_tree_keeps_few_children_of_a_single_run(void **state)
{
	struct made_tree *f = *state;

	add_path(f, "/srv/a/x", 65, false);
	add_path(f, "/srv/a/y", 65, false);
	collapse_tree(f);
	assert_false(is_wildcard(f, "/srv"));
	assert_false(is_wildcard(f, "/srv/a"));
	add_path(f, "/srv/a/z", 3, false);
	collapse_tree(f);
	assert_true(is_wildcard(f, "/srv/a"));
}

/*
 * A run that reads other directories of the image than another one does not make them all known. One
 * directory with files of the service beside them changes nothing, a second one does.
 */
static void path_tree_tells_directories_of_the_image_apart(void **state)
{
	struct made_tree *f = *state;
	char path[32];

	for (unsigned i = 0; i < 12; i++) {
		snprintf(path, sizeof(path), "/srv/web/%c/page", 'a' + (int)i);
		add_image_path(f, path, i % 3);
	}
	add_path(f, "/srv/web/uploads/x", 2, true);
	collapse_apart(f);
	assert_false(is_wildcard(f, "/srv/web"));
	assert_true(node_of(f, "/srv/web/c/page", false) > 0);
	assert_true(node_of(f, "/srv/web/uploads/x", false) > 0);
	add_path(f, "/srv/web/spool/x", 1, true);
	collapse_apart(f);
	assert_true(is_wildcard(f, "/srv/web"));
}

/* Files of the image vary like others. So does a directory in which the service used other files too. */
static void path_tree_merges_files_of_the_image_and_mixed_directories(void **state)
{
	struct made_tree *f = *state;

	add_image_path(f, "/srv/pages/one", 0);
	add_image_path(f, "/srv/pages/two", 1);
	for (unsigned run = 0; run < 2; run++) {
		const char *dir = run ? "/srv/mixed/b" : "/srv/mixed/a";
		char path[32];

		snprintf(path, sizeof(path), "%s/image", dir);
		add_image_path(f, path, run);
		snprintf(path, sizeof(path), "%s/own", dir);
		add_path(f, path, run, true);
	}
	collapse_apart(f);
	assert_true(is_wildcard(f, "/srv/pages"));
	assert_true(is_wildcard(f, "/srv/mixed"));
}

/* Where the tree does not fit otherwise, directories of the image are merged like others. */
static void path_tree_merges_directories_of_the_image_if_too_wide(void **state)
{
	struct made_tree *f = *state;
	char path[48];

	for (unsigned i = 0; i < 26 * 26 * 4; i++) {
		snprintf(path, sizeof(path), "/srv/web/%c%c%c/page", 'a' + (int)(i / 676),
			 'a' + (int)(i / 26 % 26), 'a' + (int)(i % 26));
		add_image_path(f, path, 0);
	}
	free(f->nodes);
	f->nodes = NULL;
	assert_int_equal(path_tree_collapse(f->tree, made_tree_key, false, &f->nodes, &f->n),
			 -ENOSPC);
	collapse_tree(f);
	assert_true(is_wildcard(f, "/srv/web"));
}

static void note_several(struct made_tree *f, const char *dir)
{
	struct lutra_path path;

	path_text_parse(dir, strlen(dir), &path);
	path_tree_note_several(f->tree, &path);
}

/* Mailboxes whose names fold to one are several places. A single one is none. */
static void path_tree_counts_directories_that_fold_to_one(void **state)
{
	struct made_tree *f = *state;

	add_path(f, "/srv/mail/user#/box/x", 0, true);
	add_path(f, "/srv/one/user#/box/x", 0, true);
	note_several(f, "/srv/mail/user#");
	note_several(f, "/srv/none/user#"); /* not in the tree */
	collapse_apart(f);
	assert_true(flags_of(f, "/srv/mail", true) & LUTRA_NODE_WROTE);
	assert_false(flags_of(f, "/srv/one", true) & LUTRA_NODE_WROTE);
}

/* The nodes of one tree that are wildcards are wildcards in the other, or merged into one. */
static void assert_wildcards_stay(const struct made_tree *less, const struct made_tree *more,
				  size_t i, size_t j)
{
	bool wildcard = more->nodes[j].flags & LUTRA_NODE_WILDCARD;

	if (less->nodes[i].flags & LUTRA_NODE_WILDCARD)
		assert_true(wildcard);
	for (size_t c = 1; c < less->n; c++) {
		size_t d = 1;

		if (less->nodes[c].parent != i)
			continue;
		while (d < more->n &&
		       !(more->nodes[d].parent == j && more->nodes[d].dir == less->nodes[c].dir &&
			 (wildcard || strcmp(more->nodes[d].name, less->nodes[c].name) == 0)))
			d++;
		assert_true(d < more->n);
		assert_wildcards_stay(less, more, c, d);
	}
}

/* Paths of a small world, so that runs have much in common: /s/a/b/c and shorter. */
static void add_random_run(struct made_tree *f, unsigned run, uint32_t *seed)
{
	for (int i = 0; i < 6; i++) {
		char path[32];
		uint32_t x;

		*seed = *seed * 1664525 + 1013904223;
		x = *seed >> 8;
		snprintf(path, sizeof(path), "/s/%c/%c/%c%s", 'a' + (char)(x % 3),
			 'a' + (char)(x / 3 % 3), 'a' + (char)(x / 9 % 3), x / 27 % 4 ? "" : "/");
		path[x / 108 % 3 ? strlen(path) : 6] = '\0';
		add_path(f, path, run, false);
	}
}

static void path_tree_of_one_run_more_has_all_wildcards(void **state)
{
	struct made_tree *f = *state;

	for (uint32_t trial = 0; trial < 400; trial++) {
		struct made_tree before = {NULL, NULL, 0};
		uint32_t seed = trial;

		path_tree_free(f->tree);
		assert_int_equal(path_tree_new(&f->tree, 70, false), 0);
		for (unsigned run = 0; run < 6; run++) {
			/* In any order: what comes last may be first by its number. */
			add_random_run(f, trial & 1 ? 60 - run : run, &seed);
			collapse_tree(f);
			if (run)
				assert_wildcards_stay(&before, f, 0, 0);
			free(before.nodes);
			before.nodes = f->nodes;
			before.n = f->n;
			f->nodes = NULL;
		}
		free(before.nodes);
	}
}

static void path_tree_keeps_the_wildcards_of_a_policy(void **state)
{
	struct made_tree *f = *state;
	struct policy old = {.n_nodes = 0};

	add_path(f, "/srv/a/x", 1, false);
	add_path(f, "/srv/a/y", 2, false);
	add_path(f, "/srv/b/x", 1, false);
	add_path(f, "/srv/b/x", 2, false);
	collapse_tree(f);
	assert_true(is_wildcard(f, "/srv/a"));
	old.nodes = f->nodes;
	old.n_nodes = f->n;
	f->nodes = NULL;
	path_tree_free(f->tree);
	assert_int_equal(path_tree_new(&f->tree, 70, false), 0);
	put_in_runs(f, "/srv/a/x", 3);
	put_in_runs(f, "/srv/b/x", 3);
	collapse_tree(f);
	assert_false(is_wildcard(f, "/srv/a"));
	path_tree_keep_wildcards(f->tree, &old);
	collapse_tree(f);
	assert_true(is_wildcard(f, "/srv/a"));
	assert_false(is_wildcard(f, "/srv/b"));
	free(old.nodes);
}

static void put_program(struct made_tree *f, const char *s, unsigned run)
{
	const uint64_t runs[2] = {1ull << run};
	struct lutra_path path;
	struct path_tree_entry p = {.path = &path, .program = true, .runs = runs};

	path_text_parse(s, strlen(s), &path);
	assert_int_equal(path_tree_insert(f->tree, &p), 0);
}

static void path_tree_tells_programs_of_the_image_apart(void **state)
{
	struct made_tree *f = *state;

	for (unsigned run = 0; run < 12; run++) {
		char path[64];

		snprintf(path, sizeof(path), "/usr/lib/shop/%c.so", 'a' + (char)run);
		put_program(f, path, run);
		snprintf(path, sizeof(path), "/usr/share/shop/%c.txt", 'a' + (char)run);
		add_path(f, path, run, false);
		/* What the service writes, and what is no program directory, is not the image's. */
		snprintf(path, sizeof(path), "/usr/lib/cache/%c.so", 'a' + (char)run);
		put_program(f, path, run);
		add_path(f, path, run, true);
		snprintf(path, sizeof(path), "/srv/shop/%c.so", 'a' + (char)run);
		put_program(f, path, run);
	}
	collapse_apart(f);
	assert_false(is_wildcard(f, "/usr/lib/shop"));
	assert_true(is_wildcard(f, "/usr/share/shop"));
	assert_true(is_wildcard(f, "/usr/lib/cache"));
	assert_true(is_wildcard(f, "/srv/shop"));
	collapse_tree(f);
	assert_true(is_wildcard(f, "/usr/lib/shop"));
}

static void path_tree_never_merges_protected_directories(void **state)
{
	struct made_tree *f = *state;
	char path[64];

	for (int i = 0; i < 20; i++) {
		snprintf(path, sizeof(path), "/etc/%c/conf", 'a' + i);
		add_path(f, path, (unsigned)i, false);
		snprintf(path, sizeof(path), "/usr/bin/%c", 'a' + i);
		add_path(f, path, (unsigned)i, false);
		snprintf(path, sizeof(path), "/proc/%d/%c", i, 'a' + i);
		add_path(f, path, (unsigned)i, false);
		snprintf(path, sizeof(path), "/var/lib/shop/%c", 'a' + i);
		add_path(f, path, (unsigned)i, false);
	}
	collapse_tree(f);
	assert_true(flags_of(f, "/etc", true) == (LUTRA_NODE_PROTECTED | LUTRA_NODE_ROLE));
	assert_true(flags_of(f, "/usr/bin", true) == (LUTRA_NODE_PROTECTED | LUTRA_NODE_USR));
	assert_true(flags_of(f, "/proc/#", true) == LUTRA_NODE_PROTECTED);
	assert_false(is_for_sessions(f, "/proc/#", true));
	assert_true(flags_of(f, "/var/lib", true) == LUTRA_NODE_PROTECTED);
	assert_true(node_of(f, "/proc/#/c", false) > 0);
	assert_true(is_wildcard(f, "/var/lib/shop"));
	assert_true(f->nodes[0].flags == LUTRA_NODE_PROTECTED);
}

static void path_tree_merges_files_and_directories_apart_and_recursively(void **state)
{
	struct made_tree *f = *state;
	char path[64];

	for (int i = 0; i < 12; i++) {
		snprintf(path, sizeof(path), "/srv/u/%c/inbox", 'a' + i);
		put_in_runs(f, path, 2);
		snprintf(path, sizeof(path), "/srv/u/%c/tmp/", 'a' + i);
		put_in_runs(f, path, 2);
		snprintf(path, sizeof(path), "/srv/u/%c.idx", 'a' + i);
		put_in_runs(f, path, 2);
	}
	collapse_tree(f);
	assert_true(node_of(f, "/srv/u/*", false) > 0);
	assert_true(node_of(f, "/srv/u/*/inbox", false) > 0);
	assert_true(node_of(f, "/srv/u/*/tmp", true) > 0);
	assert_false(is_wildcard(f, "/srv/u/*"));
	assert_int_equal(count_service_nodes(f), 7);
}

static void path_tree_flags_use_role_and_writes(void **state)
{
	struct made_tree *f = *state;

	add_path(f, "/usr/share/x/y", 0, false);
	add_path(f, "/library/z", 0, false);
	add_path(f, "/run/app/sock", 0, false);
	add_path(f, "/srv/data/log", 0, true);
	add_path(f, "/srv/data/sub/", 0, false);
	collapse_tree(f);
	assert_int_equal(flags_of(f, "/usr/share/x", true), LUTRA_NODE_USR);
	assert_int_equal(flags_of(f, "/library", true), LUTRA_NODE_USR);
	assert_int_equal(flags_of(f, "/run/app/sock", false), LUTRA_NODE_ROLE);
	assert_int_equal(flags_of(f, "/srv/data", true), LUTRA_NODE_WROTE);
	assert_int_equal(flags_of(f, "/srv/data/sub", true), 0);
	assert_int_equal(flags_of(f, "/srv", true), 0);
}

static void path_tree_protects_lib64_only_if_seen(void **state)
{
	struct made_tree *f = *state;

	add_path(f, "/app2/x", 0, false);
	collapse_tree(f);
	assert_int_equal(flags_of(f, "/#", true), 0);
	path_tree_free(f->tree);
	assert_int_equal(path_tree_new(&f->tree, 70, true), 0);
	add_path(f, "/lib64/ld.so", 0, false);
	collapse_tree(f);
	assert_int_equal(flags_of(f, "/#", true), LUTRA_NODE_PROTECTED | LUTRA_NODE_USR);
}

static void path_tree_puts_detached_names_below_a_directory_of_their_own(void **state)
{
	struct made_tree *f = *state;
	struct policy_node *n;

	add_path(f, "//memfd:a/b7", 0, false);
	collapse_tree(f);
	assert_int_equal(count_service_nodes(f), 3);
	for (n = f->nodes + 1; strcmp(n->name, "/") != 0;)
		n++;
	assert_true(n->dir && n->parent == 0);
	assert_string_equal(n[1].name, "memfd:a/#");
	assert_int_equal(n[1].parent, n - f->nodes);
}

static void path_tree_keys_are_those_of_the_scorer(void **state)
{
	struct made_tree *f = *state;
	char name[LUTRA_NAME] = "srv";

	add_path(f, "/srv/page7", 0, false);
	add_session_path(f, "/srv/x", 0);
	collapse_tree(f);
	assert_true(key_of(f, "/srv", true) ==
		    lutra_component_key(name, 3, (const __u64 *)made_tree_key, 1));
	name[0] = '#';
	assert_true(key_of(f, "/srv/#", false) ==
		    lutra_component_key(name, 1, (const __u64 *)made_tree_key, 0));
	name[0] = 'x';
	assert_true(key_of(f, "/srv/x", false) ==
		    (lutra_component_key(name, 1, (const __u64 *)made_tree_key, 0) ^
		     LUTRA_SESSION_KEY));
}

static void path_tree_does_not_depend_on_the_order_of_insertion(void **state)
{
	static const char *const paths[] = {"/srv/b", "/srv/a/", "/srv/a/x", "/etc/x",
					    "/etc/a/b/c"};
	struct made_tree *f = *state;
	struct policy_node *first;
	size_t n;

	for (size_t i = 0; i < 5; i++)
		add_path(f, paths[i], (unsigned)i, i & 1);
	collapse_tree(f);
	first = f->nodes;
	n = f->n;
	f->nodes = NULL;
	path_tree_free(f->tree);
	assert_int_equal(path_tree_new(&f->tree, 70, false), 0);
	for (size_t i = 5; i-- > 0;)
		add_path(f, paths[i], (unsigned)i, i & 1);
	collapse_tree(f);
	assert_int_equal(f->n, n);
	assert_memory_equal(f->nodes, first, n * sizeof(*first));
	free(first);
}

static void path_tree_merges_more_if_too_wide(void **state)
{
	struct made_tree *f = *state;
	char path[64];

	for (int i = 0; i < 7 * 7 * 7 * 7; i++) {
		snprintf(path, sizeof(path), "/srv/%c/%c/%c/%c", 'a' + i % 7, 'a' + i / 7 % 7,
			 'a' + i / 49 % 7, 'a' + i / 343);
		put_in_runs(f, path, 1);
	}
	collapse_tree(f);
	assert_true(f->n <= LUTRA_NODES);
	assert_true(is_wildcard(f, "/srv"));
}

static void path_tree_of_too_many_protected_names_is_enospc(void **state)
{
	struct made_tree *f = *state;
	struct policy_node *nodes;
	char path[64];
	size_t n;

	for (int i = 0; i < 26 * 26 * 4; i++) {
		snprintf(path, sizeof(path), "/etc/%c%c%c", 'a' + i % 26, 'a' + i / 26 % 26,
			 'a' + i / 676);
		add_path(f, path, 0, false);
	}
	assert_int_equal(path_tree_collapse(f->tree, made_tree_key, true, &nodes, &n), -ENOSPC);
}

/* Sessions make no wildcard of a directory of the service's, and do not say that it is written. */
static void path_tree_is_the_services_whatever_sessions_had(void **state)
{
	struct made_tree *f = *state;
	char path[64];

	put_in_runs(f, "/srv/data/a", 3);
	put_in_runs(f, "/srv/data/b", 3);
	for (int i = 0; i < 12; i++) {
		snprintf(path, sizeof(path), "/srv/data/%c", 'a' + i);
		add_session_path(f, path, (unsigned)i);
		snprintf(path, sizeof(path), "/srv/backup/%c", 'a' + i);
		add_session_path(f, path, (unsigned)i);
	}
	collapse_tree(f);
	assert_int_equal(flags_of(f, "/srv/data", true), 0);
	assert_false(is_for_sessions(f, "/srv/data/a", false));
	assert_true(is_for_sessions(f, "/srv/data/l", false));
	assert_true(is_for_sessions(f, "/srv/backup", true));
	assert_true(is_wildcard(f, "/srv/backup"));
	assert_int_equal(count_service_nodes(f), 5);
}

static void path_tree_merges_what_sessions_had_into_wildcards(void **state)
{
	struct made_tree *f = *state;

	add_path(f, "/srv/www/a", 0, false);
	add_path(f, "/srv/www/b", 1, false);
	add_session_path(f, "/srv/www/c", 0);
	add_session_path(f, "/srv/www/d/", 0);
	collapse_tree(f);
	assert_true(is_wildcard(f, "/srv/www"));
	assert_false(is_for_sessions(f, "/srv/www/*", false));
	assert_true(is_for_sessions(f, "/srv/www/*", true));
}

static void path_tree_that_does_not_fit_goes_without_sessions(void **state)
{
	struct made_tree *f = *state;
	char path[64];

	add_path(f, "/etc/service.conf", 0, false);
	for (int i = 0; i < 26 * 26 * 4; i++) {
		snprintf(path, sizeof(path), "/etc/%c%c%c", 'a' + i % 26, 'a' + i / 26 % 26,
			 'a' + i / 676);
		add_session_path(f, path, 0);
	}
	collapse_tree(f);
	assert_true(node_of(f, "/etc/service.conf", false) > 0);
	assert_int_equal(node_of(f, "/etc/aaa", false), -1);
	assert_true(is_for_sessions(f, "/sys", true));
}

static void path_tree_holds_what_is_the_hosts(void **state)
{
	static const struct {
		const char *path;
		bool dir, host;
	} cases[] = {
		{"/proc", true, true},
		{"/sys", true, true},
		{"/dev", true, true},
		{"/run", true, false},
		{"/run/docker.sock", false, true},
		{"/run/containerd/containerd.sock", false, true},
		{"/run/containerd", true, false},
		{"/proc/#", true, false},
		{"/proc/self", true, false},
		{"/dev/null", false, false},
		{"/dev/pts", true, false},
		{"/dev/shm", true, false},
		/* What runs had. */
		{"/sys/fs/cgroup", true, true},
		{"/sys/fs/cgroup/x", false, true},
		{"/dev/pts/#", false, false},
		{"/proc/#/oom_score_adj", false, false},
	};
	struct made_tree *f = *state;

	add_path(f, "/sys/fs/cgroup/x", 0, false);
	add_path(f, "/dev/pts/0", 0, false);
	add_path(f, "/proc/1/oom_score_adj", 0, false);
	collapse_tree(f);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t flags = flags_of(f, cases[i].path, cases[i].dir);

		if (((flags & LUTRA_NODE_HOST) != 0) != cases[i].host)
			fail_msg("%s", cases[i].path);
	}
	assert_false(is_for_sessions(f, "/proc/#", true));
	assert_true(is_for_sessions(f, "/proc/self", true));
}

#define T(f) cmocka_unit_test_setup_teardown(f, made_tree_setup, made_tree_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(path_tree_keeps_secrets_apart),
		T(path_tree_keeps_eight_children_and_merges_nine),
		T(path_tree_merges_a_directory_of_two_runs_with_a_child_of_one),
		T(path_tree_keeps_few_children_of_a_single_run),
		T(path_tree_tells_directories_of_the_image_apart),
		T(path_tree_merges_files_of_the_image_and_mixed_directories),
		T(path_tree_merges_directories_of_the_image_if_too_wide),
		T(path_tree_counts_directories_that_fold_to_one),
		T(path_tree_of_one_run_more_has_all_wildcards),
		T(path_tree_keeps_the_wildcards_of_a_policy),
		T(path_tree_tells_programs_of_the_image_apart),
		T(path_tree_never_merges_protected_directories),
		T(path_tree_merges_files_and_directories_apart_and_recursively),
		T(path_tree_flags_use_role_and_writes),
		T(path_tree_protects_lib64_only_if_seen),
		T(path_tree_puts_detached_names_below_a_directory_of_their_own),
		T(path_tree_keys_are_those_of_the_scorer),
		T(path_tree_does_not_depend_on_the_order_of_insertion),
		T(path_tree_merges_more_if_too_wide),
		T(path_tree_of_too_many_protected_names_is_enospc),
		T(path_tree_is_the_services_whatever_sessions_had),
		T(path_tree_merges_what_sessions_had_into_wildcards),
		T(path_tree_that_does_not_fit_goes_without_sessions),
		T(path_tree_holds_what_is_the_hosts),
	};

	return cmocka_run_group_tests_name("train_tree", tests, NULL, NULL);
}
