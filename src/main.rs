//! The `meshgroup` program: parses the arguments and calls the library.

use std::process::ExitCode;

use clap::Parser;
use meshgroup::cli::{self, Arguments, Task};
use meshgroup::{config, store};

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
        Task::Check(folder, json) => cli::print_check(json, &store::check(&folder)?),
        Task::Run(folder) => {
            tracing_subscriber::fmt().with_writer(std::io::stderr).init();
            Ok(meshgroup::node::run(&folder)?)
        }
    }
}
