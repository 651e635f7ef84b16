package vet

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/types/typeutil"
)

// An opened transaction is one that a function holds, and where: from Begin to Commit.
type opened struct {
	tx       *types.Var
	from, to token.Pos
}

// reportBesideTx reports jobs that are enqueued by the app while a transaction is open: they run
// even if it is rolled back, and before it is committed.
func (p *program) reportBesideTx() {
	for file := range p.files {
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Body != nil && !p.inline.inDoc(f.Doc) {
				p.besideTx(f.Type, f.Body, nil)
			}
		}
	}
}

// besideTx examines a function that may use the transactions of those around it.
func (p *program) besideTx(kind *ast.FuncType, body *ast.BlockStmt, around []opened) {
	open := append(around[:len(around):len(around)], p.openedIn(kind, body)...)
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			p.besideTx(n.Type, n.Body, at(open, n.Pos()))
			return false
		case *ast.CallExpr:
			if all := at(open, n.Pos()); len(all) > 0 {
				p.enqueuedBeside(n, all[len(all)-1].tx, len(all) == 1)
			}
		}
		return true
	})
}

// at returns what is open at a position, and can be named there.
func at(all []opened, pos token.Pos) (open []opened) {
	for _, o := range all {
		if o.from <= pos && pos < o.to && (o.tx.Parent() == nil || o.tx.Parent().Contains(pos)) {
			open = append(open, o)
		}
	}
	return open
}

// openedIn returns the transactions that a function is given, and that it begins.
func (p *program) openedIn(kind *ast.FuncType, body *ast.BlockStmt) (open []opened) {
	for _, field := range kind.Params.List {
		for _, name := range field.Names {
			if v, ok := p.pass.TypesInfo.Defs[name].(*types.Var); ok && isTx(v.Type()) && name.Name != "_" {
				open = append(open, opened{v, body.Pos(), p.committed(body, v, body.Pos())})
			}
		}
	}
	inspect(body, func(n ast.Node) {
		assign, ok := n.(*ast.AssignStmt)
		if !ok {
			return
		}
		id, ok := assign.Lhs[0].(*ast.Ident)
		if !ok || len(assign.Rhs) != 1 {
			return
		}
		if _, ok := ast.Unparen(assign.Rhs[0]).(*ast.CallExpr); !ok {
			return
		}
		if v, ok := p.pass.TypesInfo.ObjectOf(id).(*types.Var); ok && isTx(v.Type()) {
			open = append(open, opened{v, assign.End(), p.committed(body, v, assign.End())})
		}
	})
	return open
}

// committed returns where a transaction is committed for the first time behind a position, or the
// end of the function. What is deferred happens at the end.
func (p *program) committed(body *ast.BlockStmt, tx *types.Var, behind token.Pos) token.Pos {
	end := body.End()
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit, *ast.DeferStmt:
			return false
		case *ast.CallExpr:
			sel, ok := ast.Unparen(n.Fun).(*ast.SelectorExpr)
			if !ok || sel.Sel.Name != "Commit" || n.Pos() < behind || n.Pos() >= end {
				return true
			}
			if id, ok := ast.Unparen(sel.X).(*ast.Ident); ok && p.pass.TypesInfo.ObjectOf(id) == tx {
				end = n.Pos()
			}
		}
		return true
	})
	return end
}

// isTx reports whether t is what App.Tx takes: *sql.Tx, pgx.Tx, or what embeds one.
func isTx(t types.Type) bool {
	return isType(t, "database/sql", "Tx") || isType(t, "github.com/jackc/pgx", "Tx") || isType(t, "github.com/jmoiron/sqlx", "Tx") ||
		isType(t, "github.com/jackc/pgx/pgxpool", "Tx")
}

// enqueuedBeside reports a call that is given the app where it could be given the transaction, or
// that is a method of the app which the transaction has too.
func (p *program) enqueuedBeside(c *ast.CallExpr, tx *types.Var, sure bool) {
	if p.inline.at(c.Pos()) {
		return
	}
	f, ok := typeutil.Callee(p.pass.TypesInfo, c).(*types.Func)
	if !ok {
		return
	}
	for i, arg := range c.Args {
		if isApp(p.pass.TypesInfo.TypeOf(arg)) && i < f.Signature().Params().Len() &&
			isType(f.Signature().Params().At(i).Type(), ourModule, "Enqueuer") {
			p.beside(c, arg, tx, sure)
		}
	}
	sel, ok := ast.Unparen(c.Fun).(*ast.SelectorExpr)
	if ok && sel.Sel.Name == "Enqueue" && isApp(p.pass.TypesInfo.TypeOf(sel.X)) {
		p.beside(c, sel.X, tx, sure)
	}
}

func isApp(t types.Type) bool { return t != nil && isType(t, ourModule, "App") }

// beside reports an expression for the app. Where one transaction is open it suggests to use it; it
// can't know whether that is of the app's database.
func (p *program) beside(c *ast.CallExpr, app ast.Expr, tx *types.Var, sure bool) {
	with := fmt.Sprintf("%s.Tx(%s)", types.ExprString(app), tx.Name())
	fun, args := p.source(c.Fun), make([]string, len(c.Args))
	if sel, ok := ast.Unparen(c.Fun).(*ast.SelectorExpr); ok && sel.X == app {
		fun = with + "." + sel.Sel.Name
	}
	for i, arg := range c.Args {
		args[i] = p.source(arg)
		if arg == app {
			args[i] = with
		}
	}
	if c.Ellipsis.IsValid() {
		args[len(args)-1] += "..."
	}
	instead := fmt.Sprintf("instead: %s(%s)", fun, strings.Join(args, ", "))
	d := analysis.Diagnostic{
		Pos: app.Pos(), End: app.End(), Category: "tx",
		Message: fmt.Sprintf("the job is enqueued beside the transaction %s: it runs even if that is rolled back, and maybe before it is committed; enqueue by %s", tx.Name(), with),
		Related: []analysis.RelatedInformation{{Pos: app.Pos(), End: app.End(), Message: instead}},
	}
	if sure {
		d.SuggestedFixes = []analysis.SuggestedFix{{
			Message:   "Enqueue by " + with,
			TextEdits: []analysis.TextEdit{{Pos: app.End(), End: app.End(), NewText: fmt.Appendf(nil, ".Tx(%s)", tx.Name())}},
		}}
	}
	p.pass.Report(d)
}
