/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures of policies: what was signed is loaded, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <string.h>

#include "lib/base/file.h"
#include "lib/policy/files/policy_format.h"
#include "lib/policy/files/policy_sign.h"
#include "tests/support/sample.h"
#include "tests/support/scratch.h"

struct fixture {
	char *dir, *policy, *key, *json, *sig;
	char public[POLICY_KEY_TEXT];
	struct policy_keys keys;
	struct policy *p;
};

static int policy_key_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->dir = scratch_dir();
	f->policy = scratch_path(f->dir, "shop");
	f->key = scratch_path(f->dir, "key");
	f->json = scratch_path(f->policy, POLICY_JSON_FILE);
	f->sig = scratch_path(f->policy, POLICY_SIGNATURE_FILE);
	f->p = sample_policy();
	*state = f;
	assert_int_equal(policy_key_new(f->key, f->public, NULL), 0);
	assert_int_equal(policy_key_parse(f->public, f->keys.key[0]), 0);
	f->keys.n = 1;
	return policy_save(f->p, f->policy, NULL);
}

static int policy_key_teardown(void **state)
{
	struct fixture *f = *state;

	policy_free(f->p);
	free(f->policy);
	free(f->key);
	free(f->json);
	free(f->sig);
	scratch_remove(f->dir);
	free(f);
	return 0;
}

static int load_signed(const struct fixture *f, struct err *err)
{
	_cleanup_(policy_freep) struct policy *p = NULL;

	err->msg[0] = '\0';
	return policy_load_signed(&p, f->policy, &f->keys, err);
}

/* Refused with a line that says why. */
static void assert_rejected(const struct fixture *f, const char *why)
{
	struct err err;

	assert_int_equal(load_signed(f, &err), -EKEYREJECTED);
	assert_non_null(strstr(err.msg, why));
	assert_null(strchr(err.msg, '\n'));
}

