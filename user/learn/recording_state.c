/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of a run under way, in a file beside its recording: what the next lutrad needs to go on
 * with the run, or to end it. It is written after each chunk of the recording and says how long the
 * recording was then. What is behind that in the recording is cut off: the state's roles do not fit
 * it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/file.h"
#include "user/learn/recording.h"
#include "user/sys/clock.h"

#define STATE_MAX (64u << 20)

/* ---- writing ---- */

static json_t *tasks_to_json(struct recording *r)
{
	_cleanup_free_ struct lutra_record *arms = NULL;
	json_t *list = json_array();
	size_t n = 0;

	if (live_roles_list(&r->live, 0, &arms, &n) < 0)
		return list;
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list,
				      json_pack("[I, I, I, i, b]", (json_int_t)arms[i].tid,
						(json_int_t)arms[i].tgid, (json_int_t)arms[i].arg,
						(int)arms[i].aux,
						(int)live_roles_is_marked(&r->live, arms[i].tid)));
	return list;
}

static json_t *state_to_json(struct recording *r)
{
	const struct recorded_run *run = &r->run;

	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:b, s:o}",
			 "file", run->file, "cgroup_id", (json_int_t)r->container->cgroup_id,
			 "start_ns", (json_int_t)run->start_ns, "last_ns", (json_int_t)run->last_ns,
			 "bytes", (json_int_t)run->bytes, "events", (json_int_t)run->events,
			 "syscalls", (json_int_t)run->syscalls, "missing", (json_int_t)run->missing,
			 "lost", (json_int_t)run->lost, "received", (json_int_t)run->received,
			 "lost_before", (json_int_t)run->lost_before, "start", (int)run->has_start,
			 "clean", (int)run->is_clean, "tasks", tasks_to_json(r));
}

/* Returns the path of the state of a run. The caller frees. NULL: out of memory. */
static char *state_path(const struct learn *l, const struct lifecycle_image *i, const char *file)
{
	char name[RECORDING_NAME + sizeof(RECORDING_STATE)];

	snprintf(name, sizeof(name), "%s" RECORDING_STATE, file);
	return learn_path(l, i, name);
}

void recording_save(const struct learn *l, struct recording *r)
{
	_cleanup_free_ char *path = state_path(l, r->image, r->run.file), *text = NULL;
	_cleanup_free_ char *new = learn_path(l, r->image, "state.new");
	json_auto_t *j = state_to_json(r);
	_cleanup_close_ int fd = -1;

	text = j ? json_dumps(j, JSON_COMPACT) : NULL;
	if (!path || !new || !text)
		return;
	/* It is not synced: after a crash of the host no run goes on. */
	fd = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || file_write_all(fd, text, strlen(text)) < 0 || rename(new, path) < 0)
		log_debug("%s: cannot be written", path);
}

void recording_forget(const struct learn *l, const struct recording *r)
{
	_cleanup_free_ char *path = state_path(l, r->image, r->run.file);

	if (path && *r->run.file)
		unlink(path);
}

/* ---- reading ---- */

/* What a state file says. */
struct saved_run {
	struct recorded_run run;
	uint64_t cgroup_id;
	json_t *tasks; /* owned */
};

static void saved_run_done(struct saved_run *s)
{
	json_decref(s->tasks);
}

static int state_from_json(json_t *j, struct saved_run *ret)
{
	json_int_t cgroup, start, last, bytes, events, syscalls, missing, lost, received,
		lost_before;
	const char *file;
	json_t *tasks;
	int start_seen, clean;

	if (json_unpack(j, "{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:b, s:o}",
			"file", &file, "cgroup_id", &cgroup, "start_ns", &start, "last_ns", &last,
			"bytes", &bytes, "events", &events, "syscalls", &syscalls, "missing",
			&missing, "lost", &lost, "received", &received, "lost_before", &lost_before,
			"start", &start_seen, "clean", &clean, "tasks", &tasks) < 0 ||
	    strlen(file) >= RECORDING_NAME || strchr(file, '/') || !*file || *file == '.' ||
	    start < 0 || last < start || bytes < 0 || events < 0 || syscalls < 0 || missing < 0 ||
	    lost < 0 || received < 0 || lost_before < 0 || !json_is_array(tasks))
		return -EBADMSG;
	ret->run = (struct recorded_run){.start_ns = (uint64_t)start,
					 .last_ns = (uint64_t)last,
					 .bytes = (uint64_t)bytes,
					 .events = (uint64_t)events,
					 .syscalls = (uint64_t)syscalls,
					 .missing = (uint64_t)missing,
					 .lost = (uint64_t)lost,
					 .received = (uint64_t)received,
					 .lost_before = (uint64_t)lost_before,
					 .has_start = start_seen != 0,
					 .is_clean = clean != 0};
	memcpy(ret->run.file, file, strlen(file) + 1);
	ret->cgroup_id = (uint64_t)cgroup;
	ret->tasks = json_incref(tasks);
	return 0;
}

