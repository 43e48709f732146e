# SPDX-License-Identifier: Apache-2.0
#
# Turns a page of Markdown into mdoc(7). Understands what the documentation uses: headings, paragraphs, lists,
# tables, fenced text, `code`, **bold**, *italic* and links. A table becomes a list of its first cells.
#
#   # NAME            a section          ## Text   a heading in a section
#   @usage PROGRAM ARGUMENTS             a line of the synopsis
#   @option SHORT<tab>LONG<tab>VALUE<tab>HELP      an option; - where there is none
#   @see NAME SECTION …                  the other pages
#
# usage: awk -v name=lutra-ps -v section=1 -v date='January 1, 2026' -v about='list containers' -v source='lutra 1.0' \
#            -f packaging/mdoc.awk PAGE

# Marks that stand for roff's own while text is escaped: bold, italic, roman, a hyphen that stays one, a bar.
BEGIN {
	BOLD = "\001"; ITALIC = "\002"; ROMAN = "\003"; MINUS = "\004"; BAR = "\005"
	printf ".\\\" From the documentation of lutra, by packaging/man.\n"
	printf ".Dd %s\n.Dt %s %d\n.Os %s\n.Sh NAME\n.Nm %s\n.Nd %s\n", date, toupper(name), section, source, name, about
}

function code(s) {
	gsub(/-/, MINUS, s)
	return BOLD s ROMAN
}

# `code` first: nothing in it means anything.
function inline(s, out, start, len, t) {
	gsub(/\\\|/, BAR, s)
	while (match(s, /\[[^]]*\]\([^)]*\)/)) {
		t = substr(s, RSTART + 1, index(substr(s, RSTART), "](") - 2)
		s = substr(s, 1, RSTART - 1) t substr(s, RSTART + RLENGTH)
	}
	out = ""
	while (match(s, /`[^`]*`/)) {
		start = RSTART
		len = RLENGTH
		out = out emphasis(substr(s, 1, start - 1)) code(substr(s, start + 1, len - 2))
		s = substr(s, start + len)
	}
	return out emphasis(s)
}

function emphasis(s) {
	while (match(s, /\*\*[^*]+\*\*/))
		s = substr(s, 1, RSTART - 1) BOLD substr(s, RSTART + 2, RLENGTH - 4) ROMAN substr(s, RSTART + RLENGTH)
	while (match(s, /\*[^* ][^*]*\*/))
		s = substr(s, 1, RSTART - 1) ITALIC substr(s, RSTART + 1, RLENGTH - 2) ROMAN substr(s, RSTART + RLENGTH)
	return s
}

function roff(s) {
	gsub(/\\/, "\\e", s)
	gsub(BOLD, "\\fB", s); gsub(ITALIC, "\\fI", s); gsub(ROMAN, "\\fR", s); gsub(MINUS, "\\-", s); gsub(BAR, "|", s)
	return s
}

# A line of text never begins as a request does.
function put(s) {
	sub(/ +$/, "", s)
	s = roff(s)
	if (s ~ /^[.']/) s = "\\&" s
	if (s != "") print s
}

# A sentence begins on a line of its own, and a line has at most 78 columns.
function put_text(s, word, n, i, line) {
	n = split(s, word, / +/)
	line = ""
	for (i = 1; i <= n; i++) {
		if (line != "" && length(roff(line " " word[i])) > 76) { put(line); line = "" }
		line = line (line == "" ? "" : " ") word[i]
		if (word[i] ~ /[.!?][")'\003]*$/) { put(line); line = "" }
	}
	put(line)
}

function end_paragraph() {
	if (text == "") return
	if (is_new_paragraph) print ".Pp"
	put_text(inline(text))
	text = ""
	is_new_paragraph = 1
}

# Lists in lists: depth of the innermost, and its indentation and kind.
function end_lists(down_to) {
	end_paragraph()
	while (depth > down_to) { print ".El"; depth--; is_new_paragraph = 1 }
}

function begin_item(indent, kind) {
	end_paragraph()
	while (depth && indents[depth] > indent) { print ".El"; depth-- }
	if (!depth || indents[depth] < indent) {
		depth++
		indents[depth] = indent
		print kind == "tag" ? ".Bl -tag -width Ds" : ".Bl -" kind
	}
}

function item(indent, kind, s) {
	begin_item(indent, kind)
	print ".It"
	is_new_paragraph = 0
	text = s
}

function tag(s) {
	begin_item(0, "tag")
	s = roff(inline(s))
	gsub(/"/, "\\(dq", s)
	print ".It \"" s "\""
	is_new_paragraph = 0
}

options && !/^@option/ { print ".El"; options = 0; is_new_paragraph = 1 }
/^```/ && !fenced { end_paragraph(); if (!/^```$/) end_lists(0); print ".Bd -literal -offset indent"; fenced = 1; next }
/^```/ { print ".Ed"; fenced = 0; is_new_paragraph = 1; next }
fenced { gsub(/-/, MINUS); s = roff($0); if (s ~ /^[.']/) s = "\\&" s; print s; next }

/^# / { end_lists(0); print ".Sh " substr($0, 3); is_new_paragraph = 0; next }
/^##+ / { end_lists(0); sub(/^#+ /, ""); print ".Ss " roff(inline($0)); is_new_paragraph = 0; next }

/^@usage / {
	gsub(/-/, MINUS)
	printf ".Nm %s\n", roff($2)
	s = $0
	sub(/^@usage [^ ]+ ?/, "", s)
	put_text(s)
	next
}
/^@option / {
	split(substr($0, 9), o, "\t")
	end_lists(0)
	if (!options++) print ".Bl -tag -width Ds"
	printf ".It %s%s%s\n", o[1] == "-" ? "" : "Fl " o[1] " , ", "Fl \\-" roff_name(o[2]), \
		o[3] == "-" ? "" : " Ns = Ns Ar \"" o[3] "\""
	put_text(inline(o[4]))
	next
}
/^@see / {
	for (i = 2; i < NF; i += 2)
		printf ".Xr %s %s%s\n", $i, $(i + 1), i + 2 < NF ? " ," : ""
	next
}

# The head of a table, the line below it, and the rows.
/^\|/ && !in_table { end_lists(0); in_table = 1; columns = split($0, head, / *\| */); next }
/^\|-/ { next }
/^\|/ {
	gsub(/\\\|/, BAR)
	split($0, cell, / *\| */)
	tag(cell[2])
	for (i = 3; i < columns; i++) {
		if (cell[i] == "") continue
		if (columns > 4 && i < columns - 1) text = text (text == "" ? "" : " ") head[i] ": " cell[i] ";"
		else text = text (text == "" ? "" : " ") (columns > 4 ? head[i] ": " : "") cell[i]
	}
	end_paragraph()
	next
}
in_table { in_table = 0; end_lists(0) }

/^ *- / { match($0, /^ */); n = RLENGTH; sub(/^ *- /, ""); item(n, "bullet", $0); next }
/^ *[0-9]+\. / { match($0, /^ */); n = RLENGTH; sub(/^ *[0-9]+\. /, ""); item(n, "enum", $0); next }
/^ *$/ { end_paragraph(); next }
depth && /^[^ ]/ && text == "" { end_lists(0) }
{ sub(/^ +/, ""); text = text (text == "" ? "" : " ") $0 }
END { end_lists(0); if (options) print ".El" }

function roff_name(s) {
	gsub(/-/, "\\-", s)
	return s
}
