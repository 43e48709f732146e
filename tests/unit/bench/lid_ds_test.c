/* SPDX-License-Identifier: Apache-2.0 */
/* The export in the layout of LID-DS 2021: which run goes where, its lines, its description. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "lib/trace/trace.h"
#include "lutra/score.h"
#include "lutra/syscalls.h"
#include "tests/support/scratch.h"
#include "user/import/import.h"

#define NR_CLONE 56
#define NR_EXECVE 59
#define NR_SETUID 105
#define NR_OPENAT 257
#define START_NS 1700000000000000000ull

struct fixture {
	char *dir, *dataset, *out;
};

struct made_trace {
	struct trace_writer *w;
	uint64_t ts_ns;
};

static void add_record(struct made_trace *m, struct lutra_record rec, const char *str)
{
	rec.ts_ns = m->ts_ns += 1000;
	assert_int_equal(trace_writer_add(m->w, &rec, str, str ? strlen(str) : 0), 0);
}

static void add_syscall(struct made_trace *m, uint32_t tid, uint16_t nr, uint32_t a, uint32_t b)
{
	add_record(m,
		   (struct lutra_record){
			   .tid = tid, .tgid = tid, .nr = nr, .arg = a | (uint64_t)b << 32},
		   NULL);
}

static void add_object(struct made_trace *m, uint32_t tid, uint16_t nr, struct lutra_object o,
		       const char *path)
{
	struct lutra_record rec = {.tid = tid, .tgid = tid, .type = LUTRA_RECORD_OBJECT, .nr = nr};

	lutra_object_pack(&o, &rec);
	add_record(m, rec, path);
}

static void add_task(struct made_trace *m, uint32_t tid, uint16_t type, uint16_t nr, uint64_t arg)
{
	add_record(
		m,
		(struct lutra_record){.tid = tid, .tgid = tid, .type = type, .nr = nr, .arg = arg},
		NULL);
}

/* A service: opens a file, becomes user 33, starts a thread and a process, which is a shell. */
static void add_service(struct made_trace *m)
{
	const struct lutra_object file = {.op = LUTRA_OP_OPEN, .flags = LUTRA_OBJ_PATH};
	const struct lutra_object program = {.op = LUTRA_OP_EXEC, .flags = LUTRA_OBJ_PATH};
	const struct lutra_object peer = {.op = LUTRA_OP_CONNECT,
					  .family = AF_INET,
					  .addr = {10, 88, 0, 1},
					  .port = 4444,
					  .addr_class = LUTRA_ADDR_PRIVATE};

	add_task(m, 7, LUTRA_RECORD_ARM, 0, 0);
	add_syscall(m, 7, NR_OPENAT, 0x80000, 0);
	add_object(m, 7, NR_OPENAT, file, "/srv/a page\n");
	add_syscall(m, 7, NR_SETUID, 33, 33);
	add_syscall(m, 7, NR_CLONE, 0x10000, 0);
	add_task(m, 7, LUTRA_RECORD_FORK, 1, 8 | 7ull << 32);
	add_syscall(m, 7, NR_CLONE, 17, 0);
	add_task(m, 7, LUTRA_RECORD_FORK, 0, 9 | 9ull << 32);
	add_syscall(m, 9, NR_EXECVE, 0, 0);
	add_object(m, 9, NR_EXECVE, program, "/usr/bin/dash");
	add_task(m, 9, LUTRA_RECORD_EXEC, 0, 9);
	add_syscall(m, 9, LUTRA_NR_CONNECT, 0, 0);
	add_object(m, 9, LUTRA_NR_CONNECT, peer, "");
	add_syscall(m, 9, LUTRA_NR_ACCEPT, 0, 0);
	add_task(m, 9, LUTRA_RECORD_EXIT, 0, 0);
	add_task(m, 20, LUTRA_RECORD_ARM, 0, 0);
	add_syscall(m, 20, NR_OPENAT, 0, 0);
}

static void make_trace(const char *path)
{
	struct trace_meta meta = {.image = strdup("dataset/web"),
				  .container_id = strdup(""),
				  .host = strdup("host"),
				  .kernel = strdup("6.12.0"),
				  .arch = strdup("x86_64"),
				  .source = strdup("lsm"),
				  .start_realtime_ns = START_NS,
				  .start_monotonic_ns = 5000,
				  .ops = 1u << LUTRA_OP_OPEN};
	struct made_trace m = {.ts_ns = 5000};

	assert_int_equal(trace_writer_new(&m.w, path, &meta, NULL), 0);
	trace_meta_done(&meta);
	add_service(&m);
	assert_int_equal(trace_writer_close(m.w, 0, NULL), 0);
}

