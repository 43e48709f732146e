/* SPDX-License-Identifier: Apache-2.0 */
/* Checks recordings against a filter. */
#include "user/seccomp/check.h"

#include <errno.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <string.h>
#include <sys/syscall.h>

#include "lib/trace/trace.h"
#include "lutra/syscalls.h"
#include "user/seccomp/cbpf.h"
#include "user/seccomp/profile/profile.h"

#define X32_BIT 0x40000000u

/* Gets what the filter answers to a system call. */
static int filter_verdict(const struct check *c, uint32_t nr, uint64_t arg, uint32_t *ret)
{
	struct seccomp_data data = {.arch = AUDIT_ARCH_X86_64, .nr = (int)nr};
	unsigned args;

	if (nr & LUTRA_NR_IA32) {
		data.arch = AUDIT_ARCH_I386;
		data.nr = (int)(nr & ~(LUTRA_NR_IA32 | LUTRA_NR_X32));
	} else if (nr & LUTRA_NR_X32) {
		data.nr = (int)((nr & ~LUTRA_NR_X32) | X32_BIT);
	}
	args = nr < LUTRA_NR ? lutra_syscall_args[nr] : 0;
	/* Set the second argument first: a system call with one scalar may name it twice. */
	if (args) {
		data.args[(args >> 4) - 1] = arg >> 32;
		data.args[(args & 15) - 1] = (uint32_t)arg;
	}
	return cbpf_run(c->program, c->n, &data, ret);
}

static void add_refused(struct check *c, uint16_t nr, uint64_t arg, uint32_t action)
{
	struct check_refused *r = c->refused, *end = r + c->n_refused;

	c->refused_calls++;
	while (r < end && (r->nr != nr || r->arg != arg || r->action != action))
		r++;
	if (r == c->refused + CHECK_REFUSED_MAX)
		return;
	if (r == end) {
		c->n_refused++;
		*r = (struct check_refused){.arg = arg, .action = action, .nr = nr};
	}
	r->count++;
}

static int check_call(struct check *c, uint16_t nr, uint64_t arg)
{
	uint32_t action, clone = 0;
	int r = filter_verdict(c, nr, arg, &action);

	c->calls++;
	if (r == 0 && nr == SYS_clone3 && action == SCMP_ACT_ERRNO(ENOSYS))
		r = filter_verdict(c, SYS_clone, 0, &clone);
	if (r < 0)
		return r;
	if (clone && profile_allows(clone))
		c->fell_back++;
	else if (!profile_allows(action))
		add_refused(c, nr, arg, action);
	c->notified += action == SCMP_ACT_NOTIFY;
	return 0;
}

int check_trace(struct check *c, const char *path, struct err *err)
{
	_cleanup_(trace_reader_freep) struct trace_reader *reader = NULL;
	const struct lutra_record *rec;
	const struct trace_meta *meta;
	const char *str;
	size_t str_len;
	int r;

	r = trace_reader_new(&reader, path, err);
	if (r < 0)
		return r;
	meta = trace_reader_meta(reader);
	if (strcmp(meta->arch, "x86_64") != 0)
		return err_set(err, -ENOEXEC, "%s: recorded on %s, the filter is for x86_64", path,
			       meta->arch);
	while ((r = trace_reader_next(reader, &rec, &str, &str_len)) > 0) {
		uint64_t arg = trace_meta_has_arguments(meta) ? rec->arg : 0;

		if (rec->type != LUTRA_RECORD_SYSCALL)
			continue;
		r = check_call(c, rec->nr, arg);
		if (r < 0)
			return err_set(err, r, "the kernel would refuse this filter program");
	}
	return r < 0 ? err_set(err, r, "%s: cannot read: %s", path, strerror(-r)) : 0;
}
