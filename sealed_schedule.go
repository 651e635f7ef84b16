package offload

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/offloadhq/offload/internal/seal"
	"github.com/offloadhq/offload/store"
)

// The input of a schedule's call is encrypted once, bound to the schedule's name, and all its jobs
// have that text: so any process can take its ticks, also one without the key. For the same reason
// keys that come of the input are made when the schedule is declared or set.

// sealSchedule returns the input of a schedule's call as it is stored, and makes the keys that come
// of it.
func (a *App) sealSchedule(c *jobConfig, name string, call *Call, def *definition) ([]byte, error) {
	switch {
	case call.sealed:
		return call.input, c.checkPinned(call.task)
	case !c.encrypt:
		return call.input, nil
	case a.keys == nil:
		return nil, c.noKeys(call.task)
	}
	if err := c.pin(call.task, def, call.input); err != nil {
		return nil, err
	}
	sealed, err := a.keys.sealJSON(call.input, schedulePlace(name))
	if err != nil {
		return nil, fmt.Errorf("offload: encrypt the input of schedule %q: %w", name, err)
	}
	return sealed, nil
}

// pin puts the keys themselves in place of the fields that they are made of.
func (c *jobConfig) pin(task string, def *definition, input []byte) (err error) {
	k := keyMaker{refusal: refusal{task: task, def: def, secrets: c.secrets.input}, input: input}
	c.limits = slices.Clone(c.limits)
	for i := range c.limits {
		l := &c.limits[i]
		if l.Key, _, err = k.key(k.of(l.Name), l.By, l.Key); err != nil {
			return err
		}
		l.By = ""
	}
	if c.fair != nil {
		fair := *c.fair
		if fair.Key, _, err = k.key(k.in("Fair"), fair.By, fair.Key); err != nil {
			return err
		}
		fair.By, c.fair = "", &fair
	}
	if c.unique != nil {
		unique := *c.unique
		if unique.Key, err = k.unique(&unique); err != nil {
			return err
		}
		unique.By, c.unique = "", &unique
	}
	return nil
}

// checkPinned refuses options that would need the input in the clear.
func (c *jobConfig) checkPinned(task string) error {
	by := slices.ContainsFunc(c.limits, func(l Limit) bool { return l.By != "" }) ||
		c.fair != nil && c.fair.By != "" || c.unique != nil && c.unique.Key == ""
	if by {
		return fmt.Errorf("keys of an encrypted input: %w", c.noKeys(task))
	}
	return nil
}

// asBefore returns the stored text of a schedule, which is that of before if it says the same: one
// input is encrypted otherwise each time.
func (a *App) asBefore(own *ownSchedule, old *store.Schedule, spec []byte) ([]byte, error) {
	sealed, ok := seal.FromJSON(own.spec.Input)
	if old == nil || !ok {
		return spec, nil
	}
	var before scheduleSpec
	if json.Unmarshal(old.Spec, &before) != nil {
		return spec, nil
	}
	was, _ := seal.FromJSON(before.Input)
	_, oldID, oldErr := seal.Parse(was)
	_, newID, newErr := seal.Parse(sealed)
	if oldErr != nil || newErr != nil || oldID != newID {
		return spec, nil
	}
	place := schedulePlace(own.name)
	one, oldErr := a.keys.open(was, place)
	two, newErr := a.keys.open(sealed, place)
	if oldErr != nil || newErr != nil || !sameJSON(one, two) {
		return spec, nil
	}
	same := *own
	same.spec.Input = before.Input
	put, err := same.stored(old.InCode)
	return put.Spec, err
}

// shownSchedule returns a schedule as others see it.
func (a *App) shownSchedule(ctx context.Context, s *store.Schedule) (*Schedule, error) {
	spec, _, err := readSpec(s)
	if err != nil {
		return nil, err
	}
	if sealed, ok := seal.FromJSON(spec.Input); ok {
		if input, err := a.keys.open(sealed, schedulePlace(s.Name)); err == nil {
			spec.Input = input
		}
	}
	secret, err := (&shower{app: a}).secretsOf(ctx, spec.Task)
	if err != nil {
		return nil, err
	}
	if !seal.LooksSealed(spec.Input) {
		spec.Input = secret.input.Hide(spec.Input)
	}
	return spec.schedule(s.Name), nil
}

// restoreSecrets puts the secrets into the call of a schedule that were masked when it was read.
func (a *App) restoreSecrets(ctx context.Context, s *Schedule) error {
	secret, err := (&shower{app: a, def: s.Call.def}).secretsOf(ctx, s.Call.task)
	if err != nil || !secret.input.Masked(s.Call.input) {
		return err
	}
	found, err := a.store.Schedules(ctx, s.name())
	if err != nil {
		return fmt.Errorf("offload: read schedule %q: %w", s.name(), err)
	}
	if len(found) == 0 {
		return errMasked(s.Call.task)
	}
	spec, _, err := readSpec(&found[0])
	if err != nil {
		return err
	}
	old := []byte(spec.Input)
	if sealed, ok := seal.FromJSON(old); ok {
		if old, err = a.keys.open(sealed, schedulePlace(s.name())); err != nil {
			return errors.Join(errMasked(s.Call.task), plainError(err))
		}
	}
	call := *s.Call
	call.input = secret.input.Restore(call.input, old)
	s.Call = &call
	return nil
}
