// The chat page of bridgehost dev. What people and scripts write goes in by textContent or,
// for formatted messages, as elements made one by one of a tree that the server has cleaned.
const $ = (id) => document.getElementById(id)

// el makes an element: el("li", {class: "x", onclick: f}, "text", child, …)
function el(tag, attributes, ...children) {
  const e = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false) continue
    if (name.startsWith("on")) e.addEventListener(name.slice(2), value)
    else e.setAttribute(name, value === true ? "" : value)
  }
  e.append(...children.filter((c) => c !== null && c !== undefined && c !== ""))
  return e
}

const state = {
  script: null, rooms: [], users: [], faults: {},
  room: null, as: null, about: null, // about: {kind: "reply" | "edit", event}
  timelines: new Map(), // room id → timeline
  unread: new Map(),
}

// ── talking to the server ───────────────────────────────────────────────────

async function post(path, body) {
  $("trouble").textContent = ""
  try {
    const answer = await fetch("/api/" + path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body || {}) })
    const text = await answer.text()
    let out
    try { out = JSON.parse(text) } catch { out = { error: text } }
    if (!answer.ok || out.error) throw new Error(out.error || "HTTP " + answer.status)
    return out
  } catch (err) {
    $("trouble").textContent = err.message
    return null
  }
}

function connect() {
  const source = new EventSource("/api/stream")
  const on = (name, f) => source.addEventListener(name, (m) => f(JSON.parse(m.data)))
  on("snapshot", (s) => {
    connection("live", "live")
    state.timelines.clear()
    state.shown = null
    for (const e of s.events) take(e)
    side(s)
    $("log").replaceChildren()
    for (const r of s.rows) row(r)
  })
  on("side", side)
  on("event", (e) => arrived(e))
  on("row", row)
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) connection("The session has ended. Open the address that bridgehost dev printed last.", "bad")
    else connection("bridgehost does not answer; trying again …", "bad")
  }
}

function connection(text, kind) {
  $("connection").className = kind
  $("connection").textContent = text
}

// ── rooms, users, faults ────────────────────────────────────────────────────

function side(s) {
  Object.assign(state, { script: s.script, rooms: s.rooms, users: s.users, faults: s.faults })
  const people = s.users.filter((u) => !u.service)
  if (!people.some((u) => u.id === state.as)) state.as = (people.find((u) => local(u.id) === "you") || people[0] || {}).id
  if (!s.rooms.some((r) => r.id === state.room)) state.room = (s.rooms.find((r) => r.name === s.script.name) || s.rooms[0] || {}).id
  rooms()
  users(people)
  faults()
  script(s.script)
  head()
  timeline()
}

function rooms() {
  if (!changed("rooms", [state.rooms.map((r) => [r.id, r.name]), state.room, [...state.unread]])) return
  update($("rooms"), state.rooms.map((r) => {
    const n = state.unread.get(r.id) || 0
    return el("li", {}, el("button", { type: "button", "aria-current": r.id === state.room ? "true" : undefined, "data-key": r.id, onclick: () => enter(r.id) },
      r.name, n ? el("span", { class: "new" }, n + " new") : null))
  }))
}

function users(people) {
  if (!changed("users", [state.users, state.as])) return
  update($("users"), people.map((u) => el("li", {},
    el("button", { type: "button", "aria-pressed": String(u.id === state.as), "data-key": u.id, title: u.id, onclick: () => actAs(u.id) }, local(u.id)))))
  $("as").replaceChildren(...people.map((u) => el("option", { value: u.id, selected: u.id === state.as }, local(u.id))))
  const ghosts = state.users.filter((u) => u.service && u.id.startsWith(state.script.ghosts))
  $("ghosts").replaceChildren(...(ghosts.length ? ghosts.map((u) => el("li", {}, u.name || local(u.id), el("small", {}, u.id)))
    : [el("li", { class: "none" }, "(none yet)")]))
}

