/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lutra-hook: an OCI hook. At createRuntime the first process of the container is in its namespaces
 * and its cgroup, and waits; the hook asks lutrad to guard the container before the program runs.
 * At poststop the hook reports the end.
 *
 * Fails: open, with a line on stderr and in the system log; closed with --fail-closed. A container
 * that no policy is for starts in both cases.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <syslog.h>

#include "user/cli/cli.h"
#include "user/identity/bundle.h"
#include "user/sys/clock.h"
#include "version.h"

#define TIMEOUT_MS 5000 /* lutrad needs up to two seconds while it detaches its programs */
#define TIMEOUT_MS_MAX 60000

struct hook_args {
	const char *config_file;
	const char *times;
	uint64_t timeout_ms;
	bool fail_closed;
	struct args_list stage;
};

enum { OPT_FAIL_CLOSED = 256, OPT_TIMEOUT, OPT_TIMES };

#define S struct hook_args
static const struct args_option options[] = {
	CLI_OPTION_CONFIG(S),
	ARGS_FLAG("fail-closed", OPT_FAIL_CLOSED,
		  "Stop the start of a container that lutrad cannot guard", S, fail_closed),
	ARGS_NUMBER("timeout", OPT_TIMEOUT, "MS", "Wait at most this time; default: 5000", 1,
		    TIMEOUT_MS_MAX, S, timeout_ms),
	ARGS_STRING("times", OPT_TIMES, "FILE",
		    "Append the container's id and the microseconds that lutrad needed", S, times),
	{},
};
#undef S

static bool is_stage(const struct hook_args *a, const char *name)
{
	return strcmp(a->stage.arg[0], name) == 0;
}

static error_t check_hook_args(struct argp_state *state, void *ret)
{
	const struct hook_args *a = ret;

	if (!a->stage.n || (!is_stage(a, "createRuntime") && !is_stage(a, "poststop")))
		return args_usage(state, "give createRuntime or poststop");
	return 0;
}

static const struct args_command command = {
	.options = options,
	.version = LUTRA_VERSION,
	.usage = "createRuntime|poststop",
	.doc = "Have lutrad guard a container before its program runs (OCI hook)."
	       "\vThe runtime gives the container's state on standard input.",
	.max = 1,
	.list = offsetof(struct hook_args, stage),
	.check = check_hook_args,
};

static volatile sig_atomic_t is_late;
static const char *late_text =
	"the runtime did not send the whole state of the container"; /* what did not come in time */

static void on_alarm(int sig)
{
	(void)sig;
	is_late = 1;
}

/* Interrupts each system call after ms milliseconds, and again every 20 ms. */
static void limit_time(unsigned long long ms)
{
	const struct itimerval t = {
		.it_value = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)},
		.it_interval = {0, 20000}};
	struct sigaction sa = {.sa_handler = on_alarm};

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &t, NULL);
}

static int read_stdin(char **ret, size_t *ret_len, struct err *err)
{
	_cleanup_free_ char *text = malloc(OCI_STATE_MAX + 1);
	size_t len;

	if (!text)
		return err_oom(err);
	len = fread(text, 1, OCI_STATE_MAX + 1, stdin);
	if (ferror(stdin))
		return err_set(err, -errno, "standard input: %s", strerror(errno));
	if (len > OCI_STATE_MAX)
		return err_set(err, -EFBIG, "the container's state is over %u bytes",
			       OCI_STATE_MAX);
	*ret = TAKE_PTR(text);
	*ret_len = len;
	return 0;
}

static void append_time(const char *file, const char *id, uint64_t ns)
{
	/* A pipe that nobody reads must not hold the container. */
	const int flags =
		O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK;
	_cleanup_close_ int fd = file ? open(file, flags, 0640) : -1;
	struct stat st;
	FILE *f;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	f = fdopen(fd, "a");
	if (!f)
		return;
	TAKE_FD(fd);
	fprintf(f, "%s %llu\n", id, (unsigned long long)(ns / 1000));
	fclose(f);
}

/*
 * Reads the socket's path. A configuration that cannot be read must not leave a container unguarded:
 * the lutrad that runs has an earlier one, most likely with the default socket.
 */
static int find_socket(const struct hook_args *a, struct config **ret, struct err *err)
{
	static const char *const wanted[] = {"socket", NULL};
	struct err why;

	if (config_load_keys(a->config_file, wanted, ret, &why) == 0)
		return 0;
	syslog(LOG_WARNING, "%s: asking the default socket", why.msg);
	fprintf(stderr, "lutra-hook: warning: %s: asking the default socket\n", why.msg);
	return config_parse("{}", 2, ret, err);
}

static int report_to_daemon(const struct hook_args *a, const struct oci_state *s,
			    struct identity *w, struct err *err)
{
	_cleanup_(config_freep) struct config *config = NULL;
	bool start = is_stage(a, "createRuntime");
	json_auto_t *answer = NULL;
	uint64_t t0 = clock_now_ns();
	int r = find_socket(a, &config, err);

	if (r < 0)
		return r;
	late_text = "lutrad did not answer";
	r = local_client_ask(config->socket, "hook",
			     json_pack("{s:s, s:o, s:o*}", "event", start ? "start" : "stop", "who",
				       identity_to_json(w), "pid",
				       start ? json_integer(s->pid) : NULL),
			     &answer, err);
	if (r == 0)
		append_time(a->times, s->id, clock_now_ns() - t0);
	return r;
}

static int run_hook(const struct hook_args *a, struct err *err)
{
	_cleanup_(oci_state_done) struct oci_state s = {};
	_cleanup_(identity_done) struct identity w = {};
	_cleanup_free_ char *text = NULL;
	struct err why;
	size_t len = 0;
	int r = read_stdin(&text, &len, err);

	if (r == 0)
		r = oci_state_from_json(text, len, &s, err);
	if (r == 0)
		r = identity_set(&w.id, s.id);
	if (r == 0)
		r = identity_from_annotations(&w, s.annotations);
	if (r == 0 && is_stage(a, "createRuntime") && s.pid <= 0)
		r = err_set(err, -EBADMSG, "the container's state has no pid");
	if (r < 0)
		return r;
	/* A bundle that cannot be read leaves the identity incomplete, perhaps without a policy. */
	if (s.bundle && is_stage(a, "createRuntime") &&
	    identity_from_bundle(&w, s.bundle, &why) < 0)
		syslog(LOG_WARNING, "%.12s: %s", s.id, why.msg);
	return report_to_daemon(a, &s, &w, err);
}

int main(int argc, char **argv)
{
	struct hook_args a = {.timeout_ms = TIMEOUT_MS};
	char name[] = "lutra-hook";
	struct err err = {};
	bool closed;
	int r;

	argv[0] = name;
	args_read(&command, argc, argv, &a);
	openlog(name, LOG_PID, LOG_DAEMON);
	limit_time(a.timeout_ms);
	r = run_hook(&a, &err);
	if (r == 0)
		return 0;
	closed = a.fail_closed && is_stage(&a, "createRuntime");
	if (is_late)
		err_set(&err, -ETIMEDOUT, "%s within %llu ms", late_text,
			(unsigned long long)a.timeout_ms);
	fprintf(stderr, "lutra-hook: %s: %s\n",
		closed ? "the container does not start" : "the container is not guarded", err.msg);
	syslog(LOG_ERR, "%s: %s", closed ? "a container does not start" : "not guarded", err.msg);
	return closed ? 1 : 0;
}
