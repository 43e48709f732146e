# SPDX-License-Identifier: Apache-2.0
# From the lines of count_incidents, one for each container of a run: a table, a row for each service and one for
# each set, and whether the two measures of incidents hold for each set.

def total(f): [.[] | f] | add // 0;
def rate($n; $hours): if $hours == 0 then null else ($n / $hours * 100 | round / 100) end;
def counts:
	(map(select(.kind == "ordinary"))) as $o | (map(select(.kind == "soak"))) as $s |
	[$s[].events[]] as $events | [$events[] | select(.told > 0)] as $raised |
	{rate: rate($o | total(.incidents); $o | total(.hours)), alerts: ($s | total(.alerts)),
	incidents: ($s | total(.incidents)), events: ($events | length), raised: ($raised | length),
	one: ($raised | map(select(.incidents == 1)) | length)};
def row($set; $name): counts | [$set, $name, (.rate // "–"), .alerts, .incidents, .events, .raised, .one] |
	map(tostring) | "| " + join(" | ") + " |";
def holds: if . then "holds" else "does not hold" end;
def measures($set): counts |
	"- \($set): every rare event that raises anything raises exactly one incident: " +
	(if .raised == 0 then "no event raised anything" else "\(.one) of \(.raised), \(.one == .raised | holds)" end),
	"- \($set): at most 1 incident in an ordinary hour of a container: " +
	(if .rate == null then "no ordinary run" else "\(.rate), \(.rate <= 1 | holds)" end);

"| set | service | incidents an ordinary hour | alerts in soak runs | incidents in soak runs | rare events | events that raise something | of these, with exactly one incident |",
"|---|---|---|---|---|---|---|---|",
(group_by(.set)[] | .[0].set as $set | (group_by(.service)[] | row($set; .[0].service)), row($set; "**all**")),
"",
(group_by(.set)[] | measures(.[0].set))
