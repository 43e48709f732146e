/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where events come from: hooks and their stand-ins give the same tokens, but for differences that
 * `lutra doctor` names; calls by a foreign entry are not taken for native ones; without calls
 * nothing is at their entry and hooks decide alone.
 */
#include "tests/support/bpf/kernel_policy.h"
#include "tests/support/bpf/test_program.h"

#include <arpa/inet.h>
#include <linux/openat2.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include "kern/lutra.skel.h"
#include "lib/abi/names.h"
#include "user/guard/guard_impl.h"

#define DIR "/tmp/lutra-test-sources"
#define SCRIPT DIR "-script"
#define TOKENS_MAX 512
#define TOKEN_TEXT (LUTRA_STRING_MAX + 64)
#define IA32_GETPID 20
#define X32_BIT 0x40000000

/* ---- a workload of every operation on objects ---- */

static void files_made(void)
{
	mkdir(DIR, 0755);
	close(open(DIR "/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static void make_opens(void)
{
	struct open_how how = {.flags = O_RDWR};
	int dir = open(DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	close(creat(DIR "/created", 0600));
	close(openat(dir, "file", O_RDWR | O_CLOEXEC));
	close(openat(dir, "appended", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
	close((int)syscall(SYS_openat2, dir, "file", &how, sizeof(how)));
	close(open("/dev/null", O_RDONLY | O_CLOEXEC));
	close(open(DIR "/nothing", O_RDONLY | O_CLOEXEC));
	close(open(DIR, O_PATH | O_CLOEXEC));
	close(dir);
}

/* 0: all went well. */
static int make_names(void)
{
	int fd = open(DIR "/file", O_RDWR | O_CLOEXEC), wrong = 0;

	wrong |= symlink("file", DIR "/symlink");
	wrong |= link(DIR "/file", DIR "/link");
	wrong |= rename(DIR "/created", DIR "/renamed.sh");
	wrong |= mkdir(DIR "/sub", 0755);
	wrong |= rmdir(DIR "/sub");
	wrong |= mkdir(DIR "/sub2", 0755);
	wrong |= unlinkat(AT_FDCWD, DIR "/sub2", AT_REMOVEDIR);
	wrong |= chmod(DIR "/file", 0755);
	wrong |= fchmod(fd, 0600);
	wrong |= chown(DIR "/file", 0, 0);
	wrong |= fchown(fd, 0, 0);
	wrong |= truncate(DIR "/file", 1);
	wrong |= ftruncate(fd, 2);
	wrong |= mknod(DIR "/fifo", S_IFIFO | 0600, 0);
	wrong |= mknod(DIR "/null", S_IFCHR | 0600, 1 << 8 | 3);
	wrong |= mknod(DIR "/plain", S_IFREG | 0600, 0);
	wrong |= setxattr(DIR "/file", "trusted.lutra", "x", 1, 0);
	wrong |= fsetxattr(fd, "trusted.lutra", "y", 1, 0);
	wrong |= unlink(DIR "/link");
	close(fd);
	wrong |= chdir(DIR);
	wrong |= unlink("renamed.sh");
	return wrong;
}

/* Whether there is anybody does not matter. */
static void to_address(void *a, socklen_t len)
{
	const struct sockaddr *address = a;
	struct msghdr m = {.msg_name = a, .msg_namelen = len};

	(void)bind(socket(address->sa_family, SOCK_DGRAM, 0), address, len);
	(void)connect(socket(address->sa_family, SOCK_DGRAM, 0), address, len);
	sendto(socket(address->sa_family, SOCK_DGRAM, 0), "", 0, 0, address, len);
	sendmsg(socket(address->sa_family, SOCK_DGRAM, 0), &m, 0);
}

static void use_addresses(void)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(4711)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(53)};
	struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = DIR "/socket"};

	v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	v6.sin6_addr = in6addr_loopback;
	to_address(&v4, sizeof(v4));
	to_address(&v6, sizeof(v6));
	to_address(&un, sizeof(un));
	memcpy(un.sun_path, "\0name", 5);
	to_address(&un, offsetof(struct sockaddr_un, sun_path) + 5);
}

static bool can_map(int prot, int flags, int fd)
{
	return mmap(NULL, 4096, prot, MAP_PRIVATE | flags, fd, 0) != MAP_FAILED;
}

/* 0: all went well. */
static int make_mappings(void)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int wrong = mprotect(p, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);

	wrong |= !can_map(PROT_READ | PROT_WRITE | PROT_EXEC, MAP_ANONYMOUS, -1);
	wrong |= !can_map(PROT_READ | PROT_EXEC, 0, fd);
	close(fd);
	return wrong;
}

static void run_program(const char *path)
{
	pid_t pid = fork();

	if (pid == 0) {
		execl(path, path, "--worker", "nothing", NULL);
		_exit(126);
	}
	waitpid(pid, NULL, 0);
}

/* What the two see differently: see expected[]. */
static int make_differences(void)
{
	int fd = open(DIR "/later", O_RDONLY | O_CREAT | O_CLOEXEC, 0700);
	void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);

	if (mprotect(p, 4096, PROT_READ | PROT_EXEC) < 0)
		return 1;
	mkdir(DIR "/one", 0755);
	if (symlink("one", DIR "/other") < 0)
		return 1;
	chmod(DIR "/other/../one", 0700);
	close(open(DIR "/one/x", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	unlink(DIR "/other/x");
	close(fd);
	return rename(DIR "/one", DIR "/two");
}

static int work_objects(void)
{
	files_made();
	make_opens();
	if (make_names())
		return 1;
	use_addresses();
	if (make_mappings())
		return 2;
	run_program("/proc/self/exe");
	run_program(SCRIPT);
	return make_differences() != 0;
}

static void remove_files(void)
{
	static const char *const left[] = {"file", "created", "appended", "symlink", "link",
					   "fifo", "null",    "plain",	  "socket",  "later",
					   "x",	   "other",   "one/x",	  "two/x",   "renamed.sh"};
	char path[128];

	for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
		snprintf(path, sizeof(path), DIR "/%s", left[i]);
		unlink(path);
	}
	rmdir(DIR "/one");
	rmdir(DIR "/two");
	rmdir(DIR);
}

/* ---- other workers ---- */

static int exit_at_once(void)
{
	return 0;
}

/* getpid by the 32-bit entry of a 64-bit task; its number is writev's among the native ones. */
static int work_ia32(void)
{
	long r = IA32_GETPID;

	__asm__ volatile("int $0x80" : "+a"(r) : : "memory", "r8", "r9", "r10", "r11");
	return r != getpid();
}

/*
 * Returns true if a 64-bit task may call by the 32-bit entry. A kernel without that entry, and some that isolate
 * page tables, send SIGSEGV.
 */
static bool has_ia32_entry(void)
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		signal(SIGSEGV, SIG_DFL); /* which cmocka takes for the end of a test */
		work_ia32();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status);
}

