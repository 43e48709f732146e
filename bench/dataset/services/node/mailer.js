// SPDX-License-Identifier: Apache-2.0
//
// A process of its own, started by the server: takes messages {to, subject, text} from it and sends each to the
// mail host.
'use strict';

const net = require('net');

const [host, port] = process.argv.slice(2);

function send(mail) {
	const lines = ['EHLO notes', 'MAIL FROM:<notes@service.example>', `RCPT TO:<${mail.to}>`, 'DATA',
		`Subject: ${mail.subject}\r\n\r\n${mail.text}\r\n.`, 'QUIT'];
	const peer = net.connect(Number(port), host);
	peer.setTimeout(10000, () => peer.destroy(new Error('the mail host is silent')));
	peer.on('data', () => {
		if (lines.length)
			peer.write(`${lines.shift()}\r\n`);
		else
			peer.end();
	});
	peer.on('error', (e) => console.error(`mail to ${mail.to}: ${e.message}`));
}

process.on('message', send);
process.on('disconnect', () => process.exit(0));
