<?php
// SPDX-License-Identifier: Apache-2.0
// Shows, adds, changes and deletes a note. What it was before is kept beside it.
require 'lib/board.php';
$user = require_user();
$id = (int) ($_REQUEST['id'] ?? 0);
if ($_SERVER['REQUEST_METHOD'] === 'POST') {
    if (isset($_POST['delete'])) {
        board_rows('DELETE FROM notes WHERE id = ?', [$id]);
        foreach (glob(DATA . "/history/$id.*") as $file) {
            unlink($file);
        }
    } elseif ($id) {
        $old = board_rows('SELECT text FROM notes WHERE id = ?', [$id]);
        file_put_contents(DATA . "/history/$id.old", $old[0]['text'] ?? '');
        file_put_contents(DATA . "/history/$id.new", $_POST['text']);
        board_rows('UPDATE notes SET text = ?, changed = ? WHERE id = ?', [$_POST['text'], time(), $id]);
    } else {
        board_rows('INSERT INTO notes (owner, title, text, changed) VALUES (?, ?, ?, ?)',
            [$user, $_POST['title'], $_POST['text'], time()]);
    }
    header('Location: /index.php');
    exit;
}
$rows = board_rows('SELECT * FROM notes WHERE id = ?', [$id]);
if (!$rows) {
    http_response_code(404);
    exit('no such note');
}
page_begin($rows[0]['title']);
echo '<h1>', escaped($rows[0]['title']), '</h1><pre>', escaped($rows[0]['text']), '</pre>';
