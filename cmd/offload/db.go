package main

import (
	"database/sql"
	"errors"
	"net/url"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/offloadhq/offload/store"
)

// openDB opens the database at an address of a store as one of SQL.
func openDB(address string) (*sql.DB, error) {
	if store.Scheme(address) == "sqlite" {
		return sql.Open("sqlite", "file:"+(&url.URL{Path: pathOf(address)}).EscapedPath()+"?mode=rw&_pragma=busy_timeout(5000)")
	}
	plain, err := plainAddress(address)
	if err != nil {
		return nil, err
	}
	return sql.Open("pgx", plain)
}

// plainAddress is the address of a PostgreSQL store for a driver, which would hand to the server what only we know.
func plainAddress(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil { // which has the password in it
		return "", errors.New("the address is no URL; want postgres://user:password@host:port/database")
	}
	q := u.Query()
	if q.Get("pooler") == "transaction" {
		q.Set("default_query_exec_mode", "exec")
	}
	q.Del("pooler")
	q.Del("schema")
	u.RawQuery = q.Encode()
	return u.String(), nil
}
