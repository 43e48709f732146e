/* SPDX-License-Identifier: Apache-2.0 */
/* lutra doctor: shows what this host supports, and the fallback for what it does not. */
#include <sys/utsname.h>

#include "user/cli/cli.h"
#include "user/cli/local/doctor_setup.h"
#include "user/guard/guard.h"
#include "user/sys/process/cgroup.h"

#define FEATURES 160

static const struct args_option options[] = {
	CLI_OPTION_JSON(struct cli_args),
	CLI_OPTION_CONFIG(struct cli_args),
	{},
};

static const struct args_command command = {
	.options = options,
	.doc = "Show what this host supports, the fallback for what it does not, and your setup."
	       "\vThe command loads programs into the kernel to find out. Exit status 1: this host "
	       "cannot guard containers.",
};

struct report {
	struct guard_feature f[FEATURES];
	int n;
	bool usable; /* each missing feature has a fallback */
	bool lsm;
};

static void add_feature(struct report *r, const char *name, bool works, const char *detail,
			const char *fallback)
{
	struct guard_feature *f = &r->f[r->n];

	if (r->n >= FEATURES)
		return;
	snprintf(f->name, sizeof(f->name), "%s", name);
	f->works = works;
	f->fallback = fallback;
	snprintf(f->detail, sizeof(f->detail), "%.159s", detail);
	r->n++;
}

/* Returns the path of a program, or NULL. */
static const char *find_program(const char *name, char *buf, size_t size)
{
	static const char *const dirs[] = {"/usr/bin", "/usr/sbin", "/usr/local/bin",
					   "/usr/local/sbin"};

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		snprintf(buf, size, "%s/%s", dirs[i], name);
		if (access(buf, X_OK) == 0)
			return buf;
	}
	return NULL;
}

static void add_host_features(struct report *r)
{
	_cleanup_free_ char *root = NULL;
	struct err err = {};
	struct utsname uts;
	char text[160] = "";
	bool btf;
	FILE *f;

	if (uname(&uts) == 0)
		snprintf(text, sizeof(text), "%.60s %.60s", uts.release, uts.machine);
	add_feature(r, "kernel", true, text, NULL);
	add_feature(r, "root", geteuid() == 0, geteuid() == 0 ? "" : "run lutra as root", NULL);
	btf = access("/sys/kernel/btf/vmlinux", R_OK) == 0;
	add_feature(r, "btf", btf,
		    btf ? "/sys/kernel/btf/vmlinux"
			: "the kernel has no BTF: it needs CONFIG_DEBUG_INFO_BTF",
		    NULL);
	cgroup_root(&root, &err);
	add_feature(r, "cgroup2", root != NULL, root ? root : err.msg, NULL);
	f = fopen("/sys/kernel/security/lsm", "re");
	if (!f || !fgets(text, sizeof(text), f))
		snprintf(text, sizeof(text), "unknown: /sys/kernel/security is not mounted");
	if (f)
		fclose(f);
	text[strcspn(text, "\n")] = '\0';
	add_feature(r, "lsm-list", strstr(text, "bpf") != NULL, text,
		    "tracepoints replace the hooks; boot with lsm=...,bpf to use the hooks");
}

static void add_engine_features(struct report *r)
{
	static const char *const engines[] = {"runc", "crun", "podman", "docker"};
	char path[64];

	for (size_t i = 0; i < sizeof(engines) / sizeof(engines[0]); i++) {
		const char *p = find_program(engines[i], path, sizeof(path));

		add_feature(r, engines[i], p != NULL, p ? p : "not found",
			    "lutra run and --cgroup work without an engine");
	}
}

static bool is_hook(const struct guard_feature *f)
{
	return strncmp(f->name, "lsm/", 4) == 0;
}

static void add_kernel_features(struct report *r)
{
	struct err err = {};
	int first = r->n, n = guard_probe(&r->f[first], (size_t)(FEATURES - first), &err);

	if (n < 0) {
		add_feature(r, "bpf", false, err.msg, NULL);
		return;
	}
	r->n += n;
	for (int i = first; i < r->n; i++)
		r->lsm |= r->f[i].works && is_hook(&r->f[i]);
}

static void print_report(const struct report *r)
{
	int hooks = 0;

	for (int i = 0; i < r->n; i++) {
		const struct guard_feature *f = &r->f[i];

		/* Sixty lines that say yes would hide a line that does not. */
		if (f->works && is_hook(f)) {
			hooks++;
			continue;
		}
		printf("%-7s %-28s %s\n",
		       f->works	     ? "yes"
		       : f->fallback ? "no"
				     : "MISSING",
		       f->name, f->detail);
		if (!f->works && f->fallback)
			printf("%-7s %-28s instead: %s\n", "", "", f->fallback);
	}
	if (hooks)
		printf("%-7s %-28s %d: lutra judges and refuses operations there\n", "yes",
		       "lsm hooks", hooks);
	if (r->usable && !r->lsm) {
		puts("\nWithout BPF LSM, tracepoints replace the hooks:");
		for (const char *const *d = guard_fallback_differences(); *d; d++)
			printf("  - %s\n", *d);
	}
	printf("\n%s\n", !r->usable ? "This host cannot guard containers."
			 : r->lsm   ? "This host can guard containers in each mode."
				    : "Containers can be guarded in modes audit, kill, "
				      "kill-container and freeze.");
}

static int print_report_json(const struct report *r, const struct doctor_setup *setup)
{
	json_t *features = json_array(), *diff = json_array();

	for (int i = 0; i < r->n; i++) {
		const struct guard_feature *f = &r->f[i];

		json_array_append_new(features, json_pack("{s:s, s:b, s:o, s:o}", "name", f->name,
							  "works", f->works, "detail",
							  text_json_keep(f->detail), "fallback",
							  f->works || !f->fallback
								  ? json_null()
								  : text_json_keep(f->fallback)));
	}
	for (const char *const *d = guard_fallback_differences(); !r->lsm && *d; d++)
		json_array_append_new(diff, json_string(*d));
	return cli_print_json(json_pack("{s:b, s:b, s:o, s:o, s:o}", "usable", r->usable, "lsm",
					r->lsm, "features", features, "differences", diff, "setup",
					doctor_setup_to_json(setup)),
			      true);
}

int cmd_doctor(int argc, char **argv)
{
	struct cli_args a = {};
	struct report r = {.usable = true};
	struct doctor_setup setup;
	int e = 0;

	args_read(&command, argc, argv, &a);
	add_host_features(&r);
	add_kernel_features(&r);
	add_engine_features(&r);
	for (int i = 0; i < r.n; i++)
		r.usable &= r.f[i].works || r.f[i].fallback;
	doctor_setup_read(&setup, a.config_file);
	if (a.json) {
		e = print_report_json(&r, &setup);
	} else {
		print_report(&r);
		doctor_setup_print(&setup, stdout);
	}
	return r.usable ? e : 1;
}