static int work_x32(void)
{
	return syscall(X32_BIT | SYS_getppid) >= 0 ? 1 : 0;
}

static int work_connect(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(4712)};

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return outcome_of(
		connect(socket(AF_INET, SOCK_DGRAM, 0), (struct sockaddr *)&a, sizeof(a)));
}

static const struct worker workers[] = {{"objects", work_objects},
					{"nothing", exit_at_once},
					{"ia32", work_ia32},
					{"x32", work_x32},
					{"connect", work_connect}};

/* ---- tokens ---- */

struct tokens {
	char text[TOKENS_MAX][TOKEN_TEXT];
	size_t n;
};

/* The token, but for the tree's node: in its place the path, and whether its end is a directory. */
static void token_text(const struct seen_record *r, char *ret)
{
	static const struct lutra_policy none;
	const struct lutra_class class = {0};
	struct lutra_object o;

	lutra_object_unpack(&r->rec, &o);
	snprintf(ret, TOKEN_TEXT, "%s %llx %s%s", op_name(o.op),
		 (unsigned long long)lutra_object_token(&none, &o, &class, 0, 0), r->str,
		 o.flags & LUTRA_OBJ_PATH && lutra_leaf_dir(&o) ? "/" : "");
}

static bool has_token(const struct tokens *t, const char *text)
{
	for (size_t i = 0; i < t->n; i++)
		if (!strcmp(t->text[i], text))
			return true;
	return false;
}