static int read_saved_run(const struct learn *l, const struct lifecycle_image *i, const char *name,
			  struct saved_run *ret)
{
	_cleanup_free_ char *path = learn_path(l, i, name), *text = NULL;
	json_auto_t *j = NULL;
	size_t len;

	if (!path || file_read(AT_FDCWD, path, STATE_MAX, &text, &len, NULL) < 0)
		return -ENOENT;
	j = json_loadb(text, len, 0, NULL);
	return j ? state_from_json(j, ret) : -EBADMSG;
}

/* Puts the tasks of a state into the roles that they had. An older lutrad marked none of them. */
static void restore_tasks(struct recording *r, const json_t *tasks)
{
	json_t *one;
	size_t i;

	json_array_foreach (tasks, i, one) {
		struct lutra_record arm = {.type = LUTRA_RECORD_ARM, .nr = 1};
		json_int_t tid, tgid, arg;
		int aux;

		if (json_unpack(one, "[I, I, I, i]", &tid, &tgid, &arg, &aux) < 0)
			continue;
		arm.tid = (uint32_t)tid;
		arm.tgid = (uint32_t)tgid;
		arm.arg = (uint64_t)arg;
		arm.aux = aux != 0;
		live_roles_step(&r->live, &arm);
		if (json_is_true(json_array_get(one, 4)))
			live_roles_mark(&r->live, arm.tid, UINT64_MAX);
	}
}

/* No later run gets the number of this one. */
static void reserve_number(struct lifecycle_image *i, const char *file)
{
	unsigned number = 0;

	if (sscanf(file, "run%u.ltr", &number) == 1 && number > i->number)
		i->number = number;
}

/* ---- the next lutrad ---- */

static int has_ending(const struct dirent *e, const char *ending)
{
	size_t len = strlen(e->d_name), n = strlen(ending);

	return len > n && strcmp(e->d_name + len - n, ending) == 0;
}

static int is_state(const struct dirent *e)
{
	return has_ending(e, RECORDING_STATE);
}

static int is_part(const struct dirent *e)
{
	return has_ending(e, RECORDING_PART);
}

/*
 * Opens the recording of a saved run again. The run is under way then. -ENOENT: there is none, or it
 * is damaged.
 */
static int open_again(struct learn *l, struct recording *r, const struct saved_run *s)
{
	char name[RECORDING_NAME + sizeof(RECORDING_PART)];
	struct err err;

	reserve_number(r->image, s->run.file);
	snprintf(name, sizeof(name), "%s" RECORDING_PART, s->run.file);
	r->part = learn_path(l, r->image, name);
	if (!r->part ||
	    trace_writer_append(&r->trace, r->part, s->run.bytes, s->run.last_ns, &err) < 0) {
		free(TAKE_PTR(r->part));
		return -ENOENT;
	}
	r->run = s->run;
	return 0;
}

/* Adds a run that the lutrad before had closed, and had not added or saved yet. */
static void add_closed_run(struct learn *l, struct lifecycle_image *i,
			   const struct recorded_run *run)
{
	_cleanup_free_ char *path = learn_path(l, i, run->file),
			    *state = state_path(l, i, run->file);

	if (path && access(path, R_OK) == 0 && !lifecycle_find_run(i, run->file))
		lifecycle_add_run(l->parts.lifecycle, i, run->file, run->has_start);
	if (state)
		unlink(state);
}

/*
 * If lutrad was killed, or the kernel side is another one than before, records are missing from here
 * on: the run ends, and the next one begins.
 */
