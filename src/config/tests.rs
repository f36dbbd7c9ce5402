use std::path::Path;

use super::{Config, ConfigError, Durability, Medium, Visibility, not_opened};

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("/d/meshgroup.toml"))
}

fn complaint(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

/// The template with each option in force. `target` goes: no interface has both it and `listen`.
fn uncommented() -> String {
    let lines = Config::template();
    let lines = lines
        .lines()
        .map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line));
    lines.filter(|line| !line.starts_with("target")).map(|line| format!("{line}\n")).collect()
}

#[test]
fn the_template_means_the_defaults_commented_and_uncommented() {
    assert_eq!(parse(&Config::template()).unwrap(), Config::default());
    let text = uncommented();
    assert!(text.contains("\n[[interface]]\n") && text.contains("\nposts_per_minute = 60\n"), "{text}");
    assert_eq!(parse(&text).unwrap(), Config::default());
}

#[test]
fn the_template_documents_each_option_on_lines_that_fit_a_terminal() {
    let template = Config::template();
    let text = uncommented();
    let options: Vec<_> =
        text.lines().filter(|line| !line.starts_with('#')).filter_map(|l| l.split_once(" = ")).collect();
    assert_eq!(options.len(), 10, "{options:?}");
    for (option, _) in options {
        let (prose, _) = template.split_once(&format!("\n#{option} = ")).unwrap();
        assert!(prose.lines().last().unwrap().starts_with("# "), "{option}");
    }
    assert!(template.contains("\n\n# Messages that one member may post in a minute"));
    assert!(template.contains(" which spares a slow\n# disk.\n#durability = "), "{template}");
    assert!(template.lines().all(|line| line.len() <= 120));
}

#[test]
fn the_example_of_the_issue_is_understood() {
    let config = parse(
        "[group]\nname = \"Harbour chat (group)\"\nvisibility = \"private\"\n\
         [limits]\nposts_per_minute = 0\n[store]\ndurability = \"crash\"\n\
         [[interface]]\nname = \"local\"\ntype = \"tcp-server\"\nlisten = \"127.0.0.1:4242\"\n\
         [[interface]]\nname = \"up\"\ntype = \"tcp-client\"\ntarget = \"mesh.example:4965\"\nannounce_interval = 15\n",
    )
    .unwrap();
    assert_eq!(config.group.name, "Harbour chat (group)");
    assert_eq!(config.group.visibility, Visibility::Private);
    assert_eq!((config.limits.posts_per_minute, config.limits.message_length_max), (0, 131_072));
    assert_eq!(config.store.durability, Durability::Crash);
    assert_eq!(config.interfaces.len(), 2);
    assert_eq!(config.interfaces[1].medium, Medium::TcpClient { target: "mesh.example:4965".into() });
    assert_eq!(config.interfaces[1].announce_interval_min, 15);
}

#[test]
fn no_interface_at_all_can_be_asked_for() {
    assert!(parse("interface = []\n").unwrap().interfaces.is_empty());
}

#[test]
fn errors_name_file_line_key_and_remedy() {
    let cases = [
        (
            "[limits]\nposts_per_minut = 1\n",
            "/d/meshgroup.toml: line 2, [limits] posts_per_minut: unknown field `posts_per_minut`",
        ),
        (
            "\n[limits]\nposts_per_minute = \"many\"\n",
            "line 3, [limits] posts_per_minute: invalid type: string",
        ),
        (
            "[limits]\nposts_per_minute = -1\n",
            "line 2, [limits] posts_per_minute: invalid value: integer `-1`",
        ),
        (
            "[limits]\nmessage_length_max = 0\n",
            "line 2, [limits] message_length_max: expected a number from 1",
        ),
        ("[group]\nname = \" \"\n", "line 2, [group] name: a name has 1 to 64 characters"),
        ("[group]\nvisibility = \"secret\"\n", "line 2, [group] visibility: unknown variant `secret`"),
        ("[grup]\n", "line 1, [grup]: unknown field `grup`"),
        ("[group\n", "line 1, [group"),
        ("[[interface]]\ntype = \"tcp-server\"\n", "line 1, [[interface]]: an [[interface]] needs `name`"),
        ("[[interface]]\nname = \"a\"\n", "interface \"a\" needs `type`"),
        (
            "[[interface]]\nname = \"a\"\ntype = \"udp\"\n",
            "line 3, [[interface]] type: unknown variant `udp`",
        ),
        ("[[interface]]\nname = \"a\"\ntype = \"tcp-client\"\n", "interface \"a\" needs `target`"),
        (
            "[[interface]]\nname = \"a\"\ntype = \"tcp-server\"\nlisten = \"4242\"\n",
            "interface \"a\": `listen` = \"4242\" is not \"host:port\"",
        ),
        (
            "[[interface]]\nname = \"a\"\ntype = \"tcp-server\"\nlisten = \"h:1\"\ntarget = \"h:1\"\n",
            "interface \"a\": a tcp-server has no `target`",
        ),
    ];
    for (text, expected) in cases {
        let message = complaint(text);
        assert!(message.contains(expected), "{message}\nlacks {expected}");
        assert!(
            message.starts_with("/d/meshgroup.toml: line ") && message.contains("\n  remedy: "),
            "{message}"
        );
    }
}

#[test]
fn two_interfaces_of_one_name_are_refused() {
    let table = "[[interface]]\nname = \"a\"\ntype = \"tcp-client\"\ntarget = \"h:1\"\n";
    assert!(complaint(&format!("{table}{table}")).contains("two interfaces are named \"a\""));
}

#[test]
fn a_port_in_use_names_interface_key_and_remedy() {
    let interface = &Config::default().interfaces[0];
    let error = interfaces::StartError::AddressInUse { address: "127.0.0.1:4242".to_owned() };
    let message = not_opened(Path::new("/d/meshgroup.toml"), interface, &error).to_string();
    assert!(message.starts_with("/d/meshgroup.toml: [[interface]] \"local\", listen = \"127.0.0.1:4242\": "));
    assert!(message.ends_with("stop that program or choose another port"), "{message}");
}

#[test]
fn the_first_load_writes_the_template_and_the_second_reads_it() {
    let folder = std::env::temp_dir().join(format!("meshgroup-config-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    assert_eq!(Config::load_or_create(&folder).unwrap(), Config::default());
    let written = std::fs::read_to_string(folder.join(super::FILE_NAME)).unwrap();
    assert_eq!(written, Config::template());
    assert_eq!(Config::load_or_create(&folder).unwrap(), Config::default());
    std::fs::remove_dir_all(&folder).unwrap();
}
