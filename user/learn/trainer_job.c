/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the trainer as a child, one at a time: after each run, to learn what that run added and how
 * much is still new; and on all runs, into policies_dir, when that is little enough. The main loop
 * waits for its pidfd.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lib/abi/names.h"
#include "lib/base/array.h"
#include "lib/base/file.h"
#include "user/learn/recording.h"
#include "user/policy/modes.h"
#include "user/sys/clock.h"
#include "user/sys/process/cgroup.h"
#include "user/sys/process/cgroup_process.h"
#include "user/sys/process/program.h"

#define COVERAGE_FILE "news.json" /* what each run added, written by the trainer */
#define LOG_FILE "train.log"
#define TRIAL_DIR "trial"
#define COVERAGE_MAX (4u << 20)
#define LOG_MAX (1u << 20)
#define NICENESS 10
#define ROOT_FD (STDERR_FILENO + 1) /* of the trainer: the root directory of a container */

struct trainer_job {
	struct loop_watch exited; /* the trainer's pidfd */
	struct learn *learn;
	struct lifecycle_image *image;
	pid_t pid;
	enum lifecycle_end
		end; /* LIFECYCLE_GOES_ON: a trial. Else the policy goes to policies_dir */
};

bool learn_is_training(const struct learn *l, const struct lifecycle_image *i)
{
	return l->job && l->job->image == i;
}

static void free_job(struct learn *l)
{
	if (l->job)
		loop_unwatch(l->parts.loop, &l->job->exited);
	free(TAKE_PTR(l->job));
}

static void note_training_failed(struct learn *l, struct lifecycle_image *i, const char *why)
{
	if (!i->anew && learn_is_policy_old(l, i))
		lifecycle_set_note(l->parts.lifecycle, i,
				   "training failed: %.300s; an older lutra made its policy: make "
				   "it anew with `lutra learn --image %.200s --anew`",
				   why, i->image);
	else
		lifecycle_set_note(l->parts.lifecycle, i, "training failed: %.300s", why);
	log_error("%s: %s", i->image, i->note);
}

/* ---- its end ---- */

static json_t *read_coverage(const struct learn *l, const struct lifecycle_image *i)
{
	_cleanup_free_ char *path = learn_path(l, i, COVERAGE_FILE), *text = NULL;
	size_t len;

	if (!path || file_read(AT_FDCWD, path, COVERAGE_MAX, &text, &len, NULL) < 0)
		return NULL;
	return json_loadb(text, len, 0, NULL);
}

/* Reads the last line of its log; "" if there is none. */
static void read_last_line(const struct learn *l, const struct lifecycle_image *i, char *buf,
			   size_t size)
{
	_cleanup_free_ char *path = learn_path(l, i, LOG_FILE), *text = NULL;
	char *line;
	size_t len;

	*buf = '\0';
	if (!path || file_read(AT_FDCWD, path, LOG_MAX, &text, &len, NULL) < 0)
		return;
	while (len && text[len - 1] == '\n')
		text[--len] = '\0';
	line = strrchr(text, '\n');
	snprintf(buf, size, "%s", line ? line + 1 : text);
}

#define NOT_TAKEN_TEXT 320

/* Says in what an update would have made the policy weaker, and did not. "": in nothing. */
static void not_taken_text(const json_t *coverage, char buf[static NOT_TAKEN_TEXT])
{
	const json_t *list = json_object_get(coverage, "not_taken");
	const char *first = json_string_value(json_array_get(list, 0));
	size_t more = json_array_size(list);

	*buf = '\0';
	if (!first)
		return;
	snprintf(buf, NOT_TAKEN_TEXT,
		 "; as strict as before, though the runs ask for %.160s%s; "
		 "`lutra learn --accept-new` takes that over",
		 first, more > 1 ? " and more" : "");
}

