/* SPDX-License-Identifier: Apache-2.0 */
/* Fixture of the importers' tests: the files of an import, in a scratch directory. */
#ifndef LUTRA_TESTS_SUPPORT_IMPORT_FILES_H
#define LUTRA_TESTS_SUPPORT_IMPORT_FILES_H

struct import_files {
	char *dir;
	char *in;  /* the recording of another tool */
	char *out; /* the trace */
};

int import_files_setup(void **state);
int import_files_teardown(void **state);

#endif
