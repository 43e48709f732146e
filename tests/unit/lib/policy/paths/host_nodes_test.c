/* SPDX-License-Identifier: Apache-2.0 */
/* A policy that knows where a container shows the host: for its sessions, and not for its service. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "lib/abi/rules.h"
#include "lib/policy/paths/host_places.h"
#include "lib/replay/replay.h"
#include "lutra/score.h"
#include "tests/support/sample.h"

#define SERVICE 1 /* tasks */
#define OPERATOR 2

struct fixture {
	struct policy *p;
	struct host_places places;
	struct replay *r;
	size_t left_out, n_nodes;
};

static int host_nodes_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->p = sample_policy();
	f->p->ops |= 1u << LUTRA_OP_UNLINK | 1u << LUTRA_OP_RENAME_FROM | 1u << LUTRA_OP_MKDIR;
	f->p->audit_sessions = true;
	*state = f;
	return 0;
}

static int host_nodes_teardown(void **state)
{
	struct fixture *f = *state;

	replay_free(f->r);
	host_places_done(&f->places);
	policy_free(f->p);
	free(f);
	return 0;
}

static void add_mount(struct fixture *f, const char *source, const char *point)
{
	assert_int_equal(host_places_add_mount(&f->places, source, point), 0);
}

/* Starts the service and an operator's session in mode deny, by the policy with its places. */
static void start_replay(struct fixture *f)
{
	struct lutra_record arm = {.type = LUTRA_RECORD_ARM, .tid = SERVICE};
	struct policy view = *f->p;
	struct replay_step s;

	assert_int_equal(
		host_places_to_nodes(&f->places, f->p, &view.nodes, &view.n_nodes, &f->left_out),
		0);
	f->n_nodes = view.n_nodes;
	replay_free(f->r);
	assert_int_equal(replay_new(&f->r, &view, LUTRA_MODE_DENY, NULL), 0);
	free(view.nodes);
	assert_int_equal(replay_next(f->r, &arm, NULL, 0, &s), 0);
	arm.tid = OPERATOR;
	arm.aux = 1;
	assert_int_equal(replay_next(f->r, &arm, NULL, 0, &s), 0);
}

/* Returns the verdict. */
static unsigned feed_object(struct fixture *f, uint32_t tid, struct lutra_object o,
			    const char *path)
{
	struct lutra_record rec = {.type = LUTRA_RECORD_OBJECT, .tid = tid, .ts_ns = 1};
	struct replay_step s;

	o.flags |= LUTRA_OBJ_PATH;
	lutra_object_pack(&o, &rec);
	assert_int_equal(replay_next(f->r, &rec, path, strlen(path), &s), 1);
	return s.verdict;
}

static unsigned read_file(struct fixture *f, uint32_t tid, const char *path)
{
	return feed_object(f, tid, (struct lutra_object){.op = LUTRA_OP_OPEN, .mode = 0100644},
			   path);
}

static unsigned write_file(struct fixture *f, uint32_t tid, const char *path)
{
	const struct lutra_object o = {
		.op = LUTRA_OP_OPEN, .flags = LUTRA_OBJ_WRITE, .mode = 0100644};

	return feed_object(f, tid, o, path);
}

static unsigned change_name(struct fixture *f, unsigned op, unsigned mode, const char *path)
{
	const struct lutra_object o = {.op = (uint8_t)op, .mode = (uint16_t)mode};

	return feed_object(f, OPERATOR, o, path);
}

#define assert_denied(verdict) assert_int_equal(verdict, LUTRA_VERDICT_DENY)
#define assert_allowed(verdict) assert_int_equal(verdict, LUTRA_VERDICT_ALLOW)

static void session_is_refused_the_hosts_etc(void **state)
{
	struct fixture *f = *state;

	start_replay(f);
	assert_allowed(write_file(f, OPERATOR, "/host/etc/passwd"));
	add_mount(f, "/etc", "/host/etc");
	start_replay(f);
	assert_int_equal(f->left_out, 0);
	assert_denied(write_file(f, OPERATOR, "/host/etc/passwd"));
	assert_denied(write_file(f, OPERATOR, "/host/etc/cron.d/x"));
	assert_denied(change_name(f, LUTRA_OP_UNLINK, 0100644, "/host/etc/passwd"));
	assert_denied(change_name(f, LUTRA_OP_MKDIR, 0040755, "/host/etc/new"));
	assert_denied(change_name(f, LUTRA_OP_RENAME_FROM, 0040755, "/host/etc/ssh"));
	assert_denied(read_file(f, OPERATOR, "/host/etc/shadow"));
	assert_denied(read_file(f, OPERATOR, "/host/etc/ssh/ssh_host_rsa_key"));
	assert_allowed(read_file(f, OPERATOR, "/host/etc/os-release"));
	assert_allowed(write_file(f, OPERATOR, "/etc/passwd"));
	assert_allowed(read_file(f, OPERATOR, "/etc/shadow"));
	assert_allowed(write_file(f, OPERATOR, "/host/x"));
}

