/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The database of rpm: an SQLite file with a header of each package (Fedora since 33, RHEL since 9).
 * It is read from memory. The container wrote it. So SQLite may read the tables that are needed, and
 * run no function, view or virtual table. Its work has an end. The headers are checked here.
 */
#ifndef LUTRA_LIB_BASE_PACKAGE_PACKAGE_RPM_H
#define LUTRA_LIB_BASE_PACKAGE_PACKAGE_RPM_H

#include "lib/base/package/package.h"

/*
 * Finds the package of a path in a database of rpm. Changes bytes of the database. Any bytes. Returns
 * 0; -ENOENT: none has it; -EBADMSG: it is no such database, or takes too long; or -ENOMEM.
 */
int package_rpm_find(char *database, size_t len, const char *path, struct package *ret);

/*
 * Returns true if the header of a package has a path, and sets *ret to its name and version. dir ends
 * with a slash. Any bytes.
 */
bool package_rpm_header(const uint8_t *header, size_t len, const char *dir, const char *name,
			struct package *ret);

#endif
