/* SPDX-License-Identifier: Apache-2.0 */
/* The command line, as a user meets it: exit codes, and one line on what is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <jansson.h>
#include <sys/syscall.h>
#include <string.h>

#include "lib/trace/trace.h"
#include "tests/support/command.h"
#include "tests/support/sample.h"
#include "tests/support/scratch.h"
#include "user/cli/cli.h"

static const struct {
	int code;
	const char *args[COMMAND_ARGS];
} bad_input[] = {
	{2, {NULL}},
	{2, {"fly"}},
	{2, {"doctor", "--bogus"}},
	{2, {"doctor", "extra"}},
	{2, {"run"}},
	{2, {"run", "--", "true"}},
	{2, {"run", "--policy"}},
	{2, {"run", "--policy", "POLICY", "--mode", "obey", "--", "true"}},
	{2, {"run", "--record", "DIR/x.ltr", "--mode", "kill", "--", "true"}},
	{1, {"run", "--policy", "DIR/none", "--", "true"}},
	{2, {"record"}},
	{2, {"record", "-o", "DIR/x.ltr"}},
	{2, {"record", "-o", "DIR/x.ltr", "--image", "shop"}},
	{2, {"record", "--cgroup", "/x"}},
	{2, {"record", "-o", "DIR/x.ltr", "--for", "soon", "--", "true"}},
	{2, {"record", "-o", "DIR/x.ltr", "--for", "-1", "--", "true"}},
	{1, {"record", "-o", "DIR/x.ltr", "--cgroup", "DIR/none"}},
	{1, {"record", "-o", "DIR/x.ltr", "--cgroup", "/tmp"}},
	{1, {"record", "-o", "DIR/x.ltr", "--container", "../x"}},
	{1, {"record", "-o", "DIR/x.ltr", "--container", "nosuchcontainer"}},
	{2, {"score"}},
	{2, {"score", "TRACE"}},
	{2, {"score", "--policy", "POLICY", "TRACE", "TRACE"}},
	{1, {"score", "--policy", "POLICY", "DIR/none.ltr"}},
	{1, {"score", "--policy", "DIR/none", "TRACE"}},
	{1, {"score", "--policy", "POLICY", "POLICY"}},
	{2, {"trace"}},
	{2, {"trace", "fly", "TRACE"}},
	{2, {"trace", "info"}},
	{2, {"trace", "merge", "TRACE"}},
	{2, {"trace", "cat", "-o", "DIR/x.ltr", "TRACE"}},
	{1, {"trace", "info", "DIR/none.ltr"}},
	{1, {"trace", "verify", "/dev/zero"}},
	{1, {"trace", "merge", "-o", "TRACE", "TRACE"}},
	{1, {"trace", "merge", "-o", "DIR/no/x.ltr", "TRACE"}},
	{2, {"policy"}},
	{2, {"policy", "show"}},
	{2, {"policy", "fly", "POLICY"}},
	{1, {"policy", "show", "DIR/none"}},
	{1, {"policy", "show", "no-such-name"}},
	{1, {"policy", "verify", "/tmp"}},
	{1, {"policy", "list", "DIR/none"}},
	{2, {"policy", "list", "DIR", "DIR"}},
	{2, {"policy", "verify"}},
	{2, {"policy", "diff"}},
	{2, {"policy", "diff", "POLICY", "POLICY", "POLICY"}},
	{1, {"policy", "diff", "POLICY", "DIR/none"}},
	{1, {"policy", "diff", "POLICY"}},
	{1, {"policy", "diff", "TRACE", "POLICY"}},
	{2, {"policy", "sign", "POLICY"}},
	{1, {"policy", "sign", "POLICY", "--key", "DIR/none"}},
	{1, {"policy", "sign", "POLICY", "--key", "TRACE"}},
	{2, {"policy", "set-mode", "shop"}},
	{2, {"policy", "set-mode", "shop", "obey"}},
	{1, {"policy", "set-mode", "POLICY", "audit"}},
	{1, {"policy", "set-mode", "..", "audit"}},
	{1, {"policy", "set-mode", "no-such-policy", "audit"}},
	{2, {"policy", "keygen"}},
	{1, {"policy", "keygen", "DIR/no/key"}},
	{1, {"policy", "keygen", "TRACE"}},
	{1, {"policy", "list", "--config", "DIR/none.json"}},
	{1, {"run", "--policy", "POLICY", "--config", "DIR/none.json", "--", "true"}},
	{2, {"enroll"}},
	{2, {"enroll", "--cgroup", "/x"}},
	{1, {"enroll", "--cgroup", "DIR/none", "--policy", "POLICY"}},
	{2, {"release"}},
	{2, {"import", "--format", "tarot", "-o", "x.ltr", "x"}},
	{2, {"import", "--format", "unm", "x.txt"}},
	{1, {"import", "--format", "unm", "-o", "x.ltr", "TRACE"}},
	{2, {"release", "a", "b"}},
	{2, {"release", "a", "--all"}},
	{2, {"status", "extra"}},
	{1, {"status", "--config", "DIR/none.json"}},
	{1, {"status", "--config", "POLICY"}},
	{2, {"events", "--limit", "many"}},
	{2, {"events", "--limit", "1001"}},
	{1, {"events", "--config", "TRACE"}},
	{2, {"events", "--since", "yesterday"}},
	{2, {"events", "--since", "1h", "--until", "2h"}},
	{2, {"events", "--follow", "--rule", "exec"}},
	{2, {"policy", "rollback"}},
	{1, {"policy", "rollback", "POLICY"}},
	{1, {"policy", "rollback", "no-such-name"}},
	{2, {"learn", "--forget"}},
	{2, {"learn", "--image", "shop", "--forget", "--stop"}},
	{2, {"learn", "--image", "shop", "--drop-run", "0"}},
};

static void cli_bad_input_is_one_line_and_a_code(void **state)
{
	struct command_result *r = calloc(1, sizeof(*r));

	for (size_t i = 0; i < sizeof(bad_input) / sizeof(bad_input[0]); i++) {
		command_print(bad_input[i].args);
		command_run_lutra(*state, bad_input[i].args, r);
		assert_int_equal(r->code, bad_input[i].code);
		command_assert_one_line(r->err);
		assert_string_equal(r->out, "");
	}
	free(r);
}

/* Reads the letters of a command's options from its help. seen: the option that a letter has elsewhere. */
static void check_letters(const char *help, char seen[128][32])
{
	for (const char *line = help; line; line = strchr(line, '\n')) {
		char letter = 0, name[32] = "";

		line += *line == '\n';
		if (sscanf(line, " -%c, --%31[a-z-]", &letter, name) != 2)
			continue;
		print_message("# -%c --%s\n", letter, name);
		assert_in_range(letter, 1, 127);
		/* The name of a container. */
		if (strcmp(name, "container") == 0)
			strcpy(name, "name");
		if (strcmp(name, "follow") == 0)
			continue;
		if (*seen[(int)letter])
			assert_string_equal(seen[(int)letter], name);
		memcpy(seen[(int)letter], name, sizeof(name));
	}
}