static void session_may_use_data_of_the_hosts_root(void **state)
{
	struct fixture *f = *state;

	add_mount(f, "/", "/host");
	assert_int_equal(host_places_add_volume(&f->places, NULL, "/host/etc/app"), 0);
	start_replay(f);
	assert_denied(write_file(f, OPERATOR, "/host/etc/passwd"));
	assert_denied(write_file(f, OPERATOR, "/host/new"));
	assert_denied(read_file(f, OPERATOR, "/host/root/.ssh/id_rsa"));
	assert_denied(write_file(f, OPERATOR, "/host/proc/1/oom_score_adj"));
	assert_denied(write_file(f, OPERATOR, "/host/dev/kmsg"));
	assert_allowed(write_file(f, OPERATOR, "/host/dev/null"));
	assert_allowed(write_file(f, OPERATOR, "/host/srv/data/x"));
	assert_allowed(write_file(f, OPERATOR, "/host/etc/app/x"));
	assert_allowed(read_file(f, OPERATOR, "/host/etc/app/shadow"));
}

/*
 * By default an operator is alerted by much that is new at a node of the tree. At the host's nodes a session
 * is refused it.
 */
static void session_is_refused_the_host_by_default_actions(void **state)
{
	struct fixture *f = *state;

	for (unsigned rule = 0; rule < LUTRA_RULE_COUNT; rule++)
		f->p->action[rule] = rule_get(rule)->action;
	add_mount(f, "/etc", "/host/etc");
	add_mount(f, "/", "/srv");
	start_replay(f);
	assert_denied(read_file(f, OPERATOR, "/host/etc/shadow"));
	assert_denied(read_file(f, OPERATOR, "/host/etc/ssh/ssh_host_rsa_key"));
	assert_denied(write_file(f, OPERATOR, "/host/etc/passwd"));
	assert_denied(write_file(f, OPERATOR, "/host/etc/shadow"));
	assert_denied(change_name(f, LUTRA_OP_UNLINK, 0100644, "/host/etc/shadow"));
	assert_denied(change_name(f, LUTRA_OP_UNLINK, 0100644, "/srv/x"));
	assert_denied(change_name(f, LUTRA_OP_UNLINK, 0100644, "/srv/pages/x"));
	assert_denied(write_file(f, OPERATOR, "/srv/pages/x"));
	assert_allowed(read_file(f, OPERATOR, "/host/etc/os-release"));
}

static unsigned use_socket(struct fixture *f, unsigned op, const char *path)
{
	const struct lutra_object o = {.op = (uint8_t)op, .family = LUTRA_AF_UNIX};

	return feed_object(f, OPERATOR, o, path);
}

static void session_is_refused_the_sockets_of_engines(void **state)
{
	struct fixture *f = *state;

	f->p->ops |= 1u << LUTRA_OP_CONNECT | 1u << LUTRA_OP_SEND;
	start_replay(f);
	assert_allowed(use_socket(f, LUTRA_OP_CONNECT, "/engine.sock"));
	add_mount(f, "/run/docker.sock", "/engine.sock");
	add_mount(f, "/run/containerd", "/srv/engine");
	start_replay(f);
	assert_int_equal(f->left_out, 0);
	assert_denied(use_socket(f, LUTRA_OP_CONNECT, "/engine.sock"));
	assert_denied(use_socket(f, LUTRA_OP_SEND, "/engine.sock"));
	assert_denied(use_socket(f, LUTRA_OP_CONNECT, "/srv/engine/containerd.sock"));
	assert_allowed(use_socket(f, LUTRA_OP_CONNECT, "/srv/engine/debug.sock"));
}

/* Digits are folded, so both are one node: what is refused at one of them is refused at both. */
static void places_that_are_one_node_add_up(void **state)
{
	struct fixture *f = *state;

	add_mount(f, "/root", "/host1");
	add_mount(f, "/etc", "/host2");
	add_mount(f, "/", "/all");
	assert_int_equal(host_places_add_volume(&f->places, NULL, "/all/disk1"), 0);
	add_mount(f, "/var/lib", "/all/disk2");
	assert_int_equal(host_places_add_volume(&f->places, NULL, "/all/disk3"), 0);
	start_replay(f);
	assert_denied(read_file(f, OPERATOR, "/host1/key"));
	assert_denied(write_file(f, OPERATOR, "/host2/passwd"));
	assert_denied(write_file(f, OPERATOR, "/all/disk2/x"));
}

