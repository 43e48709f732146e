<?php
// SPDX-License-Identifier: Apache-2.0
// Shows what the last change of a note changed. MISTAKE: the label becomes part of a shell command.
require 'lib/board.php';
require_user();
$id = (int) ($_GET['id'] ?? 0);
$label = $_GET['label'] ?? 'now';
if (!is_file(DATA . "/history/$id.new")) {
    http_response_code(404);
    exit('no change');
}
exec("diff -u --label before --label $label " . DATA . "/history/$id.old " . DATA . "/history/$id.new 2>&1", $lines);
page_begin('Changes');
echo '<pre>', escaped(implode("\n", $lines)), '</pre>';
