# SPDX-License-Identifier: Apache-2.0
#
# Holds what tests/house/uses lists against the table tests/arrows: prints each use that the table does not
# allow, each breach in the table that is gone, and each cycle of folders. Exit 1 if it printed one.
#
# usage: awk -f tests/house/arrows.awk tests/arrows USES
function room_of(folder) {
	while (!(folder in is_room)) {
		if (!sub(/\/[^\/]*$/, "", folder)) return ""
	}
	return folder
}

function is_allowed(from, to) {
	if (from == to || index(allowed[from] " ", " " to " ")) return 1
	return from !~ /^(kern|lib|include)/ && to ~ /^(lib|include)\//
}

# Finds the folders that can be reached from one by following uses.
function reach(start, from, to) {
	reached[start, from] = 1
	for (to in folders)
		if (uses[from, to] && !reached[start, to]) reach(start, to)
}

FNR == NR && /^breach cycle$/ { is_cycle_known = 1; next }
FNR == NR && /^breach / { is_breach[$2, $3] = 1; next }
FNR == NR && /^[a-z]/ {
	split($0, part, ":")
	is_room[part[1]] = 1
	allowed[part[1]] = part[2]
	next
}
FNR == NR { next }
{
	uses[$1, $2] = 1
	folders[$1] = folders[$2] = 1
	from = room_of($1)
	to = room_of($2)
	if (from == "" || to == "") {
		printf "%s: folder %s is in no room of tests/arrows\n", $3, from == "" ? $1 : $2
		bad = 1
	} else if (!is_allowed(from, to)) {
		found[from, to] = 1
		if (!is_breach[from, to]) {
			printf "%s: %s may not use %s\n", $3, from, to
			bad = 1
		}
	}
}
END {
	for (b in is_breach)
		if (!(b in found)) {
			split(b, part, SUBSEP)
			printf "tests/arrows: delete the line \"breach %s %s\": it is mended\n", part[1], part[2]
			bad = 1
		}
	for (f in folders) reach(f, f)
	for (f in folders) {
		if (f in told) continue
		loop = f
		size = 1
		for (g in folders)
			if (f != g && reached[f, g] && reached[g, f]) {
				loop = loop " " g
				told[g] = 1
				size++
			}
		if (size > 1) {
			is_cyclic = 1
			if (!is_cycle_known) {
				printf "cycle of %d folders: %s\n", size, loop
				bad = 1
			}
		}
	}
	if (is_cycle_known && !is_cyclic) {
		print "tests/arrows: delete the line \"breach cycle\": no cycle is left"
		bad = 1
	}
	exit bad
}