static void cli_letter_means_the_same_in_all_commands(void **state)
{
	static const char *const commands[] = {
		"doctor", "run",     "record",	"import",    "learn",	    "train",
		"eval",	  "score",   "trace",	"policy",    "seccomp",	    "enroll",
		"mode",	  "release", "thaw",	"ps",	     "top",	    "status",
		"review", "events",  "explain", "incidents", "maintenance",
	};
	struct command_result *r = calloc(1, sizeof(*r));
	char seen[128][32] = {};

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		const char *const args[] = {commands[i], "--help", NULL};

		command_run_lutra(*state, args, r);
		assert_int_equal(r->code, 0);
		check_letters(r->out, seen);
	}
	free(r);
}

static void cli_mistyped_word_is_told_with_what_is_meant(void **state)
{
	static const struct {
		const char *args[4], *said;
	} cases[] = {
		{{"evnts"}, "did you mean 'events'?"},
		{{"policy", "shwo", "x"}, "unknown verb 'shwo': did you mean 'show'?"},
		{{"policy", "fly", "x"}, "list, show, verify"},
		{{"trace", "inof", "x"}, "did you mean 'info'?"},
		{{"trace", "fly", "x"}, "unknown verb 'fly': info, cat, merge or verify"},
		{{"seccomp", "exprt"}, "did you mean 'export'?"},
		{{"incidents", "shwo", "1"}, "did you mean 'show'?"},
		{{"events", "--sinse", "2h"}, "did you mean '--since'?"},
		{{"events", "--sinse=2h"}, "did you mean '--since'?"},
		{{"events", "--bogus"}, "see `lutra events --help`"},
		{{"events", "--rule", "exec-frsh"}, "did you mean 'exec-fresh'?"},
		{{"events", "--rule", "bogus"}, "unknown rule 'bogus'"},
		{{"events", "--verdict", "killed"}, "did you mean 'kill'?"},
		{{"explain", "exec-frsh"}, "did you mean 'exec-fresh'?"},
	};
	struct command_result *r = calloc(1, sizeof(*r));

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		command_print(cases[i].args);
		command_run_lutra(*state, cases[i].args, r);
		assert_int_equal(r->code, 2);
		command_assert_one_line(r->err);
		assert_non_null(strstr(r->err, cases[i].said));
	}
	free(r);
}

