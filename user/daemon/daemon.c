/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lutrad's wiring: makes the parts, connects them, and runs the main loop over the kernel's rings,
 * sockets, signals and a timer of a second.
 */
#include "user/daemon/daemon.h"

#include <errno.h>
#include <libgen.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>

#include "user/api/routes/api.h"
#include "user/api/local_socket.h"
#include "user/api/server.h"
#include "user/containers/containers.h"
#include "user/daemon/seccomp_agent.h"
#include "user/daemon/state_dir.h"
#include "user/discovery/discovery.h"
#include "user/learn/learn.h"
#include "user/sys/clock.h"
#include "user/sys/log.h"
#include "user/sys/service.h"

#define DAY_NS 86400000000000ull
#define MISSED_LOG_NS (600 * NSEC_PER_SEC)

struct daemon {
	struct config *config;
	struct loop *loop;
	struct service service;
	struct loop_watch rings, alerts, signals, timer;
	struct local_socket control_socket, agent_socket;
	struct state_dir state_dir;
	bool is_up;		   /* the start has succeeded */
	bool is_reloading;	   /* the service manager waits for the end of a reload */
	uint64_t missed;	   /* guard_missed() at the last check */
	uint64_t missed_logged_ns; /* CLOCK_MONOTONIC; 0: never */
	struct guard *guard;
	struct pipeline *pipeline;
	struct lifecycle lifecycle;
	struct containers *containers;
	struct saved_list *saved_list;
	struct policy_watch *policy_watch;
	struct learn *learn;
	struct discovery *discovery;
	struct engines *engines;
	struct cgroup_scan *cgroup_scan;
	struct door_watch *door;
	struct api *api;
	struct server *server;
	struct seccomp_agent *agent;
};

/* ---- what the loop waits for ---- */

static void on_rings(void *ctx)
{
	struct daemon *d = ctx;

	guard_drain(d->guard);
}

/* The service manager wants to know when the reload began. */
static void notify_reloading(const struct daemon *d)
{
	char lines[64];

	snprintf(lines, sizeof(lines), "RELOADING=1\nMONOTONIC_USEC=%llu",
		 (unsigned long long)(clock_now_ns() / 1000));
	service_notify(&d->service, lines);
}

static struct store_limits read_limits(const struct config *config)
{
	return (struct store_limits){.max_age_ns = config->store_max_age_days * DAY_NS,
				     .max_bytes = config->store_max_mib << 20};
}

/* Takes what has changed. An output or an address that cannot be opened leaves the old ones. */
static void apply_config(struct daemon *d)
{
	const struct store_limits limits = read_limits(d->config);
	struct err err;

	if (pipeline_set_config(d->pipeline, &d->config->outputs, &limits, &err) < 0)
		log_error("%s: the outputs stay as they were", err.msg);
	server_reload(d->server);
}

/* A configuration that cannot be read changes nothing. */
static void reload_config(struct daemon *d)
{
	char fixed[CONFIG_NAMES];
	struct err err;

	if (config_reload(d->config, fixed, &err) < 0) {
		log_error("%s: the configuration stays as it was", err.msg);
	} else {
		apply_config(d);
		if (*fixed)
			log_warning("configuration reloaded, but for %s: restart lutrad to apply "
				    "the change",
				    fixed);
	}
	log_set_level(d->config->log_level);
	policy_watch_reload(d->policy_watch);
}

/* The service manager waits until the policies are in force too. */
static void on_policies_loaded(void *ctx)
{
	struct daemon *d = ctx;

	if (d->is_reloading)
		service_notify(&d->service, "READY=1");
	d->is_reloading = false;
}

static void on_signal(void *ctx)
{
	struct daemon *d = ctx;
	struct signalfd_siginfo si;

	if (read(d->signals.fd, &si, sizeof(si)) != sizeof(si))
		return;
	switch (si.ssi_signo) {
	case SIGUSR1:
		outputs_reopen(pipeline_outputs(d->pipeline));
		break;
	case SIGHUP:
		log_info("SIGHUP: reading the configuration and the policies");
		notify_reloading(d);
		d->is_reloading = true;
		reload_config(d);
		break;
	default:
		loop_stop(d->loop);
	}
}

