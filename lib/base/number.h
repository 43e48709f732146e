/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as people read them. */
#ifndef LUTRA_LIB_BASE_NUMBER_H
#define LUTRA_LIB_BASE_NUMBER_H

#define NUMBER_TEXT 48 /* bytes */

/*
 * Writes a number with at least so many significant digits (1 to 9), without an exponent and without
 * zeros at the end of a fraction: with three digits 38743.6 is 38744, and 0.0000191 stays. Returns buf.
 */
const char *number_text(double v, int digits, char buf[static NUMBER_TEXT]);

#endif
