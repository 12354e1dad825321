package devserver

// endpoints is every call that is answered. Paths are without /_matrix/client.
func endpoints() []endpoint {
	return []endpoint{
		{method: "GET", pattern: "versions", public: true, f: versions},
		{method: "POST", pattern: "v3/register", f: register},
		{method: "GET", pattern: "v3/account/whoami", f: whoami},
		{method: "POST", pattern: "v1/appservice/*/ping", unlocked: true, f: pingService},

		{method: "POST", pattern: "v3/createRoom", f: createRoom},
		{method: "POST", pattern: "v3/join/*", f: joinAny},
		{method: "POST", pattern: "v3/knock/*", f: knockAny},
		{method: "POST", pattern: "v3/rooms/*/join", f: joinAny},
		{method: "POST", pattern: "v3/rooms/*/invite", f: membershipCall("invite")},
		{method: "POST", pattern: "v3/rooms/*/leave", f: membershipCall("leave")},
		{method: "POST", pattern: "v3/rooms/*/kick", f: membershipCall("kick")},
		{method: "POST", pattern: "v3/rooms/*/ban", f: membershipCall("ban")},
		{method: "POST", pattern: "v3/rooms/*/unban", f: membershipCall("unban")},
		{method: "POST", pattern: "v3/rooms/*/forget", f: forget},
		{method: "GET", pattern: "v3/joined_rooms", f: joinedRooms},
		{method: "GET", pattern: "v3/rooms/*/joined_members", f: joinedMembers},
		{method: "GET", pattern: "v3/rooms/*/members", f: members},

		{method: "PUT", pattern: "v3/rooms/*/send/*/*", f: sendMessage},
		{method: "PUT", pattern: "v3/rooms/*/redact/*/*", f: redact},
		{method: "GET", pattern: "v3/rooms/*/state", f: allState},
		{method: "GET", pattern: "v3/rooms/*/state/*", f: getState},
		{method: "GET", pattern: "v3/rooms/*/state/*/*", f: getState},
		{method: "PUT", pattern: "v3/rooms/*/state/*", f: putState},
		{method: "PUT", pattern: "v3/rooms/*/state/*/*", f: putState},
		{method: "GET", pattern: "v3/rooms/*/event/*", f: getEvent},
		{method: "GET", pattern: "v3/rooms/*/messages", f: messages},
		{method: "GET", pattern: "v3/rooms/*/context/*", f: eventContext},
		{method: "GET", pattern: "v1/rooms/*/relations/*", f: relations},
		{method: "GET", pattern: "v1/rooms/*/relations/*/*", f: relations},
		{method: "GET", pattern: "v1/rooms/*/relations/*/*/*", f: relations},

		{method: "PUT", pattern: "v3/rooms/*/typing/*", f: typing},
		{method: "POST", pattern: "v3/rooms/*/receipt/*/*", f: receipt},
		{method: "POST", pattern: "v3/rooms/*/read_markers", f: readMarkers},
		{method: "PUT", pattern: "v3/presence/*/status", f: putPresence},
		{method: "GET", pattern: "v3/presence/*/status", f: getPresence},

		{method: "GET", pattern: "v3/profile/*", public: true, f: getProfile},
		{method: "GET", pattern: "v3/profile/*/*", public: true, f: getProfile},
		{method: "PUT", pattern: "v3/profile/*/*", f: putProfile},
		{method: "GET", pattern: "v3/directory/room/*", public: true, f: getAlias},
		{method: "PUT", pattern: "v3/directory/room/*", f: putAlias},
		{method: "DELETE", pattern: "v3/directory/room/*", f: deleteAlias},

		{method: "GET", pattern: "v3/user/*/account_data/*", f: getAccountData},
		{method: "PUT", pattern: "v3/user/*/account_data/*", f: putAccountData},
		{method: "GET", pattern: "v3/user/*/rooms/*/account_data/*", f: getAccountData},
		{method: "PUT", pattern: "v3/user/*/rooms/*/account_data/*", f: putAccountData},
		{method: "GET", pattern: "v3/user/*/rooms/*/tags", f: getTags},
		{method: "PUT", pattern: "v3/user/*/rooms/*/tags/*", f: putTag},
		{method: "DELETE", pattern: "v3/user/*/rooms/*/tags/*", f: deleteTag},
		{method: "POST", pattern: "v3/user/*/filter", f: createFilter},

		{method: "POST", pattern: "media/v3/upload", f: upload},
		{method: "POST", pattern: "media/v1/create", f: createMedia},
		{method: "PUT", pattern: "media/v3/upload/*/*", f: uploadTo},
		{method: "GET", pattern: "v1/media/download/*/*", f: download},
		{method: "GET", pattern: "v1/media/download/*/*/*", f: download},
		{method: "GET", pattern: "v1/media/config", f: mediaConfig},
		{method: "GET", pattern: "media/v3/config", f: mediaConfig},
	}
}
