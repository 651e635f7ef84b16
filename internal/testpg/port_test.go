package testpg

import "testing"

// Who is stopped for a while keeps its port: nobody else takes it until it is given back.
func TestAPortIsTakenOnce(t *testing.T) {
	p, err := takePort()
	if err != nil {
		t.Fatal(err)
	}
	if other, err := tryPort(p.number); err == nil {
		other.giveBack()
		t.Errorf("port %d was taken twice", p.number)
	}
	p.giveBack()
	again, err := tryPort(p.number)
	if err != nil {
		t.Errorf("port %d was given back, and can't be taken: %v", p.number, err)
	}
	again.giveBack()
}
