/* SPDX-License-Identifier: Apache-2.0 */
/* Adds alerts to an incident and says how bad it is. */
#include "user/incidents/incident.h"

#include <string.h>
#include <sys/syslog.h>

#include "lib/abi/names.h"
#include "lib/abi/rules.h"
#include "lib/base/text.h"
#include "user/incidents/finding.h"

/* ---- kinds ---- */

static const struct {
	uint8_t kind;
	bool strong; /* an event of the rule is grave by itself */
} rule_kind[RULES_COUNT] = {
	[LUTRA_RULE_NEW_SYSCALL] = {INCIDENT_SEQUENCE, false},
	[LUTRA_RULE_NEW_HOOKABLE] = {INCIDENT_PRIVILEGE, false},
	[LUTRA_RULE_LEVEL] = {INCIDENT_SEQUENCE, false},
	[LUTRA_RULE_NOVELTY] = {INCIDENT_SEQUENCE, false},
	[LUTRA_RULE_EXEC] = {INCIDENT_PROGRAM, false},
	[LUTRA_RULE_EXEC_FRESH] = {INCIDENT_PROGRAM, true},
	[LUTRA_RULE_CONNECT] = {INCIDENT_NETWORK, false},
	[LUTRA_RULE_BIND] = {INCIDENT_NETWORK, false},
	[LUTRA_RULE_SEND] = {INCIDENT_NETWORK, false},
	[LUTRA_RULE_MAPX] = {INCIDENT_PROGRAM, false},
	[LUTRA_RULE_WX] = {INCIDENT_MEMORY, true},
	[LUTRA_RULE_CAPABLE] = {INCIDENT_PRIVILEGE, false},
	[LUTRA_RULE_OPEN_READ_PROTECTED] = {INCIDENT_READ, false},
	[LUTRA_RULE_OPEN_READ_PROGRAM_DIR] = {INCIDENT_READ, false},
	[LUTRA_RULE_OPEN_READ_ELSEWHERE] = {INCIDENT_READ, false},
	[LUTRA_RULE_OPEN_READ_NEW_USE] = {INCIDENT_READ, false},
	[LUTRA_RULE_OPEN_READ_NEW_ROLE] = {INCIDENT_READ, false},
	[LUTRA_RULE_OPEN_DIR] = {INCIDENT_READ, false},
	[LUTRA_RULE_OPEN_READ_IMAGE] = {INCIDENT_READ, false},
	[LUTRA_RULE_OPEN_READ_SIBLING] = {INCIDENT_READ, false},
	[LUTRA_RULE_OPEN_WRITE_PROTECTED] = {INCIDENT_WRITE, true},
	[LUTRA_RULE_OPEN_WRITE_PROGRAM_DIR] = {INCIDENT_WRITE, true},
	[LUTRA_RULE_OPEN_WRITE_DATA_DIR] = {INCIDENT_WRITE, false},
	[LUTRA_RULE_OPEN_WRITE_ELSEWHERE] = {INCIDENT_WRITE, false},
	[LUTRA_RULE_OPEN_WRITE_NEW_USE] = {INCIDENT_WRITE, false},
	[LUTRA_RULE_OPEN_WRITE_NEW_ROLE] = {INCIDENT_WRITE, false},
	[LUTRA_RULE_PATH_PROTECTED] = {INCIDENT_NAME, false},
	[LUTRA_RULE_PATH_PROGRAM_DIR] = {INCIDENT_NAME, false},
	[LUTRA_RULE_PATH_DATA_DIR] = {INCIDENT_NAME, false},
	[LUTRA_RULE_PATH_ELSEWHERE] = {INCIDENT_NAME, false},
	[LUTRA_RULE_PATH_NEW_USE] = {INCIDENT_NAME, false},
	[LUTRA_RULE_UPDATED] = {INCIDENT_PROGRAM, false},
	[LUTRA_RULE_NONE] = {INCIDENT_POLICY, false},
	[LUTRA_RULE_GUARD] = {INCIDENT_GUARD, true},
	[LUTRA_RULE_AUDIT_FALLBACK] = {INCIDENT_POLICY, false},
	[LUTRA_RULE_MODE] = {INCIDENT_POLICY, false},
	[LUTRA_RULE_SESSION] = {INCIDENT_SESSION, false},
	[LUTRA_RULE_UNGUARDED] = {INCIDENT_POLICY, false},
	[LUTRA_RULE_MISSED] = {INCIDENT_POLICY, false},
};

