/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measures what the look-up of an object costs: openat(2) and close(2) of a file that the policy
 * knows, 4 and 10 components deep; and of more files in turn than the open cache holds, so that
 * each is judged anew. Writes open.json beside this program.
 *
 *   above    ns more than with the empty program
 *   object   above of state scored, minus the cost of scoring two system calls, measured with
 *            getppid(2) and getpid(2) in turn: the look-up and all that leads to it
 *   own      like object, but above empty programs at all of lutra's places: without the kernel's
 *            cost of calling the programs
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench/kernel/states.h"
#include "lutra/score.h"

static const char *const kinds[] = {"in turn", "4", "10", "4 anew"};
/* Paths below a directory in /tmp whose name has a number, so that folding does its work. */
static const char *const below[] = {"assets/style.css",
				    "assets/vendor/fonts/latin/regular/subset/static/index.html",
				    "assets/0000.css"};
#define OPENS 3
#define FIRST 1	   /* kind of the first path */
#define MANY 3	   /* kind of the many files; its path is that of file 0 */
#define FILES 4096 /* four times what the open cache (kern/object/open_cache.bpf.h) holds */
#define NAME "0000.css"

static char top[64];
static char paths[OPENS][PATH_MAX];

/* Turns the path of one of the many files into that of file i. */
static void set_file_number(char *path, unsigned i)
{
	char *digits = path + strlen(path) - strlen(NAME);

	for (int at = 3; at >= 0; at--, i /= 10)
		digits[at] = (char)('0' + i % 10);
}

/* Opens and closes one file n times, or the many files in turn. */
static int open_files(unsigned kind, const char *arg, unsigned n)
{
	static char many[PATH_MAX];
	static unsigned next;

	if (kind == MANY && !many[0])
		snprintf(many, sizeof(many), "%s", arg);
	if (kind < FIRST)
		return bench_call_in_turn(n);
	for (unsigned i = 0; i < n; i++) {
		int fd;

		if (kind == MANY)
			set_file_number(many, next++ % FILES);
		fd = openat(AT_FDCWD, kind == MANY ? many : arg, O_RDONLY);
		if (fd < 0 || close(fd) < 0)
			return -errno;
	}
	return 0;
}

static const char *path_argument(unsigned kind)
{
	return kind < FIRST ? "" : paths[kind - FIRST];
}

/* Returns the child of a node by its folded name, and adds it if there is none. */
static uint16_t get_child_node(struct policy *p, uint16_t parent, const char *name, size_t len,
			       bool dir)
{
	char in[LUTRA_NAME] = "", fold[LUTRA_NAME] __attribute__((__aligned__(8))) = "";
	struct policy_node *n = &p->nodes[p->n_nodes];

	memcpy(in, name, len);
	n->key = lutra_component_key(fold, lutra_fold_component(in, (__u32)len, fold),
				     (const __u64 *)p->hash_key, dir);
	n->parent = parent;
	n->dir = dir;
	memcpy(n->name, fold, sizeof(fold));
	for (size_t i = 1; i < p->n_nodes; i++)
		if (p->nodes[i].parent == parent && p->nodes[i].key == n->key)
			return (uint16_t)i;
	return (uint16_t)p->n_nodes++;
}

