/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration of lutrad and its commands: one JSON object. Keys are optional; an unknown key
 * is an error.
 */
#ifndef LUTRA_USER_CONFIG_CONFIG_H
#define LUTRA_USER_CONFIG_CONFIG_H

#include "lib/policy/files/policy_key.h"
#include "user/config/config_outputs.h"
#include "user/sys/log.h"

#define CONFIG_DEFAULT_FILE "/etc/lutra/config.json"
#define CONFIG_PIN_DIR "/sys/fs/bpf/lutra"
#define CONFIG_MAX 65536
#define CONFIG_NAMES 512 /* bytes of a list of keys */
#define CONFIG_HOSTS 16
#define CONFIG_HTTP_LISTEN "127.0.0.1:9477"
#define CONFIG_ENGINES_MAX 8
#define CONFIG_BUNDLES_MAX 16

#define CONFIG_LIFE_RUNS_MAX 1000 /* runs to learn an image from, at most */

/* Every key is optional. */
struct config_life {
	uint64_t runs;		/* least runs to train on, and to pass the gate; default 5 */
	uint64_t new_per_day;	/* learning ends when no more is new a day; default 24 */
	uint64_t learn_hours;	/* learning ends at the latest after so long; default 168 */
	uint64_t calls;		/* system calls in these runs; default 10000 */
	uint64_t clean_minutes; /* time in audit without a match that would refuse; default 1440 */
	uint64_t run_ms;	/* a shorter run is not counted; default 1000 */
	uint64_t run_max_s;	/* a longer run is cut into several; default 14400 */
	uint64_t run_max_mib;	/* the same, by the size of its recording; default 64 */
	uint64_t disk_mib;	/* all recordings together; default 1024 */
	uint64_t release_minutes;  /* new programs and peers of a release only alert; default 240 */
	uint64_t fallback_minutes; /* time in force during which refusals are counted; default 10 */
	uint64_t fallback_signals; /* more refusals than this end enforcement; default 10 */
	int guard_sessions; /* 1: "exec_sessions": "guard", of policies that are new; default 0 */
};

/* When the door stops the first program of a container that is not known yet. */
enum config_door {
	CONFIG_DOOR_AUTO = 0, /* where an engine without OCI hooks is found */
	CONFIG_DOOR_ON,
	CONFIG_DOOR_OFF,
};

struct config {
	char *file;	    /* path of the file; NULL: the default file */
	char *socket;	    /* Unix socket of lutrad; default /run/lutra/lutrad.sock */
	char *state_dir;    /* holds events.db; default /var/lib/lutra */
	char *policies_dir; /* default /etc/lutra/policies.d */
	char *events_jsonl; /* file for alerts as JSON lines; "-": stdout; default NULL: none */
	char *pin_dir; /* directory in a bpf file system; default CONFIG_PIN_DIR; NULL: no pins */
	char *engines[CONFIG_ENGINES_MAX +
		      1]; /* API sockets; default: those of Docker and Podman */
	char *bundles[CONFIG_BUNDLES_MAX +
		      1];		/* directories of bundles, by container id; default: of
					      containerd, CRI-O, Podman; none: no scan */
	struct config_life life;	/* of the life cycle of policies */
	struct policy_keys policy_keys; /* trusted signers; default none: any policy */
	/* "store": {"max_age_days", "max_mib"}: limits of the event store; 0: no limit. */
	uint64_t store_max_age_days; /* default 30 */
	uint64_t store_max_mib;	     /* default 1024 */
	/*
	 * "http": {"listen", "token_file", "hosts"}; null: no TCP server. The default listens on
	 * 127.0.0.1:9477 with a token that lutrad creates in state_dir.
	 */
	char *http_listen;	      /* NULL: no server */
	char *http_token_file;	      /* NULL: lutrad creates one in state_dir */
	char *http_read_token_file;   /* NULL: there is no token that may only read */
	bool http_read_without_token; /* on loopback; default false */
	char *http_hosts[CONFIG_HOSTS + 1];
	struct outputs_config outputs; /* "outputs", "throttle" and events_jsonl */
	bool alert_unguarded;	       /* a container without a guard is an alert; default false */
	bool program_stats;	       /* the kernel times BPF programs; default false */
	enum log_level log_level;      /* error, warning, info, debug; default info */
	bool no_lsm;		       /* use tracepoints even where BPF LSM works; default false */
	int door;		       /* enum config_door; default CONFIG_DOOR_AUTO */
	char *door_cgroup;	       /* a cgroup's directory; NULL: the door holds everywhere */
	int no_calls; /* 1: "calls": "off": LSM hooks alone decide, system calls are not scored */
};

/*
 * Reads the file path, or CONFIG_DEFAULT_FILE for NULL; without a default file all keys have their
 * defaults. The caller frees *ret. -ENOENT: the file path does not exist. -EBADMSG: not JSON, an
 * unknown key, or a wrong value; err names it. -EFBIG: over CONFIG_MAX. Else as open(2).
 */
int config_load(const char *path, struct config **ret, struct err *err);
/*
 * Reads the file as config_load(), and of it the keys alone that the list has, which ends with NULL.
 * The others have their defaults, whatever the file says. Errors as config_load().
 */
int config_load_keys(const char *path, const char *const *wanted, struct config **ret,
		     struct err *err);
/*
 * Reads the file again and updates all members but those of keys that need a new start of lutrad.
 * ret_fixed: names those of them that changed, separated by ", "; "": there is none. On failure c is
 * unchanged. Errors as config_load().
 */
int config_reload(struct config *c, char ret_fixed[static CONFIG_NAMES], struct err *err);
/* Reads JSON text. Errors as config_load(). */
int config_parse(const char *text, size_t len, struct config **ret, struct err *err);
/*
 * Reads the object "life"; a missing key has its default. j: the object, or NULL for all defaults.
 * -EBADMSG: err names the key and the values that it takes; *ret is untouched.
 */
int config_life_parse(json_t *j, struct config_life *ret, struct err *err);
void config_free(struct config *c);
DEFINE_FREEP(struct config, config_free);

#endif
