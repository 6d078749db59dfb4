//! Settings in environment variables: `KRING_*` for every setting, `KAFKA_*` as the `apache/kafka` image has them.
//! It reads no variable of its own; they are an argument.

use super::ConfigError;
use super::source::{Origin, Setting, Settings};

/// Variables of ours that are not settings.
const NOT_SETTINGS: &[&str] = &["KRING_CONFIG"];

/// What the environment says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Environment {
    pub(crate) settings: Settings,
    /// `KAFKA_*` variables without a meaning here, which images and compose files set anyway.
    pub(crate) unused: Vec<String>,
}

/// Settings among `variables`; `names` are all that exist. `KRING_NODE_ID` is `node.id`, and so is
/// `KAFKA_NODE_ID`; ours comes first. An unknown `KRING_*` is refused, an unknown `KAFKA_*` is not.
pub(crate) fn read(
    variables: impl Iterator<Item = (String, String)>,
    names: &[&str],
) -> Result<Environment, ConfigError> {
    let mut environment = Environment::default();
    let mut variables: Vec<(String, String)> = variables.collect();
    // KAFKA_ sorts before KRING_, so that ours overwrites.
    variables.sort();
    for (variable, value) in variables {
        let (ours, rest) = match (
            variable.strip_prefix("KRING_"),
            variable.strip_prefix("KAFKA_"),
        ) {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) => (false, rest),
            (None, None) => continue,
        };
        let name = names.iter().find(|name| {
            let kring = name.strip_prefix("kring.").filter(|_| ours);
            variable_of(name) == rest || kring.is_some_and(|short| variable_of(short) == rest)
        });
        match name {
            Some(name) => {
                let value = value.trim().to_owned();
                let origin = Origin::Variable(variable);
                let setting = Setting { value, origin };
                environment.settings.insert((*name).to_owned(), setting);
            }
            None if !ours => environment.unused.push(variable),
            None if is_service_link(rest) || NOT_SETTINGS.contains(&variable.as_str()) => {}
            None => return Err(ConfigError::UnknownVariable { variable }),
        }
    }
    Ok(environment)
}

/// The variable of a setting, without its prefix.
pub(crate) fn variable_of(name: &str) -> String {
    name.chars()
        .map(|c| match c {
            'a'..='z' | '0'..='9' => c.to_ascii_uppercase(),
            _ => '_',
        })
        .collect()
}

/// Kubernetes puts variables of every Service into each pod; a Service whose name begins with
/// `kring-` gives `KRING_…_SERVICE_HOST`, `KRING_…_PORT_9092_TCP_ADDR` and the like.
fn is_service_link(rest: &str) -> bool {
    let service = rest.ends_with("SERVICE_HOST") || rest.contains("SERVICE_PORT");
    let port = rest == "PORT" || rest.ends_with("_PORT");
    let protocol = ["_TCP", "_UDP", "_SCTP"]
        .iter()
        .any(|protocol| rest.contains("PORT_") && rest.contains(protocol));
    service || port || protocol
}
