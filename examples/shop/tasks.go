package shop

import (
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/image"
)

// The tasks of the shop, beside those of kits (thumbnails.go). They are declared here, where everybody can enqueue them; shop.go
// binds each to its handler, a method that has the shop's database at hand.
var (
	// Confirm mails the customer that the order has come in (mail.go).
	Confirm = offload.Declare[OrderRef]("confirm", offload.Queue("mail"))

	// Charge asks the payment service for the money. It fails one call in three, and must not
	// keep the customer waiting, so it is tried again soon (payment.go).
	Charge = offload.Declare[OrderRef]("charge", offload.Queue("payment"),
		offload.MaxAttempts(10), offload.Timeout(10*time.Second), offload.Backoff(soon))

	// Reserve takes what was ordered out of the stock, exactly once (orders.go).
	Reserve = offload.Declare[OrderRef]("reserve")

	// Export writes all orders into a CSV file, MailExport sends it to the owner (export.go).
	Export     = offload.Declare[ExportRef]("export", offload.Queue("export"))
	MailExport = offload.Declare[ExportRef]("mail-export", offload.Queue("mail"))
)

// taskNames are the names of all of them, in the order of an order's life.
var taskNames = []string{
	Confirm.Name(), Reserve.Name(), Charge.Name(), image.Render.Name(), Export.Name(), MailExport.Name(),
}

// An input says what the job is about, not what is known of it: the handler reads that when it
// runs, and it is right then.

// OrderRef is the input of a job that is about an order.
type OrderRef struct {
	Order int64 `json:"order"`
}

// ExportRef is the input of a job that is about an export.
type ExportRef struct {
	Export int64 `json:"export"`
}

// soon waits 0.3 s after the first failure, and twice as long after each further one, up to a
// minute.
func soon(failures int, _ error) time.Duration {
	return min(300*time.Millisecond<<min(failures-1, 10), time.Minute)
}
