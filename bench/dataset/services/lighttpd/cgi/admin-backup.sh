#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Packs what visitors wrote, for the administrator, and sends it.
printf 'Content-Type: application/gzip\r\n\r\n'
sort "$SITE_DATA"/*.txt | gzip >"$SITE_DATA/backup.gz"
cat "$SITE_DATA/backup.gz"
