//! The presets and profiles of `contrib/lora/`: every pair is a configuration, and what its README says of them is so.

use std::path::{Path, PathBuf};

use interfaces::{RnodeSettings, Settings};
use lora_channel::{Modulation, PREAMBLE_SYMBOLS};
use meshgroup::config::Config;

/// The longest packet of Reticulum.
const MTU: usize = 500;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("contrib/lora").join(name)
}

/// Names and texts of the TOML files in a folder.
fn files(name: &str) -> Vec<(String, String)> {
    let paths = std::fs::read_dir(folder(name)).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, std::fs::read_to_string(path).unwrap())
    };
    paths.map(read).collect()
}

fn settings(preset: &str, profile: &str) -> RnodeSettings {
    let config = Config::parse(&format!("{preset}{profile}"), Path::new("preset.toml")).unwrap();
    match &config.interfaces[..] {
        [interface] => match &interface.settings {
            Settings::Rnode(settings) => settings.clone(),
            other => panic!("{other:?}"),
        },
        other => panic!("{} interfaces", other.len()),
    }
}

#[test]
fn every_preset_with_every_profile_is_a_configuration_within_its_band() {
    // Lower and upper end of the band in kHz, and the duty cycle in percent.
    let bands = [
        ("as923", 923_000, 923_500, Some(1.0)),
        ("au915", 915_000, 928_000, None),
        ("eu433", 433_050, 434_790, Some(10.0)),
        ("eu868", 869_400, 869_650, Some(10.0)),
        ("eu868-low", 868_000, 868_600, Some(1.0)),
        ("in865", 865_000, 868_000, None),
        ("kr920", 922_000, 923_300, None),
        ("us915", 902_000, 928_000, None),
    ];
    let (presets, profiles) = (files("presets"), files("profiles"));
    assert_eq!((presets.len(), profiles.len()), (bands.len(), 3));
    for (name, preset) in &presets {
        let (_, low_khz, high_khz, limit) = bands.iter().find(|(band, ..)| band == name).unwrap();
        for (_, profile) in &profiles {
            let RnodeSettings { lora, airtime_limit_long_percent, .. } = settings(preset, profile);
            assert!(lora.frequency_hz - lora.bandwidth_hz / 2 >= low_khz * 1000, "{name}");
            assert!(lora.frequency_hz + lora.bandwidth_hz / 2 <= high_khz * 1000, "{name}");
            assert_eq!(airtime_limit_long_percent, *limit, "{name}");
            assert!(lora.tx_power_dbm <= 22, "{name}: more than boards do");
        }
    }
}

#[test]
fn the_air_times_in_the_readme_are_those_of_the_formula() {
    let readme = std::fs::read_to_string(folder("README.md")).unwrap();
    let rows: Vec<Vec<&str>> = readme
        .lines()
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .filter(|cells: &Vec<_>| cells.len() == 9 && cells[1].parse::<u8>().is_ok())
        .collect();
    assert_eq!(rows.len(), 6);
    let profiles = files("profiles");
    for cells in rows {
        let (_, profile) = profiles.iter().find(|(name, _)| name == cells[0]).unwrap();
        let [factor, rate] = [cells[1], cells[2]];
        assert!(profile.ends_with(&format!("spreading_factor = {factor}\ncoding_rate = {rate}\n")));
        let modulation = Modulation {
            spreading_factor: factor.parse().unwrap(),
            bandwidth_hz: cells[3].parse().unwrap(),
            coding_rate: rate.parse().unwrap(),
        };
        let airtime_ms = |bytes| modulation.packet_airtime(bytes, PREAMBLE_SYMBOLS).as_secs_f64() * 1e3;
        let an_hour = |percent: f64| ((36_000.0 * percent / airtime_ms(180)) as u64).to_string();
        let expected = [
            format!("{:.0}", modulation.bitrate_bps()),
            format!("{:.0} ms", airtime_ms(180)),
            format!("{:.0} ms", airtime_ms(MTU)),
            an_hour(1.0),
            an_hour(10.0),
        ];
        assert_eq!(cells[4..], expected);
    }
}
