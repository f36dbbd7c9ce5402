//! The `virtual-radio` program: options, and the paths that it prints.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, ensure};
use clap::Parser;
use lora_channel::{Event, Signal, Terrain};
use virtual_radio::{Desk, Options};

/// RNodes without hardware: pseudo-terminals joined by a simulated LoRa channel
#[derive(Debug, Parser)]
#[command(name = "virtual-radio", version, max_term_width = 100)]
struct Arguments {
    /// Number of radios that all hear each other
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=256))]
    radios: u16,
    /// How strong they hear each other, in dBm
    #[arg(long, value_name = "DBM", default_value_t = -80, allow_negative_numbers = true)]
    rssi: i16,
    /// Frames that are lost, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0)]
    loss: f64,
    /// File with a row for each sender and a cell for each receiver: dBm, dBm/percent of loss, or -
    #[arg(long, value_name = "FILE", conflicts_with_all = ["radios", "rssi", "loss"])]
    matrix: Option<PathBuf>,
    /// Seed of all chance
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How many times faster than real the air is
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    speed: f64,
    /// Folder in which the radios are named radio0, radio1, ...
    #[arg(long, value_name = "DIR")]
    names: Option<PathBuf>,
    /// Print what happens on the air
    #[arg(long)]
    log: bool,
}

impl Arguments {
    fn options(self) -> anyhow::Result<Options> {
        ensure!(self.speed > 0.0 && self.speed.is_finite(), "--speed must be above zero");
        ensure!((0.0..=100.0).contains(&self.loss), "--loss is a percentage, 0 to 100");
        let terrain = match &self.matrix {
            Some(path) => std::fs::read_to_string(path)
                .with_context(|| format!("cannot read {}", path.display()))?
                .parse()
                .with_context(|| path.display().to_string())?,
            None => {
                let loss_permille = (self.loss * 10.0).round() as u16;
                Terrain::even(self.radios.into(), Signal { rssi_dbm: self.rssi, loss_permille })
            }
        };
        Ok(Options { terrain, seed: self.seed, speed: self.speed, names: self.names })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("virtual-radio: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let log = arguments.log;
    let desk = Desk::open(arguments.options()?).context("cannot open pseudo-terminals")?;
    desk.paths().for_each(|path| println!("{}", path.display()));
    let stop = async { drop(tokio::signal::ctrl_c().await) };
    desk.serve(stop, |now, event| {
        if log {
            println!("{:10.3}  {}", now.as_secs_f64(), describe(event));
        }
    })
    .await?;
    Ok(())
}

fn describe(event: &Event) -> String {
    match event {
        Event::Sent { radio, airtime } => {
            format!("radio {radio} sent, {:.0} ms", airtime.as_secs_f64() * 1e3)
        }
        Event::Received { radio, packet, rssi_dbm, .. } => {
            format!("radio {radio} received {} bytes at {rssi_dbm} dBm", packet.len())
        }
        Event::Missed { radio, from, why } => format!("radio {radio} missed a frame of {from}: {why:?}"),
    }
}