static void renew_seen_pairs(struct daemon *d)
{
	int r = guard_renew_seen(d->guard, clock_now_ns());

	if (r < 0)
		log_error(
			"the seen pairs of a container cannot be renewed: %s; next try in a minute",
			strerror(-r));
}

/* Says, once in ten minutes at most, that system calls or tasks of containers went unseen. */
static void report_missed(struct daemon *d)
{
	uint64_t missed = guard_missed(d->guard), more = missed - d->missed, now = clock_now_ns();

	if (!more || (d->missed_logged_ns && now < d->missed_logged_ns + MISSED_LOG_NS))
		return;
	d->missed = missed;
	if (!containers_first(d->containers))
		return;
	d->missed_logged_ns = now;
	log_warning(
		"the kernel skipped %llu runs of programs that follow tasks and system calls: what "
		"a container did may be unseen; docs/troubleshooting.md says what helps",
		(unsigned long long)more);
	containers_note_missed(d->containers, more);
}

static void on_second(void *ctx)
{
	struct daemon *d = ctx;
	uint64_t n;

	if (read(d->timer.fd, &n, sizeof(n)) != sizeof(n))
		return;
	service_alive(&d->service, clock_now_ns());
	guard_drain(d->guard);
	containers_check(d->containers);
	saved_list_check(d->saved_list);
	learn_tick(d->learn);
	seccomp_agent_check(d->agent);
	guard_enter_missed(d->guard);
	guard_choose_programs(d->guard, clock_now_ns());
	guard_detach_idle(d->guard);
	report_missed(d);
	renew_seen_pairs(d);
	policy_watch_check(d->policy_watch);
	server_check(d->server);
	engines_check(d->engines);
	cgroup_scan_check(d->cgroup_scan);
	door_watch_check(d->door);
}

static int open_timer(struct daemon *d)
{
	const struct itimerspec every = {{1, 0}, {1, 0}};

	d->timer.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (d->timer.fd < 0 || timerfd_settime(d->timer.fd, 0, &every, NULL) < 0)
		return -errno;
	return loop_watch(d->loop, &d->timer, EPOLLIN, NULL);
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
	d->signals.fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	return d->signals.fd < 0 ? -errno : loop_watch(d->loop, &d->signals, EPOLLIN, NULL);
}

static int open_sockets(struct daemon *d, struct err *err)
{
	_cleanup_free_ char *copy = strdup(d->config->socket), *agent = NULL;
	int r = local_socket_open(&d->control_socket, d->config->socket, err);

	if (r < 0)
		return r;
	if (!copy || asprintf(&agent, "%s/" SECCOMP_AGENT_SOCKET, dirname(copy)) < 0)
		return err_oom(err);
	return local_socket_open(&d->agent_socket, agent, err);
}

/* ---- the kernel's side ---- */

static void pass_evidence(void *ctx, const struct lutra_evidence *ev, const char *str,
			  size_t str_len)
{
	struct daemon *d = ctx;

	if (d->containers)
		containers_on_evidence(d->containers, ev, str, str_len);
}

static void pass_record(void *ctx, uint32_t slot, const struct lutra_record *rec, const char *str,
			size_t str_len)
{
	struct daemon *d = ctx;

	if (d->learn)
		learn_on_record(d->learn, slot, rec, str, str_len);
}

static int open_guard(struct daemon *d, struct err *err)
{
	const struct guard_handler handler = {
		.evidence = pass_evidence, .record = pass_record, .ctx = d};
	unsigned flags = GUARD_LINGER;
	int r;

	if (d->config->no_lsm)
		flags |= GUARD_NO_LSM;
	if (d->config->no_calls)
		flags |= GUARD_NO_SYSCALLS;
	if (d->config->program_stats)
		flags |= GUARD_STATS;
	r = guard_new(&d->guard, &handler, flags, d->config->pin_dir, err);
	if (r < 0)
		return r;
	d->rings.fd = guard_epoll_fd(d->guard);
	return loop_watch(d->loop, &d->rings, EPOLLIN, err);
}

/* ---- the parts ---- */

static void on_report(void *ctx, bool bad, const char *msg)
{
	(void)ctx;
	log_line(bad ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, "%s", msg);
}

static void on_alerts(void *ctx)
{
	struct daemon *d = ctx;

	subscribers_dispatch(pipeline_subscribers(d->pipeline));
}

