<?php
// SPDX-License-Identifier: Apache-2.0
// Signs the user out.
require 'lib/board.php';
session_destroy();
header('Location: /login.php');
