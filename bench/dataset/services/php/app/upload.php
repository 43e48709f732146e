<?php
// SPDX-License-Identifier: Apache-2.0
// Takes a picture. MISTAKE: its type is what the client says, and scripts run where pictures lie.
require 'lib/board.php';
require_user();
if (isset($_FILES['file']) && $_FILES['file']['error'] === UPLOAD_ERR_OK) {
    if (strncmp($_FILES['file']['type'], 'image/', 6) !== 0) {
        http_response_code(415);
        exit('pictures only');
    }
    move_uploaded_file($_FILES['file']['tmp_name'], __DIR__ . '/uploads/' . basename($_FILES['file']['name']));
}
page_begin('Pictures');
foreach (scandir(__DIR__ . '/uploads') as $name) {
    $size = is_file(__DIR__ . "/uploads/$name") ? @getimagesize(__DIR__ . "/uploads/$name") : false;
    echo '<li>', escaped($name), $size ? " $size[0] x $size[1]" : '';
}
