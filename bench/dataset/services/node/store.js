// SPDX-License-Identifier: Apache-2.0
//
// The notes: one JSON file each, written beside and renamed; an index of titles in memory, saved now and then.
'use strict';

const crypto = require('crypto');
const fs = require('fs');
const path = require('path');

const { values } = require('./config');

const index = new Map(); // id -> {title, tags, changed}
let isIndexChanged = false;

function notePath(id) {
	if (!/^[0-9a-z-]{1,40}$/.test(id))
		throw Object.assign(new Error('no such note'), { status: 404 });
	return path.join(values.data, 'notes', `${id}.json`);
}

function writeFileSafely(file, text) {
	const temporary = `${file}.${process.pid}.tmp`;
	fs.writeFileSync(temporary, text);
	fs.renameSync(temporary, file);
}

function loadIndex() {
	for (const name of fs.readdirSync(path.join(values.data, 'notes'))) {
		if (!name.endsWith('.json'))
			continue;
		try {
			const note = JSON.parse(fs.readFileSync(path.join(values.data, 'notes', name)));
			index.set(note.id, { title: note.title, tags: note.tags || [], changed: note.changed });
		} catch (e) {
			console.error(`${name}: ${e.message}: left out`);
		}
	}
}

function saveIndex() {
	if (!isIndexChanged)
		return;
	isIndexChanged = false;
	writeFileSafely(path.join(values.data, 'index.json'), JSON.stringify([...index], null, '\t'));
}

async function readNote(id) {
	return JSON.parse(await fs.promises.readFile(notePath(id), 'utf8'));
}

// writeNote(note): a new note gets an id.
function writeNote(note) {
	note.id = note.id || crypto.randomUUID();
	note.changed = Date.now();
	writeFileSafely(notePath(note.id), JSON.stringify(note));
	index.set(note.id, { title: note.title, tags: note.tags || [], changed: note.changed });
	isIndexChanged = true;
	return note;
}

async function removeNote(id) {
	await fs.promises.unlink(notePath(id));
	index.delete(id);
	isIndexChanged = true;
}

module.exports = { index, loadIndex, saveIndex, readNote, writeNote, removeNote, writeFileSafely };
