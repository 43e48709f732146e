/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lutrad's metrics. The kernel counts by container, the metrics sum by image. The counts of a
 * released container stay with its image, so that no sum decreases while lutrad runs.
 */
#include "user/api/metrics.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>

#include "lib/abi/names.h"
#include "lib/base/array.h"
#include "lib/base/text.h"
#include "user/containers/containers.h"
#include "user/discovery/discovery.h"

#define IMAGES_MAX 512 /* more are counted as one, "(others)" */
#define LABEL_MAX 1024
#define NSEC 1e9

struct image_counters {
	char name[LABEL_MAX]; /* escaped */
	struct lutra_counters retired, now;
};

struct metrics {
	struct api_parts parts;
	struct containers_observer observer;
	struct image_counters *images;
	size_t n, size;
};

/* ---- sums ---- */

/* Writes s as the value of a label: valid UTF-8 without control characters. */
static void escape_label(const char *s, char ret[static LABEL_MAX])
{
	char clean[LABEL_MAX / 2];
	size_t len = 0;

	text_clean(s ? s : "", s ? strlen(s) : 0, clean, sizeof(clean));
	/* text_clean() writes "\xNN", which is no escape in this format: double the backslash. */
	for (const char *p = clean; *p; p++) {
		if (*p == '"' || *p == '\\')
			ret[len++] = '\\';
		ret[len++] = *p;
	}
	ret[len] = '\0';
}

static void add_counters(struct lutra_counters *to, const struct lutra_counters *n)
{
	for (int i = 0; i < LUTRA_COUNTER_COUNT; i++)
		to->n[i] += n->n[i];
}

/* Finds or adds an image. NULL: out of memory. */
static struct image_counters *image_of(struct metrics *m, const char *name)
{
	char escaped[LABEL_MAX];

	escape_label(m->n < IMAGES_MAX ? name : "(others)", escaped);
	for (size_t i = 0; i < m->n; i++)
		if (strcmp(m->images[i].name, escaped) == 0)
			return &m->images[i];
	if (ARRAY_RESERVE(m->images, m->size, m->n + 1) < 0)
		return NULL;
	memcpy(m->images[m->n].name, escaped, sizeof(escaped));
	return &m->images[m->n++];
}

/* Keeps what a container's counters came to, before its slot is given to another. */
static void keep_counters(void *ctx, struct container *c)
{
	struct metrics *m = ctx;
	struct image_counters *i = image_of(m, c->identity.image);
	struct lutra_counters n;

	if (i && guard_counters(m->parts.guard, c->slot, &n) == 0)
		add_counters(&i->retired, &n);
}

int metrics_new(struct metrics **ret, const struct api_parts *parts)
{
	struct metrics *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->parts = *parts;
	m->observer = (struct containers_observer){.on_release = keep_counters, .ctx = m};
	containers_observe(parts->containers, &m->observer);
	*ret = m;
	return 0;
}

void metrics_free(struct metrics *m)
{
	if (!m)
		return;
	free(m->images);
	free(m);
}

/* Sums the counters of all images as they are now, and those that belong to no container. */
static int sum_counters(struct metrics *m, struct lutra_counters *ret)
{
	struct lutra_counters n;

	*ret = (struct lutra_counters){};
	if (guard_counters(m->parts.guard, 0, &n) == 0)
		add_counters(ret, &n);
	for (size_t i = 0; i < m->n; i++)
		m->images[i].now = m->images[i].retired;
	for (struct container *c = containers_first(m->parts.containers); c; c = c->next) {
		struct image_counters *i = image_of(m, c->identity.image);

		if (!i)
			return -ENOMEM;
		if (guard_counters(m->parts.guard, c->slot, &n) == 0)
			add_counters(&i->now, &n);
	}
	for (size_t i = 0; i < m->n; i++)
		add_counters(ret, &m->images[i].now);
	return 0;
}

/* ---- text ---- */

