/* SPDX-License-Identifier: Apache-2.0 */
/* The list of harmless relatives. None of them is dangerous: see enum syscall_trait. */
#include "user/seccomp/relatives.h"

#include <signal.h>
#include <sys/syscall.h>

/* A number as the lists hold it. */
#define S(name) (SYS_##name + 1)

static const struct relatives list[] = {
	{.reason = "pipe2 is pipe with flags", .of = {S(pipe), S(pipe2)}},
	{.reason = "they copy a descriptor that the process has", .of = {S(dup), S(dup2), S(dup3)}},
	{.reason = "they tell about a socket that the process has",
	 .of = {S(socket), S(socketpair), S(accept), S(accept4)},
	 .then = {S(getsockname), S(getpeername), S(getsockopt), S(shutdown)}},
	{.reason = "accept4 is accept with flags", .of = {S(accept), S(accept4)}},
	{.reason = "they read from a descriptor that the process has",
	 .of = {S(read), S(readv), S(pread64), S(preadv), S(preadv2)}},
	{.reason = "they write to a descriptor that the process has",
	 .of = {S(write), S(writev), S(pwrite64), S(pwritev), S(pwritev2)}},
	{.reason = "they move a position in a file, or tell it", .of = {S(read), S(lseek)}},
	{.reason = "they receive from a socket that the process has",
	 .of = {S(recvfrom), S(recvmsg), S(recvmmsg)}},
	{.reason = "they send on a socket that the process has",
	 .of = {S(sendto), S(sendmsg), S(sendmmsg)}},
	{.reason = "they open a file; the guard judges the path",
	 .of = {S(open), S(openat), S(openat2)}},
	{.reason = "they tell about a file",
	 .of = {S(stat), S(lstat), S(fstat), S(newfstatat), S(statx), S(access), S(faccessat),
		S(faccessat2), S(readlink), S(readlinkat)}},
	{.reason = "they tell about a file system", .of = {S(statfs), S(fstatfs)}},
	{.reason = "they list a directory that the process has open",
	 .of = {S(getdents), S(getdents64)}},
	{.reason = "they make a directory", .of = {S(mkdir), S(mkdirat)}},
	{.reason = "they remove a name; the guard judges the path",
	 .of = {S(unlink), S(unlinkat), S(rmdir)}},
	{.reason = "they rename; the guard judges both paths",
	 .of = {S(rename), S(renameat), S(renameat2)}},
	{.reason = "they set the times of a file",
	 .of = {S(utime), S(utimes), S(futimesat), S(utimensat)}},
	{.reason = "they write to the disk what was written", .of = {S(fsync), S(fdatasync)}},
	{.reason = "they wait for descriptors that the process has",
	 .of = {S(poll), S(ppoll), S(select), S(pselect6)}},
	{.reason = "they make an epoll descriptor", .of = {S(epoll_create), S(epoll_create1)}},
	{.reason = "they wait for an epoll descriptor",
	 .of = {S(epoll_wait), S(epoll_pwait), S(epoll_pwait2)}},
	{.reason = "they make a counter that wakes a waiter", .of = {S(eventfd), S(eventfd2)}},
	{.reason = "they make a descriptor for signals to oneself",
	 .of = {S(signalfd), S(signalfd4)}},
	{.reason = "inotify_init1 is inotify_init with flags",
	 .of = {S(inotify_init), S(inotify_init1)}},
	{.reason = "they wait for children", .of = {S(wait4), S(waitid)}},
	{.reason = "they wait for time", .of = {S(nanosleep), S(clock_nanosleep)}},
	{.reason = "they tell the time",
	 .of = {S(clock_gettime), S(gettimeofday), S(time), S(clock_getres), S(times)}},
	{.reason = "they tell a process about itself",
	 .of = {S(getpid), S(getppid), S(gettid), S(getuid), S(geteuid), S(getgid), S(getegid),
		S(getpgrp), S(getpgid), S(getsid), S(getgroups)}},
	{.reason = "they tell a process about itself",
	 .of = {S(getpid), S(getresuid), S(getresgid), S(getrusage), S(getcpu), S(getrlimit),
		S(sched_getaffinity), S(sched_getscheduler), S(sched_getparam)}},
	{.reason = "they change the memory of the process, as munmap and madvise may",
	 .of = {S(munmap), S(mremap), S(brk), S(madvise)}},
};

static const struct relatives_value values[] = {
	{"signal 0 reaches nobody: it asks whether a process is there", SYS_kill, 1, 0},
	{"process 0 is the caller's own process group", SYS_kill, 0, 0},
	{"abort() sends SIGABRT to its own thread", SYS_tkill, 1, SIGABRT},
};

const struct relatives *relatives_list(size_t *ret_n)
{
	*ret_n = sizeof(list) / sizeof(list[0]);
	return list;
}

const struct relatives_value *relatives_values(size_t *ret_n)
{
	*ret_n = sizeof(values) / sizeof(values[0]);
	return values;
}

static bool is_any_known(const bool *known, const unsigned short *nr)
{
	for (unsigned i = 0; i < RELATIVES_MAX && nr[i]; i++)
		if (known[nr[i] - 1])
			return true;
	return false;
}

/* Returns true if one of them was not known before. */
static bool learn_all(bool *known, const unsigned short *nr)
{
	bool added = false;

	for (unsigned i = 0; i < RELATIVES_MAX && nr[i]; i++) {
		added |= !known[nr[i] - 1];
		known[nr[i] - 1] = true;
	}
	return added;
}

void relatives_add(bool known[static LUTRA_NR])
{
	bool added = true;

	while (added) {
		added = false;
		for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
			if (is_any_known(known, list[i].of))
				added |= learn_all(known,
						   list[i].then[0] ? list[i].then : list[i].of);
	}
}
