/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Techniques by which containers have been left, each small and harmless: what it reads is a
 * marker, what it changes is put back or lies in a directory that the suite made. They run in a
 * process of a service, as after the service's own code was taken over. Compiled into the implant,
 * which runs them, and into the host's program, which knows by their probes what came of it.
 */
#ifndef LUTRA_TESTS_ESCAPES_TECHNIQUES_TECHNIQUE_H
#define LUTRA_TESTS_ESCAPES_TECHNIQUES_TECHNIQUE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

/* What the suite lays out. Outside the container: */
#define HOST_DIR "/run/escape"	       /* of the host's own mounts */
#define HOST_FLAG HOST_DIR "/flag"     /* begins with FLAG */
#define HOST_SCRIPT HOST_DIR "/script" /* a program of the host's: makes HOST_RAN */
#define HOST_RAN HOST_DIR "/ran"
#define HOST_RUNTIME HOST_DIR "/runtime" /* in the runtime's place: runs for a moment */
#define FLAG "lutra-flag"
/* Inside: */
#define AT "/mnt"	  /* to mount at */
#define VOLUME "/volume"  /* a directory of the host's, to write in: HOST_DIR/volume */
#define RAN VOLUME "/ran" /* left by a program that was brought along, or by a shell */
#define SHARED "/shared"  /* a directory of the host's disk, whose root holds "flag" */
/* A program that the service executes in its ordinary work. */
#define HELPER_NAME "helper1"
#define HELPER VOLUME "/tools/" HELPER_NAME
#define OTHER_HELPER VOLUME "/tools/helper2"  /* one that it does not, there before the container */
#define SPOOL "/var/lib/app/spool"	      /* where it writes, under any name */
#define KNOWN "/var/lib/app/spool/batch/note" /* a name as it writes them */
#define ENGINE_SOCKET "/run/engine.sock"
#define JOURNAL_SOCKET "/run/journal.sock" /* of datagrams, as the host's journal has it */
/* Sockets of the host that the service uses in its ordinary work; LOG_SOCKET is one of datagrams. While
 * a technique has a link in place of one, the socket has the name with KEPT at its end. */
#define PEER_SOCKET VOLUME "/peer.sock"
#define LOG_SOCKET VOLUME "/log.sock"
#define KEPT ".kept"
#define SECRET "/run/secrets/token"	  /* begins with FLAG */
#define OTHER_SECRET "/run/secrets/other" /* of techniques that change one */
#define SIGNALLED VOLUME "/signalled"	  /* made by the victim when it is signalled */
#define MODULE "/usr/lib/modules/loop.ko"
#define PINNED "/sys/fs/bpf/escape"
#define OWNED "/var/lib/app/owned" /* root's; the service gives it to START_OWNER as it starts */
#define START_OWNER 1000
#define LEAKED_FD 3   /* descriptor of HOST_DIR that the runtime left open */
#define PORT 4444     /* on loopback, of a listener outside */
#define NET_PORT 4446 /* at all addresses; the service connects to it at NET_PEER alone */
#define NET_PEER "10.9.0.1"
#define METADATA "169.254.169.254"
#define CARRIER_NAT "100.64.0.9"
#define OTHER_NETWORK "10.77.0.9" /* in the private network of NET_PEER */
#define BACKEND 4445 /* the same, of one that the service connects to in its ordinary work */

/* What a process of the host, the victim, does and what is done to it: a file that it has mapped at
 * WORLD_AT, and the host's program too. */
#define WORLD_FILE HOST_DIR "/world"
#define WORLD_AT 0x20000000ul
struct world {
	char word[16]; /* of the victim's memory, for others to change */
	int pid;
	int engine, port; /* connections */
	int journal;	  /* datagrams */
	int strays;	  /* connections to NET_PORT at another address than NET_PEER */
	int signals;
	int agent; /* set: it copies VOLUME/report to VOLUME/copy, as a backup does */
	char received[256];
};

