// SPDX-License-Identifier: Apache-2.0
//
// A worker thread: digest and compressed size of one file.
'use strict';

const crypto = require('crypto');
const fs = require('fs');
const zlib = require('zlib');
const { parentPort, workerData } = require('worker_threads');

const bytes = fs.readFileSync(workerData.file);
parentPort.postMessage({
	sha256: crypto.createHash('sha256').update(bytes).digest('hex'),
	size: bytes.length,
	compressed: zlib.gzipSync(bytes).length,
});
