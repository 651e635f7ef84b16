package madeup

import "testing"

func TestShop(t *testing.T) {
	shop, err := Open(t.Context(), "memory:")
	if err != nil {
		t.Fatal(err)
	}
	if err := shop.Close(); err != nil {
		t.Fatal(err)
	}
}