static void cli_help_is_there_for_every_command(void **state)
{
	static const char *const commands[] = {"doctor", "run",	   "record", "score",
					       "trace",	 "policy", "enroll", "release",
					       "status", "events", "import"};
	struct command_result *r = calloc(1, sizeof(*r));

	command_run_lutra(*state, (const char *const[]){"--help", NULL}, r);
	assert_int_equal(r->code, 0);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		const char *args[] = {commands[i], "--help", NULL};

		assert_non_null(strstr(r->out, commands[i]));
		command_run_lutra(*state, args, r);
		assert_int_equal(r->code, 0);
		assert_string_equal(r->err, "");
		assert_non_null(strstr(r->out, "Usage: lutra "));
		command_run_lutra(*state, (const char *const[]){"--help", NULL}, r);
	}
	free(r);
}

/* Saves the policy of the fixture as one that was trained on too little to refuse anything. */
static void save_small_policy(const struct command_fixture *f)
{
	_cleanup_free_ char *dir = scratch_path(f->dir, "small");
	_cleanup_(policy_freep) struct policy *p = NULL;

	assert_int_equal(policy_load(&p, f->policy, NULL), 0);
	p->calibration.audit_only = true;
	assert_int_equal(policy_save(p, dir, NULL), 0);
}

static void cli_run_refuses_a_mode_that_the_policy_is_too_small_for(void **state)
{
	struct command_result *r = calloc(1, sizeof(*r));
	const char *const args[] = {"run",  "--policy", "DIR/small", "--mode",
				    "kill", "--",	"true",	     NULL};

	save_small_policy(*state);
	command_run_lutra(*state, args, r);
	assert_int_equal(r->code, 1);
	assert_non_null(strstr(r->err, "not in mode kill"));
	assert_non_null(strstr(r->err, "--force"));
	free(r);
}

/* A mistake in a key that a command does not read stops lutrad alone. */
static void cli_takes_the_configuration_from_the_environment_and_of_it_what_it_needs(void **state)
{
	struct command_fixture *f = *state;
	_cleanup_free_ char *config = scratch_path(f->dir, "other.json"), *text = NULL;
	struct command_result *r = calloc(1, sizeof(*r));

	assert_true(asprintf(&text, "{\"policies_dir\": \"%s\", \"htpp\": 1}", f->dir) > 0);
	scratch_write(config, text, strlen(text));
	save_small_policy(f);
	setenv("LUTRA_CONFIG", config, 1);
	command_run_lutra(f, (const char *const[]){"policy", "verify", "small", NULL}, r);
	assert_string_equal(r->err, "");
	assert_int_equal(r->code, 0);
	command_run_lutra(f, (const char *const[]){"score", "--policy", "small", "TRACE", NULL}, r);
	unsetenv("LUTRA_CONFIG");
	assert_int_equal(r->code, 0);
	command_run_lutra(f,
			  (const char *const[]){"score", "-c", "DIR/other.json", "--policy",
						"small", "TRACE", NULL},
			  r);
	assert_int_equal(r->code, 0);
	free(r);
}

