/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON numbers from 2^63 to 2^64-1, which a profile may hold and jansson cannot: they travel as
 * strings that begin with a control character.
 */
#ifndef LUTRA_USER_SECCOMP_PROFILE_WIDE_NUMBERS_H
#define LUTRA_USER_SECCOMP_PROFILE_WIDE_NUMBERS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"

/* Returns the text with wide numbers as strings, which the caller frees. NULL: out of memory. */
char *wide_numbers_hide(const char *json, size_t len);

/* Turns the strings of wide numbers in a text that json_dumps() wrote into numbers, in place. */
void wide_numbers_show(char *json);

/* Returns a number of 64 bits as JSON; NULL: out of memory. */
json_t *wide_number_encode(uint64_t value);

/* Reads a number of 64 bits. -EBADMSG: it is no whole number from 0 to 2^64-1; err says so. */
int wide_number_decode(const json_t *j, uint64_t *ret, struct err *err);

#endif
