package synapsetest

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
)

const sharedSecret = "for tests on loopback only"

// writeSecrets writes a new signing key into dir.
func writeSecrets(dir string) error {
	seed := make([]byte, 32)
	rand.Read(seed) // never fails (crypto/rand)
	key := "ed25519 a_test " + base64.RawStdEncoding.EncodeToString(seed) + "\n"
	return os.WriteFile(filepath.Join(dir, "signing.key"), []byte(key), 0o600)
}

// writeConfig writes homeserver.yaml (JSON is YAML) and the logging configuration
// into dir.
func writeConfig(dir, name string, port int, o Options) error {
	wide := map[string]any{"per_second": 100000, "burst_count": 100000}
	at := func(file string) string { return filepath.Join(dir, file) }
	cfg := map[string]any{
		"server_name":      name,
		"report_stats":     false,
		"pid_file":         at("homeserver.pid"),
		"media_store_path": at("media"),
		"signing_key_path": at("signing.key"),
		"log_config":       at("log.yaml"),
		"listeners": []any{map[string]any{
			"port": port, "type": "http", "tls": false, "bind_addresses": []string{"127.0.0.1"},
			"resources": []any{map[string]any{"names": []string{"client"}, "compress": false}},
		}},
		"database":                    map[string]any{"name": "sqlite3", "args": map[string]any{"database": at("homeserver.db")}},
		"registration_shared_secret":  sharedSecret,
		"trusted_key_servers":         []any{},
		"federation_domain_whitelist": []any{},
		"presence":                    map[string]any{"enabled": true},
		"encryption_enabled_by_default_for_room_type": "off",
		"app_service_config_files":                    append([]string{}, o.Registrations...),
		"room_list_publication_rules":                 []any{map[string]any{"action": "allow"}},
		"bcrypt_rounds":                               4, // passwords are not what is tested
		"rc_message":                                  wide,
		"rc_registration":                             wide,
		"rc_admin_redaction":                          wide,
		"rc_joins_per_room":                           wide,
		"rc_room_creation":                            wide,
		"rc_user_directory":                           wide,
		"rc_login":                                    map[string]any{"address": wide, "account": wide, "failed_attempts": wide},
		"rc_joins":                                    map[string]any{"local": wide, "remote": wide},
		"rc_invites":                                  map[string]any{"per_room": wide, "per_user": wide, "per_issuer": wide},
	}
	for k, v := range o.Config {
		cfg[k] = v
	}
	logging := map[string]any{
		"version":    1,
		"formatters": map[string]any{"line": map[string]any{"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
		"handlers": map[string]any{"file": map[string]any{
			"class": "logging.FileHandler", "formatter": "line", "filename": at("homeserver.log"),
		}},
		"root":                     map[string]any{"level": "INFO", "handlers": []string{"file"}},
		"disable_existing_loggers": false,
	}
	if err := writeJSON(at("log.yaml"), logging); err != nil {
		return err
	}
	return writeJSON(at("homeserver.yaml"), cfg)
}

func writeJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o600)
}