/* Standard output as JSON, which it must be. */
static json_t *json_of(const struct command_fixture *f, const char *const args[])
{
	struct command_result *r = calloc(1, sizeof(*r));
	json_error_t e;
	json_t *j;

	command_print(args);
	command_run_lutra(f, args, r);
	assert_int_equal(r->code, 0);
	j = json_loads(r->out, JSON_DISABLE_EOF_CHECK, &e);
	assert_non_null(j);
	free(r);
	return j;
}

static void cli_json_has_its_keys(void **state)
{
	static const struct {
		const char *key;
		const char *args[COMMAND_ARGS];
	} cases[] = {
		{"records", {"trace", "info", "--json", "TRACE"}},
		{"whole", {"trace", "verify", "--json", "TRACE"}},
		{"call", {"trace", "cat", "--json", "TRACE"}},
		{"calibration", {"policy", "show", "--json", "POLICY"}},
		{"good", {"policy", "verify", "--json", "POLICY"}},
		{"same", {"policy", "diff", "--json", "POLICY", "POLICY"}},
		{"weights", {"score", "--json", "--policy", "POLICY", "TRACE"}},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_auto_t *j = json_of(*state, cases[i].args);
		const json_t *o = json_is_array(j) ? json_array_get(j, 0) : j;

		assert_non_null(json_object_get(o, cases[i].key));
	}
}

/* Made a key, asked for it, signed with it: as a person would. */
static void cli_takes_only_policies_that_are_signed_where_a_key_is_asked_for(void **state)
{
	struct command_fixture *f = *state;
	_cleanup_free_ char *config = scratch_path(f->dir, "config.json"), *text = NULL;
	const char *const verify[] = {"policy",	  "verify",	     "POLICY",
				      "--config", "DIR/config.json", NULL};
	static const char *const seccomp[][8] = {
		{"seccomp", "export", "--config", "DIR/config.json", "-p", "POLICY"},
		{"seccomp", "merge", "--config", "DIR/config.json", "POLICY"},
		{"seccomp", "check", "--config", "DIR/config.json", "-p", "POLICY", "TRACE"},
	};
	struct command_result *r = calloc(1, sizeof(*r));
	char *keys;

	command_run_lutra(f, (const char *const[]){"policy", "keygen", "DIR/key", NULL}, r);
	assert_int_equal(r->code, 0);
	keys = strstr(r->out, "\"policy_keys\"");
	assert_non_null(keys);
	assert_true(asprintf(&text, "{%s}", keys) > 0);
	scratch_write(config, text, strlen(text));
	command_run_lutra(f, verify, r);
	assert_int_equal(r->code, 1);
	assert_non_null(strstr(r->err, "not signed"));
	command_run_lutra(f,
			  (const char *const[]){"run", "--policy", "POLICY", "--config",
						"DIR/config.json", "--", "true", NULL},
			  r);
	assert_int_equal(r->code, 1);
	assert_non_null(strstr(r->err, "not signed"));
	for (size_t i = 0; i < 3; i++) {
		command_run_lutra(f, seccomp[i], r);
		assert_int_equal(r->code, 1);
		assert_non_null(strstr(r->err, "not signed"));
	}
	command_run_lutra(
		f, (const char *const[]){"policy", "sign", "POLICY", "--key", "DIR/key", NULL}, r);
	assert_int_equal(r->code, 0);
	command_run_lutra(f, verify, r);
	assert_int_equal(r->code, 0);
	assert_non_null(strstr(r->out, "signed by ed25519:"));
	free(r);
}

/* A configuration of which no daemon runs, with its policies in DIR. */
static void write_config(const struct command_fixture *f)
{
	_cleanup_free_ char *config = scratch_path(f->dir, "config.json"), *text = NULL;

	assert_true(asprintf(&text,
			     "{\"socket\": \"%s/none.sock\", \"state_dir\": \"%s/state\", "
			     "\"policies_dir\": \"%s\"}",
			     f->dir, f->dir, f->dir) > 0);
	scratch_write(config, text, strlen(text));
}

static void set_mode(const struct command_fixture *f, const char *mode, const char *option,
		     struct command_result *r)
{
	const char *args[] = {"policy",	  "set-mode",	     "shop", mode,
			      "--config", "DIR/config.json", option, NULL};

	command_run_lutra(f, args, r);
}