static void go_on(struct learn *l, struct recording *r)
{
	struct lutra_counters now;
	bool is_same;

	recording_counters(l, r, &now);
	is_same = now.n[LUTRA_COUNTER_RECORDS] >= r->run.received &&
		  now.n[LUTRA_COUNTER_RECORDS_LOST] >= r->run.lost_before;
	log_info("%s: its recording goes on where the lutrad before ended", r->container->name);
	if (!is_same)
		r->run.received = r->run.lost_before = 0;
	r->was_killed = !r->run.is_clean;
	if (!r->trace || !is_same || r->was_killed)
		recording_cut(l, r, 0);
	r->is_resumed = true;
	r->runs_already = true;
}

static bool resume_from(struct learn *l, struct recording *r, const char *state)
{
	_cleanup_(saved_run_done) struct saved_run s = {};

	/* The clock begins anew when the host does, and so do the ids of cgroups. */
	if (read_saved_run(l, r->image, state, &s) < 0 || s.cgroup_id != r->container->cgroup_id ||
	    s.run.last_ns > clock_now_ns())
		return false;
	if (open_again(l, r, &s) < 0) {
		add_closed_run(l, r->image, &s.run);
		r->run = s.run;
		r->run.is_clean = false;
	}
	restore_tasks(r, s.tasks);
	go_on(l, r);
	return true;
}

bool recording_resume(struct learn *l, struct recording *r)
{
	_cleanup_free_ char *dir = learn_path(l, r->image, NULL);
	struct dirent **entries = NULL;
	int n = dir ? scandir(dir, &entries, is_state, alphasort) : -1;
	bool done = false;

	for (int k = 0; k < n; k++) {
		done = done || resume_from(l, r, entries[k]->d_name);
		free(entries[k]);
	}
	free(entries);
	return done;
}

static bool is_recorded(const struct learn *l, const struct lifecycle_image *i, const char *name)
{
	for (unsigned s = 0; s < LUTRA_SLOTS; s++) {
		const struct recording *r = l->recordings[s];

		if (r && r->image == i && *r->run.file &&
		    strncmp(r->run.file, name, strlen(r->run.file)) == 0)
			return true;
	}
	return false;
}

/* Ends the run of a state, whose container is gone. */
static void finish_orphan(struct learn *l, struct lifecycle_image *i, const char *name)
{
	struct container gone = {.name = (char[]){"a container that is gone"}};
	struct recording r = {.image = i, .container = &gone};
	_cleanup_(saved_run_done) struct saved_run s = {};
	_cleanup_free_ char *path = learn_path(l, i, name);

	if (read_saved_run(l, i, name, &s) < 0) {
		if (path)
			unlink(path);
		return;
	}
	if (open_again(l, &r, &s) == 0)
		recording_finish(l, &r);
	else
		add_closed_run(l, i, &s.run);
}

/* Removes a recording that has no state, or none that fits. */
static void drop_orphan(struct learn *l, struct lifecycle_image *i, const char *name)
{
	_cleanup_free_ char *part = learn_path(l, i, name);

	if (!part || unlink(part) < 0)
		return;
	i->dropped++;
	lifecycle_set_note(l->parts.lifecycle, i,
			   "a run was under way when lutrad ended, and cannot be ended: it is "
			   "dropped");
	log_warning("%s: %s", i->image, i->note);
}

static void
each_orphan(struct learn *l, struct lifecycle_image *i, int (*which)(const struct dirent *e),
	    void (*on_orphan)(struct learn *l, struct lifecycle_image *i, const char *name))
{
	_cleanup_free_ char *dir = learn_path(l, i, NULL);
	struct dirent **entries = NULL;
	int n = dir ? scandir(dir, &entries, which, alphasort) : -1;

	for (int k = 0; k < n; k++) {
		if (!is_recorded(l, i, entries[k]->d_name))
			on_orphan(l, i, entries[k]->d_name);
		free(entries[k]);
	}
	free(entries);
}

void recording_finish_orphans(struct learn *l, struct lifecycle_image *i)
{
	each_orphan(l, i, is_state, finish_orphan);
	each_orphan(l, i, is_part, drop_orphan);
}
