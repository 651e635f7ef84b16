package alert_test

func child(address string) {}
