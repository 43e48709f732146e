/* SPDX-License-Identifier: Apache-2.0 */
/* The formats. */
#include "user/import/import.h"

#include <string.h>

const struct import_format import_formats[] = {
	{"services", "SVC.RUN.raw.zst, its strings and labels are found beside it",
	 import_services},
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
