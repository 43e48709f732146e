/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer: the policy loader on any bytes, each of its files by itself, for the sums that tie
 * them would stop anything else. What passes all checks must not break its executors.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/abi/path_text.h"
#include "lib/policy/diff/policy_diff.h"
#include "lib/policy/files/policy_format.h"
#include "lib/policy/files/policy_key.h"
#include "lutra/score.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Moves level M on by each token that the policy has for a system call or an object. */
static void try_level(const struct policy *p, const struct lutra_policy *image,
		      const struct lutra_object *o, const struct lutra_path *path)
{
	static struct lutra_m_counters counters;
	struct lutra_key_search search = {0};
	struct lutra_token_score x;
	struct lutra_state s;
	char name[POLICY_KEY_NAME];

	lutra_state_init(&s, image);
	for (s.role = 0; s.role < LUTRA_ROLE_ROWS; s.role++) {
		uint8_t role;

		for (uint32_t nr = 0; nr <= LUTRA_NR; nr += 7) {
			lutra_score_syscall(&s, image, nr, lutra_m_claim_counters, &counters, &x);
			policy_token_name(p, x.token, &role, name, sizeof(name));
		}
		for (uint32_t key = 0; key < LUTRA_KEYS; key++) {
			lutra_score_object(&s, image, key, lutra_m_claim_counters, &counters, &x);
			policy_key_by_number(p, key);
		}
		lutra_score_object(&s, image, lutra_object_key(image, o, path, &search),
				   lutra_m_claim_counters, &counters, &x);
	}
}

static void try_policy(const struct policy *p)
{
	static struct lutra_policy image;
	static struct lutra_path path;
	struct lutra_object o = {.op = LUTRA_OP_OPEN, .flags = LUTRA_OBJ_PATH};
	struct lutra_judgement j;
	char fold[LUTRA_NAME], name[2048];

	json_auto_t *diff = policy_diff(p, p);

	if (!diff || !json_is_true(json_object_get(diff, "same")))
		abort();
	for (size_t i = 0; i < p->n_objects; i++)
		policy_object_name(p, p->objects[i], name, sizeof(name));
	if (policy_to_kernel(p, 1, &image, NULL) < 0)
		return;
	path_text_parse("/etc/passwd", 11, &path);
	lutra_judge_object(&image, &o, &path, 0, fold, &j);
	try_level(p, &image, &o, &path);
}

static void fuzz_tables(const uint8_t *data, size_t len)
{
	_cleanup_(policy_freep) struct policy *p = calloc(1, sizeof(*p));

	if (!p)
		return;
	p->kill_matches = 1;
	if (policy_tables_decode(p, data, len, NULL) < 0)
		return;
	p->steady_on_wait = (len & 1) != 0;
	if (policy_check(p, NULL) == 0)
		try_policy(p);
}

static void fuzz_json(const char *text, size_t len)
{
	_cleanup_(policy_freep) struct policy *p = calloc(1, sizeof(*p));
	json_auto_t *j = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	_cleanup_free_ char *again = NULL;
	size_t tables_len;

	if (!p || !j || policy_json_decode(p, j, &tables_len, NULL) < 0)
		return;
	p->arch = strdup("x86_64");
	if (p->arch && policy_json_encode(p, tables_len, &again, NULL) < 0)
		abort();
}

/* A model that was taken can be written. */
static void fuzz_model(const uint8_t *data, size_t len)
{
	_cleanup_(policy_model_freep) struct policy_model *m = NULL;
	_cleanup_free_ uint8_t *again = NULL;
	size_t again_len;

	if (policy_model_decode(&m, data, len, NULL) == 0 &&
	    policy_model_encode(m, &again, &again_len) < 0)
		abort();
}

/* A signature of itself cannot be made; one that is taken would be a forgery. */
static void fuzz_signature(const char *sig, size_t len)
{
	uint8_t key[POLICY_KEY_BYTES];

	if (policy_signature_decode(sig, len, sig, len, key) == 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len < 1)
		return 0;
	if (data[0] & 4)
		fuzz_signature((const char *)data + 1, len - 1);
	else if (data[0] & 2)
		fuzz_model(data + 1, len - 1);
	else if (data[0] & 1)
		fuzz_tables(data + 1, len - 1);
	else
		fuzz_json((const char *)data + 1, len - 1);
	return 0;
}