/* Notes what the policy was trained on, and what is still new. unseen: as it was then. */
static void note_trained(struct learn *l, const struct trainer_job *j,
			 const struct policy_unseen *unseen, const json_t *coverage)
{
	char not_taken[NOT_TAKEN_TEXT];
	const char *mode = mode_name(learn_policy_mode(l, j->image));
	char text[POLICY_UNSEEN_TEXT], packs[POLICY_PACKS_TEXT];
	const char *late = j->end == LIFECYCLE_TIME_IS_UP
				   ? "; learning took too long, more is new than life.new_per_day"
				   : "";

	policy_unseen_text(unseen, text);
	learn_packs_text(l, j->image, packs);
	not_taken_text(coverage, not_taken);
	lifecycle_set_note(l->parts.lifecycle, j->image,
			   "trained on %u runs, in mode %s%s%s%s%s; unseen: %s%s%s",
			   j->image->policy_runs, mode,
			   j->image->policy_starts ? "" : "; none of them saw a container start",
			   learn_level_only_logs(l, j->image)
				   ? "; level M only logs, with 9 runs or more it alerts"
				   : "",
			   late, not_taken, text, *packs ? "; packs: " : "", packs);
}

/*
 * Puts the policy that was trained in force. The first policy of an image begins in audit: a mode
 * that is set was given to another policy of that name. An update keeps the mode.
 */
static void begin_policy(struct learn *l, const struct trainer_job *j, const json_t *coverage)
{
	struct lifecycle_image *i = j->image;
	struct policy_unseen unseen = i->unseen;
	bool is_first = !i->trained;
	struct err err;

	lifecycle_on_trained(l->parts.lifecycle, i);
	if (is_first &&
	    modes_set(l->parts.config, i->policy, NULL, LUTRA_MODE_AUDIT, false, &err) < 0)
		log_error("%s: %s", i->policy, err.msg);
	note_trained(l, j, &unseen, coverage);
	log_info("%s: policy %s, %s", i->image, i->policy, i->note);
	learn_apply_policy(l, i, is_first);
}

/* Returns whether learning ends with the runs that there are. */
static enum lifecycle_end learning_end(const struct learn *l, const struct lifecycle_image *i)
{
	return lifecycle_end(i, &l->parts.config->life, clock_realtime_ns());
}

static void on_success(struct learn *l, const struct trainer_job *j)
{
	json_auto_t *coverage = read_coverage(l, j->image);

	if (!coverage || lifecycle_add_coverage(l->parts.lifecycle, j->image, coverage) < 0)
		log_warning("%s: the trainer wrote no coverage report; see train.log",
			    j->image->image);
	if (j->end != LIFECYCLE_GOES_ON)
		begin_policy(l, j, coverage);
	else if (learning_end(l, j->image) != LIFECYCLE_GOES_ON)
		j->image->fresh = true; /* the runs are enough: they are trained on once more */
}

static void on_trainer_exit(void *ctx)
{
	struct trainer_job *j = ctx;
	struct learn *l = j->learn;
	struct lifecycle_image *i = j->image;
	char line[256];
	int status = 0;

	if (waitpid(j->pid, &status, WNOHANG) != j->pid)
		return;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		on_success(l, j);
	} else {
		read_last_line(l, i, line, sizeof(line));
		note_training_failed(l, i, line);
	}
	for (size_t k = 0; k < i->n_runs; k++)
		i->runs[k].given = false;
	learn_save(l);
	free_job(l);
}

/* ---- its start ---- */

struct command {
	char **argv; /* (size) n arguments, then NULL */
	size_t n, size;
	int root;    /* descriptor of the container's root, which becomes ROOT_FD; or negative */
	bool failed; /* out of memory */
};

static void command_done(struct command *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->argv[i]);
	free(c->argv);
	if (c->root >= 0)
		close(c->root);
}

static __attribute__((format(printf, 2, 3))) void add_argument(struct command *c, const char *fmt,
							       ...)
{
	va_list ap;

	if (ARRAY_RESERVE(c->argv, c->size, c->n + 2) < 0) {
		c->failed = true;
		return;
	}
	va_start(ap, fmt);
	if (vasprintf(&c->argv[c->n], fmt, ap) < 0)
		c->failed = true;
	else
		c->n++;
	va_end(ap);
	c->argv[c->n] = NULL;
}

