package postgres

import (
	"errors"
	"testing"

	"github.com/offloadhq/offload/store"
)

func TestNewRefusesWithoutAStore(t *testing.T) {
	s, err := New(t.Context(), nil, "")
	if !errors.Is(err, store.ErrRefused) || s != nil {
		t.Errorf("New on no pool = %v, %v; want nil and ErrRefused", s, err)
	}
}
