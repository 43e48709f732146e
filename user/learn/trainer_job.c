/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trainer, run by lutrad: one at a time, after each run, for what it brought and whether there
 * is more to learn; and on all of them, into policies_dir, when there are enough.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/policy/policy_format.h"
#include "user/learn/learn.h"
#include "user/policy/modes.h"
#include "user/sys/program.h"

#define NEWS_FILE "news.json"
#define LOG_FILE "train.log"
#define TRIAL_DIR "trial"
#define NEWS_MAX (4u << 20)
#define LOG_MAX (1u << 20)
#define NICENESS 10

struct job {
	struct source exited; /* the trainer's pidfd */
	struct lifecycle_image *image;
	pid_t pid;
	bool final; /* into policies_dir */
};

bool learn_training(const struct daemon *d, const struct lifecycle_image *i)
{
	return d->learn->job && d->learn->job->image == i;
}

static void job_free(struct daemon *d)
{
	struct job *j = TAKE_PTR(d->learn->job);

	if (j && j->exited.fd >= 0)
		close(j->exited.fd);
	free(j);
}

/* ---- its end ---- */

static json_t *read_news(const struct daemon *d, const struct lifecycle_image *i)
{
	_cleanup_free_ char *path = learn_path(d, i, NEWS_FILE), *text = NULL;
	size_t len;

	if (!path || file_read(AT_FDCWD, path, NEWS_MAX, &text, &len, NULL) < 0)
		return NULL;
	return json_loadb(text, len, 0, NULL);
}

/* The last line that it wrote; "" where there is none. */
static void last_line(const struct daemon *d, const struct lifecycle_image *i, char *buf,
		      size_t size)
{
	_cleanup_free_ char *path = learn_path(d, i, LOG_FILE), *text = NULL;
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

/* Its mode was another policy's: this one has to earn it. */
static void begin_audit(struct daemon *d, struct lifecycle_image *i)
{
	struct err err;

	lifecycle_on_trained(&d->learn->lifecycle, i);
	lifecycle_set_note(&d->learn->lifecycle, i, "trained on %u runs, in audit", i->policy_runs);
	daemon_log(d, LOG_LEVEL_INFO, "%s: policy %s, %s", i->image, i->policy, i->note);
	if (modes_set(d->config, i->policy, NULL, LUTRA_MODE_AUDIT, false, &err) < 0)
		daemon_log(d, LOG_LEVEL_ERROR, "%s: %s", i->policy, err.msg);
	learn_put_in_force(d, i);
}

static void succeeded(struct daemon *d, const struct job *j)
{
	json_auto_t *news = read_news(d, j->image);

	if (!news || lifecycle_add_coverage(&d->learn->lifecycle, j->image, news) < 0)
		daemon_log(d, LOG_LEVEL_WARNING,
			   "%s: the trainer did not say what its runs brought", j->image->image);
	if (j->final)
		begin_audit(d, j->image);
}

static void on_exit_of_trainer(struct daemon *d, struct source *s, uint32_t events)
{
	struct job *j = (struct job *)s;
	struct lifecycle_image *i = j->image;
	char line[256];
	int status = 0;

	(void)events;
	if (waitpid(j->pid, &status, WNOHANG) != j->pid)
		return;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		succeeded(d, j);
	} else {
		last_line(d, i, line, sizeof(line));
		lifecycle_set_note(&d->learn->lifecycle, i, "training failed: %s", line);
		daemon_log(d, LOG_LEVEL_ERROR, "%s: %s", i->image, i->note);
	}
	for (size_t k = 0; k < i->n_runs; k++)
		i->runs[k].given = false;
	learn_save(d);
	job_free(d);
}

/* ---- its start ---- */

struct command {
	char *argv[CONFIG_LIFE_RUNS_MAX + 24];
	size_t n;
	bool failed;
};

static void command_done(struct command *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->argv[i]);
}

/* s is the command's from here on. */
static void take(struct command *c, char *s)
{
	if (s)
		c->argv[c->n++] = s;
	c->failed |= !s;
}

static void add(struct command *c, const char *s)
{
	take(c, strdup(s));
}

