//! The README's table of settings has the names and defaults of the server.

use std::collections::BTreeSet;

use clap::CommandFactory;

use crate::assert_none;
use crate::tree;

/// A setting.
struct Setting {
    /// The flag, with its dashes.
    flag: String,
    /// The environment variable.
    variable: Option<String>,
    /// The default value.
    default: Option<String>,
}

/// The server's settings, from the struct that reads them.
fn settings() -> Vec<Setting> {
    let command = api::config::Config::command();
    let arguments = command.get_arguments().filter(|argument| !argument.is_hide_set());
    let settings = arguments.filter_map(|argument| {
        let flag = argument.get_long().filter(|long| !["help", "version"].contains(long))?;
        let default = argument.get_default_values().first().map(|value| value.to_string_lossy().into_owned());
        Some(Setting {
            flag: format!("--{flag}"),
            variable: argument.get_env().map(|name| name.to_string_lossy().into_owned()),
            // The default of a switch is not stated, and that of a directory depends on the machine.
            default: default
                .filter(|default| argument.get_action().takes_values() && !default.starts_with('/')),
        })
    });
    settings.collect()
}

/// The rows of the markdown tables whose first cell names a flag.
fn rows(markdown: &str) -> Vec<Vec<String>> {
    let tables = markdown.lines().filter(|line| line.starts_with("| `--"));
    let cells =
        tables.map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect());
    cells.collect()
}

/// The flag that a row is about: `--bind <ADDRESS>` is about `--bind`.
fn flag(row: &[String]) -> String {
    row[0].trim_matches('`').split([' ', '=', '`']).next().unwrap_or_default().to_owned()
}

fn differences(settings: &[Setting], rows: &[Vec<String>]) -> Vec<String> {
    let mut complaints = Vec::new();
    for setting in settings {
        let Some(row) = rows.iter().find(|row| flag(row) == setting.flag) else {
            complaints.push(format!("README.md has no row for {}", setting.flag));
            continue;
        };
        let others = row[1..].join(" | ");
        for part in [&setting.variable, &setting.default].into_iter().flatten() {
            if !others.contains(&format!("`{part}`")) {
                complaints.push(format!("README.md does not say `{part}` in the row of {}", setting.flag));
            }
        }
    }
    let known: BTreeSet<_> = settings.iter().map(|setting| setting.flag.as_str()).collect();
    let unknown = rows.iter().map(|row| flag(row)).filter(|flag| !known.contains(flag.as_str()));
    complaints.extend(
        unknown.map(|flag| format!("README.md has a row for {flag}, which the server does not know")),
    );
    complaints
}

#[test]
fn the_readmes_table_of_settings_is_the_servers() {
    let settings = settings();
    assert!(settings.len() > 3, "the server's settings were not understood");
    assert_none(differences(&settings, &rows(&tree::read("README.md"))));
}

#[test]
fn differences_between_table_and_settings_are_seen() {
    let setting = |flag: &str, default: &str| Setting {
        flag: flag.to_owned(),
        variable: Some("BIND".to_owned()),
        default: Some(default.to_owned()),
    };
    let readme = "| flag | variable |\n|---|---|\n| `--bind <ADDRESS>` | `BIND` | `:80` | where |\n| `--gone` | | | x |\n";
    assert_eq!(differences(&[setting("--bind", ":80")], &rows(readme)).len(), 1, "only --gone is wrong");
    assert_eq!(differences(&[setting("--bind", ":81"), setting("--new", "1")], &rows(readme)).len(), 3);
}
