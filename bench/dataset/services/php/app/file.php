<?php
// SPDX-License-Identifier: Apache-2.0
// Sends a picture. MISTAKE: the name may lead elsewhere.
require 'lib/board.php';
require_user();
$path = __DIR__ . '/uploads/' . ($_GET['name'] ?? '');
if (!is_file($path)) {
    http_response_code(404);
    exit('no such picture');
}
header('Content-Type: application/octet-stream');
readfile($path);
