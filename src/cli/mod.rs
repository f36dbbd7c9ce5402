//! The command line: what can be typed, and what is printed. It decides nothing; every command but `run`, `check`,
//! `airtime`, `completions`, `man` and `interfaces import` asks the node that runs on the data folder.

mod act;
mod airtime;
mod banner;
mod group;
mod list;
mod mail;
mod shell;
mod status;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Parser, Subcommand};

use self::act::{BanCommand, MemberCommand, MessageCommand, RoleCommand};
pub use self::banner::Banner;
use self::group::{ClaimCommand, GroupCommand};
use self::mail::PropagationCommand;
use crate::api::client::{Client, ClientError};

/// What was typed.
#[derive(Debug, Parser)]
#[command(
    name = "meshgroup",
    version,
    about = "A group-chat node for the Reticulum mesh",
    max_term_width = 100
)]
pub struct Arguments {
    /// Folder with all that the node keeps [default: the XDG data folder + /meshgroup]
    #[arg(long, global = true, value_name = "DIR", env = "MESHGROUP_DATA")]
    data: Option<PathBuf>,

    #[command(subcommand)]
    command: Option<Command>,
}

/// What to do. Without a command, the node runs.
#[derive(Debug, Subcommand)]
enum Command {
    /// Run the node until SIGTERM or Ctrl-C
    Run,
    /// Show how the running node is
    Status(Output),
    /// Groups of the node
    #[command(subcommand)]
    Group(GroupCommand),
    /// Messages of a group
    Message {
        #[command(flatten)]
        of: OfGroup,
        #[command(subcommand)]
        command: MessageCommand,
    },
    /// Members of a group
    Member {
        #[command(flatten)]
        of: OfGroup,
        #[command(subcommand)]
        command: MemberCommand,
    },
    /// Roles of a group
    Role {
        #[command(flatten)]
        of: OfGroup,
        #[command(subcommand)]
        command: RoleCommand,
    },
    /// Bans of a group
    Ban {
        #[command(flatten)]
        of: OfGroup,
        #[command(subcommand)]
        command: BanCommand,
    },
    /// Show who did what in a group, the newest first
    Audit {
        #[command(flatten)]
        of: OfGroup,
        #[command(flatten)]
        audit: act::AuditPage,
    },
    /// The code that makes its sender the owner of a group
    Claim {
        #[command(flatten)]
        of: OfGroup,
        #[command(subcommand)]
        command: ClaimCommand,
    },
    /// Propagation nodes: those that are used, and this one
    #[command(subcommand)]
    Propagation(PropagationCommand),
    /// Interfaces of the node
    #[command(subcommand)]
    Interfaces(InterfacesCommand),
    /// Check that the database is sound and that every table is what the log of events gives; changes nothing
    Check(Output),
    /// Compute how long a packet is on the air of LoRa
    Airtime(airtime::Airtime),
    /// Print what a shell needs to complete commands
    Completions {
        /// For which shell
        shell: shell::Shell,
    },
    /// Print the man page: meshgroup man | man -l -
    Man,
}

#[derive(Debug, Subcommand)]
enum InterfacesCommand {
    /// Print the interfaces of an existing Reticulum configuration as tables for meshgroup.toml
    Import {
        /// For example ~/.reticulum/config
        file: PathBuf,
    },
}

/// Which group a command is for.
#[derive(Debug, Args)]
struct OfGroup {
    /// Name, or leading digits of a hash, of the group that is meant [default: the first group]
    #[arg(long, global = true, value_name = "NAME|HASH")]
    group: Option<String>,
}

impl OfGroup {
    fn connect(self, folder: &Path) -> Result<Client, ClientError> {
        let mut client = Client::connect(folder)?;
        client.choose_group(self.group.unwrap_or_default());
        Ok(client)
    }
}

