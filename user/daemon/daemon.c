/* SPDX-License-Identifier: Apache-2.0 */
/* lutrad's loop: the kernel's rings, the control socket, signals, and a look around every second.
 */
#include "user/daemon/daemon.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "user/sys/clock.h"
#include "user/learn/learn.h"
#include "user/policy/image_index.h"

#define SAVE_NS 200000000ull

/* A line at once, from whichever thread. */
void daemon_log(const struct daemon *d, enum log_level level, const char *fmt, ...)
{
	char line[4096];
	va_list ap;

	if (level > d->config->log_level)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	fprintf(stderr, "lutrad: %s\n", line);
}

int daemon_watch(struct daemon *d, struct source *s, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = s};

	return epoll_ctl(d->epoll_fd, EPOLL_CTL_ADD, s->fd, &ev) < 0 ? -errno : 0;
}

static void on_kernel(struct daemon *d, struct source *s, uint32_t events)
{
	(void)s;
	(void)events;
	guard_drain(d->guard);
}

/* A configuration that cannot be read changes nothing. */
static void reload(struct daemon *d)
{
	bool rest = false;
	struct err err;

	if (config_reload(d->config, &rest, &err) < 0)
		daemon_log(d, LOG_LEVEL_ERROR, "%s: the configuration stays as it was", err.msg);
	else if (rest)
		daemon_log(d, LOG_LEVEL_WARNING,
			   "of the configuration, policy_keys, life and log_level are taken now; "
			   "the rest "
			   "of what changed is with the next start");
	policies_reload(d);
}

static void on_signal(struct daemon *d, struct source *s, uint32_t events)
{
	struct signalfd_siginfo si;

	(void)events;
	if (read(s->fd, &si, sizeof(si)) != sizeof(si))
		return;
	if (si.ssi_signo == SIGUSR1) {
		alerts_reopen(d);
		return;
	}
	if (si.ssi_signo != SIGHUP) {
		d->stop = true;
		return;
	}
	daemon_log(d, LOG_LEVEL_INFO, "SIGHUP: looking at the configuration and the policies");
	reload(d);
}

static void renew_seen(struct daemon *d)
{
	int r = guard_renew_seen(d->guard, clock_now_ns());

	if (r < 0)
		daemon_log(
			d, LOG_LEVEL_ERROR,
			"the seen pairs of a container cannot be renewed: %s; next try in a minute",
			strerror(-r));
}

static void on_timer(struct daemon *d, struct source *s, uint32_t events)
{
	uint64_t n;

	(void)events;
	if (read(s->fd, &n, sizeof(n)) != sizeof(n))
		return;
	guard_drain(d->guard);
	containers_check(d);
	learn_tick(d);
	agent_check(d);
	guard_detach_idle(d->guard);
	renew_seen(d);
	policies_look(d);
	web_check(d);
	engines_check(d);
	scan_check(d);
}

static int open_timer(struct daemon *d)
{
	const struct itimerspec every = {{1, 0}, {1, 0}};

	d->timer.ready = on_timer;
	d->timer.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (d->timer.fd < 0 || timerfd_settime(d->timer.fd, 0, &every, NULL) < 0)
		return -errno;
	return daemon_watch(d, &d->timer, EPOLLIN);
}

static int open_signals(struct daemon *d)
{
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGHUP);
	sigaddset(&mask, SIGUSR1);
	if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
		return -errno;
	signal(SIGPIPE, SIG_IGN);
	d->signals.ready = on_signal;
	d->signals.fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	if (d->signals.fd < 0)
		return -errno;
	return daemon_watch(d, &d->signals, EPOLLIN);
}

static int open_guard(struct daemon *d, struct err *err)
{
	const struct guard_handler handler = {
		.evidence = containers_evidence, .record = learn_record, .ctx = d};
	unsigned flags = GUARD_LINGER;
	int r;

	if (d->config->no_lsm)
		flags |= GUARD_NO_LSM;
	if (d->config->no_calls)
		flags |= GUARD_NO_SYSCALLS;
	if (d->config->program_stats)
		flags |= GUARD_STATS;
	r = guard_new_pinned(&d->guard, &handler, flags, d->config->pin_dir, err);
	if (r < 0)
		return r;
	d->kernel.ready = on_kernel;
	d->kernel.fd = guard_epoll_fd(d->guard);
	r = daemon_watch(d, &d->kernel, EPOLLIN);
	return r < 0 ? err_set(err, r, "epoll: %s", strerror(-r)) : 0;
}

