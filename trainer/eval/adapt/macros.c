/* SPDX-License-Identifier: Apache-2.0 */
/* The set of macro events, and what each can do for an attack. */
#include "trainer/eval/adapt/macros.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

#include "lib/abi/syscalls.h"
#include "lib/base/array.h"
#include "lutra/score.h"
#include "trainer/eval/adapt/object_class.h"

#define BIT(step) (1u << (step))
#define NOT_FILLER BIT(MACRO_STEPS) /* starts or ends a task, or changes its program */
#define OPENS BIT(MACRO_STEPS + 1)

/* What system calls do, by numbers of x86-64. */
static const struct {
	uint16_t nr;
	uint16_t bits;
} syscall_steps[] = {
	{SYS_open, OPENS},
	{SYS_openat, OPENS},
	{SYS_openat2, OPENS},
	{SYS_creat, OPENS},
	{SYS_read, BIT(MACRO_READ) | BIT(MACRO_RECEIVE)},
	{SYS_pread64, BIT(MACRO_READ)},
	{SYS_readv, BIT(MACRO_READ) | BIT(MACRO_RECEIVE)},
	{SYS_preadv, BIT(MACRO_READ)},
	{SYS_recvfrom, BIT(MACRO_RECEIVE)},
	{SYS_recvmsg, BIT(MACRO_RECEIVE)},
	{SYS_write, BIT(MACRO_WRITE) | BIT(MACRO_SEND)},
	{SYS_writev, BIT(MACRO_WRITE) | BIT(MACRO_SEND)},
	{SYS_pwrite64, BIT(MACRO_WRITE)},
	{SYS_pwritev, BIT(MACRO_WRITE)},
	{SYS_sendto, BIT(MACRO_SEND)},
	{SYS_sendmsg, BIT(MACRO_SEND)},
	{SYS_sendfile, BIT(MACRO_SEND)},
	{SYS_close, BIT(MACRO_CLOSE)},
	{SYS_epoll_wait, BIT(MACRO_WAIT)},
	{SYS_epoll_pwait, BIT(MACRO_WAIT)},
	{SYS_epoll_pwait2, BIT(MACRO_WAIT)},
	{SYS_poll, BIT(MACRO_WAIT)},
	{SYS_ppoll, BIT(MACRO_WAIT)},
	{SYS_select, BIT(MACRO_WAIT)},
	{SYS_pselect6, BIT(MACRO_WAIT)},
	{SYS_futex, BIT(MACRO_WAIT)},
	{SYS_nanosleep, BIT(MACRO_WAIT)},
	{SYS_clock_nanosleep, BIT(MACRO_WAIT)},
	{SYS_execve, NOT_FILLER},
	{SYS_execveat, NOT_FILLER},
	{SYS_exit, NOT_FILLER},
	{SYS_exit_group, NOT_FILLER},
	{SYS_clone, NOT_FILLER},
	{SYS_clone3, NOT_FILLER},
	{SYS_fork, NOT_FILLER},
	{SYS_vfork, NOT_FILLER},
	{SYS_rt_sigreturn, NOT_FILLER},
};

static unsigned find_syscall_steps(const char *arch, uint16_t nr)
{
	unsigned native;

	if (nr >= LUTRA_NR || syscall_from_arch(arch, nr, &native) < 0)
		return 0;
	for (size_t i = 0; i < sizeof(syscall_steps) / sizeof(syscall_steps[0]); i++)
		if (syscall_steps[i].nr == native)
			return syscall_steps[i].bits;
	return 0;
}

bool macro_is_receive(const char *arch, uint16_t nr)
{
	return find_syscall_steps(arch, nr) & BIT(MACRO_RECEIVE);
}

