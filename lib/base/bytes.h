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

static inline uint64_t bytes_number(struct bytes_in *in, size_t bytes)
{
	uint64_t v = 0;

	bytes_copy(in, &v, bytes);
	return v;
}

#define bytes_u8(in) ((uint8_t)bytes_number(in, sizeof(uint8_t)))
#define bytes_u16(in) ((uint16_t)bytes_number(in, sizeof(uint16_t)))
#define bytes_u32(in) ((uint32_t)bytes_number(in, sizeof(uint32_t)))
#define bytes_u64(in) bytes_number(in, sizeof(uint64_t))

/*
 * Writing into a buffer that the caller has made large enough: past its end it only sets failed.
 * data NULL and size SIZE_MAX: nothing is written, and len counts the bytes.
 */
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
	if (n && out->data)
		memcpy(out->data + out->len, p, n);
	out->len += n;
}

#define bytes_put_u8(out, v) bytes_put(out, &(uint8_t){v}, sizeof(uint8_t))
#define bytes_put_u16(out, v) bytes_put(out, &(uint16_t){v}, sizeof(uint16_t))
#define bytes_put_u32(out, v) bytes_put(out, &(uint32_t){v}, sizeof(uint32_t))
#define bytes_put_u64(out, v) bytes_put(out, &(uint64_t){v}, sizeof(uint64_t))

#endif
