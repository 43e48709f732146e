/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/daemon/shop.h"

#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/policy/policy.h"
#include "lib/policy/files/policy_format.h"
#include "tests/support/sample.h"

json_t *shop_member(const struct fixture *f, const char *key)
{
	json_auto_t *j = lutrad_status(f);
	json_t *c = json_array_get(json_object_get(j, "containers"), 0);

	return json_incref(json_object_get(c, key));
}

bool shop_has_text(const struct fixture *f, const char *key, const char *part)
{
	json_auto_t *v = shop_member(f, key);

	return json_is_string(v) && strstr(json_string_value(v), part);
}

bool shop_is_refused(struct fixture *f)
{
	return shop_has_text(f, "policy_error", "refused");
}

static bool shop_is_good(struct fixture *f)
{
	json_auto_t *v = shop_member(f, "policy_error");

	return json_is_null(v);
}

json_int_t shop_calls(const struct fixture *f)
{
	json_auto_t *counters = shop_member(f, "counters");

	return json_integer_value(json_object_get(counters, "calls"));
}

void shop_policy_sha256(const struct fixture *f, char ret[static POLICY_SHA256_TEXT])
{
	_cleanup_(policy_freep) struct policy *p = NULL;

	assert_int_equal(policy_load(&p, f->policy, NULL), 0);
	memcpy(ret, p->json_sha256, POLICY_SHA256_TEXT);
}

bool shop_is_applied(struct fixture *f)
{
	char sha256[POLICY_SHA256_TEXT];

	shop_policy_sha256(f, sha256);
	return shop_has_text(f, "policy_sha256", sha256) && shop_is_good(f);
}

bool shop_is_mode(const struct fixture *f, const char *mode)
{
	json_auto_t *v = shop_member(f, "mode");

	return json_is_string(v) && strcmp(json_string_value(v), mode) == 0;
}

bool shop_is_audit(struct fixture *f)
{
	return shop_is_mode(f, "audit");
}

void shop_change_policy(const struct fixture *f, int32_t threshold, bool audit_only)
{
	_cleanup_(policy_freep) struct policy *p = sample_policy();

	p->mode = LUTRA_MODE_AUDIT;
	p->threshold = threshold;
	p->calibration.audit_only = audit_only;
	assert_int_equal(policy_save(p, f->policy, NULL), 0);
}

void shop_enroll_audited(struct fixture *f)
{
	json_auto_t *answer = NULL;

	shop_change_policy(f, 1, false);
	answer = lutrad_enroll(f, "shop", NULL);
	assert_non_null(answer);
	assert_true(shop_is_applied(f));
}
