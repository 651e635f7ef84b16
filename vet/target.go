package vet

import (
	"go/ast"
	"go/types"

	"golang.org/x/tools/go/analysis"
)

// targets are the functions that an expression may be.
type targets struct {
	functions []*function   // with a body, in this package
	others    []*types.Func // of other packages, and methods of interfaces
}

// maxHops is how many variables in a row are looked through.
const maxHops = 4

// targets returns what a function-valued expression may be: a name, a method, a literal, or what a
// variable was given.
func (p *program) targets(expr ast.Expr, hops int) (found targets) {
	switch e := ast.Unparen(expr).(type) {
	case *ast.FuncLit:
		if f := p.literals[e]; f != nil {
			found.functions = append(found.functions, f)
		}
		return found
	case *ast.IndexExpr: // of a generic function
		return p.targets(e.X, hops)
	case *ast.IndexListExpr:
		return p.targets(e.X, hops)
	case *ast.SelectorExpr:
		return p.targetsOf(p.pass.TypesInfo.Uses[e.Sel], hops)
	case *ast.Ident:
		return p.targetsOf(p.pass.TypesInfo.Uses[e], hops)
	case *ast.CallExpr: // a conversion
		if p.pass.TypesInfo.Types[e.Fun].IsType() && len(e.Args) == 1 {
			return p.targets(e.Args[0], hops)
		}
	}
	return found
}

func (p *program) targetsOf(obj types.Object, hops int) (found targets) {
	switch obj := obj.(type) {
	case *types.Func:
		obj = obj.Origin()
		switch f := p.declared[obj]; {
		case f != nil:
			found.functions = append(found.functions, f)
		case obj.Pkg() != nil:
			found.others = append(found.others, obj)
		}
	case *types.Var:
		if hops >= maxHops {
			return found
		}
		for _, value := range p.held[obj] {
			more := p.targets(value, hops+1)
			found.functions = append(found.functions, more.functions...)
			found.others = append(found.others, more.others...)
		}
	}
	return found
}

// implementing returns the methods that a method of an interface of this package may be, as far as
// their types are in this package too. Of other people's modules that would be too many: a library
// that may run a program in some setting does not run one for everybody.
func (p *program) implementing(f *types.Func) (found []*function) {
	named := receiver(f)
	if named == nil || f.Pkg() != p.pass.Pkg || foreign(p.pass) {
		return nil
	}
	iface, ok := named.Underlying().(*types.Interface)
	if !ok || named.TypeParams().Len() > 0 {
		return nil
	}
	if found, ok := p.methods[f]; ok {
		return found
	}
	defer func() { p.methods[f] = found }()
	scope := p.pass.Pkg.Scope()
	for _, name := range scope.Names() {
		t, ok := scope.Lookup(name).(*types.TypeName)
		if !ok || t.IsAlias() || types.IsInterface(t.Type()) || isGeneric(t) {
			continue
		}
		pointer := types.NewPointer(t.Type())
		if !types.Implements(pointer, iface) {
			continue
		}
		method, _, _ := types.LookupFieldOrMethod(pointer, true, p.pass.Pkg, f.Name())
		if m, ok := method.(*types.Func); ok {
			if to := p.declared[m.Origin()]; to != nil {
				found = append(found, to)
			}
		}
	}
	return found
}

func isGeneric(t *types.TypeName) bool {
	named, ok := t.Type().(*types.Named)
	return ok && named.TypeParams().Len() > 0
}

// typeOf returns the type of an expression, not that of a name for it. It is never nil.
func typeOf(pass *analysis.Pass, e ast.Expr) types.Type {
	t := pass.TypesInfo.TypeOf(e)
	if t == nil {
		return types.Typ[types.Invalid]
	}
	if sig, ok := t.Underlying().(*types.Signature); ok {
		return sig
	}
	return t
}
