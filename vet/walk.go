package vet

import (
	"go/ast"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/types/typeutil"
)

// A walker goes through the body of one function, without the literals in it, and notes what it
// does and whom it calls.
type walker struct {
	*program
	f      *function
	within []ast.Node // what encloses the node, from the body on
}

func (w *walker) walk() {
	ast.Inspect(w.f.body, func(n ast.Node) bool {
		if n == nil {
			w.within = w.within[:len(w.within)-1]
			return false
		}
		deeper := w.visit(n)
		if deeper {
			w.within = append(w.within, n)
		}
		return deeper
	})
}

// visit reports whether what is in the node shall be visited too.
func (w *walker) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.FuncLit:
		return false // a function of its own
	case *ast.CallExpr:
		w.visitCall(n)
	case *ast.RangeStmt:
		w.run(n.X, n.X) // of a function: it is called
	case *ast.CompositeLit:
		w.visitSteps(n)
	case *ast.ReturnStmt:
		w.visitReturn(n)
	case *ast.UnaryExpr:
		w.visitReceive(n)
	}
	return true
}

// visitSteps follows the functions in a list, such as the steps of a loop.
func (w *walker) visitSteps(n *ast.CompositeLit) {
	if _, fields := typeOf(w.pass, n).Underlying().(*types.Struct); fields {
		return
	}
	for _, element := range n.Elts {
		if pair, ok := element.(*ast.KeyValueExpr); ok {
			element = pair.Value
		}
		if sig, ok := typeOf(w.pass, element).(*types.Signature); ok && !isHandler(sig) {
			w.run(element, element)
		}
	}
}

// visitReturn follows an iterator that is returned: who makes it ranges over it.
func (w *walker) visitReturn(n *ast.ReturnStmt) {
	for _, result := range n.Results {
		sig, ok := typeOf(w.pass, result).(*types.Signature)
		if ok && sig.Params().Len() == 1 && sig.Results().Len() == 0 {
			if _, ok := sig.Params().At(0).Type().Underlying().(*types.Signature); ok {
				w.run(result, result)
			}
		}
	}
}

// visitReceive finds <-time.After(d), which is a sleep, unless it is a case of a select.
func (w *walker) visitReceive(n *ast.UnaryExpr) {
	c, ok := ast.Unparen(n.X).(*ast.CallExpr)
	if n.Op != token.ARROW || !ok {
		return
	}
	for i := len(w.within) - 1; i >= 0 && i >= len(w.within)-2; i-- {
		if _, ok := w.within[i].(*ast.CommClause); ok {
			return
		}
	}
	if f, ok := typeutil.Callee(w.pass.TypesInfo, c).(*types.Func); ok && f.FullName() == "time.After" {
		w.add(effect{kind: sleep, pos: n.Pos(), end: n.End(), steps: []string{"<-time.After"}, call: c})
	}
}

// add adds an effect, unless somebody has said that it shall be here.
func (w *walker) add(e effect) {
	if !w.stays(e.pos) {
		w.f.add(e)
	}
}

// stays reports whether the line of a position, or that of the statement it is in, is marked.
func (w *walker) stays(pos token.Pos) bool { return w.inline.at(pos, w.statement()) }

// statement is where the innermost statement begins.
func (w *walker) statement() token.Pos {
	for i := len(w.within) - 1; i >= 0; i-- {
		if s, ok := w.within[i].(ast.Stmt); ok {
			if _, block := s.(*ast.BlockStmt); !block {
				return s.Pos()
			}
			break
		}
	}
	return token.NoPos
}

func (w *walker) visitCall(c *ast.CallExpr) {
	if len(w.within) > 0 {
		if s, ok := w.within[len(w.within)-1].(*ast.GoStmt); ok && !w.waitsAfter(s.Pos()) {
			if !w.f.starts || !w.program.usesHanded(w.f, s) {
				w.lose(c, c.Fun)
			}
			return
		}
	}
	if w.pass.TypesInfo.Types[c.Fun].IsType() {
		return // a conversion
	}
	w.run(c.Fun, c)
	w.visitArgs(c)
}

