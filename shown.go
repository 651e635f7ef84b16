package offload

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/offloadhq/offload/internal/fields"
	"github.com/offloadhq/offload/internal/seal"
	"github.com/offloadhq/offload/store"
)

// A shower makes of stored jobs what others than their handlers see.
type shower struct {
	app   *App
	def   *definition // of the task, where the caller has it
	asked bool        // the store was asked which tasks there are, for these jobs
}

// shown returns a job as others see it.
func (a *App) shown(ctx context.Context, s *store.Job) (*Job, error) {
	return (&shower{app: a}).job(ctx, s)
}

func (s *shower) job(ctx context.Context, from *store.Job) (*Job, error) {
	if len(from.Input) == 0 && len(from.Result) == 0 {
		return jobOf(from), nil
	}
	secret, err := s.secretsOf(ctx, from.Task)
	if err != nil {
		return nil, err
	}
	return s.hiding(from, secret), nil
}

// hiding decrypts what a job says, as far as this app can, and masks what is secret.
func (s *shower) hiding(from *store.Job, secret secrets) *Job {
	job, keys := jobOf(from), s.app.keys
	input, err := keys.openInput(from.Input, from.ID, from.Task, from.Terms)
	job.Input = visible(input, err, secret.input, from.Input)
	result, err := keys.openJSON(from.Result, placeOf(from.ID, store.TextResult, ""))
	job.Result = visible(result, err, secret.result, from.Result)
	job.hidden = err != nil || len(secret.result) > 0
	return job
}

// visible is what others see of a text: what it says without its secrets, or that it is encrypted.
func visible(text []byte, err error, secret fields.Secrets, stored []byte) json.RawMessage {
	if err == nil {
		return secret.Hide(text)
	}
	return encryptedAs(stored)
}

// encryptedAs is what is shown in place of an encrypted text.
func encryptedAs(stored []byte) json.RawMessage {
	sealed, _ := seal.FromJSON(stored)
	return fmt.Appendf(nil, "%q", hiddenText(sealed))
}

func hiddenText(sealed string) string {
	_, id, err := seal.Parse(sealed)
	if err != nil || checkName("", "", id) != nil {
		id = "?"
	}
	return fmt.Sprintf(hiddenFor, id)
}

// secretsOf returns what of a task's jobs is secret: as this app knows the task, or as a process has
// made it known. The store is asked at most once for all jobs of a shower.
func (s *shower) secretsOf(ctx context.Context, task string) (secrets, error) {
	a := s.app
	if s.def != nil {
		return s.def.secrets()
	}
	if bound := a.tasks[task]; bound != nil {
		return bound.config.secrets, nil
	}
	config, err := a.registry.known(ctx, a.store, task, !s.asked)
	s.asked = true
	if errors.Is(err, ErrUnknownTask) {
		return secrets{}, nil
	}
	return config.secrets, err
}

// result returns a job's result in the clear, for the program that waits for it.
func (a *App) result(ctx context.Context, job *Job) (json.RawMessage, error) {
	if !job.hidden {
		return job.Result, nil
	}
	found, err := a.stored(ctx, job.ID)
	if err != nil {
		return nil, err
	}
	result, err := a.keys.openJSON(found.Result, placeOf(job.ID, store.TextResult, ""))
	if err != nil {
		return nil, fmt.Errorf("offload: result of job %s: %w", job.ID, plainError(err))
	}
	return result, nil
}

// plainError is an error of the keyring that parks no job: it is about a text of another one.
func plainError(err error) error {
	var lack *needError
	if errors.As(err, &lack) {
		return lack.err
	}
	return err
}
