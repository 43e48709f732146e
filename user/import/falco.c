/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Imports JSON events of Falco, as it writes them, behind what a journal or a container's log puts before
 * them, in an array, or over several lines. Takes evt.type, thread.tid or proc.pid, and where present
 * evt.time, evt.dir and container.id, in output_fields or at the top. Falco reports events that match its
 * rules: the recording is partial.
 */
#include <ctype.h>
#include <inttypes.h>
#include <jansson.h>
#include <time.h>

#include "user/import/json_text.h"
#include "user/import/lines.h"

#define ID_BYTES 80

struct falco {
	struct json_text text;
	char id[ID_BYTES];    /* container.id of the first event that was taken */
	bool taken;	      /* there was one */
	char other[ID_BYTES]; /* the first other container, for the message */
};

static json_t *event_field(json_t *event, const char *name)
{
	json_t *v = json_object_get(json_object_get(event, "output_fields"), name);

	return v ? v : json_object_get(event, name);
}

static const char *text_field(json_t *event, const char *name)
{
	const char *s = json_string_value(event_field(event, name));

	return s && strcmp(s, "<NA>") != 0 ? s : "";
}

/* Returns true if one id is the beginning of the other, or the container has that name. */
static bool is_wanted(const char *wanted, const char *id, const char *name)
{
	size_t a = strlen(wanted), b = strlen(id);

	return (b && strncmp(wanted, id, a < b ? a : b) == 0) ||
	       (*name && strcmp(wanted, name) == 0);
}

/*
 * Returns 1 to take the event, 0 to leave it out. -EINVAL: events of two containers are mixed, or two
 * containers are meant.
 */
static int choose_container(struct lines *l, struct falco *f, json_t *event, struct err *err)
{
	const char *id = text_field(event, "container.id"), *wanted = l->options->container;

	if (wanted && !is_wanted(wanted, id, text_field(event, "container.name"))) {
		if (*id && !f->other[0])
			snprintf(f->other, sizeof(f->other), "%.64s", id);
		return lines_left_out(l, "of another container");
	}
	if (f->taken && f->id[0] && !*id)
		return lines_left_out(l, "of no container");
	if (f->taken && strcmp(f->id, id) != 0)
		return err_set(
			err, -EINVAL,
			wanted ? "container '%.20s' after '%.20s': --container means both"
			       : "container '%.20s' after '%.20s': choose one with --container",
			id, f->id);
	f->taken = true;
	snprintf(f->id, sizeof(f->id), "%.64s", id);
	return 1;
}

/* Reads a whole number that is one in JSON, or is written as text. Returns false if it is none. */
static bool number_field(json_t *event, const char *name, uint64_t *ret)
{
	json_t *v = event_field(event, name);
	const char *s = json_string_value(v);
	char *end;

	if (json_is_integer(v) && json_integer_value(v) >= 0) {
		*ret = (uint64_t)json_integer_value(v);
		return true;
	}
	if (!s || !isdigit((unsigned char)*s))
		return false;
	errno = 0;
	*ret = strtoull(s, &end, 10);
	return !errno && !*end;
}

/* Reads 2026-11-30T10:00:00.5Z, or with an offset, as ns since 1970. */
static bool parse_date(const char *s, uint64_t *ret_ns)
{
	struct tm tm = {};
	const char *rest = strptime(s, "%Y-%m-%dT%H:%M:%S", &tm);
	unsigned h = 0, m = 0;
	char sign = '+';
	long long sec;
	double fraction = 0;

	if (!rest)
		return false;
	if (*rest == '.') {
		char *end;

		fraction = strtod(rest, &end);
		rest = end;
	}
	if (*rest && *rest != 'Z' && sscanf(rest, "%c%2u:%2u", &sign, &h, &m) != 3)
		return false;
	sec = (long long)timegm(&tm) - (sign == '-' ? -1 : 1) * (long long)(h * 3600 + m * 60);
	if (sec < 0 || (uint64_t)sec >= INT64_MAX / NSEC_PER_SEC)
		return false;
	*ret_ns = (uint64_t)sec * NSEC_PER_SEC + (uint64_t)(fraction * 1e9);
	return true;
}