/* The tokens of the workload as this source sees them. */
static struct tokens *tokens_by(unsigned flags)
{
	struct tokens *t = calloc(1, sizeof(*t));
	void *state = NULL;
	struct box *b;

	assert_non_null(t);
	remove_files();
	assert_int_equal(box_setup_flags(&state, flags), 0);
	b = state;
	assert_int_equal(guard_has_lsm(b->guard), !(flags & GUARD_NO_LSM));
	box_enroll(b, NULL, LUTRA_MODE_LEARN, true);
	assert_exited(box_run(b, "objects", NULL), 0);
	for (const struct seen_record *r = box_find_record(b, LUTRA_RECORD_OBJECT, NULL); r;
	     r = box_find_record(b, LUTRA_RECORD_OBJECT, r)) {
		char text[TOKEN_TEXT];

		token_text(r, text);
		if (!has_token(t, text) && t->n < TOKENS_MAX)
			memcpy(t->text[t->n++], text, sizeof(text));
	}
	box_teardown(&state);
	remove_files();
	return t;
}

/* A difference, and words of what doctor says about it. */
struct difference {
	bool hook; /* only the hook sees it; else only its stand-in */
	const char *op, *path;
	const char *doctor;
};

#define AS_WRITTEN "is taken as written"
static const struct difference expected[] = {
	{true, "capable", "", "capabilities"},
	{true, "hook", "", "hooks without an object"},
	{true, "socket", "", "kinds of sockets"},
	{true, "peer", DIR "/socket", "the Unix socket that is met"},
	{true, "mapx", DIR "/later", "a file mapping that is made executable later"},
	{false, "wx-later", "", "a file mapping that is made executable later"},
	{true, "chmod", DIR "/one/", AS_WRITTEN},
	{false, "chmod", "?" DIR "/other/../one", AS_WRITTEN},
	{true, "unlink", DIR "/one/x", AS_WRITTEN},
	{false, "unlink", DIR "/other/x", AS_WRITTEN},
	{true, "rename-from", DIR "/one/", "the name of a directory counts as the name of a file"},
	{false, "rename-from", DIR "/one", "the name of a directory counts as the name of a file"},
	{true, "rename-to", DIR "/two/", "the name of a directory counts as the name of a file"},
	{false, "rename-to", DIR "/two", "the name of a directory counts as the name of a file"},
};
#define EXPECTED (sizeof(expected) / sizeof(expected[0]))

static bool doctor_says(const char *words)
{
	const char *const *line = guard_fallback_differences();

	for (; *line; line++)
		if (strstr(*line, words))
			return true;
	return false;
}

static bool is_difference(const struct difference *d, const char *text, bool hook)
{
	const char *path = strchr(strchr(text, ' ') + 1, ' ') + 1;

	return d->hook == hook && !strncmp(text, d->op, strlen(d->op)) &&
	       text[strlen(d->op)] == ' ' && (!*d->path || !strcmp(path, d->path));
}

/* What is in a and not in b has to be expected, and is marked as found. */
static size_t count_unexpected(const struct tokens *a, const struct tokens *b, bool hook,
			       bool *found)
{
	size_t unexpected = 0;

	for (size_t i = 0; i < a->n; i++) {
		bool known = has_token(b, a->text[i]);

		for (size_t d = 0; d < EXPECTED && !known; d++) {
			known = is_difference(&expected[d], a->text[i], hook);
			found[d] |= known;
		}
		if (!known)
			fprintf(stderr, "only by %s: %s\n", hook ? "hooks" : "stand-ins",
				a->text[i]);
		unexpected += !known;
	}
	return unexpected;
}

