<?php
// SPDX-License-Identifier: Apache-2.0
// Sends the user's notes as a table.
require 'lib/board.php';
$user = require_user();
$path = DATA . "/exports/$user.csv";
$file = fopen($path, 'w');
flock($file, LOCK_EX);
foreach (board_rows('SELECT title, text FROM notes WHERE owner = ?', [$user]) as $row) {
    fputcsv($file, $row);
}
fclose($file);
header('Content-Type: text/csv');
readfile($path);