/* Sets the time: ns since 1970, a time of the day, or a date. An event without one comes later. */
static int set_event_time(struct lines *l, json_t *event, struct err *err)
{
	static const char *const names[] = {"evt.rawtime", "evt.time", "evt.outputtime"};
	static const char *const dates[] = {"evt.time.iso8601", "evt.datetime", "time"};
	json_t *v = event_field(event, "evt.time");
	uint64_t ns;

	if (json_is_integer(v) && json_integer_value(v) < 0)
		return err_set(err, -EBADMSG, "evt.time is negative");
	for (size_t i = 0; i < 3; i++) {
		if (number_field(event, names[i], &ns)) {
			lines_time(l, ns);
			return 0;
		}
		if (lines_clock(text_field(event, names[i]), &ns)) {
			lines_day_time(l, ns);
			return 0;
		}
	}
	for (size_t i = 0; i < 3; i++)
		if (parse_date(text_field(event, dates[i]), &ns)) {
			lines_time(l, ns);
			return 0;
		}
	l->ts_ns += LINES_STEP_NS;
	return 0;
}

/* Reads thread.tid and proc.pid. Where one is missing, the other is taken. */
static int read_task(json_t *event, uint64_t *ret_tid, uint64_t *ret_pid, struct err *err)
{
	bool tid = number_field(event, "thread.tid", ret_tid),
	     pid = number_field(event, "proc.pid", ret_pid);

	if ((!tid && event_field(event, "thread.tid") && !pid) || (tid && *ret_tid >= LINES_PIDS) ||
	    (pid && *ret_pid >= LINES_PIDS))
		return err_set(err, -EBADMSG, "thread.tid or proc.pid is not a process id");
	if (!tid && !pid)
		return err_set(
			err, -EBADMSG,
			"no thread.tid and no proc.pid: add %%thread.tid and %%proc.pid to the "
			"rule's output");
	if (!tid)
		*ret_tid = *ret_pid;
	if (!pid)
		*ret_pid = *ret_tid;
	return 0;
}

/* Reads the number that the arguments of an event tell as text: ID=0(<unknown>) nativeID=439. */
static bool number_in_arguments(json_t *event, uint64_t *ret)
{
	static const char name[] = "nativeID=";
	const char *at = strstr(text_field(event, "evt.args"), name);

	return at && sscanf(at + strlen(name), "%" SCNu64, ret) == 1;
}

/* Gets the number of the event's system call; of one without a name from what else tells it. */
static bool number_of_event(const struct lines *l, json_t *event, const char *type, uint16_t *ret)
{
	uint64_t nr;

	if (lines_nr(l, type, ret) || lines_nr(l, text_field(event, "syscall.type"), ret))
		return true;
	if (!number_field(event, "evt.arg.nativeID", &nr) &&
	    !number_field(event, "evt.rawarg.nativeID", &nr) && !number_in_arguments(event, &nr))
		return false;
	*ret = (uint16_t)nr;
	return nr < LUTRA_NR;
}

static int add_falco_event(struct lines *l, json_t *event, struct err *err)
{
	const char *type = text_field(event, "evt.type"), *source = text_field(event, "source");
	uint64_t tid, pid;
	uint16_t nr;
	int r;

	if (*source && strcmp(source, "syscall") != 0)
		return lines_left_out(l, source);
	if (!*type)
		return err_set(err, -EBADMSG, "no evt.type: add %%evt.type to the rule's output");
	r = read_task(event, &tid, &pid, err);
	if (r == 0)
		r = set_event_time(l, event, err);
	if (r < 0)
		return r;
	if (json_object_get(event, "rule"))
		lines_partial(l, "Falco reports only events that match its rules");
	if (strcmp(type, "procexit") == 0)
		return lines_plain(l, (uint32_t)tid, LUTRA_RECORD_EXIT);
	if (!number_of_event(l, event, type, &nr) || strcmp(text_field(event, "evt.dir"), ">") == 0)
		return lines_left_out(l, type);
	return lines_call(l, (uint32_t)tid, (uint32_t)pid, nr);
}

