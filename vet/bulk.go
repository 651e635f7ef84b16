package vet

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/tools/go/types/typeutil"
)

// few is how many rounds of a loop are no matter.
const few = 16

// comment is what may stand before a statement.
const comment = `^\s*(--[^\n]*\n\s*|/\*.*?\*/\s*)*`

// Statements that write rows begin with one of these words, or have one behind WITH.
var (
	writes     = regexp.MustCompile(`(?is)` + comment + `(insert|update|delete|merge|replace|call)\b`)
	writesWith = regexp.MustCompile(`(?is)` + comment + `with\b.*\b(insert|update|delete|merge)\b`)
)

// writesRow reports whether a call sends a database one statement that writes. It is known by the
// form of the method, (context, statement, values…), whatever its type: so are those of database/sql,
// pgx, sqlx, and the interfaces that stand for them.
func (w *walker) writesRow(c *ast.CallExpr) bool {
	f, ok := typeutil.Callee(w.pass.TypesInfo, c).(*types.Func)
	if !ok || f.Signature().Recv() == nil || !slices.Contains([]string{"Exec", "ExecContext", "Query", "QueryContext", "QueryRow", "QueryRowContext"}, f.Name()) {
		return false
	}
	at := statementAt(f.Signature())
	if at < 0 || at >= len(c.Args) || w.program.declared[f.Origin()] != nil {
		return false
	}
	value := w.pass.TypesInfo.Types[c.Args[at]].Value
	if value == nil || value.Kind() != constant.String {
		return strings.HasPrefix(f.Name(), "Exec")
	}
	text := constant.StringVal(value)
	return writes.MatchString(text) || writesWith.MatchString(text)
}

// statementAt returns which parameter is the statement, or -1.
func statementAt(sig *types.Signature) int {
	n := sig.Params().Len()
	if !sig.Variadic() || n < 2 || n > 3 {
		return -1
	}
	if basic, ok := sig.Params().At(n - 2).Type().Underlying().(*types.Basic); !ok || basic.Kind() != types.String {
		return -1
	}
	if n == 3 && !isType(sig.Params().At(0).Type(), "context", "Context") {
		return -1
	}
	return n - 2
}

// write notes a row written: one, or one after the other.
func (w *walker) write(at ast.Node) {
	c, _ := at.(*ast.CallExpr)
	e := effect{kind: write, pos: at.Pos(), end: at.End(), steps: []string{"a statement"}, call: c}
	if c != nil {
		e.steps = []string{types.ExprString(c.Fun)}
	}
	if w.inLoop() {
		e.kind = bulk
	}
	w.add(e)
}

// inLoop reports whether the place is in a loop of the function that may have many rounds.
func (w *walker) inLoop() bool {
	for i := len(w.within) - 1; i > 0; i-- {
		body, ok := w.within[i].(*ast.BlockStmt)
		if !ok {
			continue
		}
		switch loop := w.within[i-1].(type) {
		case *ast.ForStmt:
			if loop.Body == body && w.many(loop.Cond) {
				return true
			}
		case *ast.RangeStmt:
			if loop.Body == body && !w.fewElements(loop.X) {
				return true
			}
		}
	}
	return false
}

// many reports whether a loop with this condition may have many rounds. One without a condition
// tries again until it succeeds; one that counts to a small number knows its end.
func (w *walker) many(cond ast.Expr) bool {
	if cond == nil {
		return false
	}
	binary, ok := ast.Unparen(cond).(*ast.BinaryExpr)
	if !ok {
		return true
	}
	switch binary.Op {
	case token.LSS, token.LEQ, token.GTR, token.GEQ, token.NEQ:
		return !w.small(binary.X) && !w.small(binary.Y)
	case token.LAND:
		return w.many(binary.X) && w.many(binary.Y)
	}
	return true
}

func (w *walker) small(e ast.Expr) bool {
	value := w.pass.TypesInfo.Types[e].Value
	if value == nil || value.Kind() != constant.Int {
		return false
	}
	n, exact := constant.Int64Val(value)
	return exact && n > 0 && n <= few
}

// fewElements reports whether what is ranged over is written out, or small by its type.
func (w *walker) fewElements(e ast.Expr) bool {
	if w.small(e) {
		return true
	}
	if literal, ok := ast.Unparen(e).(*ast.CompositeLit); ok {
		return len(literal.Elts) <= few
	}
	array, ok := typeOf(w.pass, e).Underlying().(*types.Array)
	return ok && array.Len() <= few
}
