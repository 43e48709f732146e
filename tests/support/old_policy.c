/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/old_policy.h"

#include <assert.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "lib/base/file.h"
#include "lib/policy/files/policy_format.h"
#include "tests/support/scratch.h"

#define VERSION_AT 4	   /* of the format in tables.lut */
#define LEVEL_AT (120 + 5) /* of the constants of levels M and N: three bytes */
#define OLD_TABLES_FORMAT 3
#define OLD_JSON_FORMAT 2
#define FILE_MAX (16u << 20)

#define KEYS_BYTES sizeof(uint32_t) /* of no keys, at the end of tables.lut */

/* Takes away what old tables lack. Gives the tokens of keys to system calls that have none: each token stands for something. */
static void remove_keys(struct policy *p)
{
	unsigned nr = SYS_getpid + 1; /* system calls of the sample are none of these */

	for (size_t i = 0; i < p->n_keys; i++) {
		for (unsigned role = 0; role < LUTRA_ROLES; role++) {
			if (p->keys[i].token[role] < LUTRA_TOKEN0)
				continue;
			while (p->token[role][--nr] != LUTRA_UNK)
				;
			p->token[role][nr] = p->keys[i].token[role];
		}
	}
	p->n_keys = 0;
	p->exact_names = false;
}

/* Makes the tables old. Writes their sum. Returns their length. */
static size_t make_tables_old(const char *path, char sha256[static POLICY_SHA256_TEXT])
{
	_cleanup_free_ char *data = NULL;
	size_t len;

	assert(file_read(AT_FDCWD, path, FILE_MAX, &data, &len, NULL) == 0);
	data[VERSION_AT] = OLD_TABLES_FORMAT;
	data[LEVEL_AT] = data[LEVEL_AT + 1] = data[LEVEL_AT + 2] = 0;
	len -= KEYS_BYTES;
	policy_sum(data, len, sha256);
	scratch_write(path, data, len);
	return len;
}

static void make_json_old(json_t *j, const char *tables_sha256, size_t tables_len)
{
	json_t *actions = json_object_get(json_object_get(j, "rules"), "actions");

	json_object_set_new(j, "format", json_integer(OLD_JSON_FORMAT));
	json_object_set_new(j, "thresholds",
			    json_pack("{s:{s:f, s:i}, s:{s:f, s:i}}", "A", "nat", 0.5, "units",
				      40960, "B", "level", 0.25, "units", 1024));
	json_object_del(actions, "M");
	json_object_del(actions, "N");
	json_object_set_new(actions, "A", json_string("alert"));
	json_object_set_new(actions, "B", json_string("alert"));
	json_object_set_new(
		j, "tables",
		json_pack("{s:s, s:I}", "sha256", tables_sha256, "bytes", (json_int_t)tables_len));
}

void old_policy_save(struct policy *p, const char *dir)
{
	_cleanup_free_ char *tables = scratch_path(dir, POLICY_TABLES_FILE);
	_cleanup_free_ char *path = scratch_path(dir, POLICY_JSON_FILE), *text = NULL;
	char sha256[POLICY_SHA256_TEXT];
	json_auto_t *j = NULL;
	size_t len;

	remove_keys(p);
	assert(policy_save(p, dir, NULL) == 0);
	len = make_tables_old(tables, sha256);
	j = json_load_file(path, 0, NULL);
	assert(j);
	make_json_old(j, sha256, len);
	text = json_dumps(j, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
	assert(text);
	scratch_write(path, text, strlen(text));
}
