package mqtt

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// CheckTopic says why nothing can be published under a topic.
func CheckTopic(topic string) error {
	if err := checkName(topic); err != nil {
		return err
	}
	if strings.ContainsAny(topic, "+#") {
		return errors.New("a topic to publish under has no + and no #")
	}
	return nil
}

// CheckFilter says why a filter cannot be subscribed to.
func CheckFilter(filter string) error {
	if err := checkName(filter); err != nil {
		return err
	}
	levels := strings.Split(filter, "/")
	for i, level := range levels {
		switch {
		case strings.Contains(level, "#") && (level != "#" || i < len(levels)-1):
			return errors.New("# stands for all levels that follow: alone, and at the end")
		case strings.Contains(level, "+") && level != "+":
			return errors.New("+ stands for one whole level")
		}
	}
	if levels[0] == "$share" && (len(levels) < 3 || levels[1] == "" || strings.ContainsAny(levels[1], "+#") || len(levels) == 3 && levels[2] == "") {
		return errors.New("a shared subscription is $share/GROUP/FILTER")
	}
	return nil
}

func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("a topic has at least one character")
	case len(name) > maxField:
		return fmt.Errorf("a topic has %d bytes at most (got %d)", maxField, len(name))
	case !utf8.ValidString(name) || strings.ContainsRune(name, 0):
		return errors.New("a topic is UTF-8 without a zero character")
	}
	return nil
}

// Matches tells whether a message with that topic comes to who subscribed to filter. Wildcards
// do not stand for a first level that begins with $: those are the broker's own.
func Matches(filter, topic string) bool {
	if rest, shared := strings.CutPrefix(filter, "$share/"); shared {
		_, filter, _ = strings.Cut(rest, "/")
	}
	if strings.HasPrefix(topic, "$") && (strings.HasPrefix(filter, "+") || strings.HasPrefix(filter, "#")) {
		return false
	}
	for {
		level, more, deeper := strings.Cut(filter, "/")
		if level == "#" {
			return true
		}
		own, below, further := strings.Cut(topic, "/")
		if level != "+" && level != own {
			return false
		}
		if !further {
			return !deeper || more == "#" // which stands for the level above as well
		}
		if !deeper {
			return false
		}
		filter, topic = more, below
	}
}
