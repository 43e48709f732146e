/* SPDX-License-Identifier: Apache-2.0 */
/* The part of `lutra doctor` about this host's setup: configuration, daemon, hook, policies … */
#ifndef LUTRA_USER_CLI_LOCAL_DOCTOR_SETUP_H
#define LUTRA_USER_CLI_LOCAL_DOCTOR_SETUP_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#define DOCTOR_SETUP_ROWS 32
#define DOCTOR_DETAIL 512

struct doctor_row {
	char name[48];
	bool ok;
	char detail[DOCTOR_DETAIL]; /* one line */
	const char *todo; /* what to do where it is not ok; static; NULL: detail says it */
};

struct doctor_setup {
	struct doctor_row row[DOCTOR_SETUP_ROWS];
	int n;
};

/*
 * Looks at the configuration config_file (NULL: as cli_config()), asks lutrad, and reads the directories
 * of policies and hooks. Waits for lutrad as long as other commands do.
 */
void doctor_setup_read(struct doctor_setup *ret, const char *config_file);
void doctor_setup_print(const struct doctor_setup *s, FILE *out);
/* Returns [{"name", "ok", "detail", "todo"}]. */
json_t *doctor_setup_to_json(const struct doctor_setup *s);

#endif
