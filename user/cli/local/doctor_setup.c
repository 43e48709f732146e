/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at the setup of this host, one row for each thing that an operator may have to do. */
#include "user/cli/local/doctor_setup.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>

#include "lib/base/file.h"
#include "user/cli/cli.h"

#define HOOK_PROGRAM "lutra-hook"
#define HOOK_MAX 65536
#define NAMES_MAX 5 /* of containers or policies that a row lists */

static const char *const hook_dirs[] = {"/etc/containers/oci/hooks.d",
					"/usr/share/containers/oci/hooks.d", NULL};

__attribute__((format(printf, 5, 6))) static void add_setup_row(struct doctor_setup *s,
								const char *name, bool ok,
								const char *todo, const char *fmt,
								...)
{
	struct doctor_row *row = &s->row[s->n];
	va_list ap;

	if (s->n == DOCTOR_SETUP_ROWS)
		return;
	snprintf(row->name, sizeof(row->name), "%s", name);
	row->ok = ok;
	row->todo = ok ? NULL : todo;
	va_start(ap, fmt);
	vsnprintf(row->detail, sizeof(row->detail), fmt, ap);
	va_end(ap);
	s->n++;
}

/* Appends a name to a list in words; beyond NAMES_MAX none. n: how many there are already. */
static void add_listed_name(char list[static DOCTOR_DETAIL], unsigned n, const char *name)
{
	size_t len = strlen(list);

	if (n <= NAMES_MAX)
		snprintf(list + len, DOCTOR_DETAIL - len, "%s%.60s", n ? ", " : "",
			 n < NAMES_MAX ? name : "…");
}

/* ---- the configuration ---- */

static void look_at_config(struct doctor_setup *s, const char *file)
{
	_cleanup_(config_freep) struct config *c = NULL;
	const char *other = getenv("LUTRA_CONFIG");
	struct err err;

	if (!file && other && *other)
		file = other;
	if (config_load(file, &c, &err) < 0)
		add_setup_row(s, "configuration", false, "correct it; lutrad --check reads it too",
			      "%s", err.msg);
	else if (!file && access(CONFIG_DEFAULT_FILE, F_OK) < 0)
		add_setup_row(s, "configuration", true, NULL,
			      "no " CONFIG_DEFAULT_FILE ": defaults");
	else
		add_setup_row(s, "configuration", true, NULL, "%s",
			      file ? file : CONFIG_DEFAULT_FILE);
}

/* ---- the OCI hook ---- */

/* Returns true if a file of hooks names the program, and writes the program's path. */
static bool names_hook(int dir, const char *file, char program[static PATH_MAX])
{
	_cleanup_free_ char *text = NULL;
	json_auto_t *j = NULL;
	const char *path, *name;
	size_t len;

	if (file_read(dir, file, HOOK_MAX, &text, &len, NULL) < 0)
		return false;
	j = json_loadb(text, len, 0, NULL);
	path = json_string_value(json_object_get(json_object_get(j, "hook"), "path"));
	name = path ? strrchr(path, '/') : NULL;
	if (!name || strcmp(name + 1, HOOK_PROGRAM) != 0)
		return false;
	snprintf(program, PATH_MAX, "%s", path);
	return true;
}

static bool find_hook(const char *dir, char program[static PATH_MAX])
{
	DIR *d = opendir(dir);
	const struct dirent *e;
	bool found = false;

	while (d && !found && (e = readdir(d)))
		found = e->d_name[0] != '.' && names_hook(dirfd(d), e->d_name, program);
	if (d)
		closedir(d);
	return found;
}

static void look_at_hook(struct doctor_setup *s)
{
	char program[PATH_MAX];

	for (size_t i = 0; hook_dirs[i]; i++) {
		if (!find_hook(hook_dirs[i], program))
			continue;
		add_setup_row(s, "hook", access(program, X_OK) == 0, "run make install",
			      "%.200s in %s", program, hook_dirs[i]);
		return;
	}
	add_setup_row(s, "hook", false,
		      "without it podman's containers are guarded some seconds late, "
		      "unless the door is open",
		      "no file in %s names " HOOK_PROGRAM, hook_dirs[1]);
}