static unsigned find_rule(const struct alert_fields *f)
{
	unsigned rule = LUTRA_RULE_NONE;

	rule_find(alert_fields_text(f, ALERT_RULE), &rule);
	return rule;
}

enum incident_kind incident_kind_of(const char *rule)
{
	unsigned i = rule_is_old(rule) ? LUTRA_RULE_LEVEL : LUTRA_RULE_NONE;

	rule_find(rule, &i);
	return rule_kind[i].kind;
}

const char *incident_kind_name(enum incident_kind k)
{
	static const char *const names[INCIDENT_KINDS] = {
		[INCIDENT_SESSION] = "session",	    [INCIDENT_PROGRAM] = "program",
		[INCIDENT_NETWORK] = "network",	    [INCIDENT_MEMORY] = "memory",
		[INCIDENT_PRIVILEGE] = "privilege", [INCIDENT_READ] = "read",
		[INCIDENT_WRITE] = "write",	    [INCIDENT_NAME] = "name",
		[INCIDENT_SEQUENCE] = "sequence",   [INCIDENT_GUARD] = "guard",
		[INCIDENT_POLICY] = "policy",
	};

	return k < INCIDENT_KINDS ? names[k] : "?";
}

enum incident_kind incident_kind_find(const char *name)
{
	unsigned k = 0;

	while (k < INCIDENT_KINDS && strcmp(incident_kind_name(k), name) != 0)
		k++;
	return k;
}

/* ---- processes ---- */

unsigned incident_read_ancestors(const char *text,
				 struct incident_ancestor ret[static INCIDENT_ANCESTORS])
{
	static const char between[] = " < ";
	unsigned n = 0;

	while (text && *text && n < INCIDENT_ANCESTORS) {
		const char *end = strstr(text, between);
		size_t len = end ? (size_t)(end - text) : strlen(text);
		const char *open = memrchr(text, '[', len);
		unsigned long pid = open ? strtoul(open + 1, NULL, 10) : 0;

		if (!open || pid == 0 || pid > INT32_MAX)
			break;
		ret[n].pid = (uint32_t)pid;
		snprintf(ret[n].name, sizeof(ret[n].name), "%.*s",
			 (int)text_fit(text, (size_t)(open - text) < sizeof(ret[n].name)
						     ? (size_t)(open - text)
						     : sizeof(ret[n].name) - 1),
			 text);
		n++;
		text = end ? end + strlen(between) : NULL;
	}
	return n;
}

static struct incident_process *find_process(struct incident *i, uint32_t pid)
{
	for (unsigned k = 0; k < i->n_processes; k++)
		if (i->process[k].pid == pid)
			return &i->process[k];
	return NULL;
}

/* Finds a process, or adds it. Returns NULL if there is no room. */
static struct incident_process *put_incident_process(struct incident *i, uint32_t pid,
						     const char *name)
{
	struct incident_process *p = find_process(i, pid);

	if (!p && i->n_processes < INCIDENT_PROCESSES) {
		p = &i->process[i->n_processes++];
		*p = (struct incident_process){.pid = pid};
	}
	if (p && *name)
		TEXT_COPY(p->name, name);
	return p;
}

/* A process of the host that starts containers and sessions: the tree ends below it. */
static bool is_of_host(const struct incident_ancestor *a)
{
	static const char *const names[] = {"conmon",  "containerd-shim", "runc",   "crun",
					    "systemd", "dockerd",	  "podman", "containerd"};

	for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
		if (strncmp(a->name, names[k], strlen(names[k])) == 0)
			return true;
	return a->pid == 1;
}

