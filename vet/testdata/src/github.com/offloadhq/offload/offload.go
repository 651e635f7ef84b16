// Package offload stands for the real one: its shape is what counts.
package offload

import "context"

type App struct{}

func (a *App) Enqueue(ctx context.Context, calls ...*Call) ([]*Job, error) { return nil, nil }
func (a *App) Tx(tx any) *Tx                                               { return &Tx{} }

type Tx struct{}

func (t *Tx) Enqueue(ctx context.Context, calls ...*Call) ([]*Job, error) { return nil, nil }

type (
	Call     struct{}
	Job      struct{}
	Part     interface{}
	Enqueuer interface {
		Enqueue(ctx context.Context, calls ...*Call) ([]*Job, error)
	}
)

type Task[In any] struct{}

func NewTask[In any](name string, run func(context.Context, In) error) *Task[In] { return nil }

func (t *Task[In]) Handle(run func(context.Context, In) error) Part               { return nil }
func (t *Task[In]) Call(in In) *Call                                              { return nil }
func (t *Task[In]) Enqueue(ctx context.Context, to Enqueuer, in In) (*Job, error) { return nil, nil }
