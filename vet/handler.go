package vet

import "go/types"

// isHandler reports whether a function with this signature answers a request of a user.
func isHandler(sig *types.Signature) bool {
	var params []types.Type
	for v := range sig.Params().Variables() {
		params = append(params, v.Type())
	}
	switch len(params) {
	case 1:
		return isContext(params[0])
	case 2:
		return isWriter(params[0]) && isType(params[1], "net/http", "Request") ||
			isType(params[0], "context", "Context") && isType(params[1], "github.com/cloudwego/hertz/pkg/app", "RequestContext")
	case 3:
		return isWriter(params[0]) && isType(params[1], "net/http", "Request") && isType(params[2], "github.com/julienschmidt/httprouter", "Params")
	}
	return false
}

// isContext reports whether t is the one parameter that a framework's handlers have.
func isContext(t types.Type) bool {
	return isType(t, "github.com/gin-gonic/gin", "Context") ||
		isType(t, "github.com/labstack/echo", "Context") ||
		isType(t, "github.com/gofiber/fiber", "Ctx") ||
		isType(t, "github.com/valyala/fasthttp", "RequestCtx") ||
		isType(t, "github.com/kataras/iris/context", "Context") ||
		isType(t, "github.com/kataras/iris", "Context")
}

func isWriter(t types.Type) bool { return isType(t, "net/http", "ResponseWriter") }
