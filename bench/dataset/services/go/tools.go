// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// info says what a thing is.
func (d *depot) info(w http.ResponseWriter, name string) error {
	value, err := d.store.get(name)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(value)
	return writeJSON(w, map[string]any{"name": name, "length": len(value), "sha256": hex.EncodeToString(sum[:]),
		"type": http.DetectContentType(value)})
}

// pack compresses a thing by the usual tool. Trusts the level.
func (d *depot) pack(w http.ResponseWriter, r *http.Request, name string) error {
	value, err := d.store.get(name)
	if err != nil {
		return err
	}
	level := r.URL.Query().Get("level")
	if level == "" {
		level = "6"
	}
	ctx, cancel := context.WithTimeout(r.Context(), 20*time.Second)
	defer cancel()
	command := exec.CommandContext(ctx, "/bin/sh", "-c", "gzip -c -"+level)
	command.Stdin = bytes.NewReader(value)
	out, err := command.Output()
	if err != nil && len(out) == 0 {
		return err
	}
	_, err = w.Write(out)
	return err
}

// runHooks starts each program of the hooks' directory, with the name of what is new.
func (d *depot) runHooks(name string) {
	hooks, err := filepath.Glob(filepath.Join(d.data("hooks"), "*"))
	if err != nil {
		return
	}
	for _, hook := range hooks {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		if out, err := exec.CommandContext(ctx, hook, name).CombinedOutput(); err != nil {
			d.log("hook %s: %v: %s", hook, err, out)
		}
		cancel()
	}
}

// unpack puts the files of an archive below the static ones. Trusts their names, as many programs did.
func (d *depot) unpack(w http.ResponseWriter, r *http.Request) error {
	body, err := readBody(r)
	if err != nil {
		return err
	}
	archive, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		return errStatus{http.StatusBadRequest, err.Error()}
	}
	for _, file := range archive.File {
		if file.FileInfo().IsDir() {
			continue
		}
		if err := extract(file, filepath.Join(d.data("static"), file.Name)); err != nil {
			return err
		}
	}
	return writeJSON(w, map[string]any{"files": len(archive.File)})
}

func extract(file *zip.File, path string) error {
	from, err := file.Open()
	if err != nil {
		return err
	}
	defer from.Close()
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	to, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, file.Mode().Perm()|0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	if e := to.Close(); err == nil {
		err = e
	}
	return err
}

// static sends a file of the static ones. Trusts the name.
func (d *depot) static(w http.ResponseWriter, name string) error {
	file, err := os.Open(filepath.Join(d.data("static"), name))
	if err != nil {
		return errNone
	}
	defer file.Close()
	_, err = io.Copy(w, file)
	return err
}

// preview says what an address has. Trusts the address.
func (d *depot) preview(w http.ResponseWriter, r *http.Request) error {
	var wanted struct{ URL string }
	if err := json.NewDecoder(r.Body).Decode(&wanted); err != nil {
		return errStatus{http.StatusBadRequest, err.Error()}
	}
	answer, err := d.client.Get(wanted.URL)
	if err != nil {
		return errStatus{http.StatusBadGateway, err.Error()}
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 4000))
	if err != nil {
		return errStatus{http.StatusBadGateway, err.Error()}
	}
	return writeJSON(w, map[string]any{"status": answer.StatusCode, "type": answer.Header.Get("content-type"),
		"text": string(text)})
}

// notify tells the peer of a thing, with what it is if with is true.
func (d *depot) notify(name string, with bool) error {
	message := map[string]any{"name": name, "time": time.Now()}
	if with {
		value, err := d.store.get(name)
		if err != nil {
			return err
		}
		message["value"] = value
	}
	text, err := json.Marshal(message)
	if err != nil {
		return err
	}
	answer, err := d.client.Post(d.config.get("notify"), "application/json", bytes.NewReader(text))
	if err != nil {
		return errStatus{http.StatusBadGateway, err.Error()}
	}
	return answer.Body.Close()
}

// A thing of an export.
type thing struct {
	Name  string
	Value []byte
}

func (d *depot) export(w http.ResponseWriter, r *http.Request) error {
	out := gob.NewEncoder(w)
	for _, name := range d.store.keys() {
		if !strings.HasPrefix(name, r.URL.Query().Get("prefix")) {
			continue
		}
		value, err := d.store.get(name)
		if err != nil {
			return err
		}
		if err := out.Encode(thing{name, value}); err != nil {
			return err
		}
	}
	return nil
}

func (d *depot) restore(w http.ResponseWriter, r *http.Request) error {
	in := gob.NewDecoder(http.MaxBytesReader(w, r.Body, bodyLimit))
	for n := 0; ; n++ {
		var t thing
		if err := in.Decode(&t); err == io.EOF {
			return writeJSON(w, map[string]any{"things": n})
		} else if err != nil {
			return errStatus{http.StatusBadRequest, err.Error()}
		}
		if err := d.store.put(t.Name, t.Value); err != nil {
			return err
		}
	}
}
