/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways around a refused open for writing: the bytes of another file get the name of a known one, or a
 * known file gets another name.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/e2e/escapes/techniques/technique.h"

#define CONFIG SHARED "/config" /* a file that the service reads in its ordinary work */
#define NEW SHARED "/new"
#define COPY SHARED "/copy"
#define HOST_CONFIG HOST_DIR "/disk" CONFIG
#define HOST_NEW HOST_DIR "/disk" NEW
#define TOOLS VOLUME "/tools" /* the directory of HELPER */
#define OLD_TOOLS VOLUME "/old"
#define OTHER_TOOLS VOLUME "/other"
#define EXCHANGE 2 /* RENAME_EXCHANGE */

/* Put there as if by another container. */
static int config_prepare(struct host *h)
{
	int fd = open(HOST_NEW, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	(void)h;
	if (fd < 0)
		return -1;
	close(fd);
	return text_write(HOST_NEW, FLAG) ? -1 : 0;
}

static bool config_has_flag(struct host *h)
{
	(void)h;
	return host_begins(HOST_CONFIG, FLAG);
}

static bool config_is_empty(struct host *h)
{
	(void)h;
	return !host_begins(HOST_CONFIG, "color");
}

static int rename_config(int victim)
{
	(void)victim;
	return FAILED(rename(NEW, CONFIG));
}

static int exchange_config(int victim)
{
	(void)victim;
	return FAILED(syscall(SYS_renameat2, AT_FDCWD, CONFIG, AT_FDCWD, NEW, EXCHANGE));
}

static int truncate_config(int victim)
{
	(void)victim;
	return FAILED(truncate(CONFIG, 0));
}

/* Writes the file by another name. */
static int link_config(int victim)
{
	(void)victim;
	return link(CONFIG, COPY) < 0 ? errno : text_write(COPY, FLAG);
}

/* A program of its own, in a directory of its own, by the name that HELPER has in its directory. */
static int tools_prepare(struct host *h)
{
	(void)h;
	mkdir(HOST_DIR OTHER_TOOLS, 0755);
	return payload_drop(HOST_DIR OTHER_TOOLS "/" HELPER_NAME) ? -1 : 0;
}

static int swap_directory(int victim)
{
	(void)victim;
	if (rename(TOOLS, OLD_TOOLS) < 0 || rename(OTHER_TOOLS, TOOLS) < 0)
		return errno;
	return payload_run(HELPER, -1);
}

static int link_directory(int victim)
{
	(void)victim;
	if (rename(TOOLS, OLD_TOOLS) < 0 || symlink("other", TOOLS) < 0)
		return errno;
	return payload_run(HELPER, -1);
}

void moves_undo(void)
{
	int fd;

	unlink(HOST_NEW);
	unlink(HOST_DIR "/disk" COPY);
	if (!host_begins(HOST_CONFIG, "color")) {
		unlink(HOST_CONFIG);
		fd = open(HOST_CONFIG, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		if (fd >= 0)
			close(fd);
		text_write(HOST_CONFIG, "color blue\n");
	}
	unlink(HOST_DIR OTHER_TOOLS "/" HELPER_NAME);
	rmdir(HOST_DIR OTHER_TOOLS);
	if (access(HOST_DIR OLD_TOOLS, F_OK) < 0)
		return;
	if (unlink(HOST_DIR TOOLS) < 0) {
		unlink(HOST_DIR HELPER);
		rmdir(HOST_DIR TOOLS);
	}
	rename(HOST_DIR OLD_TOOLS, HOST_DIR TOOLS);
}

const struct technique move_evasions[] = {
	{"rename_config", "T1565.001", "renames a file over a configuration that is only read",
	 .seen = "rename-to " CONFIG, .stopped = "rename-(from|to) " SHARED, .run = rename_config,
	 .prepare = config_prepare, .probe = config_has_flag},
	{"exchange_config", "T1565.001", "exchanges a configuration with a file of another name",
	 .seen = "rename-to " CONFIG, .stopped = "rename-(from|to) " SHARED, .run = exchange_config,
	 .prepare = config_prepare, .probe = config_has_flag},
	{"truncate_config", "T1485", "truncates a configuration by its name",
	 .seen = "truncate " CONFIG, .run = truncate_config, .probe = config_is_empty},
	{"link_config", "T1565.001", "writes a configuration by a hard link",
	 .seen = "link-from " CONFIG, .stopped = "link-(from|to) " SHARED, .run = link_config,
	 .probe = config_has_flag},
	{"swap_directory", "T1574", "puts another directory in the place of a program's",
	 .seen = "rename-to " TOOLS, .stopped = "rename-", .run = swap_directory,
	 .prepare = tools_prepare, .probe = program_ran},
	{"link_directory", "T1574", "puts a symbolic link in the place of a program's directory",
	 .seen = "symlink " TOOLS, .stopped = "rename-|symlink ", .run = link_directory,
	 .prepare = tools_prepare, .probe = program_ran},
	{0},
};
