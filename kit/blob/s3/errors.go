package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/minio/minio-go/v7"

	"github.com/offloadhq/offload"
)

// An Error is what the server answered.
type Error struct {
	Status  int    // of HTTP: 403
	Code    string // of S3: "AccessDenied"
	Message string
}

func (e *Error) Error() string { return fmt.Sprintf("%s (%d): %s", e.Code, e.Status, e.Message) }

// Temporary reports whether the same request may be taken later. So are all answers but those
// that find fault with the request itself: a bucket or a right that lacks today may be given
// while the job waits.
func (e *Error) Temporary() bool {
	switch e.Status {
	case http.StatusBadRequest:
		// These are about the way of the bytes, and about clocks and tokens.
		switch e.Code {
		case "RequestTimeout", "BadDigest", "IncompleteBody", "ExpiredToken", "XAmzContentSHA256Mismatch":
			return true
		}
		return false
	case http.StatusMethodNotAllowed, http.StatusRequestEntityTooLarge, http.StatusRequestURITooLong,
		http.StatusUnprocessableEntity, http.StatusNotImplemented:
		return false
	}
	return true
}

// failed says what was being done, and whether to try again.
func failed(ctx context.Context, doing, key string, err error) error {
	if err == nil {
		return nil
	}
	var answer minio.ErrorResponse
	switch cause := context.Cause(ctx); {
	case cause != nil:
		err = cause
	case !errors.As(err, &answer):
	case answer.Code == "NoSuchBucket":
		err = &Error{answer.StatusCode, answer.Code, answer.Message}
	case answer.StatusCode == http.StatusNotFound || answer.Code == "NoSuchKey":
		err = offload.ErrNotFound
	case answer.StatusCode != 0:
		e := &Error{answer.StatusCode, answer.Code, answer.Message}
		err = e
		if !e.Temporary() {
			err = offload.Discard(e)
		}
	}
	return fmt.Errorf("blob: %s %q: %w", doing, key, err)
}
