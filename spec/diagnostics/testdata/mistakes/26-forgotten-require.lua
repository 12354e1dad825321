-- `bridge` is used without `require`.
bridge.on("message", function(evt)
  evt:reply("you said: " .. evt.text)
end)
