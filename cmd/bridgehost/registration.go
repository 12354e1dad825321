package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"bridgehost/internal/host"
)

func newRegistration(g *global) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "registration",
		Short: "The file by which the homeserver knows us: show, write, verify",
		Args:  unknownCommand,
	}
	var o host.RegistrationOptions
	write := &cobra.Command{
		Use:   "write",
		Short: "Make registration.yaml with new tokens",
		Long: `Makes the registration that appservice.registration names. Tokens are made once: a
file that is there is only rewritten with --force, and then keeps its tokens unless
--new-tokens is given. Tell the homeserver of the file and restart it.`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := g.read()
			if err != nil {
				return err
			}
			r, err := host.WriteRegistration(cfg, o)
			if err != nil {
				return err
			}
			return g.print(cmd.OutOrStdout(), r, r.Text())
		},
	}
	write.Flags().StringVar(&o.URL, "url", "", "`URL` at which the homeserver reaches us (default: appservice.listen)")
	write.Flags().StringVar(&o.ID, "id", "bridgehost", "`ID` of the application service")
	write.Flags().StringVar(&o.Sender, "sender", "", "`NAME` of the host's own bot (default: the prefix and \"bot\")")
	write.Flags().BoolVar(&o.Force, "force", false, "rewrite a file that is there")
	write.Flags().BoolVar(&o.NewTokens, "new-tokens", false, "with --force: make new tokens")
	write.Flags().BoolVar(&o.DryRun, "dry-run", false, "say what would be written, write nothing")
	show := &cobra.Command{
		Use:   "show",
		Short: "Show the registration without its tokens",
		Args:  usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := g.read()
			if err != nil {
				return err
			}
			shown, text, err := host.ShowRegistration(cfg)
			if err != nil {
				return err
			}
			return g.print(cmd.OutOrStdout(), shown, fmt.Sprintln(text))
		},
	}
	cmd.AddCommand(show, write, newVerify(g))
	cmd.RunE = show.RunE
	return cmd
}
