/* SPDX-License-Identifier: Apache-2.0 */
/* Acts on processes and on System V objects of the host, by system calls without an own object. */
#include <stdint.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <unistd.h>

#include "tests/e2e/escapes/techniques/technique.h"

#define KEY 0x6c757472 /* of the host's objects */
#define BYTES 4096
#define NICE 7
#define FILES 77 /* of RLIMIT_NOFILE */

/* ---- System V objects ---- */

static int shm_prepare(struct host *h)
{
	int id = shmget(KEY, BYTES, IPC_CREAT | 0666);
	void *at = id < 0 ? NULL : shmat(id, NULL, 0);

	(void)h;
	if (!at || (intptr_t)at == -1)
		return -1;
	memcpy(at, FLAG, sizeof(FLAG));
	return shmdt(at);
}

static int read_shm(int victim)
{
	int id = shmget(KEY, BYTES, 0);
	const void *at = id < 0 ? NULL : shmat(id, NULL, SHM_RDONLY);

	(void)victim;
	if (!at || (intptr_t)at == -1)
		return errno;
	memcpy(loot, at, sizeof(FLAG));
	return 0;
}

static int sem_prepare(struct host *h)
{
	(void)h;
	return semget(KEY, 1, IPC_CREAT | 0666) < 0 ? -1 : 0;
}

static int remove_sem(int victim)
{
	int id = semget(KEY, 1, 0);

	(void)victim;
	return id < 0 ? errno : FAILED(semctl(id, 0, IPC_RMID));
}

static bool is_sem_gone(struct host *h)
{
	(void)h;
	return semget(KEY, 1, 0) < 0;
}

/* ---- processes ---- */

static int renice_host(int victim)
{
	return FAILED(setpriority(PRIO_PROCESS, (id_t)victim, NICE));
}

static bool is_nice(struct host *h)
{
	return getpriority(PRIO_PROCESS, (id_t)h->world->pid) == NICE;
}

static int limit_host(int victim)
{
	const struct rlimit files = {FILES, FILES};

	return FAILED(prlimit(victim, RLIMIT_NOFILE, &files, NULL));
}

static bool is_limited(struct host *h)
{
	struct rlimit now = {};

	return prlimit(h->world->pid, RLIMIT_NOFILE, NULL, &now) == 0 && now.rlim_cur == FILES;
}

void outside_undo(int victim)
{
	const struct rlimit files = {1024, 4096};
	int id = shmget(KEY, BYTES, 0);

	if (id >= 0)
		shmctl(id, IPC_RMID, NULL);
	id = semget(KEY, 1, 0);
	if (id >= 0)
		semctl(id, 0, IPC_RMID);
	setpriority(PRIO_PROCESS, (id_t)victim, 0);
	prlimit(victim, RLIMIT_NOFILE, &files, NULL);
}

const struct technique outside_techniques[] = {
	{"host_shm", "T1005", "reads the host's System V shared memory", .seen = "ipc_permission",
	 .stopped = "^shmget ", .run = read_shm, .prepare = shm_prepare},
	{"host_semaphore", "T1489", "removes a System V semaphore of the host",
	 .seen = "ipc_permission", .stopped = "^semget |^semctl ", .run = remove_sem,
	 .prepare = sem_prepare, .probe = is_sem_gone},
	{"renice_host", "T1499", "makes a host process slow", .seen = "task_setnice",
	 .stopped = "^setpriority ", .run = renice_host, .probe = is_nice},
	{"limit_host", "T1499", "sets a limit of a host process", .seen = "task_setrlimit",
	 .stopped = "^prlimit64 ", .run = limit_host, .probe = is_limited},
	{0},
};
