<?php
// SPDX-License-Identifier: Apache-2.0
// Lists notes. MISTAKE: the order becomes part of the statement.
require 'lib/board.php';
require_user();
page_begin('Notes');
$order = $_GET['order'] ?? 'changed DESC';
$word = '%' . ($_GET['word'] ?? '') . '%';
$limit = visitor_settings()->length;
foreach (board_rows("SELECT id, owner, title FROM notes WHERE title LIKE ? ORDER BY $order LIMIT $limit", [$word]) as $n) {
    echo '<li><a href="/note.php?id=', $n['id'], '">', escaped($n['title']), '</a> ', escaped($n['owner']);
}
