/* SPDX-License-Identifier: Apache-2.0 */
/* Says in words what happened in an incident. */
#include <string.h>

#include "lib/abi/rules.h"
#include "lib/base/text.h"
#include "user/incidents/incident.h"

#define ACTS_MAX 4 /* kinds that a sentence tells; the others are counted */
#define OBJECT_MAX 160

/* ---- one act ---- */

/* The word for an operation on a name, by the first word of the object's text. */
static const char *name_verb(const char *object)
{
	static const struct {
		const char *op, *verb;
	} verbs[] = {
		{"unlink ", "removed"},	  {"rmdir ", "removed"},    {"mkdir ", "made"},
		{"mknod ", "made"},	  {"symlink ", "made"},	    {"rename-from ", "renamed"},
		{"rename-to ", "made"},	  {"link-from ", "linked"}, {"link-to ", "made"},
		{"truncate ", "emptied"},
	};

	for (size_t k = 0; k < sizeof(verbs) / sizeof(verbs[0]); k++)
		if (strncmp(object, verbs[k].op, strlen(verbs[k].op)) == 0)
			return verbs[k].verb;
	return "changed";
}

static const char *program_verb(unsigned rule)
{
	if (rule == LUTRA_RULE_EXEC_FRESH)
		return "ran the fresh file";
	if (rule == LUTRA_RULE_UPDATED)
		return "ran the updated";
	return rule == LUTRA_RULE_MAPX ? "loaded as code" : "ran";
}

static const char *network_verb(unsigned rule)
{
	if (rule == LUTRA_RULE_BIND)
		return "opened the address";
	return rule == LUTRA_RULE_SEND ? "sent to" : "connected to";
}

/* The verb for an event with an object. NULL: the kind has words of its own. */
static const char *act_verb(const struct alert_fields *f, unsigned rule)
{
	switch (incident_kind_of(alert_fields_text(f, ALERT_RULE))) {
	case INCIDENT_PROGRAM:
		return program_verb(rule);
	case INCIDENT_NETWORK:
		return network_verb(rule);
	case INCIDENT_PRIVILEGE:
		return rule == LUTRA_RULE_CAPABLE ? "used the capability" : "called";
	case INCIDENT_READ:
		return rule == LUTRA_RULE_OPEN_DIR ? "listed" : "read";
	case INCIDENT_WRITE:
		return strncmp(alert_fields_text(f, ALERT_OBJECT), "open ", 5) == 0
			       ? "wrote"
			       : name_verb(alert_fields_text(f, ALERT_OBJECT));
	case INCIDENT_NAME:
		return name_verb(alert_fields_text(f, ALERT_OBJECT));
	default:
		return NULL;
	}
}

void incident_act_words(const struct alert_fields *f, char buf[static INCIDENT_WORDS])
{
	const char *path = alert_fields_text(f, ALERT_PATH);
	const char *object = *path ? path : alert_fields_text(f, ALERT_SYSCALL);
	unsigned rule = LUTRA_RULE_NONE;
	const char *verb;

	rule_find(alert_fields_text(f, ALERT_RULE), &rule);
	verb = act_verb(f, rule);
	if (verb)
		snprintf(buf, INCIDENT_WORDS, "%s %.*s", verb, (int)text_fit(object, OBJECT_MAX),
			 object);
	else if (rule == LUTRA_RULE_WX)
		snprintf(buf, INCIDENT_WORDS, "made memory both writable and executable");
	else if (rule == LUTRA_RULE_GUARD)
		snprintf(buf, INCIDENT_WORDS, "attacked the guard");
	else if (rule == LUTRA_RULE_AUDIT_FALLBACK)
		snprintf(buf, INCIDENT_WORDS, "made rules of its policy fall back to audit");
	else if (rule == LUTRA_RULE_UNGUARDED)
		snprintf(buf, INCIDENT_WORDS, "left a container without a guard");
	else if (rule == LUTRA_RULE_MISSED)
		snprintf(buf, INCIDENT_WORDS, "skipped runs of the guard's programs");
	else
		snprintf(buf, INCIDENT_WORDS, "made unusual system calls");
}

/* ---- the sentence ---- */

/* A text under construction; what does not fit is cut at the end of a character. */
struct sentence {
	char *buf;
	size_t len;
};

__attribute__((format(printf, 2, 3))) static void add_to_sentence(struct sentence *s,
								  const char *fmt, ...)
{
	char text[INCIDENT_TEXT];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	s->len += (size_t)snprintf(s->buf + s->len, INCIDENT_TEXT - s->len, "%.*s",
				   (int)text_fit(text, INCIDENT_TEXT - 1 - s->len), text);
}