// changed tells whether v is another than the last time: what a person has open is not made anew for nothing.
function changed(what, v) {
  const text = JSON.stringify(v)
  const other = seen.get(what) !== text
  seen.set(what, text)
  return other
}
const seen = new Map()

// update replaces a list and keeps the focus where it was.
function update(list, items) {
  const key = list.contains(document.activeElement) ? document.activeElement.dataset.key : null
  list.replaceChildren(...items)
  if (key) for (const b of list.querySelectorAll("[data-key]")) if (b.dataset.key === key) b.focus()
}

function faults() {
  let n = 0
  for (const box of $("faults").querySelectorAll("input")) {
    box.checked = Boolean(state.faults[box.name])
    if (box.checked) n++
  }
  $("faults-on").textContent = n ? "(" + n + " on)" : ""
}

function enter(room) {
  state.room = room
  state.unread.delete(room)
  about(null)
  rooms()
  head()
  timeline()
  if (narrow()) view("chat")
}

function actAs(user) {
  state.as = user
  users(state.users.filter((u) => !u.service))
  timeline(true)
}

function head() {
  const r = state.rooms.find((x) => x.id === state.room)
  $("room-title").textContent = r ? (r.name.startsWith("!") ? r.name : "#" + r.name) : "no room"
  if (!r) { $("room-with").textContent = ""; return }
  const joined = Object.entries(r.members).filter(([u, m]) => m === "join" && u !== state.script.bot).map(([u]) => name(u))
  const bot = r.members[state.script.bot]
  const there = bot === "join" ? "with " + state.script.bot : bot === "invite" ? state.script.bot + " is invited and has not joined" : "without the bot"
  $("room-with").textContent = there + (joined.length ? " · " + joined.sort().join(", ") : "")
}

const local = (id) => id.slice(1, id.indexOf(":"))

function name(id) {
  if (state.script && id === state.script.bot) return state.script.name
  const u = state.users.find((x) => x.id === id)
  return u && u.service && u.name ? u.name : local(id)
}

function kindOf(id) {
  if (state.script && id === state.script.bot) return "bot"
  const u = state.users.find((x) => x.id === id)
  return (u && u.service) || (state.script && id.startsWith(state.script.ghosts)) ? "ghost" : "person"
}

// ── a room's events ─────────────────────────────────────────────────────────

// take puts an event into its room's timeline and returns the event whose look changes by it.
function take(e) {
  const raw = e.raw
  let t = state.timelines.get(raw.room_id)
  if (!t) state.timelines.set(raw.room_id, t = { list: [], byID: new Map(), edits: new Map(), reactions: new Map() })
  if (t.byID.has(raw.event_id)) return null
  t.byID.set(raw.event_id, e)
  if (raw.type === "m.room.create") t.creator = raw.sender
  if (raw.unsigned && raw.unsigned.redacted_because) e.gone = true
  const content = raw.content || {}
  const relation = content["m.relates_to"] || {}
  if (raw.type === "m.room.redaction") {
    const target = t.byID.get(raw.redacts || content.redacts)
    if (!target) return null
    target.gone = true
    target.raw.content = {}
    target.html = target.new_html = null
    return target.parent || target
  }
  if (e.gone && raw.type !== "m.room.message") return null
  if (raw.type === "m.reaction" && relation.event_id) return attach(t, t.reactions, e, relation.event_id)
  if (raw.type === "m.room.message" && relation.rel_type === "m.replace") return attach(t, t.edits, e, relation.event_id)
  t.list.push(e)
  return null
}

function attach(t, map, e, target) {
  map.set(target, [...(map.get(target) || []), e])
  e.parent = t.byID.get(target)
  return e.parent
}

function arrived(e) {
  const other = take(e)
  const room = e.raw.room_id
  if (room !== state.room) {
    if (e.raw.type === "m.room.message") state.unread.set(room, (state.unread.get(room) || 0) + 1)
    return rooms()
  }
  const t = state.timelines.get(room)
  if (other) {
    const old = $("timeline").querySelector('[data-id="' + CSS.escape(other.raw.event_id) + '"]')
    const item = old && item_(t, other, true)
    if (item) old.replaceWith(item)
    return
  }
  timeline()
}

