# SPDX-License-Identifier: Apache-2.0
#
# Markdown tables of {new, base}, as sums.jq made them. base may be null. A cell with both is "old → new".

def round2: . * 100 | round / 100 | tostring;
def rate($n; $hours): if ($hours // 0) == 0 then "–" else $n / $hours | round2 end;
def share($n; $of): if ($of // 0) == 0 then "–" else "\($n) (\($n * 100 / $of | round) %)" end;
def part($n; $of): if ($of // 0) == 0 then "–" else "\($n) of \($of) (\($n * 100 / $of | round) %)" end;
def percent($n; $of): if ($of // 0) == 0 then "–" else "\($n * 100 / $of | round) %" end;

# A table: columns are [title, the cell of one build's sums, same: both builds have the same].
def row: "| " + join(" | ") + " |";
def cell($new; $base; $same; f): ($new | f) as $n | if $base == null or $same then $n else "\($base | f) → \($n)" end;

# A service keeps a bound if all its containers do. One of a sum counts services.
def kept($k): if . == null or (type == "array" and all((.[$k].hours // 0) == 0)) then "–" elif type == "array" then
		if all(.[$k].holds) then "≤ \([.[][$k].upper] | max | round2) holds" else "no: " + ([.[] | .[$k] | select(.holds | not) |
			"\(rate(.episodes; .hours)) > \(.upper | round2)"] | join(", ")) end
	elif .[$k] == null then "–" else "\(.[$k]) of \(.services)" end;

def ordinary_titles: ["service", "hours", "refused, 10 runs", "3 runs", "alerted, 10 runs", "3 runs",
	"episodes, 10 runs", "3 runs", "alert bound", "refusal bound", "new things bound", "hours in a VM", "refused", "alerted"];
def ordinary_cells($new; $base): [
	cell($new; $base; true; .ten.hours // 0 | round2),
	cell($new; $base; false; rate(.ten.refused; .ten.hours)), cell($new; $base; false; rate(.three.refused; .three.hours)),
	cell($new; $base; false; rate(.ten.alerted; .ten.hours)), cell($new; $base; false; rate(.three.alerted; .three.hours)),
	cell($new; $base; false; rate(.ten.alerted_episodes; .ten.hours)),
	cell($new; $base; false; rate(.three.alerted_episodes; .three.hours)),
	cell($new; $base; false; .bounds | kept("alert")), cell($new; $base; false; .bounds | kept("deny")),
	cell($new; $base; false; .bounds | kept("unseen")),
	cell($new; $base; true; .vm.hours // 0 | round2), cell($new; $base; false; rate(.vm.refused; .vm.hours)),
	cell($new; $base; false; rate(.vm.alerted; .vm.hours))];

# Runs in a VM by the policy of runs here, and the other way round.
def vm_titles: ["service", "hours in a VM", "refused, VM policy", "host policy", "alerted, VM policy", "host policy",
	"hours on the host", "refused, host policy", "VM policy", "alerted, host policy", "VM policy"];
def vm_cells($new; $base): [
	cell($new; $base; true; .vm.hours // 0 | round2),
	cell($new; $base; false; rate(.vm.refused; .vm.hours)), cell($new; $base; false; rate(.vm_by_host.refused; .vm_by_host.hours)),
	cell($new; $base; false; rate(.vm.alerted; .vm.hours)), cell($new; $base; false; rate(.vm_by_host.alerted; .vm_by_host.hours)),
	cell($new; $base; true; .host_by_vm.hours // 0 | round2),
	cell($new; $base; false; rate(.ten.refused; .ten.hours)), cell($new; $base; false; rate(.host_by_vm.refused; .host_by_vm.hours)),
	cell($new; $base; false; rate(.ten.alerted; .ten.hours)), cell($new; $base; false; rate(.host_by_vm.alerted; .host_by_vm.hours))];

def rare_titles: ["service", "soak hours", "events", "alarmed", "refused", "own process refused", "episodes", "refused operations",
	"refusals kept after learning", "things kept", "refusals kept in attacks", "things kept"];
def rare_cells($new; $base): [
	cell($new; $base; true; .soak.hours // 0 | round2), cell($new; $base; true; .rare.n // 0 | tostring),
	cell($new; $base; false; share(.rare.alarmed; .rare.n)), cell($new; $base; false; share(.rare.refused; .rare.n)),
	cell($new; $base; false; share(.rare.own_refused; .rare.n)),
	cell($new; $base; false; .soak.alerted_episodes // 0 | tostring),
	cell($new; $base; false; .soak.refused_operations // 0 | tostring),
	cell($new; $base; false; part(.learned.kept; .learned.refused)),
	cell($new; $base; false; part(.learned.kept_things; .learned.things)),
	cell($new; $base; false; part(.learned_attacks.kept; .learned_attacks.refused)),
	cell($new; $base; false; part(.learned_attacks.kept_things; .learned_attacks.things))];

def attack_titles: ["service", "attacks", "alerted", "refused", "harm after an alert", "after a refusal",
	"adaptive", "alerted", "refused", "harm after an alert"];
def attack_cells($new; $base): [
	cell($new; $base; true; .attack.n // 0 | tostring), cell($new; $base; false; .attack.alert // 0 | tostring),
	cell($new; $base; false; .attack.deny // 0 | tostring),
	cell($new; $base; false; percent(.attack.alert_in_time; .attack.with_harm)),
	cell($new; $base; false; percent(.attack.deny_in_time; .attack.with_harm)),
	cell($new; $base; true; .adaptive.n // 0 | tostring), cell($new; $base; false; .adaptive.alert // 0 | tostring),
	cell($new; $base; false; .adaptive.deny // 0 | tostring),
	cell($new; $base; false; percent(.adaptive.alert_in_time; .adaptive.with_harm))];

def table($titles; cells): ($titles | row), ($titles | map("---") | row),
	(.new.services | keys[]) as $s | ([$s] + ([.new.services[$s], .base.services[$s]?] | cells) | row);
def sum_row(cells): ["**all**"] + ([.new.sum, .base.sum?] | cells) | row;

def counted($title; $which; $columns): (.new.sum[$which] // {}) as $n | .base.sum[$which]? as $b |
	([$title] + $columns | row), ([$title] + $columns | map("---") | row),
	(([$n, $b // {} | keys[]] | unique[]) as $k | [$k] + [$columns[] as $c |
		cell($n[$k]; if $b == null then null else $b[$k] // {} end; $c == "n"; .[$c]? // 0 | tostring)] | row);

# Attacks that the older build found and this one does not.
def lost_attacks($found): [.new.services as $new | .base.services? // {} | to_entries[] | .key as $s | .value.attacks[] |
	select(.[$found]) | .run as $run | select(any($new[$s].attacks[]?; .run == $run and (.[$found] | not))) |
	"- \($s) \(.run)"] | if length == 0 then "- none" else .[] end;

# Services whose recording is not whole yet: their policies of ten runs are of fewer.
def fewer_runs: [.new.services | to_entries[] | select(.value.train_runs < 10) | "\(.key) \(.value.train_runs)"] |
	if length == 0 then empty else "**Fewer than 10 training runs:** \(join(", ")). The columns of 10 runs are of so many.\n" end;

def set_title($set): "\n## \($set | ascii_upcase[0:1] + .[1:]) services\n";

def set_tables: fewer_runs,
	"New things in ordinary runs, in a container-hour (`make alarms`):\n",
	table(ordinary_titles; ordinary_cells(.[0]; .[1])), sum_row(ordinary_cells(.[0]; .[1])),
	(if (.new.sum.vm.hours // 0) == 0 then empty else
		"\nNew things in an hour of ordinary runs in a VM and on the host, by the policies of both (`make alarms`):\n",
		table(vm_titles; vm_cells(.[0]; .[1])), sum_row(vm_cells(.[0]; .[1])),
		"\nNew things in runs in a VM by the policies of runs on the host, by rule (`make alarms`):\n",
		counted("rule"; "vm_by_host_rules"; ["alerted", "refused"]) end),
	"\nRare events, and what one run with rare events in training leaves (`make alarms`):\n",
	table(rare_titles; rare_cells(.[0]; .[1])), sum_row(rare_cells(.[0]; .[1])),
	"\nAttacks (`make alarms`):\n",
	table(attack_titles; attack_cells(.[0]; .[1])), sum_row(attack_cells(.[0]; .[1])),
	(if .base == null then empty else
		"\nAttacks that the older build alerts and this one does not:\n", lost_attacks("alert"),
		"\nAttacks that the older build refuses and this one does not:\n", lost_attacks("deny") end),
	"\nWould-be refusals that one run with rare events in training takes away, though it had none of it:\n",
	([.new.services | to_entries[] | .key as $s | .value.learned.lost[] |
		"- \($s): `\(.what)`, \(.kept) of \(.refused) kept"] | if length == 0 then "- none" else .[] end),
	"\nRare events by kind (`make alarms`):\n",
	counted("event"; "by_kind"; ["n", "alarmed", "refused", "own_refused"]),
	"\nRare events by rule (`make alarms`):\n", counted("rule"; "by_rule"; ["alarmed", "refused", "own_refused"]),
	"\nNew things in ordinary runs by rule (`make alarms`):\n",
	counted("rule"; "ordinary_rules"; ["alerted", "refused"]),
	"\nOwn processes that were refused an operation in a rare event. Whether that ends the service is not replayed:\n",
	([.new.services | to_entries[] | .key as $s | .value.events[] | .name as $e | .things[] | select(.own_refused) |
		"- \($s), \($e): `\(.rule) \(.role) \(.what)`"] | unique | if length == 0 then "- none" else .[] end);

. as $all | ("development", "test") as $set | set_title($set), if $all.new[$set] then
	{new: $all.new[$set], base: $all.base[$set]?} | set_tables else "No \($set) service was judged." end
