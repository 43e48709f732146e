/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/trainer/made_tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "lib/abi/path_text.h"

const uint64_t made_tree_key[2] = {17, 42};

int made_tree_setup(void **state)
{
	struct made_tree *f = calloc(1, sizeof(*f));

	*state = f;
	return path_tree_new(&f->tree, 70, false);
}

int made_tree_teardown(void **state)
{
	struct made_tree *f = *state;

	path_tree_free(f->tree);
	free(f->nodes);
	free(f);
	return 0;
}

/* how: the members of the entry but the path, whether it is a directory, and the runs. */
static void add_path_of(struct made_tree *f, const char *s, unsigned run,
			struct path_tree_entry how)
{
	size_t len = strlen(s);
	uint64_t runs[2] = {0};
	struct lutra_path path;

	how.dir = len > 1 && s[len - 1] == '/';
	how.path = &path;
	how.runs = runs;
	path_text_parse(s, len - how.dir, &path);
	runs[run / 64] |= 1ull << (run & 63);
	assert_int_equal(path_tree_insert(f->tree, &how), 0);
}

void add_path(struct made_tree *f, const char *s, unsigned run, bool wrote)
{
	add_path_of(f, s, run, (struct path_tree_entry){.wrote = wrote});
}

void add_image_path(struct made_tree *f, const char *s, unsigned run)
{
	add_path_of(f, s, run, (struct path_tree_entry){.image = true});
}

void add_session_path(struct made_tree *f, const char *s, unsigned run)
{
	add_path_of(f, s, run, (struct path_tree_entry){.wrote = true, .exec_session = true});
}

void put_in_runs(struct made_tree *f, const char *s, unsigned n_runs)
{
	for (unsigned r = 0; r < n_runs; r++)
		add_path(f, s, r, false);
}

void collapse_tree(struct made_tree *f)
{
	free(f->nodes);
	f->nodes = NULL;
	assert_int_equal(path_tree_collapse(f->tree, made_tree_key, true, &f->nodes, &f->n), 0);
}

void collapse_apart(struct made_tree *f)
{
	free(f->nodes);
	f->nodes = NULL;
	assert_int_equal(path_tree_collapse(f->tree, made_tree_key, false, &f->nodes, &f->n), 0);
}

int node_of(const struct made_tree *f, const char *path, bool dir)
{
	int at = 0;

	while (*path) {
		size_t len = strcspn(path + 1, "/");
		bool last = !path[1 + len];
		int found = -1;

		for (size_t i = 1; i < f->n; i++)
			if (f->nodes[i].parent == at && strlen(f->nodes[i].name) == len &&
			    memcmp(f->nodes[i].name, path + 1, len) == 0 &&
			    f->nodes[i].dir == (last ? dir : 1))
				found = (int)i;
		if (found < 0)
			return -1;
		at = found;
		path += 1 + len;
	}
	return at;
}

size_t count_service_nodes(const struct made_tree *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++)
		n += !f->nodes[i].exec_session;
	return n;
}

bool is_wildcard(const struct made_tree *f, const char *dir)
{
	int i = node_of(f, dir, true);

	assert_true(i >= 0);
	return f->nodes[i].flags & LUTRA_NODE_WILDCARD;
}

uint8_t flags_of(const struct made_tree *f, const char *path, bool dir)
{
	int i = node_of(f, path, dir);

	assert_true(i >= 0);
	return f->nodes[i].flags;
}

uint64_t key_of(const struct made_tree *f, const char *path, bool dir)
{
	int i = node_of(f, path, dir);

	assert_true(i >= 0);
	return f->nodes[i].key;
}

bool is_for_sessions(const struct made_tree *f, const char *path, bool dir)
{
	int i = node_of(f, path, dir);

	assert_true(i >= 0);
	return f->nodes[i].exec_session;
}
