/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer: accepted.json beside a policy, with and without its signature, on any bytes. The first one
 * chooses what the rest is. A file that is there is never taken for none, and never changed by its
 * readers; a policy loads all the same, and is saved again with the same bytes beside it.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "lib/policy/accepted/accepted.h"
#include "lib/policy/files/policy_sign.h"
#include "tests/support/sample.h"
#include "tests/support/scratch.h"

#define NOW 1700000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* The saved policy, and a trusted key. */
static struct sample_saved *saved;
static char *json_path, *sig_path, *key_path;
static struct policy_keys keys;

static void expect_true(bool is_so)
{
	if (!is_so)
		abort();
}

static void remove_saved(void)
{
	sample_saved_teardown((void **)&saved);
}

static void begin_saved(void)
{
	char public[POLICY_KEY_TEXT];

	expect_true(sample_saved_setup((void **)&saved) == 0);
	atexit(remove_saved);
	json_path = scratch_path(saved->policy, POLICY_ACCEPTED_FILE);
	sig_path = scratch_path(saved->policy, POLICY_ACCEPTED_SIGNATURE);
	key_path = scratch_path(saved->dir, "key");
	expect_true(policy_key_new(key_path, public, NULL) == 0 &&
		    policy_key_parse(public, keys.key[0]) == 0);
	keys.n = 1;
	expect_true(policy_sign(saved->policy, key_path, public, NULL) == 0);
}

static void expect_bytes(const char *name, const void *bytes, size_t len)
{
	size_t have_len;
	_cleanup_free_ char *have = scratch_read(saved->policy, name, &have_len);

	expect_true(have_len == len && memcmp(have, bytes, len) == 0);
}

/* A fault is told in one line that a terminal may show. */
static void expect_told(const struct err *err)
{
	expect_true(*err->msg && !text_has_control(err->msg));
}

static void sign_bytes(const void *bytes, size_t len)
{
	char line[POLICY_SIGNATURE_TEXT], public[POLICY_KEY_TEXT];

	expect_true(policy_key_sign(key_path, bytes, len, line, public, NULL) == 0);
	scratch_write(sig_path, line, strlen(line));
}

/* ---- what was read ---- */

static void try_scopes(const json_t *entries)
{
	json_t *entry;
	size_t i;

	json_array_foreach (entries, i, entry) {
		struct accepted_scope s, again;
		char text[ACCEPTED_TEXT], text_again[ACCEPTED_TEXT];
		json_auto_t *j = NULL;

		expect_true(accepted_scope_from_json(json_object_get(entry, "scope"), &s, NULL) ==
			    0);
		j = accepted_scope_to_json(&s);
		expect_true(accepted_scope_from_json(j, &again, NULL) == 0);
		expect_true(strcmp(accepted_scope_text(&s, text),
				   accepted_scope_text(&again, text_again)) == 0);
	}
}

/* A delta that was read can be applied, told in words, compared and written. */
static void try_delta(json_t *delta)
{
	_cleanup_(policy_freep) struct policy *p = sample_policy();
	json_auto_t *words = accepted_words(delta), *diff = accepted_diff(delta, delta);
	json_auto_t *again = NULL;
	struct err left_out, err = {};

	expect_true(json_array_size(json_object_get(diff, "gained")) == 0 &&
		    json_array_size(json_object_get(diff, "lost")) == 0);
	expect_true(words != NULL);
	try_scopes(json_object_get(delta, "entries"));
	if (accepted_apply(p, delta, NOW, &left_out, &err) < 0)
		expect_told(&err);
	else
		expect_true(policy_check(p, NULL) == 0 && !text_has_control(left_out.msg));
	if (accepted_write(saved->policy, delta, NULL, NULL) < 0)
		return; /* larger than a file may be, with indentation */
	expect_true(accepted_read(saved->policy, NULL, &again, NULL) == 0);
	expect_true(json_equal(again, delta));
}

