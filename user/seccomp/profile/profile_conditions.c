/* SPDX-License-Identifier: Apache-2.0 */
/* Decides rules that depend on the container. */
#include "user/seccomp/profile/profile_conditions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "lib/base/text.h"

/* What a container has without --cap-add: the ones that both Docker and Podman give. */
static const char *const default_caps[] = {
	"CAP_CHOWN",   "CAP_DAC_OVERRIDE",     "CAP_FOWNER",	 "CAP_FSETID",
	"CAP_KILL",    "CAP_NET_BIND_SERVICE", "CAP_SETFCAP",	 "CAP_SETGID",
	"CAP_SETPCAP", "CAP_SETUID",	       "CAP_SYS_CHROOT",
};
/* Names of x86-64 in profiles of engines and of Go. */
static const char *const this_arch[] = {"amd64", "x86_64", "SCMP_ARCH_X86_64"};

static bool is_default_cap(const char *name)
{
	return TEXT_IS_IN(name, default_caps);
}

static bool is_this_arch(const char *name)
{
	return TEXT_IS_IN(name, this_arch);
}

/* Returns true if this kernel is at least the version, as in 4.8. */
static bool is_kernel_at_least(const char *version)
{
	unsigned want[2] = {0, 0}, have[2] = {0, 0};
	struct utsname u;

	if (uname(&u) < 0 || sscanf(u.release, "%u.%u", &have[0], &have[1]) < 1 ||
	    sscanf(version, "%u.%u", &want[0], &want[1]) < 1)
		return false;
	return have[0] != want[0] ? have[0] > want[0] : have[1] >= want[1];
}

/* Counts the names in a list, and those that a test is true for; writes the names to out. */
static int count_names(const json_t *list, bool (*test)(const char *), size_t *ret_true, FILE *out,
		       const char *sep)
{
	const json_t *v;
	size_t i;

	*ret_true = 0;
	if (list && !json_is_null(list) && !json_is_array(list))
		return -EBADMSG;
	json_array_foreach (list, i, v) {
		const char *name = json_string_value(v);

		if (!name || text_has_control(name))
			return -EBADMSG;
		*ret_true += test(name);
		fprintf(out, "%s%s", i ? sep : "", name);
	}
	return (int)json_array_size(list);
}

struct outcome {
	int caps, arches;	       /* how many are named */
	size_t caps_true, arches_true; /* how many of them this container has */
	bool has_kernel, kernel_true;
	FILE *out;
	const char *verb;
};

/* Reads includes or excludes. */
static int read_conditions(json_t *j, struct outcome *o)
{
	json_t *caps = NULL, *arches = NULL, *kernel = NULL;
	const char *version;
	bool no_caps, no_arches;

	if (!j || json_is_null(j))
		return 0;
	if (json_unpack_ex(j, NULL, JSON_STRICT, "{s?o, s?o, s?o}", "caps", &caps, "arches",
			   &arches, "minKernel", &kernel) < 0)
		return -EBADMSG;
	no_caps = !json_array_size(caps);
	no_arches = !json_array_size(arches);
	version = json_string_value(kernel);
	if (no_caps && no_arches && !(version && *version))
		return json_is_array(caps) || !caps || json_is_null(caps) ? 0 : -EBADMSG;
	fprintf(o->out, "%s%s", ftell(o->out) > 0 ? ", " : "", o->verb);
	o->caps = count_names(caps, is_default_cap, &o->caps_true, o->out, " and ");
	fputs(!no_caps && !no_arches ? ", on " : "", o->out);
	o->arches = count_names(arches, is_this_arch, &o->arches_true, o->out, " or ");
	o->has_kernel = version && *version;
	o->kernel_true = o->has_kernel && is_kernel_at_least(version);
	if (o->has_kernel)
		fprintf(o->out, "%skernel %.20s", no_caps && no_arches ? "" : ", ", version);
	return o->caps < 0 || o->arches < 0 || (o->has_kernel && text_has_control(version))
		       ? -EBADMSG
		       : 0;
}

int profile_conditions_hold(const struct profile_conditions *c, FILE *out, struct err *err)
{
	struct outcome in = {.out = out, .verb = "only with "},
		       ex = {.out = out, .verb = "not with "};

	if (read_conditions(c->includes, &in) < 0)
		return err_set(err, -EBADMSG, "includes: must have lists of names: caps, arches");
	if (read_conditions(c->excludes, &ex) < 0)
		return err_set(err, -EBADMSG, "excludes: must have lists of names: caps, arches");
	/* As Docker and Podman: all capabilities of includes are needed, one of excludes is enough. */
	if ((in.arches && !in.arches_true) || in.caps_true < (size_t)in.caps ||
	    (in.has_kernel && !in.kernel_true))
		return 0;
	return !ex.arches_true && !ex.caps_true && !ex.kernel_true;
}
