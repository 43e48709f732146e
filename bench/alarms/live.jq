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

def cells: [.n, percent(.refused; .n), percent(.own; .n), .gone, .own_gone, .audited, .alone, .by_guard];

def list($title; f): "\n\($title):\n", ([.[] | .service as $s | f | "- \($s), \(.)"] |
	if length == 0 then "- none" else .[] end);

def set_tables($set): map(select(.set == $set)) | select(length > 0) | map(. + {counts: counts}) |
	"\n## \($set | ascii_upcase[0:1] + .[1:]) services\n",
	(["service", "training runs", "events in deny", "refused", "own process refused", "service gone",
	"gone, own process refused", "events in audit", "service gone", "gone only in deny"] | row, (map("---") | row)),
	(.[] | [.service, .counts.runs] + (.counts | cells) | row),
	(map(.counts) | [["n", "refused", "own", "gone", "own_gone", "audited", "alone", "by_guard"][] as $k |
		{key: $k, value: (map(.[$k]) | add)}] | from_entries | ["**all**", ""] + cells | row),
	list("After these events the service had ended or did not answer in deny, but not in audit";
		by_guard[] | "\(.name): " + (if .ended == [] then "no answer" else "ended: \(.ended | join(", "))" end) +
		"; refused to its own processes: " + (if .own == [] then "nothing" else .own | join(", ") end)),
	list("After these events it had ended or did not answer in audit"; .audit | events | gone[] | .name),
	list("Refused to its own processes in these events"; .deny | events | own[] | "\(.name): `\(.own | join("`, `"))`"),
	list("Refused to its own processes outside of the events"; .deny | map(.other // empty | .[]) | unique[] | "`\(.)`");

set_tables("development"), set_tables("test")