/* Returns true if there is a policy that can be added to. */
static bool can_update(const struct learn *l, const struct lifecycle_image *i)
{
	_cleanup_free_ char *dir = learn_policy_dir(l, i), *path = NULL;

	return i->trained && !i->anew && dir && asprintf(&path, "%s/" POLICY_MODEL_FILE, dir) > 0 &&
	       access(path, R_OK) == 0;
}

/* Keeps the smallest pid: that of the first process, unless pids have wrapped around. */
static bool keep_first_process(void *ctx, pid_t pid)
{
	pid_t *first = ctx;

	*first = *first && *first < pid ? *first : pid;
	return true;
}

/*
 * Opens the root directory of a live container of the image, whose packages training reads. Returns
 * a descriptor, or -ESRCH if there is none.
 */
static int open_root(const struct learn *l, const struct lifecycle_image *i)
{
	int root = -ESRCH;

	for (struct container *c = containers_first(l->parts.containers); c && root < 0;
	     c = c->next) {
		pid_t first = 0;

		if (learn_image_of(l, c) != i || !container_has_started(c))
			continue;
		cgroup_each_process(c->cgroup, keep_first_process, &first);
		if (first)
			root = cgroup_process_open_root(c->cgroup_id, first);
	}
	if (root < 0)
		log_info("%s: no container of the image runs, so training reads no packages: packs "
			 "are recognised by the paths of programs",
			 i->image);
	return root < 0 ? -ESRCH : root;
}

/*
 * Adds the runs that no policy has learned from, the oldest first, as many as the policy has room
 * for.
 * n_old: runs that it has learned from. The others wait. -ENOSPC: it has no room.
 */
static int add_runs(struct command *c, struct lifecycle_image *i, const char *dir, size_t n_old,
		    struct err *err)
{
	if (n_old >= CONFIG_LIFE_RUNS_MAX)
		return err_set(
			err, -ENOSPC,
			"the policy has learned from %zu runs, and takes no more: move it away, "
			"and the next run makes a new one",
			n_old);
	for (size_t k = 0; k < i->n_runs && n_old < CONFIG_LIFE_RUNS_MAX; k++) {
		if (i->runs[k].used)
			continue;
		add_argument(c, "%s/%s", dir, i->runs[k].file);
		i->runs[k].given = true;
		n_old++;
	}
	return 0;
}

static int build_command(const struct trainer_job *j, struct command *c, struct err *err)
{
	const struct learn *l = j->learn;
	struct lifecycle_image *i = j->image;
	bool update = can_update(l, i);
	_cleanup_free_ char *runs = learn_path(l, i, NULL), *policy = learn_policy_dir(l, i);
	char program[PATH_MAX];
	int r = helper_path("lutra-train", program, sizeof(program), err);

	if (r < 0)
		return r;
	if (!runs || !policy)
		return err_oom(err);
	add_argument(c, "%s", program);
	add_argument(c, "--image=%s", i->image);
	add_argument(c, "--mode=%s", mode_name(learn_own_mode(l, i)));
	if (update) {
		add_argument(c, "--update=%s", policy);
		add_argument(c, "--leave-out-alerts");
		if (i->accept_new)
			add_argument(c, "--accept-new");
	} else if (l->parts.config->life.guard_sessions) {
		add_argument(c, "--exec-sessions=guard");
	}
	/* What the policy in force alerts about is left out, also where no mark names it. */
	if (!update && i->anew && learn_has_policy(l, i))
		add_argument(c, "--judge=%s", policy);
	c->root = open_root(l, i);
	if (c->root >= 0)
		add_argument(c, "--root=/proc/self/fd/%d", ROOT_FD);
	if (i->learned || i->digest)
		add_argument(c, "--digest=%s", i->learned ? i->learned : i->digest);
	add_argument(c, "--news=%s/" COVERAGE_FILE, runs);
	add_argument(c, "--force");
	if (j->end != LIFECYCLE_GOES_ON)
		add_argument(c, "--output=%s", policy);
	else
		add_argument(c, "--output=%s/" TRIAL_DIR, runs);
	r = add_runs(c, i, runs, update ? learn_count_policy_runs(l, i) : 0, err);
	return r == 0 && c->failed ? err_oom(err) : r;
}

