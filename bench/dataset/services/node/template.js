// SPDX-License-Identifier: Apache-2.0
//
// Templates: text with {{ expression }} and {% statement %}, compiled to a function. The option `local` names
// the variable that holds the data, as users of other template programs are used to.
//
// A vulnerability of ours: options are read from the prototype too, and become part of the program.
'use strict';

const fs = require('fs');
const path = require('path');

const cache = new Map();

function escapeHtml(s) {
	return String(s).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
}

function compile(text, options) {
	let body = `let out = ''; const ${options.local || 'data'} = arguments[0]; with (arguments[0]) {\n`;
	for (const part of text.split(/(\{\{.*?\}\}|\{%.*?%\})/s)) {
		if (part.startsWith('{{'))
			body += `out += escapeHtml(${part.slice(2, -2)});\n`;
		else if (part.startsWith('{%'))
			body += `${part.slice(2, -2)}\n`;
		else
			body += `out += ${JSON.stringify(part)};\n`;
	}
	return new Function('escapeHtml', 'require', `return function () { ${body} } return out; }`)(escapeHtml, require);
}

// render(name, data, options): the file is read once for each set of options.
function render(name, data, options = {}) {
	const key = `${name} ${options.local}`;
	if (!cache.has(key))
		cache.set(key, compile(fs.readFileSync(path.join(__dirname, 'templates', name), 'utf8'), options));
	return cache.get(key)(data);
}

module.exports = { render, forget: () => cache.clear() };
