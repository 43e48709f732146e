/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Imports events of Falco, one JSON object per line: evt.type, thread.tid, and where present
 * evt.time (ns since 1970), evt.dir, proc.pid and container.id, in output_fields or at the top.
 * Falco reports system calls that match its rules; other system calls are missing.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "user/import/lines.h"

struct falco {
	char container[80]; /* id of the container to take; "": none was met */
};

static json_t *event_field(json_t *event, const char *name)
{
	json_t *v = json_object_get(json_object_get(event, "output_fields"), name);

	return v ? v : json_object_get(event, name);
}

/* Returns 1 to take the event, 0 to leave it out. -EBADMSG: events of two containers are mixed. */
static int choose_container(struct lines *l, struct falco *f, json_t *event, struct err *err)
{
	const char *id = json_string_value(event_field(event, "container.id"));

	id = id ? id : "";
	if (l->options->container) {
		if (*id && strncmp(l->options->container, id, strlen(id)) == 0)
			return 1;
		lines_left_out(l, "of another container");
		return 0;
	}
	if (!l->started)
		snprintf(f->container, sizeof(f->container), "%s", id);
	l->started = true;
	if (strncmp(f->container, id, sizeof(f->container) - 1) != 0)
		return err_set(err, -EBADMSG,
			       "container '%.20s' after '%.20s': choose one with --container", id,
			       f->container);
	return 1;
}

static int add_falco_event(struct lines *l, json_t *event, struct err *err)
{
	json_t *tid = event_field(event, "thread.tid"), *pid = event_field(event, "proc.pid");
	const char *type = json_string_value(event_field(event, "evt.type"));
	const char *dir = json_string_value(event_field(event, "evt.dir"));
	json_t *time = event_field(event, "evt.time");
	json_int_t t = json_integer_value(tid),
		   g = json_is_integer(pid) ? json_integer_value(pid) : t;
	uint16_t nr;

	if (!type)
		return err_set(err, -EBADMSG, "no evt.type");
	if (!json_is_integer(tid) || t < 0 || t >= LINES_PIDS || g < 0 || g >= LINES_PIDS)
		return err_set(err, -EBADMSG, "thread.tid or proc.pid is not a process id");
	if (json_integer_value(time) < 0)
		return err_set(err, -EBADMSG, "evt.time is negative");
	if (json_is_integer(time))
		lines_time(l, (uint64_t)json_integer_value(time));
	else
		l->ts_ns += LINES_STEP_NS;
	if (!lines_nr(l, type, &nr) || (dir && strcmp(dir, ">") == 0)) {
		lines_left_out(l, type);
		return 0;
	}
	return lines_call(l, (uint32_t)t, (uint32_t)g, nr);
}

static int falco_line(struct lines *l, void *ctx, char *line, struct err *err)
{
	json_error_t je;
	json_t *event;
	int r;

	if (!line[strspn(line, " \t")])
		return 0;
	event = json_loads(line, JSON_REJECT_DUPLICATES, &je);
	if (!event)
		return err_set(err, -EBADMSG, "not a JSON object: %s", je.text);
	if (!json_is_object(event)) {
		json_decref(event);
		return err_set(err, -EBADMSG, "not a JSON object");
	}
	r = choose_container(l, ctx, event, err);
	if (r > 0)
		r = add_falco_event(l, event, err);
	json_decref(event);
	return r;
}

int import_falco(const struct import_options *o, struct import_result *ret, struct err *err)
{
	struct falco falco = {""};
	struct lines_format f = {"falco", "x86_64", falco_line, NULL, &falco};

	return lines_import(&f, o, ret, err);
}
