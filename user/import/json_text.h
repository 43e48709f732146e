/* SPDX-License-Identifier: Apache-2.0 */
/* Objects in a stream of lines: one in a line, many in a line, over many lines, or in an array. */
#ifndef LUTRA_USER_IMPORT_JSON_TEXT_H
#define LUTRA_USER_IMPORT_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#define JSON_TEXT_MAX (1u << 20)

/* The text of an object that has begun. Zero it at the beginning. */
struct json_text {
	char text[JSON_TEXT_MAX + 1];
	size_t len;
	unsigned depth; /* braces that are open */
	bool quoted;	/* inside a string */
	bool escaped;	/* behind a backslash in a string */
};

/*
 * Takes a piece of text: moves *s up to the end of the next object. Returns 1 with a whole object in
 * j->text, 0 at the end of *s. -EFBIG: the object is too long. other: gets true if the piece has text
 * outside of objects that is no comma, bracket or blank.
 */
int json_text_take(struct json_text *j, const char **s, bool *other);

/* Forgets an object that has begun. Returns true if there was one. */
bool json_text_drop(struct json_text *j);

#endif
