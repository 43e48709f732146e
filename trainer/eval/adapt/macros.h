/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Macro events: a system call, and the objects that followed it in its task. Two are the same if their
 * system calls and the classes of their objects are. Of each, the records of its first appearance are
 * kept: an attack that is made of macro events uses them again.
 */
#ifndef LUTRA_TRAINER_EVAL_ADAPT_MACROS_H
#define LUTRA_TRAINER_EVAL_ADAPT_MACROS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lutra/abi.h"
#include "trainer/data/names/intern.h"

#define MACRO_OBJECTS 16 /* of one macro event; further ones are left out */
#define MACRO_NONE UINT32_MAX

/* What a macro event can do for an attack. */
enum macro_step {
	MACRO_OPEN_VALUE, /* open a config, a secret or an own file */
	MACRO_OPEN_DATA,  /* open a file that may hold data */
	MACRO_CHANGE,	  /* open for writing, rename, unlink or truncate */
	MACRO_READ,
	MACRO_SEND, /* to a descriptor: a peer, or a file */
	MACRO_WRITE,
	MACRO_CLOSE,
	MACRO_WAIT,
	MACRO_RECEIVE,
	MACRO_CONNECT, /* to a known peer */
	MACRO_STEPS
};

/* A record and its string. */
struct macro_event {
	struct lutra_record rec;
	uint32_t string; /* in macro_set.strings, or LUTRA_NO_STRING */
};

struct macro {
	uint16_t nr;	/* of the system call */
	uint16_t steps; /* bit per enum macro_step */
	bool filler;	/* may stand between the steps: it starts and ends no task */
	uint32_t first; /* of its events in macro_set.events */
	uint32_t n;	/* events: the system call and its objects */
};

/* All macro events that were seen, numbered in that order. */
struct macro_set {
	const char *arch;	/* not owned */
	struct intern *classes; /* texts of object classes */
	struct intern *keys;	/* system call and classes */
	struct intern *strings;
	struct macro *list; /* (n) */
	size_t n, list_size;
	struct macro_event *events; /* (n_events) */
	size_t n_events, events_size;
};

/* A macro event that is not complete: more objects may follow. Zero: none has begun. */
struct macro_draft {
	uint32_t n;			 /* records so far */
	uint32_t key[1 + MACRO_OBJECTS]; /* system call, then the classes */
	uint8_t uses;			 /* of all objects: enum object_use */
	struct macro_event events[1 + MACRO_OBJECTS];
};

/* arch: as in a trace, and must outlive the set. Returns 0 or -ENOMEM. */
int macro_set_init(struct macro_set *m, const char *arch);
void macro_set_done(struct macro_set *m);

/* Makes an event from a record. str (len): its string, or NULL. Returns 0, -ENOMEM or -E2BIG. */
int macro_event_make(struct macro_set *m, const struct lutra_record *rec, const char *str,
		     size_t len, struct macro_event *ret);

/* Begins a draft with a system call. */
void macro_draft_begin(struct macro_draft *d, const struct macro_event *e);

/*
 * Adds an object to a draft that has begun. str (len): its string, or NULL.
 * Returns 0, -ENOMEM or -E2BIG.
 */
int macro_draft_add(struct macro_set *m, struct macro_draft *d, const struct macro_event *e,
		    const char *str, size_t len);

/*
 * Finds the number of a complete draft, and adds it if it is new. Empties the draft. *ret is
 * MACRO_NONE if nothing had begun. Returns 0, -ENOMEM or -E2BIG.
 */
int macro_draft_end(struct macro_set *m, struct macro_draft *d, uint32_t *ret);

/* Returns the number of a complete draft, or MACRO_NONE if it was never seen. Empties the draft. */
uint32_t macro_draft_find(const struct macro_set *m, struct macro_draft *d);

/* Returns true if the system call receives from a peer. */
bool macro_is_receive(const char *arch, uint16_t nr);

#endif
