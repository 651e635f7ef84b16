// Package frameworks has handlers of other forms.
package frameworks

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/gofiber/fiber/v2"
	"github.com/labstack/echo/v4"
)

func ofGin(c *gin.Context) {
	time.Sleep(time.Second) // want `sleeps while the user waits`
}

func ofEcho(c echo.Context) error {
	time.Sleep(time.Second) // want `sleeps while the user waits`
	return nil
}

func ofFiber(c *fiber.Ctx) error {
	time.Sleep(time.Second) // want `sleeps while the user waits`
	return nil
}

func routes(e *gin.Engine) {
	e.POST("/orders", func(c *gin.Context) {
		time.Sleep(time.Second) // want `sleeps while the user waits`
	})
}

func ofNobody(d time.Duration) {
	time.Sleep(d)
}

// An event has the request and the answer, as the contexts of many frameworks have.
type event struct {
	http.ResponseWriter
	request
}

type request struct{ r *http.Request }

func ofEvents(e *event) error {
	time.Sleep(time.Second) // want `sleeps while the user waits: ofEvents → time.Sleep`
	return nil
}

func ofRequests(r *request) {
	time.Sleep(time.Second)
}
