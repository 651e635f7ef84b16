package postgres

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// engineConns is how many connections the engine has beside that of LISTEN.
const engineConns = 2

// engineConfig makes the configuration of the engine's connections from the user's. Hooks that
// follow each use of a connection are the user's own business and left out.
func engineConfig(config *pgxpool.Config, pooled bool) *pgxpool.Config {
	config.MaxConns, config.MinConns, config.MinIdleConns = engineConns, 0, 0
	config.PrepareConn = func(context.Context, *pgx.Conn) (bool, error) { return true, nil } // in place of an older hook too
	config.AfterRelease = nil
	config.PingTimeout = connectTime / 2
	config.ShouldPing = func(_ context.Context, p pgxpool.ShouldPingParams) bool { return p.IdleDuration > 15*time.Second }
	shape(config.ConnConfig, pooled)
	if pooled {
		return config
	}
	users := config.AfterConnect
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		if users != nil {
			if err := users(ctx, conn); err != nil {
				return err
			}
		}
		_, err := conn.Exec(ctx, read("settings"), pgx.QueryExecModeExec, false)
		return err
	}
	return config
}

// shape makes a connection's configuration one of ours.
func shape(config *pgx.ConnConfig, pooled bool) {
	config.DefaultQueryExecMode = pgx.QueryExecModeCacheStatement
	if pooled {
		config.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTime
	}
	config.RuntimeParams = maps.Clone(config.RuntimeParams)
	if config.RuntimeParams["application_name"] == "" && !pooled {
		config.RuntimeParams["application_name"] = "offload"
	}
}

// tries is how often a call is made whose transaction was in the way of another.
const tries = 6

// on calls f with a connection of a pool, within some time, again if another transaction was in
// the way.
func (s *Store) on(ctx context.Context, pool *pgxpool.Pool, while time.Duration, doing string, f func(ctx context.Context, conn *pgx.Conn) error) error {
	ctx, cancel := context.WithTimeout(ctx, while)
	defer cancel()
	defer context.AfterFunc(s.life, cancel)()
	for n := 1; ; n++ {
		err := s.once(ctx, pool, f)
		if n == tries || !again(err) {
			return s.fail(doing, err)
		}
		pause(ctx, n)
	}
}

func (s *Store) once(ctx context.Context, pool *pgxpool.Pool, f func(ctx context.Context, conn *pgx.Conn) error) error {
	if cause := context.Cause(s.life); cause != nil {
		return cause
	}
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	if err = f(ctx, conn.Conn()); err == nil {
		return nil
	}
	if breaks(err) {
		if codeOf(err) == codeReadOnly {
			s.leave()
		}
		err = errors.Join(err, conn.Conn().Close(ctx))
	} else if code := codeOf(err); code == codeNoStatement || code == codeStalePlan {
		err = errors.Join(err, conn.Conn().DeallocateAll(ctx))
	}
	return err
}

// leave has all connections made anew, because one has led to a server that is only read now:
// the others would still answer questions there, from tables that stand still.
func (s *Store) leave() {
	s.engine.Reset()
	s.pool.Reset()
}

// onEngine is on for the engine's calls.
func (s *Store) onEngine(ctx context.Context, doing string, f func(ctx context.Context, conn *pgx.Conn) error) error {
	return s.on(ctx, s.engine, callTime, doing, f)
}

// onPool is on for the user's.
func (s *Store) onPool(ctx context.Context, doing string, f func(ctx context.Context, conn *pgx.Conn) error) error {
	return s.on(ctx, s.pool, callTime, doing, f)
}