/* Starts it with no signal blocked. Its messages go to the file log. */
static int spawn_command(const struct command *c, const char *log, pid_t *ret)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	char *env[] = {NULL};
	sigset_t none, all;
	int r;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawn_file_actions_init(&files);
	if (c->root >= 0)
		posix_spawn_file_actions_adddup2(&files, c->root, ROOT_FD);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&files, STDERR_FILENO, log, O_WRONLY | O_CREAT | O_TRUNC,
					 0600);
	/*
	 * Descriptors with close-on-exec stay open in the child until its exec, which may come
	 * after posix_spawn() returns: a file that lutrad closes meanwhile would stay open that
	 * long.
	 */
	posix_spawn_file_actions_addclosefrom_np(&files, c->root >= 0 ? ROOT_FD + 1 : ROOT_FD);
	assert(c->n > 0);
	r = posix_spawn(ret, c->argv[0], &files, &attr, c->argv, env);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return -r;
}

static int run_job(struct trainer_job *j, struct err *err)
{
	const struct learn_parts *parts = &j->learn->parts;
	_cleanup_free_ char *log = learn_path(j->learn, j->image, LOG_FILE);
	_cleanup_(command_done) struct command c = {.root = -1};
	int r = build_command(j, &c, err);

	if (r < 0)
		return r;
	if (!log)
		return err_oom(err);
	if (j->end != LIFECYCLE_GOES_ON)
		mkdir(parts->config->policies_dir, 0755);
	r = spawn_command(&c, log, &j->pid);
	if (r < 0)
		return err_set(err, r, "%s: %s", c.argv[0], strerror(-r));
	setpriority(PRIO_PROCESS, (id_t)j->pid, NICENESS);
	j->exited.fd = (int)syscall(SYS_pidfd_open, j->pid, 0);
	r = j->exited.fd < 0 ? -errno : loop_watch(parts->loop, &j->exited, EPOLLIN, NULL);
	return r < 0 ? err_set(err, r, "cannot wait for the trainer: %s", strerror(-r)) : 0;
}

/*
 * Returns true if the trainer has work: a run that it has not looked at, or learning took too long.
 */
static bool has_work(const struct learn *l, struct lifecycle_image *i)
{
	if (i->learning && !i->ended_late && learning_end(l, i) == LIFECYCLE_TIME_IS_UP)
		i->ended_late = i->fresh = true;
	return i->learning && i->fresh;
}

void trainer_job_start(struct learn *l)
{
	struct lifecycle_image *i = l->parts.lifecycle->images;
	struct trainer_job *j;
	struct err err;

	if (l->job)
		return;
	while (i && !has_work(l, i))
		i = i->next;
	if (!i)
		return;
	i->fresh = false;
	j = calloc(1, sizeof(*j));
	if (!j)
		return;
	*j = (struct trainer_job){.exited = {.fd = -1, .on_ready = on_trainer_exit, .ctx = j},
				  .learn = l,
				  .image = i,
				  .end = learning_end(l, i)};
	l->job = j;
	if (run_job(j, &err) == 0)
		return;
	note_training_failed(l, i, err.msg);
	trainer_job_stop(l);
}

void trainer_job_stop(struct learn *l)
{
	struct trainer_job *j = l->job;

	if (j && j->pid > 0) {
		kill(j->pid, SIGTERM);
		waitpid(j->pid, NULL, 0);
	}
	free_job(l);
}
