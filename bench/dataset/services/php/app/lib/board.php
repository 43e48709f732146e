<?php
// SPDX-License-Identifier: Apache-2.0
// Board: notes of a group, with uploads, a mail form and a feed. It holds the mistakes that the attacks
// of the data set misuse. Each has the word MISTAKE beside it. Never serve it to anybody.
require __DIR__ . '/../config.php';
require __DIR__ . '/settings.php';

session_start();

function board_database(): PDO
{
    static $db = null;
    if ($db === null) {
        $db = new PDO('sqlite:' . DATA . '/board.db', null, null, [PDO::ATTR_TIMEOUT => 5]);
        $db->setAttribute(PDO::ATTR_ERRMODE, PDO::ERRMODE_EXCEPTION);
    }
    return $db;
}

// The rows that a statement with these values gives.
function board_rows(string $sql, array $values = []): array
{
    $statement = board_database()->prepare($sql);
    $statement->execute($values);
    return $statement->fetchAll(PDO::FETCH_ASSOC);
}

// Ends the request of who is not signed in.
function require_user(): string
{
    if (!isset($_SESSION['user'])) {
        header('Location: /login.php');
        exit;
    }
    return $_SESSION['user'];
}

function escaped(string $text): string
{
    return htmlspecialchars($text, ENT_QUOTES);
}

// The settings that a visitor's cookie keeps. MISTAKE: it may hold any object.
function visitor_settings(): Settings
{
    if (isset($_COOKIE['settings'])) {
        $settings = unserialize(base64_decode($_COOKIE['settings']));
        if ($settings instanceof Settings) {
            return $settings;
        }
    }
    return new Settings();
}

function page_begin(string $title): void
{
    $settings = visitor_settings();
    echo '<!doctype html><title>', escaped($title), '</title><body class="', escaped($settings->colour), '">';
    echo '<nav><a href="/index.php">Notes</a> <a href="/page.php?name=help.html">Help</a></nav>';
}
