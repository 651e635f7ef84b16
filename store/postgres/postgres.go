package postgres

import (
	"context"
	"fmt"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/offloadhq/offload/store"
)

// A Store keeps jobs in one schema of a PostgreSQL database.
type Store struct {
	pool    *pgxpool.Pool // the user's: inserts, questions, acts
	own     bool          // the pool was made by open
	engine  *pgxpool.Pool // the engine's own connections
	schema  string
	channel string // of notifications
	pooled  bool   // a transaction pooler is in between
	sql     *statements
	plain   atomic.Bool  // pg_control_system may not be called
	stands  atomic.Int32 // whether it is a copy, as the last look has shown
	shapes  shapes       // of statements, for connections that keep none prepared
	marks   marks
	lanes   lanes
	ears    ears
	healer  healer
	rates   sync.Map // by name of a limit: whether it has a period, as far as was seen

	listenEvery, pongTime time.Duration // shorter in tests

	life context.Context // ends with Close
	end  context.CancelCauseFunc

	closing sync.Once
}

var _ store.Store = (*Store)(nil)

func init() {
	store.Register("postgres", func(ctx context.Context, address string) (store.Store, error) {
		return open(ctx, address)
	})
}

// DefaultSchema is where the tables are if nothing else is said.
const DefaultSchema = "offload"

var schemaName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)

// New returns the store in a schema of the pool's database; "" is DefaultSchema. It does not
// migrate. Close leaves the pool open.
func New(ctx context.Context, pool *pgxpool.Pool, schema string) (store.Store, error) {
	if pool == nil {
		return nil, fmt.Errorf("%w: the *pgxpool.Pool is nil", store.ErrRefused)
	}
	s, err := newStore(ctx, pool, options{schema: schema})
	if err != nil {
		return nil, err // and no typed nil, which would be no nil
	}
	return s, nil
}

// PoolSize returns how many connections the pool may have, which handlers and enqueues share.
func (s *Store) PoolSize() int { return int(s.pool.Config().MaxConns) }

// newStore makes a store and looks at the server behind the pool.
func newStore(ctx context.Context, pool *pgxpool.Pool, o options) (*Store, error) {
	if o.schema == "" {
		o.schema = DefaultSchema
	}
	if !schemaName.MatchString(o.schema) {
		return nil, fmt.Errorf("%w: schema %.80q: want a name of a-z, 0-9 and _, at most 63 characters, not beginning with a digit",
			store.ErrRefused, o.schema)
	}
	s := &Store{
		pool:    pool,
		schema:  o.schema,
		channel: channelOf(o.schema),
		sql:     newStatements(o.schema),

		listenEvery: listenEvery, pongTime: pongTime,
	}
	s.life, s.end = context.WithCancelCause(context.Background())
	pooled, plain, err := inspect(ctx, pool, o.pooler)
	if err != nil {
		return nil, err
	}
	s.pooled = pooled
	s.plain.Store(plain)
	if s.engine, err = pgxpool.NewWithConfig(context.WithoutCancel(ctx), engineConfig(pool.Config(), s.pooled)); err != nil {
		return nil, fmt.Errorf("%w: %w", store.ErrRefused, err)
	}
	return s, nil
}

// Close closes the engine's connections, and the pool if the store has made it. Calls under
// way end with an error.
func (s *Store) Close() error {
	s.closing.Do(func() {
		s.end(errClosed)
		s.engine.Close()
		if s.own {
			s.pool.Close()
		}
	})
	return nil
}
