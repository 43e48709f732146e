/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A library that is loaded into the debugger of the attacks. It makes ptrace() set all extended registers.
 *
 * gdb 13 knows the extended registers up to AVX-512. If the processor has more of them, for instance those of
 * AMX, then the kernel refuses what gdb writes, with EFAULT, and gdb cannot call a function. This library adds
 * the registers that gdb does not know, with the values that they have.
 */
#include <dlfcn.h>
#include <elf.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

static long (*real_ptrace)(int request, pid_t pid, void *addr, void *data);

/* Fills whole with the thread's registers, and puts the given ones over them. Returns false if they cannot be read. */
static bool registers_complete(pid_t pid, const struct iovec *given, struct iovec *whole)
{
	if (real_ptrace(PTRACE_GETREGSET, pid, (void *)NT_X86_XSTATE, whole) != 0 ||
	    whole->iov_len < given->iov_len)
		return false;
	memcpy(whole->iov_base, given->iov_base, given->iov_len);
	return true;
}

long ptrace(enum __ptrace_request request, ...)
{
	static char registers[65536];
	struct iovec whole = {registers, sizeof(registers)};
	va_list arguments;
	pid_t pid;
	void *addr, *data;

	va_start(arguments, request);
	pid = va_arg(arguments, pid_t);
	addr = va_arg(arguments, void *);
	data = va_arg(arguments, void *);
	va_end(arguments);
	if (!real_ptrace)
		*(void **)&real_ptrace = dlsym(RTLD_NEXT, "ptrace");
	if (request == PTRACE_SETREGSET && addr == (void *)NT_X86_XSTATE &&
	    registers_complete(pid, data, &whole))
		data = &whole;
	return real_ptrace(request, pid, addr, data);
}
