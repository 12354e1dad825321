// Package appservice is the homeserver's way to us: the registration file, the
// transactions it pushes, its questions about users and rooms, and its ping.
//
// A Registration is written once (NewRegistration, Write) and read at every start
// (Read). A Server answers the homeserver; it hands each transaction, split into
// raw events but not decoded, to a TransactionLog and says 200 only after that
// has it on disk.
package appservice