/* Adds the event's process, and its ancestors as far as their names are known. */
static void add_processes(struct incident *i, const struct alert_fields *f)
{
	struct incident_ancestor a[INCIDENT_ANCESTORS];
	uint32_t pid = (uint32_t)f->number[ALERT_PID];
	unsigned n = incident_read_ancestors(f->text[ALERT_ANCESTORS], a);
	struct incident_process *p =
		pid ? put_incident_process(i, pid, alert_fields_text(f, ALERT_COMM)) : NULL;

	if (p)
		p->events++;
	for (unsigned k = 1; p && k < n && *a[k].name && !is_of_host(&a[k]); k++) {
		p->ppid = a[k].pid;
		p = put_incident_process(i, a[k].pid, a[k].name);
	}
}

static bool has_raised(const struct incident *i, uint32_t pid)
{
	for (unsigned k = 0; k < i->n_processes; k++)
		if (i->process[k].pid == pid && i->process[k].events)
			return true;
	return i->session.pid == pid;
}

bool incident_has_lineage(const struct incident *i, const struct alert_fields *f)
{
	struct incident_ancestor a[INCIDENT_ANCESTORS];
	unsigned n = incident_read_ancestors(f->text[ALERT_ANCESTORS], a);
	uint32_t pid = (uint32_t)f->number[ALERT_PID], ppid = (uint32_t)f->number[ALERT_PPID];

	if (pid && has_raised(i, pid))
		return true;
	if (ppid > 1 && has_raised(i, ppid))
		return true;
	for (unsigned k = 1; k < n; k++)
		if (a[k].pid > 1 && has_raised(i, a[k].pid))
			return true;
	return false;
}

/* ---- events ---- */

void incident_begin(struct incident *i, const struct alert_fields *f)
{
	TEXT_COPY(i->container, alert_fields_text(f, ALERT_CONTAINER));
	TEXT_COPY(i->container_id, alert_fields_text(f, ALERT_CONTAINER_ID));
	TEXT_COPY(i->image, alert_fields_text(f, ALERT_IMAGE));
	TEXT_COPY(i->engine, alert_fields_text(f, ALERT_ENGINE));
	TEXT_COPY(i->pod, alert_fields_text(f, ALERT_POD));
	TEXT_COPY(i->cgroup, alert_fields_text(f, ALERT_CGROUP));
	i->begin_ns = i->end_ns = (uint64_t)f->number[ALERT_TIME];
	i->own_session = f->number[ALERT_EXEC_SESSION] || find_rule(f) == LUTRA_RULE_SESSION;
}

void incident_read_session(struct incident_session *ret, const struct alert_fields *f)
{
	char user[64] = "", terminal[32] = "";

	*ret = (struct incident_session){.pid = (uint32_t)f->number[ALERT_PID]};
	/* alert_fields_set() writes "session USER TERMINAL PROGRAM", "-" for no terminal. */
	if (sscanf(alert_fields_text(f, ALERT_OBJECT), "session %63s %31s", user, terminal) != 2)
		return;
	TEXT_COPY(ret->user, user);
	if (strcmp(terminal, "-") != 0)
		TEXT_COPY(ret->terminal, terminal);
	TEXT_COPY(ret->program, alert_fields_text(f, ALERT_PATH));
}

void incident_set_session(struct incident *i, const struct incident_session *s)
{
	i->kinds[1] |= 1u << INCIDENT_SESSION;
	if (!i->session.pid)
		i->session = *s;
}

/* Returns how many kinds have been noted, of the service and of sessions. */
static uint64_t count_acts(const struct incident *i)
{
	uint64_t n = 0;

	for (unsigned k = 0; k < INCIDENT_KINDS; k++)
		n += (i->act[0][k].n != 0) + (i->act[1][k].n != 0);
	return n;
}

