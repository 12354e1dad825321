// Package conformance holds scenarios recorded from mautrix-python's IntentAPI, and a
// test that plays each of them through exec against a homeserver that records: what is
// asked of it, what comes back, and what the state store knows afterwards must be equal.
//
// A scenario is a JSON object: name; config (what differs from defaultConfig); intents
// and store (the scene); server (rules of the homeserver's, the first that matches and
// is not used up answers); steps; inspect (what the store is asked at the end); tolerate
// (which differences are allowed, see compare_test.go); expect. testdata/driver.lua
// performs steps and prints their outcomes.
package conformance
