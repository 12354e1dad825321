package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"bridgehost/bundle"
	"bridgehost/internal/host"
)

func newBundle(g *global) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bundle",
		Short: "Pack a bridge into one file to share: init, pack, sign, verify …",
		Long: `A bundle is one file, NAME-VERSION.bridge: a bridge with its manifest bridge.toml, which says
what it may do. Equal folders give equal bytes. See docs/decisions/008-bundles.md.`,
		Args: unknownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newBundleInit(g), newBundlePack(g), newBundleKeygen(g), newBundleSign(g), newBundleVerify(g), newBundleInspect(g), newBundleIndex(g), newBundleRotate(g), newBundleSchema(g))
	return cmd
}

// folder is the one argument, or the current folder.
func folder(args []string) string {
	if len(args) == 1 {
		return args[0]
	}
	return "."
}

// tell prints a report; notes go to standard error.
func (g *global) tell(cmd *cobra.Command, r *host.BundleReport, text string) error {
	if !g.json {
		for _, note := range r.Notes {
			fmt.Fprintln(cmd.ErrOrStderr(), "note: "+note)
		}
	}
	return g.print(cmd.OutOrStdout(), r, text)
}

func newBundleInit(g *global) *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Write bridge.toml, or complete it, from the script",
		Long: `Writes bridge.toml, or adds what is missing: the permissions that the functions need which the
script calls, and [config] as bridge.config declares it. The script is read, not run.`,
		Args: usage(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := host.InitBundle(cmd.Context(), folder(args), dry)
			if err != nil {
				return err
			}
			return g.tell(cmd, r, r.InitText())
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "print what would be written, write nothing")
	return cmd
}

func newBundleSchema(*global) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "The JSON schema of bridge.toml, for editors",
		Long: `Prints the JSON schema of bridge.toml. Editors that read TOML schemas complete and check by it:
the first line of the file names it, "#:schema URL" or "#:schema ./bridge-1.json".`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			e := json.NewEncoder(cmd.OutOrStdout())
			e.SetEscapeHTML(false)
			e.SetIndent("", "  ")
			return e.Encode(bundle.Schema())
		},
	}
}

func newBundlePack(g *global) *cobra.Command {
	var o host.PackOptions
	cmd := &cobra.Command{
		Use:   "pack [DIR]",
		Short: "Pack a folder into NAME-VERSION.bridge",
		Long: `Packs all files of a folder but hidden ones, bundles and signatures. Only text, images and the
assets that the manifest declares are taken. The same files give the same bytes.`,
		Args: usage(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Dir = folder(args)
			r, err := host.PackBundle(o)
			if err != nil {
				return err
			}
			return g.tell(cmd, r, r.PackText())
		},
	}
	cmd.Flags().StringVarP(&o.Out, "output", "o", "", "`FILE` to write (default: NAME-VERSION.bridge)")
	cmd.Flags().BoolVar(&o.Force, "force", false, "replace a file of that name that has other content")
	cmd.Flags().BoolVar(&o.DryRun, "dry-run", false, "say what would be packed, write nothing")
	return cmd
}

func newBundleVerify(g *global) *cobra.Command {
	var o host.VerifyOptions
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Check a bundle's file, manifest and signature",
		Long: `Checks that the file is a bundle as bridgehost packs it, its manifest, and the signature
FILE.minisig beside it: by the key given, or by the publisher that the manifest names.`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.File = args[0]
			if o.Publisher != "" {
				if _, err := bundle.ParsePublicKey(o.Publisher); err != nil {
					return usageError{fmt.Errorf("--publisher: %w", err)}
				}
			}
			r, err := host.VerifyBundle(o)
			if err != nil {
				return err
			}
			return g.tell(cmd, r, r.VerifyText())
		},
	}
	cmd.Flags().StringVar(&o.Publisher, "publisher", "", "public `KEY` that must have signed it")
	cmd.Flags().BoolVar(&o.Unsigned, "unsigned", false, "take a bundle that is not signed")
	return cmd
}

