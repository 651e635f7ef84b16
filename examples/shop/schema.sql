-- The shop's own tables. They share their file with offload's, and so their transactions.

CREATE TABLE IF NOT EXISTS products (
    name    TEXT PRIMARY KEY,
    cents   INTEGER NOT NULL,
    stocked INTEGER NOT NULL,                   -- when the shop was opened first
    stock   INTEGER NOT NULL CHECK (stock >= 0) -- now
);

CREATE TABLE IF NOT EXISTS orders (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    placed   TEXT    NOT NULL,
    customer TEXT    NOT NULL,
    email    TEXT    NOT NULL,
    product  TEXT    NOT NULL REFERENCES products (name),
    quantity INTEGER NOT NULL,
    cents    INTEGER NOT NULL,  -- of the whole order
    photo    TEXT    NOT NULL   -- path of the photo to print, '' if none
);

-- How far the payment of an order is: the row that the order's page shows.
CREATE TABLE IF NOT EXISTS payments (
    order_id INTEGER PRIMARY KEY REFERENCES orders (id),
    status   TEXT    NOT NULL,            -- queued, calling, retrying, done, failed
    calls    INTEGER NOT NULL DEFAULT 0,
    cents    INTEGER NOT NULL DEFAULT 0,  -- charged
    note     TEXT    NOT NULL DEFAULT ''  -- the receipt, or what went wrong
);

-- What happened to an order. Nothing here keeps an entry from being written twice: that each is
-- there once is what the transactions are for.
CREATE TABLE IF NOT EXISTS audits (
    order_id INTEGER NOT NULL REFERENCES orders (id),
    event    TEXT    NOT NULL,  -- placed, reserved
    at       TEXT    NOT NULL
);
CREATE INDEX IF NOT EXISTS audits_order ON audits (order_id);

CREATE TABLE IF NOT EXISTS exports (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    last_order INTEGER NOT NULL,  -- the export holds all orders up to this one
    status     TEXT    NOT NULL   -- queued, written, mailed
);
