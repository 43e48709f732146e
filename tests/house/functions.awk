# SPDX-License-Identifier: Apache-2.0
#
# Lists the function definitions of C files as lines of "file TAB line TAB name TAB header". It relies on
# the format that `make format` gives: a definition begins and its body opens in the first column.
FNR == 1 { header = "" }
/^[A-Za-z_].*\(/ && !/^(#|typedef|return|else)/ && !/;[ \t]*$/ && !/=[^=]*\{/ { header = $0; line = FNR; next }
/^\{/ && header != "" {
	name = header
	if (match(name, /(BPF_PROG|HOOK)\([a-z0-9_]+/)) {
		name = substr(name, RSTART, RLENGTH)
		sub(/.*\(/, "", name)
	} else {
		gsub(/__attribute__ *\(\([^)]*\)*\)\)/, "", name)
		gsub(/SEC\([^)]*\)/, "", name)
		sub(/\(.*/, "", name)
		sub(/.*[ *\t]/, "", name)
	}
	if (name != "")
		printf "%s\t%d\t%s\t%s\n", FILENAME, line, name, header
	header = ""
	next
}
/^\}|^#|;[ \t]*$/ { header = ""; next }
header != "" { sub(/^[ \t]+/, " "); header = header $0 }
