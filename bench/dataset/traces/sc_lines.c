/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints a trace as the lines of an .sc file of LID-DS 2021:
 *
 *   time (ns since 1970), user, process, process name, thread, system call, direction, parameters
 *
 * usage: sc_lines TRACE USER NAME    USER: id of the user that the container's first process is of;
 *                                    NAME: name of that process
 *
 * A system call has a line > with the arguments that the trace has. Its line < has the objects that
 * the call reached. A trace has no returns: the line < comes with the next record of the thread, so
 * its time is the latest that the return can have. The user follows setuid and its relatives, the
 * process name follows exec. A task that entered the container later, as `runc exec` makes it, is
 * of root, and its first program is not in the trace: its name is "session".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/abi/names.h"
#include "lib/abi/syscalls.h"
#include "lib/base/text.h"
#include "lib/trace/trace.h"
#include "lutra/score.h"
#include "lutra/syscalls.h"

#define TIDS (1u << 22)
#define NAME_BYTES 16 /* of a process, as the kernel has it */
#define PARAMS_BYTES 8192

#define NR_CLONE 56
#define NR_SETUID 105
#define NR_SETREUID 113
#define NR_SETRESUID 117

struct sc_task {
	uint32_t tid, tgid;
	uint32_t user;
	char name[NAME_BYTES];
	char program[NAME_BYTES]; /* that the exec under way opened first; "": none */
	bool in_syscall;
	uint16_t nr;	/* of the system call that the thread is in */
	uint32_t flags; /* its first argument that the trace has */
	size_t params_len;
	char params[PARAMS_BYTES]; /* each begins with a space */
};

struct sc_writer {
	const struct trace_meta *meta;
	uint32_t first_user;
	const char *first_name;
	bool has_first;
	struct sc_task **tasks; /* by thread id */
};

/* Names of arguments in sysdig, by system call: the first and the second that a record keeps. */
static const struct {
	uint16_t nr;
	const char *first, *second;
} arg_names[] = {
	{2, "flags", "mode"},	  {9, "prot", "flags"},	    {10, "prot", "length"},
	{16, "fd", "request"},	  {41, "domain", "type"},   {53, "domain", "type"},
	{54, "level", "optname"}, {55, "level", "optname"}, {56, "flags", NULL},
	{62, "pid", "sig"},	  {72, "cmd", "arg"},	    {90, "mode", NULL},
	{91, "mode", "fd"},	  {101, "request", "pid"},  {105, "uid", NULL},
	{106, "gid", NULL},	  {113, "ruid", "euid"},    {114, "rgid", "egid"},
	{117, "ruid", "euid"},	  {119, "rgid", "egid"},    {157, "option", "arg2"},
	{165, "flags", NULL},	  {166, "flags", NULL},	    {200, "tid", "sig"},
	{202, "op", "val"},	  {234, "pid", "sig"},	    {257, "flags", "mode"},
	{268, "mode", NULL},	  {272, "flags", NULL},	    {288, "flags", NULL},
	{302, "pid", "resource"}, {308, "nstype", "fd"},    {317, "op", "flags"},
	{319, "flags", NULL},	  {321, "cmd", "size"},
};

static void task_name(struct sc_task *t, const char *name)
{
	snprintf(t->name, sizeof(t->name), "%s", name);
}

static struct sc_task *task_get(struct sc_writer *w, uint32_t tid)
{
	if (tid >= TIDS)
		return NULL;
	if (!w->tasks[tid]) {
		w->tasks[tid] = calloc(1, sizeof(*w->tasks[tid]));
		if (w->tasks[tid]) {
			w->tasks[tid]->tid = w->tasks[tid]->tgid = tid;
			task_name(w->tasks[tid], "unknown");
		}
	}
	return w->tasks[tid];
}

static void print_line(const struct sc_writer *w, uint64_t ts_ns, const struct sc_task *t,
		       const char *call, char direction, const char *params)
{
	uint64_t ns = ts_ns - w->meta->start_monotonic_ns + w->meta->start_realtime_ns;

	printf("%llu %u %u %s %u %s %c%s\n", (unsigned long long)ns, t->user, t->tgid, t->name,
	       t->tid, call, direction, params);
}

static const char *call_name(const struct sc_writer *w, uint16_t nr, char buf[SYSCALL_NAME])
{
	return syscall_name(w->meta->arch, nr, buf, SYSCALL_NAME);
}

/* Ends the system call that the thread is in, at ts_ns. */
static void syscall_end(const struct sc_writer *w, uint64_t ts_ns, struct sc_task *t)
{
	char buf[SYSCALL_NAME];

	if (t->in_syscall)
		print_line(w, ts_ns, t, call_name(w, t->nr, buf), '<', t->params);
	t->in_syscall = false;
	t->params_len = 0;
	t->params[0] = '\0';
	t->program[0] = '\0';
}