static int open_all(struct daemon *d, struct err *err)
{
	int r;

	d->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	r = d->epoll_fd < 0 ? -errno : open_signals(d);
	if (r == 0)
		r = open_timer(d);
	if (r < 0)
		return err_set(err, r, "cannot start: %s", strerror(-r));
	/* First: a second daemon ends here, before it has loaded anything. */
	r = control_open(d, err);
	if (r < 0)
		return r;
	r = open_guard(d, err);
	if (r < 0)
		return r;
	r = alerts_open(d, err);
	if (r < 0)
		return r;
	if (image_index_new(&d->image_index, d->config->policies_dir) < 0)
		return err_oom(err);
	r = learn_open(d, err);
	if (r < 0)
		return r;
	enrolled_restore(d);
	r = web_open(d, err);
	if (r < 0)
		return r;
	r = policies_open(d);
	if (r < 0)
		return err_set(err, r, "cannot watch policies: %s", strerror(-r));
	return engines_open(d, err);
}

int daemon_new(struct daemon **ret, struct config *config, struct err *err)
{
	_cleanup_(daemon_freep) struct daemon *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return err_oom(err);
	d->config = config;
	d->start_ns = clock_realtime_ns();
	d->epoll_fd = d->signals.fd = d->timer.fd = d->control.fd = -1;
	d->changes.fd = d->settled.fd = d->policies_wd = -1;
	r = open_all(d, err);
	if (r < 0)
		return r;
	/* Loading took some megabytes that nothing needs again. */
	malloc_trim(0);
	*ret = TAKE_PTR(d);
	return 0;
}

int daemon_run(struct daemon *d)
{
	struct epoll_event ev;

	daemon_log(d, LOG_LEVEL_INFO, "listening on %s, %s%s", d->config->socket,
		   guard_has_lsm(d->guard) ? "BPF LSM" : "tracepoints instead of BPF LSM",
		   d->config->no_calls ? ", calls off" : "");
	while (!d->stop) {
		/* One at a time: handling it may free what the next would be for. */
		int n = epoll_wait(d->epoll_fd, &ev, 1, d->enrolled_changed ? 0 : -1);
		struct source *s = ev.data.ptr;

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 1)
			s->ready(d, s, ev.events);
		if (n == 0 || clock_now_ns() - d->enrolled_changed_ns > SAVE_NS)
			enrolled_write(d);
	}
	enrolled_write(d);
	guard_drain(d->guard);
	return 0;
}

void daemon_free(struct daemon *d)
{
	if (!d)
		return;
	/* Pinned, they stay under guard, for the next daemon. */
	while (d->containers && !d->config->pin_dir)
		containers_release(d, d->containers, false);
	learn_close(d);
	while (d->containers) {
		struct container *c = d->containers;

		d->containers = c->next;
		container_free(c);
	}
	web_close(d);
	free(d->streams);
	control_close(d);
	policies_close(d);
	engines_close(d);
	scan_close(d);
	image_index_free(d->image_index);
	guard_free(d->guard);
	alerts_close(d);
	metrics_free(d->metrics);
	if (d->signals.fd >= 0)
		close(d->signals.fd);
	if (d->timer.fd >= 0)
		close(d->timer.fd);
	if (d->epoll_fd >= 0)
		close(d->epoll_fd);
	free(d);
}

int daemon_uninstall(const struct config *config, struct err *err)
{
	int r = config->pin_dir ? guard_uninstall(config->pin_dir, err) : 0;

	if (r == -EBUSY)
		return err_set(err, r, "%s is in use: stop lutrad first", config->pin_dir);
	if (r < 0)
		return r;
	enrolled_remove(config);
	unlink(config->socket);
	printf("lutrad: nothing of it is left in the kernel; events and policies stay, in %s and "
	       "%s\n",
	       config->state_dir, config->policies_dir);
	return 0;
}
