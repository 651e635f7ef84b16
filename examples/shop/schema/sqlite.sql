-- The shop's own tables. They share their file with offload's, and so their transactions.

CREATE TABLE IF NOT EXISTS products (
    name    TEXT PRIMARY KEY,
    cents   INTEGER NOT NULL,
    stocked INTEGER NOT NULL,                   -- when the shop was opened first
    stock   INTEGER NOT NULL CHECK (stock >= 0) -- now
);

CREATE TABLE IF NOT EXISTS orders (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    placed     TEXT    NOT NULL,
    customer   TEXT    NOT NULL,
    email      TEXT    NOT NULL,
    product    TEXT    NOT NULL REFERENCES products (name),
    quantity   INTEGER NOT NULL,
    cents      INTEGER NOT NULL,             -- of the whole order
    photo      TEXT    NOT NULL,             -- name of the photo to print, '' if none
    deliver_by TEXT    NOT NULL,             -- the day that the customer has asked for, or else one that is filled in
    payment    TEXT    NOT NULL DEFAULT '',  -- how far the payment is, in words: kept true by kit/status
    charge_job TEXT    NOT NULL DEFAULT '',  -- the job that asks for the money
    charged    INTEGER NOT NULL DEFAULT 0,   -- cents
    receipt    TEXT    NOT NULL DEFAULT ''   -- of the payment service
);

-- Whom the shop knows, and how they want to be told.
CREATE TABLE IF NOT EXISTS customers (
    email TEXT PRIMARY KEY,
    name  TEXT NOT NULL,
    phone TEXT NOT NULL,  -- "+436641234567", '' if none
    push  TEXT NOT NULL   -- where pushes go, as JSON; '' if nowhere
);

-- What the supplier earns from an order.
CREATE TABLE IF NOT EXISTS earnings (
    order_id INTEGER PRIMARY KEY REFERENCES orders (id),
    cents    INTEGER NOT NULL
);

-- The orders of former years, which nobody changes any more.
CREATE TABLE IF NOT EXISTS past_orders (
    id       INTEGER PRIMARY KEY,
    placed   TEXT    NOT NULL,
    customer TEXT    NOT NULL,
    email    TEXT    NOT NULL,
    product  TEXT    NOT NULL,
    quantity INTEGER NOT NULL,
    cents    INTEGER NOT NULL
);

-- What was sold on a day.
CREATE TABLE IF NOT EXISTS reports (
    day    TEXT PRIMARY KEY,  -- 2026-11-27
    orders INTEGER NOT NULL,
    cents  INTEGER NOT NULL
);