/* Writes text to out without spaces, control characters and bytes that are no UTF-8. */
static void word_clean(const char *text, size_t len, char *out, size_t size)
{
	char clean[4 * LUTRA_STRING_MAX + 1];
	size_t n = 0;

	text_clean(text, len, clean, sizeof(clean));
	for (const char *c = clean; *c && n + 5 < size; c++) {
		if (*c == ' ')
			n += (size_t)snprintf(out + n, size - n, "\\x20");
		else
			out[n++] = *c;
	}
	out[n] = '\0';
}

/* Adds " key=value" to the parameters of the system call under way, if there is room. */
static void param_add(struct sc_task *t, const char *key, const char *value)
{
	size_t room = sizeof(t->params) - t->params_len;
	int n = snprintf(t->params + t->params_len, room, " %s=%s", key, value);

	if (n > 0 && (size_t)n < room)
		t->params_len += (size_t)n;
	else
		t->params[t->params_len] = '\0';
}

/* Prints " name=value" for the arguments that a record of the system call has. */
static void args_print(uint16_t nr, uint64_t arg, char *out, size_t size)
{
	uint8_t kept = nr < LUTRA_NR ? lutra_syscall_args[nr] : 0;
	char first[8], second[8];
	const char *names[2] = {first, second};
	int n;

	out[0] = '\0';
	if (!kept)
		return;
	snprintf(first, sizeof(first), "arg%u", (kept & 15u) - 1);
	snprintf(second, sizeof(second), "arg%u", (unsigned)(kept >> 4) - 1);
	if ((kept & 15) == kept >> 4)
		names[1] = NULL;
	for (size_t i = 0; i < sizeof(arg_names) / sizeof(arg_names[0]); i++) {
		if (arg_names[i].nr == nr) {
			names[0] = arg_names[i].first;
			names[1] = arg_names[i].second;
		}
	}
	n = snprintf(out, size, " %s=%u", names[0], (uint32_t)arg);
	if (names[1])
		snprintf(out + n, size - (size_t)n, " %s=%u", names[1], (uint32_t)(arg >> 32));
}

/* Follows the effective user through a system call. One that fails is taken for one that did not. */
static void user_follow(struct sc_task *t, uint16_t nr, uint64_t arg)
{
	uint32_t user = nr == NR_SETUID ? (uint32_t)arg : (uint32_t)(arg >> 32);

	if ((nr == NR_SETUID || nr == NR_SETREUID || nr == NR_SETRESUID) && user != UINT32_MAX)
		t->user = user;
}

static void on_syscall(const struct sc_writer *w, const struct lutra_record *rec, struct sc_task *t)
{
	char args[64] = "", buf[SYSCALL_NAME];

	syscall_end(w, rec->ts_ns, t);
	t->tgid = rec->tgid;
	t->in_syscall = true;
	t->nr = rec->nr;
	t->flags = (uint32_t)rec->arg;
	if (trace_meta_has_arguments(w->meta))
		args_print(rec->nr, rec->arg, args, sizeof(args));
	print_line(w, rec->ts_ns, t, call_name(w, rec->nr, buf), '>', args);
	if (trace_meta_has_arguments(w->meta))
		user_follow(t, rec->nr, rec->arg);
}

/* A thread takes all of its parent, a process too: name and user. */
static void on_fork(struct sc_writer *w, const struct lutra_record *rec, struct sc_task *t)
{
	uint32_t tid = (uint32_t)rec->arg;
	struct sc_task *child = task_get(w, tid);
	char value[64];

	if (child) {
		*child = (struct sc_task){
			.tid = tid, .user = t->user, .tgid = rec->nr ? rec->tgid : tid};
		task_name(child, t->name);
	}
	if (!t->in_syscall)
		return;
	snprintf(value, sizeof(value), "%u", tid);
	param_add(t, "res", value);
	if (rec->nr) {
		snprintf(value, sizeof(value), "%u(CLONE_THREAD)",
			 t->nr == NR_CLONE ? t->flags : 0x10000);
		param_add(t, "flags", value);
	}
}

/* The thread that executes a program takes the leader's id; arg is the id that it had. */
static void on_exec(struct sc_writer *w, const struct lutra_record *rec)
{
	struct sc_task *from = task_get(w, (uint32_t)rec->arg ? (uint32_t)rec->arg : rec->tid);
	struct sc_task *t = task_get(w, rec->tid);

	if (!t || !from)
		return;
	if (from != t)
		*t = *from;
	t->tid = rec->tid;
	t->tgid = rec->tgid;
	if (t->program[0])
		task_name(t, t->program);
	if (t->in_syscall)
		param_add(t, "res", "0");
	syscall_end(w, rec->ts_ns, t);
}