static void put_head(FILE *f, const char *name, const char *type, const char *help)
{
	fprintf(f, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_value(FILE *f, const char *name, const char *type, const char *help, double value)
{
	put_head(f, name, type, help);
	fprintf(f, "%s %.17g\n", name, value);
}

static void put_sums(FILE *f, const struct lutra_counters *sum)
{
	static const struct {
		const char *name, *labels,
			*help; /* help NULL: one more series of the metric before */
		unsigned counter;
	} rows[] = {
		{"lutra_events_scored_total", "{kind=\"call\"}",
		 "System calls and object operations scored.", LUTRA_COUNTER_SYSCALLS},
		{"lutra_events_scored_total", "{kind=\"object\"}", NULL, LUTRA_COUNTER_OBJECTS},
		{"lutra_events_novel_total", "{kind=\"call\"}",
		 "Of these, those never seen in training.", LUTRA_COUNTER_NOVEL_TOKENS},
		{"lutra_events_novel_total", "{kind=\"object\"}", NULL,
		 LUTRA_COUNTER_NOVEL_OBJECTS},
		{"lutra_evidence_lost_total", "",
		 "Signals whose evidence did not fit into the ring.", LUTRA_COUNTER_EVIDENCE_LOST},
		{"lutra_records_lost_total", "", "Recorded events that did not fit into the ring.",
		 LUTRA_COUNTER_RECORDS_LOST},
		{"lutra_storage_failed_total", "",
		 "Tasks that got no entry or no scratch, and forks that were refused, for want of "
		 "memory.",
		 LUTRA_COUNTER_STORAGE_FAILED},
		{"lutra_events_unscored_total", "", "Events of armed tasks without a policy.",
		 LUTRA_COUNTER_UNSCORED},
		{"lutra_paths_cut_total", "",
		 "Paths too deep, too long or unresolved, judged as misses.",
		 LUTRA_COUNTER_PATHS_CUT},
		{"lutra_signals_failed_total", "", "Kills that the kernel refused.",
		 LUTRA_COUNTER_SIGNAL_FAILED},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].help)
			put_head(f, rows[i].name, "counter", rows[i].help);
		fprintf(f, "%s%s %" PRIu64 "\n", rows[i].name, rows[i].labels,
			(uint64_t)sum->n[rows[i].counter]);
	}
}

static void put_images(FILE *f, const struct metrics *m)
{
	static const struct {
		unsigned counter;
		const char *action;
	} verdicts[] = {{LUTRA_COUNTER_ALLOW, "allow"},
			{LUTRA_COUNTER_ALERT, "alert"},
			{LUTRA_COUNTER_DENY, "deny"},
			{LUTRA_COUNTER_KILL, "kill"}};

	put_head(f, "lutra_verdicts_total", "counter", "Signals by image and what was decided.");
	for (size_t i = 0; i < m->n; i++)
		for (size_t v = 0; v < sizeof(verdicts) / sizeof(verdicts[0]); v++)
			fprintf(f, "lutra_verdicts_total{image=\"%s\",action=\"%s\"} %" PRIu64 "\n",
				m->images[i].name, verdicts[v].action,
				(uint64_t)m->images[i].now.n[verdicts[v].counter]);
	put_head(f, "lutra_refused_total", "counter", "Operations that a hook refused.");
	for (size_t i = 0; i < m->n; i++)
		fprintf(f, "lutra_refused_total{image=\"%s\"} %" PRIu64 "\n", m->images[i].name,
			(uint64_t)m->images[i].now.n[LUTRA_COUNTER_REFUSED]);
	put_head(f, "lutra_repeated_total", "counter",
		 "Alerts that were reported before: counted.");
	for (size_t i = 0; i < m->n; i++)
		fprintf(f, "lutra_repeated_total{image=\"%s\"} %" PRIu64 "\n", m->images[i].name,
			(uint64_t)m->images[i].now.n[LUTRA_COUNTER_REPEATED]);
}