static void sign_with_key(const struct fixture *f)
{
	char public[POLICY_KEY_TEXT];
	struct err err = {};

	if (policy_sign(f->policy, f->key, public, &err) < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(public, f->public);
}

static char *read_all(const char *path, size_t *ret_len)
{
	char *s = NULL;

	assert_int_equal(file_read(AT_FDCWD, path, 1 << 20, &s, ret_len, NULL), 0);
	return s;
}

static void policy_key_signed_is_loaded_by_who_knows_the_key(void **state)
{
	struct fixture *f = *state;
	char public[POLICY_KEY_TEXT];
	struct err err;

	sign_with_key(f);
	assert_int_equal(load_signed(f, &err), 0);
	assert_int_equal(policy_signer(f->policy, public, &err), 0);
	assert_string_equal(public, f->public);
}

static void policy_key_signed_is_loaded_by_who_has_no_keys(void **state)
{
	struct fixture *f = *state;
	struct err err;

	sign_with_key(f);
	f->keys.n = 0;
	assert_int_equal(load_signed(f, &err), 0);
}

static void policy_key_signed_by_the_second_key_is_loaded(void **state)
{
	struct fixture *f = *state;
	struct err err;

	sign_with_key(f);
	memcpy(f->keys.key[1], f->keys.key[0], POLICY_KEY_BYTES);
	memset(f->keys.key[0], 1, POLICY_KEY_BYTES);
	f->keys.n = 2;
	assert_int_equal(load_signed(f, &err), 0);
}

static void policy_keys_have_their_own_keys_alone(void **state)
{
	struct fixture *f = *state;
	char foreign[POLICY_KEY_TEXT];
	uint8_t key[POLICY_KEY_BYTES];

	memset(key, 1, sizeof(key));
	policy_key_text(key, foreign);
	assert_true(policy_keys_have(&f->keys, f->public));
	assert_false(policy_keys_have(&f->keys, foreign));
	assert_false(policy_keys_have(&f->keys, ""));
	f->keys.n = 0;
	assert_false(policy_keys_have(&f->keys, f->public));
}

static void policy_key_unsigned_is_refused_where_there_is_a_key(void **state)
{
	char public[POLICY_KEY_TEXT];
	struct fixture *f = *state;

	assert_rejected(f, "not signed");
	assert_int_equal(policy_signer(f->policy, public, NULL), -ENOENT);
}

static void policy_key_signed_by_another_key_is_refused(void **state)
{
	struct fixture *f = *state;

	sign_with_key(f);
	f->keys.key[0][0] ^= 1;
	assert_rejected(f, "none of policy_keys");
}

static void policy_key_edited_after_signing_is_refused(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *json = NULL;
	char public[POLICY_KEY_TEXT];
	struct err err;
	size_t len;

	sign_with_key(f);
	json = read_all(f->json, &len);
	for (size_t i = 0; i < len; i++) {
		if (strncmp(json + i, "\"mode\": \"deny\"", 14) == 0)
			memcpy(json + i + 9, "kill", 4);
	}
	scratch_write(f->json, json, len);
	assert_rejected(f, "was changed");
	assert_int_equal(policy_signer(f->policy, public, NULL), -EKEYREJECTED);
	sign_with_key(f);
	assert_int_equal(load_signed(f, &err), 0);
}

static void policy_key_saved_anew_has_lost_its_signature(void **state)
{
	struct fixture *f = *state;

	sign_with_key(f);
	f->p->threshold++;
	assert_int_equal(policy_save(f->p, f->policy, NULL), 0);
	assert_rejected(f, "not signed");
}

/* The signature is of policy.json alone; the sums in it bind the rest. */
static void policy_key_signed_with_other_tables_is_refused(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *path = scratch_path(f->policy, POLICY_TABLES_FILE);
	_cleanup_free_ char *tables = NULL;
	struct err err;
	size_t len;

	sign_with_key(f);
	tables = read_all(path, &len);
	tables[len / 2] ^= 1;
	scratch_write(path, tables, len);
	assert_int_equal(load_signed(f, &err), -EBADMSG);
}

static void policy_key_signature_with_any_bit_flipped_is_refused(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *sig = NULL;
	size_t len;

	sign_with_key(f);
	sig = read_all(f->sig, &len);
	for (size_t i = 0; i < (len - 1) * 8; i += 7) {
		sig[i / 8] ^= (char)(1 << i % 8);
		scratch_write(f->sig, sig, len);
		assert_rejected(f, "policy_keys");
		sig[i / 8] ^= (char)(1 << i % 8);
	}
}

static void policy_key_signature_truncated_or_longer_is_refused(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *sig = NULL, *longer = NULL;
	size_t len;

	sign_with_key(f);
	sig = read_all(f->sig, &len);
	for (size_t i = 0; i + 1 < len; i++) {
		scratch_write(f->sig, sig, i);
		assert_rejected(f, POLICY_SIGNATURE_FILE " is damaged");
	}
	longer = calloc(1, 2 * len);
	memcpy(longer, sig, len);
	memcpy(longer + len, sig, len);
	scratch_write(f->sig, longer, 2 * len);
	assert_rejected(f, POLICY_SIGNATURE_FILE " is damaged");
	assert_int_equal(truncate(f->sig, 1ll << 30), 0);
	assert_rejected(f, POLICY_SIGNATURE_FILE " is damaged");
}

static void policy_key_signature_that_is_no_file_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(mkfifo(f->sig, 0600), 0);
	assert_rejected(f, POLICY_SIGNATURE_FILE " is damaged");
}

static void policy_key_sign_refuses_what_could_not_be_loaded(void **state)
{
	struct fixture *f = *state;
	char public[POLICY_KEY_TEXT];
	struct err err;

	assert_int_equal(truncate(f->json, 100), 0);
	assert_int_equal(policy_sign(f->policy, f->key, public, &err), -EBADMSG);
	assert_int_equal(policy_sign(f->dir, f->key, public, &err), -ENOENT);
	assert_int_equal(access(f->sig, F_OK), -1);
}

static void policy_key_sign_refuses_a_key_that_others_can_read(void **state)
{
	struct fixture *f = *state;
	char public[POLICY_KEY_TEXT];
	struct err err;

	assert_int_equal(chmod(f->key, 0640), 0);
	assert_int_equal(policy_sign(f->policy, f->key, public, &err), -EPERM);
	assert_non_null(strstr(err.msg, "chmod 600"));
}