#define CONTAINER                                                                                  \
	"{\"file\": \"%s.%s.ltr\", \"seconds\": 1.5, \"start_realtime_ns\": 1700000000000000000, " \
	"\"start_monotonic_ns\": 5000, \"user\": 0, \"program\": \"/usr/sbin/web\"}"

/* A run of a service whose container has its name; the other container is NULL or another one. */
static void make_run(const struct fixture *f, const char *service, const char *run,
		     const char *other, const char *attack)
{
	_cleanup_free_ char *dir = scratch_path(f->dataset, service);
	char path[256], text[2048], more[512] = "", name[64] = "";
	int n;

	mkdir(dir, 0755);
	snprintf(path, sizeof(path), "%s/%s.%s.ltr", dir, run, service);
	make_trace(path);
	if (other) {
		snprintf(path, sizeof(path), "%s/%s.%s.ltr", dir, run, other);
		make_trace(path);
		snprintf(name, sizeof(name), ", \"%s\"", other);
		snprintf(more, sizeof(more), ", \"%s\": " CONTAINER, other, run, other);
	}
	n = snprintf(text, sizeof(text),
		     "{\"service\": \"%s\", \"kind\": \"%.*s\", \"settled_ns\": 1000005000, "
		     "\"containers\": [\"%s\"%s], \"traces\": {\"%s\": " CONTAINER
		     "%s}, \"attack\": %s}",
		     service, (int)strcspn(run, "."), run, service, name, service, run, service,
		     more, attack);
	snprintf(path, sizeof(path), "%s/%s.json", dir, run);
	scratch_write(path, text, (size_t)n);
}

static int export_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->dir = scratch_dir();
	f->dataset = scratch_path(f->dir, "dataset");
	f->out = scratch_path(f->dir, "out");
	mkdir(f->dataset, 0755);
	*state = f;
	return 0;
}

static int export_teardown(void **state)
{
	struct fixture *f = *state;

	scratch_remove(f->dir);
	free(f->dataset);
	free(f->out);
	free(f);
	return 0;
}

/* Runs a shell command with the export's directory as $OUT, and returns what it printed. */
static const char *shell_output(const struct fixture *f, const char *command)
{
	static char text[4096];
	FILE *p;
	size_t n;

	setenv("OUT", f->out, 1);
	setenv("DATASET", f->dataset, 1);
	p = popen(command, "re");
	assert_non_null(p);
	n = fread(text, 1, sizeof(text) - 1, p);
	text[n] = '\0';
	pclose(p);
	return text;
}

static void export_all(const struct fixture *f)
{
	assert_string_equal(
		shell_output(f, "bench/dataset/export-lid-ds $DATASET $OUT 2>&1 >/dev/null"), "");
}

static void lid_ds_puts_each_run_in_its_directory(void **state)
{
	const struct fixture *f = *state;
	const char *attack =
		"{\"name\": \"shell\", \"begin_ns\": 2000005000, \"harmed\": [\"web\"]}";

	for (unsigned i = 1; i <= 4; i++) {
		char run[16];

		snprintf(run, sizeof(run), "train.%u", i);
		make_run(f, "web", run, NULL, "null");
	}
	make_run(f, "web", "ordinary.1", NULL, "null");
	make_run(f, "web", "soak.1", NULL, "null");
	make_run(f, "web", "attack.shell.1", NULL, attack);
	export_all(f);
	assert_string_equal(shell_output(f, "cd $OUT && find . -type f | sort"),
			    "./web/test/normal/ordinary_1.zip\n"
			    "./web/test/normal/soak_1.zip\n"
			    "./web/test/normal_and_attack/attack_shell_1.zip\n"
			    "./web/training/train_1.zip\n"
			    "./web/training/train_2.zip\n"
			    "./web/validation/train_3.zip\n"
			    "./web/validation/train_4.zip\n");
	assert_string_equal(shell_output(f, "unzip -Z1 $OUT/web/training/train_1.zip"),
			    "train_1.sc\ntrain_1.json\ntrain_1.res\ntrain_1.pcap\n");
}

static void lid_ds_leaves_out_a_container_that_an_attack_did_not_harm(void **state)
{
	const struct fixture *f = *state;

	make_run(f, "shop", "train.1", "cache", "null");
	make_run(f, "shop", "attack.shell.1", "cache",
		 "{\"name\": \"shell\", \"begin_ns\": 2000005000, \"harmed\": [\"cache\"]}");
	export_all(f);
	assert_string_equal(shell_output(f, "cd $OUT && find . -type f | sort"),
			    "./shop-cache/test/normal_and_attack/attack_shell_1.zip\n"
			    "./shop-cache/training/train_1.zip\n"
			    "./shop-shop/training/train_1.zip\n");
}