static int open_pipeline(struct daemon *d, struct err *err)
{
	_cleanup_free_ char *store = NULL, *maintenance = NULL;
	struct pipeline_config config = {
		.log_incidents = true,
		.limits = read_limits(d->config),
		.outputs = &d->config->outputs,
		.env = {.state_dir = d->config->state_dir, .report = on_report}};
	struct guard_handled *handled = guard_handled(d->guard);
	int r;

	if (handled) {
		config.taken = &handled->taken;
		config.settled = &handled->settled;
	}
	if (asprintf(&store, "%s/events.db", d->config->state_dir) < 0 ||
	    asprintf(&maintenance, "%s/maintenance.json", d->config->state_dir) < 0)
		return err_oom(err);
	config.store_path = store;
	config.maintenance_path = maintenance;
	r = pipeline_new(&d->pipeline, &config, err);
	if (r < 0)
		return r;
	d->alerts.fd = subscribers_fd(pipeline_subscribers(d->pipeline));
	return loop_watch(d->loop, &d->alerts, EPOLLIN, err);
}

static int open_containers(struct daemon *d, struct err *err)
{
	const struct containers_parts parts = {.loop = d->loop,
					       .guard = d->guard,
					       .config = d->config,
					       .pipeline = d->pipeline,
					       .lifecycle = &d->lifecycle};

	return containers_new(&d->containers, &parts) < 0 ? err_oom(err) : 0;
}

static int open_learn(struct daemon *d, struct err *err)
{
	const struct learn_parts parts = {.loop = d->loop,
					  .guard = d->guard,
					  .config = d->config,
					  .containers = d->containers,
					  .lifecycle = &d->lifecycle};

	return learn_new(&d->learn, &parts, err);
}

static int open_discovery(struct daemon *d, struct err *err)
{
	struct engines_parts parts = {
		.loop = d->loop, .config = d->config, .containers = d->containers};

	if (discovery_new(&d->discovery, d->config, d->containers) < 0 ||
	    cgroup_scan_new(&d->cgroup_scan, d->config, d->containers, d->discovery) < 0)
		return err_oom(err);
	parts.discovery = d->discovery;
	return engines_new(&d->engines, &parts, err);
}

static int open_door(struct daemon *d, struct err *err)
{
	const struct door_watch_parts parts = {.loop = d->loop,
					       .config = d->config,
					       .guard = d->guard,
					       .containers = d->containers,
					       .discovery = d->discovery,
					       .engines = d->engines};

	return door_watch_new(&d->door, &parts) < 0 ? err_oom(err) : 0;
}

/* The ways in: the HTTP servers and the seccomp agent. */
static int open_api(struct daemon *d, struct err *err)
{
	const struct api_parts parts = {.config = d->config,
					.guard = d->guard,
					.containers = d->containers,
					.pipeline = d->pipeline,
					.discovery = d->discovery,
					.learn = d->learn,
					.lifecycle = &d->lifecycle,
					.start_ns = clock_realtime_ns()};
	struct server_parts server = {.loop = d->loop,
				      .api_parts = parts,
				      .socket = &d->control_socket,
				      .saved_list = d->saved_list};
	const struct seccomp_agent_parts agent = {.loop = d->loop,
						  .socket = &d->agent_socket,
						  .guard = d->guard,
						  .containers = d->containers};
	int r = api_new(&d->api, &parts);

	if (r < 0)
		return err_oom(err);
	server.api = d->api;
	r = server_new(&d->server, &server, err);
	if (r == 0)
		r = seccomp_agent_new(&d->agent, &agent, err);
	if (r < 0)
		return r;
	api_add_section(d->api, "agent", seccomp_agent_to_json, d->agent);
	api_add_section(d->api, "engines", engines_to_json, d->engines);
	api_add_section(d->api, "door", door_watch_to_json, d->door);
	api_add_section(d->api, "outputs", outputs_to_json, pipeline_outputs(d->pipeline));
	return 0;
}

