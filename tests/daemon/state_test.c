/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of lutrad's state that are damaged, gone, or used by two: what the kernel guards stays
 * guarded, and somebody is told.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "tests/support/daemon/lutrad.h"
#include "tests/support/scratch.h"

/* Has lutrad pin, and guard the container "shop". */
static void begin_pinned(struct fixture *f, char pin_dir[static 128])
{
	json_auto_t *answer = NULL;

	snprintf(pin_dir, 128, "\"/sys/fs/bpf/lutra-state-test-%d\"", (int)getpid());
	f->pin_dir = pin_dir;
	f->pinned = true;
	lutrad_restart(f);
	answer = lutrad_enroll(f, "shop", NULL);
	assert_non_null(answer);
}

/* Returns true if one container is guarded, has this name, and is in the mode of its policy. */
static bool is_guarded_as(const struct fixture *f, const char *name)
{
	json_auto_t *j = lutrad_status(f);
	const json_t *all = json_object_get(j, "containers"), *c = json_array_get(all, 0);
	const char *mode = json_string_value(json_object_get(c, "mode"));
	const char *is = json_string_value(json_object_get(c, "name"));

	return json_array_size(all) == 1 && mode && strcmp(mode, "kill-container") == 0 && is &&
	       (!name || strcmp(is, name) == 0);
}

static bool log_has(const struct fixture *f, const char *text)
{
	size_t len;
	_cleanup_free_ char *log = scratch_read(f->dir, "log", &len);

	return memmem(log, len, text, strlen(text)) != NULL;
}

static void write_state(const struct fixture *f, const char *name, const char *text)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/state/%s", f->dir, name);
	scratch_write(path, text, strlen(text));
}

static const char *const damaged[] = {"", "[{\"cg", "{\"version\": 9}", "[{\"of\": \"another\"}]",
				      "[7]"};

static void damaged_list_is_set_aside_and_read_from_its_copy(void **state)
{
	struct fixture *f = *state;
	char pin_dir[128];

	begin_pinned(f, pin_dir);
	for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
		lutrad_stop(f);
		write_state(f, "enrolled.json", damaged[i]);
		lutrad_restart(f);
		assert_true(is_guarded_as(f, NULL));
	}
	assert_true(log_has(f, "it is now"));
	assert_false(log_has(f, "released"));
}

static void lost_lists_are_made_anew_from_what_the_kernel_guards(void **state)
{
	struct fixture *f = *state;
	char pin_dir[128];

	begin_pinned(f, pin_dir);
	lutrad_stop(f);
	write_state(f, "enrolled.json", "[{\"cg");
	write_state(f, "enrolled.copy.json", "nonsense");
	lutrad_restart(f);
	assert_true(is_guarded_as(f, NULL));
	assert_true(log_has(f, "stays under guard"));
	/* The new list is as good as the old one. */
	lutrad_restart(f);
	assert_true(is_guarded_as(f, NULL));
}

static bool log_tells_saved_again(struct fixture *f)
{
	return log_has(f, "saved again");
}

/* Puts a file system of one page in the place of the state directory: it is full at once. */
static void fill_state_dir(const struct fixture *f, char path[static 4096])
{
	snprintf(path, 4096, "%s/state", f->dir);
	assert_int_equal(mount("tmpfs", path, "tmpfs", MS_RDONLY, "size=4k"), 0);
}

static void enrolled_container_is_said_not_to_be_saved_and_is_saved_later(void **state)
{
	struct fixture *f = *state;
	char pin_dir[128], path[4096];
	json_auto_t *answer = NULL;

	snprintf(pin_dir, sizeof(pin_dir), "\"/sys/fs/bpf/lutra-state-test-%d\"", (int)getpid());
	f->pin_dir = pin_dir;
	f->pinned = true;
	lutrad_restart(f);
	fill_state_dir(f, path);
	answer = lutrad_enroll(f, "shop", NULL);
	assert_int_equal(umount(path), 0);
	assert_non_null(answer);
	assert_non_null(strstr(json_string_value(json_object_get(answer, "warning")) ?: "",
			       "not saved yet"));
	assert_true(lutrad_becomes(log_tells_saved_again, f));
	lutrad_restart(f);
	assert_true(is_guarded_as(f, "shop"));
}

