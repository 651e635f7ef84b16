package cutwire_test

import (
	"context"
	"net"
	"strings"
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

// Whether a statement is sent as a text or executed, a fault finds it by its text.
func TestFaultMeetsEachStatementOfAText(t *testing.T) {
	p, through, beside := dial(t)
	address := testpg.WithHost(t, through.Config().ConnString(), p.Addr())
	p.ArmEach(cutwire.LoseAnswer, func(s cutwire.Statement) bool {
		return strings.HasPrefix(s.Query, "insert")
	})
	for i, args := range [][]any{nil, {pgx.QueryExecModeExec, 1}, {pgx.QueryExecModeCacheStatement, 1}} {
		sql := "insert into a values (1)"
		if args != nil {
			sql = "insert into a values ($1::int)"
		}
		conn := connect(t, address)
		if _, err := conn.Exec(t.Context(), sql, args...); err == nil {
			t.Errorf("Exec(%v) = nil, want an error", args)
		}
		if n := count(t, beside); n != i+1 || p.Met() != i+1 {
			t.Errorf("%d rows, %d faults met, want %d", n, p.Met(), i+1)
		}
	}
	if !p.Disarm() || count(t, connect(t, address)) != 3 {
		t.Error("after Disarm the proxy is not as without a fault")
	}
}

// A connection that is reset after so many bytes has brought a statement to its server or not;
// one that is reset after more than there are is not reset.
func TestResetAfterEachByte(t *testing.T) {
	p, through, beside := dial(t)
	address := testpg.WithHost(t, through.Config().ConnString(), p.Addr())
	done := 0
	for n := 1; ; n += 7 {
		conn := connect(t, address)
		p.ResetAfter(n)
		_, err := conn.Exec(t.Context(), "insert into a values (1)")
		met := p.Disarm()
		if met != (err != nil) {
			t.Fatalf("after %d bytes Exec = %v, and the connection was reset: %v", n, err, met)
		}
		rows := count(t, beside)
		if rows != done && rows != done+1 || rows == done && !met {
			t.Fatalf("%d rows, want one more than %d at most", rows, done)
		}
		if done = rows; !met {
			break
		}
	}
	if done < 2 {
		t.Error("no reset came between a statement and its answer")
	}
}

func TestLatencyDelaysWhatIsSent(t *testing.T) {
	p, through, beside := dial(t)
	const delay, jitter = 30 * time.Millisecond, 20 * time.Millisecond
	p.Latency(delay, jitter)
	for n := range 5 {
		began := time.Now()
		if _, err := through.Exec(t.Context(), "insert into a values (1)"); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < 2*(delay-jitter) || count(t, beside) != n+1 {
			t.Errorf("the answer came after %v, with %d rows", took, count(t, beside))
		}
	}
}

func TestBandwidthIsOfEachSecond(t *testing.T) {
	p, through, _ := dial(t)
	p.Bandwidth(10_000)
	began := time.Now()
	var text string
	if err := through.QueryRow(t.Context(), "select repeat('a', 2000)").Scan(&text); err != nil || len(text) != 2000 {
		t.Fatalf("%d bytes, %v", len(text), err)
	}
	if took := time.Since(began); took < 200*time.Millisecond-50*time.Millisecond { // the last piece has been sent before its time is over
		t.Errorf("2,000 bytes took %v at 10,000 a second", took)
	}
}

func TestTargetIsThatOfNewConnections(t *testing.T) {
	p, through, _ := dial(t)
	address := testpg.WithHost(t, through.Config().ConnString(), p.Addr())
	l, err := net.Listen("tcp", "127.0.0.1:0") // nobody accepts
	if err != nil {
		t.Fatal(err)
	}
	old := testpg.Host(t, testpg.Shared(t).Address())
	p.Target(l.Addr().String())
	l.Close()
	if conn, err := pgx.Connect(t.Context(), address); err == nil {
		conn.Close(t.Context())
		t.Error("Connect leads to the old server")
	}
	if err := through.Ping(t.Context()); err != nil {
		t.Errorf("Ping on an open connection = %v", err)
	}
	p.Target(old)
	connect(t, address)
}

// A connection that listens is made deaf for good; others are not, nor is a new one.
func TestDeafenThoseThatListen(t *testing.T) {
	p, through, beside := dial(t)
	listen := func() *pgx.Conn {
		conn := connect(t, testpg.WithHost(t, through.Config().ConnString(), p.Addr()))
		if _, err := conn.Exec(t.Context(), "LISTEN news"); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	deaf := listen()
	if n := p.Deafen(); n != 1 {
		t.Errorf("Deafen = %d, want the one that listens", n)
	}
	hears := listen()
	if _, err := beside.Exec(t.Context(), "notify news"); err != nil {
		t.Fatal(err)
	}
	if _, err := hears.WaitForNotification(t.Context()); err != nil {
		t.Errorf("WaitForNotification on a new connection = %v", err)
	}
	if err := through.Ping(t.Context()); err != nil {
		t.Errorf("Ping on another connection = %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if n, err := deaf.WaitForNotification(ctx); ctx.Err() == nil {
		t.Errorf("WaitForNotification = %v, %v, want none", n, err)
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