static void lid_ds_lines_have_names_users_arguments_and_objects(void **state)
{
	const struct fixture *f = *state;

	make_run(f, "web", "ordinary.1", NULL, "null");
	export_all(f);
	assert_string_equal(
		shell_output(f, "unzip -p $OUT/web/test/normal/ordinary_1.zip ordinary_1.sc | "
				"sed 's/^1700000000000//'"),
		"002000 0 7 web 7 openat > flags=524288 mode=0\n"
		"004000 0 7 web 7 openat < fd=(<f>/srv/a\\x20page\\x0a) "
		"name=/srv/a\\x20page\\x0a\n"
		"004000 0 7 web 7 setuid > uid=33\n"
		"005000 33 7 web 7 setuid <\n"
		"005000 33 7 web 7 clone > flags=65536\n"
		"007000 33 7 web 7 clone < res=8 flags=65536(CLONE_THREAD)\n"
		"007000 33 7 web 7 clone > flags=17\n"
		"009000 33 9 web 9 execve >\n"
		"011000 33 9 dash 9 execve < exe=/usr/bin/dash res=0\n"
		"012000 33 9 dash 9 connect >\n"
		"014000 33 9 dash 9 connect < addr=10.88.0.1:4444\n"
		"014000 33 9 dash 9 accept >\n"
		"015000 33 9 dash 9 procexit >\n"
		"017000 0 20 session 20 openat > flags=0 mode=0\n");
}

static void lid_ds_description_has_the_time_of_the_attack(void **state)
{
	const struct fixture *f = *state;

	make_run(f, "web", "attack.shell.1", NULL,
		 "{\"name\": \"shell\", \"begin_ns\": 2500005000, \"harmed\": [\"web\"]}");
	export_all(f);
	assert_string_equal(
		shell_output(f,
			     "unzip -p $OUT/web/test/normal_and_attack/*.zip attack_shell_1.json | "
			     "jq -c '[.exploit, .exploit_name, .time.exploit[0].absolute, "
			     ".time.exploit[0].relative, .time.warmup_end.absolute, "
			     ".recording_time, [.container[].role]]'"),
		"[true,\"shell\",1700000002.5,1.5,1700000001,2,[\"victim\",\"normal\",\"attacker\"]"
		"]\n");
}

static void lid_ds_refuses_a_path_that_the_library_would_misread(void **state)
{
	const struct fixture *f = *state;

	make_run(f, "web", "train.1", NULL, "null");
	assert_non_null(
		strstr(shell_output(f, "bench/dataset/export-lid-ds $DATASET $OUT/training 2>&1"),
		       "choose another"));
}

static void lid_ds_export_is_what_lutra_imports(void **state)
{
	const struct fixture *f = *state;
	_cleanup_free_ char *sc = scratch_path(f->dir, "ordinary_1.sc");
	_cleanup_free_ char *ltr = scratch_path(f->dir, "again.ltr");
	const char *path = sc;
	const struct import_options options = {.paths = &path, .n = 1, .output = ltr, .image = ""};
	struct import_result result = {};
	struct err err;

	make_run(f, "web", "ordinary.1", NULL, "null");
	export_all(f);
	shell_output(f, "cd $OUT/.. && unzip -q $OUT/web/test/normal/ordinary_1.zip");
	assert_int_equal(import_trace(import_find("lid-ds"), &options, &result, &err), 0);
	assert_int_equal(result.calls, 8);
	assert_int_equal(result.left_out, 0);
}

#define LID_DS_TEST(name) cmocka_unit_test_setup_teardown(name, export_setup, export_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LID_DS_TEST(lid_ds_puts_each_run_in_its_directory),
		LID_DS_TEST(lid_ds_leaves_out_a_container_that_an_attack_did_not_harm),
		LID_DS_TEST(lid_ds_lines_have_names_users_arguments_and_objects),
		LID_DS_TEST(lid_ds_description_has_the_time_of_the_attack),
		LID_DS_TEST(lid_ds_refuses_a_path_that_the_library_would_misread),
		LID_DS_TEST(lid_ds_export_is_what_lutra_imports),
	};

	if (system("command -v zip unzip jq >/dev/null") != 0) {
		puts("no zip, unzip or jq here: make deps-check");
		return 77;
	}
	return cmocka_run_group_tests_name("lid_ds", tests, NULL, NULL);
}