static char *policy_dir(const struct daemon *d, const struct lifecycle_image *i)
{
	char *dir;

	return asprintf(&dir, "%s/%s", d->config->policies_dir, i->policy) < 0 ? NULL : dir;
}

/* Is there a policy that can be added to? */
static bool can_update(const struct daemon *d, const struct lifecycle_image *i)
{
	_cleanup_free_ char *dir = policy_dir(d, i), *path = NULL;

	return i->trained && dir && asprintf(&path, "%s/" POLICY_MODEL_FILE, dir) > 0 &&
	       access(path, R_OK) == 0;
}

static int fill(const struct daemon *d, struct job *j, struct command *c, struct err *err)
{
	struct lifecycle_image *i = j->image;
	const char *digest = i->learned;
	char program[PATH_MAX];
	int r = helper_path("lutra-train", program, sizeof(program), err);

	if (r < 0)
		return r;
	add(c, program);
	add(c, "--mode=audit");
	add(c, "--image");
	add(c, i->image);
	if (can_update(d, i)) {
		add(c, "--update");
		take(c, policy_dir(d, i));
	}
	if (digest) {
		add(c, "--digest");
		add(c, digest);
	}
	add(c, "--news");
	take(c, learn_path(d, i, NEWS_FILE));
	add(c, "--output");
	take(c, j->final ? policy_dir(d, i) : learn_path(d, i, TRIAL_DIR));
	for (size_t k = 0; k < i->n_runs; k++) {
		if (i->runs[k].used)
			continue;
		take(c, learn_path(d, i, i->runs[k].file));
		i->runs[k].given = true;
	}
	return c->failed ? err_oom(err) : 0;
}

/* With no signal blocked and all that it says in a file. */
static int spawn(const struct command *c, const char *log, pid_t *ret)
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
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&files, STDERR_FILENO, log, O_WRONLY | O_CREAT | O_TRUNC,
					 0600);
	/*
	 * Not left to close-on-exec, which comes after this process is let go on: what it closes
	 * meanwhile would still be open there, and so still be waited for.
	 */
	posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
	assert(c->n > 0);
	r = posix_spawn(ret, c->argv[0], &files, &attr, c->argv, env);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return -r;
}

static int run(struct daemon *d, struct job *j, struct err *err)
{
	_cleanup_free_ char *log = learn_path(d, j->image, LOG_FILE);
	_cleanup_(command_done) struct command c = {};
	int r = fill(d, j, &c, err);

	if (r < 0)
		return r;
	if (!log)
		return err_oom(err);
	if (j->final)
		mkdir(d->config->policies_dir, 0755);
	r = spawn(&c, log, &j->pid);
	if (r < 0)
		return err_set(err, r, "%s: %s", c.argv[0], strerror(-r));
	setpriority(PRIO_PROCESS, (id_t)j->pid, NICENESS);
	j->exited.ready = on_exit_of_trainer;
	j->exited.fd = (int)syscall(SYS_pidfd_open, j->pid, 0);
	r = j->exited.fd < 0 ? -errno : daemon_watch(d, &j->exited, EPOLLIN);
	return r < 0 ? err_set(err, r, "cannot wait for the trainer: %s", strerror(-r)) : 0;
}

void learn_train(struct daemon *d)
{
	struct lifecycle_image *i = d->learn->lifecycle.images;
	struct err err;
	struct job *j;

	while (i && !(i->learning && i->fresh))
		i = i->next;
	if (!i || d->learn->job)
		return;
	i->fresh = false;
	j = calloc(1, sizeof(*j));
	if (!j)
		return;
	j->image = i;
	j->exited.fd = -1;
	j->final = lifecycle_waiting_runs(i) >= i->wanted;
	d->learn->job = j;
	if (run(d, j, &err) == 0)
		return;
	lifecycle_set_note(&d->learn->lifecycle, i, "training failed: %.300s", err.msg);
	daemon_log(d, LOG_LEVEL_ERROR, "%s: %s", i->image, i->note);
	learn_train_end(d);
}

void learn_train_end(struct daemon *d)
{
	struct job *j = d->learn->job;

	if (j && j->pid > 0) {
		kill(j->pid, SIGTERM);
		waitpid(j->pid, NULL, 0);
	}
	job_free(d);
}
