/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Unix socket is judged by the path of the socket that is met: by connect and by messages, through
 * symbolic links, and where the socket was bound in another mount namespace. Skipped where LSM programs
 * do not run.
 */
#include "tests/support/bpf/kernel_policy.h"
#include "tests/support/bpf/test_program.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define NAME "lutra-test-peer"
#define BASE "/tmp/" NAME
#define KNOWN BASE "/known"
#define OTHER BASE "/other"
#define ALIAS BASE "/alias" /* a link to KNOWN */
#define LINK BASE "/link"   /* a link to OTHER */

static const char *worker_arg; /* a path */

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	return a;
}

/* ---- workers ---- */

static int try_connect(void)
{
	struct sockaddr_un a = address_of(worker_arg);

	return outcome_of(connect(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
				  (struct sockaddr *)&a, sizeof(a)));
}

static int try_message(void)
{
	struct sockaddr_un a = address_of(worker_arg);

	return outcome_of(sendto(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), "x", 1, 0,
				 (struct sockaddr *)&a, sizeof(a)));
}

/* Connects, and sends twice. */
static int try_datagrams(void)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un a = address_of(worker_arg);

	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return outcome_of(-1);
	for (int i = 0; i < 2; i++)
		if (send(fd, "x", 1, 0) != 1)
			return ELSE;
	return DONE;
}

/* Sockets without a name. */
static int try_pair(void)
{
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fd) < 0)
		return ELSE;
	return outcome_of(send(fd[0], "x", 1, 0));
}

static const struct worker workers[] = {
	{"connect", try_connect},
	{"message", try_message},
	{"datagrams", try_datagrams},
	{"pair", try_pair},
};

/* ---- helpers ---- */

static bool bind_socket(const char *path, int type)
{
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	struct sockaddr_un a = address_of(path);

	unlink(path);
	return fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 &&
	       (type != SOCK_STREAM || listen(fd, 8) == 0);
}

static bool make_sockets(int type)
{
	mkdir(BASE, 0755);
	unlink(ALIAS);
	unlink(LINK);
	return bind_socket(KNOWN, type) && bind_socket(OTHER, type) && symlink(KNOWN, ALIAS) == 0 &&
	       symlink(OTHER, LINK) == 0;
}