static int open_parts(struct daemon *d, struct err *err)
{
	int r = loop_new(&d->loop);

	if (r == 0)
		r = open_signals(d);
	if (r == 0)
		r = open_timer(d);
	if (r < 0)
		return err_set(err, r, "cannot start: %s", strerror(-r));
	/* First of all: a second lutrad ends here, before it has loaded anything. */
	r = open_sockets(d, err);
	if (r == 0)
		r = state_dir_open(&d->state_dir, d->config->state_dir, err);
	if (r == 0)
		r = open_guard(d, err);
	if (r == 0)
		r = open_pipeline(d, err);
	if (r == 0)
		r = open_containers(d, err);
	if (r == 0)
		r = open_learn(d, err);
	if (r < 0)
		return r;
	if (saved_list_open(&d->saved_list, d->containers) < 0)
		return err_oom(err);
	r = policy_watch_open(&d->policy_watch, d->containers);
	if (r < 0)
		return err_set(err, r, "cannot watch policies: %s", strerror(-r));
	policy_watch_on_loaded(d->policy_watch, on_policies_loaded, d);
	r = open_discovery(d, err);
	if (r == 0)
		r = open_door(d, err);
	return r < 0 ? r : open_api(d, err);
}

static void close_parts(struct daemon *d)
{
	/* Pinned containers stay under guard, for the next lutrad. */
	if (d->containers && !d->config->pin_dir)
		containers_release_all(d->containers, false);
	seccomp_agent_free(d->agent);
	server_free(d->server);
	api_free(d->api);
	engines_free(d->engines);
	door_watch_free(d->door);
	cgroup_scan_free(d->cgroup_scan);
	discovery_free(d->discovery);
	policy_watch_close(d->policy_watch);
	learn_free(TAKE_PTR(d->learn));
	saved_list_close(d->saved_list);
	containers_free(TAKE_PTR(d->containers));
	lifecycle_done(&d->lifecycle);
	/* It counts what is stored in what the guard has mapped. */
	pipeline_free(d->pipeline);
	guard_free(d->guard);
	local_socket_close(&d->agent_socket);
	local_socket_close(&d->control_socket);
	state_dir_close(&d->state_dir, !d->is_up);
	service_close(&d->service);
	closep(&d->signals.fd);
	closep(&d->timer.fd);
	loop_free(d->loop);
}

/* A container that starts takes descriptors for a moment: take as many as there may be. */
static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		log_warning("the limit of descriptors stays: %s", strerror(errno));
}

int daemon_serve(struct config *config, struct err *err)
{
	_cleanup_(close_parts) struct daemon d = {.config = config,
						  .service.fd = -1,
						  .control_socket.watch.fd = -1,
						  .agent_socket.watch.fd = -1,
						  .state_dir.lock = -1,
						  .rings = {-1, on_rings, &d},
						  .alerts = {-1, on_alerts, &d},
						  .signals = {-1, on_signal, &d},
						  .timer = {-1, on_second, &d}};
	int r;

	log_set_level(config->log_level);
	service_open(&d.service);
	/* What a recording takes, 29 MiB, comes from the system and goes back. */
	mallopt(M_MMAP_THRESHOLD, 1 << 20);
	raise_descriptors();
	if (access(config->policies_dir, F_OK) < 0)
		log_warning("policies_dir: %s: %s: no container finds a policy there",
			    config->policies_dir, strerror(errno));
	r = open_parts(&d, err);
	if (r < 0)
		return r;
	d.is_up = true;
	/* Loading took some megabytes that are not needed again. */
	malloc_trim(0);
	log_info("listening on %s, %s%s", config->socket,
		 guard_has_lsm(d.guard) ? "BPF LSM" : "tracepoints instead of BPF LSM",
		 config->no_calls ? ", calls off" : "");
	service_notify(&d.service, "READY=1");
	r = loop_run(d.loop);
	service_notify(&d.service, "STOPPING=1");
	if (r < 0)
		return err_set(err, r, "epoll: %s", strerror(-r));
	guard_drain(d.guard);
	return 0;
}

int daemon_uninstall(const struct config *config, struct err *err)
{
	/* A lutrad that pins nothing is noticed by its directory or its socket. */
	int r = state_dir_check(config->state_dir, err);

	if (r == 0)
		r = local_socket_remove(config->socket, err);
	if (r < 0)
		return r;
	r = config->pin_dir ? guard_uninstall(config->pin_dir, err) : 0;
	if (r == -EBUSY)
		return err_set(err, r, "%s is in use: stop lutrad first", config->pin_dir);
	if (r < 0)
		return r;
	saved_list_remove(config);
	printf("lutrad: nothing of it is left in the kernel; events stay in %s, policies in %s\n",
	       config->state_dir, config->policies_dir);
	return 0;
}