static bool is_shell(const char *program)
{
	static const char *const shells[] = {"sh", "bash", "dash", "ash", "zsh", "fish", "busybox"};
	const char *slash = strrchr(program, '/');

	for (size_t k = 0; k < sizeof(shells) / sizeof(shells[0]); k++)
		if (strcmp(slash ? slash + 1 : program, shells[k]) == 0)
			return true;
	return false;
}

/* "a shell was opened in container web by root (/bin/sh, terminal pts0)" */
static void add_session(struct sentence *s, const struct incident *i)
{
	const struct incident_session *by = &i->session;

	add_to_sentence(s, "%s was opened in container %s by %s (%s%s%s)",
			is_shell(by->program) ? "a shell" : "a session", i->container,
			*by->user ? by->user : "an unknown user",
			*by->program ? by->program : "an unknown program",
			*by->terminal ? ", terminal " : ", no terminal", by->terminal);
}

/* The kinds of the service or of sessions, in the order in which they came. Returns how many. */
static unsigned sort_kinds(const struct incident_act act[static INCIDENT_KINDS],
			   unsigned ret[static INCIDENT_KINDS])
{
	unsigned n = 0;

	for (unsigned k = 0; k < INCIDENT_KINDS; k++) {
		unsigned at = n;

		if (!act[k].n)
			continue;
		for (; at > 0 && act[ret[at - 1]].order > act[k].order; at--)
			ret[at] = ret[at - 1];
		ret[at] = k;
		n++;
	}
	return n;
}

/* "ran /usr/bin/id 2 times (and 3 more of this kind), read /root and made unusual system calls" */
static void add_acts(struct sentence *s, const struct incident_act act[static INCIDENT_KINDS])
{
	unsigned kind[INCIDENT_KINDS], n = sort_kinds(act, kind);

	for (unsigned k = 0; k < n && k < ACTS_MAX; k++) {
		const struct incident_act *a = &act[kind[k]];
		const char *between = k + 1 == n ? " and " : ", ";

		add_to_sentence(s, "%s%s", k ? between : " ", a->words);
		if (kind[k] == INCIDENT_SEQUENCE)
			continue;
		if (a->same > 1)
			add_to_sentence(s, " %llu times", (unsigned long long)a->same);
		if (a->n > a->same)
			add_to_sentence(s, " (and %llu more of this kind)",
					(unsigned long long)(a->n - a->same));
	}
	if (n > ACTS_MAX)
		add_to_sentence(s, " and did %u other kind%s of unusual things", n - ACTS_MAX,
				n - ACTS_MAX == 1 ? "" : "s");
}

static bool has_acts(const struct incident_act act[static INCIDENT_KINDS])
{
	unsigned kind[INCIDENT_KINDS];

	return sort_kinds(act, kind) > 0;
}

static void add_outcome(struct sentence *s, const struct incident *i)
{
	if (i->refused)
		add_to_sentence(s, "; %llu operation%s refused", (unsigned long long)i->refused,
				i->refused == 1 ? " was" : "s were");
	if (i->killed)
		add_to_sentence(s, "; %llu process%s killed", (unsigned long long)i->killed,
				i->killed == 1 ? " was" : "es were");
}

void incident_sentence(const struct incident *i, char buf[static INCIDENT_TEXT])
{
	struct sentence s = {.buf = buf};
	size_t begin;

	buf[0] = '\0';
	if (i->maintenance.until_ns)
		add_to_sentence(&s, "maintenance (%s): ", i->maintenance.reason);
	begin = s.len;
	if (i->session.pid)
		add_session(&s, i);
	if (has_acts(i->act[1])) {
		if (i->session.pid)
			add_to_sentence(&s, "; it");
		else
			add_to_sentence(&s, "a session in container %s", i->container);
		add_acts(&s, i->act[1]);
	}
	if (has_acts(i->act[0])) {
		add_to_sentence(&s, "%s", s.len > begin ? "; " : "");
		if (*i->container)
			add_to_sentence(&s, "%s in container %s",
					*i->program ? i->program : "a process", i->container);
		else
			add_to_sentence(&s, "the kernel");
		add_acts(&s, i->act[0]);
	}
	if (s.len == begin)
		add_to_sentence(&s, "something that is only noted happened in container %s",
				i->container);
	add_outcome(&s, i);
}
