/* SPDX-License-Identifier: Apache-2.0 */
/* Writes what the fuzzers start from: a small trace and a small policy, in DIR/trace, DIR/policy.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "lib/file.h"
#include "lib/policy/policy_format.h"
#include "lib/trace/trace.h"
#include "tests/unit/sample.h"

/* path's bytes behind a first one, to dir/name. */
static int seed(const char *path, char first, const char *dir, const char *name)
{
	_cleanup_free_ char *data = NULL, *whole = NULL, *out = sample_path(dir, name);
	size_t len;
	int r;

	r = file_read(AT_FDCWD, path, 1 << 24, &data, &len, NULL);
	if (r < 0)
		return r;
	whole = malloc(len + 1);
	if (!whole)
		return -ENOMEM;
	whole[0] = first;
	memcpy(whole + 1, data, len);
	unlink(out);
	return file_create(AT_FDCWD, out, 0644, whole, len + 1);
}

static int write_trace(const char *path)
{
	struct trace_meta m = {.arch = NULL};
	struct trace_writer *w;
	int r;

	r = trace_writer_new(&w, path, &m, NULL);
	for (unsigned i = 0; r == 0 && i < 8; i++) {
		struct lutra_record rec = {.ts_ns = i, .tid = 7, .nr = (__u16)i};

		r = trace_writer_add(w, &rec, i & 1 ? "/etc/passwd" : NULL, i & 1 ? 11 : 0);
	}
	return r < 0 ? r : trace_writer_close(w, 0, NULL);
}

static int write_all(const char *dir)
{
	_cleanup_free_ char *traces = sample_path(dir, "trace"),
			    *policies = sample_path(dir, "policy");
	_cleanup_free_ char *trace = sample_path(dir, "sample.ltr");
	_cleanup_free_ char *policy = sample_path(dir, "sample");
	_cleanup_free_ char *tables = sample_path(policy, POLICY_TABLES_FILE);
	_cleanup_free_ char *json = sample_path(policy, POLICY_JSON_FILE);
	_cleanup_(policy_freep) struct policy *p = sample_policy();
	int r;

	mkdir(traces, 0755);
	mkdir(policies, 0755);
	unlink(trace);
	r = write_trace(trace);
	if (r == 0)
		r = policy_save(p, policy, NULL);
	if (r == 0)
		r = seed(trace, 0, traces, "whole");
	if (r == 0)
		r = seed(tables, 1, policies, "tables");
	return r < 0 ? r : seed(json, 0, policies, "json");
}

int main(int argc, char **argv)
{
	int r = argc == 2 ? write_all(argv[1]) : -EINVAL;

	if (r < 0)
		fprintf(stderr, "corpus DIR: %s\n", strerror(-r));
	return r < 0;
}
