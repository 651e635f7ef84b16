package sqlite

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"testing"

	"github.com/offloadhq/offload/store"
)

// Errors as the drivers have them.
type (
	modernc struct{ code int }
	mattnNo int
	mattn   struct {
		Code         mattnNo
		ExtendedCode mattnNo
	}
	ncrucesCode uint8
	ncruces     struct{ code ncrucesCode }
)

func (modernc) Error() string        { return "modernc" }
func (e *modernc) Code() int         { return e.code }
func (mattn) Error() string          { return "mattn" }
func (*ncruces) Error() string       { return "ncruces" }
func (e *ncruces) Code() ncrucesCode { return e.code }

func TestErrorsOfAllDriversAreUnderstood(t *testing.T) {
	const busySnapshot = codeBusy | 2<<8
	for _, err := range []error{
		&modernc{busySnapshot},
		mattn{codeBusy, busySnapshot},
		&ncruces{codeBusy},
		fmt.Errorf("wrapped: %w", &modernc{codeBusy}), errors.Join(errors.New("other"), mattn{Code: codeBusy}),
	} {
		if !busy(err) {
			t.Errorf("%#v is not seen to be busy", err)
		}
	}
	if busy(nil) || busy(errors.New("plain")) || codeOf(struct{ error }{}) != 0 {
		t.Error("an error without a code is seen to be busy")
	}
}

func TestWhatErrorsMean(t *testing.T) {
	for _, test := range []struct {
		err  error
		want error
	}{
		{&modernc{codeBusy}, store.ErrUnavailable},
		{&modernc{codeFull}, store.ErrUnavailable},
		{&modernc{codeIO | 4<<8}, store.ErrUnavailable},
		{&modernc{codeInterrupt}, store.ErrUnavailable},
		{driver.ErrBadConn, store.ErrUnavailable},
		{&modernc{codeReadOnly}, store.ErrRefused},
		{fmt.Errorf("job: %w", store.ErrLeaseLost), store.ErrLeaseLost},
	} {
		if got := explain("insert jobs", test.err); !errors.Is(got, test.want) || !errors.Is(got, test.err) {
			t.Errorf("%#v is told as %v, want %v", test.err, got, test.want)
		}
	}
	for _, err := range []error{&modernc{codeCorrupt}, &modernc{19}, errors.New("plain")} {
		if got := explain("insert jobs", err); store.Temporary(got) {
			t.Errorf("%#v is told as %v, and would be tried again for ever", err, got)
		}
	}
}