/* A task that is seen for the first time, without a fork: the container's first, or a session's. */
static void on_arm(struct sc_writer *w, const struct lutra_record *rec, struct sc_task *t)
{
	*t = (struct sc_task){.tid = rec->tid, .tgid = rec->tgid};
	task_name(t, w->has_first ? "session" : w->first_name);
	t->user = w->has_first ? 0 : w->first_user;
	w->has_first = true;
}

static void address_add(struct sc_task *t, const struct lutra_object *o)
{
	char address[INET6_ADDRSTRLEN] = "", value[INET6_ADDRSTRLEN + 16];

	inet_ntop(o->family, o->addr, address, sizeof(address));
	snprintf(value, sizeof(value), "%s:%u", address, o->port);
	param_add(t, "addr", value);
}

static const char *path_key(unsigned op)
{
	switch (op) {
	case LUTRA_OP_RENAME_FROM:
	case LUTRA_OP_LINK_FROM:
		return "oldpath";
	case LUTRA_OP_RENAME_TO:
	case LUTRA_OP_LINK_TO:
		return "newpath";
	case LUTRA_OP_EXEC:
		return "exe";
	default:
		return "name";
	}
}

static void on_object(const struct lutra_record *rec, struct sc_task *t, const char *str,
		      size_t len)
{
	char path[4 * LUTRA_STRING_MAX + 1], fd[sizeof(path) + 8];
	struct lutra_object o;

	lutra_object_unpack(rec, &o);
	if (o.family == AF_INET || o.family == AF_INET6)
		address_add(t, &o);
	if (!len)
		return;
	word_clean(str, len, path, sizeof(path));
	if (o.op == LUTRA_OP_EXEC && !t->program[0]) {
		const char *slash = strrchr(path, '/');

		snprintf(t->program, sizeof(t->program), "%.15s", slash ? slash + 1 : path);
	}
	if (o.op == LUTRA_OP_OPEN) {
		/* The number of the descriptor is not in the trace. */
		snprintf(fd, sizeof(fd), "(<f>%s)", path);
		param_add(t, "fd", fd);
	}
	param_add(t, path_key(o.op), path);
}

static int on_record(struct sc_writer *w, const struct lutra_record *rec, const char *str,
		     size_t len)
{
	struct sc_task *t = rec->type == LUTRA_RECORD_MARK ? NULL : task_get(w, rec->tid);

	if (rec->type == LUTRA_RECORD_MARK)
		return 0;
	if (!t)
		return -ENOMEM;
	switch (rec->type) {
	case LUTRA_RECORD_SYSCALL:
		on_syscall(w, rec, t);
		break;
	case LUTRA_RECORD_ARM:
		on_arm(w, rec, t);
		break;
	case LUTRA_RECORD_FORK:
		on_fork(w, rec, t);
		break;
	case LUTRA_RECORD_EXEC:
		on_exec(w, rec);
		break;
	case LUTRA_RECORD_OBJECT:
		if (t->in_syscall)
			on_object(rec, t, str, len);
		break;
	case LUTRA_RECORD_EXIT:
		print_line(w, rec->ts_ns, t, "procexit", '>', "");
		free(t);
		w->tasks[rec->tid] = NULL;
		break;
	default:
		break;
	}
	return ferror(stdout) ? -EIO : 0;
}

static int print_trace(struct sc_writer *w, const char *path, struct err *err)
{
	_cleanup_(trace_reader_freep) struct trace_reader *trace = NULL;
	const struct lutra_record *rec;
	const char *str;
	size_t len;
	int r = trace_reader_new(&trace, path, err);

	if (r < 0)
		return r;
	w->meta = trace_reader_meta(trace);
	while ((r = trace_reader_next(trace, &rec, &str, &len)) > 0) {
		r = on_record(w, rec, str, len);
		if (r < 0)
			break;
	}
	if (r == 0 && trace_reader_torn(trace))
		return err_set(err, -EBADMSG, "%s: %s", path, trace_reader_torn(trace));
	return r < 0 ? err_set(err, r, "%s: %s", path, strerror(-r)) : 0;
}

int main(int argc, char **argv)
{
	struct sc_writer w = {};
	struct err err = {""};
	int r;

	if (argc != 4) {
		fputs("usage: sc_lines TRACE USER NAME\n", stderr);
		return 2;
	}
	w.first_user = (uint32_t)strtoul(argv[2], NULL, 10);
	w.first_name = argv[3];
	w.tasks = calloc(TIDS, sizeof(struct sc_task *));
	r = w.tasks ? print_trace(&w, argv[1], &err) : err_oom(&err);
	if (r == 0 && fflush(stdout) != 0)
		r = err_set(&err, -EIO, "standard output: %s", strerror(errno));
	for (unsigned i = 0; w.tasks && i < TIDS; i++)
		free(w.tasks[i]);
	free(w.tasks);
	if (r < 0)
		fprintf(stderr, "sc_lines: %s\n", err.msg);
	return r < 0;
}