// timeline shows the room: what is new is added, all is made anew when the room or user is another.
function timeline(anew) {
  const t = state.timelines.get(state.room) || { list: [] }
  const key = state.room + " " + state.as
  if (anew || state.shown !== key) {
    $("timeline").replaceChildren()
    state.shown = key
    state.count = 0
    state.sender = null
    toEnd.timeline()
  }
  for (; state.count < t.list.length; state.count++) {
    const item = item_(t, t.list[state.count])
    if (item) $("timeline").append(item)
  }
}

// sticky keeps a list at its end while nobody has scrolled away from it.
function sticky(list) {
  let down = true
  const stick = () => { if (down) list.scrollTop = list.scrollHeight }
  list.addEventListener("scroll", () => { down = list.scrollHeight - list.scrollTop - list.clientHeight < 40 })
  new MutationObserver(stick).observe(list, { childList: true, subtree: true })
  new ResizeObserver(stick).observe(list)
  return () => { down = true; stick() }
}

function item_(t, e, again) {
  const raw = e.raw
  if (raw.type === "m.room.message" || raw.type === "m.sticker" || raw.type === "m.room.encrypted") return message(t, e, again)
  const text = note(t, e)
  if (!text) return null
  e.same = false
  state.sender = null
  return el("div", { class: "note", "data-id": raw.event_id }, "─ " + text, jsonButton(raw, text))
}

function jsonButton(raw, text) {
  return el("button", { type: "button", "aria-label": "JSON of: " + text, onclick: () => json(raw) }, "{}")
}

// note is a state event in words; "" for what nobody wants to see in a chat.
function note(t, e) {
  const raw = e.raw, content = raw.content || {}
  const who = name(raw.sender)
  switch (raw.type) {
    case "m.room.member": return raw.sender === t.creator && raw.state_key === t.creator && !raw.unsigned?.prev_content ? "" : membership(raw, who)
    case "m.room.name": return !raw.unsigned?.prev_content ? "" : who + " named it “" + (content.name || "") + "”"
    case "m.room.topic": return who + " set the topic: " + (content.topic || "")
    case "m.room.tombstone": return "the room was replaced: " + (content.body || "")
    case "m.room.avatar": return who + " changed the picture"
    case "m.room.create": case "m.room.power_levels": case "m.room.join_rules": case "m.room.history_visibility": case "m.room.guest_access":
    case "m.room.canonical_alias": case "m.room.redaction": case "m.reaction": return ""
  }
  return who + " sent " + raw.type
}

function membership(raw, who) {
  const target = raw.state_key, content = raw.content || {}
  const whom = target === state.script?.bot ? "the bot" : name(target)
  const before = raw.unsigned?.prev_content?.membership
  switch (content.membership) {
    case "invite": return who + " invited " + whom
    case "join": return before === "join" ? whom + " changed the profile" : whom + " joined"
    case "ban": return who + " banned " + whom
    case "knock": return whom + " asks to come in"
    case "leave":
      if (target === raw.sender) return before === "invite" ? whom + " refused the invitation" : whom + " left"
      return who + (before === "ban" ? " unbanned " : " removed ") + whom
  }
  return ""
}

