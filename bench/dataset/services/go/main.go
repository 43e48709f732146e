// SPDX-License-Identifier: Apache-2.0

// A depot of files with pages, hooks and a peer that is told. Its vulnerabilities are of our making: each is an
// ordinary function that trusts what it is given (marked "Trusts").
//
// HUP reads the configuration again, USR1 opens the logs anew, USR2 writes a profile.
//
// usage: depot CONFIGURATION
package main

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	_ "net/http/pprof"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"sync"
	"syscall"
	"time"
)

const bodyLimit = 8 << 20

type depot struct {
	config  *config
	store   *store
	client  *http.Client
	key     []byte // signs tokens
	logLock sync.Mutex
	logFile *os.File
	debug   *http.Server // nil: no debug port is open
}

// An errStatus is an error that the client is told with a status.
type errStatus struct {
	status int
	text   string
}

func (e errStatus) Error() string {
	return e.text
}

func (d *depot) data(part string) string {
	return filepath.Join(d.config.get("data"), part)
}

func (d *depot) openLog() error {
	file, err := os.OpenFile(filepath.Join(d.config.get("logs"), "depot.log"),
		os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640)
	if err != nil {
		return err
	}
	d.logLock.Lock()
	old := d.logFile
	d.logFile = file
	d.logLock.Unlock()
	if old != nil {
		old.Close()
	}
	return nil
}

func (d *depot) log(format string, arguments ...any) {
	d.logLock.Lock()
	defer d.logLock.Unlock()
	fmt.Fprintf(d.logFile, time.Now().Format(time.RFC3339)+" "+format+"\n", arguments...)
}

func readBody(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, bodyLimit+1))
	if err == nil && len(body) > bodyLimit {
		err = errStatus{http.StatusRequestEntityTooLarge, "the body is too long"}
	}
	return body, err
}

func writeJSON(w http.ResponseWriter, value any) error {
	w.Header().Set("content-type", "application/json")
	return json.NewEncoder(w).Encode(value)
}

// ---- who may ----

func (d *depot) token(user string) string {
	mac := hmac.New(sha256.New, d.key)
	mac.Write([]byte(user))
	return user + ":" + hex.EncodeToString(mac.Sum(nil))
}

// login compares with the file of users, which has lines of name:hash.
func (d *depot) login(w http.ResponseWriter, r *http.Request) error {
	var who struct{ User, Password string }
	if err := json.NewDecoder(r.Body).Decode(&who); err != nil {
		return errStatus{http.StatusBadRequest, err.Error()}
	}
	users, err := os.ReadFile("/etc/depot/users")
	if err != nil {
		return err
	}
	hash := sha256.Sum256([]byte(who.User + ":" + who.Password))
	for _, line := range strings.Split(string(users), "\n") {
		if line == who.User+":"+hex.EncodeToString(hash[:]) {
			return writeJSON(w, map[string]string{"token": d.token(who.User)})
		}
	}
	d.log("login of %q failed", who.User)
	return errStatus{http.StatusForbidden, "wrong name or password"}
}

func (d *depot) isLoggedIn(r *http.Request) bool {
	given := strings.TrimPrefix(r.Header.Get("authorization"), "Bearer ")
	user, _, _ := strings.Cut(given, ":")
	return user != "" && hmac.Equal([]byte(given), []byte(d.token(user)))
}

// ---- requests ----

func (d *depot) putThing(w http.ResponseWriter, r *http.Request, name string) error {
	value, err := readBody(r)
	if err != nil {
		return err
	}
	if err := d.store.put(name, value); err != nil {
		return err
	}
	go d.runHooks(name)
	go d.notify(name, false)
	w.WriteHeader(http.StatusCreated)
	return nil
}

func (d *depot) getThing(w http.ResponseWriter, name string) error {
	value, err := d.store.get(name)
	if err == nil {
		_, err = w.Write(value)
	}
	return err
}

