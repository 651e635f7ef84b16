package offload

import (
	"fmt"

	"github.com/offloadhq/offload/internal/engine"
	"github.com/offloadhq/offload/internal/seal"
	"github.com/offloadhq/offload/store"
)

// opened returns a claimed job as its handler sees it. An error is a *needError.
func (a *App) opened(bound *boundTask, claimed *store.Claimed) (*Job, error) {
	job := jobOfClaim(claimed)
	input, err := a.keys.openInput(claimed.Input, claimed.ID, claimed.Task, claimed.Terms)
	if err != nil {
		return nil, err
	}
	if bound.config.encrypt && a.keys == nil { // its result could not be kept
		return nil, &needError{needKeys, bound.config.noKeys(claimed.Task)}
	}
	job.Input = input
	return job, nil
}

// parked lets a job wait for a process that can read what it says.
func (a *App) parked(claimed *store.Claimed, err error) engine.Verdict {
	need, _ := needOf(err)
	if a.keys.failed(need) {
		a.log.Warn("offload: a job waits, since what it says can't be read here",
			"job", claimed.ID.String(), "task", claimed.Task, "error", err)
	}
	return engine.Verdict{Err: err, How: engine.Park, Need: need}
}

// verdict says what follows of what the handler of a job has returned.
func (at *attempt) verdict(job *Job, result []byte, err error) engine.Verdict {
	if err == nil {
		result, err = at.sealResult(job.ID, result)
	}
	if _, ok := needOf(err); ok {
		return at.app.parked(&store.Claimed{Fence: store.Fence{ID: job.ID}, Task: job.Task}, err)
	}
	v := verdictOf(result, err)
	v.Hide = at.hide
	return v
}

// sealResult encrypts a result, if the task says so.
func (at *attempt) sealResult(id ID, result []byte) ([]byte, error) {
	if !at.seals || result == nil {
		return result, nil
	}
	sealed, err := at.app.keys.sealJSON(result, placeOf(id, store.TextResult, ""))
	if err != nil {
		return nil, fmt.Errorf("encrypt the result: %w", err)
	}
	return sealed, nil
}

// sealMemo encrypts what is kept under a name, if the task says so.
func (at *attempt) sealMemo(name string, data []byte) ([]byte, error) {
	if !at.seals {
		return data, nil
	}
	return at.app.keys.sealJSON(data, placeOf(at.job.ID, store.TextMemo, name))
}

// shownText is a text without secrets of the input.
func (at *attempt) shownText(text string) string {
	if at.hide == nil {
		return text
	}
	return at.hide(text)
}

// lineRoom is how long text and attributes of a line may be.
func (at *attempt) lineRoom() int {
	if !at.seals {
		return store.MaxLogText
	}
	return seal.Room(store.MaxLogText-max(seal.TextSize, seal.JSONSize), len(at.app.keys.current))
}

// sealLine encrypts a line, if the task says so. What can't be encrypted is not kept.
func (at *attempt) sealLine(line store.LogLine) store.LogLine {
	if !at.seals {
		return line
	}
	keys, id := at.app.keys, at.job.ID
	text, err := keys.seal([]byte(line.Text), placeOf(id, store.TextLine, ""))
	line.Text = seal.Text(text)
	if err == nil && line.Attrs != nil {
		line.Attrs, err = keys.sealJSON(line.Attrs, placeOf(id, store.TextAttrs, ""))
	}
	if err != nil {
		line.Text, line.Attrs = "a line is left out here: it could not be encrypted", nil
	}
	return line
}

// openLine returns a line as others see it: in the clear where this app has the key.
func (k *keyring) openLine(l *store.LogLine) LogLine {
	line := logLineOf(l)
	if sealed, ok := seal.FromText(l.Text); ok {
		text, err := k.open(sealed, placeOf(l.ID, store.TextLine, ""))
		if line.Text = string(text); err != nil {
			line.Text = hiddenText(sealed)
		}
	}
	if sealed, ok := seal.FromJSON(l.Attrs); ok {
		attrs, err := k.open(sealed, placeOf(l.ID, store.TextAttrs, ""))
		if line.Attrs = attrs; err != nil {
			line.Attrs = nil
		}
	}
	return line
}
