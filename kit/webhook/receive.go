package webhook

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Tolerance is how far the time of a message may be from the receiver's clock.
const Tolerance = 5 * time.Minute

// What is wrong with a message that Verify refuses.
var (
	ErrHeaders   = errors.New("webhook: webhook-id, webhook-timestamp or webhook-signature is missing or is none")
	ErrTime      = errors.New("webhook: the message is too old or from the future")
	ErrSignature = errors.New("webhook: no signature of a known key")
)

// Verify checks a received message: that it is signed by one of the keys, "whsec_…" or
// "whpk_…", several while they are rotated, and not more than Tolerance old. It compares in
// constant time. A message that is sent again within that time verifies: who must not do the work
// twice remembers the webhook-id.
//
// A key that is none is an error whatever the message is.
func Verify(body []byte, header http.Header, keys ...string) error {
	return verifyAt(time.Now(), body, header, keys)
}

// mostSignatures is how many signatures of a message are looked at.
const mostSignatures = 32

func verifyAt(now time.Time, body []byte, header http.Header, keys []string) error {
	parsed := make([]key, len(keys))
	for i, text := range keys {
		var err error
		if parsed[i], err = parseKey(text); err != nil {
			return err
		}
	}
	if len(parsed) == 0 {
		return errSecret
	}
	id, timestamp := header.Get("webhook-id"), header.Get("webhook-timestamp")
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	// With a dot in the id, what was signed as one message could be read as another.
	if id == "" || strings.Contains(id, ".") || err != nil || header.Get("webhook-signature") == "" {
		return ErrHeaders
	}
	if at := time.Unix(seconds, 0); at.Before(now.Add(-Tolerance)) || at.After(now.Add(Tolerance)) {
		return ErrTime
	}
	text := signed(id, timestamp, body)
	for i, signature := range strings.Fields(header.Get("webhook-signature")) {
		if i == mostSignatures {
			break
		}
		for _, k := range parsed {
			if k.verify(signature, text) {
				return nil
			}
		}
	}
	return ErrSignature
}

// A Message is one that was received and is genuine.
type Message struct {
	ID   string    // webhook-id: the same when the message comes again
	Time time.Time // of the attempt
	Body []byte
}

// mostReceived is how long a message may be that a Receiver takes.
const mostReceived = 1 << 20

// Receiver answers POST requests that carry genuine messages, of at most 1 MiB, by f: 204 if it
// returns nil, else 500, and the sender tries again later. Others get 400, 401 (a wrong signature
// or time), 405 or 413, and f never sees them. Keys are as for Verify.
//
// A message may come more than once. To do its work once, enqueue a job and return:
//
//	webhook.Receiver(func(ctx context.Context, m webhook.Message) error {
//		_, err := handle.Enqueue(ctx, app, m.Body, offload.Unique{Key: m.ID, For: 7 * 24 * time.Hour})
//		return err
//	}, os.Getenv("WEBHOOK_SECRET"))
func Receiver(f func(ctx context.Context, m Message) error, keys ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, "POST only", http.StatusMethodNotAllowed)
			return
		}
		var body bytes.Buffer
		if _, err := io.Copy(&body, http.MaxBytesReader(w, r.Body, mostReceived)); err != nil {
			status := http.StatusBadRequest
			var tooLong *http.MaxBytesError
			if errors.As(err, &tooLong) {
				status = http.StatusRequestEntityTooLarge
			}
			http.Error(w, http.StatusText(status), status)
			return
		}
		switch err := Verify(body.Bytes(), r.Header, keys...); {
		case errors.Is(err, ErrHeaders):
			http.Error(w, err.Error(), http.StatusBadRequest)
		case errors.Is(err, ErrTime), errors.Is(err, ErrSignature):
			http.Error(w, err.Error(), http.StatusUnauthorized)
		case err != nil: // our own key; nobody's else business
			http.Error(w, "the receiver has no key", http.StatusInternalServerError)
		default:
			seconds, _ := strconv.ParseInt(r.Header.Get("webhook-timestamp"), 10, 64)
			if err := f(r.Context(), Message{r.Header.Get("webhook-id"), time.Unix(seconds, 0), body.Bytes()}); err != nil {
				http.Error(w, "try again later", http.StatusInternalServerError)
				return
			}
			w.WriteHeader(http.StatusNoContent)
		}
	})
}
