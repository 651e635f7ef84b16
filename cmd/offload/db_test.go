package main

import (
	"strings"
	"testing"
)

func TestPlainAddress(t *testing.T) {
	for address, want := range map[string]string{
		"postgres://app:secret@db/shop":                                 "postgres://app:secret@db/shop",
		"postgres://app@db/shop?schema=jobs&sslmode=require":            "postgres://app@db/shop?sslmode=require",
		"postgres://app@db/shop?pooler=transaction&application_name=me": "postgres://app@db/shop?application_name=me&default_query_exec_mode=exec",
		"postgres://app@db/shop?pooler=none":                            "postgres://app@db/shop",
	} {
		if got, err := plainAddress(address); err != nil || got != want {
			t.Errorf("%s became %s, %v; want %s", address, got, err, want)
		}
	}
	if _, err := plainAddress("postgres://app:secret@db:%zz/shop"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("an address that is none gave %v", err)
	}
}
