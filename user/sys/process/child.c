/* SPDX-License-Identifier: Apache-2.0 */
/* A command in a cgroup. */
#include "user/sys/process/child.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "lib/base/cleanup.h"
#include "user/sys/process/cgroup.h"

/* What the child sends its parent if it does not get as far as the program. */
struct failure {
	int error;
	enum { IN_CGROUP, IN_STEP, IN_EXEC } in;
};

static const int handled[] = {SIGINT,  SIGTERM, SIGHUP,	  SIGQUIT, SIGCHLD,
			      SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT};

static void run_child(char *const argv[], const char *cgroup, const sigset_t *mask,
		      const struct child_step *step, int report, pid_t parent)
{
	struct failure f = {};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	f.error = -cgroup_write(cgroup, "cgroup.procs", "0");
	if (f.error == 0 && step) {
		f.in = IN_STEP;
		f.error = -step->on_child(step->ctx);
	}
	if (f.error == 0) {
		sigprocmask(SIG_SETMASK, mask, NULL);
		execvp(argv[0], argv);
		f.error = errno;
		f.in = IN_EXEC;
	}
	if (write(report, &f, sizeof(f)) < 0)
		_exit(126);
	_exit(127);
}

int child_start_with(char *const argv[], const char *cgroup, const sigset_t *mask,
		     const struct child_step *step, pid_t *ret, struct err *err)
{
	_cleanup_close_ int rd = -1, wr = -1;
	struct failure f;
	pid_t pid, self = getpid();
	int p[2];
	ssize_t n;

	if (pipe2(p, O_CLOEXEC) < 0)
		return err_set(err, -errno, "pipe: %s", strerror(errno));
	rd = p[0];
	wr = p[1];
	pid = fork();
	if (pid < 0)
		return err_set(err, -errno, "fork: %s", strerror(errno));
	if (pid == 0)
		run_child(argv, cgroup, mask, step, wr, self);
	close(TAKE_FD(wr));
	do
		n = read(rd, &f, sizeof(f));
	while (n < 0 && errno == EINTR);
	if (n != sizeof(f)) {
		*ret = pid;
		return 0;
	}
	waitpid(pid, NULL, 0);
	if (f.in == IN_EXEC)
		return err_set(err, -f.error, "%s: %s", argv[0], strerror(f.error));
	if (f.in == IN_STEP && step)
		return err_set(err, -f.error, "%s: %s", step->name, strerror(f.error));
	return err_set(err, -f.error, "%s: cannot join the cgroup: %s", cgroup, strerror(f.error));
}

int child_start(char *const argv[], const char *cgroup, const sigset_t *mask, pid_t *ret,
		struct err *err)
{
	return child_start_with(argv, cgroup, mask, NULL, ret, err);
}

int child_signals(sigset_t *ret_old, struct err *err)
{
	sigset_t mask;
	int fd;

	sigemptyset(&mask);
	for (size_t i = 0; i < sizeof(handled) / sizeof(handled[0]); i++)
		sigaddset(&mask, handled[i]);
	fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0 || sigprocmask(SIG_BLOCK, &mask, ret_old) < 0)
		return err_set(err, -errno, "signalfd: %s", strerror(errno));
	return fd;
}

int child_signal_next(int fd, pid_t pid)
{
	struct signalfd_siginfo si;

	if (read(fd, &si, sizeof(si)) != sizeof(si))
		return 0;
	if (si.ssi_signo != SIGCHLD && si.ssi_code != SI_KERNEL && pid > 0)
		kill(pid, (int)si.ssi_signo);
	return (int)si.ssi_signo;
}

int child_exit_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
