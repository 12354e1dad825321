// Package matrix is the wire: identifiers, events, errors and the client-server
// calls, in the words of the Matrix specification. It knows nothing of scripts,
// stores or who acts; package intent decides that.
package matrix
