/* SPDX-License-Identifier: Apache-2.0 */
/* lutra explain: says what a rule means, or why an event was one. */
#include "user/cli/cli.h"

#include "lib/abi/names.h"
#include "lib/abi/rules.h"

#define EXPECTED_MAX 8 /* that are printed; the page shows all */

struct explain_args {
	const char *config_file;
	bool json;
	struct args_list words;
};

static const struct args_option options[] = {
	CLI_OPTION_JSON(struct explain_args),
	CLI_OPTION_CONFIG(struct explain_args),
	{},
};

/* Returns true if the word has the form of an event's id: two numbers. */
static bool is_event(const char *word)
{
	const char *dash = strchr(word, '-');

	return dash && dash != word && dash[1] &&
	       strspn(word, "0123456789") == (size_t)(dash - word) &&
	       strspn(dash + 1, "0123456789") == strlen(dash + 1);
}

static error_t check_explain_args(struct argp_state *state, void *ret)
{
	const struct explain_args *a = ret;

	if (a->words.n != 1)
		return args_usage(state, "give a rule, or the id of an event");
	return is_event(a->words.arg[0]) ? 0 : cli_check_rule(state, a->words.arg[0]);
}

static const struct args_command command = {
	.options = options,
	.usage = "RULE|EVENT",
	.doc = "Say what a rule means, or why an event was one."
	       "\vRULE: its name, such as exec-fresh; docs/alerts.md lists all. EVENT: "
	       "the id "
	       "that `lutra events` prints. What was expected is what the policy that judged the "
	       "event "
	       "expected then.",
	.max = 1,
	.list = offsetof(struct explain_args, words),
	.check = check_explain_args,
};

static int explain_rule(unsigned rule, bool json)
{
	const struct rule *r = rule_get(rule);

	if (json)
		return cli_print_json(json_pack("{s:s, s:s, s:s, s:s}", "rule", r->name, "title",
						r->title, "text", r->text, "action",
						action_name(r->action)),
				      true);
	printf("%s: %s\n  %s\n  usual action: %s\n", r->name, r->title, r->text,
	       action_name(r->action));
	return 0;
}

/* Prints at most EXPECTED_MAX texts of a list, separated. */
static void print_texts(const json_t *list, const char *separator)
{
	char clean[CLI_TEXT];
	const json_t *one;
	size_t i;

	json_array_foreach (list, i, one) {
		if (i == EXPECTED_MAX) {
			printf("%sand %zu more", separator, json_array_size(list) - i);
			return;
		}
		printf("%s%s", i ? separator : "", cli_clean_text(json_string_value(one), clean));
	}
}

static void print_why(json_t *why)
{
	json_t *calls = json_object_get(why, "calls"), *one;
	const json_t *objects = json_object_get(why, "objects");
	size_t i;

	if (*cli_json_text(why, "error"))
		printf("  expected   %s\n", cli_json_text(why, "error"));
	if (json_array_size(objects)) {
		printf("  expected   ");
		print_texts(objects, "\n             ");
		putchar('\n');
	}
	json_array_foreach (calls, i, one) {
		printf("  unusual    after %s came %s", cli_json_text(one, "after"),
		       cli_json_text(one, "came"));
		if (json_array_size(json_object_get(one, "expected"))) {
			printf("; usual: ");
			print_texts(json_object_get(one, "expected"), ", ");
		}
		putchar('\n');
	}
}

static int explain_event(const struct explain_args *a, const char *key)
{
	json_auto_t *event = NULL;
	char path[LOCAL_CLIENT_PATH];
	unsigned rule;
	json_t *fields;
	int r;

	snprintf(path, sizeof(path), "events/%.64s", key);
	r = cli_ask_or_fail(a->config_file, path, LOCAL_GET, &event);
	if (r)
		return r;
	if (a->json)
		return cli_print_json(json_incref(event), true);
	fields = json_object_get(event, "output_fields");
	printf("%s %s\n", cli_json_text(event, "time"), cli_json_text(event, "output"));
	if (rule_find(cli_json_text(fields, "lutra.group"), &rule) == 0)
		printf("  rule       %s: %s\n             %s\n", rule_get(rule)->name,
		       rule_get(rule)->title, rule_get(rule)->text);
	print_why(json_object_get(event, "why"));
	return 0;
}

int cmd_explain(int argc, char **argv)
{
	struct explain_args a = {};
	const char *word;
	unsigned rule;

	args_read(&command, argc, argv, &a);
	word = a.words.arg[0];
	if (rule_find(word, &rule) == 0)
		return explain_rule(rule, a.json);
	if (!is_event(word))
		return cli_failf("%s: neither a rule nor the id of an event; docs/alerts.md lists "
				 "the "
				 "rules, `lutra events` prints ids",
				 word),
		       EXIT_USAGE;
	return explain_event(&a, word);
}
