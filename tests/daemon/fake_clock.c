/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A clock that a test puts forward, for programs started with LD_PRELOAD: the file that FAKE_CLOCK
 * names holds nanoseconds, a uint64_t, and clock_gettime() adds them to every clock. A program whose
 * file cannot be mapped ends at once.
 *
 * The kernel's timers keep their time. FAKE_CLOCK_TIMERS=N, at most 1000, divides what is waited for
 * by N: relative timers of timerfd_settime(), and the time that is left in pthread_cond_timedwait() of
 * conditions that use CLOCK_MONOTONIC. A timer that is not 0 stays longer than 0.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define NSEC_PER_SEC 1000000000ull

static int (*real_gettime)(clockid_t, struct timespec *);
static const uint64_t *ahead_ns;
static uint64_t divisor; /* of what is waited for */

static void map_clock(void)
{
	const char *timers = getenv("FAKE_CLOCK_TIMERS");
	const char *path = getenv("FAKE_CLOCK");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *p = mmap(NULL, sizeof(*ahead_ns), PROT_READ, MAP_SHARED, fd, 0);

	*(void **)&real_gettime = dlsym(RTLD_NEXT, "clock_gettime");
	if (p == MAP_FAILED || !real_gettime)
		_exit(99);
	divisor = timers ? strtoul(timers, NULL, 10) : 1;
	if (divisor < 1 || divisor > 1000)
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

static uint64_t to_ns(const struct timespec *t)
{
	return (uint64_t)t->tv_sec * NSEC_PER_SEC + (uint64_t)t->tv_nsec;
}

static struct timespec from_ns(uint64_t ns)
{
	return (struct timespec){.tv_sec = (time_t)(ns / NSEC_PER_SEC),
				 .tv_nsec = (long)(ns % NSEC_PER_SEC)};
}

static struct timespec divide_time(const struct timespec *t)
{
	uint64_t ns = to_ns(t), less = ns / divisor;

	return from_ns(ns && !less ? 1 : less);
}

__attribute__((visibility("default"))) int
timerfd_settime(int fd, int flags, const struct itimerspec *new_value, struct itimerspec *old_value)
{
	int (*real_settime)(int, int, const struct itimerspec *, struct itimerspec *);
	struct itimerspec t = *new_value;

	*(void **)&real_settime = dlsym(RTLD_NEXT, "timerfd_settime");
	if (!ahead_ns)
		map_clock();
	if (!(flags & TFD_TIMER_ABSTIME)) {
		t.it_value = divide_time(&t.it_value);
		t.it_interval = divide_time(&t.it_interval);
	}
	return real_settime(fd, flags, &t, old_value);
}

__attribute__((visibility("default"))) int
pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *lock, const struct timespec *until)
{
	int (*real_wait)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
	struct timespec now, real_now, t;
	uint64_t left = 0;

	/* x86-64 has two versions: dlsym() finds the one for conditions of long ago. */
	*(void **)&real_wait = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
	if (!real_wait)
		*(void **)&real_wait = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
	clock_gettime(CLOCK_MONOTONIC, &now);
	real_gettime(CLOCK_MONOTONIC, &real_now);
	if (to_ns(until) > to_ns(&now))
		left = (to_ns(until) - to_ns(&now)) / divisor;
	t = from_ns(to_ns(&real_now) + left);
	return real_wait(cond, lock, &t);
}