static bool enter_own_mounts(void)
{
	return unshare(CLONE_NEWNS) == 0 &&
	       mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

/*
 * Starts a process outside the container that makes the sockets KNOWN and OTHER, and the links to them.
 * The guard refuses connections to its own process, so this one cannot do it. own_mounts: in a mount
 * namespace of its own. Returns its pid.
 */
static pid_t peers_start(int type, bool own_mounts)
{
	char ready = 0;
	int fd[2];
	pid_t pid;

	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if ((!own_mounts || enter_own_mounts()) && make_sockets(type) &&
		    write(fd[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	close(fd[1]);
	assert_int_equal(read(fd[0], &ready, 1), 1);
	close(fd[0]);
	return pid;
}

static void peers_stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	unlink(KNOWN);
	unlink(OTHER);
	unlink(ALIAS);
	unlink(LINK);
	rmdir(BASE);
}

/* A policy that knows KNOWN as a peer, and refuses every other. */
static struct policy *peer_policy(void)
{
	const struct lutra_object o = {
		.op = LUTRA_OP_PEER, .family = LUTRA_AF_UNIX, .flags = LUTRA_OBJ_PATH};
	struct lutra_policy *none = calloc(1, sizeof(*none));
	struct policy *p = kernel_policy_new();
	struct lutra_class c = {0};

	assert_non_null(none);
	p->ops = 1u << LUTRA_OP_PEER;
	p->nodes[0].flags = 0;
	p->action[LUTRA_RULE_CONNECT] = LUTRA_ACTION_DENY;
	c.node = kernel_policy_node(p, 0, "tmp", true, 0);
	c.node = kernel_policy_node(p, c.node, NAME, true, 0);
	c.node = kernel_policy_node(p, c.node, "known", false, 0);
	for (uint8_t role = 0; role < LUTRA_ROLES; role++)
		p->objects[p->n_objects++] = lutra_object_token(none, &o, &c, 0, role);
	free(none);
	return p;
}

static void enroll_peers(struct box *b, struct policy *p)
{
	box_enroll(b, p, LUTRA_MODE_DENY, false);
	policy_free(p);
}

static int run_fresh(struct box *b, const char *worker, const char *path)
{
	b->n_evidence = b->n_children = 0;
	return box_run(b, worker, path);
}

static void assert_refused(struct box *b, const char *worker, const char *path)
{
	const struct seen_evidence *e;

	assert_exited(run_fresh(b, worker, path), REFUSED);
	e = box_find_evidence(b, LUTRA_RULE_CONNECT);
	assert_non_null(e);
	assert_int_equal(e->ev.object.op, LUTRA_OP_PEER);
	assert_true(e->ev.refused);
	assert_string_equal(e->str, OTHER);
}

static void check_links(struct box *b, int type, const char *worker, bool own_mounts)
{
	pid_t pid = peers_start(type, own_mounts);

	enroll_peers(b, peer_policy());
	assert_exited(run_fresh(b, worker, KNOWN), DONE);
	assert_exited(run_fresh(b, worker, ALIAS), DONE);
	assert_refused(b, worker, LINK);
	assert_refused(b, worker, OTHER);
	peers_stop(pid);
}

/* ---- tests ---- */

static void peer_of_connect_is_the_socket_that_a_link_leads_to(void **state)
{
	check_links(*state, SOCK_STREAM, "connect", false);
}

static void peer_of_message_is_the_socket_that_a_link_leads_to(void **state)
{
	check_links(*state, SOCK_DGRAM, "message", false);
}

static void peer_of_connected_datagrams_is_judged_at_connect(void **state)
{
	check_links(*state, SOCK_DGRAM, "datagrams", false);
}

static void peer_without_a_name_is_not_judged(void **state)
{
	struct box *b = *state;

	enroll_peers(b, peer_policy());
	assert_exited(run_fresh(b, "pair", NULL), DONE);
}

static void peer_is_not_judged_by_an_older_policy(void **state)
{
	struct policy *p = peer_policy();
	struct box *b = *state;
	pid_t pid = peers_start(SOCK_STREAM, false);

	p->ops = 1u << LUTRA_OP_SEND;
	enroll_peers(b, p);
	assert_exited(run_fresh(b, "connect", LINK), DONE);
	assert_int_equal(b->n_evidence, 0);
	peers_stop(pid);
}

static void peer_bound_in_other_mounts_has_its_path_in_the_container(void **state)
{
	check_links(*state, SOCK_STREAM, "connect", true);
}

static void peer_is_recorded_by_its_path(void **state)
{
	struct policy *p = kernel_policy_new();
	pid_t pid = peers_start(SOCK_STREAM, false);
	struct box *b = *state;

	box_enroll(b, p, LUTRA_MODE_AUDIT, true);
	policy_free(p);
	assert_exited(box_run(b, "connect", LINK), DONE);
	assert_record(box_find_object(b, LUTRA_OP_PEER, OTHER), "the socket that is met");
	assert_record(box_find_object(b, LUTRA_OP_CONNECT, LINK), "the name in the address");
	peers_stop(pid);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BOX_TEST(peer_of_connect_is_the_socket_that_a_link_leads_to),
		BOX_TEST(peer_of_message_is_the_socket_that_a_link_leads_to),
		BOX_TEST(peer_of_connected_datagrams_is_judged_at_connect),
		BOX_TEST(peer_without_a_name_is_not_judged),
		BOX_TEST(peer_is_not_judged_by_an_older_policy),
		BOX_TEST(peer_bound_in_other_mounts_has_its_path_in_the_container),
		BOX_TEST(peer_is_recorded_by_its_path),
	};

	worker_arg = argc > 3 ? argv[3] : "";
	return TEST_PROGRAM(argc, argv, test_program_why_no_hooks);
}
