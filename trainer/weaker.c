/* SPDX-License-Identifier: Apache-2.0 */
/* Asks on the terminal, and keeps the answers. */
#include "trainer/weaker.h"

#include <string.h>
#include <unistd.h>

void weaker_init(struct weaker *w, bool accept, struct progress_bar *bar)
{
	*w = (struct weaker){.accept = accept,
			     .ask = isatty(STDIN_FILENO) && isatty(STDERR_FILENO),
			     .bar = bar,
			     .accepted = json_array(),
			     .kept = json_array()};
}

void weaker_done(struct weaker *w)
{
	json_decref(w->accepted);
	json_decref(w->kept);
}

static bool ask_person(const struct weaker *w, const char *text)
{
	char answer[16] = "";

	progress_bar_done(w->bar);
	fprintf(stderr, "The new runs would make the policy weaker: %s.\nTake it over? [y/N] ",
		text);
	if (!fgets(answer, sizeof(answer), stdin))
		return false;
	return strcmp(answer, "y\n") == 0 || strcmp(answer, "yes\n") == 0;
}

bool weaker_may(void *ctx, const char *text)
{
	struct weaker *w = ctx;
	bool may = w->accept || (w->ask && ask_person(w, text));

	json_array_append_new(may ? w->accepted : w->kept, json_string(text));
	return may;
}

void weaker_print(const struct weaker *w, FILE *out)
{
	json_t *one;
	size_t i;

	json_array_foreach (w->accepted, i, one)
		fprintf(out, "  weaker    %s\n", json_string_value(one));
	json_array_foreach (w->kept, i, one)
		fprintf(out, "  not taken %s\n", json_string_value(one));
	if (json_array_size(w->kept))
		fputs("            the policy is as strict as before; --accept-new takes this "
		      "over\n",
		      out);
}
