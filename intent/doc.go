// Package intent is what acting as one Matrix user means: registering, joining by
// way of the bot, checking levels, sending once, and remembering what was learned.
// It is mautrix-python's IntentAPI in Go.
//
// A Pool hands out Intents, one per user, and is shared by all scripts of a host:
//
//	pool := intent.NewPool(intent.Config{…})
//	bot := pool.Bot("@_bh_irc:example.org")
//	ghost, err := bot.User("@_bh_irc_alice:example.org", intent.UserOptions{})
//	id, err := ghost.SendText(ctx, room, intent.SendTextOptions{Text: "hello"})
//
// Every call is a method: required arguments in the reference's order, the optional
// ones in one struct. All of them wait, all are bounded by their context, and inside a
// delivery.Unit sends are remembered as effects.
package intent