func newBundleInspect(g *global) *cobra.Command {
	return &cobra.Command{
		Use:   "inspect FILE [NAME]",
		Short: "Show what a bundle is and wants, or one of its files",
		Args:  usage(cobra.RangeArgs(1, 2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, b, err := host.ReadBundle(args[0])
			if err != nil {
				return err
			}
			if len(args) == 1 {
				return g.tell(cmd, r, r.InspectText())
			}
			data, ok := b.Files[args[1]]
			if !ok {
				return fmt.Errorf("there is no file %q in %s; see: bridgehost bundle inspect %[2]s", args[1], args[0])
			}
			return g.print(cmd.OutOrStdout(), map[string]string{"file": args[0], "name": args[1], "text": string(data)}, string(data))
		},
	}
}

// keyFlags are those of commands that use a secret key.
type keyFlags struct{ key, passwordFile string }

func (k *keyFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&k.key, "key", "", "secret key `FILE` (default: ~/.config/bridgehost/publisher.key)")
	cmd.Flags().StringVar(&k.passwordFile, "password-file", "", "`FILE` with the password of the key, - for standard input")
}

func (k *keyFlags) file() (string, error) {
	if k.key != "" {
		return k.key, nil
	}
	return host.DefaultKey()
}

// password reads the password from its file, or asks for it at the terminal.
func (k *keyFlags) password(cmd *cobra.Command, ask string) (string, error) {
	if k.passwordFile != "" {
		return host.ReadPassword(k.passwordFile, cmd.InOrStdin())
	}
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return "", fmt.Errorf("%w; give it with --password-file FILE", bundle.ErrPassword)
	}
	fmt.Fprint(cmd.ErrOrStderr(), ask)
	text, err := term.ReadPassword(int(os.Stdin.Fd()))
	fmt.Fprintln(cmd.ErrOrStderr())
	return string(text), err
}

func newBundleKeygen(g *global) *cobra.Command {
	var k keyFlags
	var none, dry bool
	cmd := &cobra.Command{
		Use:   "keygen",
		Short: "Make the key with which you sign",
		Long: `Makes a secret key, and the public one beside it with the ending .pub, as minisign makes them.
Who has the secret key can publish in your name, and without it you cannot go on: keep a copy.`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			file, err := k.file()
			if err != nil {
				return err
			}
			password := ""
			if !none && !dry {
				if password, err = k.newPassword(cmd); err != nil {
					return err
				}
			}
			r, err := host.MakeKey(file, password, dry)
			if err != nil {
				return err
			}
			text := fmt.Sprintf("Wrote %s (secret) and %s\nAdd to bridge.toml:  publisher = %q\n", r.Secret, r.Public, r.Publisher)
			if dry {
				text = fmt.Sprintf("Would write %s (secret) and %s\n", r.Secret, r.Public)
			}
			return g.print(cmd.OutOrStdout(), r, text)
		},
	}
	k.add(cmd)
	cmd.Flags().BoolVar(&none, "no-password", false, "the file alone is enough to sign")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say what would be written, write nothing")
	return cmd
}

// newPassword asks twice.
func (k *keyFlags) newPassword(cmd *cobra.Command) (string, error) {
	first, err := k.password(cmd, "Password for the key: ")
	if errors.Is(err, bundle.ErrPassword) {
		return "", fmt.Errorf("%w, or make a key without: --no-password", err)
	}
	if err != nil {
		return "", err
	}
	if strings.TrimSpace(first) == "" {
		return "", errors.New("the password is empty; a key without one is made with --no-password")
	}
	if k.passwordFile != "" {
		return first, nil
	}
	again, err := k.password(cmd, "Once more: ")
	if err == nil && again != first {
		err = errors.New("the two passwords are not the same; nothing was written")
	}
	return first, err
}

func newBundleSign(g *global) *cobra.Command {
	var k keyFlags
	var dry bool
	cmd := &cobra.Command{
		Use:   "sign FILE",
		Short: "Sign a bundle: FILE.minisig",
		Long: `Writes the signature FILE.minisig, which says for which version of which bundle it is. Keys of
minisign will do, and minisign checks it: minisign -Vm FILE -P KEY.`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := k.file()
			if err != nil {
				return err
			}
			r, err := host.SignBundle(args[0], file, func() (string, error) { return k.password(cmd, "Password of "+file+": ") }, dry)
			if err != nil {
				return err
			}
			return g.tell(cmd, r, r.SignText())
		},
	}
	k.add(cmd)
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say what would be signed, write nothing")
	return cmd
}