function message(t, e, again) {
  const raw = e.raw, sender = raw.sender
  const edits = (t.edits.get(raw.event_id) || []).filter((x) => !x.gone && x.raw.sender === sender)
  const edit = e.gone ? null : edits[edits.length - 1]
  const content = (edit ? edit.raw.content["m.new_content"] : raw.content) || {}
  const replyTo = raw.content?.["m.relates_to"]?.["m.in_reply_to"]?.event_id
  if (!again) { // not when it is made anew for an edit
    e.same = state.sender === sender && !replyTo
    state.sender = sender
  }
  const kind = kindOf(sender)
  const text = content.body || ""
  const said = el("div", { class: "said" })
  if (e.gone) said.append("taken back")
  else {
    const nodes = edit ? edit.new_html : e.html
    if (content.msgtype === "m.emote") said.append("* " + name(sender) + " ")
    if (nodes && nodes.length) said.append(...nodes.map(node))
    else said.append(el("span", { class: "plain" }, text || (raw.type === "m.room.message" ? "" : "(" + raw.type + ")")))
    if (content.msgtype && !["m.text", "m.notice", "m.emote"].includes(content.msgtype)) said.append(" (" + content.msgtype + ")")
    if (edit) said.append(" ", el("small", { class: "was", title: "before: " + (raw.content?.body || "") }, "(edited)"))
  }
  const classes = ["msg", kind, e.same ? "same" : "", e.gone ? "gone" : "", content.msgtype === "m.notice" ? "notice" : "", content.msgtype === "m.emote" ? "emote" : ""]
  return el("div", { class: classes.filter(Boolean).join(" "), "data-id": raw.event_id },
    el("span", { class: "face", "aria-hidden": "true" }, (name(sender)[0] || "?").toUpperCase()),
    el("div", { class: "body" },
      el("span", { class: "by", title: sender }, name(sender), kind === "person" ? null : el("small", {}, kind)),
      e.same ? null : el("time", { datetime: new Date(raw.origin_server_ts).toISOString() }, clock(raw.origin_server_ts)),
      replyTo ? quote(t, replyTo) : null, said, reactions(t, e)),
    menu(e, text))
}

// node makes elements of the tree that the server made of a formatted_body.
function node(n) {
  if (!n.e) return document.createTextNode(n.t || "")
  const e = document.createElement(n.e)
  if (n.href) Object.assign(e, { href: n.href, target: "_blank", rel: "noopener noreferrer" })
  if (n.start) e.start = n.start
  e.append(...(n.in || []).map(node))
  return e
}

function quote(t, id) {
  const target = t.byID.get(id)
  const text = target ? name(target.raw.sender) + ": " + (target.gone ? "taken back" : target.raw.content?.body || target.raw.type) : "a message that is not here"
  return el("button", { type: "button", class: "quote", "aria-label": "Reply to " + text, onclick: () => {
    const there = $("timeline").querySelector('[data-id="' + CSS.escape(id) + '"]')
    if (!there) return
    there.scrollIntoView({ block: "center" })
    there.classList.remove("flash")
    requestAnimationFrame(() => there.classList.add("flash"))
  } }, "↪ " + text)
}

function reactions(t, e) {
  const byKey = new Map()
  for (const r of t.reactions.get(e.raw.event_id) || []) {
    if (r.gone) continue
    const key = r.raw.content["m.relates_to"].key
    byKey.set(key, [...(byKey.get(key) || []), r])
  }
  if (!byKey.size || e.gone) return null
  return el("div", { class: "reactions" }, ...[...byKey].map(([key, list]) => {
    const mine = list.find((r) => r.raw.sender === state.as)
    const who = list.map((r) => name(r.raw.sender)).join(", ")
    return el("button", { type: "button", "aria-pressed": String(Boolean(mine)), title: who, "aria-label": key + " " + list.length + ", from " + who, onclick: () => mine
      ? post("redact", { room: state.room, as: state.as, event: mine.raw.event_id })
      : post("react", { room: state.room, as: state.as, event: e.raw.event_id, key }) }, key + " " + list.length)
  }))
}

