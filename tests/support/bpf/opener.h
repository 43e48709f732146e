/* SPDX-License-Identifier: Apache-2.0 */
/* A process in a container that opens files as the test asks it to, over two pipes. */
#ifndef LUTRA_TESTS_SUPPORT_BPF_OPENER_H
#define LUTRA_TESTS_SUPPORT_BPF_OPENER_H

#include "tests/support/bpf/box.h"

#define NOVEL SYS_getpgid /* harmless, and made by no other code of the process */
#define PATH_BYTES 640

enum opener_task { OPENER_OPEN, OPENER_ACCEPT, OPENER_CALL_NOVEL };

struct opener_request {
	uint32_t task; /* enum opener_task */
	uint32_t times;
	int32_t flags;
	uint32_t nr; /* SYS_openat, or SYS_open */
	/* Opened in turn; the second may be empty. */
	char path[2][PATH_BYTES];
};

struct opener_reply {
	int32_t error; /* of the last open that failed, or 0 */
	uint32_t opened;
};

struct opener {
	pid_t pid;
	int to, from;
};

/* The worker's argument, set by main(). */
extern const char *opener_fds;

/* The worker "opener": answers requests until the test ends it. Returns an exit code. */
int opener_work(void);

/* Starts an opener in a cgroup. It answers requests when this returns, and ends with the test. */
struct opener opener_start(struct box *b, const char *cgroup);
/* Starts another worker, which executes the opener, in the place of the opener. */
struct opener opener_start_by(struct box *b, const char *cgroup, const char *worker);
void opener_end(struct opener *opener);

void opener_send(const struct opener *opener, const struct opener_request *q);
struct opener_reply opener_receive(const struct opener *opener);
/* Sends a request and waits for its reply. */
struct opener_reply opener_ask(const struct opener *opener, const struct opener_request *q);
/* Has a task done that needs no path. */
void opener_do(const struct opener *opener, enum opener_task task);
/* Returns true if the opener has not answered yet. */
bool opener_is_busy(const struct opener *opener);
/* Lets the opener run on one CPU alone, where there are several. */
void opener_pin(const struct opener *opener, int cpu);

/* ---- files to open; each fails the test on an error ---- */

void make_file(const char *path);
void make_dir(const char *path);
void move_file(const char *from, const char *to);

/* ---- a test that opens files ---- */

#define OPENER_DIR "/tmp/lutra-test-known" /* a table of depths counts its letters */
#define OPENER_FILE OPENER_DIR "/file"

/* Makes OPENER_DIR and the box, or removes both. */
int opener_setup(void **state);
int opener_teardown(void **state);
/* Enrols the box in mode audit by a policy, which is freed, and starts an opener. */
struct opener opener_enroll(struct box *b, struct policy *p);
/* Makes OPENER_FILE, and starts an opener under a policy that knows it. */
struct opener opener_enroll_file(struct box *b);

#endif