/* Takes what Falco tells of itself: how many events it lost. */
static int take_internal(struct lines *l, json_t *event, const char *rule)
{
	static const char *const counts[] = {"n_drops", "scap.n_drops", "falco.n_drops"};
	uint64_t n = 0;

	for (size_t i = 0; n == 0 && i < 3; i++)
		if (!number_field(event, counts[i], &n))
			n = 0;
	if (n || strstr(rule, "drop"))
		lines_lost(l, n, "Falco");
	return lines_left_out(l, rule);
}

static int take_object(struct lines *l, struct falco *f, const char *text, struct err *err)
{
	json_error_t je = {};
	json_auto_t *event = json_loads(text, JSON_REJECT_DUPLICATES, &je), *inner = NULL;
	const char *rule, *log;
	int r;

	if (!json_is_object(event))
		return err_set(err, -EBADMSG, "not a JSON object: %s", je.text);
	/* A container's log of Docker: the line is a string in an object. */
	log = json_string_value(json_object_get(event, "log"));
	if (log && json_object_get(event, "stream")) {
		inner = json_loads(log, JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, &je);
		if (!json_is_object(inner))
			return lines_left_out(l, log);
	}
	rule = text_field(inner ? inner : event, "rule");
	if (strncmp(rule, "Falco internal", 14) == 0)
		return take_internal(l, inner ? inner : event, rule);
	r = choose_container(l, f, inner ? inner : event, err);
	return r > 0 ? add_falco_event(l, inner ? inner : event, err) : r;
}

/* Takes a line of text: what Falco prints when it begins and ends. */
static int take_banner(struct lines *l, const char *line)
{
	unsigned long long n;
	const char *drops = strstr(line, "event drop detected: ");

	if (drops && sscanf(drops, "event drop detected: %llu", &n) == 1 && n)
		lines_lost(l, 0, "Falco");
	return lines_left_out(l, line);
}

/* Returns true for an event as text, with time and priority: Falco was not told to write JSON. */
static bool is_text_event(const char *line)
{
	static const char *const priorities[] = {"Emergency ",	   "Alert ",   "Critical ",
						 "Error ",	   "Warning ", "Notice ",
						 "Informational ", "Debug "};
	uint64_t ns;
	size_t n = strcspn(line, " ");

	if (!lines_clock(line, &ns) || !line[n])
		return false;
	for (size_t i = 0; i < sizeof(priorities) / sizeof(priorities[0]); i++)
		if (strncmp(line + n + 1, priorities[i], strlen(priorities[i])) == 0)
			return true;
	return false;
}

static struct falco *falco_state(struct lines *l)
{
	if (!l->state)
		l->state = calloc(1, sizeof(struct falco));
	return l->state;
}

int falco_line(struct lines *l, char *line, struct err *err)
{
	struct falco *f = falco_state(l);
	bool other = false, cut, any = false;
	const char *s = line;
	int r;

	if (!f)
		return -ENOMEM;
	/* An object that begins at the left edge ends what was cut off before. */
	cut = *line == '{' && json_text_drop(&f->text);
	if (f->text.depth == 0 && is_text_event(line))
		return err_set(err, -EBADMSG,
			       "an event as text: set json_output: true in falco.yaml");
	while ((r = json_text_take(&f->text, &s, &other)) > 0) {
		any = true;
		r = take_object(l, f, f->text.text, err);
		if (r < 0)
			return r;
	}
	if (r < 0) {
		json_text_drop(&f->text);
		return err_set(err, -EBADMSG, "an object is too long");
	}
	if (cut)
		return err_set(err, -EBADMSG, "not a JSON object: the one before it is cut off");
	return other && !any && f->text.depth == 0 ? take_banner(l, line) : 0;
}

int falco_end(struct lines *l, struct err *err)
{
	struct falco *f = falco_state(l);

	if (!f)
		return -ENOMEM;
	return json_text_drop(&f->text)
		       ? err_set(err, -EBADMSG, "not a JSON object: the file ends in it")
		       : 0;
}

int falco_last(struct lines *l, struct err *err)
{
	struct falco *f = falco_state(l);

	if (!f)
		return -ENOMEM;
	if (l->options->container && !f->taken)
		return err_set(err, -EINVAL, "no event of the container '%.64s'%s%s",
			       l->options->container, f->other[0] ? "; there are events of " : "",
			       f->other);
	return 0;
}
