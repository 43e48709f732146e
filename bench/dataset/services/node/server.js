// SPDX-License-Identifier: Apache-2.0
//
// A service of notes and files, with the built-in modules of Node alone. Its vulnerabilities are of our making:
// each is an ordinary function that trusts what it is given (they are marked "Trusts").
//
// HUP reads the configuration and the templates again, USR2 opens the logs anew. Node opens its debugger at USR1.
'use strict';

const crypto = require('crypto');
const { exec, fork } = require('child_process');
const fs = require('fs');
const http = require('http');
const path = require('path');
const { Worker } = require('worker_threads');

const config = require('./config');
const store = require('./store');
const template = require('./template');

const bodyLimit = 4 << 20;
const sessions = new Map(); // token -> {user, until}
const views = new Map();    // name -> {name, pick}
let settings = {};
let users = {};
let accessLog;
let mailer;

const { values } = config;
const dataPath = (...parts) => path.join(values.data, ...parts);

function httpError(status, message) {
	return Object.assign(new Error(message), { status });
}

function openLogs() {
	const old = accessLog;
	accessLog = fs.createWriteStream(path.join(values.logs, 'access.log'), { flags: 'a' });
	accessLog.once('error', (e) => {
		console.error(`access.log: ${e.message}: opened anew in a while`);
		setTimeout(openLogs, 5000).unref();
	});
	accessLog.on('error', () => {});
	if (old)
		old.end();
}

function audit(line) {
	fs.appendFile(path.join(values.logs, 'auth.log'), `${new Date().toISOString()} ${line}\n`, (e) => {
		if (e)
			console.error(`auth.log: ${e.message}`);
	});
}

function readBody(request) {
	return new Promise((resolve, reject) => {
		const parts = [];
		let length = 0;
		request.on('data', (part) => {
			length += part.length;
			if (length > bodyLimit)
				reject(httpError(413, 'the body is too long'));
			else
				parts.push(part);
		});
		request.on('end', () => resolve(Buffer.concat(parts)));
		request.on('error', reject);
	});
}

async function readJson(request) {
	try {
		return JSON.parse(await readBody(request));
	} catch (e) {
		throw httpError(e.status || 400, e.message);
	}
}

// mergeInto(to, from): members of members too. Trusts the names of the members.
function mergeInto(to, from) {
	for (const key of Object.keys(from)) {
		if (from[key] && typeof from[key] === 'object' && !Array.isArray(from[key])) {
			if (to[key] === undefined)
				to[key] = {};
			mergeInto(to[key], from[key]);
		} else {
			to[key] = from[key];
		}
	}
	return to;
}

// ---- users ----

async function login(request) {
	const { user, password } = await readJson(request);
	const known = Object.hasOwn(users, user) ? users[user] : { salt: 'none', hash: '' };
	const hash = await new Promise((resolve, reject) => {
		crypto.scrypt(String(password), known.salt, 32, { N: 1024 }, (e, key) => (e ? reject(e) : resolve(key)));
	});
	const isRight = hash.toString('hex') === known.hash;
	audit(`${user}: ${isRight ? 'logged in' : 'wrong password'}`);
	if (!isRight)
		throw httpError(403, 'wrong name or password');
	const token = crypto.randomBytes(18).toString('base64url');
	sessions.set(token, { user, until: Date.now() + values.session_minutes * 60000 });
	return { token };
}

function sessionOf(request) {
	const session = sessions.get((request.headers.authorization || '').replace(/^Bearer /, ''));
	if (!session || session.until < Date.now())
		throw httpError(401, 'log in first');
	return session;
}

// ---- notes ----

function listNotes(url) {
	const q = (url.searchParams.get('q') || '').toLowerCase();
	const found = [...store.index].filter(([, n]) => n.title.toLowerCase().includes(q));
	return found.slice(0, Number(values.page_length));
}

// The notes that an expression of the user picks, such as note.tags.includes("home"). Trusts it.
async function filterNotes(request) {
	const { expression } = await readJson(request);
	const pick = new Function('note', 'require', `return ${expression};`);
	return [...store.index].map(([id, n]) => [id, pick(n, require)]).filter(([, r]) => r).slice(0, 50);
}