/* What `policy list` says of the only policy. */
static json_t *is_listed(const struct command_fixture *f)
{
	const char *const args[] = {"policy",	       "list", "--json", "--config",
				    "DIR/config.json", NULL};
	json_auto_t *all = json_of(f, args);

	/* Beside it is the state's directory, in which there is no policy. */
	return json_incref(json_array_get(all, 0));
}

static void assert_listed(const struct command_fixture *f, const char *key, const char *want)
{
	json_auto_t *one = is_listed(f);

	assert_string_equal(json_string_value(json_object_get(one, key)), want);
}

static void cli_mode_of_a_policy_is_kept_without_a_daemon(void **state)
{
	struct command_fixture *f = *state;
	struct command_result *r = calloc(1, sizeof(*r));

	write_config(f);
	assert_listed(f, "mode", "deny");
	set_mode(f, "audit", NULL, r);
	assert_int_equal(r->code, 0);
	assert_listed(f, "mode", "audit");
	assert_listed(f, "policy_mode", "deny");
	free(r);
}

static void cli_mode_that_a_policy_speaks_against_needs_force(void **state)
{
	_cleanup_(policy_freep) struct policy *p = sample_policy();
	struct command_fixture *f = *state;
	struct command_result *r = calloc(1, sizeof(*r));

	write_config(f);
	p->mode = LUTRA_MODE_AUDIT;
	p->calibration.audit_only = true;
	assert_int_equal(policy_save(p, f->policy, NULL), 0);
	set_mode(f, "deny", NULL, r);
	assert_int_equal(r->code, 1);
	command_assert_one_line(r->err);
	assert_non_null(strstr(r->err, "record four more runs"));
	assert_listed(f, "mode", "audit");
	set_mode(f, "deny", "--force", r);
	assert_int_equal(r->code, 0);
	assert_non_null(strstr(r->out, "--force overrides that it was trained on 1 run and"));
	assert_listed(f, "mode", "deny");
	free(r);
}

static void cli_modes_that_are_damaged_are_said(void **state)
{
	static const char *const bad[] = {"",
					  "[]",
					  "{",
					  "{\"shop\": \"audit\"}",
					  "{\"shop\": {\"mode\": \"obey\", \"forced\": false}}",
					  "{\"shop\": {\"mode\": \"audit\"}}"};
	struct command_fixture *f = *state;
	_cleanup_free_ char *dir = scratch_path(f->dir, "state");
	_cleanup_free_ char *modes = scratch_path(dir, "modes.json");

	write_config(f);
	assert_int_equal(mkdir(dir, 0700), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		json_auto_t *all = NULL;
		const json_t *one;

		scratch_write(modes, bad[i], strlen(bad[i]));
		all = json_of(f, (const char *const[]){"policy", "list", "--json", "--config",
						       "DIR/config.json", NULL});
		one = json_array_get(all, 0);
		assert_true(json_is_false(json_object_get(one, "good")));
		assert_non_null(strstr(json_string_value(json_object_get(one, "error")), "mode"));
	}
}

static void cli_trace_verify_of_a_torn_trace_fails(void **state)
{
	struct command_fixture *f = *state;
	struct command_result *r = calloc(1, sizeof(*r));

	assert_int_equal(truncate(f->trace, 300), 0);
	command_run_lutra(f, (const char *const[]){"trace", "verify", "TRACE", NULL}, r);
	assert_int_equal(r->code, 1);
	command_assert_one_line(r->err);
	free(r);
}

static void cli_trace_merge_joins_by_time(void **state)
{
	struct command_fixture *f = *state;
	_cleanup_free_ char *merged = scratch_path(f->dir, "m.ltr");
	_cleanup_(trace_reader_freep) struct trace_reader *reader = NULL;
	struct command_result *r = calloc(1, sizeof(*r));
	const struct lutra_record *rec;
	uint64_t last = 0;
	const char *s;
	size_t len;
	int n = 0;

	command_run_lutra(
		f,
		(const char *const[]){"trace", "merge", "TRACE", "TRACE", "-o", "DIR/m.ltr", NULL},
		r);
	assert_int_equal(r->code, 0);
	assert_int_equal(trace_reader_new(&reader, merged, NULL), 0);
	while (trace_reader_next(reader, &rec, &s, &len) == 1) {
		assert_true(rec->ts_ns >= last);
		last = rec->ts_ns;
		n++;
	}
	assert_int_equal(n, 41);
	assert_null(trace_reader_torn(reader));
	free(r);
}

