/* SPDX-License-Identifier: Apache-2.0 */
/* What a person accepted is known to the policy afterwards, and its neighbour is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

#include "lib/abi/path_text.h"
#include "lib/policy/accepted/accepted.h"
#include "lutra/score.h"
#include "tests/support/sample.h"
#include "tests/support/scratch.h"

#define NOW 1000000000

struct fixture {
	struct policy *p;
	struct lutra_policy *image;
	json_t *delta;
};

static int accepted_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->p = sample_policy();
	f->p->ops = LUTRA_OPS_ALL;
	f->image = calloc(1, sizeof(*f->image));
	f->delta = accepted_new("/srv/shop");
	*state = f;
	return f->image && f->delta ? 0 : -1;
}

static int accepted_teardown(void **state)
{
	struct fixture *f = *state;

	policy_free(f->p);
	free(f->image);
	json_decref(f->delta);
	free(f);
	return 0;
}

static struct accepted_facts facts_of(unsigned rule, unsigned role, const char *object,
				      const char *path)
{
	return (struct accepted_facts){
		.rule = rule, .role = role, .object = object, .path = path, .call = "openat"};
}

/* Reads facts and returns the scope of this name. */
static struct accepted_scope read_scope(const struct accepted_facts *facts, const char *name)
{
	struct accepted_reading list[ACCEPTED_READINGS_MAX];
	struct policy *p = sample_policy();
	struct err err = {""};
	int n = accepted_readings(p, facts, list, &err), i = 0;

	policy_free(p);
	if (n < 0)
		fail_msg("%s", err.msg);
	while (i < n && strcmp(list[i].name, name) != 0)
		i++;
	assert_true(i < n);
	return list[i].scope;
}

static void add_scope(struct fixture *f, const struct accepted_scope *s, time_t until)
{
	const struct accepted_request q = {.finding = "f0", .by = "root", .until = until};
	json_auto_t *entry = accepted_entry_new(s, &q, NOW - 1000);

	assert_non_null(entry);
	assert_int_equal(accepted_add(f->delta, entry, NULL), 0);
}

/* Accepts facts by the reading of this name. */
static void accept_facts(struct fixture *f, const struct accepted_facts *facts, const char *name)
{
	const struct accepted_scope s = read_scope(facts, name);

	add_scope(f, &s, 0);
}

