package luabind

import (
	"encoding/json"

	"github.com/hashicorp/go-hclog"
	lua "github.com/yuin/gopher-lua"

	"bridgehost/capability"
	"bridgehost/intent"
	"bridgehost/matrix"
)

var intentClass = class("intent", "Acts as one Matrix user: the script's bot (the global intent), a ghost, a double puppet. A bot or ghost that the homeserver turns out not to know is registered, whatever is called. Methods and their arguments are those of mautrix-python's IntentAPI.",
	holds[*intent.Intent]())

// Intent is the Lua object of an intent; the same for the same one, so that it can be compared.
func (env *Env) Intent(i *intent.Intent) lua.LValue {
	if i == nil {
		return lua.LNil
	}
	if was := env.intents[i]; was != nil {
		return was
	}
	if len(env.intents) >= maxIntents {
		clear(env.intents)
	}
	made := env.Object(intentClass, i)
	env.intents[i] = made
	return made
}

// maxIntents bounds how many objects of intents a VM keeps for comparing.
const maxIntents = 4096

var (
	_ = field(intentClass, "mxid", "string", "The user ID of the user that acts.",
		func(_ *Env, i *intent.Intent) lua.LValue { return lua.LString(i.MXID()) })
	_ = field(intentClass, "localpart", "string", "The user ID's part before the server name, without @.",
		func(_ *Env, i *intent.Intent) lua.LValue { return lua.LString(i.MXID().Localpart()) })
	_ = field(intentClass, "domain", "string", "The server name in the user ID.",
		func(_ *Env, i *intent.Intent) lua.LValue { return lua.LString(i.MXID().Server()) })
	_ = field(intentClass, "bot", "intent?", "The bot that helps this user into rooms; nil on a bot itself.",
		func(env *Env, i *intent.Intent) lua.LValue { return env.Intent(i.Bot()) })
	_ = field(intentClass, "state_store", "state_store", "What the host knows of rooms and users.",
		func(env *Env, i *intent.Intent) lua.LValue {
			return env.Object(stateStoreClass, stateStore{i.StateStore(), i.Pool()})
		})
	_ = field(intentClass, "log", "intent_log", "The log of this user's calls.",
		func(env *Env, i *intent.Intent) lua.LValue { return env.Object(intentLogClass, intentLog{i}) })
	_ = field(intentClass, "api", "api", "Requests of one's own as this user.",
		func(env *Env, i *intent.Intent) lua.LValue { return env.Object(apiClass, api{i}) })

	_ = metamethod(intentClass, "__tostring", func(*Env) lua.LGFunction {
		return func(L *lua.LState) int {
			if i, ok := selfOf[*intent.Intent](L.Get(1)); ok {
				L.Push(lua.LString("intent of " + string(i.MXID())))
				return 1
			}
			L.Push(lua.LString("intent"))
			return 1
		}
	})
)

// eventArgs are the options of every call that sends an event.
type eventArgs struct {
	Timestamp    int64             `lua:"timestamp,opt" doc:"when it happened, in milliseconds, in place of now"`
	EnsureJoined *bool             `lua:"ensure_joined,opt" default:"true" doc:"join the room first when needed"`
	Headers      map[string]string `lua:"headers,opt" doc:"further headers of the request"`
	QueryParams  QueryParams       `lua:"query_params,opt" doc:"further query parameters of the request"`
	RetryCount   *int              `lua:"retry_count,opt" doc:"how often the request is repeated when the homeserver cannot answer"`
}

// txnArgs are those of events that have a transaction id.
type txnArgs struct {
	eventArgs
	TxnID string `lua:"txn_id,opt" doc:"the transaction id; made from the handled event when left out"`
}

func (a eventArgs) options() intent.EventOptions {
	return intent.EventOptions{Timestamp: a.Timestamp, EnsureJoined: a.EnsureJoined, Headers: a.Headers,
		QueryParams: a.QueryParams, RetryCount: a.RetryCount}
}

func (a txnArgs) options() intent.EventOptions {
	o := a.eventArgs.options()
	o.TxnID = a.TxnID
	return o
}

// optional is nil for "", which stands for absent.
func optional[S ~string](s S) *S {
	if s == "" {
		return nil
	}
	return &s
}

// raws are the items of a list as JSON.
func raws(list []Map) []json.RawMessage {
	if list == nil {
		return nil
	}
	out := make([]json.RawMessage, len(list))
	for i, m := range list {
		out[i] = json.RawMessage(m)
	}
	return out
}

