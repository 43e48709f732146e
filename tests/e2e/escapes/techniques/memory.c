/* SPDX-License-Identifier: Apache-2.0 */
/* Code of its own in memory that is not writable and executable at once. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/e2e/escapes/techniques/technique.h"

#define ANSWER 42
#define PAGE ((uintptr_t)4096)

/* mov eax, ANSWER; ret */
static const unsigned char code[] = {0xb8, ANSWER, 0, 0, 0, 0xc3};

typedef int (*function)(void);

/* Calls code at an address: it proves the gain if it is the technique's own. */
static int call_code(void *at)
{
	function f;

	memcpy(&f, &at, sizeof(f));
	if (f() != ANSWER)
		return ENOENT;
	prove_gain();
	return 0;
}

static int execute_written(int victim)
{
	void *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)victim;
	if (p == MAP_FAILED)
		return errno;
	memcpy(p, code, sizeof(code));
	return mprotect(p, PAGE, PROT_READ | PROT_EXEC) < 0 ? errno : call_code(p);
}

/* A function of the C library that nothing else here calls. */
static void *library_function(void)
{
	int (*f)(int) = abs;
	void *at;

	memcpy(&at, &f, sizeof(at));
	return at;
}

static int patch_library(int victim)
{
	char *at = library_function();
	char *page = at - ((uintptr_t)at & (PAGE - 1));

	(void)victim;
	if (mprotect(page, 2 * PAGE, PROT_READ | PROT_WRITE) < 0)
		return errno;
	memcpy(at, code, sizeof(code));
	return mprotect(page, 2 * PAGE, PROT_READ | PROT_EXEC) < 0 ? errno : call_code(at);
}

static int patch_by_proc(int victim)
{
	void *at = library_function();
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);

	(void)victim;
	if (fd < 0 || pwrite(fd, code, sizeof(code), (off_t)(uintptr_t)at) < 0)
		return errno;
	return call_code(at);
}

const struct technique memory_techniques[] = {
	{"execute_written", "T1620", "writes code to memory, then makes the memory executable",
	 .seen = "wx-later mprotect", .run = execute_written},
	{"patch_library", "T1055", "changes code of the C library in its own memory",
	 .seen = "wx-later mprotect", .run = patch_library},
	{"patch_by_proc", "T1055.009", "changes code of the C library by /proc/self/mem",
	 .seen = "open w file .*/mem", .run = patch_by_proc},
	{0},
};
