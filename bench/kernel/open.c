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

#include "bench/kernel/open_policy.h"
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

static int make_open_policy(struct policy **ret)
{
	const char *const files[OPENS] = {paths[0], paths[1], paths[2]};

	return bench_open_policy(files, OPENS, ret);
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
