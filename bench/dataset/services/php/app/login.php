<?php
// SPDX-License-Identifier: Apache-2.0
// Signs a user in. MISTAKE: as often as anybody tries.
require 'lib/board.php';
if ($_SERVER['REQUEST_METHOD'] === 'POST') {
    $rows = board_rows('SELECT * FROM users WHERE name = ?', [$_POST['name'] ?? '']);
    if ($rows && password_verify($_POST['password'] ?? '', $rows[0]['password'])) {
        session_regenerate_id(true);
        $_SESSION['user'] = $rows[0]['name'];
        header('Location: /index.php');
        exit;
    }
    http_response_code(403);
    error_log('wrong password for ' . escaped($_POST['name'] ?? ''));
}
page_begin('Sign in');
echo '<form method=post><input name=name><input name=password type=password><button>Sign in</button></form>';
