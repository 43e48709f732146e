/* SPDX-License-Identifier: Apache-2.0 */
/* Reads an object of the configuration into a struct, by a table of its keys. */
#ifndef LUTRA_USER_CONFIG_CONFIG_KEYS_H
#define LUTRA_USER_CONFIG_CONFIG_KEYS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/cleanup.h"
#include "lib/base/err.h"

#define CONFIG_PATH_MAX 2048

/* A key of a JSON object: one row of a table that ends with {}. Every key may be absent. */
struct config_key {
	const char *key;
	enum {
		CONFIG_BOOL,	 /* bool; default false */
		CONFIG_NUMBER,	 /* uint64_t, from min to max */
		CONFIG_NUMBER32, /* uint32_t, from min to max */
		CONFIG_CHOICE,	 /* int: the index of the string in names */
		CONFIG_PATH,	 /* char *: an absolute path of less than max bytes */
		CONFIG_TEXT,	 /* char *: a string that is_valid() */
		CONFIG_STRINGS,	 /* char *[max + 1]: strings that are all valid */
		CONFIG_OBJECT,	 /* an object, read by the table keys */
		CONFIG_CUSTOM,	 /* parse() reads it; if parse is NULL, the caller does */
	} type;
	size_t at;	  /* offset of the member; of an object: base of its table's offsets */
	const char *text; /* default of a choice or text; NULL: none */
	uint64_t initial; /* default of a number */
	/* Of a number. max of a path: 0 for CONFIG_PATH_MAX. max of CONFIG_STRINGS: how many. */
	uint64_t min, max;
	const char *must;	  /* completes "KEY: must be" for a choice, a text or strings */
	bool or_null;		  /* the value may be JSON null, which leaves the members zero */
	const char *const *names; /* of a choice, or the default strings; ends with NULL */
	bool (*is_valid)(const char *s);
	const struct config_key *keys;
	/* v: NULL if the key is absent. ret: the whole struct. Returns 0, -EBADMSG or -ENOMEM. */
	int (*parse)(json_t *v, void *ret, struct err *err);
	bool fixed; /* config_keys_take() leaves the value as it is */
};

/*
 * Reads the object j into *ret, whose members must be zero. j NULL: all keys get their defaults.
 * where: the object's own key, "" for the whole file. The caller calls config_keys_done() also on
 * failure. -EBADMSG: a key is unknown or has a wrong value; err names the key and the values that
 * it takes. -ENOMEM.
 */
int config_keys_parse(const struct config_key *keys, json_t *j, const char *where, void *ret,
		      struct err *err);
/* Returns true if the members of both structs have the same values. Ignores CONFIG_CUSTOM. */
bool config_keys_equal(const struct config_key *keys, const void *a, const void *b);
/* Replaces the strings of *ret, which another struct owns, by copies. -ENOMEM: some are NULL. */
int config_keys_copy(const struct config_key *keys, void *ret);
/*
 * Exchanges the values of two structs but those of fixed keys and CONFIG_CUSTOM. Appends the names
 * of fixed keys whose values differ to names, of size bytes: "WHERE.KEY, …". where: as
 * config_keys_parse().
 */
void config_keys_take(const struct config_key *keys, const char *where, void *to, void *from,
		      char *names, size_t size);
/* Frees the strings that config_keys_parse() stored in *ret. */
void config_keys_done(const struct config_key *keys, void *ret);

/* Writes "WHERE.KEY: must be …" and returns -EBADMSG. where and key may be "". */
int config_wrong(struct err *err, const char *where, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