/* One series for each container: no two have the same labels. */
static void put_containers(FILE *f, const struct api_parts *parts)
{
	char name[LABEL_MAX], image[LABEL_MAX], dir[LABEL_MAX];

	put_value(f, "lutra_containers", "gauge", "Containers under guard.",
		  (double)containers_count(parts->containers));
	put_value(f, "lutra_containers_unguarded", "gauge",
		  "Containers that were found, run, and are not guarded.",
		  discovery_count_unguarded(parts->discovery));
	put_head(f, "lutra_policy_info", "gauge", "The policy in force for a container.");
	for (const struct container *c = containers_first(parts->containers); c; c = c->next) {
		escape_label(c->name, name);
		escape_label(c->identity.image, image);
		escape_label(c->policy_dir, dir);
		fprintf(f,
			"lutra_policy_info{container=\"%s\",image=\"%s\",policy=\"%s\","
			"sha256=\"%s\",mode=\"%s\"} 1\n",
			name, image, dir, c->policy_sha256, mode_name(c->mode));
	}
	put_head(f, "lutra_policy_refused", "gauge",
		 "1: what is on disk now for a container's policy was refused.");
	for (const struct container *c = containers_first(parts->containers); c; c = c->next) {
		escape_label(c->name, name);
		fprintf(f, "lutra_policy_refused{container=\"%s\"} %d\n", name,
			c->policy_error != NULL);
	}
	put_head(f, "lutra_container_frozen", "gauge", "1: a verdict froze it.");
	for (const struct container *c = containers_first(parts->containers); c; c = c->next) {
		escape_label(c->name, name);
		fprintf(f, "lutra_container_frozen{container=\"%s\"} %d\n", name, c->frozen);
	}
}

/* Where system calls are seen. */
static void put_calls_seen(FILE *f, const struct api_parts *parts)
{
	struct guard_syscalls calls = guard_syscalls(parts->guard);

	put_head(f, "lutra_calls_seen", "gauge",
		 "1: system calls of guarded tasks are seen there.");
	fprintf(f, "lutra_calls_seen{at=\"filter\"} %d\n", calls.at_filter != NULL);
	fprintf(f, "lutra_calls_seen{at=\"sys_enter\"} %d\n", calls.at_enter);
}

static void put_programs(FILE *f, const struct api_parts *parts)
{
	struct guard_program p[GUARD_PROGRAMS];
	size_t n = guard_programs(parts->guard, p);

	put_head(f, "lutra_program_runs_total", "counter",
		 "Runs of a BPF program while the kernel counts them (program_stats).");
	for (size_t i = 0; i < n; i++)
		fprintf(f, "lutra_program_runs_total{program=\"%s\"} %" PRIu64 "\n", p[i].name,
			p[i].runs);
	put_head(f, "lutra_program_missed_total", "counter",
		 "Runs that the kernel skipped, as another task was preempted in the program.");
	for (size_t i = 0; i < n; i++)
		fprintf(f, "lutra_program_missed_total{program=\"%s\"} %" PRIu64 "\n", p[i].name,
			p[i].missed);
	put_head(f, "lutra_program_run_seconds_total", "counter", "Time in these runs.");
	for (size_t i = 0; i < n; i++)
		fprintf(f, "lutra_program_run_seconds_total{program=\"%s\"} %.9f\n", p[i].name,
			(double)p[i].run_ns / NSEC);
}

static void put_store(FILE *f, const struct api_parts *parts)
{
	struct pipeline_stats s;

	pipeline_stats(parts->pipeline, &s);
	put_value(f, "lutra_store_open", "gauge", "1: events are kept.", s.open);
	put_value(f, "lutra_store_failing", "gauge", "1: the last write to the store failed.",
		  s.failing);
	put_value(f, "lutra_store_bytes", "gauge", "Size of events and indexes, as last looked at.",
		  (double)s.store_bytes);
	put_value(f, "lutra_store_queue_bytes", "gauge", "Waiting to be written.",
		  (double)s.queue_bytes);
	put_value(f, "lutra_store_events_total", "counter", "Events stored.", (double)s.stored);
	put_value(f, "lutra_store_expired_total", "counter", "Events deleted by age or size.",
		  (double)s.expired);
	put_value(f, "lutra_store_displaced_total", "counter",
		  "Of these, events deleted because the store was full.", (double)s.displaced);
	put_value(f, "lutra_incidents_total", "counter", "Incidents that began.",
		  (double)s.incidents);
	put_value(f, "lutra_incidents_open", "gauge", "Incidents that nobody has closed.",
		  (double)s.incidents_open);
	put_head(f, "lutra_store_lost_total", "counter",
		 "Events that did not fit into the queue, that the store could not take, or that a "
		 "lutrad that was killed had not stored.");
	fprintf(f, "lutra_store_lost_total{where=\"queue\"} %" PRIu64 "\n", s.lost_queue);
	fprintf(f, "lutra_store_lost_total{where=\"store\"} %" PRIu64 "\n", s.lost_store);
	fprintf(f, "lutra_store_lost_total{where=\"kill\"} %" PRIu64 "\n", s.lost_kill);
}

