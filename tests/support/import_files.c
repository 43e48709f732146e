/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/import_files.h"

#include <assert.h>
#include <stdlib.h>

#include "tests/support/scratch.h"

int import_files_setup(void **state)
{
	struct import_files *f = calloc(1, sizeof(*f));

	assert(f);
	f->dir = scratch_dir();
	f->in = scratch_path(f->dir, "in.txt");
	f->out = scratch_path(f->dir, "out.ltr");
	*state = f;
	return 0;
}

int import_files_teardown(void **state)
{
	struct import_files *f = *state;

	scratch_remove(f->dir);
	free(f->in);
	free(f->out);
	free(f);
	return 0;
}
