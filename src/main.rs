//! The `meshgroup` program: parses the arguments and calls the library.

use std::process::ExitCode;

use clap::Parser;
use meshgroup::cli::{self, Arguments, Task};
use meshgroup::config;
use meshgroup::store::{self, Checked};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("meshgroup: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    match cli::carry_out(Arguments::parse())? {
        Task::Done => Ok(()),
        Task::Import(file) => cli::print(&config::import_file(&file)?),
        Task::Check(folder, json) => print_check(json, &store::check(&folder)?),
        Task::Run(folder) => {
            tracing_subscriber::fmt().with_writer(std::io::stderr).init();
            Ok(meshgroup::node::run(&folder)?)
        }
    }
}

/// Prints what a check found. An error where something is wrong.
fn print_check(json: bool, checked: &Checked) -> anyhow::Result<()> {
    let Checked { groups, events, kinds, findings } = checked;
    if json {
        let report =
            serde_json::json!({ "groups": groups, "events": events, "kinds": kinds, "findings": findings });
        cli::print(&format!("{report:#}\n"))?;
    } else {
        let lines = findings.iter().map(|finding| format!("{finding}\n")).collect::<String>();
        cli::print(&format!("{lines}{groups} groups with {events} events checked\n"))?;
    }
    anyhow::ensure!(
        findings.is_empty(),
        "the database is not what its log says\n  remedy: keep a copy of the data folder, and report this"
    );
    Ok(())
}
