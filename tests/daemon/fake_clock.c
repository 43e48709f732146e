/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A clock that a test puts forward, for programs started with LD_PRELOAD: the file that FAKE_CLOCK
 * names holds nanoseconds, a uint64_t, and clock_gettime() adds them to every clock. The kernel's
 * timers keep their time. A program whose file cannot be mapped ends at once.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define NSEC_PER_SEC 1000000000ull

static int (*real_gettime)(clockid_t, struct timespec *);
static const uint64_t *ahead_ns;

static void map_clock(void)
{
	const char *path = getenv("FAKE_CLOCK");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *p = mmap(NULL, sizeof(*ahead_ns), PROT_READ, MAP_SHARED, fd, 0);

	*(void **)&real_gettime = dlsym(RTLD_NEXT, "clock_gettime");
	if (p == MAP_FAILED || !real_gettime)
		_exit(99);
	ahead_ns = p;
	close(fd);
}

__attribute__((visibility("default"))) int clock_gettime(clockid_t id, struct timespec *ret)
{
	uint64_t ahead;
	int r;

	/* Constructors of other libraries come here first, on one thread. */
	if (!ahead_ns)
		map_clock();
	r = real_gettime(id, ret);
	ahead = __atomic_load_n(ahead_ns, __ATOMIC_SEQ_CST) + (uint64_t)ret->tv_nsec;

	ret->tv_sec += (time_t)(ahead / NSEC_PER_SEC);
	ret->tv_nsec = (long)(ahead % NSEC_PER_SEC);
	return r;
}
