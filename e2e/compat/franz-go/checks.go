package main

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"time"
)

// Runs named checks in order and prints one line each; the exit code says whether all passed.

const wait = 30 * time.Second

var (
	bootstrap = environment("BOOTSTRAP", "127.0.0.1:9092")
	runID     = environment("RUN", fmt.Sprint(time.Now().Unix()))
)

type check struct {
	title string
	body  func(context.Context)
}

type failure string

func environment(key, otherwise string) string {
	if value := os.Getenv(key); value != "" {
		return value
	}
	return otherwise
}

// name is that of a topic or group of this run.
func name(kind string) string { return "franz-go-" + kind + "-" + runID }

func run(checks []check) {
	failed := false
	for _, c := range checks {
		failed = !attempt(c) || failed
	}
	if failed {
		os.Exit(1)
	}
}

func attempt(c check) (ok bool) {
	started := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	defer func() {
		if reason := recover(); reason != nil {
			fmt.Printf("FAIL %s: %v\n%s", c.title, reason, debug.Stack())
			return
		}
		fmt.Printf("ok %s (%.1f s)\n", c.title, time.Since(started).Seconds())
		ok = true
	}()
	c.body(ctx)
	return
}

func must(err error) {
	if err != nil {
		panic(failure(err.Error()))
	}
}

func expect(condition bool, what string, values ...any) {
	if !condition {
		panic(failure("expected " + fmt.Sprintf(what, values...)))
	}
}

func equal[T comparable](seen, expected T) {
	expect(seen == expected, "%v, saw %v", expected, seen)
}

func until(what string, condition func() bool) {
	for deadline := time.Now().Add(wait); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if condition() {
			return
		}
	}
	panic(failure(fmt.Sprintf("not within %v: %s", wait, what)))
}
