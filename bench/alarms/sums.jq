# SPDX-License-Identifier: Apache-2.0
#
# Adds up what bench/alarms/service wrote: an array of services to {development, test}, each with its services
# and their sum. Counts only; rates are made of them by tables.jq.

def total(f): [.[] | f] | add // 0;

# Ordinary runs of one container's policy: counts and container-hours.
def ordinary: {hours: total(.hours),
	refused: total(.refused.things), alerted: total(.alerted.things),
	refused_episodes: total(.refused.new_episodes), alerted_episodes: total(.alerted.new_episodes)};

# Does the policy keep what it printed? An interval's upper end, an hour, and the episodes of its ordinary runs.
def bound($outcome; $upper): (total(.hours)) as $hours | {upper: $upper, hours: $hours,
	episodes: total(.[$outcome].episodes),
	holds: ($hours == 0 or total(.[$outcome].episodes) <= $upper * $hours)};

# The same of new things and the upper end of the unseen, which builds before this one do not estimate.
def unseen_bound($upper): if $upper == null then null else (total(.hours)) as $hours |
	total(.alerted.things) as $things | {upper: $upper, hours: $hours, episodes: $things,
	holds: ($hours == 0 or $things <= $upper * $hours)} end;

def bounds: .bounds as $b | .ordinary | {alert: bound("alerted"; $b.alert[1]), deny: bound("refused"; $b.deny[1]),
	unseen: unseen_bound($b.unseen[1]?)};

# The rare events of a service: in each the rules, over all of its containers.
def rare_events: [.containers[].soak[] | .run as $run | .events | to_entries[] |
		{run: $run, i: .key, name: .value.name, rules: .value.rules, things: .value.things}] |
	group_by([.run, .i]) | map({run: .[0].run, name: .[0].name, things: [.[].things[]],
		rules: ([.[].rules | to_entries[]] | group_by(.key) | map({key: .[0].key, value: {
			alerted: ([.[].value.alerted] | add), refused: ([.[].value.refused] | add),
			own_refused: ([.[].value.own_refused] | add)}}) | from_entries)});

def count_events: {n: length, alarmed: map(select(.rules | length > 0)) | length,
	refused: map(select(any(.rules[]; .refused > 0))) | length,
	own_refused: map(select(any(.rules[]; .own_refused > 0))) | length};

def soak: [.containers[].soak[]] | {hours: total(.hours), alerted_episodes: total(.alerted.episodes),
	refused_episodes: total(.refused.episodes), refused_operations: total(.refused.operations)};

# An attack, over all containers of its run: which sets found it, and the harm that came after their first alarm.
def attacks: [.attacks[] as $a | [.containers[].attacks[] | select(.file | startswith($a.run + "."))] |
	select(length > 0) | {run: $a.run, kind: $a.kind, name: $a.name, harm: total(.harm),
	alert: any(.detected_after_ms | has("alert")), deny: any(.detected_after_ms | has("deny")),
	alert_in_time: total(.harm_in_time.alert // 0), deny_in_time: total(.harm_in_time.deny // 0)}];

def count_attacks($kind): map(select(.kind == $kind)) | {n: length, alert: (map(select(.alert)) | length),
	deny: (map(select(.deny)) | length), with_harm: (map(select(.harm > 0)) | length),
	# Shares of each attack's harm, added up: their mean is what the tables print.
	alert_in_time: (map(select(.harm > 0) | .alert_in_time / .harm) | add // 0),
	deny_in_time: (map(select(.harm > 0) | .deny_in_time / .harm) | add // 0)};

def learned: {runs: length, refused: total(.refused), kept: total(.kept), things: total(.things),
	kept_things: total(.kept_things), lost: [.[].lost[]]};

# Adds numbers of objects of the same form.
def add_numbers: [.[] | to_entries[]] | group_by(.key) |
	map({key: .[0].key, value: ([.[].value | numbers] | add)}) | map(select(.value != null)) | from_entries;

def things_by_rule: group_by(.rule) | map({key: .[0].rule, value: {
	alerted: map(select(.alerted > 0)) | length, refused: map(select(.refused > 0)) | length}}) | from_entries;

# Adds such counts of several services.
def add_rules(f): [.[].sums | f | to_entries[]] | group_by(.key) | map({key: .[0].key,
	value: (map(.value) | add_numbers)}) | from_entries;

def service_sums: . as $s | rare_events as $events | attacks as $attacks | {
	train_runs: ([.containers[].train_runs] | min),
	ten: ([.containers[].ordinary[]] | ordinary), three: ([.containers[].three[]] | ordinary),
	vm: ([.containers[].vm[]] | ordinary), vm_by_host: ([.containers[].vm_by_host[]?] | ordinary),
	host_by_vm: ([.containers[].host_by_vm[]?] | ordinary),
	bounds: ([.containers[] | {container, audit_only: .bounds.audit_only} + bounds]),
	soak: soak, rare: ($events | count_events),
	learned: ([.containers[].learned | values] | learned),
	learned_attacks: ([.containers[].learned_attacks | values] | learned),
	attack: ($attacks | count_attacks("attack")), adaptive: ($attacks | count_attacks("adaptive")),
	attacks: $attacks, events: $events,
	# By rule: new things of ordinary runs, and events in which it fired.
	ordinary_rules: ([.containers[].ordinary[].things[]] | things_by_rule),
	vm_by_host_rules: ([.containers[].vm_by_host[]?.things[]] | things_by_rule)};

def by_kind: group_by(.name) | map({key: .[0].name, value: count_events}) | from_entries;
def by_rule: [.[] | .rules | to_entries[]] | group_by(.key) | map({key: .[0].key, value: {alarmed: length,
	refused: map(select(.value.refused > 0)) | length, own_refused: map(select(.value.own_refused > 0)) | length}}) |
	from_entries;

def set_sums: {
	ten: (map(.sums.ten) | add_numbers), three: (map(.sums.three) | add_numbers), vm: (map(.sums.vm) | add_numbers),
	bounds: (map(select(.sums.ten.hours > 0)) | {services: length,
		alert: (map(select(all(.sums.bounds[]; .alert.holds))) | length),
		deny: (map(select(all(.sums.bounds[]; .deny.holds))) | length),
		unseen: (if all(.[].sums.bounds[].unseen; . == null) then null
			else map(select(all(.sums.bounds[]; .unseen.holds?))) | length end)}),
	soak: (map(.sums.soak) | add_numbers), rare: (map(.sums.rare) | add_numbers),
	learned: (map(.sums.learned) | add_numbers), learned_attacks: (map(.sums.learned_attacks) | add_numbers),
	attack: (map(.sums.attack) | add_numbers), adaptive: (map(.sums.adaptive) | add_numbers),
	by_kind: ([.[].sums.events[]] | by_kind), by_rule: ([.[].sums.events[]] | by_rule),
	vm_by_host: (map(.sums.vm_by_host) | add_numbers), host_by_vm: (map(.sums.host_by_vm) | add_numbers),
	ordinary_rules: add_rules(.ordinary_rules), vm_by_host_rules: add_rules(.vm_by_host_rules)};

map({service, set, sums: service_sums}) | group_by(.set) | map({key: .[0].set, value: {
	services: (map({key: .service, value: .sums}) | from_entries), sum: set_sums}}) | from_entries