static void sources_hooks_and_fallbacks_give_the_same_tokens(void **state)
{
	struct tokens *hooks, *standins;
	bool found[EXPECTED] = {false};
	size_t unexpected;
	int fd;

	(void)state;
	if (!box_lsm_runs())
		test_program_skip("this kernel does not run BPF LSM programs");
	fd = open(SCRIPT, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	assert_int_equal(write(fd, "#!/bin/sh\n:\n", 12), 12);
	close(fd);
	hooks = tokens_by(0);
	standins = tokens_by(GUARD_NO_LSM);
	unlink(SCRIPT);
	unexpected = count_unexpected(hooks, standins, true, found) +
		     count_unexpected(standins, hooks, false, found);
	print_message("# %zu tokens by hooks, %zu by stand-ins\n", hooks->n, standins->n);
	assert_int_equal(unexpected, 0);
	assert_true(standins->n > 30);
	for (size_t i = 0; i < EXPECTED; i++) {
		if (!found[i])
			fail_msg("no longer a difference: %s %s", expected[i].op, expected[i].path);
		assert_true(doctor_says(expected[i].doctor));
	}
	free(hooks);
	free(standins);
}

/* ---- foreign entries ---- */

/* The worker's foreign call is recorded as such, and new to a policy that knows every native one.
 */
static void assert_foreign(struct box *b, const char *worker, uint16_t nr)
{
	struct policy *p = kernel_policy_new();
	bool recorded = false, reported = false;

	box_enroll(b, p, LUTRA_MODE_AUDIT, true);
	policy_free(p);
	assert_exited(box_run(b, worker, NULL), 0);
	for (size_t i = 0; i < b->n_records; i++)
		recorded |= b->records[i].rec.type == LUTRA_RECORD_SYSCALL &&
			    b->records[i].rec.nr == nr;
	for (size_t i = 0; i < b->n_evidence; i++)
		reported |= b->evidence[i].ev.rule == LUTRA_RULE_NEW_SYSCALL &&
			    b->evidence[i].ev.nr == nr;
	assert_true(recorded);
	assert_true(reported);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_NOVEL_TOKENS), 1);
}

static void sources_call_by_the_32_bit_entry_is_no_native_one(void **state)
{
	if (!has_ia32_entry()) {
		test_program_skip("int 0x80 faults on this host");
	}
	assert_foreign(*state, "ia32", IA32_GETPID | LUTRA_NR_IA32);
}

static void sources_call_by_the_x32_entry_is_no_native_one(void **state)
{
	assert_foreign(*state, "x32", SYS_getppid | LUTRA_NR_X32);
}

/* ---- calls off ---- */

static void sources_without_calls_need_hooks(void **state)
{
	const struct guard_handler none = {};
	struct guard *g = NULL;
	struct err err = {};

	(void)state;
	assert_int_equal(guard_new(&g, &none, GUARD_NO_SYSCALLS | GUARD_NO_LSM, NULL, &err),
			 -EOPNOTSUPP);
	assert_non_null(strstr(err.msg, "calls"));
	assert_null(g);
}

static void sources_without_calls_hooks_decide_alone(void **state)
{
	struct policy *p;
	struct box *b;

	if (!box_lsm_runs())
		test_program_skip("this kernel does not run BPF LSM programs");
	box_teardown(state);
	assert_int_equal(box_setup_flags(state, GUARD_NO_SYSCALLS), 0);
	b = *state;
	p = kernel_policy_new();
	p->ops = 1u << LUTRA_OP_CONNECT;
	p->action[LUTRA_RULE_CONNECT] = LUTRA_ACTION_DENY;
	box_enroll(b, p, LUTRA_MODE_DENY, false);
	policy_free(p);
	/* Nothing is at sys_enter: its program is not even loaded. */
	assert_true(bpf_program__fd(b->guard->skel->progs.lutra_sys_enter) < 0);
	assert_exited(box_run(b, "connect", NULL), REFUSED);
	assert_int_equal(box_find_evidence(b, LUTRA_RULE_CONNECT)->ev.refused, 1);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_SYSCALLS), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, box_setup, box_teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(sources_call_by_the_32_bit_entry_is_no_native_one),
		TEST(sources_call_by_the_x32_entry_is_no_native_one),
		TEST(sources_without_calls_need_hooks),
		TEST(sources_without_calls_hooks_decide_alone),
		cmocka_unit_test(sources_hooks_and_fallbacks_give_the_same_tokens),
	};

	return TEST_PROGRAM(argc, argv, test_program_why_not);
}