/* Notes in words what an event of a kind did: the first of the gravest is named. */
static void name_act(struct incident_act *act, const struct alert_fields *f)
{
	unsigned verdict = finding_verdict(f->text[ALERT_VERDICT]);
	char words[INCIDENT_WORDS];

	incident_act_words(f, words);
	act->n++;
	if (act->n == 1 || verdict > act->verdict) {
		/* What was told so far and did the same was done as often. */
		act->same = strcmp(act->words, words) == 0 ? act->same + 1 : 1;
		act->verdict = verdict;
		TEXT_COPY(act->words, words);
	} else {
		act->same += strcmp(act->words, words) == 0;
	}
}

/* Notes what was done. Returns true if the kind is new. */
static bool add_act(struct incident *i, const struct alert_fields *f, enum incident_kind kind)
{
	unsigned who = f->number[ALERT_EXEC_SESSION] != 0;
	struct incident_act *act = &i->act[who][kind];
	bool is_new = !(i->kinds[who] & 1u << kind);

	i->kinds[who] |= 1u << kind;
	if (!who && !*i->program)
		TEXT_COPY(i->program, alert_fields_text(f, ALERT_COMM));
	if (act->n == 0)
		act->order = count_acts(i) + 1;
	name_act(act, f);
	return is_new;
}

bool incident_add(struct incident *i, const struct alert_fields *f)
{
	unsigned rule = find_rule(f), verdict = finding_verdict(f->text[ALERT_VERDICT]);
	uint64_t time_ns = (uint64_t)f->number[ALERT_TIME];
	bool grew = false, killed = verdict == LUTRA_VERDICT_KILL;
	bool refused = !killed && (verdict == LUTRA_VERDICT_DENY || f->number[ALERT_REFUSED]);

	if (time_ns > i->end_ns)
		i->end_ns = time_ns;
	i->events++;
	add_processes(i, f);
	if (rule == LUTRA_RULE_SESSION) {
		struct incident_session s;

		incident_read_session(&s, f);
		incident_set_session(i, &s);
	} else if (verdict >= LUTRA_VERDICT_ALERT) {
		grew = add_act(i, f, rule_kind[rule].kind);
		if (rule_kind[rule].strong)
			i->strong |= 1u << rule_kind[rule].kind;
	}
	grew |= (killed && !i->killed) || (refused && !i->refused);
	i->killed += killed;
	i->refused += refused;
	return grew;
}

/* ---- how bad it is ---- */

const char *incident_severity_name(enum incident_severity s)
{
	static const char *const names[] = {"low", "medium", "high", "critical"};

	return s <= SEVERITY_CRITICAL ? names[s] : "?";
}

enum incident_severity incident_severity_find(const char *name)
{
	unsigned s = SEVERITY_CRITICAL;

	while (s > SEVERITY_LOW && strcmp(incident_severity_name(s), name) != 0)
		s--;
	return s;
}

/* Returns how bad the events are. */
static enum incident_severity weigh_events(const struct incident *i)
{
	unsigned kinds = (i->kinds[0] | i->kinds[1]) & ~(1u << INCIDENT_SESSION);
	/* A kind with an event that is grave by itself counts twice. */
	unsigned points = (unsigned)(__builtin_popcount(kinds) + __builtin_popcount(i->strong));

	if (i->killed || kinds & 1u << INCIDENT_GUARD)
		return SEVERITY_CRITICAL;
	if (i->refused)
		return points >= 4 ? SEVERITY_CRITICAL : SEVERITY_HIGH;
	if (points >= 3)
		return SEVERITY_HIGH;
	return points >= 2 ? SEVERITY_MEDIUM : SEVERITY_LOW;
}

enum incident_severity incident_severity(const struct incident *i)
{
	enum incident_severity s = weigh_events(i);

	return s > i->stored_severity ? s : i->stored_severity;
}

int incident_syslog_level(const struct incident *i)
{
	unsigned kinds = (i->kinds[0] | i->kinds[1]) & ~(1u << INCIDENT_SESSION);

	if (i->refused || i->killed || kinds & 1u << INCIDENT_GUARD)
		return LOG_CRIT;
	return kinds ? LOG_WARNING : LOG_NOTICE;
}
