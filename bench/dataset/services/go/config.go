// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"sync"
)

// The configuration: lines of `key = value`, # begins a comment.
type config struct {
	lock   sync.RWMutex
	path   string
	values map[string]string
}

func (c *config) read() error {
	file, err := os.Open(c.path)
	if err != nil {
		return err
	}
	defer file.Close()
	values := map[string]string{}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		line := strings.SplitN(lines.Text(), "#", 2)[0]
		if strings.TrimSpace(line) == "" {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			return fmt.Errorf("%s: %q is not key = value", c.path, line)
		}
		values[strings.TrimSpace(key)] = strings.TrimSpace(value)
	}
	c.lock.Lock()
	c.values = values
	c.lock.Unlock()
	return lines.Err()
}

func (c *config) get(key string) string {
	c.lock.RLock()
	defer c.lock.RUnlock()
	return c.values[key]
}
