/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer: package databases of containers, on any bytes. The first one chooses what they are
 * taken for. A name and a version are clean words.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/package/package_rpm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_word(const char *word)
{
	size_t len = strnlen(word, PACKAGE_WORD);

	if (len == PACKAGE_WORD ||
	    strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			 "0123456789+-.:~_^") != len)
		abort();
}

/* A header of rpm, and a database, which the reader changes. */
static void find_rpm(const char *bytes, size_t len, const char *path, struct package *ret)
{
	char *copy = malloc(len + 1);

	if (!copy)
		return;
	memcpy(copy, bytes, len);
	package_rpm_header((const uint8_t *)bytes, len, "/usr/lib/", "libz.so.1", ret);
	package_rpm_find(copy, len, path, ret);
	free(copy);
}

static bool wants_all(void *ctx, const char *name)
{
	(void)ctx;
	check_word(name);
	return true;
}

static int check_file(void *ctx, const char *name, const char *path, size_t len)
{
	(void)ctx;
	check_word(name);
	if (len < 2 || path[0] != '/')
		abort();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct package_visitor visitor = {wants_all, check_file, NULL};
	static const char *const paths[] = {"/usr/lib/libz.so.1", "/bin/sh", "/", "/usr/"};
	struct package p = {.name = "zlib1g"};
	const char *text = (const char *)data + 1;
	const char *path;

	if (len == 0)
		return 0;
	path = paths[data[0] >> 2 & 3];
	len--;
	switch (data[0] & 3) {
	case 0:
		package_list_has(text, len, path);
		break;
	case 1:
		package_status_read(text, len, &p);
		break;
	case 2:
		package_apk_walk(text, len, &visitor);
		break;
	case 3:
		find_rpm(text, len, path, &p);
		break;
	default:
		if (package_apk_find(text, len, path, &p) == 0 && !p.name[0])
			abort();
		break;
	}
	check_word(p.name);
	check_word(p.version);
	return 0;
}
