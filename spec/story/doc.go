// Package story tells what a new user does, from the first script to a bundle that others
// install, with nothing but the program: once on devserver, once on a real Synapse.
package story
