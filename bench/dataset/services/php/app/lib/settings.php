<?php
// SPDX-License-Identifier: Apache-2.0
// What a visitor chose, and a draft that is saved when its object ends.
class Settings
{
    public string $colour = 'light';
    public int $length = 20;
}

class Draft
{
    public string $path = '';
    public string $text = '';

    public function __destruct()
    {
        if ($this->path !== '') {
            file_put_contents($this->path, $this->text);
        }
    }
}
