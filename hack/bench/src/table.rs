//! The figures that have floors as a table in Markdown, for people who look before they run.
//! It measures nothing.

use std::fs;
use std::path::Path;

use crate::compare::{Both, series};
use crate::scenario::{Floor, Scenario};
use crate::statistics::{self, Summary};

const HEAD: &str = "\
| scenario | figure | Kring | Apache Kafka | ratio, and its spread | asked | kept |
|---|---|---|---|---|---|---|
";

/// A row for each floor of a scenario.
pub(crate) fn rows(scenario: &Scenario, both: &Both) -> String {
    let row = |floor: &Floor| {
        let metric = floor.metric();
        let (ours, theirs) = (series(&both.ours, metric), series(&both.theirs, metric));
        let own = statistics::summarise(&ours);
        let ratio = statistics::ratios(&ours, &theirs);
        let kept = match floor.missed(own, ratio) {
            None => "yes",
            Some(_) => "**no**",
        };
        format!(
            "| {} | {} | {} | {} | {} | {} | {kept} |\n",
            scenario.name,
            metric.name(),
            figure(own),
            figure(statistics::summarise(&theirs)),
            spread(ratio),
            asked(*floor),
        )
    };
    scenario.floors.iter().map(row).collect()
}

/// Writes the rows of a run into a file, below what says how they came about.
pub(crate) fn write(path: &Path, how: &str, rows: &str) -> Result<(), String> {
    fs::write(path, format!("{how}\n\n{HEAD}{rows}"))
        .map_err(|e| format!("{}: {e}", path.display()))
}

fn figure(summary: Option<Summary>) -> String {
    summary.map_or("–".to_owned(), |summary| match summary.median {
        median if median >= 100.0 => format!("{median:.0}"),
        median => format!("{median:.2}"),
    })
}

fn spread(ratio: Option<Summary>) -> String {
    ratio.map_or("–".to_owned(), |ratio| {
        format!(
            "{:.2}× ({:.2} to {:.2})",
            ratio.median, ratio.min, ratio.max
        )
    })
}

fn asked(floor: Floor) -> String {
    match floor {
        Floor::AtLeast(_, ratio) => format!("≥ {ratio}×"),
        Floor::AtMost(_, ratio) => format!("≤ {ratio}×"),
        Floor::Within(_, most) => format!("≤ {most}"),
        Floor::Reaches(_, least) => format!("≥ {least}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::Figures;
    use crate::metric::Metric;
    use crate::scenario::PLAIN;

    #[test]
    fn a_row_says_what_was_measured_asked_and_kept() {
        let turn = |mb| Figures::from([(Metric::MbPerSecond, mb)]);
        let both = Both {
            ours: vec![turn(300.0), turn(200.0)],
            theirs: vec![turn(100.0), turn(100.0)],
        };
        let scenario = Scenario {
            name: "some-load",
            floors: &[
                Floor::AtLeast(Metric::MbPerSecond, 2.0),
                Floor::Reaches(Metric::MillionRecordsPerCpuS, 5.0),
            ],
            ..PLAIN
        };
        assert_eq!(
            rows(&scenario, &both),
            "| some-load | mb_per_second | 250 | 100 | 2.50× (2.00 to 3.00) | ≥ 2× | yes |\n\
             | some-load | million_records_per_cpu_s | – | – | – | ≥ 5 | **no** |\n"
        );
    }
}
