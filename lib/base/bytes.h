/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounded cursor over little-endian bytes, and one over a buffer to write them to. bytes_copy() and
 * bytes_put() read and write arrays of numbers too.
 */
#ifndef LUTRA_LIB_BASE_BYTES_H
#define LUTRA_LIB_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are in memory as in files");

/* Reading past the end gives zeroes and sets failed. */
struct bytes_in {
	const uint8_t *data;
	size_t len;
	size_t pos;
	bool failed;
};

/* The next n bytes, or NULL. */
static inline const void *bytes_get(struct bytes_in *in, size_t n)
{
	const void *p = in->data + in->pos;

	if (in->failed || n > in->len - in->pos) {
		in->failed = true;
		return NULL;
	}
	in->pos += n;
	return p;
}

static inline void bytes_copy(struct bytes_in *in, void *ret, size_t n)
{
	const void *p = bytes_get(in, n);

	if (p)
		memcpy(ret, p, n);
	else
		memset(ret, 0, n);
}

static inline uint8_t bytes_u8(struct bytes_in *in)
{
	uint8_t v;

	bytes_copy(in, &v, sizeof(v));
	return v;
}

static inline uint16_t bytes_u16(struct bytes_in *in)
{
	uint16_t v;

	bytes_copy(in, &v, sizeof(v));
	return v;
}

static inline uint32_t bytes_u32(struct bytes_in *in)
{
	uint32_t v;

	bytes_copy(in, &v, sizeof(v));
	return v;
}

static inline uint64_t bytes_u64(struct bytes_in *in)
{
	uint64_t v;

	bytes_copy(in, &v, sizeof(v));
	return v;
}

/* Writing into a buffer that the caller has made large enough: past its end it only sets failed. */
struct bytes_out {
	uint8_t *data;
	size_t size;
	size_t len;
	bool failed;
};

static inline void bytes_put(struct bytes_out *out, const void *p, size_t n)
{
	if (out->failed || n > out->size - out->len) {
		out->failed = true;
		return;
	}
	if (n)
		memcpy(out->data + out->len, p, n);
	out->len += n;
}

static inline void bytes_put_u8(struct bytes_out *out, uint8_t v)
{
	bytes_put(out, &v, sizeof(v));
}

static inline void bytes_put_u16(struct bytes_out *out, uint16_t v)
{
	bytes_put(out, &v, sizeof(v));
}

static inline void bytes_put_u32(struct bytes_out *out, uint32_t v)
{
	bytes_put(out, &v, sizeof(v));
}

static inline void bytes_put_u64(struct bytes_out *out, uint64_t v)
{
	bytes_put(out, &v, sizeof(v));
}

#endif
