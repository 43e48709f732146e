/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets outside of the protected directories, and rights that only the service's start needs. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/e2e/escapes/techniques/technique.h"

#define ENVIRONMENT "/usr/share/app/.env"
#define KEY_FILE "/usr/share/app/server.key"
#define PRIVATE "/usr/share/app/ledger" /* another user's, mode 0600 */

static int read_environment(int victim)
{
	(void)victim;
	return flag_open(ENVIRONMENT);
}

static int read_key(int victim)
{
	(void)victim;
	return flag_open(KEY_FILE);
}

static int read_private(int victim)
{
	(void)victim;
	return flag_open(PRIVATE);
}

/* The service changes the owner of this file as it starts. */
static int take_ownership(int victim)
{
	(void)victim;
	return FAILED(chown(OWNED, 0, (gid_t)-1));
}

static bool is_taken(struct host *h)
{
	char path[96];
	struct stat st;

	snprintf(path, sizeof(path), "%s" OWNED, h->root);
	return stat(path, &st) == 0 && st.st_uid == 0;
}

const struct technique secret_techniques[] = {
	{"environment_file", "T1552.001",
	 "reads a file of passwords by its name, among the programs",
	 .seen = "open r file " ENVIRONMENT, .run = read_environment},
	{"key_file", "T1552.004", "reads a private key that lies among the programs",
	 .seen = "open r file " KEY_FILE, .run = read_key},
	{"private_file", "T1552.001", "reads a file that another user keeps from others",
	 .seen = "open r file " PRIVATE, .stopped = "open r file " PRIVATE "|^openat capable dac_",
	 .run = read_private},
	{"start_capability", "T1548", "uses a capability that the service used only as it started",
	 .seen = "capable chown", .run = take_ownership, .probe = is_taken},
	{0},
};
