package cutwire_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/offloadhq/offload/internal/cutwire"
	"github.com/offloadhq/offload/internal/testpg"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// dial returns a proxy, a connection through it, and one beside it.
func dial(t *testing.T) (p *cutwire.Proxy, through, beside *pgx.Conn) {
	t.Helper()
	address := testpg.URL(t)
	p = cutwire.New(t, testpg.Host(t, address))
	return p, connect(t, testpg.WithHost(t, address, p.Addr())), connect(t, address)
}

func connect(t *testing.T, address string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close(context.Background())
		<-conn.PgConn().CleanupDone()
	})
	if _, err := conn.Exec(t.Context(), "create table if not exists a (n int)"); err != nil {
		t.Fatal(err)
	}
	return conn
}

func count(t *testing.T, conn *pgx.Conn) (n int) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), "select count(*) from a").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestFaultsAtAStatement(t *testing.T) {
	for _, test := range []struct {
		name  string
		fault cutwire.Fault
		rows  int
	}{
		{"a statement that fails is not done", cutwire.Fail, 0},
		{"one whose answer is lost is done", cutwire.LoseAnswer, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, through, beside := dial(t)
			p.Arm(2, test.fault)
			if _, err := through.Exec(t.Context(), "select $1::int", 1); err != nil {
				t.Fatal(err)
			}
			if _, err := through.Exec(t.Context(), "insert into a values ($1)", 1); err == nil {
				t.Error("Exec = nil, want an error")
			}
			if n := count(t, beside); n != test.rows || !p.Disarm() {
				t.Errorf("%d rows, want %d, and the fault to be met", n, test.rows)
			}
		})
	}
}

func TestLosingTheAnswerToCommit(t *testing.T) {
	p, through, beside := dial(t)
	p.ArmWhen(cutwire.LoseAnswer, func(s cutwire.Statement) bool { return s.Query == "commit" })
	err := pgx.BeginFunc(t.Context(), through, func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), "insert into a values ($1)", 1)
		return err
	})
	if err == nil {
		t.Error("commit = nil, want an error")
	}
	if n := count(t, beside); n != 1 {
		t.Errorf("%d rows, want 1", n)
	}
}

func TestSilenceKeepsConnectionsOpen(t *testing.T) {
	p, through, _ := dial(t)
	p.Silence(true)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := through.Ping(ctx); ctx.Err() == nil {
		t.Errorf("Ping = %v before the deadline, want no answer", err)
	}
	p.Silence(false)
}