static void damaged_modes_do_not_keep_a_container_unguarded(void **state)
{
	struct fixture *f = *state;
	char path[4096];
	json_auto_t *answer = NULL;

	snprintf(path, sizeof(path), "%s/modes.json", f->policies_dir);
	scratch_write(path, "{", 1);
	answer = lutrad_enroll(f, "shop", NULL);
	assert_non_null(answer);
	assert_true(is_guarded_as(f, "shop"));
}

/* ---- the directory ---- */

static void second_daemon_on_a_state_directory_refuses(void **state)
{
	struct fixture *f = *state;
	char *first = f->socket;

	f->socket = scratch_path(f->dir, "other/lutrad.sock");
	lutrad_write_config(f);
	assert_int_equal(lutrad_exit_code(lutrad_spawn(f)), 1);
	assert_true(log_has(f, "in use by another lutrad"));
	free(f->socket);
	f->socket = first;
	lutrad_write_config(f);
	assert_true(lutrad_listens(f));
}

static void uninstall_of_a_running_daemon_refuses(void **state)
{
	struct fixture *f = *state;
	char command[4096];

	snprintf(command, sizeof(command), LUTRAD " --uninstall --config %s 2>/dev/null",
		 f->config);
	assert_int_not_equal(system(command), 0);
	assert_true(lutrad_listens(f));
}

static void pin_dir_outside_a_bpf_file_system_is_refused(void **state)
{
	struct fixture *f = *state;
	char pin_dir[4200], pins[4096];
	struct stat st;

	lutrad_stop(f);
	snprintf(pins, sizeof(pins), "%s/pins", f->dir);
	snprintf(pin_dir, sizeof(pin_dir), "\"%s\"", pins);
	f->pin_dir = pin_dir;
	lutrad_write_config(f);
	assert_int_equal(lutrad_exit_code(lutrad_spawn(f)), 1);
	assert_true(log_has(f, "is not on a bpf file system"));
	assert_int_equal(stat(pins, &st), -1);
	/* Nothing hides what was there. */
	assert_int_equal(stat(f->config, &st), 0);
}

static int check_config(const struct fixture *f)
{
	char command[4096];

	snprintf(command, sizeof(command), LUTRAD " --check --config %s >/dev/null 2>&1",
		 f->config);
	return system(command);
}

static void check_says_what_a_start_would_and_starts_nothing(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(check_config(f), 0);
	f->extra = ", \"htpp\": null";
	lutrad_write_config(f);
	assert_int_not_equal(check_config(f), 0);
	f->extra = "";
	f->policies_dir = "/nowhere/at/all";
	lutrad_write_config(f);
	assert_int_not_equal(check_config(f), 0);
	assert_true(lutrad_listens(f));
}

static void refused_start_leaves_no_state_directory(void **state)
{
	struct fixture *f = *state;
	char path[4096];

	lutrad_stop(f);
	snprintf(path, sizeof(path), "rm -r %s/state", f->dir);
	assert_int_equal(system(path), 0);
	f->pin_dir = "\"/nowhere/at/all\"";
	lutrad_write_config(f);
	assert_int_equal(lutrad_exit_code(lutrad_spawn(f)), 1);
	snprintf(path, sizeof(path), "%s/state", f->dir);
	assert_int_equal(access(path, F_OK), -1);
}

static void files_of_the_state_are_their_owners_alone(void **state)
{
	struct fixture *f = *state;
	json_auto_t *answer = lutrad_enroll(f, "shop", NULL);
	char command[4096];

	assert_non_null(answer);
	snprintf(command, sizeof(command), "test -z \"$(find %s/state -type f -perm /077)\"",
		 f->dir);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(damaged_list_is_set_aside_and_read_from_its_copy),
		T(lost_lists_are_made_anew_from_what_the_kernel_guards),
		T(enrolled_container_is_said_not_to_be_saved_and_is_saved_later),
		T(damaged_modes_do_not_keep_a_container_unguarded),
		T(second_daemon_on_a_state_directory_refuses),
		T(uninstall_of_a_running_daemon_refuses),
		T(pin_dir_outside_a_bpf_file_system_is_refused),
		T(check_says_what_a_start_would_and_starts_nothing),
		T(refused_start_leaves_no_state_directory),
		T(files_of_the_state_are_their_owners_alone),
	};
	int r = lutrad_cannot_run();

	return r ? r : cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
