package bundle

import (
	"fmt"
	"reflect"

	"bridgehost/capability"
)

// SchemaURL is the name of the schema of a manifest. Editors find it by a first line
// "#:schema URL".
var SchemaURL = fmt.Sprintf("https://bridgehost.example/schema/bridge-%d.json", API)

// needed are the keys that every manifest has.
var needed = []string{"id", "name", "version", "main", "api"}

// object is a part of a JSON schema.
type object = map[string]any

// Schema is the JSON schema of a manifest, made of the tables that Parse checks by. It is
// for editors: Parse refuses more.
func Schema() map[string]any {
	properties := object{}
	t := reflect.TypeFor[Manifest]()
	for i := range t.NumField() {
		f := t.Field(i)
		p := keySchema(f)
		p["description"] = f.Tag.Get("doc")
		properties[f.Tag.Get("toml")] = p
	}
	return object{
		"$schema": "http://json-schema.org/draft-07/schema#", "$id": SchemaURL, "title": File,
		"type": "object", "properties": properties, "required": needed, "additionalProperties": false,
	}
}

// keySchema is what one key takes.
func keySchema(f reflect.StructField) object {
	text := object{"type": "string", "maxLength": maxShown}
	switch f.Tag.Get("toml") {
	case "id":
		return object{"type": "string", "pattern": idForm.String(), "maxLength": 255, "examples": []string{"org.example.irc-lounge"}}
	case "version":
		return object{"type": "string", "pattern": versionForm.String(), "maxLength": 64, "examples": []string{"0.1.0"}}
	case "main":
		return object{"type": "string", "pattern": `\.lua$`, "not": object{"pattern": `(_spec\.lua$|^/|^\.\.)`}}
	case "api":
		return object{"enum": []int{API}}
	case "publisher":
		return object{"type": "string", "pattern": keyForm.String()}
	case "homepage":
		return object{"type": "string", "pattern": "^https?://", "maxLength": maxShown}
	case "permissions", "optional-permissions":
		return permissionsSchema()
	case "config":
		return object{"type": "object", "additionalProperties": configSchema()}
	case "dependencies":
		return object{"type": "object", "propertyNames": object{"pattern": idForm.String()}, "additionalProperties": object{"type": "string"}}
	case "limits":
		limits := object{}
		for _, name := range limitKeys {
			limits[name] = object{"type": []string{"string", "integer"}, "exclusiveMinimum": 0}
		}
		return object{"type": "object", "properties": limits, "additionalProperties": false}
	}
	if f.Type.Kind() == reflect.Slice {
		return object{"type": "array", "items": text}
	}
	return text
}

func permissionsSchema() object {
	why := object{"type": "string", "minLength": 1, "maxLength": maxShown, "description": "why it is needed; people read this before they install it"}
	table := object{}
	for _, scope := range scopes {
		table[scope] = object{}
	}
	table["why"] = why
	one := object{"anyOf": []object{why, {"type": "object", "properties": table, "required": []string{"why"}, "additionalProperties": false}}}
	properties := object{}
	for _, name := range capability.Names() {
		properties[name] = one
	}
	return object{"type": "object", "properties": properties, "additionalProperties": false}
}

// configSchema is that of one key of [config].
func configSchema() object {
	fields := object{}
	for _, field := range configFields {
		fields[field] = object{}
	}
	types := object{"enum": configTypes}
	fields["type"], fields["required"], fields["help"] = types, object{"type": "boolean"}, object{"type": "string"}
	fields["of"] = object{"anyOf": []object{types, {"type": "object"}}}
	fields["enum"] = object{"type": "array"}
	return object{"type": "object", "properties": fields, "required": []string{"type"}, "additionalProperties": false}
}