/* ---- policies ---- */

static void look_at_policies(struct doctor_setup *s, const struct config *c)
{
	DIR *d = opendir(c->policies_dir);
	char bad[DOCTOR_DETAIL] = "", dir[PATH_MAX];
	unsigned n_good = 0, n_bad = 0;
	const struct dirent *e;

	if (!d) {
		add_setup_row(s, "policies", false, "create it; lutra learn makes policies there",
			      "%.200s: %s", c->policies_dir, strerror(errno));
		return;
	}
	while ((e = readdir(d))) {
		_cleanup_(policy_freep) struct policy *p = NULL;
		int r;

		if (e->d_name[0] == '.')
			continue;
		snprintf(dir, sizeof(dir), "%s/%s", c->policies_dir, e->d_name);
		r = policy_load_signed(&p, dir, &c->policy_keys, NULL);
		if (r == 0)
			n_good++;
		else if (r != -ENOTDIR && r != -ENOENT)
			add_listed_name(bad, n_bad++, e->d_name);
	}
	closedir(d);
	if (n_bad)
		add_setup_row(s, "policies", false, "lutra policy verify NAME says why",
			      "%u of %u are not good: %s", n_bad, n_good + n_bad, bad);
	else
		add_setup_row(s, "policies", n_good > 0, "lutra learn --image REF makes one",
			      "%u in %.200s", n_good, c->policies_dir);
}

/* ---- what lutrad says ---- */

static void look_at_engines(struct doctor_setup *s, const json_t *status)
{
	const json_t *one;
	unsigned n_connected = 0;
	size_t i;

	json_array_foreach (json_object_get(status, "engines"), i, one)
		n_connected += cli_json_is(one, "connected");
	json_array_foreach (json_object_get(status, "engines"), i, one) {
		const char *path = cli_json_text(one, "socket");
		bool is_there = access(path, F_OK) == 0;

		/* Few hosts have all engines of the defaults. */
		if (!is_there && n_connected)
			continue;
		add_setup_row(s, "engine", cli_json_is(one, "connected"),
			      is_there ? "see the log of lutrad"
				       : "without an API, the hook or the scan of cgroups finds "
					 "containers",
			      "%.200s: %s", path,
			      cli_json_is(one, "connected") ? "connected"
			      : is_there		    ? "does not answer"
							    : "no such socket");
	}
}

/* An engine without OCI hooks needs the door. */
static void look_at_door(struct doctor_setup *s, const json_t *status)
{
	const json_t *door = json_object_get(status, "door");
	const char *state = cli_json_text(door, "state");

	if (strcmp(state, "open") == 0)
		add_setup_row(s, "door", cli_json_number(door, "late") == 0,
			      "see the log of lutrad for what named no image in time",
			      "open: %lld stopped, %lld not stopped, %lld started without a guard",
			      cli_json_number(door, "stopped"), cli_json_number(door, "missed"),
			      cli_json_number(door, "late"));
	else if (strcmp(state, "failed") == 0)
		add_setup_row(s, "door", false,
			      "containers without an OCI hook are guarded some time after their "
			      "start",
			      "%.300s", cli_json_text(door, "why"));
	else
		add_setup_row(s, "door", true, NULL, "%s", state);
}

static void look_at_outputs(struct doctor_setup *s, const json_t *status)
{
	const json_t *one;
	size_t i;

	json_array_foreach (json_object_get(status, "outputs"), i, one)
		add_setup_row(s, "output", !cli_json_is(one, "failing"),
			      "see the log of lutrad, and queue_mib", "%.60s: %s, %lld lost",
			      cli_json_text(one, "name"),
			      cli_json_is(one, "failing") ? "fails" : "works",
			      cli_json_number(one, "lost"));
}

