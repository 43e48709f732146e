/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts alerts into a store at a given rate, and prints how many were stored, what putting one costs
 * the deciding thread, and how much of a core the writing thread takes.
 * usage: alerts [RATE [SECONDS [FILE]]]
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

#include "user/sys/clock.h"
#include "user/pipeline/pipeline.h"

#define CONTAINERS 20

/* Returns a refused exec with a full history. */
static struct lutra_evidence make_evidence(void)
{
	static const unsigned calls[] = {SYS_read,  SYS_openat, SYS_fstat, SYS_mmap,
					 SYS_close, SYS_futex,	SYS_poll,  SYS_execve};
	struct lutra_evidence ev = {.syscalls = 100000,
				    .tid = 4242,
				    .tgid = 4240,
				    .ppid = 1,
				    .level = 5000,
				    .threshold = 4800,
				    .nr = SYS_execve,
				    .rule = LUTRA_RULE_EXEC,
				    .kind = LUTRA_KIND_PROTECTED,
				    .verdict = LUTRA_VERDICT_DENY,
				    .mode = LUTRA_MODE_DENY,
				    .role = LUTRA_ROLE_STEADY,
				    .refused = 1,
				    .weight = {1, 2, 3},
				    .object = {.op = LUTRA_OP_EXEC, .flags = LUTRA_OBJ_PATH},
				    .comm = "python3"};

	for (unsigned i = 0; i < LUTRA_HISTORY; i++)
		ev.history[i] = (struct lutra_history){(uint16_t)(calls[i % 8] | 1u << 12), 7};
	return ev;
}

static double cpu_seconds(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void print_message(void *ctx, bool bad, const char *msg)
{
	(void)ctx;
	(void)bad;
	fprintf(stderr, "alerts: %s\n", msg);
}

/* Puts alerts at the rate. Returns the ns that all puts took. */
static uint64_t put_alerts(struct pipeline *p, uint64_t rate, uint64_t seconds)
{
	static char id[] = "c0ffeec0ffee", image[] = "registry.example.org/shop/frontend:1.2.3";
	const struct identity identity = {.id = id, .image = image};
	const struct timespec pause = {.tv_nsec = 1000000};
	const char *path = "/usr/bin/python3.11";
	const uint64_t start_ns = clock_now_ns();
	struct lutra_evidence ev = make_evidence();
	char name[CONTAINERS][16];
	uint64_t put_ns = 0;

	for (int i = 0; i < CONTAINERS; i++)
		snprintf(name[i], sizeof(name[i]), "shop-%d", i);
	for (uint64_t i = 0; i < rate * seconds; i++) {
		const struct alert_container c = {
			.name = name[i % CONTAINERS],
			.cgroup = "/sys/fs/cgroup/system.slice/docker-c0ffeec0ffee.scope",
			.policy_dir = "/etc/lutra/policies.d/shop",
			.identity = &identity};
		uint64_t before;

		while (clock_now_ns() - start_ns < i * NSEC_PER_SEC / rate)
			nanosleep(&pause, NULL);
		before = ev.ts_ns = clock_now_ns();
		pipeline_put(p, alert_new(&ev, path, strlen(path), &c));
		put_ns += clock_now_ns() - before;
	}
	return put_ns;
}

int main(int argc, char **argv)
{
	const uint64_t rate = argc > 1 ? strtoull(argv[1], NULL, 10) : 20000;
	const uint64_t seconds = argc > 2 ? strtoull(argv[2], NULL, 10) : 30;
	struct pipeline_config config = {
		.store_path = argc > 3 ? argv[3] : "build/bench/alerts.db",
		.limits = {.max_bytes = 1024ull << 20},
		.env.report = print_message,
	};
	_cleanup_(pipeline_freep) struct pipeline *p = NULL;
	const uint64_t start_ns = clock_now_ns();
	struct pipeline_stats s;
	uint64_t put_ns;
	struct err err;

	if (!rate || !seconds) {
		fputs("usage: alerts [RATE [SECONDS [FILE]]]\n", stderr);
		return 2;
	}
	remove(config.store_path);
	if (pipeline_new(&p, &config, &err) < 0) {
		fprintf(stderr, "alerts: %s\n", err.msg);
		return 1;
	}
	put_ns = put_alerts(p, rate, seconds);
	pipeline_sync(p);
	pipeline_stats(p, &s);
	printf("put %" PRIu64 ", stored %" PRIu64 ", lost %" PRIu64 " (queue full), %" PRIu64
	       " (store), deleted by the limit %" PRIu64 "\n",
	       s.put, s.stored, s.lost_queue, s.lost_store, s.expired);
	printf("%.1f s, %.0f ns a put, %.2f of a core, %.0f bytes an alert\n",
	       (double)(clock_now_ns() - start_ns) / 1e9, (double)put_ns / (double)s.put,
	       cpu_seconds() / ((double)(clock_now_ns() - start_ns) / 1e9),
	       (double)s.store_bytes / (double)(s.stored - s.expired));
	return s.put == s.stored + s.lost_queue + s.lost_store ? 0 : 1;
}
