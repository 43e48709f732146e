/* SPDX-License-Identifier: Apache-2.0 */
/* printf's %g, but for its exponents. */
#include "lib/base/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LARGE 1e18
#define DECIMALS_MAX 24

const char *number_text(double v, int digits, char buf[static NUMBER_TEXT])
{
	int decimals;

	snprintf(buf, NUMBER_TEXT, "%.*g", digits, v);
	if (!strchr(buf, 'e'))
		return buf;
	if (fabs(v) >= LARGE) {
		snprintf(buf, NUMBER_TEXT, "%s1000000000000000000", v < 0 ? "below -" : "over ");
		return buf;
	}
	decimals = fabs(v) < 1 ? digits - 1 - (int)floor(log10(fabs(v))) : 0;
	snprintf(buf, NUMBER_TEXT, "%.*f", decimals < DECIMALS_MAX ? decimals : DECIMALS_MAX, v);
	/* The end of a fraction says nothing. */
	while (decimals && buf[strlen(buf) - 1] == '0')
		buf[strlen(buf) - 1] = '\0';
	return buf;
}