static void put_outputs(FILE *f, const struct api_parts *parts)
{
	struct outputs *o = pipeline_outputs(parts->pipeline);
	struct sink_stats s[OUTPUTS_MAX + 1];
	const char *name[OUTPUTS_MAX + 1];
	size_t n = outputs_count(o);

	for (size_t i = 0; i < n; i++)
		name[i] = outputs_stats(o, i, &s[i]);
	put_head(f, "lutra_output_sent_total", "counter", "Alerts that an output took.");
	for (size_t i = 0; i < n; i++)
		fprintf(f, "lutra_output_sent_total{output=\"%s\"} %" PRIu64 "\n", name[i],
			s[i].sent);
	put_head(f, "lutra_output_lost_total", "counter",
		 "Alerts that did not fit into its queue, could not be written, or were refused.");
	for (size_t i = 0; i < n; i++)
		fprintf(f, "lutra_output_lost_total{output=\"%s\"} %" PRIu64 "\n", name[i],
			s[i].lost);
	put_head(f, "lutra_output_waiting", "gauge", "Alerts that wait on disk for the receiver.");
	for (size_t i = 0; i < n; i++)
		fprintf(f, "lutra_output_waiting{output=\"%s\"} %" PRIu64 "\n", name[i],
			s[i].waiting);
	put_head(f, "lutra_output_failing", "gauge", "1: its last attempt failed.");
	for (size_t i = 0; i < n; i++)
		fprintf(f, "lutra_output_failing{output=\"%s\"} %d\n", name[i], s[i].failing);
	put_value(f, "lutra_alerts_folded_total", "counter",
		  "Messages that the throttle held back.", (double)outputs_folded(o));
}

static size_t count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	if (!dir)
		return 0;
	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 3; /* ".", "..", and the directory itself */
}

static void put_daemon_process(FILE *f, const struct api_parts *parts)
{
	unsigned long resident = 0;
	_cleanup_fclose_ FILE *statm = fopen("/proc/self/statm", "re");
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	/* NOLINTNEXTLINE(cert-err34-c): the kernel's own numbers */
	if (statm && fscanf(statm, "%*u %lu", &resident) != 1)
		resident = 0;
	put_value(f, "process_cpu_seconds_total", "counter", "User and system time.",
		  (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
			  (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6);
	put_value(f, "process_resident_memory_bytes", "gauge", "Resident memory.",
		  (double)resident * (double)sysconf(_SC_PAGESIZE));
	put_value(f, "process_open_fds", "gauge", "Open file descriptors.", (double)count_fds());
	put_value(f, "process_start_time_seconds", "gauge", "Start, since the epoch.",
		  (double)parts->start_ns / NSEC);
}

static void put_http(FILE *f, const struct metrics_clients *clients)
{
	put_head(f, "lutra_http_requests_total", "counter", "HTTP requests answered, by status.");
	for (int i = 2; i < 6; i++)
		fprintf(f, "lutra_http_requests_total{code=\"%dxx\"} %" PRIu64 "\n", i,
			clients->answered[i]);
	put_value(f, "lutra_http_clients_timed_out_total", "counter",
		  "HTTP clients that were cut off: idle, or too slow.", (double)clients->timed_out);
}

int metrics_text(struct metrics *m, const struct metrics_clients *clients, char **ret,
		 size_t *ret_len)
{
	const struct api_parts *parts = &m->parts;
	_cleanup_free_ char *text = NULL;
	struct lutra_counters sum;
	size_t len;
	FILE *f;
	int r = sum_counters(m, &sum);

	if (r < 0)
		return r;
	f = open_memstream(&text, &len);
	if (!f)
		return -ENOMEM;
	put_head(f, "lutra_info", "gauge", "What this daemon guards by.");
	fprintf(f, "lutra_info{hooks=\"%s\",calls=\"%s\"} 1\n",
		guard_has_lsm(parts->guard) ? "lsm" : "tracepoints",
		parts->config->no_calls ? "off" : "on");
	put_sums(f, &sum);
	put_images(f, m);
	put_containers(f, parts);
	put_calls_seen(f, parts);
	put_programs(f, parts);
	put_store(f, parts);
	put_outputs(f, parts);
	put_http(f, clients);
	put_daemon_process(f, parts);
	if (fclose(f) != 0)
		return -ENOMEM;
	*ret = TAKE_PTR(text);
	*ret_len = len;
	return 0;
}
