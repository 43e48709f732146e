/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of System V objects: the system calls keep key or id, and flags. Where hooks run, a record
 * of its own has the key and the owner of an object that is named by its id.
 */
#include "tests/support/bpf/test_program.h"

#include <sched.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <unistd.h>

#define KEY 0x4c757472
#define OWNER 4711
#define BYTES 16

/* In a namespace of its own, so that nothing is left behind. */
static int work_ipc(void)
{
	struct {
		long type;
		char text[BYTES];
	} message = {1, ""};
	struct sembuf up = {0, 1, 0};
	struct shmid_ds shm = {};
	int id;

	if (unshare(CLONE_NEWIPC) < 0)
		return 2;
	if (shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600) < 0)
		return 3;
	id = shmget(KEY, 4096, IPC_CREAT | 0640);
	if (id < 0 || shmctl(id, IPC_STAT, &shm) < 0)
		return 3;
	shm.shm_perm.uid = OWNER;
	if (shmctl(id, IPC_SET, &shm) < 0 || (intptr_t)shmat(id, NULL, SHM_RDONLY) == -1)
		return 4;
	shmctl(id, IPC_RMID, NULL);
	id = semget(KEY + 1, 1, IPC_CREAT | 0600);
	if (syscall(SYS_semop, id, &up, 1) < 0 || semctl(id, 0, IPC_RMID) < 0)
		return 5;
	id = msgget(KEY + 2, IPC_CREAT | IPC_EXCL | 0600);
	if (msgsnd(id, &message, BYTES, IPC_NOWAIT) < 0 ||
	    msgrcv(id, &message, BYTES, 0, IPC_NOWAIT) != BYTES || msgctl(id, IPC_RMID, NULL) < 0)
		return 6;
	return 0;
}

static const struct worker workers[] = {{"ipc", work_ipc}};

static void run_ipc(struct box *b)
{
	box_enroll(b, NULL, LUTRA_MODE_LEARN, true);
	assert_exited(box_run(b, "ipc", NULL), 0);
}

/* Returns the first record of a type and system call behind another; fails if there is none. */
static const struct seen_record *next_of(const struct box *b, uint16_t type, unsigned nr,
					 const struct seen_record *after)
{
	const struct seen_record *r = box_find_record(b, type, after);

	while (r && r->rec.nr != nr)
		r = box_find_record(b, type, r);
	return assert_record(r, "of a System V call");
}

static void assert_args(const struct seen_record *r, uint32_t first, uint32_t second)
{
	assert_int_equal((uint32_t)r->rec.arg, first);
	assert_int_equal(r->rec.arg >> 32, second);
}

static void ipc_calls_keep_key_or_id_and_flags(void **state)
{
	struct box *b = *state;
	const struct seen_record *r;
	uint32_t id;

	run_ipc(b);
	r = next_of(b, LUTRA_RECORD_SYSCALL, SYS_shmget, NULL);
	assert_args(r, IPC_PRIVATE, IPC_CREAT | 0600);
	r = next_of(b, LUTRA_RECORD_SYSCALL, SYS_shmget, r);
	assert_args(r, KEY, IPC_CREAT | 0640);
	r = next_of(b, LUTRA_RECORD_SYSCALL, SYS_shmctl, r);
	id = (uint32_t)r->rec.arg;
	assert_int_equal(r->rec.arg >> 32, IPC_STAT);
	assert_args(next_of(b, LUTRA_RECORD_SYSCALL, SYS_shmat, r), id, SHM_RDONLY);
	r = next_of(b, LUTRA_RECORD_SYSCALL, SYS_semget, r);
	assert_args(r, KEY + 1, IPC_CREAT | 0600);
	r = next_of(b, LUTRA_RECORD_SYSCALL, SYS_semop, r);
	assert_int_equal(r->rec.arg >> 32, 1);
	assert_args(next_of(b, LUTRA_RECORD_SYSCALL, SYS_semctl, r), (uint32_t)r->rec.arg,
		    IPC_RMID);
	r = next_of(b, LUTRA_RECORD_SYSCALL, SYS_msgget, r);
	assert_args(r, KEY + 2, IPC_CREAT | IPC_EXCL | 0600);
	r = next_of(b, LUTRA_RECORD_SYSCALL, SYS_msgsnd, r);
	assert_int_equal(r->rec.arg >> 32, IPC_NOWAIT);
	assert_args(next_of(b, LUTRA_RECORD_SYSCALL, SYS_msgrcv, r), (uint32_t)r->rec.arg,
		    IPC_NOWAIT);
	assert_args(next_of(b, LUTRA_RECORD_SYSCALL, SYS_msgctl, r), (uint32_t)r->rec.arg,
		    IPC_RMID);
}

static void assert_use(const struct box *b, unsigned nr, uint32_t key, uint32_t owner,
		       uint16_t asked, const struct seen_record *after)
{
	const struct seen_record *r = next_of(b, LUTRA_RECORD_IPC, nr, after);

	assert_args(r, key, owner);
	assert_int_equal(r->rec.aux, asked);
}

static void ipc_hooks_record_key_and_owner(void **state)
{
	struct box *b = *state;
	const struct seen_record *r;

	if (!box_lsm_runs())
		test_program_skip("this kernel does not run BPF LSM programs");
	run_ipc(b);
	r = next_of(b, LUTRA_RECORD_IPC, SYS_shmctl, NULL); /* to read its state */
	assert_args(r, KEY, 0);
	assert_int_equal(r->rec.aux & 0444, 0444);
	r = next_of(b, LUTRA_RECORD_IPC, SYS_shmctl, r); /* to give it another owner */
	assert_args(r, KEY, 0);
	assert_int_equal(r->rec.aux, 0);
	assert_use(b, SYS_shmat, KEY, OWNER, 0444, r);
	assert_use(b, SYS_shmctl, KEY, OWNER, 0, r);
	assert_use(b, SYS_semop, KEY + 1, 0, 0222, r);
	assert_use(b, SYS_semctl, KEY + 1, 0, 0, r);
	assert_use(b, SYS_msgsnd, KEY + 2, 0, 0222, r);
	assert_use(b, SYS_msgrcv, KEY + 2, 0, 0444, r);
	assert_use(b, SYS_msgctl, KEY + 2, 0, 0, r);
}

static void ipc_owner_is_not_recorded_without_hooks(void **state)
{
	struct box *b = *state;

	if (guard_has_lsm(b->guard))
		test_program_skip("this kernel runs BPF LSM programs");
	run_ipc(b);
	assert_int_equal(box_count_records(b, LUTRA_RECORD_IPC), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, box_setup, box_teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(ipc_calls_keep_key_or_id_and_flags),
		TEST(ipc_hooks_record_key_and_owner),
		TEST(ipc_owner_is_not_recorded_without_hooks),
	};

	return TEST_PROGRAM(argc, argv, test_program_why_not);
}
