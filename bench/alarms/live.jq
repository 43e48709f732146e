# SPDX-License-Identifier: Apache-2.0
#
# Markdown of what bench/alarms/live measured: an array of {service, set, runs, audit, deny}, where audit and deny are
# the lines of bench/dataset/guarded.bash.

def events: map(select(.name));
def gone: map(select(.answered | not));
def own: map(select(.own != []));
def row: "| " + (map(tostring) | join(" | ")) + " |";
def percent($n; $of): if $of == 0 then "–" else "\($n) (\($n * 100 / $of | round) %)" end;

# Events after which the service was gone under guard, but not in audit.
def by_guard: (.audit | events | gone | map(.name)) as $alone | .deny | events | gone |
	map(select(.name as $n | $alone | index($n) | not));

def counts: {runs, audited: (.audit | events | length), n: (.deny | events | length),
	refused: (.deny | events | map(select(.refused > 0)) | length), own: (.deny | events | own | length),
	gone: (.deny | events | gone | length), own_gone: (.deny | events | own | gone | length),
	alone: (.audit | events | gone | length), by_guard: (by_guard | length)};

# Those of a kind, attack or adaptive.
def attacks($kind): map(select((.attack // "") | startswith($kind + ".")));

def attack_counts($kind): (.deny | attacks($kind)) as $deny | (.audit | attacks($kind)) as $audit | {n: ($deny | length),
	refused: ($deny | map(select(.refused > 0)) | length), reached: ($deny | map(select(.status == 0)) | length),
	gone: ($deny | gone | length), audited: ($audit | length),
	reached_audited: ($audit | map(select(.status == 0)) | length), alone: ($audit | gone | length)};

def attack_cells: [.n, percent(.refused; .n), .reached, .gone, .audited, .reached_audited, .alone];

def cells: [.n, percent(.refused; .n), percent(.own; .n), .gone, .own_gone, .audited, .alone, .by_guard];

# sums_of(["a", "b"]): of an array of objects.
def sums_of($keys): . as $all | [$keys[] as $k | {key: $k, value: ($all | map(.[$k]) | add)}] | from_entries;

def list($title; f): "\n\($title):\n", ([.[] | .service as $s | f | "- \($s), \(.)"] |
	if length == 0 then "- none" else .[] end);

def attack_table($kind; $title): map(. + {of_kind: attack_counts($kind)}) | "",
	(["service", $title + " in deny", "refused", "reached their goal", "service gone", $title + " in audit",
	"reached their goal", "service gone"] | row, (map("---") | row)),
	(.[] | [.service] + (.of_kind | attack_cells) | row),
	(map(.of_kind) | sums_of(["n", "refused", "reached", "gone", "audited", "reached_audited", "alone"]) |
		["**all**"] + attack_cells | row);

def set_tables($set): map(select(.set == $set)) | select(length > 0) | map(. + {counts: counts}) |
	"\n## \($set | ascii_upcase[0:1] + .[1:]) services\n",
	(["service", "training runs", "events in deny", "refused", "own process refused", "service gone",
	"gone, own process refused", "events in audit", "service gone", "gone only in deny"] | row, (map("---") | row)),
	(.[] | [.service, .counts.runs] + (.counts | cells) | row),
	(map(.counts) | sums_of(["n", "refused", "own", "gone", "own_gone", "audited", "alone", "by_guard"]) |
		["**all**", ""] + cells | row),
	attack_table("attack"; "attacks"), attack_table("adaptive"; "adaptive attacks"),
	list("After these events the service had ended or did not answer in deny, but not in audit";
		by_guard[] | "\(.name): " + (if .ended == [] then "no answer" else "ended: \(.ended | join(", "))" end) +
		"; refused to its own processes: " + (if .own == [] then "nothing" else .own | join(", ") end)),
	list("After these events it had ended or did not answer in audit"; .audit | events | gone[] | .name),
	list("Refused to its own processes in these events"; .deny | events | own[] | "\(.name): `\(.own | join("`, `"))`"),
	list("Refused in these attacks"; .deny | map(select(.attack and .refused > 0))[] |
		"\(.attack): `\(.own + .session | join("`, `"))`"),
	list("These attacks were not refused"; .deny | map(select(.attack and .refused == 0))[] | .attack +
		if .status == 0 then "" else " (missed its goal)" end),
	list("Refused to its own processes outside of events and attacks"; .deny | map(.other // empty | .[]) | unique[] | "`\(.)`");

set_tables("development"), set_tables("test")
