/* SPDX-License-Identifier: Apache-2.0 */
/* The table of formats, and the import into a part file. Uses signal handlers of the process. */
#include "user/import/import.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const struct import_format import_formats[] = {
	{"adfa-ld",
	 "files, or directories of files, of i386 system call numbers; each file is a task",
	 import_adfa},
	{"unm", "lines with a pid and an i386 system call number", import_unm},
	{"strace", "output of strace -f, with or without times", import_strace},
	{"lid-ds", "lines of sysdig as in LID-DS 2019 and LID-DS 2021", import_lid_ds},
	{"falco", "events of Falco, one JSON object per line", import_falco},
	{},
};

const struct import_format *import_find(const char *name)
{
	for (const struct import_format *f = import_formats; f->name; f++) {
		if (strcmp(f->name, name) == 0)
			return f;
	}
	return NULL;
}

/* Path of the part file, for the signal handler; "": none. */
static char part[4096];

static void remove_part(int sig)
{
	unlink(part);
	signal(sig, SIG_DFL);
	raise(sig);
}

/* Renames the finished trace, unless a file of that name exists by now. */
static int name_part(const char *output, struct err *err)
{
	if (renameat2(AT_FDCWD, part, AT_FDCWD, output, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno == EEXIST)
		return trace_exists(output, err);
	/* Not every file system can refuse to replace. */
	if (errno == EINVAL && rename(part, output) == 0)
		return 0;
	return err_set(err, -errno, "%s: cannot create: %s", output, strerror(errno));
}

int import_trace(const struct import_format *f, const struct import_options *o,
		 struct import_result *ret, struct err *err)
{
	static const int signals[] = {SIGHUP, SIGINT, SIGTERM};
	const size_t n_signals = sizeof(signals) / sizeof(signals[0]);
	struct import_options to_part = *o;
	struct sigaction act = {.sa_handler = remove_part}, old[sizeof(signals) / sizeof(int)];
	int r;

	if (access(o->output, F_OK) == 0)
		return trace_exists(o->output, err);
	if (snprintf(part, sizeof(part), "%s.%d.part", o->output, (int)getpid()) >=
	    (int)sizeof(part))
		return err_set(err, -ENAMETOOLONG, "%s: name too long", o->output);
	to_part.output = part;
	for (size_t i = 0; i < n_signals; i++)
		sigaction(signals[i], &act, &old[i]);
	r = f->read(&to_part, ret, err);
	if (r == 0)
		r = name_part(o->output, err);
	if (r < 0)
		unlink(part);
	for (size_t i = 0; i < n_signals; i++)
		sigaction(signals[i], &old[i], NULL);
	return r;
}
