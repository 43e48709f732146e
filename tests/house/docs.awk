# SPDX-License-Identifier: Apache-2.0
#
# Checks the links, commands and figures of all pages of the documentation in one go; tests/house/docs says
# which. The first file holds what exists, as lines "path P", "target T" (of make) and "command C" (of
# lutra). Prints each fault as FILE:LINE: what. Exit 1 if there is one.
#
# usage: awk -f tests/house/docs.awk EXISTING PAGE…
function fault(page, line, what) {
	printf "%s:%d: %s\n", page, line, what
	bad = 1
}

# Returns the path that a link names, seen from the folder of its page; "" outside of the tree.
function resolve(page, file, part, n, i, stack, depth, path) {
	if (sub(/[^\/]*$/, "", page)) file = page file
	n = split(file, part, "/")
	for (i = 1; i <= n; i++) {
		if (part[i] == "" || part[i] == ".") continue
		if (part[i] != "..") stack[++depth] = part[i]
		else if (depth-- == 0) return ""
	}
	for (i = 1; i <= depth; i++) path = path (i > 1 ? "/" : "") stack[i]
	return path
}

# Stores the links of a line: headings of later pages are not known yet.
function find_links(text) {
	while (match(text, /\]\([^) ]+\)/)) {
		link = substr(text, RSTART + 2, RLENGTH - 3)
		text = substr(text, RSTART + RLENGTH)
		if (link ~ /:\/\// || link ~ /^mailto:/) continue
		links++
		link_page[links] = FILENAME
		link_line[links] = FNR
		link_text[links] = link
	}
}

# Checks that each "`PROGRAM NAME" of a line names one of those that exist.
function find_commands(text, program, pattern, kind, what, name) {
	while (match(text, pattern)) {
		name = substr(text, RSTART + length(program) + 2, RLENGTH - length(program) - 2)
		text = substr(text, RSTART + RLENGTH)
		if (!((kind, name) in exists)) fault(FILENAME, FNR, "there is no " what " " program " " name)
	}
}

function end_section(i) {
	for (i = 0; i < rows; i++)
		if (!has_command) fault(page, row[i], "a figure without the command that measures it")
	rows = has_command = 0
}

FNR == NR { exists[$1, substr($0, length($1) + 2)]; next }
FNR == 1 {
	end_section()
	page = FILENAME
	pages[page]
	whole = page ~ /\/(performance|detection)\.md$/
	fenced = measured = 0
}
/^#/ {
	heading = tolower($0)
	sub(/^#+ */, "", heading)
	gsub(/[^a-z0-9 _-]/, "", heading)
	gsub(/ /, "-", heading)
	headings[page, heading]
}
{
	find_links($0)
	find_commands($0, "make", "`make [a-z][a-z0-9-]*", "target", "target")
	find_commands($0, "lutra", "`lutra [a-z]+", "command", "command")
}
/^```/ { fenced = !fenced }
fenced { next }
/^#/ {
	end_section()
	measured = whole || /Numbers/
}
/`(make|build\/|lutra|tests\/|bench\/)/ && !/^\|/ { has_command = 1 }
/^\|/ && measured && /[0-9]/ && !/`(make|build\/|lutra|tests\/|bench\/)/ { row[rows++] = FNR }
END {
	end_section()
	for (i = 1; i <= links; i++) {
		anchor = file = link_text[i]
		if (!sub(/^[^#]*#/, "", anchor)) anchor = ""
		sub(/#.*/, "", file)
		file = file == "" ? link_page[i] : resolve(link_page[i], file)
		if (!(("path", file) in exists)) fault(link_page[i], link_line[i], "no file " link_text[i])
		else if (anchor != "" && !((file, anchor) in headings)) fault(link_page[i], link_line[i], "no heading " link_text[i])
	}
	exit bad
}
