#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Lists the pages that hold a word: search.sh?q=WORD. MISTAKE: the word becomes part of a command line.
# shellcheck source=bench/dataset/services/lighttpd/cgi/common.inc
. /srv/www/cgi-bin/common.inc
printf 'Content-Type: text/plain\r\n\r\n'
cd /srv/www/site/docs || exit 1
eval "grep -il -- \"$(parameter q)\" *.html" | head -n 20
