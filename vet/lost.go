package vet

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/types/typeutil"
)

// lose notes a function that is started beside, and that nobody waits for: when the process stops,
// what it had to do is lost.
func (w *walker) lose(at *ast.CallExpr, fun ast.Expr) {
	found := w.targets(fun, 0)
	if slices.ContainsFunc(found.functions, w.program.pumps) {
		return // it goes along with a connection, and is no work to be done
	}
	name := types.ExprString(fun)
	if _, literal := ast.Unparen(fun).(*ast.FuncLit); literal {
		name = "func"
	}
	step := "go " + name
	if at.Fun != fun {
		step = types.ExprString(at.Fun) + " " + name
	}
	w.add(effect{kind: lost, pos: w.startOf(at), end: at.End(), steps: []string{step}, inner: w.innerOf(found), beside: found.functions, timer: w.nameOf(at) == "time.AfterFunc"})
}

// startOf is where the go statement of a call begins, or the call.
func (w *walker) startOf(at *ast.CallExpr) token.Pos {
	if len(w.within) > 0 {
		if s, ok := w.within[len(w.within)-1].(*ast.GoStmt); ok {
			return s.Pos()
		}
	}
	return at.Pos()
}

// innerOf returns which work is lost, as far as other packages do it. What this one does is known
// once it has been walked: see settle.
func (w *walker) innerOf(found targets) kind {
	for _, f := range found.others {
		if r, ok := ruleOf(f); ok && r.kind != write {
			return r.kind
		}
		var known reaches
		if w.pass.ImportObjectFact(f, &known) {
			for _, r := range known.All {
				if r.Kind != write && r.Kind != lost {
					return r.Kind
				}
			}
		}
	}
	return ""
}

// startsHanded reports whether a function runs one that it is handed in a goroutine: then it is the
// caller's to say what is lost.
func (p *program) startsHanded(f *function) (starts bool) {
	inspect(f.body, func(n ast.Node) {
		if s, ok := n.(*ast.GoStmt); ok {
			starts = starts || p.usesHanded(f, s)
		}
	})
	return starts
}

// usesHanded reports whether a go statement names a parameter of the function that is a function.
func (p *program) usesHanded(f *function, s *ast.GoStmt) (uses bool) {
	handed := map[types.Object]bool{}
	for v := range f.sig.Params().Variables() {
		if _, ok := v.Type().Underlying().(*types.Signature); ok {
			handed[v] = true
		}
	}
	ast.Inspect(s, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && handed[p.pass.TypesInfo.Uses[id]] {
			uses = true
		}
		return true
	})
	return uses
}

// pumps reports whether a function goes on until something ends it: it loops without a condition,
// selects, or ranges over a channel.
func (p *program) pumps(f *function) bool {
	found := false
	inspect(f.body, func(n ast.Node) {
		switch n := n.(type) {
		case *ast.ForStmt:
			found = found || n.Cond == nil
		case *ast.SelectStmt:
			found = true
		case *ast.RangeStmt:
			_, channel := typeOf(p.pass, n.X).Underlying().(*types.Chan)
			found = found || channel
		}
	})
	return found
}

// waitsAfter reports whether the function waits for something behind a position: then what it
// has started before is what the user waits for too.
func (w *walker) waitsAfter(pos token.Pos) bool {
	found := false
	inspect(w.f.body, func(n ast.Node) {
		if n.Pos() < pos {
			if s, ok := n.(*ast.DeferStmt); ok && w.isWait(s.Call) {
				found = true
			}
			return
		}
		switch n := n.(type) {
		case *ast.CallExpr:
			found = found || w.isWait(n)
		case *ast.UnaryExpr:
			found = found || n.Op == token.ARROW
		case *ast.RangeStmt:
			_, channel := typeOf(w.pass, n.X).Underlying().(*types.Chan)
			found = found || channel
		}
	})
	return found
}

func (w *walker) isWait(c *ast.CallExpr) bool {
	f, ok := typeutil.Callee(w.pass.TypesInfo, c).(*types.Func)
	return ok && f.Name() == "Wait" && f.Signature().Recv() != nil
}

// inspect visits what is in a body, without the literals in it.
func inspect(body *ast.BlockStmt, visit func(ast.Node)) {
	ast.Inspect(body, func(n ast.Node) bool {
		if _, literal := n.(*ast.FuncLit); literal {
			return false
		}
		if n != nil {
			visit(n)
		}
		return true
	})
}
