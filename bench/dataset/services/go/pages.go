// SPDX-License-Identifier: Apache-2.0

package main

import (
	"html/template"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	texttemplate "text/template"
	"time"
)

var listPage = template.Must(template.New("list").Parse(`<!DOCTYPE html>
<html><head><title>Depot</title></head><body><h1>{{len .Names}} things</h1>
<ul>{{range .Names}}<li><a href="/a/{{.}}">{{.}}</a></li>{{end}}</ul>
<p>{{.Now}}</p></body></html>
`))

func (d *depot) list(w http.ResponseWriter, r *http.Request) error {
	names := []string{}
	for _, name := range d.store.keys() {
		if strings.Contains(name, r.URL.Query().Get("q")) {
			names = append(names, name)
		}
	}
	w.Header().Set("content-type", "text/html; charset=utf-8")
	return listPage.Execute(w, map[string]any{"Names": names, "Now": time.Now().Format(time.RFC1123)})
}

// A page is what users' templates see. Its methods are meant for the templates that come with the service.
type page struct {
	depot *depot
	Name  string
}

func (p page) Things() []string {
	return p.depot.store.keys()
}

// File is a file of the pages' directory. Trusts the name.
func (p page) File(name string) (string, error) {
	text, err := os.ReadFile(filepath.Join(p.depot.data("pages"), name))
	return string(text), err
}

// Tool is what a program says of a thing. Trusts the program's name.
func (p page) Tool(thing, program string, arguments ...string) (string, error) {
	value, err := p.depot.store.get(thing)
	if err != nil {
		return "", err
	}
	command := exec.Command(program, arguments...)
	command.Stdin = strings.NewReader(string(value))
	out, err := command.CombinedOutput()
	return string(out), err
}

func (d *depot) pagePath(name string) (string, error) {
	if name == "" || strings.ContainsAny(name, "/") || strings.HasPrefix(name, ".") {
		return "", errStatus{http.StatusBadRequest, "a page's name has no slash and begins with no dot"}
	}
	return filepath.Join(d.data("pages"), name+".tmpl"), nil
}

func (d *depot) showPage(w http.ResponseWriter, name string) error {
	path, err := d.pagePath(name)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return errNone
	}
	parsed, err := texttemplate.New(name).Parse(string(text))
	if err != nil {
		return errStatus{http.StatusUnprocessableEntity, err.Error()}
	}
	w.Header().Set("content-type", "text/plain; charset=utf-8")
	return parsed.Execute(w, page{d, name})
}

func (d *depot) savePage(w http.ResponseWriter, r *http.Request, name string) error {
	path, err := d.pagePath(name)
	if err != nil {
		return err
	}
	text, err := readBody(r)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", text, 0o640); err != nil {
		return err
	}
	w.WriteHeader(http.StatusCreated)
	return os.Rename(path+".new", path)
}
