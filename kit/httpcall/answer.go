package httpcall

import (
	"encoding/json"
	"errors"

	"github.com/offloadhq/offload"
)

// As reads the body of an answer as JSON into a T:
//
//	answer, err := httpcall.Call.Wait(ctx, app, job.ID)
//	lead, err := httpcall.As[Lead](answer)
//
// An answer that is no JSON, is no T, or was longer than what is kept is an *offload.InputError.
func As[T any](answer Output) (T, error) {
	var v T
	if answer.BodyCut {
		return v, refuse("body", errors.New("longer than 64 KiB"), "one that is kept as a whole")
	}
	if answer.BodyBase64 != nil {
		return v, refuse("body", errors.New("no text"), "JSON")
	}
	if err := json.Unmarshal([]byte(answer.Body), &v); err != nil {
		var zero T
		return zero, &offload.InputError{Task: Call.Name(), Field: "body", Got: err, Want: "JSON of the type"}
	}
	return v, nil
}