static int compare_object_tokens(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Makes reading opens in /tmp, which have one key, known. */
static void add_key(struct policy *p, const struct lutra_object *o)
{
	struct lutra_key_search s = {};
	struct lutra_path path = {.n = 2, .len = {1, 3}};

	memcpy(path.name[0], "f", 1);
	memcpy(path.name[1], "tmp", 3);
	lutra_key_compute(o, &path, (const struct lutra_hash_key *)p->hash_key, &s);
	p->keys[0].hash = s.own;
	memset(p->keys[0].token, BENCH_OBJECT, sizeof(p->keys[0].token));
	p->n_keys = 1;
}

/* Makes a policy that knows reading opens of the files, with every directory that leads to them. */
static int make_open_policy(struct policy **ret)
{
	const struct lutra_object o = {
		.op = LUTRA_OP_OPEN, .mode = S_IFREG, .flags = LUTRA_OBJ_PATH};
	_cleanup_(policy_freep) struct policy *p = NULL;
	static const struct lutra_policy none;
	int r = bench_policy(&p);

	if (r < 0)
		return r;
	p->ops = 1u << LUTRA_OP_OPEN;
	p->hash_key[0] = 0x0123456789abcdefull;
	p->hash_key[1] = 0xfedcba9876543210ull;
	for (unsigned k = 0; k < OPENS; k++) {
		struct lutra_class class = {};
		const char *s = paths[k];

		while (*s == '/') {
			size_t len = strcspn(++s, "/");

			class.node = get_child_node(p, class.node, s, len, s[len] == '/');
			s += len;
		}
		p->objects[p->n_objects++] = lutra_object_token(&none, &o, &class, 0, 0);
	}
	qsort(p->objects, p->n_objects, sizeof(*p->objects), compare_object_tokens);
	add_key(p, &o);
	*ret = TAKE_PTR(p);
	return 0;
}

/* Returns the ns of the look-up above a state: open and close, minus two scored system calls. */
static double object_cost_ns(const struct bench *b, unsigned kind, enum bench_state above)
{
	double *const *open = b->ns[kind], *const *call = b->ns[0];
	double v[BENCH_ROUNDS_MAX];

	for (unsigned i = 0; i < b->rounds; i++)
		v[i] = open[BENCH_SCORED][i] - open[above][i] -
		       2 * (call[BENCH_SCORED][i] - call[above][i]);
	return bench_median(v, b->rounds);
}

static int report_open(const struct bench *b, json_t *json)
{
	json_t *depths = json_object();
	struct bench_figure f;

	for (unsigned k = FIRST; k < b->n_kinds; k++) {
		double object = object_cost_ns(b, k, BENCH_EMPTY);
		double own = object_cost_ns(b, k, BENCH_PLACES);
		json_t *states = json_object();

		printf("open+close, %6s deep %12s %9s %9s %9s\n", kinds[k], "ns", "least",
		       "to empty", "above");
		for (enum bench_state s = 0; s < BENCH_STATES; s++) {
			bench_figure(b, k, s, &f);
			printf("%-25s %9.1f %9.1f %9.2f %9.1f\n", bench_state_name[s], f.median,
			       f.min, f.ratio, f.above);
			json_object_set_new(states, bench_state_name[s],
					    json_pack("{s:f, s:f, s:f, s:f}", "median_ns", f.median,
						      "min_ns", f.min, "ratio_to_empty", f.ratio,
						      "above_empty_ns", f.above));
		}
		printf("%-25s %39.1f\n%-25s %39.1f\n", "object", object, "own", own);
		json_object_set_new(depths, kinds[k],
				    json_pack("{s:f, s:f, s:o}", "object_ns", object, "own_ns", own,
					      "states", states));
	}
	return json_object_set_new(json, "depths", depths) < 0 ? -ENOMEM : 0;
}

/* Makes a file and all directories that lead to it. */
static int make_bench_file(char *path)
{
	int fd;

	for (char *s = strchr(path + 1, '/'); s; s = strchr(s + 1, '/')) {
		*s = '\0';
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			return -errno;
		*s = '/';
	}
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	return fd < 0 || close(fd) < 0 ? -errno : 0;
}

static int make_bench_files(void)
{
	int r = 0;

	for (unsigned k = 0; k < OPENS && r == 0; k++) {
		snprintf(paths[k], sizeof(paths[k]), "%s/%s", top, below[k]);
		r = make_bench_file(paths[k]);
	}
	for (unsigned i = FILES; i-- > 0 && r == 0;) {
		set_file_number(paths[MANY - FIRST], i);
		r = make_bench_file(paths[MANY - FIRST]);
	}
	return r;
}

static void remove_bench_files(void)
{
	for (unsigned i = FILES; i-- > 0;) {
		set_file_number(paths[MANY - FIRST], i);
		unlink(paths[MANY - FIRST]);
	}
	for (unsigned k = OPENS; k-- > 0;) {
		unlink(paths[k]);
		for (char *s = strrchr(paths[k], '/'); s && s > paths[k] + strlen("/tmp");
		     s = strrchr(paths[k], '/')) {
			*s = '\0';
			rmdir(paths[k]);
		}
	}
}

int main(int argc, char **argv)
{
	struct bench b = {.name = "open",
			  .kinds = kinds,
			  .n_kinds = FIRST + OPENS,
			  .n_opens = OPENS,
			  .batch = 200,
			  .batch_quick = 100,
			  .operate = open_files,
			  .argument = path_argument,
			  .policy = make_open_policy,
			  .report = report_open};
	int r;

	if (argc > 2)
		return bench_main(&b, argc, argv);
	snprintf(top, sizeof(top), "/tmp/lutra-bench.%d", getpid());
	r = make_bench_files();
	if (r < 0)
		fprintf(stderr, "open: %s: %s\n", top, strerror(-r));
	r = r < 0 ? 1 : bench_main(&b, argc, argv);
	remove_bench_files();
	return r;
}