/* A policy loads whatever is beside it; what is not in force is told. */
static void try_load(const struct policy_keys *of, bool is_readable)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	struct err left_out;

	expect_true(accepted_load(&p, saved->policy, of, &left_out, NULL) == 0);
	if (!is_readable)
		expect_told(&left_out);
}

/* ---- kinds of input ---- */

static void fuzz_unsigned(const void *bytes, size_t len)
{
	json_auto_t *delta = NULL;
	struct err err = {};
	int r;

	unlink(sig_path);
	scratch_write(json_path, bytes, len);
	r = accepted_read(saved->policy, NULL, &delta, &err);
	expect_true(r == 0 || r == -EBADMSG);
	if (r < 0)
		expect_told(&err);
	try_load(NULL, r == 0);
	expect_bytes(POLICY_ACCEPTED_FILE, bytes, len);
	if (r == 0)
		try_delta(delta);
}

/* The same bytes with a good signature, and then with one of other bytes. */
static void fuzz_signed(const uint8_t *bytes, size_t len)
{
	_cleanup_free_ uint8_t *changed = malloc(len + 1);
	json_auto_t *delta = NULL, *plain = NULL;
	struct err err = {};
	int r;

	expect_true(changed != NULL);
	scratch_write(json_path, bytes, len);
	sign_bytes(bytes, len);
	r = accepted_read(saved->policy, &keys, &delta, &err);
	expect_true(r == 0 || r == -EBADMSG || r == -EKEYREJECTED);
	/* Signed, and of another policy: only that is refused here, and not without keys. */
	if (r != 0)
		expect_told(&err);
	expect_true((accepted_read(saved->policy, NULL, &plain, NULL) == 0) == (r != -EBADMSG));
	expect_true(r != 0 || json_equal(plain, delta));
	try_load(&keys, r == 0);
	memcpy(changed, bytes, len);
	changed[len] = ' ';
	if (len)
		changed[len / 2] ^= 1;
	scratch_write(json_path, changed, len ? len : 1);
	expect_true(accepted_read(saved->policy, &keys, &plain, NULL) == -EKEYREJECTED);
	expect_bytes(POLICY_ACCEPTED_FILE, changed, len ? len : 1);
}

/* A signature cannot be made without the key: a delta that is fine is not in force with these bytes. */
static void fuzz_signature(const void *bytes, size_t len)
{
	json_auto_t *delta = accepted_new(saved->policy), *back = NULL;
	struct err err = {};

	expect_true(accepted_write(saved->policy, delta, NULL, NULL) == 0);
	scratch_write(sig_path, bytes, len);
	expect_true(accepted_read(saved->policy, &keys, &back, &err) == -EKEYREJECTED);
	expect_told(&err);
	try_load(&keys, false);
	expect_bytes(POLICY_ACCEPTED_SIGNATURE, bytes, len);
}

/* A policy that takes the place of the one before keeps the bytes beside it, good or not. */
static void fuzz_replaced(const void *bytes, size_t len)
{
	char public[POLICY_KEY_TEXT];

	scratch_write(json_path, bytes, len);
	scratch_write(sig_path, bytes, len);
	expect_true(policy_save(saved->p, saved->policy, NULL) == 0);
	expect_bytes(POLICY_ACCEPTED_FILE, bytes, len);
	expect_bytes(POLICY_ACCEPTED_SIGNATURE, bytes, len);
	expect_true(policy_sign(saved->policy, key_path, public, NULL) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (!saved)
		begin_saved();
	if (len < 1)
		return 0;
	switch (data[0] & 3) {
	case 0:
		fuzz_unsigned(data + 1, len - 1);
		break;
	case 1:
		fuzz_signed(data + 1, len - 1);
		break;
	case 2:
		fuzz_signature(data + 1, len - 1);
		break;
	default:
		fuzz_replaced(data + 1, len - 1);
		break;
	}
	return 0;
}
