/* SPDX-License-Identifier: Apache-2.0 */
/* The formats. */
#include "user/import/import.h"

#include <string.h>

const struct import_format import_formats[] = {
	{"services", "SVC.RUN.raw.zst; its strings and labels are found beside it",
	 import_services},
	{"adfa-ld", "files, or directories of them, of i386 call numbers; each file is a task",
	 import_adfa},
	{"unm", "lines of a pid and a call number, taken for those of i386", import_unm},
	{"strace", "output of strace -f, with or without times", import_strace},
	{"lid-ds", "sysdig's lines, as LID-DS of 2019 and of 2021 has them", import_lid_ds},
	{"falco", "Falco's events, a JSON object a line", import_falco},
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
