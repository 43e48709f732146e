/* SPDX-License-Identifier: Apache-2.0 */
/* An alert made by hand and a scratch directory, for the tests of what becomes of alerts. */
#ifndef LUTRA_TESTS_SUPPORT_MADE_ALERT_H
#define LUTRA_TESTS_SUPPORT_MADE_ALERT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "user/alerts/alert_json.h"
#include "user/alerts/alert_text.h"
#include "user/outputs/outputs.h"

struct fixture {
	char *dir;
	char *db;
	struct lutra_evidence ev;
	const char *str;
	size_t str_len;
	uint64_t time_ns;
	struct identity identity;
	struct alert_container container;
};

int made_alert_setup(void **state);
int made_alert_teardown(void **state);

/* A test with a fixture. */
#define T(f) cmocka_unit_test_setup_teardown(f, made_alert_setup, made_alert_teardown)

/* Makes the alert of the fixture, its row, or its JSON. The caller frees the alert and the JSON. */
struct alert *made_alert_new(const struct fixture *f);
void made_alert_fields(const struct fixture *f, struct alert_fields *ret);
json_t *made_alert_json(const struct fixture *f);

/* Puts n alerts that differ by their thread into the outputs that want them. */
void made_alert_put(struct fixture *f, struct outputs *o, unsigned n);

/*
 * Runs a function in a process with a small file system of its own at a directory. Skips the test
 * where none can be mounted. size: an option of tmpfs.
 */
void made_alert_on_tmpfs(struct fixture *f, const char *at, const char *size,
			 void (*what)(struct fixture *f));

/* Returns the first number that a query of a database gives. */
int64_t made_alert_query(const char *db, const char *sql);

#endif
