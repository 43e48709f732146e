/* SPDX-License-Identifier: Apache-2.0 */
/* Tells which alerts are one finding, and counts them. */
#include "user/incidents/finding.h"

#include <arpa/inet.h>
#include <sodium.h>
#include <string.h>

#include "lib/abi/names.h"
#include "lib/abi/rules.h"
#include "lib/base/text.h"
#include "lutra/object_token.h"
#include "lutra/verdict.h"

#define EXTENSION_MAX 8
#define CLASS_TEXT 2048

/* ---- the class of a path ---- */

/*
 * Copies a component with "#" in place of each word that holds a digit. Returns the bytes written.
 */
static size_t fold_name(const char *s, size_t len, char *out)
{
	char in[LUTRA_NAME] __attribute__((aligned(8))) = {0};
	char folded[LUTRA_NAME] __attribute__((aligned(8)));
	size_t n;

	if (len >= LUTRA_NAME) {
		*out = '#';
		return 1;
	}
	memcpy(in, s, len);
	n = lutra_fold_component(in, (uint32_t)len, folded);
	memcpy(out, folded, n);
	return n;
}

/* Returns the extension of a name with its dot, or "": the name has none that is a short word. */
static const char *name_extension(const char *name)
{
	const char *dot = strrchr(name, '.');
	size_t len = dot ? strlen(dot + 1) : 0;

	if (!dot || dot == name || len == 0 || len > EXTENSION_MAX ||
	    strspn(dot + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") !=
		    len ||
	    strspn(dot + 1, "0123456789") == len)
		return "";
	return dot;
}

/*
 * Writes the class of a path: folded names, and the last one as "*" and its extension unless whole.
 */
static void describe_path(const char *path, bool whole, char out[static CLASS_TEXT])
{
	const char *last = strrchr(path, '/');
	size_t n = 0;

	for (const char *s = path; *s && n < CLASS_TEXT - 2 * LUTRA_NAME;) {
		size_t len = strcspn(s, "/");

		if (s > last && !whole) {
			const char *extension = name_extension(s);

			out[n++] = '*';
			n += fold_name(extension, strlen(extension), out + n);
			break;
		}
		n += fold_name(s, len, out + n);
		s += len;
		if (*s == '/') {
			out[n++] = '/';
			s++;
		}
	}
	out[n] = '\0';
}

/* ---- the class of an address ---- */

/*
 * Writes "private port 443" for "10.1.2.3:443" and "[fd00::1]:443". Returns false for another text.
 */
static bool describe_address(const char *s, char out[static CLASS_TEXT])
{
	const char *colon = strrchr(s, ':');
	bool v6 = *s == '[';
	const char *class;
	unsigned char a[16];
	char ip[64];
	unsigned long port;
	size_t len = colon ? (size_t)(colon - s) : 0;

	if (len < 3 || len >= sizeof(ip))
		return false;
	snprintf(ip, sizeof(ip), "%.*s", (int)(v6 ? len - 2 : len), v6 ? s + 1 : s);
	if (inet_pton(v6 ? AF_INET6 : AF_INET, ip, a) != 1)
		return false;
	class = addr_class_name(v6 ? lutra_addr6_class(a) : lutra_addr4_class(a));
	port = strtoul(colon + 1, NULL, 10);
	if (port >= LUTRA_EPHEMERAL_PORT)
		snprintf(out, CLASS_TEXT, "%s ephemeral port", class);
	else
		snprintf(out, CLASS_TEXT, "%s port %lu", class, port);
	return true;
}

/* ---- the class of an object ---- */

/*
 * Returns true if the name itself counts, not only its directory: of a program or library, of a
 * directory, and of what lies in a protected directory.
 */
static bool has_own_class(const struct alert_fields *f, const char *object)
{
	return strncmp(object, "exec ", 5) == 0 || strncmp(object, "mapx ", 5) == 0 ||
	       strncmp(object, "open r dir ", 11) == 0 ||
	       strcmp(alert_fields_text(f, ALERT_KIND), kind_name(LUTRA_KIND_PROTECTED)) == 0;
}

static void describe_object(const struct alert_fields *f, char out[static CLASS_TEXT])
{
	const char *object = alert_fields_text(f, ALERT_OBJECT),
		   *path = alert_fields_text(f, ALERT_PATH);
	const char *at = *path ? strstr(object, path) : NULL;
	char class[CLASS_TEXT];

	if (!at) {
		snprintf(out, CLASS_TEXT, "%s",
			 *object ? object : alert_fields_text(f, ALERT_SYSCALL));
		return;
	}
	if (!describe_address(path, class)) {
		if (strchr(path, '/'))
			describe_path(path, has_own_class(f, object), class);
		else
			snprintf(class, sizeof(class), "%s", path);
	}
	snprintf(out, CLASS_TEXT, "%.*s%.*s%.64s", (int)text_fit(object, (size_t)(at - object)),
		 object, 1536, class, at + strlen(path));
}

/* All matches of a level are one class: the event that raised it over the threshold says little. */
static void describe_what(const struct alert_fields *f, char out[static CLASS_TEXT])
{
	const char *rule = alert_fields_text(f, ALERT_RULE);
	unsigned number;

	if (rule_find(rule, &number) == 0 && lutra_is_level_rule(number))
		snprintf(out, CLASS_TEXT, "level %s", rule);
	else
		describe_object(f, out);
}

/* ---- the finding ---- */

/* The id is the same on every host: the beginning of a SHA-256 of what the finding is made of. */
static void set_id(struct finding *x, const char *const *part, size_t n)
{
	unsigned char h[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state s;

	crypto_hash_sha256_init(&s);
	for (size_t i = 0; i < n; i++)
		crypto_hash_sha256_update(&s, (const unsigned char *)part[i], strlen(part[i]) + 1);
	crypto_hash_sha256_final(&s, h);
	x->id[0] = 'f';
	sodium_bin2hex(x->id + 1, FINDING_ID - 1, h, 8);
}

void finding_describe(struct finding *ret, const struct alert_fields *f)
{
	char what[CLASS_TEXT];

	describe_what(f, what);
	*ret = (struct finding){.exec_session = f->number[ALERT_EXEC_SESSION] != 0,
				.state = "new",
				.verdict = "allow"};
	set_id(ret,
	       (const char *const[]){
		       alert_fields_text(f, ALERT_IMAGE), alert_fields_text(f, ALERT_RULE),
		       alert_fields_text(f, ALERT_ROLE), ret->exec_session ? "1" : "0",
		       alert_fields_text(f, ALERT_COMM), what},
	       6);
	TEXT_COPY(ret->image, alert_fields_text(f, ALERT_IMAGE));
	TEXT_COPY(ret->rule, alert_fields_text(f, ALERT_RULE));
	TEXT_COPY(ret->role, alert_fields_text(f, ALERT_ROLE));
	TEXT_COPY(ret->program, alert_fields_text(f, ALERT_COMM));
	TEXT_COPY(ret->what, what);
}

/* Adds a name to a list, unless it is there or the list is full. */
static void add_finding_name(struct finding_names *l, const char *name)
{
	char cut[sizeof(l->name[0])];

	TEXT_COPY(cut, name);
	for (unsigned i = 0; i < l->n; i++)
		if (strcmp(l->name[i], cut) == 0)
			return;
	if (*cut && l->n < FINDING_NAMES)
		memcpy(l->name[l->n++], cut, sizeof(cut));
}

unsigned finding_verdict(const char *name)
{
	for (unsigned v = 0; name && v < LUTRA_VERDICT_COUNT; v++)
		if (strcmp(name, verdict_name(v)) == 0)
			return v;
	return LUTRA_VERDICT_ALLOW;
}

void finding_count(struct finding *x, const struct alert_fields *f, const char *host)
{
	const char *verdict = alert_fields_text(f, ALERT_VERDICT);
	uint64_t time_ns = (uint64_t)f->number[ALERT_TIME];

	x->count++;
	if (!x->first_ns || time_ns < x->first_ns)
		x->first_ns = time_ns;
	if (time_ns > x->last_ns)
		x->last_ns = time_ns;
	if (finding_verdict(verdict) > finding_verdict(x->verdict))
		TEXT_COPY(x->verdict, verdict);
	TEXT_COPY(x->example, alert_fields_text(f, ALERT_OBJECT));
	TEXT_COPY(x->path_example, alert_fields_text(f, ALERT_PATH));
	add_finding_name(&x->containers, alert_fields_text(f, ALERT_CONTAINER));
	add_finding_name(&x->hosts, host);
}

bool finding_has_to_be_told(const struct finding *x, const struct alert_fields *f)
{
	uint64_t time_ns = (uint64_t)f->number[ALERT_TIME];

	return finding_verdict(f->text[ALERT_VERDICT]) >= LUTRA_VERDICT_DENY || !x->told_ns ||
	       time_ns - x->told_ns >= FINDING_TELL_NS;
}
