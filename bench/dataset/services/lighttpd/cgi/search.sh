#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Lists the pages that hold a word: search.sh?WORD. MISTAKE: the word becomes part of a command line.
printf 'Content-Type: text/plain\r\n\r\n'
word=$(printf '%b' "$(printf '%s' "$QUERY_STRING" | sed 's/+/ /g; s/%/\\x/g' | sed 's/\\x\(..\)/\\0$((0x\1))/g')")
