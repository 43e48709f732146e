/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Imports events of Falco, one JSON object per line: evt.type, thread.tid, and where present
 * evt.time (ns since 1970), evt.dir, proc.pid and container.id, in output_fields or at the top.
 * Falco reports system calls that match its rules; other system calls are missing.
 */
#include <jansson.h>

#include "user/import/lines.h"

static json_t *event_field(json_t *event, const char *name)
{
	json_t *v = json_object_get(json_object_get(event, "output_fields"), name);

	return v ? v : json_object_get(event, name);
}

/*
 * Returns 1 to take the event, 0 to leave it out. -EBADMSG: events of two containers are mixed.
 * The lines' state is the id of the first container.
 */
static int choose_container(struct lines *l, json_t *event, struct err *err)
{
	const char *id = json_string_value(event_field(event, "container.id"));

	id = id ? id : "";
	if (l->options->container) {
		if (*id && strncmp(l->options->container, id, strlen(id)) == 0)
			return 1;
		return lines_left_out(l, "of another container");
	}
	if (!l->state)
		l->state = strdup(id);
	if (!l->state)
		return -ENOMEM;
	if (strcmp(l->state, id) != 0)
		return err_set(err, -EBADMSG,
			       "container '%.20s' after '%.20s': choose one with --container", id,
			       (const char *)l->state);
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
	if (!lines_nr(l, type, &nr) || (dir && strcmp(dir, ">") == 0))
		return lines_left_out(l, type);
	return lines_call(l, (uint32_t)t, (uint32_t)g, nr);
}

int falco_line(struct lines *l, char *line, struct err *err)
{
	json_error_t je = {};
	json_auto_t *event = json_loads(line, JSON_REJECT_DUPLICATES, &je);
	int r;

	if (!json_is_object(event))
		return err_set(err, -EBADMSG, "not a JSON object%s%s", event ? "" : ": ", je.text);
	r = choose_container(l, event, err);
	return r > 0 ? add_falco_event(l, event, err) : r;
}
