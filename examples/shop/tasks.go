package shop

import (
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/image"
	"github.com/offloadhq/offload/kit/mail"
	"github.com/offloadhq/offload/kit/notify"
	"github.com/offloadhq/offload/kit/push"
	"github.com/offloadhq/offload/kit/sms"
	"github.com/offloadhq/offload/kit/webhook"
)

// The tasks of the shop, beside those of kits. They are declared here, where everybody can
// enqueue them; shop.go binds each to its handler, a method that has the shop's database at hand.
var (
	// Charge asks the payment service for the money. It fails one call in three, and must not
	// keep the customer waiting, so it is tried again soon (payment.go).
	Charge = offload.Declare[OrderRef]("charge", offload.Queue("payment"),
		offload.MaxAttempts(10), offload.Timeout(10*time.Second), offload.Backoff(soon))

	// Reserve takes what was ordered out of the stock, exactly once (orders.go).
	Reserve = offload.Declare[OrderRef]("reserve")

	// Report writes down what was sold on a day, and mails it to the owner (nightly.go).
	Report = offload.Declare[Day]("report")

	// ImportPast brings in orders of former years, for there to be many (past.go).
	ImportPast = offload.Declare[Past]("import-past", offload.Queue("export"), offload.Timeout(time.Hour))
)

// TaskNames are the names of all tasks that the shop has, those of kits too, in the order of
// an order's life.
var TaskNames = []string{
	mail.Send.Name(), Reserve.Name(), Charge.Name(), image.Render.Name(), webhook.Deliver.Name(),
	"derive.fill." + fillDelivery, notify.Notify.Name(), push.Send.Name(), sms.Send.Name(), exportTask, ImportPast.Name(), Report.Name(),
}

// An input says what the job is about, not what is known of it: the handler reads that when it
// runs, and it is right then.

// OrderRef is the input of a job that is about an order.
type OrderRef struct {
	Order int64 `json:"order"`
}

// soon waits 0.3 s after the first failure, and twice as long after each further one, up to a
// minute.
func soon(failures int, _ error) time.Duration {
	return min(300*time.Millisecond<<min(failures-1, 10), time.Minute)
}
