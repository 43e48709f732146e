/* SPDX-License-Identifier: Apache-2.0 */
/* Messages, JSON and paths for the commands. */
#include "user/cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
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

const char *cli_json_text(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s ? s : "";
}

long long cli_json_number(const json_t *j, const char *key)
{
	return (long long)json_integer_value(json_object_get(j, key));
}

char *cli_absolute_path(const char *path)
{
	char *s = realpath(path, NULL);

	if (!s)
		cli_failf("%s: %s", path, strerror(errno));
	return s;
}

bool cli_is_policy_path(const char *policy)
{
	struct stat st;

	return strchr(policy, '/') || (stat(policy, &st) == 0 && S_ISDIR(st.st_mode));
}

void cli_policy_dir(const char *policy, const char *policies_dir, char *buf, size_t size)
{
	if (cli_is_policy_path(policy))
		snprintf(buf, size, "%s", policy);
	else
		snprintf(buf, size, "%s/%s", policies_dir, policy);
}
