package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/offloadhq/offload"
)

// Exit codes.
const (
	exitDone     = 0
	exitFailed   = 1
	exitUsage    = 2
	exitNotFound = 3
	exitNotYet   = 4
)

// A notYetError is the end of a wait whose time is over: nothing has failed, and one may wait again.
type notYetError struct{ text string }

func (e *notYetError) Error() string { return e.text }

// A usageError is a call that can't succeed as it was typed.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

// wrong makes a usageError, which says what would be right.
func wrong(format string, args ...any) error {
	return &usageError{fmt.Sprintf(format, args...)}
}

// finish writes what is still to be written and returns the exit code.
func (s *session) finish(err error) int {
	if flushed := s.out.Flush(); flushed != nil {
		err = errors.Join(err, fmt.Errorf("write output: %w", flushed))
	}
	s.progress("")
	for _, one := range flatten(err) {
		fmt.Fprintln(s.err, line(one))
	}
	return s.exitCode(err)
}

func (s *session) exitCode(err error) int {
	var usage *usageError
	var input *offload.InputError
	var conflict *offload.ConflictError
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, offload.ErrNotFound), errors.Is(err, offload.ErrUpstream):
		return exitNotFound
	case !s.begun, errors.As(err, &usage), errors.As(err, &input), errors.As(err, &conflict),
		errors.Is(err, offload.ErrUnknownTask), errors.Is(err, offload.ErrRefused):
		return exitUsage
	case onlyNotYet(err):
		return exitNotYet
	}
	return exitFailed
}

// onlyNotYet reports whether all that went wrong is that the time to wait was over.
func onlyNotYet(err error) bool {
	return !slices.ContainsFunc(flatten(err), func(one error) bool {
		var notYet *notYetError
		return !errors.As(one, &notYet)
	})
}

// flatten takes joined errors apart, so that each gets a line. An error that wraps several in
// one text of its own stays whole.
func flatten(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || errors.Join(joined.Unwrap()...).Error() != err.Error() {
		return []error{err}
	}
	var all []error
	for _, one := range joined.Unwrap() {
		all = append(all, flatten(one)...)
	}
	return all
}

// line writes an error as one line that begins with the command's name, once.
func line(err error) string {
	text := strings.TrimPrefix(err.Error(), "offload: ")
	text = strings.ReplaceAll(text, ": offload: ", ": ")
	return "offload: " + strings.Join(strings.Fields(clean(text)), " ")
}