static void policy_key_sign_refuses_what_is_no_secret_key(void **state)
{
	static const char *const bad[] = {
		"",
		"nonsense\n",
		POLICY_SECRET_PREFIX,
		POLICY_SECRET_PREFIX "00\n",
		POLICY_SECRET_PREFIX
		"zz00000000000000000000000000000000000000000000000000000000000000\n",
	};
	struct fixture *f = *state;
	_cleanup_free_ char *public_file = scratch_path(f->dir, "key.pub");
	char public[POLICY_KEY_TEXT];
	struct err err;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		scratch_write(f->key, bad[i], strlen(bad[i]));
		assert_int_equal(policy_sign(f->policy, f->key, public, &err), -EINVAL);
		/* A file that looks like a secret is not repeated in a message. */
		assert_null(strstr(err.msg, "zz00"));
	}
	assert_int_equal(chmod(public_file, 0600), 0);
	assert_int_equal(policy_sign(f->policy, public_file, public, &err), -EINVAL);
	assert_int_equal(policy_sign(f->policy, "/no/such/key", public, &err), -ENOENT);
}

static void policy_key_new_makes_a_secret_of_its_own(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *again = scratch_path(f->dir, "again");
	char public[POLICY_KEY_TEXT];
	struct stat st;

	assert_int_equal(stat(f->key, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(policy_key_new(again, public, NULL), 0);
	assert_string_not_equal(public, f->public);
}

static void policy_key_new_overwrites_nothing(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *pub = scratch_path(f->dir, "key.pub");
	_cleanup_free_ char *before = NULL, *after = NULL;
	char public[POLICY_KEY_TEXT];
	struct err err;
	size_t len;

	before = read_all(f->key, &len);
	assert_int_equal(policy_key_new(f->key, public, &err), -EEXIST);
	assert_int_equal(unlink(pub), 0);
	assert_int_equal(policy_key_new(f->key, public, &err), -EEXIST);
	assert_int_equal(access(pub, F_OK), -1);
	after = read_all(f->key, &len);
	assert_string_equal(before, after);
}

static void policy_key_parse_takes_one_way_to_write_a_key(void **state)
{
	struct fixture *f = *state;
	uint8_t key[POLICY_KEY_BYTES];
	char text[POLICY_KEY_TEXT + 1];

	assert_int_equal(policy_key_parse(f->public, key), 0);
	snprintf(text, sizeof(text), "%s0", f->public);
	assert_int_equal(policy_key_parse(text, key), -EINVAL);
	text[POLICY_KEY_TEXT - 2] = '\0';
	assert_int_equal(policy_key_parse(text, key), -EINVAL);
	snprintf(text, sizeof(text), "%s", f->public);
	text[20] = 'A';
	assert_int_equal(policy_key_parse(text, key), -EINVAL);
	snprintf(text, sizeof(text), "%s", f->public);
	text[0] = 'E';
	assert_int_equal(policy_key_parse(text, key), -EINVAL);
	assert_int_equal(policy_key_parse("", key), -EINVAL);
}

#define T(f) cmocka_unit_test_setup_teardown(f, policy_key_setup, policy_key_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(policy_key_signed_is_loaded_by_who_knows_the_key),
		T(policy_key_signed_is_loaded_by_who_has_no_keys),
		T(policy_key_signed_by_the_second_key_is_loaded),
		T(policy_keys_have_their_own_keys_alone),
		T(policy_key_unsigned_is_refused_where_there_is_a_key),
		T(policy_key_signed_by_another_key_is_refused),
		T(policy_key_edited_after_signing_is_refused),
		T(policy_key_saved_anew_has_lost_its_signature),
		T(policy_key_signed_with_other_tables_is_refused),
		T(policy_key_signature_with_any_bit_flipped_is_refused),
		T(policy_key_signature_truncated_or_longer_is_refused),
		T(policy_key_signature_that_is_no_file_is_refused),
		T(policy_key_sign_refuses_what_could_not_be_loaded),
		T(policy_key_sign_refuses_a_key_that_others_can_read),
		T(policy_key_sign_refuses_what_is_no_secret_key),
		T(policy_key_new_makes_a_secret_of_its_own),
		T(policy_key_new_overwrites_nothing),
		T(policy_key_parse_takes_one_way_to_write_a_key),
	};

	return cmocka_run_group_tests_name("policy_key", tests, NULL, NULL);
}
