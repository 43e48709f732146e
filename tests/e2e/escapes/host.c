/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's side of the escape suite: asks a service for its ordinary work, has it try techniques,
 * and looks for itself what came of each.
 *
 * usage: host list                  a line each: name, ATT&CK id, kind, process 1?, what audit must
 * tell (two expressions), what a refusal tells, hook, words; tabs between host victim see victim.c
 *        host runtime               runs for a moment
 *        host work SERVICE FROM N   N requests; 1: one was not answered
 *        host try SERVICE PID LOG first|any ONLY
 *             the techniques for such a container, whose first process is PID and whose standard
 * error goes to LOG; a line each: name, its process, status, effect (yes, no), tabs between
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <regex.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/e2e/escapes/victim.h"

#define PATIENCE_MS 300000
#define EFFECT_MS 8000 /* what a technique has set off may take its time */
#define STEP_MS 20
#define SERVICE_DEAD 254 /* and not only the process that tried */
#define HTTP_PORT 8080
#define REDIS_PORT 6379

static const char *text_or_dash(const char *s)
{
	return s ? s : "-";
}

static int list_techniques(void)
{
	for (size_t i = 0; i < N_ARRAYS; i++)
		for (const struct technique *t = all_techniques[i]; t->name; t++)
			printf("%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", t->name, t->attack,
			       i < FIRST_EVASION ? "technique" : "evasion",
			       t->first ? "first" : "any", t->seen, text_or_dash(t->also),
			       t->stopped ? t->stopped : t->seen, text_or_dash(t->hook), t->what);
	return 0;
}

/* ---- requests ---- */

static bool is_redis(const char *service)
{
	return strcmp(service, "redis") == 0;
}

/* One request that carries note; true if all of the answer came, or an end. */
static bool send_request(const char *service, unsigned n, const char *note)
{
	struct pollfd p = {.events = POLLIN};
	char buf[4096];
	ssize_t got = 0, sum = 0;
	int len;

	p.fd = connect_loopback(is_redis(service) ? REDIS_PORT : HTTP_PORT);
	if (p.fd < 0)
		return false;
	if (is_redis(service))
		len = snprintf(buf, sizeof(buf),
			       "SET k%u v%u\r\nGET k%u\r\nINCR n\r\nLPUSH l x\r\nDEL k%u\r\n"
			       "PING \"%s\"\r\nQUIT\r\n",
			       n % 50, n, n * 7 % 50, n * 3 % 50, note);
	else
		len = snprintf(buf, sizeof(buf), "GET /page%u.html HTTP/1.0\r\nX-Note: %s\r\n\r\n",
			       n % 14 + 1, note);
	if (write(p.fd, buf, (size_t)len) == len)
		while (poll(&p, 1, PATIENCE_MS) == 1 && (got = read(p.fd, buf, sizeof(buf))) > 0)
			sum += got;
	close(p.fd);
	return sum > 0 && got == 0;
}

static int send_requests(const char *service, unsigned from, unsigned n)
{
	char note[64];

	for (unsigned i = from; i < from + n; i++) {
		snprintf(note, sizeof(note), i % 2 ? "hello %u" : "implant:work,%u;", i / 2);
		if (!send_request(service, i, note)) {
			fprintf(stderr, "host: %s did not answer request %u\n", service, i);
			return 1;
		}
	}
	return 0;
}

/* ---- after a technique ---- */

/* Within the container's mounts. */
static void clean_inside(pid_t container)
{
	static const char *const files[] = {"/tmp/disk", "/tmp/mem", "/tmp/kmsg",
					    "/tmp/escape-program", KNOWN};
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", container);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNS) < 0)
		return;
	rmdir(AT "/x");
	while (umount2(AT, MNT_DETACH) == 0)
		;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlink(files[i]);
	rmdir(SPOOL "/batch");
}

