/* SPDX-License-Identifier: Apache-2.0 */
/* Which programs of which packages the shipped packs are for: servers, not their clients and tools. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "tests/support/trainer/made_run.h"
#include "tests/support/scratch.h"
#include "trainer/rules/knowledge/knowledge.h"

/* A file of a package of Debian or Alpine, and the pack that it is a program of (NULL: none). */
static const struct packed_program {
	const char *package, *path, *pack;
} programs[] = {
	{"dnsmasq-base", "/usr/sbin/dnsmasq", "dnsmasq"},
	{"dnsmasq", "/etc/init.d/dnsmasq", NULL},
	{"dnsmasq-utils", "/usr/bin/dhcp_release", NULL},
	{"dovecot-core", "/usr/sbin/dovecot", "dovecot"},
	{"dovecot-core", "/usr/bin/doveadm", NULL},
	{"dovecot-core", "/usr/bin/doveconf", NULL},
	{"logrotate", "/usr/sbin/logrotate", "logrotate"},
	{"logrotate", "/etc/cron.daily/logrotate", NULL},
	{"nginx", "/usr/sbin/nginx", "nginx"},
	{"nginx", "/usr/sbin/nginx-debug", "nginx"},
	{"nginx", "/usr/share/nginx/tools/check", NULL},
	{"openresty", "/opt/openresty/nginx/sbin/nginx", "nginx"},
	{"openresty", "/opt/openresty/bin/resty", NULL},
	{"php8.2-fpm", "/usr/sbin/php-fpm8.2", "php-fpm"},
	{"php8.2-fpm", "/usr/lib/php/php8.2-fpm-reopenlogs", NULL},
	{"php83-fpm", "/usr/sbin/php-fpm83", "php-fpm"},
	{"php8.2-cgi", "/usr/bin/php-cgi8.2", NULL},
	{"php8.2-cli", "/usr/bin/php8.2", NULL},
	{"postgresql-15", "/usr/lib/postgresql/15/bin/postgres", "postgres"},
	{"postgresql-15", "/usr/lib/postgresql/15/bin/pg_ctl", NULL},
	{"postgresql-client-15", "/usr/lib/postgresql/15/bin/psql", NULL},
	{"postgresql15", "/usr/libexec/postgresql15/postgres", "postgres"},
	{"postgresql15-client", "/usr/libexec/postgresql15/psql", NULL},
	/* In Debian redis-server is a link to it. */
	{"redis-tools", "/usr/bin/redis-check-rdb", "redis"},
	{"redis-tools", "/usr/bin/redis-cli", NULL},
	{"redis-tools", "/usr/bin/redis-benchmark", NULL},
	{"redis", "/usr/bin/redis-server", "redis"},
	{"redis", "/usr/bin/redis-cli", NULL},
	{"squid", "/usr/sbin/squid", "squid"},
	{"squid", "/usr/lib/squid/basic_ncsa_auth", NULL},
	{"squid", "/usr/bin/purge", NULL},
};

/* Writes the list of a package of dpkg that has one file. */
static void install_program(const char *root, const struct packed_program *p)
{
	static const char *const dirs[] = {"var", "var/lib", "var/lib/dpkg", "var/lib/dpkg/info"};
	char name[128], text[128], *path;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		path = scratch_path(root, dirs[i]);
		assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
		free(path);
	}
	snprintf(name, sizeof(name), "var/lib/dpkg/info/%s.list", p->package);
	snprintf(text, sizeof(text), "/.\n%s\n", p->path);
	path = scratch_path(root, name);
	scratch_write(path, text, strlen(text));
	free(path);
}

static void execute_program(struct corpus *c, const char *path)
{
	const struct lutra_object exec = {.op = LUTRA_OP_EXEC, .flags = LUTRA_OBJ_PATH};
	struct made_run m = made_run_new(c);

	made_run_task(&m, 1, LUTRA_RECORD_ARM, 0);
	made_run_object(&m, 1, exec, path);
	made_run_syscall(&m, 1, SYS_accept);
	made_run_end(&m, "run", false);
}

/* Prints what is selected besides the base. Returns true if it is the pack of the program alone. */
static bool has_pack_of(const struct known_files *files, const struct packed_program *p)
{
	for (size_t i = 1; i < files->n; i++)
		print_message("# %s of %s: %s\n", p->path, p->package, files->use[i].file->name);
	if (!p->pack)
		return files->n == 1;
	return files->n == 2 && strcmp(files->use[1].file->name, p->pack) == 0 &&
	       files->use[1].package && strcmp(files->use[1].package, p->package) == 0;
}

static void known_packs_are_of_servers_alone(void **state)
{
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		_cleanup_(knowledge_set_done) struct knowledge_set set;
		_cleanup_(corpus_done) struct corpus corpus = {0};
		struct known_files files;
		struct err err = {""};
		char *root = scratch_dir();

		if (knowledge_load("policies", &set, &err) < 0)
			fail_msg("%s", err.msg);
		assert_int_equal(corpus_init(&corpus), 0);
		install_program(root, &programs[i]);
		execute_program(&corpus, programs[i].path);
		assert_int_equal(knowledge_read_packages(&set, root, &err), 0);
		assert_int_equal(known_files_select(&files, &set, &corpus, NULL), 0);
		wrong += !has_pack_of(&files, &programs[i]);
		known_files_done(&files);
		scratch_remove(root);
	}
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_packs_are_of_servers_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