var _ = method(intentClass, "user", capability.MatrixGhosts, never,
	`Gives the intent of another user: a ghost, or with a token a double puppet, a real user who lends the script the account. Nothing is asked of the homeserver. `+
		`What a double puppet sends has the key fi.mau.double_puppet_source, so that the bridge knows it as its own. The same arguments give the same intent.`,
	func(c *Call, i *intent.Intent, a *struct {
		User     string `lua:"user_id" type:"user ID" doc:"the user"`
		Token    string `lua:"token,opt" doc:"the user's own access token"`
		BaseURL  string `lua:"base_url,opt" doc:"the user's own homeserver, when it is another one"`
		ASToken  bool   `lua:"as_token,opt" default:"false" doc:"the token is another application service's"`
		DeviceID string `lua:"device_id,opt" doc:"acts as this device, which must exist (PUT /_matrix/client/v3/devices/ID makes it); not with the user's own token"`
	}) (*intent.Intent, error) {
		return i.User(matrix.UserID(a.User), intent.UserOptions{Token: a.Token, BaseURL: a.BaseURL, ASToken: a.ASToken, DeviceID: a.DeviceID})
	}, takes(actsAs), results("The intent."), example(`intent:user("@_bh_carol:" .. intent.domain):send_text(room_id, "hello")`))

var apiClass = class("api", "Requests of one's own as one user.", holds[api]())

type api struct{ intent *intent.Intent }

var _ = method(apiClass, "request", capability.MatrixRaw, waits,
	`Makes a request of the homeserver as this user and returns the answer, decoded. Nothing is registered or joined first, and the state store learns nothing. `+
		`The path may be escaped or not, and may have a query.`,
	func(c *Call, s api, a *struct {
		Method      string            `lua:"method" doc:"GET, PUT, POST or DELETE"`
		Path        string            `lua:"path" doc:"such as /_matrix/client/v3/account/whoami"`
		Content     JSON              `lua:"content,opt" doc:"the body, sent as JSON"`
		Timestamp   int64             `lua:"timestamp,opt" doc:"becomes the query parameter ts, milliseconds"`
		Headers     map[string]string `lua:"headers,opt" doc:"further headers"`
		QueryParams QueryParams       `lua:"query_params,opt" doc:"query parameters"`
		RetryCount  *int              `lua:"retry_count,opt" doc:"how often it is repeated when the homeserver cannot answer"`
	}) (json.RawMessage, error) {
		return s.intent.Request(c.Context(), a.Method, a.Path, intent.RequestOptions{Content: json.RawMessage(a.Content), Timestamp: a.Timestamp,
			Headers: a.Headers, QueryParams: a.QueryParams, RetryCount: a.RetryCount})
	}, takes(asksItself), errcodes("M_FORBIDDEN", "M_NOT_FOUND", "M_UNRECOGNIZED"), results("The answer: a table, most often."),
	example(`intent.api:request("GET", "/_matrix/client/v3/account/whoami")`))

var intentLogClass = class("intent_log", "The log of one user's calls.", holds[intentLog]())

type intentLog struct{ intent *intent.Intent }

type messageArgs struct {
	Message string `lua:"message" doc:"one line"`
}

var logged = capability.None("writes to the host's log")

var (
	_ = method(intentLogClass, "debug", logged, never, `Logs what helps to find a mistake. The line names the user and the script.`, logAt(hclog.Debug), example(`ghost.log:debug("looks for its room")`))
	_ = method(intentLogClass, "info", logged, never, `Logs what happened. The line names the user and the script.`, logAt(hclog.Info), example(`ghost.log:info("came back")`))
	_ = method(intentLogClass, "warning", logged, never, `Logs what should not be. The line names the user and the script.`, logAt(hclog.Warn), example(`ghost.log:warning("has no name")`))
	_ = method(intentLogClass, "error", logged, never, `Logs what failed. The line names the user and the script.`, logAt(hclog.Error), example(`ghost.log:error("cannot speak")`))
)

func logAt(level hclog.Level) func(*Call, intentLog, *messageArgs) (none, error) {
	return func(c *Call, l intentLog, a *messageArgs) (none, error) {
		l.intent.Log().Log(level, a.Message, "script", c.Script.Name)
		return none{}, nil
	}
}
