# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Where the recordings are. LUTRA_DATA is a list of directories, separated by ":"; build/data is looked
# at after them. A directory may have runs/SERVICE.RUN.ltr, the older recordings, with adfa-ld-dev.zip
# beside them, and dataset/SERVICE/RUN.CONTAINER.ltr with RUN.json, the data set (docs/dataset.md). Where
# two directories have the same, the first one counts. Sourced; root is the source tree.

# data_check: says on stderr which directories of LUTRA_DATA are not there, or have no recordings. What is found
# elsewhere is not what was asked for.
data_check() {
	local list dir
	IFS=: read -r -a list <<<"${LUTRA_DATA:-}"
	for dir in "${list[@]}"; do
		if [ -n "$dir" ] && [ ! -d "$dir" ]; then
			echo "LUTRA_DATA: $dir is no directory" >&2
		elif [ -n "$dir" ] && [ ! -e "$dir/runs" ] && [ ! -e "$dir/dataset" ] && [ ! -e "$dir/adfa-ld-dev.zip" ]; then
			echo "LUTRA_DATA: $dir has no recordings: name the directory above dataset or runs" >&2
		fi
	done
}

# data_directories: those that exist, one a line.
data_directories() {
	local list dir
	IFS=: read -r -a list <<<"${LUTRA_DATA:-}"
	for dir in "${list[@]}" "${root:?}/build/data"; do
		[ -z "$dir" ] || [ ! -d "$dir" ] || echo "$dir"
	done
}

# data_first NAME: the first of the directories that has NAME; false if none has.
data_first() {
	local dir
	while read -r dir; do
		[ ! -e "$dir/$1" ] || { echo "$dir/$1" && return 0; }
	done < <(data_directories)
	return 1
}

# data_manifests: RUN.json of every run of the data set, ordered by service and run.
data_manifests() {
	local dir file
	local -A have=()
	while read -r dir; do
		for file in "$dir"/dataset/*/*.*.json; do
			local run=${file#"$dir/dataset/"}
			[ ! -e "$file" ] || [ -n "${have[$run]:-}" ] || have[$run]=$file
		done
	done < <(data_directories)
	for run in "${!have[@]}"; do
		printf '%s\t%s\n' "$run" "${have[$run]}"
	done | sort -V | cut -f2
}

data_check
