/* SPDX-License-Identifier: Apache-2.0 */
/* Files of SQLite databases. */
#ifndef LUTRA_USER_SYS_DATABASE_FILE_H
#define LUTRA_USER_SYS_DATABASE_FILE_H

/*
 * Makes a database's file, with mode 0600, if there is none, and takes the rights of others from the
 * files that it has. Call it before the database is opened. What fails here fails again there.
 */
void database_file_make_private(const char *path);

#endif
