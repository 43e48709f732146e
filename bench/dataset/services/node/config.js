// SPDX-License-Identifier: Apache-2.0
//
// The configuration: lines of `key = value`, # begins a comment. read() keeps the old values if the file
// cannot be read.
'use strict';

const fs = require('fs');

const path = process.env.NOTES_CONFIG || '/etc/notes/notes.conf';
const values = {
	port: '8080', data: '/var/lib/notes', logs: '/var/log/notes', publish: '', mail_host: '', mail_port: '25',
	session_minutes: '30', page_length: '20',
};

function read() {
	let text;
	try {
		text = fs.readFileSync(path, 'utf8');
	} catch (e) {
		console.error(`configuration: ${e.message}: the old values stay`);
		return;
	}
	for (const line of text.split('\n')) {
		const m = /^\s*([a-z_]+)\s*=\s*(.*?)\s*$/.exec(line.replace(/#.*/, ''));
		if (m)
			values[m[1]] = m[2];
	}
}

module.exports = { values, read };