// Views, as exported by viewsExport: a function is text that begins with "function:". Trusts it.
async function viewsImport(request) {
	for (const [name, view] of Object.entries(await readJson(request))) {
		for (const [key, value] of Object.entries(view)) {
			if (typeof value === 'string' && value.startsWith('function:'))
				view[key] = eval(`(${value.slice(9)})`);
		}
		views.set(name, view);
	}
	return { views: views.size };
}

function viewsExport() {
	return Object.fromEntries([...views].map(([name, view]) => [name,
		Object.fromEntries(Object.entries(view).map(([k, v]) =>
			[k, typeof v === 'function' ? `function:${v}` : v]))]));
}

async function viewNotes(name) {
	const view = views.get(name);
	if (!view)
		throw httpError(404, 'no such view');
	return [...store.index].filter(([, n]) => view.pick(n)).slice(0, Number(values.page_length));
}

async function changeSettings(request) {
	mergeInto(settings, await readJson(request));
	store.writeFileSafely(dataPath('settings.json'), JSON.stringify(settings));
	return settings;
}

// ---- files ----

async function upload(request, name) {
	if (!/^[\w.-]{1,80}$/.test(name) || name.startsWith('.'))
		throw httpError(400, 'a file name has letters, digits, dots and dashes');
	const bytes = await readBody(request);
	await fs.promises.writeFile(dataPath('files', name), bytes);
	return { name, length: bytes.length };
}

// Trusts the name.
function sendFile(response, name) {
	return new Promise((resolve, reject) => {
		const file = fs.createReadStream(path.join(values.data, 'files', name));
		file.on('error', () => reject(httpError(404, 'no such file')));
		file.on('open', () => response.writeHead(200, { 'content-type': 'application/octet-stream' }));
		file.on('close', resolve);
		file.pipe(response);
	});
}

function digest(name) {
	return new Promise((resolve, reject) => {
		const worker = new Worker(path.join(__dirname, 'digest.js'),
			{ workerData: { file: dataPath('files', path.basename(name)) } });
		worker.on('message', resolve);
		worker.on('error', () => reject(httpError(404, 'no such file')));
	});
}

// What the usual tools say of a file. Trusts the name.
function report(name) {
	return new Promise((resolve, reject) => {
		const options = { cwd: dataPath('files'), timeout: 20000 };
		exec(`wc -l -w -c ${name}; gzip -c ${name} | cksum`, options, (e, out, err) =>
			(e && !out ? reject(httpError(404, err || e.message)) : resolve(out + err)));
	});
}

// ---- the world ----

function ask(url, options, body) {
	return new Promise((resolve, reject) => {
		const request = http.request(url, { timeout: 10000, ...options }, (answer) => {
			const parts = [];
			answer.on('data', (part) => parts.push(part));
			answer.on('end', () => resolve({ status: answer.statusCode, body: Buffer.concat(parts).toString() }));
			answer.on('error', reject);
		});
		request.on('timeout', () => request.destroy(new Error(`${url}: no answer in time`)));
		request.on('error', (e) => reject(httpError(502, e.message)));
		request.end(body);
	});
}

// A note made of what an address has. Trusts the address.
async function importNote(request) {
	const { url } = await readJson(request);
	const answer = await ask(url, {});
	return store.writeNote({ title: `from ${url}`, body: answer.body.slice(0, 20000), tags: ['import'] });
}

async function publish(id) {
	const note = await store.readNote(id);
	const text = JSON.stringify(note);
	const mac = crypto.createHmac('sha256', process.env.NOTES_TOKEN || '').update(text).digest('hex');
	const answer = await ask(values.publish, {
		method: 'POST', headers: { 'content-type': 'application/json', 'x-signature': mac },
	}, text);
	return { status: answer.status };
}

function mailerStart() {
	mailer = fork(path.join(__dirname, 'mailer.js'), [values.mail_host, values.mail_port]);
	mailer.on('error', (e) => console.error(`mailer: ${e.message}`));
	mailer.on('exit', () => {
		mailer = null;
		setTimeout(mailerStart, 2000).unref();
	});
}

