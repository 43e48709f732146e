<?php
// SPDX-License-Identifier: Apache-2.0
// Makes the database: php install.php. Tidies it up: php install.php tidy. Nobody asks for it over the network.
if (PHP_SAPI !== 'cli') {
    http_response_code(403);
    exit;
}
require 'config.php';
$db = new PDO('sqlite:' . DATA . '/board.db', null, null, [PDO::ATTR_TIMEOUT => 10]);
if (($argv[1] ?? '') === 'tidy') {
    $db->exec('DELETE FROM notes WHERE id > 300');
    $db->exec('VACUUM');
    array_map('unlink', glob(DATA . '/feed-*.json'));
    exit;
}
$db->exec('CREATE TABLE users (name TEXT PRIMARY KEY, password TEXT)');
$db->exec('CREATE TABLE notes (id INTEGER PRIMARY KEY, owner TEXT, title TEXT, text TEXT, changed INTEGER)');
foreach (['ann' => 'apple', 'bob' => 'banana', 'admin' => 'sunshine'] as $name => $password) {
    $db->prepare('INSERT INTO users VALUES (?, ?)')
        ->execute([$name, password_hash($password, PASSWORD_BCRYPT, ['cost' => 5])]);
}
for ($i = 1; $i <= 30; $i++) {
    $db->prepare('INSERT INTO notes (owner, title, text, changed) VALUES (?, ?, ?, ?)')
        ->execute([$i % 2 ? 'ann' : 'bob', "Note $i", str_repeat("line of note $i\n", $i), $i]);
}
