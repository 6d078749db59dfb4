// Package check runs named checks in order and prints one line each; the exit code says whether all passed.
// It knows no client.
package check

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"
)

// Wait bounds every wait for a condition.
const Wait = 30 * time.Second

var (
	// Bootstrap has the brokers' addresses.
	Bootstrap = strings.Split(environment("BOOTSTRAP", "127.0.0.1:9092"), ",")
	runID     = environment("RUN", fmt.Sprint(time.Now().Unix()))
)

// Check is a body that panics with the help of Must, Expect, Equal and Until when it does not hold.
type Check struct {
	Title string
	Body  func(context.Context)
}

type failure string

func environment(key, otherwise string) string {
	if value := os.Getenv(key); value != "" {
		return value
	}
	return otherwise
}

// Name is that of a topic or group of this run.
func Name(kind string) string { return filepath.Base(os.Args[0]) + "-" + kind + "-" + runID }

// Run attempts every check.
func Run(checks []Check) {
	failed := false
	for _, c := range checks {
		failed = !attempt(c) || failed
	}
	if failed {
		os.Exit(1)
	}
}

func attempt(c Check) (ok bool) {
	started := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	defer func() {
		if reason := recover(); reason != nil {
			fmt.Printf("FAIL %s: %v\n%s", c.Title, reason, debug.Stack())
			return
		}
		fmt.Printf("ok %s (%.1f s)\n", c.Title, time.Since(started).Seconds())
		ok = true
	}()
	c.Body(ctx)
	return
}

// Must fails with an error.
func Must(err error) {
	if err != nil {
		panic(failure(err.Error()))
	}
}

// Expect fails with what was expected.
func Expect(condition bool, what string, values ...any) {
	if !condition {
		panic(failure("expected " + fmt.Sprintf(what, values...)))
	}
}

// Equal fails with both values.
func Equal[T comparable](seen, expected T) {
	Expect(seen == expected, "%v, saw %v", expected, seen)
}

// Until waits for a condition.
func Until(what string, condition func() bool) {
	for deadline := time.Now().Add(Wait); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if condition() {
			return
		}
	}
	panic(failure(fmt.Sprintf("not within %v: %s", Wait, what)))
}