function menu(e, text) {
  const raw = e.raw
  const box = el("details", { class: "menu" })
  const done = (f) => () => { box.open = false; f() }
  const button = (label, f, spoken) => el("button", { type: "button", "aria-label": spoken, onclick: done(f) }, label)
  const items = []
  if (!e.gone) {
    items.push(button("Reply", () => about({ kind: "reply", event: e, text })))
    for (const key of ["👍", "❤️", "✔", "👀"]) items.push(button(key, () => post("react", { room: state.room, as: state.as, event: raw.event_id, key }), "React with " + key))
    if (raw.sender === state.as) items.push(button("Edit", () => about({ kind: "edit", event: e, text })))
    items.push(button("Take back", () => post("redact", { room: state.room, as: kindOf(raw.sender) === "person" ? raw.sender : state.as, event: raw.event_id })))
  }
  items.push(button("JSON", () => json(raw)))
  box.append(el("summary", { "aria-label": "Actions for: " + (text || "this message").slice(0, 60) }, "⋯"), el("div", {}, ...items))
  box.addEventListener("toggle", () => {
    if (!box.open) return
    for (const other of document.querySelectorAll(".menu[open]")) if (other !== box) other.open = false
    box.classList.toggle("up", box.getBoundingClientRect().bottom + 110 > $("timeline").getBoundingClientRect().bottom)
  })
  return box
}

const clock = (at) => new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })

// ── writing ─────────────────────────────────────────────────────────────────

function about(what) {
  state.about = what
  $("about").hidden = !what
  if (!what) return
  $("about-text").textContent = what.kind === "edit" ? "You edit your message." : "You reply to " + name(what.event.raw.sender) + ": " + what.text.slice(0, 80)
  if (what.kind === "edit") $("message").value = what.text
  $("message").focus()
}

async function send() {
  const body = $("message").value.replace(/^\n+|\s+$/g, "")
  if (!body) return
  const at = { room: state.room, as: state.as, body }
  if (state.about) at.event = state.about.event.raw.event_id
  $("message").value = "" // a slow server shall not get it twice
  const kind = state.about ? state.about.kind : "say"
  if (await post(kind, at)) about(null)
  else if (!$("message").value) $("message").value = body
}

// ── the script ──────────────────────────────────────────────────────────────

function script(s) {
  const broken = s.state !== "running"
  document.title = (broken ? "✗ " : "") + s.file + " · bridgehost dev"
  $("file").textContent = s.file
  $("generation").textContent = s.generation ? "#" + s.generation : ""
  $("state").textContent = s.state
  $("state").className = broken ? "pill bad" : "pill"
  $("script").classList.toggle("script-broken", broken)
  $("alarm").hidden = !broken
  $("facts").textContent = [s.generation ? s.summary : "", "stores: " + count(s.keys, "key"), "timers: " + s.timers, s.waiting ? count(s.waiting, "event") + " waiting" : ""].filter(Boolean).join(" · ")
  $("test").hidden = !s.tests
  const text = broken ? s.problem : ""
  if ($("problem").dataset.text === text + s.generation) return
  $("problem").dataset.text = text + s.generation
  $("problem").replaceChildren(...(broken ? [
    el("strong", {}, "Not loaded"),
    el("p", {}, s.generation ? "Generation " + s.generation + " keeps running and still answers." : "Nothing runs; events wait until it loads."),
    text ? report(text, "The error") : ""] : []).filter(Boolean))
}

// report is an error's text: what quotes the source keeps its columns, the rest may wrap.
function report(text, label) {
  return el("pre", { tabindex: "0", "aria-label": label }, ...text.split("\n").map((line) =>
    el("div", { class: /^\s*(>\s*)?\d+ \||^\s+\^/.test(line) ? "source" : "wrap" }, line || " ")))
}

const count = (n, what) => n + " " + what + (n === 1 ? "" : "s")

function took(ns) {
  const ms = ns / 1e6
  return ms < 1 ? ms.toFixed(1) + " ms" : ms < 1000 ? Math.round(ms) + " ms" : (ms / 1000).toFixed(1) + " s"
}

