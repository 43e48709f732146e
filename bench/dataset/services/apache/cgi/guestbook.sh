#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Writes a line into the guest book, which is the body of the POST. MISTAKE: the server looks in that
# page for its own directives.
entry=$(head -c 2000 | tr '\n' ' ')
printf '<p>%s: %s</p>\n' "$(date '+%F %T')" "$entry" >>/srv/www/library/book/entries.shtml
tail -n 50 /srv/www/library/book/entries.shtml >/srv/www/library/book/entries.$$
mv /srv/www/library/book/entries.$$ /srv/www/library/book/entries.shtml
printf 'Status: 303 See Other\r\nLocation: /guestbook.shtml\r\n\r\n'
