<?php
// SPDX-License-Identifier: Apache-2.0
// Sends a visitor's message by mail. MISTAKE: the sender becomes an option of the mail program.
require 'lib/board.php';
if ($_SERVER['REQUEST_METHOD'] === 'POST') {
    $sent = mail(MAIL_TO, 'message', wordwrap($_POST['text'] ?? ''), '', '-f ' . ($_POST['sender'] ?? 'visitor'));
    http_response_code($sent ? 200 : 502);
}
page_begin('Contact');
echo '<form method=post><input name=sender><textarea name=text></textarea><button>Send</button></form>';
