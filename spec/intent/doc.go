// Package intent holds what every function of intent, its api and log, and of the state
// store does: one NAME_spec.lua for a function (GROUP.NAME_spec.lua where the group is not
// intent), one t.it for a sentence of its contract.
//
// They run on devserver in virtual time, and, with BRIDGEHOST_SYNAPSE_PYTHON set, on a real
// Synapse. What is declared and no sentence reaches fails the run, and so does a request
// that a function makes and its declaration does not name.
//
//	go test ./spec/intent                                  all, on devserver
//	go run ./cmd/bridgehost test spec/intent/NAME_spec.lua one of them
//	go test ./spec/intent -run Synapse/ensure_joined       one of them, on Synapse
package intent
