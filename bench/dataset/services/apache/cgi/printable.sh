#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A page for the printer, without its tags: printable.sh?PAGE&WIDTH. MISTAKE: the width comes to eval.
page=$(printf '%s' "${QUERY_STRING%%&*}" | tr -cd 'a-z0-9')
width=$(/usr/bin/printf '%b' "$(printf '%s' "${QUERY_STRING#*&}" | sed 's/+/ /g; s/%/\\x/g')")
printf 'Content-Type: text/plain\r\n\r\n'
[ -f "/srv/www/library/pages/$page.html" ] || { echo "no page $page" && exit; }
eval "sed 's/<[^>]*>/ /g' /srv/www/library/pages/$page.html | fold -s -w $width | pr -h 'The library'"
