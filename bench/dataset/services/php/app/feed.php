<?php
// SPDX-License-Identifier: Apache-2.0
// Shows the partners' news. The upstream is asked at most every five seconds.
require 'lib/board.php';
$kept = DATA . '/feed-' . md5($_GET['topic'] ?? '') . '.json';
clearstatcache();
if (!is_file($kept) || filemtime($kept) < time() - 5) {
    $answer = @file_get_contents(UPSTREAM . '/feed?topic=' . urlencode($_GET['topic'] ?? ''), false,
        stream_context_create(['http' => ['timeout' => 5]]));
    if ($answer !== false) {
        file_put_contents("$kept.new", $answer);
        rename("$kept.new", $kept);
    }
}
page_begin('News');
foreach ((json_decode(@file_get_contents($kept) ?: '{}', true)['items'] ?? []) as $item) {
    echo '<li>', escaped($item);
}
