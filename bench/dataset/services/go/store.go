// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sort"
	"sync"
)

// A store is one file of records, appended; the last record of a key holds. A record is the lengths of key and
// value, 4 bytes each, then both. A value of length deleted is none. The index of keys is in memory.
type store struct {
	lock    sync.Mutex
	path    string
	file    *os.File
	end     int64
	garbage int64
	index   map[string]place
}

type place struct {
	offset int64
	length uint32
}

const (
	deleted   = 0xffffffff
	maxKey    = 200
	maxRecord = 8 << 20
)

var errNone = errors.New("nothing has that name")

func openStore(path string) (*store, error) {
	s := &store{path: path, index: map[string]place{}}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, err
	}
	s.file = file
	for {
		key, length, err := s.readHead()
		if err != nil {
			break // the end, or a record that was not written to its end
		}
		s.remember(key, length)
	}
	return s, s.file.Truncate(s.end)
}

func (s *store) readHead() (string, uint32, error) {
	var head [8]byte
	if _, err := s.file.ReadAt(head[:], s.end); err != nil {
		return "", 0, err
	}
	keyLength, length := binary.LittleEndian.Uint32(head[:]), binary.LittleEndian.Uint32(head[4:])
	if keyLength > maxKey || (length != deleted && length > maxRecord) {
		return "", 0, io.ErrUnexpectedEOF
	}
	key := make([]byte, keyLength)
	_, err := s.file.ReadAt(key, s.end+8)
	return string(key), length, err
}

// remember enters the record at the end of the file into the index.
func (s *store) remember(key string, length uint32) {
	if old, ok := s.index[key]; ok {
		s.garbage += int64(old.length)
	}
	s.end += 8 + int64(len(key))
	if length == deleted {
		delete(s.index, key)
		return
	}
	s.index[key] = place{s.end, length}
	s.end += int64(length)
}

func (s *store) append(key string, value []byte, length uint32) error {
	record := make([]byte, 8, 8+len(key)+len(value))
	binary.LittleEndian.PutUint32(record, uint32(len(key)))
	binary.LittleEndian.PutUint32(record[4:], length)
	record = append(append(record, key...), value...)
	if _, err := s.file.WriteAt(record, s.end); err != nil {
		return err
	}
	s.remember(key, length)
	return nil
}

func (s *store) put(key string, value []byte) error {
	s.lock.Lock()
	defer s.lock.Unlock()
	if len(key) == 0 || len(key) > maxKey || len(value) > maxRecord {
		return errors.New("a name has 1 to 200 bytes, and what it names at most 8 MiB")
	}
	return s.append(key, value, uint32(len(value)))
}

func (s *store) get(key string) ([]byte, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	at, ok := s.index[key]
	if !ok {
		return nil, errNone
	}
	value := make([]byte, at.length)
	_, err := s.file.ReadAt(value, at.offset)
	return value, err
}

func (s *store) remove(key string) error {
	s.lock.Lock()
	defer s.lock.Unlock()
	if _, ok := s.index[key]; !ok {
		return errNone
	}
	return s.append(key, nil, deleted)
}

func (s *store) keys() []string {
	s.lock.Lock()
	defer s.lock.Unlock()
	keys := make([]string, 0, len(s.index))
	for key := range s.index {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}

// compact writes what holds to a new file, if much of the old one does not. It also writes to the disk what is new.
func (s *store) compact() error {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.garbage < 1<<20 || s.garbage < s.end/4 {
		return s.file.Sync()
	}
	file, err := os.CreateTemp(filepath.Dir(s.path), "compact-*")
	if err != nil {
		return err
	}
	to := &store{file: file, index: map[string]place{}}
	for key, at := range s.index {
		value := make([]byte, at.length)
		if _, err = s.file.ReadAt(value, at.offset); err == nil {
			err = to.append(key, value, at.length)
		}
		if err != nil {
			break
		}
	}
	if err == nil {
		err = os.Rename(file.Name(), s.path)
	}
	if err != nil {
		file.Close()
		os.Remove(file.Name())
		return err
	}
	s.file.Close()
	s.file, s.end, s.garbage, s.index = to.file, to.end, 0, to.index
	return s.file.Sync()
}