func (d *depot) answer(w http.ResponseWriter, r *http.Request) error {
	first, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	name, verb, _ := strings.Cut(rest, "/")
	switch r.Method + " /" + first {
	case "GET /":
		return d.list(w, r)
	case "GET /health":
		return writeJSON(w, map[string]any{"things": len(d.store.keys())})
	case "POST /login":
		return d.login(w, r)
	case "GET /a":
		switch verb {
		case "info":
			return d.info(w, name)
		case "pack":
			return d.pack(w, r, name)
		}
		return d.getThing(w, name)
	case "PUT /a":
		return d.putThing(w, r, name)
	case "POST /a":
		return d.notify(name, true)
	case "DELETE /a":
		if !d.isLoggedIn(r) {
			return errStatus{http.StatusUnauthorized, "log in first"}
		}
		return d.store.remove(name)
	case "GET /pages":
		return d.showPage(w, name)
	case "PUT /pages":
		return d.savePage(w, r, name)
	case "GET /static":
		return d.static(w, rest)
	case "POST /bundle":
		return d.unpack(w, r)
	case "POST /preview":
		return d.preview(w, r)
	case "GET /export":
		return d.export(w, r)
	case "POST /restore":
		return d.restore(w, r)
	}
	return errNone
}

func (d *depot) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begin := time.Now()
	err := d.answer(w, r)
	if err != nil {
		status := http.StatusInternalServerError
		var told errStatus
		if errors.As(err, &told) {
			status = told.status
		} else if errors.Is(err, errNone) {
			status = http.StatusNotFound
		}
		http.Error(w, err.Error(), status)
	}
	d.log("%s %s %s %v %v", r.RemoteAddr, r.Method, r.URL.Path, time.Since(begin).Round(time.Microsecond), err)
}

// ---- life ----

// The debug port is open while the configuration names one.
func (d *depot) openDebug() {
	address := d.config.get("debug")
	if d.debug != nil && d.debug.Addr != address {
		d.debug.Close()
		d.debug = nil
	}
	if address != "" && d.debug == nil {
		d.debug = &http.Server{Addr: address}
		go d.debug.ListenAndServe()
	}
}

func (d *depot) writeProfile() error {
	file, err := os.CreateTemp(d.config.get("data"), "profile-*.txt")
	if err != nil {
		return err
	}
	defer file.Close()
	if err := pprof.Lookup("goroutine").WriteTo(file, 1); err != nil {
		return err
	}
	return pprof.Lookup("heap").WriteTo(file, 1)
}

func (d *depot) onSignal(s os.Signal) {
	var err error
	switch s {
	case syscall.SIGHUP:
		err = d.config.read()
		d.openDebug()
	case syscall.SIGUSR1:
		err = d.openLog()
	case syscall.SIGUSR2:
		err = d.writeProfile()
	}
	if err != nil {
		log.Printf("%v: %v", s, err)
	}
}

// A certificate is read again when its file changes.
type certificate struct {
	lock     sync.Mutex
	changed  time.Time
	current  *tls.Certificate
	cert, at string
}

func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.lock.Lock()
	defer c.lock.Unlock()
	state, err := os.Stat(c.cert)
	if err == nil && state.ModTime() != c.changed {
		read, err := tls.LoadX509KeyPair(c.cert, c.at)
		if err == nil {
			c.current, c.changed = &read, state.ModTime()
		}
	}
	if c.current == nil {
		return nil, errors.New("no certificate")
	}
	return c.current, nil
}

func (d *depot) serveTLS() error {
	c := &certificate{cert: "/etc/depot/tls/cert.pem", at: "/etc/depot/tls/key.pem"}
	server := http.Server{Addr: d.config.get("listen_tls"), Handler: d,
		TLSConfig: &tls.Config{GetCertificate: c.get}, ErrorLog: log.New(io.Discard, "", 0)}
	return server.ListenAndServeTLS("", "")
}

func (d *depot) keepHouse() {
	for range time.Tick(5 * time.Second) {
		if err := d.store.compact(); err != nil {
			d.log("%s: %v", d.store.path, err)
		}
	}
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: depot CONFIGURATION")
	}
	d := &depot{config: &config{path: os.Args[1]}, client: &http.Client{Timeout: 10 * time.Second},
		key: make([]byte, 32)}
	if err := d.config.read(); err != nil {
		log.Fatal(err)
	}
	if _, err := rand.Read(d.key); err != nil {
		log.Fatal(err)
	}
	if err := d.openLog(); err != nil {
		log.Fatal(err)
	}
	var err error
	if d.store, err = openStore(d.data("things.log")); err != nil {
		log.Fatal(err)
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2)
	go func() {
		for s := range signals {
			d.onSignal(s)
		}
	}()
	d.openDebug()
	go d.keepHouse()
	go func() { log.Print(d.serveTLS()) }()
	server := http.Server{Addr: d.config.get("listen"), Handler: d, ReadHeaderTimeout: 30 * time.Second,
		IdleTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-stop
		server.Close()
	}()
	log.Printf("listening on %s", server.Addr)
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		log.Fatal(err)
	}
}