function row(r) {
  const list = $("log")
  const line = [el("span", { class: "at" }, new Date(r.at).toTimeString().slice(0, 8)), el("span", { class: "what" }, (r.kind === "printed" ? "print " : "") + r.title),
    el("span", { class: "took" }, r.busy ? "…" : r.kind === "work" && r.event ? took(r.took_ns || 0) : "")]
  const head = r.event ? el("button", { type: "button", class: "line", "aria-haspopup": "dialog", onclick: () => json(r.event) }, ...line) : el("div", { class: "line" }, ...line)
  const item = el("div", { class: r.kind + (r.bad ? " bad" : ""), "data-row": r.id }, head)
  const calls = (r.calls || []).map((c) => el("li", { title: c.method + " " + c.path + (c.as ? " as " + c.as : "") }, el("span", { class: "name" }, c.name),
    el("span", { class: c.status >= 200 && c.status < 300 ? "ok" : "no" }, c.status ? c.status + (c.error ? " " + c.error : "") : c.error)))
  if (r.more) calls.push(el("li", {}, "and " + r.more + " more"))
  if (calls.length) item.append(el("ul", { class: "calls" }, ...calls))
  if (r.text && r.kind === "refused") item.append(el("details", {}, el("summary", {}, "the error"), report(r.text, r.title))) // it stands above while it holds
  else if (r.text) item.append(report(r.text, r.title))
  const old = list.querySelector('[data-row="' + r.id + '"]')
  if (old) {
    const focused = old.contains(document.activeElement)
    old.replaceWith(item)
    if (focused) (item.querySelector("button, pre") || list).focus()
  } else list.append(item)
  while (list.children.length > 300) list.firstChild.remove()
}

function json(value) {
  $("json-title").textContent = value.type || "JSON"
  $("json-text").textContent = JSON.stringify(value, null, 2)
  $("json").showModal()
}

// ── the page ────────────────────────────────────────────────────────────────

const narrow = () => matchMedia("(max-width: 819px)").matches

function view(to) {
  document.body.dataset.view = to
  for (const b of document.querySelectorAll(".tabs button")) b.setAttribute("aria-pressed", String(b.dataset.to === to))
}

const toEnd = { timeline: sticky($("timeline")), log: sticky($("log")) }
for (const b of document.querySelectorAll(".tabs button")) b.addEventListener("click", () => view(b.dataset.to))
$("composer").addEventListener("submit", (e) => { e.preventDefault(); send() })
$("message").addEventListener("keydown", (e) => {
  if (e.key === "Enter" && !e.shiftKey && !e.isComposing) { e.preventDefault(); send() }
  if (e.key === "Escape" && state.about) { about(null); $("message").value = "" }
})
$("message").addEventListener("input", () => { if (!$("message").value.trim()) $("message").value = "" })
$("about-end").addEventListener("click", () => { about(null); $("message").value = ""; $("message").focus() })
$("as").addEventListener("change", () => actAs($("as").value))
$("new-room").addEventListener("submit", async (e) => {
  e.preventDefault()
  const out = await post("room", { name: $("room-name").value, as: state.as })
  if (!out) return
  $("room-name").value = ""
  state.room = out.room_id
  enter(out.room_id)
})
$("new-user").addEventListener("submit", async (e) => {
  e.preventDefault()
  const out = await post("user", { name: $("user-name").value })
  if (!out) return
  $("user-name").value = ""
  actAs(out.user_id) // the user is in the list, or comes with the next message of the stream
})
$("faults").addEventListener("change", () => {
  const set = {}
  for (const box of $("faults").querySelectorAll("input")) set[box.name] = box.checked
  post("faults", set)
})
for (const id of ["reload", "rollback", "test"]) {
  $(id).addEventListener("click", async () => {
    $(id).disabled = true
    await post(id)
    $(id).disabled = false
    $(id).focus()
  })
}
document.addEventListener("click", (e) => {
  for (const m of document.querySelectorAll(".menu[open]")) if (!m.contains(e.target)) m.open = false
})
document.addEventListener("keydown", (e) => {
  if (e.key !== "Escape") return
  for (const m of document.querySelectorAll(".menu[open]")) { m.open = false; m.querySelector("summary").focus() }
})
if (location.search) history.replaceState(null, "", "/") // the key is in the cookie now
connect()
