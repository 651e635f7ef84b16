package offload

import "errors"

// A validator is an input that can tell what is wrong with itself.
type validator interface{ Validate() error }

// validate asks an input, if it can be asked, and returns an InputError of the task.
func validate[In any](task string, in In) (err error) {
	v, ok := any(in).(validator)
	if !ok {
		if v, ok = any(&in).(validator); !ok {
			return nil
		}
	}
	defer recoverAs(&err) // a method of the user's, and of a nil pointer perhaps
	err = v.Validate()
	if err == nil {
		return nil
	}
	var wrong *InputError
	if !errors.As(err, &wrong) {
		return &InputError{Task: task, Field: "input", Got: err, Want: "what its Validate accepts"}
	}
	if wrong.Task != "" {
		return err
	}
	named := *wrong // it may be the user's variable
	named.Task = task
	return &named
}

// accept reads a job's input as decode does, and asks it.
func accept[In any](task string, input []byte) (In, error) {
	in, err := decode[In](task, input)
	if err == nil {
		err = validate(task, in)
	}
	return in, err
}

// acceptToRun is accept before a handler runs. What an input says of itself it would say again: such a
// job is discarded. What only can't be read may be readable to the next version of the program.
func acceptToRun[In any](task string, input []byte) (In, error) {
	in, err := decode[In](task, input)
	if err != nil {
		return in, err
	}
	if err := validate(task, in); err != nil {
		return in, Discard(err)
	}
	return in, nil
}
