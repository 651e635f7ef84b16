package pgx

import "context"

type CommandTag struct{}

type Tx interface {
	Exec(ctx context.Context, sql string, arguments ...any) (CommandTag, error)
	Commit(ctx context.Context) error
	Rollback(ctx context.Context) error
}

type Conn struct{}

func (c *Conn) Begin(ctx context.Context) (Tx, error) { return nil, nil }

func BeginFunc(ctx context.Context, c *Conn, f func(Tx) error) error { return nil }
