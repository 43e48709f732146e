<?php
// SPDX-License-Identifier: Apache-2.0
// Shows a page of the help. MISTAKE: the name may lead elsewhere, and what it leads to is run.
require 'lib/board.php';
page_begin('Help');
include __DIR__ . '/pages/' . ($_GET['name'] ?? 'help.html');