static void look_at_containers(struct doctor_setup *s, const char *config_file,
			       const json_t *status)
{
	char names[DOCTOR_DETAIL] = "";
	json_auto_t *overview = NULL;
	const json_t *unguarded, *one;
	unsigned n_unjudged = 0;
	size_t i;

	add_setup_row(s, "containers", true, NULL, "%zu under guard",
		      json_array_size(json_object_get(status, "containers")));
	json_array_foreach (json_object_get(status, "containers"), i, one)
		if (*cli_json_text(one, "policy_error"))
			add_setup_row(s, "container", false, "lutra policy verify", "%.60s: %.300s",
				      cli_json_text(one, "name"),
				      cli_json_text(one, "policy_error"));
	json_array_foreach (json_object_get(status, "containers"), i, one)
		if (cli_json_is(one, "hooks_unjudged"))
			add_listed_name(names, n_unjudged++, cli_json_text(one, "name"));
	if (n_unjudged)
		add_setup_row(s, "capabilities", false,
			      "add runs that are recorded on this host to their policies",
			      "the policies of these containers were recorded without BPF LSM, so "
			      "they do not judge capabilities, mounts or signals: %.300s",
			      names);
	names[0] = '\0';
	if (cli_ask(config_file, "overview?limit=0", LOCAL_GET, &overview, NULL) < 0)
		return;
	unguarded = json_object_get(overview, "unguarded");
	json_array_foreach (json_object_get(unguarded, "containers"), i, one)
		add_listed_name(names, (unsigned)i,
				*cli_json_text(one, "name") ? cli_json_text(one, "name")
							    : cli_json_text(one, "id"));
	if (*names)
		add_setup_row(s, "unguarded", false, "lutra ps --all says why", "%lld: %.400s",
			      cli_json_number(unguarded, "total"), names);
	else
		add_setup_row(s, "unguarded", true, NULL, "no container without a guard is known");
}

static void look_at_daemon(struct doctor_setup *s, const char *config_file)
{
	json_auto_t *status = NULL;
	struct err err;

	if (cli_ask(config_file, "status/full", LOCAL_GET, &status, &err) < 0) {
		add_setup_row(s, "daemon", false,
			      "start lutrad; what runs without it is not guarded", "%s", err.msg);
		return;
	}
	add_setup_row(s, "daemon", true, NULL, "lutrad, process %lld, since %s",
		      cli_json_number(status, "pid"), cli_json_text(status, "since"));
	add_setup_row(s, "events", cli_json_is(status, "store"), "see the log of lutrad",
		      "%lld stored, %lld lost", cli_json_number(status, "events_stored"),
		      cli_json_number(status, "events_lost"));
	look_at_engines(s, status);
	look_at_door(s, status);
	look_at_outputs(s, status);
	look_at_containers(s, config_file, status);
}

/* ---- */

void doctor_setup_read(struct doctor_setup *ret, const char *config_file)
{
	_cleanup_(config_freep) struct config *c = NULL;

	*ret = (struct doctor_setup){};
	look_at_config(ret, config_file);
	look_at_hook(ret);
	if (cli_config(config_file, &c, NULL) < 0)
		return;
	look_at_policies(ret, c);
	look_at_daemon(ret, config_file);
}

void doctor_setup_print(const struct doctor_setup *s, FILE *out)
{
	char clean[CLI_TEXT];

	fputs("\nYour setup:\n", out);
	for (int i = 0; i < s->n; i++) {
		const struct doctor_row *row = &s->row[i];

		fprintf(out, "%-7s %-28s %s\n", row->ok ? "ok" : "LOOK", row->name,
			cli_clean_text(row->detail, clean));
		if (row->todo)
			fprintf(out, "%-7s %-28s %s\n", "", "", row->todo);
	}
}

json_t *doctor_setup_to_json(const struct doctor_setup *s)
{
	json_t *list = json_array();

	for (int i = 0; i < s->n; i++)
		json_array_append_new(list, json_pack("{s:s, s:b, s:o, s:s?}", "name",
						      s->row[i].name, "ok", (int)s->row[i].ok,
						      "detail", text_json_keep(s->row[i].detail),
						      "todo", s->row[i].todo));
	return list;
}