/* Its name in the container does not make a file of the host secret. */
static void secrets_are_the_hosts_by_the_hosts_names(void **state)
{
	struct fixture *f = *state;

	add_mount(f, "/etc", "/home/app/etc");
	start_replay(f);
	assert_denied(write_file(f, OPERATOR, "/home/app/etc/os-release"));
	assert_denied(read_file(f, OPERATOR, "/home/app/etc/shadow"));
	assert_allowed(read_file(f, OPERATOR, "/home/app/etc/os-release"));
}

/* What the service did in training is known, also to sessions; its own verdicts are as before. */
static void service_is_judged_as_before(void **state)
{
	static const char *const paths[] = {"/etc/hosts", "/etc/shadow",  "/etc/ssh/key",
					    "/srv/x",	  "/srv/pages/a", "/var/x"};
	struct fixture *f = *state;
	unsigned before[6][2];

	start_replay(f);
	for (size_t i = 0; i < 6; i++) {
		before[i][0] = read_file(f, SERVICE, paths[i]);
		before[i][1] = write_file(f, SERVICE, paths[i]);
	}
	add_mount(f, "/etc", "/etc");
	add_mount(f, "/", "/srv");
	add_mount(f, "/var", "/var");
	start_replay(f);
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(read_file(f, SERVICE, paths[i]), before[i][0]);
		assert_int_equal(write_file(f, SERVICE, paths[i]), before[i][1]);
	}
	assert_allowed(read_file(f, OPERATOR, "/etc/hosts"));
	assert_denied(write_file(f, OPERATOR, "/etc/hosts"));
	assert_denied(write_file(f, OPERATOR, "/srv/pages/a"));
}

static void places_below_wildcards_are_left_out(void **state)
{
	struct fixture *f = *state;

	add_mount(f, "/var/lib", "/srv/pages/lib");
	start_replay(f);
	assert_true(f->left_out > 0);
	assert_int_equal(f->n_nodes, f->p->n_nodes);
	assert_allowed(write_file(f, OPERATOR, "/srv/pages/lib/x"));
}

static void places_that_are_no_paths_are_left_out(void **state)
{
	struct fixture *f = *state;

	add_mount(f, "/usr", "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17");
	add_mount(f, "/usr",
		  "/a-component-of-more-than-sixty-three-bytes-which-no-tree-can-hold-x");
	add_mount(f, "/usr", "/a/../b");
	start_replay(f);
	assert_int_equal(f->left_out, f->places.n);
	assert_int_equal(f->n_nodes, f->p->n_nodes);
}

/* Each place that fits is there; the policy still loads. */
static void places_of_a_full_tree_are_left_out(void **state)
{
	struct fixture *f = *state;

	f->p->nodes = realloc(f->p->nodes, LUTRA_NODES * sizeof(*f->p->nodes));
	memset(f->p->nodes + f->p->n_nodes, 0,
	       (LUTRA_NODES - f->p->n_nodes) * sizeof(*f->p->nodes));
	while (f->p->n_nodes < LUTRA_NODES - 3) {
		char name[32];

		/* Letters alone, since digits are folded. */
		snprintf(name, sizeof(name), "%c%c%c", (int)('a' + f->p->n_nodes % 26),
			 (int)('a' + f->p->n_nodes / 26 % 26),
			 (int)('a' + f->p->n_nodes / 676 % 26));
		sample_node(f->p, 2, name, 0, 0);
	}
	add_mount(f, "/etc", "/host/etc");
	start_replay(f);
	assert_int_equal(f->n_nodes, LUTRA_NODES);
	assert_true(f->left_out > 0);
	assert_denied(write_file(f, OPERATOR, "/host/etc/passwd"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, host_nodes_setup, host_nodes_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(session_is_refused_the_host_by_default_actions),
		T(session_is_refused_the_hosts_etc),
		T(session_may_use_data_of_the_hosts_root),
		T(session_is_refused_the_sockets_of_engines),
		T(places_that_are_one_node_add_up),
		T(secrets_are_the_hosts_by_the_hosts_names),
		T(service_is_judged_as_before),
		T(places_below_wildcards_are_left_out),
		T(places_that_are_no_paths_are_left_out),
		T(places_of_a_full_tree_are_left_out),
	};

	return cmocka_run_group_tests_name("host_nodes", tests, NULL, NULL);
}
