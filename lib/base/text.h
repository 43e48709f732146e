/* SPDX-License-Identifier: Apache-2.0 */
/* Texts: found in a list, and those of unknown origin made fit for JSON, terminals and logs. */
#ifndef LUTRA_LIB_BASE_TEXT_H
#define LUTRA_LIB_BASE_TEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Writes in[0..len) to out (size bytes, at least 1, NUL-terminated): valid UTF-8 stays; control
 * characters, DEL, characters that change the direction of text (U+202E and its like) and bytes that
 * are no UTF-8 become \xNN; a backslash becomes \\, so that nothing can be mistaken for an escape.
 * Text that does not fit is cut at the end of a character. Returns the bytes written, without the NUL.
 */
size_t text_clean(const char *in, size_t len, char *out, size_t size);
/* Does text_clean(), but a backslash stays: a text that has been through it is not changed again. */
size_t text_escape(const char *in, size_t len, char *out, size_t size);
/*
 * Returns true if s has a control character, on which a terminal may act, or one that changes the
 * direction of text.
 */
bool text_has_control(const char *s);

/* Returns how many bytes of valid UTF-8 s, at most max, fit without cutting a character. */
size_t text_fit(const char *s, size_t max);

/* Copies valid UTF-8 to a buffer of size bytes; what does not fit is cut at the end of a character. */
void text_copy(char *to, size_t size, const char *s);
#define TEXT_COPY(array, s) text_copy((array), sizeof(array), (s))

/* Returns true if a list of n texts has s. */
bool text_is_in(const char *s, const char *const *list, size_t n);
#define TEXT_IS_IN(s, array) text_is_in((s), (array), sizeof(array) / sizeof((array)[0]))

/* Returns the cleaned text, of any length, as a JSON string. NULL: out of memory. */
json_t *text_json(const char *in, size_t len);

/* Returns s (NULL: "") as a JSON string: unchanged if it is valid UTF-8, else cleaned. */
json_t *text_json_keep(const char *s);

#endif
