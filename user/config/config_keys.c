/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the objects of config.json, each by a table of its keys. The caller owns all structs. The
 * functions keep no state, and err names the key that is wrong.
 */
#include "user/config/config_keys.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

int config_wrong(struct err *err, const char *where, const char *key, const char *fmt, ...)
{
	char must[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(must, sizeof(must), fmt, ap);
	va_end(ap);
	return err_set(err, -EBADMSG, "%s%s%s: must be %s", where, *where && *key ? "." : "", key,
		       must);
}

static int parse_config_number(const struct config_key *k, const json_t *v, const char *where,
			       void *at, struct err *err)
{
	json_int_t n = v ? json_integer_value(v) : (json_int_t)k->initial;

	if ((v && !json_is_integer(v)) || n < (json_int_t)k->min || n > (json_int_t)k->max)
		return config_wrong(err, where, k->key, "a whole number from %llu to %llu",
				    (unsigned long long)k->min, (unsigned long long)k->max);
	if (k->type == CONFIG_NUMBER)
		*(uint64_t *)at = (uint64_t)n;
	else
		*(uint32_t *)at = (uint32_t)n;
	return 0;
}

static int parse_choice(const struct config_key *k, const char *s, const char *where, int *ret,
			struct err *err)
{
	for (int i = 0; s && k->names[i]; i++) {
		if (strcmp(k->names[i], s) == 0) {
			*ret = i;
			return 0;
		}
	}
	return config_wrong(err, where, k->key, "%s", k->must);
}

static int parse_text(const struct config_key *k, const char *s, const char *where, char **ret,
		      struct err *err)
{
	const size_t max = k->max ? k->max : CONFIG_PATH_MAX;

	if (k->type == CONFIG_PATH && (!s || *s != '/' || strlen(s) >= max))
		return config_wrong(err, where, k->key, "an absolute path of less than %zu bytes%s",
				    max, k->or_null ? ", or null" : "");
	if (k->type == CONFIG_TEXT && (!s || !k->is_valid(s)))
		return config_wrong(err, where, k->key, "%s", k->must);
	*ret = strdup(s);
	return *ret ? 0 : err_oom(err);
}

/* Copies the strings of list, or the default strings if list is NULL, to ret[0], ret[1], … */
static int parse_strings(const struct config_key *k, const json_t *list, const char *where,
			 char **ret, struct err *err)
{
	const size_t n = list ? json_array_size(list) : k->max;

	if (n > k->max || (list && !json_is_array(list)))
		return config_wrong(err, where, k->key, "a list of at most %zu strings",
				    (size_t)k->max);
	for (size_t i = 0; i < n; i++) {
		const char *s = list	   ? json_string_value(json_array_get(list, i))
				: k->names ? k->names[i]
					   : NULL;

		if (!list && !s)
			break;
		if (!s || !k->is_valid(s))
			return config_wrong(err, where, k->key, "%s", k->must);
		ret[i] = strdup(s);
		if (!ret[i])
			return err_oom(err);
	}
	return 0;
}

/* Reads the value v of key k into its member of *ret. v: NULL if the key is absent. */
static int parse_value(const struct config_key *k, json_t *v, const char *where, void *ret,
		       struct err *err)
{
	void *at = (char *)ret + k->at;
	const char *s = v ? json_string_value(v) : k->text;

	if (json_is_null(v) && k->or_null)
		return 0;
	switch (k->type) {
	case CONFIG_BOOL:
		*(bool *)at = json_is_true(v);
		return v && !json_is_boolean(v) ? config_wrong(err, where, k->key, "true or false")
						: 0;
	case CONFIG_NUMBER:
	case CONFIG_NUMBER32:
		return parse_config_number(k, v, where, at, err);
	case CONFIG_CHOICE:
		return parse_choice(k, s, where, at, err);
	case CONFIG_PATH:
	case CONFIG_TEXT:
		return v || s ? parse_text(k, s, where, at, err) : 0;
	case CONFIG_STRINGS:
		return parse_strings(k, v, where, at, err);
	case CONFIG_OBJECT:
		return config_keys_parse(k->keys, v, k->key, at, err);
	case CONFIG_CUSTOM:
		break;
	}
	return k->parse ? k->parse(v, ret, err) : 0;
}

int config_keys_parse(const struct config_key *keys, json_t *j, const char *where, void *ret,
		      struct err *err)
{
	const struct config_key *k;
	const char *name;
	json_t *v;
	int r = 0;

	if (j && !json_is_object(j))
		return config_wrong(err, where, "", "an object");
	json_object_foreach (j, name, v) {
		for (k = keys; k->key && strcmp(k->key, name) != 0;)
			k++;
		if (!k->key)
			return err_set(err, -EBADMSG, "%s%sunknown key %.60s", where,
				       *where ? ": " : "", name);
	}
	for (k = keys; k->key && r == 0; k++)
		r = parse_value(k, json_object_get(j, k->key), where, ret, err);
	return r;
}

/* ---- values of two structs ---- */

static size_t value_size(const struct config_key *k)
{
	switch (k->type) {
	case CONFIG_BOOL:
		return sizeof(bool);
	case CONFIG_NUMBER:
		return sizeof(uint64_t);
	case CONFIG_NUMBER32:
		return sizeof(uint32_t);
	case CONFIG_CHOICE:
		return sizeof(int);
	case CONFIG_PATH:
	case CONFIG_TEXT:
		return sizeof(char *);
	case CONFIG_STRINGS:
		return (k->max + 1) * sizeof(char *);
	case CONFIG_OBJECT:
	case CONFIG_CUSTOM:
		break;
	}
	return 0;
}

static bool is_text_equal(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool is_value_equal(const struct config_key *k, const void *a, const void *b)
{
	char *const *x = a, *const *y = b;

	switch (k->type) {
	case CONFIG_PATH:
	case CONFIG_TEXT:
		return is_text_equal(*x, *y);
	case CONFIG_STRINGS:
		while (*x && is_text_equal(*x, *y)) {
			x++;
			y++;
		}
		return is_text_equal(*x, *y);
	case CONFIG_OBJECT:
		return config_keys_equal(k->keys, a, b);
	default:
		return memcmp(a, b, value_size(k)) == 0;
	}
}

bool config_keys_equal(const struct config_key *keys, const void *a, const void *b)
{
	for (const struct config_key *k = keys; k->key; k++)
		if (!is_value_equal(k, (const char *)a + k->at, (const char *)b + k->at))
			return false;
	return true;
}

int config_keys_copy(const struct config_key *keys, void *ret)
{
	int r = 0;

	for (const struct config_key *k = keys; k->key; k++) {
		char **at = (char **)((char *)ret + k->at);
		size_t n = value_size(k) / sizeof(char *);
		bool is_text = k->type == CONFIG_PATH || k->type == CONFIG_TEXT ||
			       k->type == CONFIG_STRINGS;

		for (size_t i = 0; is_text && i < n && at[i]; i++) {
			at[i] = strdup(at[i]);
			r = at[i] ? r : -ENOMEM;
		}
		if (k->type == CONFIG_OBJECT && config_keys_copy(k->keys, at) < 0)
			r = -ENOMEM;
	}
	return r;
}

static void swap_bytes(char *a, char *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char c = a[i];

		a[i] = b[i];
		b[i] = c;
	}
}

static void append_name(char *names, size_t size, const char *where, const char *key)
{
	size_t len = strlen(names);

	snprintf(names + len, size - len, "%s%s%s%s", len ? ", " : "", where, *where ? "." : "",
		 key);
}

void config_keys_take(const struct config_key *keys, const char *where, void *to, void *from,
		      char *names, size_t size)
{
	for (const struct config_key *k = keys; k->key; k++) {
		char *a = (char *)to + k->at, *b = (char *)from + k->at;

		if (k->type == CONFIG_OBJECT)
			config_keys_take(k->keys, k->key, a, b, names, size);
		else if (!k->fixed)
			swap_bytes(a, b, value_size(k));
		else if (!is_value_equal(k, a, b))
			append_name(names, size, where, k->key);
	}
}

void config_keys_done(const struct config_key *keys, void *ret)
{
	for (const struct config_key *k = keys; k->key; k++) {
		void *at = (char *)ret + k->at;

		if (k->type == CONFIG_PATH || k->type == CONFIG_TEXT)
			free(TAKE_PTR(*(char **)at));
		for (char **s = at; k->type == CONFIG_STRINGS && *s; s++)
			free(TAKE_PTR(*s));
		if (k->type == CONFIG_OBJECT)
			config_keys_done(k->keys, at);
	}
}
