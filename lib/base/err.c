/* SPDX-License-Identifier: Apache-2.0 */
/* Error lines. */
#include "lib/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"

int err_set(struct err *err, int r, const char *fmt, ...)
{
	char line[sizeof(err->msg)];
	va_list ap;

	if (!err)
		return r;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	text_escape(line, strlen(line), err->msg, sizeof(err->msg));
	return r;
}

int err_oom(struct err *err)
{
	return err_set(err, -ENOMEM, "out of memory");
}
