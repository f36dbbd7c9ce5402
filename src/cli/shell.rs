//! What helps at a shell: completions and the man page, both made from the definition of the command line.

use std::io::Write;

use clap::{Command, CommandFactory, ValueEnum};
use clap_complete::{generate, shells};

use super::Arguments;

/// A shell that can complete our commands.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Shell {
    /// As ~/.local/share/bash-completion/completions/meshgroup
    Bash,
    /// As _meshgroup in a folder of $fpath
    Zsh,
    /// As ~/.config/fish/completions/meshgroup.fish
    Fish,
}

/// Prints the completions for a shell.
pub(super) fn completions(shell: Shell, out: &mut impl Write) {
    let mut command = Arguments::command();
    let name = command.get_name().to_owned();
    match shell {
        Shell::Bash => generate(shells::Bash, &mut command, name, out),
        Shell::Zsh => generate(shells::Zsh, &mut command, name, out),
        Shell::Fish => generate(shells::Fish, &mut command, name, out),
    }
}

/// Prints the man page: that of the program, then each command's options.
pub(super) fn man(out: &mut impl Write) -> anyhow::Result<()> {
    let mut command = Arguments::command();
    command.build();
    let page = clap_mangen::Man::new(command.clone());
    page.render_title(out)?;
    page.render_name_section(out)?;
    page.render_synopsis_section(out)?;
    page.render_description_section(out)?;
    page.render_options_section(out)?;
    writeln!(out, ".SH COMMANDS")?;
    commands(&command, out)?;
    page.render_version_section(out)?;
    Ok(())
}

/// Every command that can be typed, with what it takes. Commands of commands follow theirs.
fn commands(of: &Command, out: &mut impl Write) -> anyhow::Result<()> {
    for command in of.get_subcommands().filter(|command| command.get_name() != "help") {
        let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        if command.has_subcommands() {
            commands(command, out)?;
            continue;
        }
        writeln!(out, ".SS {}", escaped(name))?;
        writeln!(out, "{}", escaped(&about))?;
        for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            if matches!(argument.get_id().as_str(), "help" | "data") {
                continue; // described once, above
            }
            writeln!(out, ".TP\n\\fB{}\\fR\n{}", escaped(&argument.to_string()), escaped(&help))?;
        }
    }
    Ok(())
}

/// Text as roff takes it.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shell_completes_every_command() {
        for shell in Shell::value_variants() {
            let mut out = Vec::new();
            completions(*shell, &mut out);
            let text = String::from_utf8(out).unwrap();
            for word in ["group", "create", "airtime", "confirm"] {
                assert!(text.contains(word), "{shell:?} {word}");
            }
        }
    }

    #[test]
    fn the_man_page_describes_every_command_once() {
        let mut out = Vec::new();
        man(&mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with(".ie") || text.starts_with(".TH"), "{text}");
        for command in ["meshgroup group create", "meshgroup message list", "meshgroup run"] {
            assert_eq!(text.matches(&format!(".SS {command}\n")).count(), 1, "{command}: {text}");
        }
        assert!(text.contains("\\-\\-confirm <NAME>"), "{text}");
    }
}