// visitArgs follows the functions that are handed to another: it calls them before it returns, as
// far as nothing else is known.
func (w *walker) visitArgs(c *ast.CallExpr) {
	how := w.keeping(c)
	for _, arg := range c.Args {
		if sig, ok := typeOf(w.pass, arg).(*types.Signature); !ok || isHandler(sig) {
			continue
		}
		switch how {
		case runsNow:
			w.run(arg, arg)
		case runsBeside:
			w.lose(c, arg)
		}
	}
}

// How a function runs those that it is handed.
type running int

const (
	runsNow running = iota
	runsBeside
	runsElsewhere
)

func (w *walker) keeping(c *ast.CallExpr) running {
	f, ok := typeutil.Callee(w.pass.TypesInfo, c).(*types.Func)
	if !ok || f.Pkg() == nil {
		return runsNow
	}
	if isOurs(f.Pkg().Path()) {
		return runsElsewhere // bound to a task
	}
	switch f.FullName() {
	case "time.AfterFunc":
		return runsBeside
	case "context.AfterFunc", "runtime.SetFinalizer", "runtime.AddCleanup":
		return runsElsewhere
	case "(*sync.WaitGroup).Go", "(*golang.org/x/sync/errgroup.Group).Go":
		return w.besideUnlessWaited(c)
	}
	if to := w.declared[f.Origin()]; to != nil && to.starts {
		return w.besideUnlessWaited(c)
	}
	var known reaches
	if w.pass.ImportObjectFact(f.Origin(), &known) && known.Starts {
		return w.besideUnlessWaited(c)
	}
	return runsNow
}

func (w *walker) besideUnlessWaited(c *ast.CallExpr) running {
	if w.waitsAfter(c.Pos()) {
		return runsNow
	}
	return runsBeside
}

// run notes that a function is called at a place: one of this package, or what is known of another.
func (w *walker) run(fun ast.Expr, at ast.Node) {
	c, _ := at.(*ast.CallExpr)
	if c != nil && w.writesRow(c) {
		w.write(c)
		return
	}
	found := w.targets(fun, 0)
	for _, to := range found.functions {
		w.edge(to, at)
	}
	for _, f := range found.others {
		w.runOther(f, c, at)
	}
}

func (w *walker) edge(to *function, at ast.Node) {
	if to == w.f || w.stays(at.Pos()) {
		return
	}
	w.f.calls = append(w.f.calls, edge{to: to, pos: at.Pos(), end: at.End(), loop: w.inLoop()})
}

// runOther notes a call of a function of another package, or a method of an interface.
func (w *walker) runOther(f *types.Func, c *ast.CallExpr, at ast.Node) {
	if r, ok := ruleOf(f); ok {
		switch {
		case r.kind == write:
			w.write(at)
		case r.loop && !w.inLoop(), (r.kind == archive || r.kind == pack) && c != nil && w.isStream(c):
		default:
			w.add(effect{kind: r.kind, pos: at.Pos(), end: at.End(), steps: []string{shortName(f)}, call: c})
		}
		return
	}
	for _, to := range w.implementing(f) {
		w.edge(to, at)
	}
	var known reaches
	if !w.pass.ImportObjectFact(f, &known) {
		return
	}
	for _, r := range known.All {
		k := r.Kind
		if k == write {
			if !w.inLoop() {
				w.add(effect{kind: write, pos: at.Pos(), end: at.End(), steps: append([]string{shortName(f)}, r.Steps...)})
				continue
			}
			k = bulk
		}
		w.add(effect{kind: k, pos: at.Pos(), end: at.End(), steps: append([]string{shortName(f)}, r.Steps...), inner: r.Inner, more: r.More})
	}
}

// isStream reports whether an archive is written into an answer, or read from a request: that is
// the coding of what is transferred.
func (w *walker) isStream(c *ast.CallExpr) bool {
	if len(c.Args) == 0 {
		return false
	}
	if isWriter(typeOf(w.pass, c.Args[0])) {
		return true
	}
	sel, ok := ast.Unparen(c.Args[0]).(*ast.SelectorExpr)
	return ok && sel.Sel.Name == "Body" &&
		(isType(typeOf(w.pass, sel.X), "net/http", "Request") || isType(typeOf(w.pass, sel.X), "net/http", "Response"))
}

// shortName names a function of another package: "smtp.SendMail", "http.Client.Do".
func shortName(f *types.Func) string { return f.Pkg().Name() + "." + nameIn(f) }
