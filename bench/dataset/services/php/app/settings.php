<?php
// SPDX-License-Identifier: Apache-2.0
// Changes a visitor's settings.
require 'lib/board.php';
$settings = visitor_settings();
$settings->colour = $_POST['colour'] ?? $settings->colour;
$settings->length = min(50, max(1, (int) ($_POST['length'] ?? $settings->length)));
setcookie('settings', base64_encode(serialize($settings)));
page_begin('Settings');
