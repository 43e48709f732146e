/* SPDX-License-Identifier: Apache-2.0 */
/* Names and numbers of system calls, by libseccomp. */
#include "lib/abi/syscalls.h"

#include <errno.h>
#include <limits.h>
#include <seccomp.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lutra/abi.h"

bool syscall_arch_is_known(const char *arch)
{
	return strcmp(arch, "x86_64") == 0 || strcmp(arch, "i386") == 0;
}

static uint32_t seccomp_arch(const char *arch)
{
	return arch && strcmp(arch, "i386") == 0 ? SCMP_ARCH_X86 : SCMP_ARCH_NATIVE;
}

const char *syscall_name(const char *arch, unsigned nr, char *buf, size_t size)
{
	_cleanup_free_ char *name = NULL;

	if (nr <= INT_MAX)
		name = seccomp_syscall_resolve_num_arch(seccomp_arch(arch), (int)nr);
	if (nr == LUTRA_NR_NONE)
		snprintf(buf, size, "none");
	else if (nr & LUTRA_NR_X32)
		snprintf(buf, size, "x32:%u", nr & ~(unsigned)LUTRA_NR_X32);
	else if (nr & LUTRA_NR_IA32)
		snprintf(buf, size, "ia32:%u", nr & ~(unsigned)LUTRA_NR_IA32);
	else if (name)
		snprintf(buf, size, "%s", name);
	else
		snprintf(buf, size, "syscall_%u", nr);
	return buf;
}

/* Decimal digits only, below max; -EINVAL. */
static int parse_syscall_number(const char *s, unsigned long max, unsigned *ret)
{
	char *end;
	unsigned long v;

	if (s[0] < '0' || s[0] > '9')
		return -EINVAL;
	errno = 0;
	v = strtoul(s, &end, 10);
	if (errno || *end || v >= max)
		return -EINVAL;
	*ret = (unsigned)v;
	return 0;
}

int syscall_parse(const char *arch, const char *name, unsigned *ret)
{
	int nr;

	if (!name)
		return -EINVAL;
	if (parse_syscall_number(strncmp(name, "syscall_", 8) == 0 ? name + 8 : name, LUTRA_NR,
				 ret) == 0)
		return 0;
	nr = seccomp_syscall_resolve_name_arch(seccomp_arch(arch), name);
	if (nr < 0 || nr >= LUTRA_NR)
		return -EINVAL;
	*ret = (unsigned)nr;
	return 0;
}

static int translate_number(uint32_t from, uint32_t to, unsigned nr, unsigned *ret)
{
	_cleanup_free_ char *name = NULL;
	int r;

	if (from != to && nr < LUTRA_NR) {
		name = seccomp_syscall_resolve_num_arch(from, (int)nr);
		r = name ? seccomp_syscall_resolve_name_arch(to, name) : -1;
		if (r < 0 || r >= LUTRA_NR)
			return -EINVAL;
		nr = (unsigned)r;
	}
	*ret = nr;
	return 0;
}

int syscall_to_arch(const char *arch, unsigned native, unsigned *ret)
{
	return translate_number(SCMP_ARCH_NATIVE, seccomp_arch(arch), native, ret);
}

int syscall_from_arch(const char *arch, unsigned nr, unsigned *ret)
{
	return translate_number(seccomp_arch(arch), SCMP_ARCH_NATIVE, nr, ret);
}
