/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer: what runtimes and engines say of containers, on any bytes. The first one chooses what
 * it is taken for. What was refused leaves nothing, and a reason of one line.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "user/discovery/engine_api.h"
#include "user/identity/bundle.h"
#include "user/identity/patterns.h"

#define ID "2f1e00c9d4b8a7765544332211ffeeddccbbaa99887766554433221100abcdef"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_reason(int r, const struct err *err)
{
	if (r < 0 && r != -ENOENT && (!err->msg[0] || strchr(err->msg, '\n')))
		abort();
}

static void check_id(void *ctx, const char id[static ENGINE_ID_BYTES])
{
	(void)ctx;
	if (strlen(id) != ENGINE_ID_BYTES - 1)
		abort();
}

static void try_state(const char *text, size_t len)
{
	_cleanup_(oci_state_done) struct oci_state s = {};
	_cleanup_(identity_done) struct identity w = {};
	struct err err = {""};
	int r = oci_state_from_json(text, len, &s, &err);

	check_reason(r, &err);
	if ((r == 0) != (s.id != NULL) || (r == 0 && s.pid < 0))
		abort();
	identity_from_annotations(&w, s.annotations);
}

/* What was understood is the same after a round trip. */
static void check_round_trip(const struct identity *w)
{
	_cleanup_(identity_done) struct identity back = {};
	json_auto_t *one = identity_to_json(w), *two = NULL;

	if (identity_from_json(one, false, &back, NULL) < 0)
		return;
	two = identity_to_json(&back);
	if (!json_equal(one, two))
		abort();
}

static void try_answer(unsigned which, const char *text, size_t len)
{
	_cleanup_(identity_done) struct identity w = {};
	struct engine_event e = {.id = ""};
	struct err err = {""};
	pid_t pid = 1;
	int r;

	switch (which) {
	case 1:
		r = engine_list_parse(text, len, check_id, NULL, &err);
		break;
	case 2:
		r = engine_container_parse(text, len, ID, &w, &pid, &err);
		if ((r == 0) != (w.id != NULL) || pid < 0)
			abort();
		check_round_trip(&w);
		break;
	case 3:
		r = engine_image_parse(text, len, &w, &err);
		break;
	default:
		r = engine_event_parse(text, len, &e, &err);
		if ((r == 0) != (e.id[0] != '\0'))
			abort();
	}
	check_reason(r, &err);
}

static void try_path(const char *text, size_t len)
{
	_cleanup_free_ char *copy = strndup(text, len);
	struct pattern p;

	if (copy && pattern_match(copy, &p) && (p.len > strlen(copy) || strlen(p.id) != 64))
		abort();
}

static void try_images(const char *text, size_t len)
{
	const char *comma = memchr(text, ',', len);
	_cleanup_free_ char *theirs = strndup(text, comma ? (size_t)(comma - text) : len);
	_cleanup_free_ char *ours =
		comma ? strndup(comma + 1, len - (size_t)(comma + 1 - text)) : strdup("nginx");
	struct identity w = {.image = theirs};
	bool other;

	if (theirs && ours && image_match(&w, ours, NULL, &other) == IMAGE_NO_MATCH && other)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *text = (const char *)data + 1;

	if (len < 1)
		return 0;
	switch (data[0] % 7) {
	case 0:
		try_state(text, len - 1);
		break;
	case 5:
		try_path(text, len - 1);
		break;
	case 6:
		try_images(text, len - 1);
		break;
	default:
		try_answer(data[0] % 7, text, len - 1);
	}
	return 0;
}
