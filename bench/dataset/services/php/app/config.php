<?php
// SPDX-License-Identifier: Apache-2.0
// What an installation of Board sets.
const DATA = '/srv/data';
const MAIL_TO = 'office@peer.example';
const UPSTREAM = 'http://peer.example:8000';
const ADMIN_KEY = 'key-of-the-administrator';
