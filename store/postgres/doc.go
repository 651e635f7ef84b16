// Package postgres keeps jobs in PostgreSQL 13 or later, for any number of processes on any
// number of machines.
//
//	app, err := offload.Open(ctx, "postgres://user:password@host/database")
//
// A program with a pool of its own shares it, so that its transactions can hold jobs too:
//
//	s, err := postgres.New(ctx, pool, "") // a *pgxpool.Pool; the schema "offload"
//	app, err := offload.New(ctx, s)
//
// # Address
//
// What pgx takes, and in the query:
//
//	schema=NAME           where the tables are; "offload" if not given
//	pooler=transaction    the address is that of a pooler that lends connections for a transaction
//	pooler=session        it is that of one that lends them for a session
//	pooler=none           it is the server itself
//
// Without pooler the store finds out by itself. Behind a transaction pooler nothing may outlast
// a transaction: statements are not kept prepared, settings go with each one, and there is no
// LISTEN, so that processes ask for work several times a second.
//
// # Connections
//
// Inserts and questions use the pool. Claim, Finish, Beat and what else the engine must be able
// to do while handlers hold every connection of the pool have at most two connections of their
// own, and LISTEN a third, all made from the pool's configuration.
//
// # Rights
//
// To migrate: CREATE on the database, or on the schema if it is there already. To work: SELECT,
// INSERT, UPDATE and DELETE on the tables of the schema, EXECUTE on its functions.
//
// # Durability
//
// What the store commits is committed with synchronous_commit on, even where the role or the
// database has it off; a stronger setting stays. Within the caller's transaction it is the
// caller's. A server with fsync or full_page_writes off loses jobs when the power goes: that is
// said in the log, and by the doctor.
//
// The statements, each with its reason and plan, are in the folder sql, the tables in
// schema.sql.
package postgres
