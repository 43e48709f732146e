/* SPDX-License-Identifier: Apache-2.0 */
/* One-line errors, JSON, names of policies. */
#include "user/cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int cli_fail(const struct err *err)
{
	fprintf(stderr, "lutra: %s\n", err->msg);
	return 1;
}

int cli_failf(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("lutra: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	return 1;
}

int cli_print_json(json_t *j, bool pretty)
{
	int r;

	if (!j)
		return cli_failf("out of memory");
	r = json_dumpf(j, stdout,
		       (pretty ? JSON_INDENT(2) : JSON_COMPACT) | JSON_REAL_PRECISION(12));
	json_decref(j);
	if (r < 0 || fputc('\n', stdout) == EOF)
		return cli_failf("cannot write to standard output");
	return 0;
}

bool cli_is_policy_path(const char *name)
{
	struct stat st;

	return strchr(name, '/') || (stat(name, &st) == 0 && S_ISDIR(st.st_mode));
}

void cli_policy_dir(const char *name, const char *policies_dir, char *buf, size_t size)
{
	if (cli_is_policy_path(name))
		snprintf(buf, size, "%s", name);
	else
		snprintf(buf, size, "%s/%s", policies_dir, name);
}
