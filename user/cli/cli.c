/* SPDX-License-Identifier: Apache-2.0 */
/* Messages, JSON, requests and paths for the commands. */
#include "user/cli/cli.h"

#include <pwd.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "lib/abi/names.h"
#include "lib/abi/rules.h"
#include "lib/policy/accepted/accepted.h"

const struct args_option cli_options[] = {
	CLI_OPTION_JSON(struct cli_args),
	CLI_OPTION_CONFIG(struct cli_args),
	{},
};

int cli_fail(const struct err *err)
{
	return cli_failf("%s", err->msg);
}

int cli_failf(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("lutra: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	return 1;
}

int cli_print_json(json_t *j, bool pretty)
{
	int r;

	if (!j)
		return cli_failf("out of memory");
	r = json_dumpf(j, stdout,
		       (pretty ? JSON_INDENT(2) : JSON_COMPACT) | JSON_REAL_PRECISION(12));
	json_decref(j);
	if (r < 0 || fputc('\n', stdout) == EOF)
		return cli_failf("cannot write to standard output");
	return 0;
}

const char *cli_json_text(const json_t *j, const char *key)
{
	json_t *value = json_object_get(j, key);
	const char *s = json_string_value(value);
	json_auto_t *clean = NULL;

	if (!s)
		return "";
	if (!text_has_control(s))
		return s;
	clean = text_json(s, strlen(s));
	if (json_string_set(value, json_string_value(clean)) < 0)
		return "";
	return json_string_value(value);
}

long long cli_json_number(const json_t *j, const char *key)
{
	return (long long)json_integer_value(json_object_get(j, key));
}

bool cli_json_is(const json_t *j, const char *key)
{
	return json_is_true(json_object_get(j, key));
}

const char *cli_clean_text(const char *s, char buf[static CLI_TEXT])
{
	text_clean(s, strlen(s), buf, CLI_TEXT);
	return buf;
}

const char *cli_user_name(void)
{
	const char *sudo = getenv("SUDO_USER");
	const struct passwd *p = sudo && *sudo ? NULL : getpwuid(getuid());

	if (sudo && *sudo)
		return sudo;
	return p ? p->pw_name : "root";
}

int cli_config(const char *file, struct config **ret, struct err *err)
{
	static const char *const wanted[] = {"socket",	    "state_dir", "policies_dir",
					     "policy_keys", "life",	 NULL};
	const char *other = getenv("LUTRA_CONFIG");

	if (!file && other && *other)
		file = other;
	return config_load_keys(file, wanted, ret, err);
}

int cli_ask(const char *config_file, const char *path, json_t *body, json_t **ret, struct err *err)
{
	_cleanup_(config_freep) struct config *config = NULL;
	json_auto_t *owned = body;
	int r = cli_config(config_file, &config, err);

	return r < 0 ? r : local_client_ask(config->socket, path, json_incref(owned), ret, err);
}

int cli_ask_or_fail(const char *config_file, const char *path, json_t *body, json_t **ret)
{
	struct err err;

	if (cli_ask(config_file, path, body, ret, &err) < 0)
		return cli_fail(&err);
	if (*cli_json_text(*ret, "warning"))
		fprintf(stderr, "lutra: warning: %s\n", cli_json_text(*ret, "warning"));
	return 0;
}

int cli_load_policy(const char *dir, const struct policy_keys *keys, struct policy **ret,
		    struct err *err)
{
	struct err left_out;
	int r = accepted_load(ret, dir, keys, &left_out, err);

	if (r == 0 && *left_out.msg)
		fprintf(stderr, "lutra: not all that was accepted is in force: %s\n", left_out.msg);
	return r;
}

error_t cli_check_rule(struct argp_state *state, const char *name)
{
	const char *names[RULES_COUNT];
	unsigned rule;
	size_t n = 0;

	if (rule_find(name, &rule) == 0 || rule_is_old(name))
		return 0;
	for (rule = 0; rule < RULES_COUNT; rule++)
		if (strcmp(rule_name(rule), "?") != 0)
			names[n++] = rule_name(rule);
	return args_unknown(state, "rule", name, names, n, sizeof(names[0]));
}

error_t cli_check_verdict(struct argp_state *state, const char *name)
{
	const char *names[LUTRA_VERDICT_KILL + 1];

	for (unsigned v = 0; v <= LUTRA_VERDICT_KILL; v++) {
		names[v] = verdict_name(v);
		if (strcmp(names[v], name) == 0)
			return 0;
	}
	return args_unknown(state, "verdict", name, names, LUTRA_VERDICT_KILL + 1,
			    sizeof(names[0]));
}

char *cli_absolute_path(const char *path)
{
	char *s = realpath(path, NULL);

	if (!s)
		cli_failf("%s: %s", path, strerror(errno));
	return s;
}

bool cli_is_policy_path(const char *policy)
{
	struct stat st;

	return strchr(policy, '/') || (stat(policy, &st) == 0 && S_ISDIR(st.st_mode));
}

void cli_policy_dir(const char *policy, const char *policies_dir, char *buf, size_t size)
{
	if (cli_is_policy_path(policy))
		snprintf(buf, size, "%s", policy);
	else
		snprintf(buf, size, "%s/%s", policies_dir, policy);
}