/* Sets what the macro of a draft can do. */
static void set_steps(const struct macro_set *set, const struct macro_draft *d, struct macro *ret)
{
	unsigned bits = find_syscall_steps(set->arch, ret->nr), connect;
	bool reads = (bits & OPENS) && !(d->uses & OBJECT_USE_WRITE);

	ret->filler = !(bits & NOT_FILLER);
	ret->steps = bits & (BIT(MACRO_STEPS) - 1);
	if (reads && d->uses & OBJECT_USE_VALUE)
		ret->steps |= BIT(MACRO_OPEN_VALUE);
	if (reads && d->uses & OBJECT_USE_DATA)
		ret->steps |= BIT(MACRO_OPEN_DATA);
	if (d->uses & OBJECT_USE_CHANGE)
		ret->steps |= BIT(MACRO_CHANGE);
	if (d->n > 1 && syscall_to_arch(set->arch, SYS_connect, &connect) == 0 &&
	    ret->nr == connect)
		ret->steps |= BIT(MACRO_CONNECT);
}

int macro_set_init(struct macro_set *m, const char *arch)
{
	int r;

	memset(m, 0, sizeof(*m));
	m->arch = arch;
	r = intern_new(&m->classes);
	if (r == 0)
		r = intern_new(&m->keys);
	return r < 0 ? r : intern_new(&m->strings);
}

void macro_set_done(struct macro_set *m)
{
	intern_free(m->classes);
	intern_free(m->keys);
	intern_free(m->strings);
	free(m->list);
	free(m->events);
	memset(m, 0, sizeof(*m));
}

int macro_event_make(struct macro_set *m, const struct lutra_record *rec, const char *str,
		     size_t len, struct macro_event *ret)
{
	*ret = (struct macro_event){*rec, LUTRA_NO_STRING};
	/* With its NUL: strings are read in place. */
	return str ? intern_add(m->strings, str, len + 1, &ret->string) : 0;
}

void macro_draft_begin(struct macro_draft *d, const struct macro_event *e)
{
	d->n = 1;
	d->key[0] = e->rec.nr;
	d->uses = 0;
	d->events[0] = *e;
}

int macro_draft_add(struct macro_set *m, struct macro_draft *d, const struct macro_event *e,
		    const char *str, size_t len)
{
	struct object_class class;
	struct lutra_object o;
	int r;

	lutra_object_unpack(&e->rec, &o);
	if (!d->n || d->n > MACRO_OBJECTS || !object_class_find(&o, str, len, &class))
		return 0;
	r = intern_add(m->classes, class.text, strlen(class.text), &d->key[d->n]);
	if (r < 0)
		return r;
	d->uses |= class.uses;
	d->events[d->n++] = *e;
	return 0;
}

static int add_macro(struct macro_set *m, const struct macro_draft *d)
{
	struct macro *x;

	if (ARRAY_RESERVE(m->list, m->list_size, m->n + 1) < 0 ||
	    ARRAY_RESERVE(m->events, m->events_size, m->n_events + d->n) < 0)
		return -ENOMEM;
	x = &m->list[m->n++];
	*x = (struct macro){.nr = (uint16_t)d->key[0], .first = (uint32_t)m->n_events, .n = d->n};
	set_steps(m, d, x);
	memcpy(m->events + m->n_events, d->events, d->n * sizeof(d->events[0]));
	m->n_events += d->n;
	return 0;
}

int macro_draft_end(struct macro_set *m, struct macro_draft *d, uint32_t *ret)
{
	int r = 0;

	*ret = MACRO_NONE;
	if (d->n)
		r = intern_add(m->keys, d->key, d->n * sizeof(d->key[0]), ret);
	if (r == 0 && d->n && *ret == m->n)
		r = add_macro(m, d);
	d->n = 0;
	return r;
}

uint32_t macro_draft_find(const struct macro_set *m, struct macro_draft *d)
{
	uint32_t number;
	bool known = d->n && intern_find(m->keys, d->key, d->n * sizeof(d->key[0]), &number);

	d->n = 0;
	return known ? number : MACRO_NONE;
}
