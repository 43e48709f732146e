# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Time as it passes on an idle machine, for limits that a busy one does not exceed. Sourced.

processors=$(grep -c ^processor /proc/cpuinfo)

# Sets processor_share: of a thousand, how much of a processor a task gets, by the load of the last minute. Where four
# tasks want two processors it is 500: a second counts as half of one.
share_of_processor() {
	local load
	processor_share=1000
	read -r load _ </proc/loadavg
	load=$((10#${load/./} - processors * 100)) # in hundredths
	[ "$load" -le 0 ] || processor_share=$((processors * 100000 / (load + processors * 100)))
}