static void lutrad_refuses_bad_input_in_one_line(void **state)
{
	static const struct {
		int code;
		const char *args[COMMAND_ARGS];
	} cases[] = {
		{2, {"--bogus"}},
		{2, {"extra"}},
		{1, {"--config", "DIR/none.json"}},
		{1, {"--config", "TRACE"}},
	};
	struct command_fixture *f = *state;
	struct command_result *r = calloc(1, sizeof(*r));

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *argv[COMMAND_ARGS];

		command_expand(f, cases[i].args, argv, COMMAND_LUTRAD);
		command_run(argv, r);
		for (int k = 0; argv[k]; k++)
			free(argv[k]);
		assert_int_equal(r->code, cases[i].code);
		command_assert_one_line(r->err);
	}
	free(r);
}

/* A recording of 16 MB, so that its import is under way for a while. */
static char *write_recording(const char *dir)
{
	char *path = scratch_path(dir, "calls.txt");
	size_t size = 16u << 20;
	char *text = malloc(size);

	assert_non_null(text);
	for (size_t i = 0; i < size; i++)
		text[i] = "1 5\n"[i % 4];
	scratch_write(path, text, size);
	free(text);
	return path;
}

static size_t count_entries(const char *dir)
{
	DIR *d = opendir(dir);
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* Interrupted once it has begun to write: nothing is left of it. */
static void cli_import_interrupted_leaves_nothing(void **state)
{
	struct command_fixture *f = *state;
	char *in = write_recording(f->dir), *out = scratch_path(f->dir, "calls.ltr");
	char lutra[] = COMMAND_LUTRA, import[] = "import", format[] = "--format=unm", o[] = "-o";
	char *argv[] = {lutra, import, format, o, out, in, NULL};
	size_t before = count_entries(f->dir);
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		execv(argv[0], argv);
		_exit(99);
	}
	while (count_entries(f->dir) == before && waitpid(pid, &status, WNOHANG) == 0)
		sched_yield();
	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	assert_int_equal(count_entries(f->dir), before);
	free(in);
	free(out);
}

static void cli_json_text_cannot_steer_a_terminal(void **state)
{
	json_auto_t *j = json_pack("{s:s, s:s}", "evil", "web\x1b]0;x\x07", "plain", "a\\x1b b");

	(void)state;
	assert_string_equal(cli_json_text(j, "evil"), "web\\x1b]0;x\\x07");
	assert_string_equal(cli_json_text(j, "evil"), "web\\x1b]0;x\\x07");
	assert_string_equal(cli_json_text(j, "plain"), "a\\x1b b");
	assert_string_equal(cli_json_text(j, "none"), "");
}

#define T(f) cmocka_unit_test_setup_teardown(f, command_setup, command_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(cli_bad_input_is_one_line_and_a_code),
		T(cli_letter_means_the_same_in_all_commands),
		T(cli_mistyped_word_is_told_with_what_is_meant),
		T(cli_help_is_there_for_every_command),
		T(cli_json_has_its_keys),
		T(cli_run_refuses_a_mode_that_the_policy_is_too_small_for),
		T(cli_takes_the_configuration_from_the_environment_and_of_it_what_it_needs),
		T(cli_takes_only_policies_that_are_signed_where_a_key_is_asked_for),
		T(cli_mode_of_a_policy_is_kept_without_a_daemon),
		T(cli_mode_that_a_policy_speaks_against_needs_force),
		T(cli_modes_that_are_damaged_are_said),
		T(cli_trace_verify_of_a_torn_trace_fails),
		T(cli_trace_merge_joins_by_time),
		T(cli_import_interrupted_leaves_nothing),
		cmocka_unit_test(cli_json_text_cannot_steer_a_terminal),
		T(lutrad_refuses_bad_input_in_one_line),
	};

	if (access(COMMAND_LUTRA, X_OK) < 0 || access(COMMAND_LUTRAD, X_OK) < 0) {
		print_message("skipped: no " COMMAND_LUTRA " here, build it first\n");
		return 77;
	}
	return cmocka_run_group_tests_name("cli", tests, NULL, NULL);
}
