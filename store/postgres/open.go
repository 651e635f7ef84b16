package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/offloadhq/offload/store"
)

// options are what an address says beside what pgx understands.
type options struct {
	schema string
	pooler string // "", "transaction", "session" or "none"
}

// open makes a pool for an address, and a store on it.
func open(ctx context.Context, address string) (*Store, error) {
	plain, o, err := split(address)
	if err != nil {
		return nil, err
	}
	config, err := pgxpool.ParseConfig(plain)
	if err != nil {
		// pgx leaves the password out of its error.
		return nil, fmt.Errorf("%w: address: %w", store.ErrRefused, err)
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = connectTime
	}
	if len(config.ConnConfig.Fallbacks) > 0 && config.ConnConfig.ValidateConnect == nil {
		config.ConnConfig.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	if o.pooler == "transaction" {
		config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	}
	pool, err := pgxpool.NewWithConfig(context.WithoutCancel(ctx), config)
	if err != nil {
		return nil, fmt.Errorf("%w: address: %w", store.ErrRefused, err)
	}
	s, err := newStore(ctx, pool, o)
	if err != nil {
		pool.Close()
		return nil, err
	}
	if s.pooled && o.pooler != "transaction" {
		// Found out only now: the pool must not keep statements prepared either.
		pool.Close()
		s.end(errClosed)
		s.engine.Close()
		return open(ctx, withPooler(address))
	}
	s.own = true
	return s, nil
}

// split takes the store's own options out of an address.
func split(address string) (plain string, o options, err error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", o, fmt.Errorf("%w: the address is no URL; want postgres://user:password@host:port/database", store.ErrRefused)
	}
	u.Scheme = "postgres" // whatever case it was written in
	q := u.Query()
	o.schema, o.pooler = q.Get("schema"), q.Get("pooler")
	q.Del("schema")
	q.Del("pooler")
	u.RawQuery = q.Encode()
	switch o.pooler {
	case "", "transaction", "session", "none":
		return u.String(), o, nil
	}
	return "", o, fmt.Errorf("%w: pooler=%.50s: want transaction, session or none", store.ErrRefused, o.pooler)
}

func withPooler(address string) string {
	base, query, _ := strings.Cut(address, "?")
	return base + "?" + strings.TrimPrefix(query+"&pooler=transaction", "&")
}

// oldest is the oldest server that the statements work on, as server_version_num.
const oldest = 130000

// inspect looks at the server behind a pool: whether it can be used, whether a transaction
// pooler is in between, and whether the role may not ask what the server is known by.
func inspect(ctx context.Context, pool *pgxpool.Pool, pooler string) (pooled, plain bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return false, false, refusal(pool, err)
	}
	defer conn.Release()
	var (
		version         int
		name, unsafe    string
		readOnly, stand bool
		pid             uint32
		controls        bool
	)
	err = conn.QueryRow(ctx, read("inspect"), pgx.QueryExecModeExec).Scan(&version, &name, &readOnly, &stand, &unsafe, &pid, &controls)
	if err != nil {
		return false, false, refusal(pool, err)
	}
	switch {
	case version < oldest:
		return false, false, fmt.Errorf("%w: PostgreSQL %s is too old; want 13 or later", store.ErrRefused, name)
	case stand:
		return false, false, fmt.Errorf("%w: the server is a read-only standby; want the primary (target_session_attrs=read-write chooses it among several hosts)", store.ErrRefused)
	case readOnly:
		return false, false, fmt.Errorf("%w: transactions are read-only here (default_transaction_read_only); want a role that may write", store.ErrRefused)
	}
	if unsafe != "" {
		slog.WarnContext(ctx, "offload: this PostgreSQL server loses jobs when its machine stops; switch them on", "off", unsafe)
	}
	// A pooler gives out numbers of its own for the backend.
	if pooled = pooler == "transaction" || pooler == "" && pid != conn.Conn().PgConn().PID(); pooled {
		slog.InfoContext(ctx, "offload: behind a transaction pooler there are no notifications, so waiting processes ask for work four times a second; pooler=session in the address says that it lends whole sessions")
	}
	return pooled, !controls, nil
}

// refusal says what is wrong with an address at which nobody answers as wanted.
func refusal(pool *pgxpool.Pool, err error) error {
	c := pool.Config().ConnConfig
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return store.Unavailable(fmt.Sprintf("connect to PostgreSQL at %s:%d", c.Host, c.Port), err)
	}
	switch pg.Code {
	case "28P01", "28000":
		return fmt.Errorf("%w: PostgreSQL at %s:%d does not take user %q with this password: %w", store.ErrRefused, c.Host, c.Port, c.User, err)
	case "3D000":
		return fmt.Errorf("%w: there is no database %q at %s:%d; create it: createdb %s: %w", store.ErrRefused, c.Database, c.Host, c.Port, c.Database, err)
	}
	if passes(pg.Code) {
		return store.Unavailable(fmt.Sprintf("connect to PostgreSQL at %s:%d", c.Host, c.Port), err)
	}
	return fmt.Errorf("%w: PostgreSQL at %s:%d: %w", store.ErrRefused, c.Host, c.Port, err)
}

// Times that calls to the server have.
const (
	callTime    = 10 * time.Second
	connectTime = 5 * time.Second
)