/* For prepare and probe, in the host's program. */
struct host {
	volatile struct world *world;
	char root[32]; /* the container's root directory */
	int kmsg;
};

struct technique {
	const char *name;
	const char *attack; /* MITRE ATT&CK technique */
	const char *what;   /* in words */
	/* Extended regular expressions on evidence, "call object". seen, and also where there is
	 * one: what audit must tell. stopped: what a refusal or a kill may name; NULL: seen. */
	const char *seen;
	const char *also;
	const char *stopped;
	const char *hook; /* of a refusal at which no object is reported */
	/* victim: a process outside, of the shared pid namespace. 0: the effect is there, as far as
	 * can be seen from inside; else errno of what failed, or 128 and a signal. */
	int (*run)(int victim);
	/* On the host, before. Returns the victim to name, 0: the usual one. */
	int (*prepare)(struct host *h);
	/* On the host, after: is the effect there? NULL: it is the loot that the implant brings. */
	bool (*probe)(struct host *h);
	bool first; /* as the process that the container's namespace begins with, the service itself
		     */
};

/* Ended by one without a name, one array a file. */
extern const struct technique mount_techniques[];
extern const struct technique process_techniques[];
extern const struct technique kernel_techniques[];
extern const struct technique file_techniques[];
extern const struct technique memory_techniques[];
extern const struct technique outside_techniques[];
extern const struct technique secret_techniques[];
extern const struct technique name_evasions[];
extern const struct technique task_evasions[];
extern const struct technique socket_evasions[];
extern const struct technique move_evasions[];
#define N_ARRAYS 11

/* ---- techniques.c ---- */

extern const struct technique *const all_techniques[N_ARRAYS];
#define FIRST_EVASION 7 /* of the arrays */

const struct technique *technique_find(const char *name);
/* errno of a call that returned r, 0 if it did not fail. */
#define FAILED(r) ((r) < 0 ? errno : 0)
/* What the technique gained: the implant reports it. Bytes up to 63. */
extern char *loot;
/* Something other than bytes was gained. */
void prove_gain(void);
/* Does the file that fd is open on begin with FLAG? That is loot. 0, or errno. Closes fd. */
int flag_read(int fd);
/* open(2) and flag_read(). */
int flag_open(const char *path);
/* Write text to a file; 0 or errno. */
int text_write(const char *path, const char *text);
/* What a wait(2) says: an exit code, or 128 and the signal. */
int status_of(int status);
/* A socket of this type connected to a Unix socket; or, of datagrams, one that only sent to it. -1 if
 * that failed. */
int connect_unix(const char *path, int type);
int send_unix(const char *path);
/* A socket connected to a port of an address, or -1. */
int connect_inet(const char *address, int port);
/* The same, of loopback. */
int connect_loopback(int port);
/* A program to bring along, which makes RAN: written to fd; 0 or errno. */
int payload_write(int fd);
/* The same by a path. */
int payload_drop(const char *path);
/* A child executes path, or with path NULL what fd is open on. Its status. */
int payload_run(const char *path, int fd);
/* On the host: does a file begin with text? */
bool host_begins(const char *path, const char *text);
bool host_ran(struct host *h);
bool program_ran(struct host *h);
bool engine_reached(struct host *h);
bool flag_received(struct host *h);
bool was_signalled(struct host *h);
/* A program's copy, in its place if there is one. 0 or -1. */
int host_copy(const char *from, const char *to);

/* ---- outside.c ---- */

/* On the host, after a technique: removes objects, and puts the victim's priority and limits back. */
void outside_undo(int victim);

/* ---- moves.c ---- */

/* On the host, after a technique: puts files and directories back. */
void moves_undo(void);

/* ---- ring.c: the service's own io_uring ---- */

/* At its start. 0 or -1: the kernel has none. */
int ring_open(void);
struct io_uring_sqe;
/* One operation; its result. */
int ring_do(const struct io_uring_sqe *op);

#endif
