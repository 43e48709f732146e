/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's configuration: one JSON object, every key optional, no unknown ones. */
#ifndef LUTRA_USER_CONFIG_CONFIG_H
#define LUTRA_USER_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/cleanup.h"
#include "lib/base/err.h"
#include "lib/policy/policy_key.h"
#include "user/config/config_life.h"
#include "user/config/config_outputs.h"
#include "user/sys/log.h"

#define CONFIG_DEFAULT_FILE "/etc/lutra/config.json"
#define CONFIG_PIN_DIR "/sys/fs/bpf/lutra"
#define CONFIG_MAX 65536
#define CONFIG_HOSTS 16
#define CONFIG_HTTP_LISTEN "127.0.0.1:9477"
#define CONFIG_ENGINES_MAX 8
#define CONFIG_BUNDLES_MAX 16

struct config {
	char *file;	    /* that it was read from; NULL: the default */
	char *socket;	    /* control socket; default /run/lutra/lutrad.sock */
	char *state_dir;    /* events.db lies in it; default /var/lib/lutra */
	char *policies_dir; /* default /etc/lutra/policies.d */
	char *events_jsonl; /* alerts as JSON lines: a file, "-": stdout; default NULL: none */
	char *pin_dir;	    /* of a bpf file system; default CONFIG_PIN_DIR; NULL: no pins */
	char *engines[CONFIG_ENGINES_MAX]; /* sockets of their APIs; default Docker's and Podman's
					    */
	char *bundles[CONFIG_BUNDLES_MAX]; /* where bundles of containers lie, by their ids; default
					      those of containerd, CRI-O, Podman; none: nobody is
					      looked for by cgroup */
	size_t n_engines, n_bundles;
	struct config_life life;	/* of the life cycle of policies */
	struct policy_keys policy_keys; /* whose policies are taken; default none: anybody's */
	/* "store": {"max_age_days", "max_mib"}: what is kept of events; 0: without limit. */
	uint64_t store_max_age_days; /* default 30 */
	uint64_t store_max_mib;	     /* default 1024 */
	/*
	 * "http": {"listen", "token_file", "hosts"}, or null: no server. Default 127.0.0.1:9477,
	 * and a token that is made in state_dir.
	 */
	char *http_listen;     /* NULL: no server */
	char *http_token_file; /* NULL: in state_dir, and made */
	char *http_hosts[CONFIG_HOSTS + 1];
	struct outputs_config outputs; /* "outputs", "throttle", and events_jsonl */
	char *parts_text;	       /* these objects as they were read, to compare */
	bool program_stats;	       /* have the kernel time BPF programs; default false */
	enum log_level log_level;      /* error, warning, info, debug; default info */
	bool no_lsm;		       /* use tracepoints even where BPF LSM works; default false */
	bool no_calls; /* "calls": "off": nothing at sys_enter, hooks alone decide; default "on" */
};

/*
 * path NULL: CONFIG_DEFAULT_FILE, and the defaults where that does not exist. -ENOENT: a file that
 * was named does not. -EBADMSG: not JSON, unknown key, wrong type, relative path. -EFBIG, or as
 * open(2).
 */
int config_load(const char *path, struct config **ret, struct err *err);
/*
 * Read its file again and take from it what can change while a daemon runs: policy_keys, life and
 * log_level. *ret_rest: something else is another than before, which takes a restart. On failure c
 * is as it was. Errors as config_load().
 */
int config_reload(struct config *c, bool *ret_rest, struct err *err);
/* From JSON text; -EBADMSG as above. */
int config_parse(const char *text, size_t len, struct config **ret, struct err *err);
void config_free(struct config *c);
DEFINE_FREEP(struct config, config_free);

#endif
