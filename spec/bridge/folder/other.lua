return { text = "from the other file" }