static void remove_traces(pid_t container, int victim)
{
	static const char *const files[] = {HOST_RAN,
					    HOST_RUNTIME,
					    PINNED,
					    HOST_DIR RAN,
					    HOST_DIR VOLUME "/link",
					    HOST_DIR VOLUME "/report",
					    HOST_DIR VOLUME "/copy",
					    HOST_DIR VOLUME "/program"};
	struct stat kept, now;
	pid_t pid = fork();

	if (pid == 0) {
		clean_inside(container);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlink(files[i]);
	(void)!rename(HOST_DIR PEER_SOCKET KEPT, HOST_DIR PEER_SOCKET);
	(void)!rename(HOST_DIR LOG_SOCKET KEPT, HOST_DIR LOG_SOCKET);
	moves_undo();
	outside_undo(victim);
	text_write("/proc/sys/kernel/core_pattern", "core\n");
	syscall(SYS_delete_module, "loop", O_NONBLOCK);
	if (stat(HOST_DIR "/helper", &kept) == 0 &&
	    (stat(HOST_DIR HELPER, &now) < 0 || now.st_ino != kept.st_ino)) {
		unlink(HOST_DIR HELPER);
		(void)!link(HOST_DIR "/helper", HOST_DIR HELPER);
	}
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

static void world_reset(volatile struct world *w)
{
	w->agent = w->engine = w->port = w->journal = w->strays = w->signals = 0;
	for (size_t i = 0; i < sizeof(w->word); i++)
		w->word[i] = 0;
	for (size_t i = 0; i < sizeof(w->received); i++)
		w->received[i] = 0;
}

/* ---- techniques ---- */

struct report {
	int pid;
	int status;
	char loot[64];
};

static bool is_gone(pid_t pid)
{
	char path[64], line[512] = "";
	FILE *f;
	char *state;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return true;
	state = fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
	fclose(f);
	return !state || state[2] == 'Z';
}

/* What the implant says, in the log from here on. */
static bool report_find(int log, const char *name, struct report *ret)
{
	char buf[4096], format[96];
	const char *at;
	ssize_t n = pread(log, buf, sizeof(buf) - 1, lseek(log, 0, SEEK_CUR));

	if (n <= 0)
		return false;
	buf[n] = '\0';
	snprintf(format, sizeof(format), "implant %s ", name);
	at = strstr(buf, format);
	return at && strchr(at, '\n') &&
	       sscanf(at + strlen(format), "%d %d %63s", &ret->pid, &ret->status, ret->loot) == 3;
}

static struct report run_technique(const char *service, pid_t container, int log,
				   const struct technique *t, int victim)
{
	struct report r = {.pid = container, .status = 255};
	char note[96];
	int waited = 0;
	bool gone = false;

	lseek(log, 0, SEEK_END);
	snprintf(note, sizeof(note), "implant:%s,%d;", t->name, victim);
	send_request(service, 1, note);
	while (!report_find(log, t->name, &r) && !gone && waited < PATIENCE_MS) {
		gone = is_gone(container);
		poll(NULL, 0, STEP_MS);
		waited += STEP_MS;
	}
	if (gone)
		r.status = t->first ? 128 + SIGKILL : SERVICE_DEAD;
	if (t->first)
		r.pid = container;
	return r;
}

static bool has_effect(struct host *h, const struct technique *t, const struct report *r)
{
	int waited = 0;

	if (!t->probe)
		return strncmp(r->loot, FLAG, strlen(FLAG)) == 0;
	while (!t->probe(h)) {
		if (r->status != 0 || waited >= EFFECT_MS)
			return false;
		poll(NULL, 0, STEP_MS);
		waited += STEP_MS;
	}
	return true;
}

static void try_one(struct host *h, const char *service, pid_t container, int log,
		    const struct technique *t)
{
	int victim = h->world->pid, other;
	struct report r;

	world_reset(h->world);
	lseek(h->kmsg, 0, SEEK_END);
	other = t->prepare ? t->prepare(h) : 0;
	if (other < 0) {
		printf("%s\t0\t%d\tno\n", t->name, ENOENT);
		return;
	}
	r = run_technique(service, container, log, t, other > 0 ? other : victim);
	printf("%s\t%d\t%d\t%s\n", t->name, r.pid, r.status, has_effect(h, t, &r) ? "yes" : "no");
	fflush(stdout);
	remove_traces(container, victim);
}

static int try_all(const char *service, pid_t container, const char *log_path, bool first,
		   const char *only)
{
	struct host h = {.world = world_map(false),
			 .kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
	int log = open(log_path, O_RDONLY | O_CLOEXEC);
	regex_t wanted;

	if (!h.world || h.kmsg < 0 || log < 0 || regcomp(&wanted, only, REG_EXTENDED) != 0) {
		perror("host");
		return 1;
	}
	snprintf(h.root, sizeof(h.root), "/proc/%d/root", container);
	for (size_t i = 0; i < N_ARRAYS; i++)
		for (const struct technique *t = all_techniques[i]; t->name; t++)
			if (t->first == first && regexec(&wanted, t->name, 0, NULL, 0) == 0)
				try_one(&h, service, container, log, t);
	regfree(&wanted);
	return 0;
}

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";

	if (strcmp(command, "list") == 0)
		return list_techniques();
	if (strcmp(command, "victim") == 0)
		return victim_run();
	if (strcmp(command, "runtime") == 0)
		return poll(NULL, 0, 1500);
	if (strcmp(command, "work") == 0 && argc == 5)
		return send_requests(argv[2], (unsigned)strtoul(argv[3], NULL, 10),
				     (unsigned)strtoul(argv[4], NULL, 10));
	if (strcmp(command, "try") == 0 && argc == 7)
		return try_all(argv[2], (pid_t)strtol(argv[3], NULL, 10), argv[4],
			       strcmp(argv[5], "first") == 0, argv[6]);
	return 2;
}