/* Puts the delta on the policy. Nothing may be left out. */
static void apply_all(struct fixture *f)
{
	struct err left_out, err = {""};

	if (accepted_apply(f->p, f->delta, NOW, &left_out, &err) < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(left_out.msg, "");
	assert_int_equal(policy_to_kernel(f->p, 1, f->image, NULL), 0);
}

/* Returns the node that a path leads to as the role sees it; 0: none. */
static uint32_t node_of_path(const struct lutra_policy *p, const char *path, uint8_t role)
{
	struct lutra_class class;
	struct lutra_path parsed;
	char fold[LUTRA_NAME];

	path_text_parse(path, strlen(path), &parsed);
	lutra_classify_path(p, &parsed, 0, role == LUTRA_ROLE_SESSION ? LUTRA_CHILD_SESSION : 0,
			    fold, &class);
	return class.hit ? class.node : 0;
}

/* Returns the rule that an object matches, if starter starts it; LUTRA_RULE_NONE: it is known. */
static unsigned judge_started(struct fixture *f, struct lutra_object o, const char *path,
			      uint8_t role, const char *starter)
{
	struct lutra_judgement j = {0};
	struct lutra_path parsed = {0};
	char fold[LUTRA_NAME];

	assert_int_equal(policy_to_kernel(f->p, 1, f->image, NULL), 0);
	if (path) {
		o.flags |= LUTRA_OBJ_PATH;
		path_text_parse(path, strlen(path), &parsed);
	}
	lutra_judge_object(f->image, &o, &parsed, role, fold, &j);
	if (starter)
		lutra_judge_starter(f->image, &o, node_of_path(f->image, starter, role), role, &j);
	return j.rule;
}

/* Returns the rule that an object matches; LUTRA_RULE_NONE: it is known. */
static unsigned judge_object(struct fixture *f, struct lutra_object o, const char *path,
			     uint8_t role)
{
	return judge_started(f, o, path, role, NULL);
}

static const struct lutra_object read_file = {.op = LUTRA_OP_OPEN, .mode = 0100644};
static const struct lutra_object write_file = {
	.op = LUTRA_OP_OPEN, .mode = 0100644, .flags = LUTRA_OBJ_WRITE};
static const struct lutra_object run_program = {.op = LUTRA_OP_EXEC, .mode = 0100755};

static void accepted_apply_makes_a_path_known_and_not_its_neighbour(void **state)
{
	struct fixture *f = *state;
	const struct accepted_facts facts =
		facts_of(LUTRA_RULE_OPEN_READ_ELSEWHERE, LUTRA_ROLE_STEADY,
			 "open r file /srv/a/x.conf", "/srv/a/x.conf");

	assert_int_not_equal(judge_object(f, read_file, "/srv/a/x.conf", LUTRA_ROLE_STEADY),
			     LUTRA_RULE_NONE);
	accept_facts(f, &facts, "path");
	apply_all(f);
	assert_int_equal(judge_object(f, read_file, "/srv/a/x.conf", LUTRA_ROLE_STEADY),
			 LUTRA_RULE_NONE);
	assert_int_not_equal(judge_object(f, write_file, "/srv/a/x.conf", LUTRA_ROLE_STEADY),
			     LUTRA_RULE_NONE);
	assert_int_not_equal(judge_object(f, read_file, "/srv/a/y.conf", LUTRA_ROLE_STEADY),
			     LUTRA_RULE_NONE);
	assert_int_not_equal(judge_object(f, read_file, "/srv/x.conf", LUTRA_ROLE_STEADY),
			     LUTRA_RULE_NONE);
}

static void accepted_apply_makes_new_files_of_an_extension_known(void **state)
{
	struct fixture *f = *state;
	const struct accepted_facts facts =
		facts_of(LUTRA_RULE_OPEN_WRITE_ELSEWHERE, LUTRA_ROLE_STEADY,
			 "open w file /srv/out/a.csv", "/srv/out/a.csv");

	accept_facts(f, &facts, "extension");
	apply_all(f);
	assert_int_equal(judge_object(f, write_file, "/srv/out/a.csv", LUTRA_ROLE_STEADY),
			 LUTRA_RULE_NONE);
	assert_int_equal(judge_object(f, write_file, "/srv/out/other.csv", LUTRA_ROLE_STEADY),
			 LUTRA_RULE_NONE);
	assert_int_not_equal(judge_object(f, write_file, "/srv/out/a.php", LUTRA_ROLE_STEADY),
			     LUTRA_RULE_NONE);
	assert_int_not_equal(judge_object(f, read_file, "/srv/out/other.csv", LUTRA_ROLE_STEADY),
			     LUTRA_RULE_NONE);
	assert_int_not_equal(judge_object(f, write_file, "/srv/out/sub/a.csv", LUTRA_ROLE_STEADY),
			     LUTRA_RULE_NONE);
	assert_int_not_equal(judge_object(f, write_file, "/srv/a.csv", LUTRA_ROLE_STEADY),
			     LUTRA_RULE_NONE);
}

static void accepted_apply_keeps_a_program_to_its_role(void **state)
{
	struct fixture *f = *state;
	const struct accepted_facts facts =
		facts_of(LUTRA_RULE_EXEC, LUTRA_ROLE_STEADY, "exec /usr/bin/id", "/usr/bin/id");

	accept_facts(f, &facts, "path");
	apply_all(f);
	assert_int_equal(judge_object(f, run_program, "/usr/bin/id", LUTRA_ROLE_STEADY),
			 LUTRA_RULE_NONE);
	assert_int_equal(judge_object(f, run_program, "/usr/bin/id", LUTRA_ROLE_STARTUP),
			 LUTRA_RULE_EXEC);
	assert_int_equal(judge_object(f, run_program, "/usr/bin/ls", LUTRA_ROLE_STEADY),
			 LUTRA_RULE_EXEC);
}

static void accepted_apply_in_every_role_leaves_out_nobody(void **state)
{
	struct fixture *f = *state;
	const struct accepted_facts facts =
		facts_of(LUTRA_RULE_EXEC, LUTRA_ROLE_STEADY, "exec /usr/bin/id", "/usr/bin/id");

	accept_facts(f, &facts, "roles");
	apply_all(f);
	for (uint8_t role = 0; role < LUTRA_ROLES; role++)
		assert_int_equal(judge_object(f, run_program, "/usr/bin/id", role),
				 LUTRA_RULE_NONE);
}

static void accepted_apply_of_a_session_gives_the_service_nothing(void **state)
{
	struct fixture *f = *state;
	struct accepted_facts facts =
		facts_of(LUTRA_RULE_EXEC, LUTRA_ROLE_SESSION, "exec /opt/tool", "/opt/tool");

	facts.exec_session = true;
	accept_facts(f, &facts, "path");
	apply_all(f);
	assert_int_equal(judge_object(f, run_program, "/opt/tool", LUTRA_ROLE_SESSION),
			 LUTRA_RULE_NONE);
	assert_int_equal(judge_object(f, run_program, "/opt/tool", LUTRA_ROLE_STEADY),
			 LUTRA_RULE_EXEC);
}

static void accepted_apply_of_the_service_keeps_what_sessions_know(void **state)
{
	struct fixture *f = *state;
	struct accepted_facts session =
		facts_of(LUTRA_RULE_EXEC, LUTRA_ROLE_SESSION, "exec /opt/a/tool", "/opt/a/tool");
	const struct accepted_facts service =
		facts_of(LUTRA_RULE_EXEC, LUTRA_ROLE_STEADY, "exec /opt/a/other", "/opt/a/other");

	session.exec_session = true;
	accept_facts(f, &session, "path");
	accept_facts(f, &service, "path");
	apply_all(f);
	assert_int_equal(judge_object(f, run_program, "/opt/a/tool", LUTRA_ROLE_SESSION),
			 LUTRA_RULE_NONE);
	assert_int_equal(judge_object(f, run_program, "/opt/a/other", LUTRA_ROLE_STEADY),
			 LUTRA_RULE_NONE);
	assert_int_equal(judge_object(f, run_program, "/opt/a/tool", LUTRA_ROLE_STEADY),
			 LUTRA_RULE_EXEC);
}

static void accepted_apply_keeps_a_program_to_its_starter(void **state)
{
	struct fixture *f = *state;
	struct accepted_facts facts =
		facts_of(LUTRA_RULE_EXEC, LUTRA_ROLE_SPAWNED, "exec /bin/gzip", "/bin/gzip");
	char name[256] = "";

	facts.starter = "/usr/sbin/logrotate";
	accept_facts(f, &facts, "starter");
	apply_all(f);
	assert_int_equal(judge_started(f, run_program, "/bin/gzip", LUTRA_ROLE_SPAWNED,
				       "/usr/sbin/logrotate"),
			 LUTRA_RULE_NONE);
	assert_int_equal(judge_started(f, run_program, "/bin/gzip", LUTRA_ROLE_SPAWNED, "/bin/sh"),
			 LUTRA_RULE_EXEC);
	assert_int_equal(
		judge_started(f, run_program, "/bin/gzip", LUTRA_ROLE_SPAWNED, "/bin/gzip"),
		LUTRA_RULE_EXEC);
	assert_int_equal(judge_object(f, run_program, "/bin/gzip", LUTRA_ROLE_SPAWNED),
			 LUTRA_RULE_EXEC);
	assert_int_equal(judge_started(f, run_program, "/bin/gzip", LUTRA_ROLE_STEADY,
				       "/usr/sbin/logrotate"),
			 LUTRA_RULE_EXEC);
	/* To be the starter of one program makes nothing known of the starter itself. */
	assert_int_equal(judge_object(f, run_program, "/usr/sbin/logrotate", LUTRA_ROLE_SPAWNED),
			 LUTRA_RULE_EXEC);
	for (size_t i = 0; i < f->p->n_objects && !strstr(name, "started by"); i++)
		policy_object_name(f->p, f->p->objects[i], name, sizeof(name));
	assert_string_equal(name, "exec spawned /bin/gzip started by /usr/sbin/logrotate");
}

static void accepted_apply_of_a_session_s_starter_gives_the_service_nothing(void **state)
{
	struct fixture *f = *state;
	struct accepted_facts facts =
		facts_of(LUTRA_RULE_EXEC, LUTRA_ROLE_SESSION, "exec /bin/id", "/bin/id");

	facts.exec_session = true;
	facts.starter = "/bin/sh";
	accept_facts(f, &facts, "starter");
	apply_all(f);
	assert_int_equal(judge_started(f, run_program, "/bin/id", LUTRA_ROLE_SESSION, "/bin/sh"),
			 LUTRA_RULE_NONE);
	assert_int_equal(judge_started(f, run_program, "/bin/id", LUTRA_ROLE_SESSION, "/bin/id"),
			 LUTRA_RULE_EXEC);
	assert_int_equal(judge_started(f, run_program, "/bin/id", LUTRA_ROLE_STEADY, "/bin/sh"),
			 LUTRA_RULE_EXEC);
}

static void accepted_apply_makes_one_port_of_a_peer_known(void **state)
{
	struct fixture *f = *state;
	struct lutra_object o = {.op = LUTRA_OP_CONNECT,
				 .family = LUTRA_AF_INET,
				 .addr_class = LUTRA_ADDR_PRIVATE,
				 .addr = {10, 1, 2, 3},
				 .port = 5432};
	const struct accepted_facts facts = facts_of(LUTRA_RULE_CONNECT, LUTRA_ROLE_STEADY,
						     "connect 10.1.2.3:5432", "10.1.2.3:5432");

	accept_facts(f, &facts, "peer");
	apply_all(f);
	assert_int_equal(judge_object(f, o, NULL, LUTRA_ROLE_STEADY), LUTRA_RULE_NONE);
	o.port = 5433;
	assert_int_equal(judge_object(f, o, NULL, LUTRA_ROLE_STEADY), LUTRA_RULE_CONNECT);
	o.port = 5432;
	o.addr_class = LUTRA_ADDR_PUBLIC;
	assert_int_equal(judge_object(f, o, NULL, LUTRA_ROLE_STEADY), LUTRA_RULE_CONNECT);
}

static void accepted_apply_makes_a_system_call_known_in_a_role(void **state)
{
	struct fixture *f = *state;
	struct accepted_facts facts =
		facts_of(LUTRA_RULE_NEW_HOOKABLE, LUTRA_ROLE_STEADY, NULL, NULL);

	facts.call = "socket";
	accept_facts(f, &facts, "call");
	assert_int_equal(f->p->token[LUTRA_ROLE_STEADY][SYS_socket], LUTRA_UNK);
	apply_all(f);
	assert_int_not_equal(f->p->token[LUTRA_ROLE_STEADY][SYS_socket], LUTRA_UNK);
	assert_int_equal(f->p->token[LUTRA_ROLE_STARTUP][SYS_socket], LUTRA_UNK);
	assert_int_equal(f->p->token[LUTRA_ROLE_STEADY][SYS_bind], LUTRA_UNK);
	assert_int_equal(judge_object(f,
				      (struct lutra_object){.op = LUTRA_OP_HOOK,
							    .mode = LUTRA_HOOK_SOCKET_CREATE},
				      NULL, LUTRA_ROLE_STEADY),
			 LUTRA_RULE_NONE);
}

static void accepted_apply_raises_a_level_and_never_lowers_it(void **state)
{
	struct fixture *f = *state;
	struct accepted_facts facts = facts_of(LUTRA_RULE_LEVEL, LUTRA_ROLE_STEADY, NULL, NULL);

	facts.level = f->p->threshold + 5;
	accept_facts(f, &facts, "level");
	facts.level = 1;
	accept_facts(f, &facts, "level");
	apply_all(f);
	assert_int_equal(f->p->threshold, 123456 + 5);
}

static void accepted_apply_raises_level_n_alone(void **state)
{
	struct fixture *f = *state;
	struct accepted_facts facts = facts_of(LUTRA_RULE_NOVELTY, LUTRA_ROLE_STEADY, NULL, NULL);
	int32_t threshold = f->p->threshold;

	facts.level = f->p->novelty_threshold + 5;
	accept_facts(f, &facts, "level");
	apply_all(f);
	assert_int_equal(f->p->novelty_threshold, facts.level);
	assert_int_equal(f->p->threshold, threshold);
}

/* Level N of another policy may move otherwise. */
static void accepted_apply_leaves_level_n_that_moves_otherwise(void **state)
{
	struct fixture *f = *state;
	struct accepted_facts facts = facts_of(LUTRA_RULE_NOVELTY, LUTRA_ROLE_STEADY, NULL, NULL);
	int32_t threshold = f->p->novelty_threshold;

	facts.level = threshold + 5;
	accept_facts(f, &facts, "level");
	f->p->novelty_shift--;
	apply_all(f);
	assert_int_equal(f->p->novelty_threshold, threshold);
}

/* A level of the tables of few runs says nothing of one of the tables of many. */
static void accepted_apply_leaves_a_level_of_other_tables(void **state)
{
	struct fixture *f = *state;
	struct accepted_facts facts = facts_of(LUTRA_RULE_LEVEL, LUTRA_ROLE_STEADY, NULL, NULL);

	facts.level = f->p->threshold + 5;
	accept_facts(f, &facts, "level");
	f->p->level_shift = LUTRA_M_SHIFT - 1;
	apply_all(f);
	assert_int_equal(f->p->threshold, 123456);
}

static void accepted_apply_raises_no_level_that_is_off(void **state)
{
	struct fixture *f = *state;
	struct accepted_facts facts = facts_of(LUTRA_RULE_LEVEL, LUTRA_ROLE_STEADY, NULL, NULL);

	facts.level = 5;
	accept_facts(f, &facts, "level");
	f->p->format = POLICY_FORMAT_LEVEL - 1;
	f->p->threshold = LUTRA_THRESHOLD_OFF;
	apply_all(f);
	assert_int_equal(f->p->threshold, LUTRA_THRESHOLD_OFF);
}

/* What an older version accepted of its levels A and B is kept, and changes nothing. */
static void accepted_apply_keeps_an_old_level_without_effect(void **state)
{
	struct fixture *f = *state;
	static const char *const levels[] = {"A", "B"};

	for (size_t i = 0; i < 2; i++) {
		json_auto_t *j = json_pack("{s:s, s:i}", "level", levels[i], "threshold", 999999);
		json_auto_t *back = NULL;
		struct accepted_scope s;
		char text[ACCEPTED_TEXT];

		assert_int_equal(accepted_scope_from_json(j, &s, NULL), 0);
		back = accepted_scope_to_json(&s);
		assert_true(json_equal(j, back));
		assert_non_null(strstr(accepted_scope_text(&s, text), "without effect"));
		add_scope(f, &s, 0);
	}
	assert_int_equal(
		json_object_set_new(json_object_get(f->delta, "actions"), "A", json_string("deny")),
		0);
	apply_all(f);
	assert_int_equal(f->p->threshold, 123456);
}

static void accepted_apply_leaves_out_what_has_ended(void **state)
{
	struct fixture *f = *state;
	const struct accepted_facts facts =
		facts_of(LUTRA_RULE_EXEC, LUTRA_ROLE_STEADY, "exec /usr/bin/id", "/usr/bin/id");
	const struct accepted_facts other =
		facts_of(LUTRA_RULE_EXEC, LUTRA_ROLE_STEADY, "exec /usr/bin/ls", "/usr/bin/ls");
	const struct accepted_scope ended = read_scope(&facts, "path"),
				    lasts = read_scope(&other, "path");

	add_scope(f, &ended, NOW);
	add_scope(f, &lasts, NOW + 10);
	apply_all(f);
	assert_int_equal(judge_object(f, run_program, "/usr/bin/id", LUTRA_ROLE_STEADY),
			 LUTRA_RULE_EXEC);
	assert_int_equal(judge_object(f, run_program, "/usr/bin/ls", LUTRA_ROLE_STEADY),
			 LUTRA_RULE_NONE);
	assert_int_equal(f->p->accepted_until, NOW + 10);
}

static void accepted_apply_sets_actions_and_directories(void **state)
{
	struct fixture *f = *state;
	uint32_t node = 0;
	char path[64] = "";

	assert_int_equal(accepted_set_action(f->delta, "path-K", "log", NULL), 0);
	assert_int_equal(accepted_set_action(f->delta, "path-X", "log", NULL), -EINVAL);
	assert_int_equal(accepted_set_action(f->delta, "exec", "ask", NULL), -EINVAL);
	assert_int_equal(accepted_set_varies(f->delta, "/srv/cache", true, NULL), 0);
	assert_int_equal(accepted_set_varies(f->delta, "cache", true, NULL), -EINVAL);
	/* It is the same directory with more slashes. */
	assert_int_equal(accepted_set_varies(f->delta, "//srv//cache//", true, NULL), 0);
	assert_int_equal(json_array_size(json_object_get(f->delta, "varies")), 1);
	apply_all(f);
	assert_int_equal(f->p->action[LUTRA_RULE_PATH_NEW_USE], LUTRA_ACTION_LOG);
	while (strcmp(path, "/srv/cache") != 0)
		assert_int_equal(policy_node_path(f->p, ++node, path, sizeof(path)), 0);
	assert_true(policy_node_varies(f->p, node));
}

static void accepted_apply_names_what_has_no_room(void **state)
{
	struct fixture *f = *state;
	const struct accepted_facts facts =
		facts_of(LUTRA_RULE_EXEC, LUTRA_ROLE_STEADY, "exec /usr/bin/id", "/usr/bin/id");
	struct err left_out;

	accept_facts(f, &facts, "path");
	f->p->objects = realloc(f->p->objects, POLICY_OBJECTS_MAX * sizeof(*f->p->objects));
	for (unsigned port = 1; f->p->n_objects < POLICY_OBJECTS_MAX; port++)
		if (port != 3306)
			f->p->objects[f->p->n_objects++] = sample_connect_token(port);
	qsort(f->p->objects, f->p->n_objects, sizeof(*f->p->objects), sample_compare);
	assert_int_equal(accepted_apply(f->p, f->delta, NOW, &left_out, NULL), 0);
	assert_non_null(strstr(left_out.msg, "exec /usr/bin/id"));
	assert_non_null(strstr(left_out.msg, "no room"));
}

static void accepted_load_without_a_delta_is_the_policy(void **state)
{
	struct sample_saved *f = *state;
	_cleanup_(policy_freep) struct policy *p = NULL;
	struct err left_out;

	assert_int_equal(accepted_load(&p, f->policy, NULL, &left_out, NULL), 0);
	assert_string_equal(left_out.msg, "");
	assert_string_equal(p->accepted_sha256, "");
}

static void accepted_load_of_a_damaged_delta_is_the_policy_alone(void **state)
{
	struct sample_saved *f = *state;
	_cleanup_(policy_freep) struct policy *p = NULL;
	_cleanup_free_ char *path = scratch_path(f->policy, POLICY_ACCEPTED_FILE);
	struct err left_out;

	scratch_write(path, "{", 1);
	assert_int_equal(accepted_load(&p, f->policy, NULL, &left_out, NULL), 0);
	assert_non_null(strstr(left_out.msg, POLICY_ACCEPTED_FILE));
	assert_int_equal(p->action[LUTRA_RULE_EXEC], LUTRA_ACTION_DENY);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, accepted_setup, accepted_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(accepted_apply_makes_a_path_known_and_not_its_neighbour),
		CASE(accepted_apply_makes_new_files_of_an_extension_known),
		CASE(accepted_apply_keeps_a_program_to_its_role),
		CASE(accepted_apply_in_every_role_leaves_out_nobody),
		CASE(accepted_apply_of_a_session_gives_the_service_nothing),
		CASE(accepted_apply_of_the_service_keeps_what_sessions_know),
		CASE(accepted_apply_keeps_a_program_to_its_starter),
		CASE(accepted_apply_of_a_session_s_starter_gives_the_service_nothing),
		CASE(accepted_apply_makes_one_port_of_a_peer_known),
		CASE(accepted_apply_makes_a_system_call_known_in_a_role),
		CASE(accepted_apply_raises_a_level_and_never_lowers_it),
		CASE(accepted_apply_leaves_a_level_of_other_tables),
		CASE(accepted_apply_raises_no_level_that_is_off),
		CASE(accepted_apply_raises_level_n_alone),
		CASE(accepted_apply_leaves_level_n_that_moves_otherwise),
		CASE(accepted_apply_keeps_an_old_level_without_effect),
		CASE(accepted_apply_leaves_out_what_has_ended),
		CASE(accepted_apply_sets_actions_and_directories),
		CASE(accepted_apply_names_what_has_no_room),
		cmocka_unit_test_setup_teardown(accepted_load_without_a_delta_is_the_policy,
						sample_saved_setup, sample_saved_teardown),
		cmocka_unit_test_setup_teardown(
			accepted_load_of_a_damaged_delta_is_the_policy_alone, sample_saved_setup,
			sample_saved_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