#[derive(Clone, Copy, Debug, Args)]
struct Output {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What `main` is to do.
#[derive(Debug)]
pub enum Task {
    /// Run a node on this data folder.
    Run(PathBuf),
    /// Print the interfaces in this file of the ecosystem as our own tables.
    Import(PathBuf),
    /// Check the store in this data folder, and print what it is as JSON or in words.
    Check(PathBuf, bool),
    /// Everything is done and printed.
    Done,
}

/// Carries out what was typed, up to running a node, which is left to the caller.
pub fn carry_out(arguments: Arguments) -> anyhow::Result<Task> {
    let out = &mut io::stdout().lock();
    let folder = || match arguments.data {
        Some(folder) => Ok(folder),
        None => default_folder(|name| std::env::var_os(name).map(PathBuf::from))
            .context("neither XDG_DATA_HOME nor HOME is set\n  remedy: name a folder with --data"),
    };
    let printed = match arguments.command.unwrap_or(Command::Run) {
        Command::Run => return Ok(Task::Run(folder()?)),
        Command::Check(output) => return Ok(Task::Check(folder()?, output.json)),
        Command::Interfaces(InterfacesCommand::Import { file }) => return Ok(Task::Import(file)),
        Command::Airtime(question) => question.print(out),
        Command::Completions { shell } => {
            shell::completions(shell, out);
            Ok(())
        }
        Command::Man => shell::man(out),
        Command::Status(output) => status::print(&mut Client::connect(&folder()?)?, output.json, out),
        Command::Group(command) => group::carry_out(&mut Client::connect(&folder()?)?, command, out),
        Command::Claim { of, command } => group::claim(&mut of.connect(&folder()?)?, &command, out),
        Command::Message { of, command } => act::message(&mut of.connect(&folder()?)?, command, out),
        Command::Member { of, command } => act::member(&mut of.connect(&folder()?)?, command, out),
        Command::Role { of, command } => act::role(&mut of.connect(&folder()?)?, command, out),
        Command::Ban { of, command } => act::ban(&mut of.connect(&folder()?)?, command, out),
        Command::Propagation(command) => mail::propagation(&mut Client::connect(&folder()?)?, command, out),
        Command::Audit { of, audit } => act::audit(&mut of.connect(&folder()?)?, &audit, out),
    };
    forgive_broken_pipe(printed.and_then(|()| Ok(out.flush()?))).map(|()| Task::Done)
}

/// Prints a text.
pub fn print(text: &str) -> anyhow::Result<()> {
    let out = &mut io::stdout().lock();
    forgive_broken_pipe(out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Into::into))
}

/// `meshgroup message list | head` is no mistake of anybody.
fn forgive_broken_pipe(printed: anyhow::Result<()>) -> anyhow::Result<()> {
    match printed {
        Err(error) if is_broken_pipe(&error) => Ok(()),
        printed => printed,
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// The data folder of the XDG base directory specification; relative paths in its variables are to be ignored.
fn default_folder(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let xdg = variable("XDG_DATA_HOME").filter(|path| path.is_absolute());
    let data = xdg.or_else(|| variable("HOME").map(|home| home.join(".local/share")))?;
    Some(data.join("meshgroup"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }

    #[test]
    fn no_command_means_run_and_data_is_taken_on_either_side() {
        for line in [&["meshgroup", "--data", "/d"][..], &["meshgroup", "run", "--data", "/d"]] {
            let task = carry_out(Arguments::try_parse_from(line).unwrap()).unwrap();
            assert!(matches!(task, Task::Run(folder) if folder.to_str() == Some("/d")));
        }
    }

    #[test]
    fn the_default_folder_is_that_of_xdg() {
        let folder = |xdg: &str, home: &str| {
            let value = |path: &str| (!path.is_empty()).then(|| PathBuf::from(path));
            default_folder(|name| value(if name == "HOME" { home } else { xdg }))
        };
        assert_eq!(folder("/x", "/h"), Some("/x/meshgroup".into()));
        assert_eq!(folder("", "/h"), Some("/h/.local/share/meshgroup".into()));
        assert_eq!(folder("relative", "/h"), Some("/h/.local/share/meshgroup".into()));
        assert_eq!(folder("", ""), None);
    }

    #[test]
    fn without_a_node_a_command_says_so() {
        let arguments = ["meshgroup", "--data", "/nonexistent/meshgroup", "status"];
        let error = carry_out(Arguments::try_parse_from(arguments).unwrap()).unwrap_err();
        assert!(error.to_string().starts_with("no node is running on /nonexistent/meshgroup"));
    }
}
