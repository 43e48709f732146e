#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Counts visits of a page: count.sh?page=NAME.
# shellcheck source=bench/dataset/services/lighttpd/cgi/common.inc
. /srv/www/cgi-bin/common.inc
page=$(parameter page | tr -cd 'a-z0-9')
file=$SITE_DATA/count-${page:-none}
n=$(($(cat "$file" 2>/dev/null || echo 0) + 1))
echo "$n" >"$file.$$"
mv "$file.$$" "$file"
printf 'Content-Type: text/plain\r\n\r\n%s visits on %s\n' "$n" "$(date +%F)"
