/* SPDX-License-Identifier: Apache-2.0 */
/* lutra policy set-mode: by lutrad, or for the next lutrad if none runs. */
#include <fcntl.h>
#include <string.h>

#include "lib/abi/names.h"
#include "lib/base/file.h"
#include "lib/policy/policy.h"
#include "user/policy/modes.h"
#include "user/policy/lifecycle.h"
#include "user/cli/policy/policy_cmd.h"

static void print_overridden(const char *name, const char *overridden)
{
	if (*overridden)
		printf("%s: --force overrides: %s\n", name, overridden);
}

/* Checks the gate as lutrad does; --force overrides it, with a line that says what is missing. */
static int check_gate(const struct policy_args *a, const char *name, unsigned mode, struct err *err)
{
	_cleanup_(lifecycle_done) struct lifecycle lifecycle = {};
	struct lifecycle_mode_request request = {name, mode, a->force};
	struct err overridden = {};
	int r = lifecycle_load(a->config->state_dir, &lifecycle, err);

	if (r == 0)
		r = lifecycle_allows_mode(&lifecycle, &a->config->life, &request, &overridden, err);
	if (r == 0)
		print_overridden(name, overridden.msg);
	return r;
}

/* Returns true if the kernel says that it runs BPF LSM programs. lutrad finds out by a program. */
static bool has_bpf_lsm(void)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	return file_read(AT_FDCWD, "/sys/kernel/security/lsm", 4096, &text, &len, NULL) == 0 &&
	       strstr(text, "bpf");
}

/* Saves the mode for the next lutrad. */
static int set_without_daemon(const struct policy_args *a, const char *name, const char *dir,
			      unsigned mode)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	struct err err;

	if (policy_load_signed(&p, dir, &a->config->policy_keys, &err) < 0 ||
	    check_gate(a, name, mode, &err) < 0 ||
	    (has_bpf_lsm() && modes_check_hooks(name, p, mode, a->force, &err) < 0) ||
	    modes_set(a->config, name, p, mode, a->force, &err) < 0)
		return cli_fail(&err);
	printf("%s: mode %s, when lutrad starts\n", name, mode_name(mode));
	return 0;
}

void policy_print_forced(const char *name, const char *dir, unsigned mode)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	struct err why;

	if (policy_load(&p, dir, NULL) == 0 && modes_has_objection(p, mode, &why))
		printf("%s: --force overrides that %s\n", name, why.msg);
}

int policy_cmd_set_mode(const struct policy_args *a)
{
	const char *name = a->names[0], *text = a->names[1];
	json_auto_t *answer = NULL;
	char dir[PATH_MAX], path[LOCAL_CLIENT_PATH];
	struct err err;
	unsigned mode;
	json_t *q;
	int r;

	if (mode_parse(text, &mode) < 0)
		return cli_failf("unknown mode '%s': learn, audit, deny, kill, kill-container or "
				 "freeze",
				 text),
		       EXIT_USAGE;
	snprintf(dir, sizeof(dir), "%s/%s", a->config->policies_dir, name);
	if (!modes_policy_name(a->config, dir))
		return cli_failf("%s: not a policy in %s: give the name of one", name,
				 a->config->policies_dir);
	local_client_path(path, "policies", name, "mode");
	q = json_pack("{s:s, s:b, s:s}", "mode", text, "force", (int)a->force, "by",
		      cli_user_name());
	r = cli_ask(a->config_file, path, q, &answer, &err);
	if (r == -ECONNREFUSED) {
		r = set_without_daemon(a, name, dir, mode);
		if (r)
			return r;
	} else if (r < 0) {
		return cli_fail(&err);
	} else {
		printf("%s: mode %s, %lld containers switched\n", name, text,
		       cli_json_number(answer, "switched"));
		print_overridden(name, cli_json_text(answer, "overridden"));
	}
	if (a->force)
		policy_print_forced(name, dir, mode);
	return 0;
}
