package dashboard

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/form"
	"github.com/offloadhq/offload/operate"
)

// An inputForm is the part of a form in which the input of a task is typed: fields where the task's schema is known,
// JSON where it is not, or where that is wanted.
type inputForm struct {
	Fields []*form.Field // none is JSON
	Schema string        // the sum of the schema that the fields are of
	CanBe  bool          // there could be fields instead of JSON

	form *form.Form
}

// inputFormOf makes the form of an input of a task, "" for one that is not there yet.
func inputFormOf(tasks []operate.Task, task, input string, asJSON bool) inputForm {
	for i := range tasks {
		if t := &tasks[i]; t.Name == task {
			made := form.New(t.Schema, []byte(input))
			switch {
			case made == nil:
				return inputForm{}
			case asJSON:
				return inputForm{CanBe: true}
			}
			sum := sha256.Sum256(t.Schema)
			return inputForm{Fields: made.Fields(), Schema: hex.EncodeToString(sum[:8]), form: made}
		}
	}
	return inputForm{}
}

// readInput returns the input that was typed into fields, made of the one that they were shown with.
func (d *dashboard) readInput(r *request, f *jobForm, schema string) (json.RawMessage, error) {
	tasks, err := d.readTasks(r)
	if err != nil {
		return nil, err
	}
	f.inputForm = inputFormOf(tasks, f.Task, f.Input, false)
	if f.form == nil || f.Schema != schema {
		return nil, badField("input", "fields of another version of "+f.Task, "the form as it is now: the program that runs the task has changed")
	}
	input, err := f.form.Read(r.PostForm)
	wrong := (*form.WrongError)(nil)
	if errors.As(err, &wrong) {
		return nil, &offload.InputError{Task: f.Task, Field: wrong.Path, Got: shortened(wrong.Got, 60), Want: wrong.Want}
	}
	return input, err
}

// mark shows what is wrong with an input beside the field that it is about.
func (f *inputForm) mark(err error) {
	wrong := (*offload.InputError)(nil)
	if f.form != nil && errors.As(err, &wrong) && strings.HasPrefix(wrong.Field, "input.") {
		f.form.Mark(wrong.Field, "Want "+wrong.Want+".")
	}
}