async function sendMail(request) {
	const mail = await readJson(request);
	if (!mailer || !mailer.connected)
		throw httpError(503, 'no mail now');
	mailer.send({ to: String(mail.to), subject: String(mail.subject), text: String(mail.text) });
	return {};
}

// ---- requests ----

// Returns what to send: an object as JSON, a string as text; undefined if it was sent.
async function answerTo(request, response, url) {
	const [, first, second, third] = url.pathname.split('/').map(decodeURIComponent);
	switch (`${request.method} /${first}`) {
	case 'GET /':
		response.setHeader('content-type', 'text/html');
		return template.render('index.html', { title: 'Notes', notes: listNotes(url) });
	case 'GET /health':
		return { notes: store.index.size, uptime: process.uptime(), memory: process.memoryUsage().rss };
	case 'POST /login':
		return login(request);
	case 'GET /me':
		return sessionOf(request);
	case 'GET /notes':
		if (!second)
			return listNotes(url);
		response.setHeader('content-type', third === 'print' ? 'text/plain' : 'text/html');
		return template.render(third === 'print' ? 'print.html' : 'note.html',
			{ note: await store.readNote(second), settings });
	case 'POST /notes':
		return store.writeNote(mergeInto({ title: '', body: '', tags: [] }, await readJson(request)));
	case 'PUT /notes':
		return store.writeNote(Object.assign(await store.readNote(second), await readJson(request)));
	case 'DELETE /notes':
		await store.removeNote(second);
		return {};
	case 'POST /filter':
		return filterNotes(request);
	case 'GET /views':
		return second ? viewNotes(second) : viewsExport();
	case 'POST /views':
		return viewsImport(request);
	case 'PATCH /settings':
		return changeSettings(request);
	case 'PUT /files':
		return upload(request, second);
	case 'GET /files':
		return second ? sendFile(response, second) : fs.promises.readdir(dataPath('files'));
	case 'GET /digest':
		return digest(second);
	case 'GET /report':
		return report(second);
	case 'POST /import':
		return importNote(request);
	case 'POST /publish':
		return publish(second);
	case 'POST /mail':
		return sendMail(request);
	default:
		throw httpError(404, 'nothing is here');
	}
}

async function serve(request, response) {
	try {
		const answer = await answerTo(request, response, new URL(request.url, 'http://notes'));
		if (typeof answer === 'string')
			response.end(answer);
		else if (answer !== undefined)
			response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
	} catch (e) {
		const status = e.status || (e.code === 'ENOENT' ? 404 : 500);
		if (!response.headersSent)
			response.writeHead(status, { 'content-type': 'application/json' });
		response.end(JSON.stringify({ error: e.message }));
		request.resume();
	}
	accessLog.write(`${new Date().toISOString()} ${request.socket.remoteAddress} ${request.method} ${request.url} ` +
		`${response.statusCode}\n`);
}

function readFiles() {
	config.read();
	template.forget();
	try {
		users = JSON.parse(fs.readFileSync('/etc/notes/users.json', 'utf8'));
		settings = JSON.parse(fs.readFileSync(dataPath('settings.json'), 'utf8'));
	} catch (e) {
		console.error(`${e.message}: what was known stays`);
	}
}

// Every few seconds: sessions that are over, the index to its file.
function keepHouse() {
	for (const [token, session] of sessions) {
		if (session.until < Date.now())
			sessions.delete(token);
	}
	try {
		store.saveIndex();
	} catch (e) {
		console.error(`index.json: ${e.message}: tried again later`);
	}
}

readFiles();
openLogs();
store.loadIndex();
mailerStart();
setInterval(keepHouse, 5000);
process.on('SIGHUP', readFiles);
process.on('SIGUSR2', openLogs);
process.on('uncaughtException', (e) => console.error(`a request failed: ${e.stack}`));

const server = http.createServer(serve);
server.on('clientError', (e, socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
server.listen(Number(values.port), () => console.log(`listening on ${values.port}`));
process.on('SIGTERM', () => {
	server.close();
	keepHouse();
	process.exit(0);
});
